//! At MAIL and RCPT, and again when the mail has come: whom we take mail from and for (mail-gateway.md M-T2, M-T5). Never an open
//! relay: no network is listed by default.

use model::{Address, Envelope, Fault, Guilty, Peer, Site};

use crate::sign_in;

/// Decides about one recipient from facts in memory.
///
/// # Errors
/// `relay-denied` when neither the recipient's domain is managed nor the client may relay.
pub fn recipient(site: &Site, peer: &Peer, recipient: &Address) -> Result<(), Fault> {
    // A source that goes by a header of the mail is let through here and judged when the mail has come.
    if site.is_managed(recipient) || peer.account.is_some() || site.relays(peer, true) {
        return Ok(());
    }
    Err(denied(peer, recipient))
}

/// The same once the mail has come and `peer` has all its proofs.
///
/// # Errors
/// `relay-denied` for the first recipient that it may not send to.
pub fn envelope(site: &Site, peer: &Peer, envelope: &Envelope) -> Result<(), Fault> {
    if peer.account.is_some() || site.relays(peer, false) {
        return Ok(());
    }
    let foreign = envelope.recipients.iter().find(|recipient| !site.is_managed(&recipient.address));
    foreign.map_or(Ok(()), |recipient| Err(denied(peer, &recipient.address)))
}

/// MAIL of somebody who has signed in: as own addresses and those of `send_as` only. The null sender is everybody's; From is
/// looked at when the mail has come.
///
/// # Errors
/// `sender-not-allowed`.
pub fn sender(site: &Site, peer: &Peer, sender: Option<&Address>) -> Result<(), Fault> {
    if let Some(account) = peer.account.as_ref().filter(|account| !sign_in::still_there(site, account)) {
        return Err(Fault::permanent(Guilty::Sender, "sign-in-failed", format!("{account} is no account any more")));
    }
    match (&peer.account, sender) {
        (Some(account), Some(sender)) if !sign_in::may_send_as(site, account, sender) => Err(not_allowed(account, sender)),
        _ => Ok(()),
    }
}

/// From and Sender of somebody who has signed in, as [`sender`].
///
/// # Errors
/// `sender-not-allowed`.
pub fn authors(site: &Site, peer: &Peer, authors: &[Address]) -> Result<(), Fault> {
    let Some(account) = &peer.account else { return Ok(()) };
    let foreign = authors.iter().find(|author| !sign_in::may_send_as(site, account, author));
    foreign.map_or(Ok(()), |author| Err(not_allowed(account, author)))
}

fn not_allowed(account: &Address, sender: &Address) -> Fault {
    let cause = format!("{account} may not send as {sender}");
    Fault::permanent(Guilty::Sender, "sender-not-allowed", cause).with("sender", sender)
}

fn denied(peer: &Peer, recipient: &Address) -> Fault {
    let cause = format!("{} may not send to {}", peer.address, recipient.domain());
    Fault::permanent(Guilty::Sender, "relay-denied", cause).with("domain", recipient.domain_key())
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
        let peer = |address: &str| Peer::new(address.parse().unwrap());
        let to = |text: &str| Address::parse(text).unwrap();
        assert!(recipient(&site, &peer("198.51.100.1"), &to("bob@Company.Example")).is_ok());
        assert_eq!(recipient(&site, &peer("198.51.100.1"), &to("eve@elsewhere.example")).unwrap_err().code, "relay-denied");
        assert!(recipient(&site, &peer("192.0.2.7"), &to("eve@elsewhere.example")).is_ok());
        let signed_in = Peer { account: Some(to("bob@company.example")), ..peer("198.51.100.1") };
        assert!(recipient(&site, &signed_in, &to("eve@elsewhere.example")).is_ok());
        assert!(recipient(&Site::default(), &peer("127.0.0.1"), &to("eve@elsewhere.example")).is_err(), "no network is listed by default");
    }
    #[test]
    fn m_t5_who_signed_in_sends_as_own_addresses() {
        let mut site = Site::default();
        let body = r#"{"address":"bob@company.example","send_as":["Sales@company.example"]}"#;
        site.apply(&SiteRow { section: Section::User, key: "bob@company.example".into(), version: 1, body: body.into() }).unwrap();
        let to = |text: &str| Address::parse(text).unwrap();
        let peer = Peer { account: Some(to("bob@company.example")), ..Peer::new([192, 0, 2, 1].into()) };
        assert!(sender(&site, &peer, None).is_ok() && sender(&site, &peer, Some(&to("BOB@company.example"))).is_ok());
        assert!(sender(&site, &peer, Some(&to("sales@company.example"))).is_ok());
        assert_eq!(sender(&site, &peer, Some(&to("director@company.example"))).unwrap_err().code, "sender-not-allowed");
        assert!(authors(&site, &peer, &[to("bob@company.example"), to("director@company.example")]).is_err());
        assert!(authors(&site, &peer, &[to("sales@company.example")]).is_ok());
        let nobody = Peer::new([192, 0, 2, 1].into());
        assert!(sender(&site, &nobody, Some(&to("director@company.example"))).is_ok(), "other rules are for those");
    }

    #[test]
    fn x_7_a_tenant_header_is_looked_at_when_the_mail_has_come() {
        let mut site = Site::default();
        let body = r#"{"network":"203.0.113.0/24","tenant_header":"X-Tenant: 42"}"#;
        site.apply(&SiteRow { section: Section::Source, key: "203.0.113.0/24".into(), version: 1, body: body.into() }).unwrap();
        let to = Address::parse("eve@elsewhere.example").unwrap();
        let mail = Envelope {
            recipients: vec![model::Recipient::plain(to.clone())],
            ..crate::kit_tests::work("203.0.113.5", "a@b.example", &[]).envelope
        };
        let mut peer = Peer::new([203, 0, 113, 5].into());
        assert!(recipient(&site, &peer, &to).is_ok());
        assert_eq!(envelope(&site, &peer, &mail).unwrap_err().code, "relay-denied");
        peer.proof.tenants = vec!["X-Tenant: 42".to_owned()];
        assert!(envelope(&site, &peer, &mail).is_ok());
    }
}
