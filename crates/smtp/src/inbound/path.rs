//! Paths and parameters of MAIL and RCPT (RFC 5321 §4.1.2).
//!
//! The mailbox itself has one grammar for the whole program, `model::Address`; here stands only what SMTP
//! puts around it: angle brackets, source routes (taken and dropped, RFC 5321 Appendix C), `<>`,
//! `<Postmaster>`, and `KEY=value` pairs.

use model::address::normal_domain;
use model::{Address, AddressError};

/// What stands between the angle brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// `<>`.
    Null,
    /// `<Postmaster>` without a domain (RFC 5321 §4.1.1.3).
    Postmaster,
    /// A mailbox.
    Mailbox(Address),
}

/// Why a path is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// The angle brackets are missing or not closed, or something follows without a space.
    Brackets,
    /// What is inside is no mailbox.
    Mailbox(AddressError),
}

/// Reads a path at the beginning of `text`; returns it and what follows.
pub fn parse(text: &str) -> Result<(Path, &str), PathError> {
    let inner = text.strip_prefix('<').ok_or(PathError::Brackets)?;
    let end = closing(inner).ok_or(PathError::Brackets)?;
    let (inside, rest) = (inner.get(..end).unwrap_or_default(), inner.get(end + 1..).unwrap_or_default());
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(PathError::Brackets);
    }
    if inside.is_empty() {
        return Ok((Path::Null, rest));
    }
    if inside.eq_ignore_ascii_case("postmaster") {
        return Ok((Path::Postmaster, rest));
    }
    let mailbox = without_route(inside).ok_or(PathError::Mailbox(AddressError::Shape))?;
    Address::parse(mailbox).map(|address| (Path::Mailbox(address), rest)).map_err(PathError::Mailbox)
}

/// Where the `>` stands that ends the path: quoted strings may hold others.
fn closing(inner: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// `@one,@two:user@example` without the route; `None` if the route is malformed.
fn without_route(inside: &str) -> Option<&str> {
    if !inside.starts_with('@') {
        return Some(inside);
    }
    let (route, mailbox) = inside.split_once(':')?;
    let sound = route.split(',').all(|hop| hop.strip_prefix('@').and_then(normal_domain).is_some());
    sound.then_some(mailbox)
}

/// Reads ` KEY=value KEY …`. Keys come in upper case; a value may be missing, and may be beyond US-ASCII (RFC 6533 §3 has
/// one such). `None` if one is malformed or comes twice.
pub fn parameters(text: &str) -> Option<Vec<(String, Option<&str>)>> {
    let mut found: Vec<(String, Option<&str>)> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
        let key_fits = key.starts_with(|c: char| c.is_ascii_alphanumeric()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let value_fits =
            value.is_none_or(|value| !value.is_empty() && value.bytes().all(|b| (b.is_ascii_graphic() || !b.is_ascii()) && b != b'='));
        let key = key.to_ascii_uppercase();
        if !key_fits || !value_fits || found.iter().any(|(other, _)| *other == key) {
            return None;
        }
        found.push((key, value));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(text: &str) -> Result<String, PathError> {
        parse(text).map(|(path, rest)| match path {
            Path::Mailbox(address) => format!("{address}|{rest}"),
            other => format!("{other:?}|{rest}"),
        })
    }

    #[test]
    fn paths_are_read() {
        assert_eq!(mailbox("<>").unwrap(), "Null|");
        assert_eq!(mailbox("<bob@example.com> SIZE=1").unwrap(), "bob@example.com| SIZE=1");
        assert_eq!(mailbox("<poSTmaster>").unwrap(), "Postmaster|");
        assert_eq!(mailbox("<@a.example,@b.example:bob@example.com>").unwrap(), "bob@example.com|");
        assert_eq!(mailbox("<\"a> b\\\"\"@example.com> X").unwrap(), "\"a> b\\\"\"@example.com| X");
    }

    #[test]
    fn broken_paths_are_not() {
        for bad in ["", "bob@example.com", "<bob@example.com", "<bob@example.com>SIZE=1", "<\"bob@example.com>"] {
            assert_eq!(mailbox(bad), Err(PathError::Brackets), "{bad}");
        }
        for bad in ["< >", "<bob>", "<@a.example>", "<@a..b:bob@example.com>", "<a.example:bob@example.com>", "<<bob@example.com>"] {
            assert!(matches!(mailbox(bad), Err(PathError::Mailbox(_))), "{bad}");
        }
    }

    #[test]
    fn parameters_are_pairs() {
        let found = parameters(" size=12  BODY=8BITMIME X-y").unwrap();
        assert_eq!(found, [("SIZE".to_owned(), Some("12")), ("BODY".to_owned(), Some("8BITMIME")), ("X-Y".to_owned(), None)]);
        assert_eq!(parameters("").unwrap(), []);
        for bad in ["SIZE=1 size=2", "=1", "SIZE=", "SIZE==1", "A=b=c", "-A", "Ä=1"] {
            assert_eq!(parameters(bad), None, "{bad}");
        }
    }
}
