//! Does a certificate name the server? RFC 6125 §6.4 (RFC 9525), and the common name where there is no subjectAltName at all.

use std::net::IpAddr;

use openssl::nid::Nid;
use openssl::x509::X509Ref;

/// True if the certificate has one of `names`: host names (A-labels) or addresses, as [`super::super::Endpoint::host`] writes them.
pub(super) fn matches(certificate: &X509Ref, names: &[String], san_only: bool) -> bool {
    let wanted: Vec<String> = names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
    let addresses: Vec<IpAddr> = wanted.iter().filter_map(|name| name.parse().ok()).collect();
    let is_host = |presented: &str| wanted.iter().any(|name| name.parse::<IpAddr>().is_err() && host_matches(presented, name));
    if let Some(alternatives) = certificate.subject_alt_names() {
        return alternatives.iter().any(|name| {
            name.dnsname().is_some_and(is_host) || name.ipaddress().and_then(address).is_some_and(|ip| addresses.contains(&ip))
        });
    }
    if san_only {
        return false;
    }
    // The last common name is the most specific one (RFC 6125 §6.4.4).
    let common = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).last();
    let common = common.and_then(|entry| std::str::from_utf8(entry.data().as_slice()).ok().map(str::to_owned));
    common.is_some_and(|name| is_host(&name) || name.parse::<IpAddr>().is_ok_and(|ip| addresses.contains(&ip)))
}

/// A wildcard stands for exactly one label, the leftmost, as a whole, above at least two more.
fn host_matches(presented: &str, wanted: &str) -> bool {
    let presented = presented.trim_end_matches('.').to_ascii_lowercase();
    if presented.is_empty() || presented.contains('\0') {
        return false;
    }
    match presented.strip_prefix("*.") {
        None => presented == *wanted,
        Some(parent) => {
            let rest = wanted.split_once('.').filter(|(label, _)| !label.is_empty()).map(|(_, rest)| rest);
            parent.contains('.') && !parent.contains('*') && rest == Some(parent)
        }
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t4_host_names_and_wildcards() {
        for (presented, wanted, fits) in [
            ("mx.example.org", "mx.example.org", true),
            ("MX.Example.ORG.", "mx.example.org", true),
            ("example.org", "mx.example.org", false),
            ("*.example.org", "mx.example.org", true),
            ("*.example.org", "a.mx.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.example.org", ".example.org", false),
            ("m*.example.org", "mx.example.org", false),
            ("*.org", "example.org", false),
            ("*", "localhost", false),
            ("*.*.example.org", "a.b.example.org", false),
            ("mx.example.org\0.evil.example", "mx.example.org", false),
            ("", "", false),
        ] {
            assert_eq!(host_matches(presented, wanted), fits, "{presented:?} {wanted:?}");
        }
    }
}
