//! At RCPT: whom we take mail for (mail-gateway.md M-T2, M-T5). Never an open relay: no network is listed by default.

use model::{Address, Fault, Guilty, Peer, Site};

/// Decides about one recipient from facts in memory.
///
/// # Errors
/// `relay-denied` when neither the recipient's domain is managed nor the client may relay.
pub fn recipient(site: &Site, peer: &Peer, recipient: &Address) -> Result<(), Fault> {
    if site.is_managed(recipient) || peer.account.is_some() || site.may_relay(peer.address) {
        return Ok(());
    }
    let cause = format!("{} may not send to {}", peer.address, recipient.domain());
    Err(Fault::permanent(Guilty::Sender, "relay-denied", cause).with("domain", recipient.domain_key()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SiteRow;
    use model::site::Section;

    #[test]
    fn m_t5_never_an_open_relay() {
        let mut site = Site::default();
        for (section, key, body) in [
            (Section::Domain, "company.example", r#"{"name":"company.example","forward":"[127.0.0.1]:25"}"#),
            (Section::Mail, "", r#"{"relay_networks":["192.0.2.0/24"]}"#),
        ] {
            site.apply(&SiteRow { section, key: key.into(), version: 1, body: body.into() }).unwrap();
        }
        let peer = |address: &str| Peer { address: address.parse().unwrap(), helo: String::new(), tls: None, account: None };
        let to = |text: &str| Address::parse(text).unwrap();
        assert!(recipient(&site, &peer("198.51.100.1"), &to("bob@Company.Example")).is_ok());
        assert_eq!(recipient(&site, &peer("198.51.100.1"), &to("eve@elsewhere.example")).unwrap_err().code, "relay-denied");
        assert!(recipient(&site, &peer("192.0.2.7"), &to("eve@elsewhere.example")).is_ok());
        assert!(recipient(&Site::default(), &peer("127.0.0.1"), &to("eve@elsewhere.example")).is_err(), "no network is listed by default");
    }
}
