//! Reading an SPF record (RFC 7208 §12). A syntax error anywhere spoils the whole record (§4.6).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::macros::Template;
use crate::verdict::Verdict;

/// Octets of a record that are read; a larger one does not fit a sane answer.
const RECORD_MAX: usize = 8 << 10;

/// A syntax error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Record {
    pub(super) directives: Vec<Directive>,
    pub(super) redirect: Option<Template>,
    pub(super) explanation: Option<Template>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) result: Verdict,
    pub(super) mechanism: Mechanism,
}

/// Domain (`None`: the current one) with prefix lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hosts {
    pub(super) domain: Option<Template>,
    pub(super) bits_v4: u8,
    pub(super) bits_v6: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mechanism {
    All,
    Include(Template),
    A(Hosts),
    Mx(Hosts),
    Ptr(Option<Template>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(Template),
}

/// True if a TXT record is an SPF record at all (§4.5).
pub(super) fn is_record(text: &[u8]) -> bool {
    text.get(..6).is_some_and(|version| version.eq_ignore_ascii_case(b"v=spf1")) && matches!(text.get(6), None | Some(b' '))
}

/// Reads one.
pub(super) fn parse(text: &[u8]) -> Result<Record, Malformed> {
    if text.len() > RECORD_MAX {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| (0x20..0x7f).contains(&b))).ok_or(Malformed)?;
    let mut record = Record::default();
    for term in text.get(6..).unwrap_or_default().split(' ').filter(|term| !term.is_empty()) {
        match modifier(term) {
            Some((name, value)) => read_modifier(&mut record, name, value)?,
            None => record.directives.push(directive(term)?),
        }
    }
    Ok(record)
}

/// `name=value` with a proper name; a mechanism has `:` or `/` before any `=`.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let proper = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    proper.then_some((name, value))
}

fn read_modifier(record: &mut Record, name: &str, value: &str) -> Result<(), Malformed> {
    let slot = if name.eq_ignore_ascii_case("redirect") {
        &mut record.redirect
    } else if name.eq_ignore_ascii_case("exp") {
        &mut record.explanation
    } else {
        return Template::text(value).map(drop);
    };
    if slot.is_some() {
        return Err(Malformed);
    }
    *slot = Some(Template::domain(value)?);
    Ok(())
}

fn directive(term: &str) -> Result<Directive, Malformed> {
    let (result, term) = match term.as_bytes().first() {
        Some(b'+') => (Verdict::Pass, term.get(1..)),
        Some(b'-') => (Verdict::Fail, term.get(1..)),
        Some(b'~') => (Verdict::SoftFail, term.get(1..)),
        Some(b'?') => (Verdict::Neutral, term.get(1..)),
        _ => (Verdict::Pass, Some(term)),
    };
    let term = term.ok_or(Malformed)?;
    let end = term.find([':', '/']).unwrap_or(term.len());
    let (name, rest) = term.split_at(end);
    let argument = rest.strip_prefix(':');
    let mechanism = match (name.to_ascii_lowercase().as_str(), argument) {
        ("all", None) if rest.is_empty() => Mechanism::All,
        ("include", Some(domain)) => Mechanism::Include(Template::domain(domain)?),
        ("exists", Some(domain)) => Mechanism::Exists(Template::domain(domain)?),
        ("ptr", None) if rest.is_empty() => Mechanism::Ptr(None),
        ("ptr", Some(domain)) => Mechanism::Ptr(Some(Template::domain(domain)?)),
        ("a", _) => Mechanism::A(hosts(rest)?),
        ("mx", _) => Mechanism::Mx(hosts(rest)?),
        ("ip4", Some(network)) => {
            let (address, bits) = network.split_once('/').map_or((network, None), |(address, bits)| (address, Some(bits)));
            Mechanism::Ip4(address.parse().map_err(|_| Malformed)?, bits.map_or(Ok(32), |bits| prefix(bits, 32))?)
        }
        ("ip6", Some(network)) => {
            let (address, bits) = network.split_once('/').map_or((network, None), |(address, bits)| (address, Some(bits)));
            Mechanism::Ip6(address.parse().map_err(|_| Malformed)?, bits.map_or(Ok(128), |bits| prefix(bits, 128))?)
        }
        _ => return Err(Malformed),
    };
    Ok(Directive { result, mechanism })
}

/// `[":" domain-spec] [dual-cidr-length]`, what follows `a` or `mx`. A domain-spec may itself hold slashes, so the
/// lengths are looked for at the end.
fn hosts(rest: &str) -> Result<Hosts, Malformed> {
    let (rest, bits_v6) = match rest.rfind("//") {
        Some(at) if is_length(rest.get(at + 2..)) => {
            (rest.get(..at).unwrap_or_default(), prefix(rest.get(at + 2..).unwrap_or_default(), 128)?)
        }
        _ => (rest, 128),
    };
    let (rest, bits_v4) = match rest.rfind('/') {
        Some(at) if is_length(rest.get(at + 1..)) => {
            (rest.get(..at).unwrap_or_default(), prefix(rest.get(at + 1..).unwrap_or_default(), 32)?)
        }
        _ => (rest, 32),
    };
    let domain = match rest.strip_prefix(':') {
        Some(domain) => Some(Template::domain(domain)?),
        None if rest.is_empty() => None,
        None => return Err(Malformed),
    };
    Ok(Hosts { domain, bits_v4, bits_v6 })
}

fn is_length(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

/// A prefix length without leading zeros.
fn prefix(text: &str, most: u8) -> Result<u8, Malformed> {
    if !is_length(Some(text)) || text.len() > 3 || (text.len() > 1 && text.starts_with('0')) {
        return Err(Malformed);
    }
    text.parse().ok().filter(|bits| *bits <= most).ok_or(Malformed)
}
