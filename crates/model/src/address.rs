//! Mail addresses with one strict grammar and one look-up key.
//!
//! Every room that compares addresses compares [`AddressKey`]s, so that "is this the same mailbox" has one
//! answer everywhere (CVE-2026-27444, CVE-2026-2748). Grammar: RFC 5321 §4.1.2 `Mailbox`, no obsolete
//! forms, no white space, no comments; RFC 6531 UTF-8 is taken in both parts.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Longest local part in octets (RFC 5321 §4.5.3.1.1).
const LOCAL_MAX: usize = 64;
/// Longest domain in octets (RFC 5321 §4.5.3.1.2).
const DOMAIN_MAX: usize = 255;

/// A mailbox as it was written, without angle brackets. Never empty, no control characters.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    text: String,
    at: usize,
}

/// The one look-up key of a mailbox: local part unquoted, lower-cased and in NFC, domain as lower-case A-labels.
///
/// RFC 5321 lets local parts differ by case; no deployed system does, and two spellings with two keys
/// would let a spoofer choose. The same holds for composed and decomposed letters (RFC 6532 §3.1 asks for NFC). Stored in every table that is searched by address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressKey(String);

/// Why a text is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@`, or nothing on one side of it.
    #[error("an address needs a name, an @ and a domain")]
    Shape,
    /// A character that the grammar does not allow there.
    #[error("an address may not contain this character")]
    Character,
    /// Local part over 64 or domain over 255 octets.
    #[error("an address is limited to 64 octets before the @ and 255 after it")]
    Length,
    /// The domain is no host name, A-label or address literal.
    #[error("the part after the @ is not a domain name")]
    Domain,
}

impl Address {
    /// Reads one mailbox. The whole text must be the address.
    ///
    /// # Errors
    /// [`AddressError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let at = split_point(text)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        if local.len() > LOCAL_MAX || domain.len() > DOMAIN_MAX {
            return Err(AddressError::Length);
        }
        check_local(local)?;
        normal_domain(domain).ok_or(AddressError::Domain)?;
        Ok(Self { text: text.to_owned(), at })
    }

    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`, quotes included.
    #[must_use]
    pub fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands after the `@`, as written.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// The domain as it is looked up: lower-case A-labels, or the address literal in brackets.
    #[must_use]
    pub fn domain_key(&self) -> String {
        normal_domain(self.domain()).unwrap_or_else(|| self.domain().to_ascii_lowercase())
    }

    /// The key under which this mailbox is stored and compared.
    #[must_use]
    pub fn key(&self) -> AddressKey {
        let local = unquote(self.local());
        let local: String =
            if local.is_ascii() { local.to_ascii_lowercase() } else { local.nfc().collect::<String>().to_lowercase().nfc().collect() };
        AddressKey(format!("{local}@{}", self.domain_key()))
    }

    /// True if SMTP needs SMTPUTF8 to carry it (RFC 6531 §3.4).
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        !self.text.is_ascii()
    }
}

impl AddressKey {
    /// The key's text, for a column or a log line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain part of the key.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// The look-up form of a domain name, or `None` if it is not one. Trailing dots are refused.
#[must_use]
pub fn normal_domain(domain: &str) -> Option<String> {
    if let Some(inner) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let literal = inner.strip_prefix("IPv6:").or_else(|| inner.strip_prefix("ipv6:")).unwrap_or(inner);
        return literal.parse::<std::net::IpAddr>().ok().map(|ip| format!("[{ip}]"));
    }
    let ascii = idna::domain_to_ascii(domain).ok()?.to_ascii_lowercase();
    let labels_fit = ascii.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    (labels_fit && !ascii.is_empty() && ascii.len() <= DOMAIN_MAX).then_some(ascii)
}

fn split_point(text: &str) -> Result<usize, AddressError> {
    let at = text.rfind('@').ok_or(AddressError::Shape)?;
    if at == 0 || at + 1 == text.len() {
        return Err(AddressError::Shape);
    }
    Ok(at)
}

fn check_local(local: &str) -> Result<(), AddressError> {
    if let Some(inner) = local.strip_prefix('"') {
        let inner = inner.strip_suffix('"').ok_or(AddressError::Character)?;
        return check_quoted(inner);
    }
    let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
    if atoms { Ok(()) } else { Err(AddressError::Character) }
}

fn check_quoted(inner: &str) -> Result<(), AddressError> {
    let mut escaped = false;
    for c in inner.chars() {
        if c.is_control() || is_unseen(c) || (c == '"' && !escaped) {
            return Err(AddressError::Character);
        }
        escaped = c == '\\' && !escaped;
    }
    if escaped { Err(AddressError::Character) } else { Ok(()) }
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && !c.is_whitespace() && !c.is_control() && !is_unseen(c))
}

/// Characters that nobody sees or that turn the reading direction: an address with one looks like another.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

fn unquote(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return local.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(c);
            escaped = false;
        }
    }
    plain
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.text
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Address::parse(text).unwrap().key().as_str().to_owned()
    }

    #[test]
    fn one_mailbox_has_one_key() {
        assert_eq!(key("Bob@Example.COM"), "bob@example.com");
        assert_eq!(key("\"bob\"@example.com"), "bob@example.com");
        assert_eq!(key("\"b\\ob\"@example.com"), "bob@example.com");
        assert_eq!(key("bob@bücher.example"), "bob@xn--bcher-kva.example");
        assert_eq!(key("bob@[IPv6:::1]"), "bob@[::1]");
        assert_eq!(key("J\u{d6}RG@example.com"), "j\u{f6}rg@example.com");
        assert_eq!(key("jo\u{308}rg@example.com"), "j\u{f6}rg@example.com");
    }

    #[test]
    fn cve_2026_2748_white_space_and_controls_are_no_address() {
        for bad in [
            "bob @example.com",
            " bob@example.com",
            "bob@example.com ",
            "bob@exa mple.com",
            "bob\n@example.com",
            "bob@example.com\0",
            "bo\u{200b}b@example.com",
            "bob\u{202e}@example.com",
            "\"b\u{feff}b\"@example.com",
            "b\u{3000}b@example.com",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn broken_shapes_are_refused() {
        for bad in [
            "",
            "@",
            "bob",
            "bob@",
            "@example.com",
            "bo..b@example.com",
            ".bob@example.com",
            "bob@-x.example",
            "bob@a..b",
            "bob@[1.2.3]",
            "\"bob@example.com",
            "\"a\"b\"@example.com",
            "<bob@example.com>",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(Address::parse(&format!("{}@example.com", "a".repeat(65))), Err(AddressError::Length));
    }
}
