//! `[protection]`: whom mail is taken from, and the scanners beside us (mail-gateway.md M-P1 to M-P8).
//!
//! Everything is off by default: which checks a company wants depends on whether strangers reach this gateway directly.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::settings::Span;

/// `[protection]`, as far as it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProtectionSettings {
    /// Delays the first mail of an unknown triplet.
    pub greylist: Greylisting,
    /// An unknown triplet waits so long.
    pub greylist_delay: Span,
    /// The retry must come within this time after the first try.
    pub greylist_window: Span,
    /// A triplet that was let through is known for so long after its last mail.
    pub greylist_memory: Span,
    /// MAIL only after HELO. The session asks it of everybody (RFC 5321 §4.1.4), so this only says it.
    pub helo_required: bool,
    /// The name in HELO must have an address in the DNS.
    pub helo_valid: bool,
    /// The name in HELO must be fully qualified.
    pub helo_fqdn: bool,
    /// The client's address must have a name in the DNS.
    pub ptr: bool,
    /// And one of these names must have the client's address.
    pub ptr_strict: bool,
    /// The sender's domain must exist and take mail.
    pub sender_domain: bool,
    /// Zones of DNS block lists.
    pub rbl: Vec<String>,
    /// Networks that are accepted or rejected by hand.
    pub access: Vec<AccessEntry>,
    /// The virus scanner: `host:port`, or the path of a socket; empty: none.
    pub clamd: String,
    /// The spam scanner: `http://host:port`; empty: none.
    pub rspamd: String,
    /// What happens to mail when a scanner does not answer.
    pub scanner_down: ScannerDown,
}

/// `scanner_down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScannerDown {
    /// A temporary error: the mail comes again.
    #[default]
    Defer,
    /// It passes, marked `unscanned`.
    Pass,
}

impl Default for ProtectionSettings {
    fn default() -> Self {
        Self {
            greylist: Greylisting::Off,
            greylist_delay: Span::seconds(300),
            greylist_window: Span::seconds(4 * 3_600),
            greylist_memory: Span::seconds(36 * 86_400),
            helo_required: false,
            helo_valid: false,
            helo_fqdn: false,
            ptr: false,
            ptr_strict: false,
            sender_domain: false,
            rbl: Vec::new(),
            access: Vec::new(),
            clamd: String::new(),
            rspamd: String::new(),
            scanner_down: ScannerDown::Defer,
        }
    }
}

/// `greylist`: a word, or true (on) and false (off).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Greylisting {
    /// Nothing is looked at.
    #[default]
    Off,
    /// Triplets are recorded, nobody waits.
    Learn,
    /// Unknown triplets wait.
    On,
}

impl<'de> Deserialize<'de> for Greylisting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Flag(bool),
            Word(String),
        }
        let expected = || D::Error::custom("expected \"off\", \"learn\" or \"on\"");
        match Written::deserialize(deserializer).map_err(|_| expected())? {
            Written::Flag(on) => Ok(if on { Self::On } else { Self::Off }),
            Written::Word(word) => match word.as_str() {
                "off" => Ok(Self::Off),
                "learn" => Ok(Self::Learn),
                "on" => Ok(Self::On),
                _ => Err(expected()),
            },
        }
    }
}

/// One entry of the list by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessEntry {
    /// The clients.
    pub network: AccessNetwork,
    /// What happens to their mail.
    pub action: AccessAction,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// What an entry of the list by hand says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessAction {
    /// Skips the checks of strangers, and nothing else (M-P8).
    Accept,
    /// Refuses the mail of strangers.
    Reject,
}

/// A network as people write it: `192.0.2.0/24`, `192.0.2.1`, `2001:db8::/32`, or the beginning of an IPv4 address:
/// `192.0.2` is 192.0.2.0/24. Host bits are cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccessNetwork(pub IpNet);

impl AccessNetwork {
    /// Reads a network.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).or_else(|| beginning(text));
        net.map(|net| Self(net.trunc()))
            .ok_or_else(|| format!("{text:?} is no network: write 192.0.2.0/24, 192.0.2.1, or 192.0.2 for 192.0.2.0/24"))
    }
}

/// One to three octets, with or without a dot at the end.
fn beginning(text: &str) -> Option<IpNet> {
    let written: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    if !(1..=3).contains(&written.len()) || written.iter().any(|octet| octet.is_empty() || !octet.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, text) in octets.iter_mut().zip(&written) {
        *octet = text.parse().ok()?;
    }
    let length = u8::try_from(8 * written.len()).ok()?;
    Ipv4Net::new(Ipv4Addr::from(octets), length).ok().map(IpNet::V4)
}

impl AccessNetwork {
    /// True for an address in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Bits that are fixed.
    #[must_use]
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }
}

impl fmt::Display for AccessNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for AccessNetwork {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccessNetwork {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_p3_networks_are_read_as_people_write_them() {
        let read = |text: &str| AccessNetwork::parse(text).map(|net| net.to_string());
        assert_eq!(read("186.56.148").unwrap(), "186.56.148.0/24");
        assert_eq!(read("186.56.148.").unwrap(), "186.56.148.0/24");
        assert_eq!(read("10").unwrap(), "10.0.0.0/8");
        assert_eq!(read("172.16").unwrap(), "172.16.0.0/16");
        assert_eq!(read("192.0.2.7").unwrap(), "192.0.2.7/32");
        assert_eq!(read("192.0.2.7/24").unwrap(), "192.0.2.0/24");
        assert_eq!(read("2001:db8::1").unwrap(), "2001:db8::1/128");
        for bad in ["", ".", "1..2", "256", "1.2.3.4.5", "a.b", "1.2.3/40", "-1", "+1.2", "1.2.3.4/"] {
            assert!(read(bad).unwrap_err().contains("192.0.2"), "{bad:?}");
        }
    }

    #[test]
    fn m_p1_greylisting_is_a_word_or_a_flag() {
        let read = |json: &str| serde_json::from_str::<ProtectionSettings>(json).map(|settings| settings.greylist);
        assert_eq!(read(r#"{"greylist":true}"#).unwrap(), Greylisting::On);
        assert_eq!(read(r#"{"greylist":false}"#).unwrap(), Greylisting::Off);
        assert_eq!(read(r#"{"greylist":"learn"}"#).unwrap(), Greylisting::Learn);
        assert_eq!(read("{}").unwrap(), Greylisting::Off);
        assert!(read(r#"{"greylist":"maybe"}"#).is_err() && read(r#"{"greylist":1}"#).is_err());
    }
}
