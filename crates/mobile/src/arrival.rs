//! How a connection arrived, and which configuration its requests belong to (mobile-gateway.md G-38).
//!
//! By host name, where TLS (SNI, RFC 6066 §3) and HTTP must name the same one; else by listener; else the only configuration
//! there is. A request that belongs to none gets 421 (RFC 9110 §15.5.20): nothing is guessed, because configurations differ
//! in what they allow.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use model::site::{MobileGateway, Site, host_of};

/// Facts of one connection of a phone's.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Who connected, or for whom a trusted balancer said that it connects.
    pub peer: SocketAddr,
    /// The listener's address on which it arrived.
    pub local: SocketAddr,
    /// The name that TLS asked for; `None` without TLS, or without a name.
    pub server_name: Option<Box<str>>,
    /// No TLS on this connection: a trusted proxy has taken it off.
    pub plain: bool,
}

/// Which configuration.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// This one.
    One(Arc<MobileGateway>),
    /// The one that it belongs to is off, or there is none at all.
    Off,
    /// It belongs to none.
    Misdirected,
}

/// The only configuration that is on.
#[must_use]
pub fn only_gateway(site: &Site) -> Option<&Arc<MobileGateway>> {
    let mut on = site.gateways.values().filter(|gateway| gateway.enabled);
    let first = on.next();
    if on.next().is_some() { None } else { first }
}

/// Finds the configuration of a request.
pub(crate) fn choose(site: &Site, arrival: &Arrival, parts: &Parts) -> Chosen {
    match find(site, arrival, parts) {
        // One that takes TLS off itself is not asked in clear.
        Chosen::One(gateway) if arrival.plain && !gateway.is_terminated_before() => Chosen::Misdirected,
        chosen => chosen,
    }
}

fn find(site: &Site, arrival: &Arrival, parts: &Parts) -> Chosen {
    let field = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    // RFC 9112 §3.2.2: what the request line says counts, where it says it.
    let asked = parts.uri.authority().map(http::uri::Authority::as_str).or(field).and_then(host_of);
    let sni = arrival.server_name.as_deref().and_then(host_of);
    let named = |host: &Option<String>| {
        let host = host.as_ref()?;
        site.gateways.values().find(|gateway| gateway.external_host().as_ref() == Some(host))
    };
    let (by_host, by_sni) = (named(&asked), named(&sni));
    if by_host.is_some() || by_sni.is_some() {
        // A connection without a name of TLS contradicts nothing.
        let agree = sni.is_none() || sni == asked;
        return match by_host {
            Some(gateway) if agree => on(gateway),
            _ => Chosen::Misdirected,
        };
    }
    let here = |gateway: &&Arc<MobileGateway>| gateway.listens().any(|address| is_at(address, arrival.local));
    let mut by_listener = site.gateways.values().filter(here);
    match (by_listener.next(), by_listener.next()) {
        (Some(gateway), None) => return on(gateway),
        (Some(_), Some(_)) => return Chosen::Misdirected,
        (None, _) => {}
    }
    match only_gateway(site) {
        Some(gateway) => Chosen::One(gateway.clone()),
        None if site.gateways.values().any(|gateway| gateway.enabled) => Chosen::Misdirected,
        None => Chosen::Off,
    }
}

fn on(gateway: &Arc<MobileGateway>) -> Chosen {
    if gateway.enabled { Chosen::One(gateway.clone()) } else { Chosen::Off }
}

/// A listener on all addresses is met at each.
fn is_at(listener: SocketAddr, local: SocketAddr) -> bool {
    listener.port() == local.port() && (listener.ip().is_unspecified() || listener.ip() == local.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(gateways: &[(&str, &str, &str, bool)]) -> Site {
        let mut site = Site::default();
        for (id, external_url, listen, enabled) in gateways {
            let (external_url, listen) = ((*external_url).to_owned(), (*listen).to_owned());
            let gateway = MobileGateway { id: (*id).into(), external_url, listen, enabled: *enabled, ..MobileGateway::default() };
            site.gateways.insert((*id).into(), Arc::new(gateway));
        }
        site
    }

    fn chosen(site: &Site, sni: Option<&str>, local: &str, uri: &str, host: &str) -> String {
        let peer = "192.0.2.1:1".parse().unwrap();
        let arrival = Arrival { peer, local: local.parse().unwrap(), server_name: sni.map(Into::into), plain: false };
        let parts = http::Request::builder().uri(uri).header("host", host).body(()).unwrap().into_parts().0;
        match choose(site, &arrival, &parts) {
            Chosen::One(gateway) => gateway.id.clone(),
            Chosen::Off => "off".into(),
            Chosen::Misdirected => "421".into(),
        }
    }

    #[test]
    fn x_23_one_that_takes_tls_off_itself_is_not_asked_in_clear() {
        let mut site = site(&[("a", "", "", true)]);
        let asked = |site: &Site, plain| {
            let (peer, local) = ("192.0.2.1:1".parse().unwrap(), "127.0.0.1:1".parse().unwrap());
            let parts = http::Request::builder().uri("/").body(()).unwrap().into_parts().0;
            matches!(choose(site, &Arrival { peer, local, server_name: None, plain }, &parts), Chosen::One(_))
        };
        assert!(asked(&site, false) && !asked(&site, true));
        let behind = MobileGateway { id: "a".into(), tls: "terminated_before".into(), ..MobileGateway::default() };
        site.gateways.insert("a".into(), Arc::new(behind));
        assert!(asked(&site, true));
    }

    #[test]
    fn g_38_by_host_name_by_listener_the_only_one_or_none() {
        let two = site(&[
            ("a", "https://a.example", "", true),
            ("b", "https://B.example:8443/", "127.0.0.1:9443 0.0.0.0:9444", true),
            ("off", "https://off.example", "", false),
        ]);
        for (sni, local, uri, host, id) in [
            (Some("a.example"), "127.0.0.1:1", "/", "a.example", "a"),
            (Some("A.EXAMPLE"), "127.0.0.1:1", "/", "a.example.:443", "a"),
            (None, "127.0.0.1:1", "/", "b.example", "b"),
            (Some("a.example"), "127.0.0.1:1", "/", "b.example", "421"),
            (Some("a.example"), "127.0.0.1:1", "/", "other.example", "421"),
            (Some("other.example"), "127.0.0.1:9443", "/", "a.example", "421"),
            (Some("a.example"), "127.0.0.1:1", "https://b.example/", "a.example", "421"),
            (Some("a.example"), "127.0.0.1:1", "https://a.example/", "b.example", "a"),
            (Some("x.example"), "127.0.0.1:9443", "/", "x.example", "b"),
            (None, "127.0.0.1:9443", "/", "192.0.2.7", "b"),
            (None, "192.0.2.7:9444", "/", "192.0.2.7", "b"),
            (None, "192.0.2.7:9443", "/", "192.0.2.7", "421"),
            (None, "127.0.0.1:1", "/", "", "421"),
            (Some("off.example"), "127.0.0.1:1", "/", "off.example", "off"),
        ] {
            assert_eq!(chosen(&two, sni, local, uri, host), id, "{sni:?} {local} {uri} {host}");
        }
        let one = site(&[("only", "https://a.example", "", true), ("off", "", "", false)]);
        assert_eq!(chosen(&one, None, "127.0.0.1:1", "/", "192.0.2.7"), "only");
        assert_eq!(chosen(&one, Some("a.example"), "127.0.0.1:1", "/", "z.example"), "421", "TLS and HTTP disagree");
        assert_eq!(chosen(&site(&[]), None, "127.0.0.1:1", "/", "x"), "off");
    }
}
