//! The client's address: who it really is behind a balancer, and nobody's word for it (X-20, G-37).

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// The address that counts: the peer's, unless the peer is a trusted proxy; then the last one in `X-Forwarded-For` (or
/// `Forwarded`, RFC 7239 §5.2) that is no trusted proxy itself. What stands before it anybody may have written.
pub(crate) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut named: Vec<Option<IpAddr>> = Vec::new();
    for value in headers.get_all("x-forwarded-for") {
        named.extend(value.to_str().unwrap_or_default().split(',').map(|text| text.trim().parse().ok()));
    }
    if named.is_empty() {
        for value in headers.get_all("forwarded") {
            named.extend(value.to_str().unwrap_or_default().split(',').map(forwarded_for));
        }
    }
    let mut last = peer;
    for address in named.into_iter().rev() {
        // Something unreadable ends the chain: what stands before it was not written by a proxy of ours.
        let Some(address) = address else { break };
        last = address;
        if !is_trusted(&address) {
            break;
        }
    }
    last
}

fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pair = element.split(';').map(str::trim).find(|pair| pair.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("for=")))?;
    let node = pair.get(4..)?.trim_matches('"');
    if let Some(inner) = node.strip_prefix('[') {
        return inner.split(']').next()?.parse().ok();
    }
    node.split(':').next()?.parse().ok()
}

/// True for fields that speak for the client and may only be written by us: they are never passed on from a phone.
/// Names with `_` go too: servers read `X_Forwarded_For` as `X-Forwarded-For`.
pub(crate) fn speaks_for_the_client(name: &str) -> bool {
    name.contains('_')
        || ["x-forwarded-", "x-ssl-", "ssl-client-", "x-client-cert", "x-client-ip", "x-arr-", "x-proxy-"]
            .iter()
            .any(|start| name.starts_with(start))
        || [
            "forwarded",
            "x-real-ip",
            "client-ip",
            "true-client-ip",
            "x-cluster-client-ip",
            "x-original-url",
            "x-rewrite-url",
            "client-cert",
        ]
        .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, name: &'static str, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn x_20_only_listed_proxies_are_believed() {
        assert_eq!(seen("192.0.2.1", "x-forwarded-for", "198.51.100.7"), "192.0.2.1");
        assert_eq!(seen("10.0.0.1", "x-forwarded-for", "198.51.100.7"), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", "x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7", "forged first element");
        assert_eq!(seen("10.0.0.1", "x-forwarded-for", "203.0.113.9, junk, 10.0.0.2"), "10.0.0.2");
        assert_eq!(seen("10.0.0.1", "forwarded", "for=203.0.113.9;proto=https, For=\"[2001:db8::1]:4711\""), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", "x-other", "1.2.3.4"), "10.0.0.1");
    }

    #[test]
    fn x_20_fields_that_speak_for_the_client_are_ours() {
        for name in ["x-forwarded-for", "x-forwarded-proto", "forwarded", "x_forwarded_for", "x-ssl-client-cert", "x-arr-clientcert"] {
            assert!(speaks_for_the_client(name), "{name}");
        }
        for name in ["ms-asprotocolversion", "x-ms-policykey", "authorization", "content-type", "user-agent"] {
            assert!(!speaks_for_the_client(name), "{name}");
        }
    }
}
