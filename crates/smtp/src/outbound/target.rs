//! Where mail goes, as administrators write it (mail-gateway's M-T2): `[ip]`, `[ip]:port`, `[host]`,
//! `[host]:port` (no MX look-up), or `domain` (MX look-up).
//!
//! Beyond the notation `domain:port` is taken too, for MX hosts on another port. An address without
//! brackets is refused with a hint, because it would be looked up as a domain.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use model::address::normal_domain;

/// One next hop before any look-up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// This machine.
    Address {
        /// Its address.
        ip: IpAddr,
        /// The port, if written.
        port: Option<u16>,
    },
    /// This host's addresses, no MX.
    Host {
        /// Lower-case A-labels.
        name: String,
        /// The port, if written.
        port: Option<u16>,
    },
    /// This domain's MX hosts.
    Domain {
        /// Lower-case A-labels.
        name: String,
        /// The port, if written.
        port: Option<u16>,
    },
}

/// Why a text is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing there.
    #[error("a server is missing: write [address], [host] or a domain, with :port after it if it is not 25")]
    Empty,
    /// An opening bracket without the closing one, or something else after it.
    #[error("after [ a ] must follow, and then nothing or :port, as in [192.0.2.1]:2525")]
    Bracket,
    /// Not 1–65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// An address without brackets.
    #[error("an address is written in brackets, as in [192.0.2.1] or [2001:db8::1]")]
    BareAddress,
    /// No host or domain name.
    #[error("this is no host or domain name")]
    Name,
}

impl Target {
    /// Reads the notation; blanks around it are ignored.
    ///
    /// # Errors
    /// [`TargetError`], whose text says what to write instead.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if text.parse::<IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok_and(|_| !text.starts_with('[')) {
            return Err(TargetError::BareAddress);
        }
        let Some(rest) = text.strip_prefix('[') else {
            let (name, port) = text.split_once(':').map_or(Ok((text, None)), |(name, port)| Ok((name, Some(read_port(port)?))))?;
            return Ok(Self::Domain { name: host_name(name)?, port });
        };
        let (inner, after) = rest.split_once(']').ok_or(TargetError::Bracket)?;
        let port = match after {
            "" => None,
            _ => Some(read_port(after.strip_prefix(':').ok_or(TargetError::Bracket)?)?),
        };
        let literal = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).and_then(|_| inner.get(5..));
        if let Some(literal) = literal {
            return literal.parse::<Ipv6Addr>().map(|ip| Self::Address { ip: ip.into(), port }).map_err(|_| TargetError::Name);
        }
        if let Ok(ip) = inner.parse::<IpAddr>() {
            return Ok(Self::Address { ip, port });
        }
        Ok(Self::Host { name: host_name(inner)?, port })
    }

    /// A server by name or address, with or without brackets, at this port: never an MX look-up.
    ///
    /// # Errors
    /// [`TargetError`]; a port within the text is not taken.
    pub fn host(text: &str, port: u16) -> Result<Self, TargetError> {
        let text = text.trim();
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match Self::parse(&format!("[{inner}]"))? {
            Self::Address { ip, .. } => Ok(Self::Address { ip, port: Some(port) }),
            Self::Host { name, .. } | Self::Domain { name, .. } => Ok(Self::Host { name, port: Some(port) }),
        }
    }

    /// The same with `domain` behind a name of one label; `None` for anything else.
    #[must_use]
    pub fn completed(&self, domain: &str) -> Option<Self> {
        let longer = |name: &str| (!name.contains('.')).then(|| format!("{name}.{domain}"));
        match self {
            Self::Address { .. } => None,
            Self::Host { name, port } => longer(name).map(|name| Self::Host { name, port: *port }),
            Self::Domain { name, port } => longer(name).map(|name| Self::Domain { name, port: *port }),
        }
    }

    /// The port, if one was written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Address { port, .. } | Self::Host { port, .. } | Self::Domain { port, .. } => *port,
        }
    }
}

fn read_port(text: &str) -> Result<u16, TargetError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u16>().ok().filter(|port| digits && *port > 0).ok_or(TargetError::Port)
}

fn host_name(text: &str) -> Result<String, TargetError> {
    let name = normal_domain(text).ok_or(TargetError::Name)?;
    let last = name.rsplit('.').next().unwrap_or_default();
    if name.starts_with('[') || last.bytes().all(|b| b.is_ascii_digit()) { Err(TargetError::Name) } else { Ok(name) }
}

impl FromStr for Target {
    type Err = TargetError;
    fn from_str(text: &str) -> Result<Self, TargetError> {
        Self::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { ip, .. } => write!(f, "[{ip}]")?,
            Self::Host { name, .. } => write!(f, "[{name}]")?,
            Self::Domain { name, .. } => f.write_str(name)?,
        }
        self.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t2_the_notation_is_read_and_written() {
        for (text, shown) in [
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[192.0.2.1]:2525", "[192.0.2.1]:2525"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("[IPv6:2001:DB8::1]:26", "[2001:db8::1]:26"),
            (" [Mail.Example] ", "[mail.example]"),
            ("[mail.example]:25", "[mail.example]:25"),
            ("Example.ORG", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("example.org:2525", "example.org:2525"),
            ("localhost", "localhost"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(Target::parse(shown), Ok(target));
        }
        assert!(matches!(Target::parse("[mail.example]"), Ok(Target::Host { .. })));
        assert!(matches!(Target::parse("mail.example"), Ok(Target::Domain { .. })));
    }

    #[test]
    fn m_t4_a_server_beside_its_port() {
        for (text, shown) in [("mail.example", "[mail.example]:26"), ("[192.0.2.1]", "[192.0.2.1]:26"), ("2001:db8::1", "[2001:db8::1]:26")]
        {
            assert_eq!(Target::host(text, 26).unwrap().to_string(), shown);
        }
        assert!(["mail.example:25", "[192.0.2.1]:25", "", "[]", "a b"].iter().all(|text| Target::host(text, 25).is_err()));
    }

    #[test]
    fn m_t2_what_is_no_server_says_why() {
        for (text, error) in [
            ("", TargetError::Empty),
            ("  ", TargetError::Empty),
            ("192.0.2.1", TargetError::BareAddress),
            ("192.0.2.1:25", TargetError::BareAddress),
            ("2001:db8::1", TargetError::BareAddress),
            ("[192.0.2.1", TargetError::Bracket),
            ("[192.0.2.1]25", TargetError::Bracket),
            ("[192.0.2.1]:", TargetError::Port),
            ("[192.0.2.1]:0", TargetError::Port),
            ("[192.0.2.1]:65536", TargetError::Port),
            ("[192.0.2.1]:+25", TargetError::Port),
            ("[192.0.2.300]", TargetError::Name),
            ("[]", TargetError::Name),
            ("a..b", TargetError::Name),
            ("a b", TargetError::Name),
            ("[IPv6:192.0.2.1]", TargetError::Name),
        ] {
            assert_eq!(Target::parse(text), Err(error), "{text:?}");
        }
    }
}
