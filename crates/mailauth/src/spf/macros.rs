//! SPF macros (RFC 7208 §7): read when the record is read, filled in when a term is evaluated.

use std::net::IpAddr;

use super::record::Malformed;

/// What a macro letter stands for, for one evaluation.
#[derive(Debug, Clone)]
pub(super) struct Values<'a> {
    /// Local part of the sender.
    pub(super) local: &'a str,
    /// Domain of the sender.
    pub(super) sender_domain: &'a str,
    /// The domain whose record is evaluated.
    pub(super) domain: &'a str,
    pub(super) address: IpAddr,
    pub(super) helo: &'a str,
    /// Verified name of the client, `unknown` without one.
    pub(super) client_name: &'a str,
    /// Our own name.
    pub(super) receiver: &'a str,
    /// Seconds.
    pub(super) time: i64,
}

/// A macro string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Macro(Macro),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Macro {
    letter: char,
    escape: bool,
    keep: usize,
    reverse: bool,
    delimiters: String,
}

impl Template {
    /// A domain-spec: a macro string that ends in a macro or in a top label (§7.1).
    pub(super) fn domain(text: &str) -> Result<Self, Malformed> {
        let template = Self::read(text, "slodiphv")?;
        let ends_well = match template.0.last() {
            Some(Piece::Macro(_)) => true,
            Some(Piece::Text(end)) => ends_in_top_label(end),
            None => false,
        };
        if ends_well { Ok(template) } else { Err(Malformed) }
    }

    /// The macro string of an unknown modifier.
    pub(super) fn text(text: &str) -> Result<Self, Malformed> {
        Self::read(text, "slodiphvcrt")
    }

    /// An explanation: macro strings with blanks (§6.2).
    pub(super) fn explanation(text: &str) -> Result<Self, Malformed> {
        Self::read(text, "slodiphvcrt")
    }

    /// True if the client's verified name is needed.
    pub(super) fn needs_client_name(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Macro(found) if found.letter == 'p'))
    }

    fn read(text: &str, letters: &str) -> Result<Self, Malformed> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            plain.push_str(rest.get(..at).unwrap_or_default());
            let after = rest.get(at + 1..).unwrap_or_default();
            rest = after.get(1..).unwrap_or_default();
            match after.as_bytes().first() {
                Some(b'%') => plain.push('%'),
                Some(b'_') => plain.push(' '),
                Some(b'-') => plain.push_str("%20"),
                Some(b'{') => {
                    let (body, behind) = rest.split_once('}').ok_or(Malformed)?;
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Macro(Macro::read(body, letters)?));
                    rest = behind;
                }
                _ => return Err(Malformed),
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The text with all macros filled in.
    pub(super) fn fill(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Macro(found) => out.push_str(&found.value(values)),
            }
        }
        out
    }

    /// The domain with all macros filled in, shortened from the left to 253 octets (§7.3), without a trailing dot.
    pub(super) fn fill_domain(&self, values: &Values<'_>) -> String {
        let full = self.fill(values);
        let mut name = full.strip_suffix('.').unwrap_or(&full);
        while name.len() > 253 {
            match name.split_once('.') {
                Some((_, shorter)) => name = shorter,
                None => return String::new(),
            }
        }
        name.to_owned()
    }
}

impl Macro {
    fn read(body: &str, letters: &str) -> Result<Self, Malformed> {
        let mut characters = body.chars();
        let letter = characters.next().ok_or(Malformed)?;
        let lower = letter.to_ascii_lowercase();
        if !letters.contains(lower) {
            return Err(Malformed);
        }
        let rest = characters.as_str();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = rest.split_at(digits);
        let keep = match number {
            "" => usize::MAX,
            // However large: more parts than any name has.
            number => number.parse::<u64>().map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        };
        if keep == 0 {
            return Err(Malformed);
        }
        let (reverse, rest) = match rest.strip_prefix(['r', 'R']) {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if !rest.chars().all(|c| ".-+,/_=".contains(c)) {
            return Err(Malformed);
        }
        let delimiters = if rest.is_empty() { "." } else { rest }.to_owned();
        Ok(Self { letter: lower, escape: letter.is_ascii_uppercase(), keep, reverse, delimiters })
    }

    fn value(&self, values: &Values<'_>) -> String {
        let raw = match self.letter {
            's' => format!("{}@{}", values.local, values.sender_domain),
            'l' => values.local.to_owned(),
            'o' => values.sender_domain.to_owned(),
            'd' => values.domain.to_owned(),
            'i' => dotted(values.address),
            'p' => values.client_name.to_owned(),
            'v' => if values.address.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
            'h' => values.helo.to_owned(),
            'c' => values.address.to_string(),
            'r' => values.receiver.to_owned(),
            't' => values.time.to_string(),
            _ => String::new(),
        };
        let mut parts: Vec<&str> = raw.split(|c| self.delimiters.contains(c)).collect();
        if self.reverse {
            parts.reverse();
        }
        let from = parts.len().saturating_sub(self.keep);
        let text = parts.get(from..).unwrap_or_default().join(".");
        if self.escape { escaped(&text) } else { text }
    }
}

/// IPv6 as nibbles with dots, in capitals as in the standard's examples (§7.4).
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            nibbles.map(|nibble| format!("{nibble:X}")).collect::<Vec<_>>().join(".")
        }
    }
}

/// RFC 3986 §2.3: all but unreserved characters.
fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => (byte as char).to_string(),
        _ if byte.is_ascii_alphanumeric() => (byte as char).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// `domain-end` of §7.1 where no macro ends the text: a dot and a top label, so that one label alone is no domain.
fn ends_in_top_label(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((_, label)) = text.rsplit_once('.') else { return false };
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    alphanumeric(label.chars().next())
        && alphanumeric(label.chars().last())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.bytes().all(|b| b.is_ascii_digit())
}
