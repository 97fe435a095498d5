//! Where syslog goes: `udp://host:port`, `tcp://host:port`, `tls://host:port`.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// How messages get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram a message (RFC 5426).
    Udp,
    /// Octet counting (RFC 6587 §3.4.1).
    Tcp,
    /// The same under TLS (RFC 5425).
    Tls,
}

/// One receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How.
    pub transport: Transport,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Roots that its certificate must lead to; none: the system's.
    pub roots: Vec<CertificateDer<'static>>,
    /// As it was written, for the log.
    pub text: String,
}

impl Target {
    /// Reads it. Without a port: 514, with TLS 6514. `ca`: PEM, or empty.
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(text: &str, ca: &str) -> Result<Self, String> {
        let expected = || "expected udp://host:port, tcp://host:port or tls://host:port".to_owned();
        let (scheme, place) = text.split_once("://").ok_or_else(expected)?;
        let (transport, usual) = match scheme {
            "udp" => (Transport::Udp, 514),
            "tcp" => (Transport::Tcp, 514),
            "tls" => (Transport::Tls, 6_514),
            _ => return Err(expected()),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(expected)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| expected())?;
                (host, rest.strip_prefix(':'))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(usual), |port| port.parse::<u16>().map_err(|_| expected()))?;
        if port == 0 || ServerName::try_from(host.to_owned()).is_err() {
            return Err(expected());
        }
        let roots: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(ca.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| format!("ca: expected certificates in PEM form: {error}"))?;
        if roots.is_empty() && !ca.trim().is_empty() {
            return Err("ca: expected certificates in PEM form".to_owned());
        }
        if !roots.is_empty() && transport != Transport::Tls {
            return Err("ca is for tls:// only".to_owned());
        }
        Ok(Self { transport, host: host.to_owned(), port, roots, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_read_and_others_refused() {
        let read = |text: &str| Target::parse(text, "").map(|target| (target.transport, target.host, target.port));
        assert_eq!(read("udp://192.0.2.1"), Ok((Transport::Udp, "192.0.2.1".into(), 514)));
        assert_eq!(read("tcp://[2001:db8::1]:601"), Ok((Transport::Tcp, "2001:db8::1".into(), 601)));
        assert_eq!(read("tls://log.company.example"), Ok((Transport::Tls, "log.company.example".into(), 6_514)));
        for wrong in
            ["", "log", "http://a:1", "udp://", "udp://a b:1", "udp://a:0", "udp://a:x", "tcp://[::1:5", "udp://a:1/x", "tls://[a]:1"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(
            Target::parse("tls://a", "no pem").is_err()
                && Target::parse("udp://a", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err()
        );
    }
}
