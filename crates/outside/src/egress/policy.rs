//! Which networks may be reached for which purpose.
//!
//! Everything that is not globally reachable unicast is closed (IANA's special-purpose registries, RFC 6890), so that a name in a
//! stranger's certificate or zone can't make us knock at the company's own machines. `[egress] allow` opens networks, each for
//! one purpose. An IPv6 address that carries an IPv4 one is judged by both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Why something is fetched. The words are those of `[egress] allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Certificate revocation lists.
    Crl,
    /// OCSP responders.
    Ocsp,
    /// Issuers' certificates.
    Aia,
    /// Web key directories.
    Wkd,
    /// LDAP directories named by others.
    Ldap,
    /// Certification authorities.
    Acme,
    /// Autodiscover.
    Autodiscover,
    /// MTA-STS policies (RFC 8461).
    MtaSts,
    /// Where TLS reports go (RFC 8460).
    TlsReport,
}

impl Purpose {
    /// All.
    pub const ALL: [Self; 9] =
        [Self::Crl, Self::Ocsp, Self::Aia, Self::Wkd, Self::Ldap, Self::Acme, Self::Autodiscover, Self::MtaSts, Self::TlsReport];

    /// The word in settings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Crl => "crl",
            Self::Ocsp => "ocsp",
            Self::Aia => "aia",
            Self::Wkd => "wkd",
            Self::Ldap => "ldap",
            Self::Acme => "acme",
            Self::Autodiscover => "autodiscover",
            Self::MtaSts => "mta-sts",
            Self::TlsReport => "tls-report",
        }
    }

    /// Reads a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }

    /// True if what is fetched is signed, so that plain HTTP will do (RFC 5280 §8).
    #[must_use]
    pub const fn takes_http(self) -> bool {
        matches!(self, Self::Crl | Self::Ocsp | Self::Aia)
    }
}

/// One line of `[egress] allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// For what.
    pub purpose: Purpose,
    /// The network that is open for it.
    pub net: IpNet,
}

/// Judges addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    allow: Vec<Allowed>,
}

impl EgressPolicy {
    /// Everything public, and these.
    #[must_use]
    pub const fn new(allow: Vec<Allowed>) -> Self {
        Self { allow }
    }

    /// May this address be connected to?
    #[must_use]
    pub fn permits(&self, purpose: Purpose, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        is_public(ip) || self.allow.iter().any(|allowed| allowed.purpose == purpose && allowed.net.contains(&ip))
    }
}

/// True for globally reachable unicast addresses.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        0 | 10 | 127 => true,
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => matches!((b, c), (0, 0) | (0, 2) | (88, 99) | (168, _)),
        198 => matches!(b, 18 | 19) || (b, c) == (51, 100),
        203 => (b, c) == (0, 113),
        _ => a >= 224,
    };
    !special
}

/// Only 2000::/3 is handed out; of it some is special, and some carries an IPv4 address that is judged too.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(four) = ip.to_ipv4_mapped() {
        return is_public_v4(four);
    }
    let [a, b, c, _, _, _, g, h] = ip.segments();
    let four = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b) {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056).
        (0x64, 0xff9b) => c == 0 && four(g, h),
        (0x2002, _) => four(b, c),
        // Teredo, benchmarks, ORCHID and the rest of 2001::/23; documentation (RFC 3849, RFC 9637).
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        _ => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_17_private_and_special_networks_are_closed() {
        for closed in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!is_public(closed.parse().unwrap()), "{closed}");
        }
        for open in
            ["1.1.1.1", "100.128.0.1", "172.32.0.1", "192.1.0.1", "2606:4700::1", "64:ff9b::101:101", "2002:101:101::1", "::ffff:1.1.1.1"]
        {
            assert!(is_public(open.parse().unwrap()), "{open}");
        }
    }

    #[test]
    fn x_17_what_is_allowed_is_allowed_for_its_purpose_only() {
        let net = "10.9.0.0/16".parse().unwrap();
        let policy = EgressPolicy::new(vec![Allowed { purpose: Purpose::MtaSts, net }]);
        assert!(policy.permits(Purpose::MtaSts, "10.9.1.1".parse().unwrap()));
        assert!(policy.permits(Purpose::MtaSts, "::ffff:10.9.1.1".parse().unwrap()));
        assert!(!policy.permits(Purpose::MtaSts, "10.8.1.1".parse().unwrap()));
        assert!(!policy.permits(Purpose::Crl, "10.9.1.1".parse().unwrap()));
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.word()), Some(purpose));
        }
    }
}
