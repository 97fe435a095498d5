//! What neighbours and people say before a mail: the PROXY header, XCLIENT, AUTH, and the parameters in xtext.

use smtp::inbound::auth::{self, Mechanism};
use smtp::inbound::proxy::{self, Proxied};
use smtp::inbound::{xclient, xtext};

/// The octets as a PROXY header: never a client where the header names none, and never more octets than it announced.
pub fn proxy_header(data: &[u8]) {
    let read = proxy::parse(data);
    if let Ok(Proxied::Client(_)) = read {
        assert_eq!(data.get(12), Some(&0x21));
    }
    if read.is_ok() {
        assert!(data.starts_with(proxy::SIGNATURE) && data.len() <= proxy::HEADER_MAX);
        let longer = [data, b"x"].concat();
        assert!(proxy::parse(&longer).is_err(), "octets behind the header were taken for it");
    }
}

/// The octets as what somebody answers to AUTH.
pub fn auth_exchange(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some((name, password)) = auth::plain(text) {
        assert!(!name.is_empty() && !name.contains('\0') && !password.expose().is_empty() && !password.expose().contains('\0'));
    }
    if let Some(part) = auth::text(text) {
        assert!(!part.is_empty() && !part.contains('\0'));
    }
    let _ = Mechanism::from_word(text);
}

/// The octets as values of parameters and of XCLIENT: nothing that could end a line comes out.
pub fn xtext_values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let clean = |text: &str| assert!(!text.chars().any(char::is_control), "{text:?}");
    if let Some(octets) = xtext::decode(text) {
        assert!(octets.len() <= text.len());
    }
    xtext::envelope_id(text).as_deref().map(clean);
    xtext::original(text, true).as_deref().map(clean);
    xtext::original(text, false).as_deref().map(clean);
    let _ = (xtext::notify(text), xtext::ret(text));
    if let Some(said) = xclient::parse(text) {
        said.helo.as_deref().map(clean);
    }
}
