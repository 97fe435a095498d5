//! One line of a story: a JSON object, flat, with `timestamp`, `event`, and mostly `trace`.
//!
//! Total: what is no such line is `None`, and the search passes over it (a line that a power cut left half written).

use std::collections::BTreeSet;

use model::{Address, Timestamp};
use serde_json::{Map, Value};

/// Longest line that is written; a longer event is left out of the stories (it is still in the node's log).
pub const LINE_MAX: usize = 256 << 10;

/// Fields with an address; `to` may have several.
const ADDRESSES: [&str; 3] = ["from", "to", "user"];
/// The field that may have several: an address list (RFC 5322 §3.4), where a comma between quotes parts nothing.
const SEVERAL: &str = "to";
/// Fields whose whole value can be looked for.
const WHOLE: [&str; 5] = ["trace", "report", "peer", "event", "message_id"];

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What: `mail.accepted`, ….
    pub event: String,
    /// Whose story; empty where a client was refused before its mail had an id.
    pub trace: String,
    /// All fields, as they were written.
    pub fields: Map<String, Value>,
}

impl Line {
    /// Reads a line.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let word = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = instant(&word("timestamp"))?;
        let (event, trace) = (word("event"), word("trace"));
        (!event.is_empty()).then_some(Self { at, event, trace, fields })
    }

    /// The text of a field; empty if it has none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number in a field.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name).and_then(Value::as_u64)
    }

    /// The addresses in a field, as they were written. Senders write them: what stands between quotes in one is no second one.
    pub fn addresses(&self, name: &str) -> impl Iterator<Item = &str> {
        let mut rest = self.text(name);
        std::iter::from_fn(move || {
            let end = if name == SEVERAL { end_of_first(rest) } else { rest.len() };
            let (first, others) = rest.split_at_checked(end)?;
            rest = others.strip_prefix(", ").unwrap_or_default();
            (!first.is_empty()).then_some(first)
        })
    }

    /// All that the index names of this line: traces, event, client, message-id, addresses and their domains, each in look-up form.
    #[must_use]
    pub fn tokens(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for name in WHOLE {
            let value = self.text(name);
            if !value.is_empty() {
                all.insert(value.to_owned());
            }
        }
        for address in ADDRESSES.iter().flat_map(|name| self.addresses(name)) {
            let (address, domain) = keys(address);
            all.insert(address);
            all.extend(domain);
        }
        all
    }
}

/// Where the first address of a list ends: at a comma that stands in no quoted string (RFC 5322 §3.2.4).
fn end_of_first(list: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in list.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    list.len()
}

/// Look-up forms of an address and of its domain; of what is no address (a phone's user), its lower case.
#[must_use]
pub fn keys(text: &str) -> (String, Option<String>) {
    match Address::parse(text) {
        Ok(address) => (address.key().as_str().to_owned(), Some(address.domain_key())),
        Err(_) => (text.to_lowercase(), None),
    }
}

/// An instant as lines have it (RFC 3339).
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: &str = r#"{"timestamp":"2026-11-21T21:44:34.5Z","level":"INFO","event":"mail.accepted","trace":"01jd8p2kq3v7xwhz4e5n6t8r0a","peer":"192.0.2.1","from":"Alice@Company.Example","to":"bob@partner.example, Eve@partner.example","size":12}"#;

    #[test]
    fn a_line_names_who_and_what() {
        let line = Line::parse(ACCEPTED.as_bytes()).unwrap();
        assert_eq!((line.at.0, line.event.as_str(), line.number("size")), (1_795_297_474_500_000, "mail.accepted", Some(12)));
        let tokens: Vec<String> = line.tokens().into_iter().collect();
        for wanted in ["01jd8p2kq3v7xwhz4e5n6t8r0a", "192.0.2.1", "company.example", "mail.accepted", "partner.example"] {
            assert!(tokens.iter().any(|token| token == wanted), "{wanted} in {tokens:?}");
        }
        assert!(tokens.contains(&keys("alice@COMPANY.example").0) && tokens.contains(&keys("eve@partner.example").0));
        assert_eq!(line.addresses("to").count(), 2);
    }

    #[test]
    fn x_10_a_quoted_comma_begins_no_address() {
        let line = |name: &str, value: &str| {
            let text = serde_json::json!({"timestamp": "2026-11-21T21:44:34Z", "event": "mail.accepted", (name): value}).to_string();
            Line::parse(text.as_bytes()).unwrap()
        };
        let forged = r#""x, boss@company.example, y"@company.example"#;
        let escaped = r#""a\", boss@company.example, \"b"@partner.example"#;
        for (name, value, expected) in [
            ("to", forged.to_owned(), vec![forged]),
            (
                "to",
                format!("bob@partner.example, {forged}, {escaped}, al@partner.example"),
                vec!["bob@partner.example", forged, escaped, "al@partner.example"],
            ),
            ("from", forged.to_owned(), vec![forged]),
            ("from", r#""x", boss@company.example"#.to_owned(), vec![r#""x", boss@company.example"#]),
            ("to", r#""open, boss@company.example"#.to_owned(), vec![r#""open, boss@company.example"#]),
            ("to", String::new(), vec![]),
        ] {
            let line = line(name, &value);
            assert_eq!(line.addresses(name).collect::<Vec<_>>(), expected, "{value}");
            assert!(!line.tokens().contains("boss@company.example"), "{value}");
        }
    }

    #[test]
    fn what_is_no_line_is_none() {
        for other in ["", "{", "[]", "null", r#"{"event":"x"}"#, r#"{"timestamp":"yesterday","event":"x"}"#, &ACCEPTED[..40]] {
            assert_eq!(Line::parse(other.as_bytes()), None, "{other}");
        }
    }
}
