//! After the final dot: as whom the sender may speak, and the removal of marks that only we may set.
//!
//! Relaying and speaking for a domain are two rights (design decision 9, security.md X-7): only the second, or a
//! sign-in that owns the address, makes `authenticated()` say yes.

use message::Message;
use model::{Address, Budget, Envelope, Fault, Guilty, Origin, Peer, Site};

use crate::{accept, sign_in};

/// Names of header fields that only the gateway sets; any that come from outside are removed.
pub const OWN_FIELDS: &str = "x-sealgate-";

/// Who sends, as far as it is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The address that the rights were checked for; `None` for the null sender.
    pub address: Option<Address>,
    /// True if it may speak as this address.
    pub authenticated: bool,
}

/// Checks the envelope sender, or any other address in its place (the one in From).
#[must_use]
pub fn identity(site: &Site, origin: &Origin, address: Option<&Address>) -> Identity {
    let authenticated = match (origin, address) {
        (Origin::Smtp { peer }, Some(address)) => match &peer.account {
            Some(account) => sign_in::may_send_as(site, account, address),
            None => site.peer_speaks_for(peer, address.domain()),
        },
        _ => false,
    };
    Identity { address: address.cloned(), authenticated }
}

/// The `tenant_header`s of this client's sources that the mail bears: it must stand there once, with exactly this value.
#[must_use]
pub fn tenants(site: &Site, peer: &Peer, message: &Message) -> Vec<String> {
    let bears = |name: &str, value: &str| {
        let mut fields = message.fields_named(name);
        fields.next().is_some_and(|field| field.text().trim() == value) && fields.next().is_none()
    };
    let asked = site.sources.values().filter(|source| source.network.contains(&peer.address));
    asked
        .filter(|source| source.tenant().is_some_and(|(name, value)| bears(name, value)))
        .map(|source| source.tenant_header.clone())
        .collect()
}

/// Refuses what the client has no right to now that its mail is here: recipients that only a missing tenant header would have
/// allowed, and, of somebody who has signed in, a From or Sender of somebody else or one that can't be read.
///
/// # Errors
/// `relay-denied` or `sender-not-allowed`.
pub fn refuse_pretence(site: &Site, origin: &Origin, envelope: &Envelope, message: &Message) -> Result<(), Fault> {
    let Origin::Smtp { peer } = origin else { return Ok(()) };
    accept::envelope(site, peer, envelope)?;
    if peer.account.is_none() {
        return Ok(());
    }
    for field in message.fields().filter(|field| field.is("from") || field.is("sender")) {
        let unread = |_| Fault::permanent(Guilty::Sender, "sender-not-allowed", format!("{} can't be read", field.name));
        let mailboxes = message::address::list(field.value).map_err(unread).map_err(|fault| fault.with("sender", field.text()))?;
        let authors: Vec<Address> = mailboxes.into_iter().map(|mailbox| mailbox.address).collect();
        accept::authors(site, peer, &authors)?;
    }
    Ok(())
}

/// Takes away every `X-Sealgate-…` field; the message stays byte for byte if it has none.
///
/// # Errors
/// When the message can't be read again within the budget.
pub fn strip_own_marks(message: Message, budget: &Budget) -> Result<Message, Fault> {
    let marked =
        message.fields().any(|field| field.name.get(..OWN_FIELDS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_FIELDS)));
    if !marked {
        return Ok(message);
    }
    let mut edit = message.edit();
    edit.remove_starting_with(OWN_FIELDS);
    Message::parse(edit.finish(), budget).map_err(Fault::from)
}

/// Takes away the fields that name blind recipients to everybody (RFC 5322 §3.6.3): a sender's program should have done so. Mail of others stays
/// as it came.
///
/// # Errors
/// When the message can't be read again within the budget.
pub fn strip_blind(message: Message, budget: &Budget) -> Result<Message, Fault> {
    let blind = |name: &str| name.eq_ignore_ascii_case("bcc") || name.eq_ignore_ascii_case("resent-bcc");
    if !message.fields().any(|field| blind(field.name)) {
        return Ok(message);
    }
    let mut edit = message.edit();
    edit.remove_where(blind);
    Message::parse(edit.finish(), budget).map_err(Fault::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::site::Section;
    use model::{Peer, SiteRow};

    #[test]
    fn x_7_a_relay_is_not_the_sender() {
        let mut site = Site::default();
        for (section, key, body) in [
            (Section::Domain, "company.example", r#"{"name":"company.example","forward":"[127.0.0.1]:25"}"#),
            (Section::Source, "10.0.0.0/8", r#"{"network":"10.0.0.0/8","speaks_for":[]}"#),
            (Section::Mail, "", r#"{"relay_networks":["192.0.2.0/24"]}"#),
        ] {
            site.apply(&SiteRow { section, key: key.into(), version: 1, body: body.into() }).unwrap();
        }
        let director = Address::parse("director@company.example").unwrap();
        let from = |address: &str, account: Option<&str>| {
            let peer = Peer { account: account.map(|a| Address::parse(a).unwrap()), ..Peer::new(address.parse().unwrap()) };
            identity(&site, &Origin::Smtp { peer }, Some(&director)).authenticated
        };
        assert!(!from("10.1.1.1", None), "a device that may relay");
        assert!(from("192.0.2.1", None), "the company's mail server");
        assert!(!from("192.0.2.1", Some("mallory@company.example")), "signed in as somebody else");
        assert!(!identity(&site, &Origin::Notice { about: None }, Some(&director)).authenticated);
    }

    #[test]
    fn m_r9_the_fields_of_blind_recipients_go() {
        let budget = Budget::default();
        let bytes = bytes::Bytes::from_static(
            b"From: a@b.example\r\nBCC: c@b.example,\r\n d@b.example\r\nSubject: x\r\nResent-Bcc: e@b.example\r\n\r\nBcc: in the text\r\n",
        );
        let clean = strip_blind(Message::parse(bytes, &budget).unwrap(), &budget).unwrap();
        assert_eq!(clean.bytes().as_ref(), b"From: a@b.example\r\nSubject: x\r\n\r\nBcc: in the text\r\n");
    }

    #[test]
    fn m_r10_own_fields_from_outside_are_removed() {
        let budget = Budget::default();
        let bytes = bytes::Bytes::from_static(b"From: a@b.example\r\nX-SEALGATE-Signature: valid\r\n forged\r\nSubject: x\r\n\r\nhi\r\n");
        let clean = strip_own_marks(Message::parse(bytes, &budget).unwrap(), &budget).unwrap();
        assert_eq!(clean.bytes().as_ref(), b"From: a@b.example\r\nSubject: x\r\n\r\nhi\r\n");
    }
}
