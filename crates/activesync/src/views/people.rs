//! Certificates of people, and answers to meetings: ResolveRecipients, ValidateCert, MeetingResponse, GAL look-ups.
//!
//! Mail clients ask by ResolveRecipients (MS-ASCMD §2.2.1.15) for the certificate of whom they write to, and by ValidateCert
//! (§2.2.1.22) whether to believe one; a gateway may answer from a directory (mobile-gateway.md G-24).

use std::borrow::Cow;

use crate::tags::{base, meeting, resolve, settings, validate};
use crate::views::Body;
use crate::wbxml::{Document, Element};

/// What a phone asks about people.
#[derive(Debug, Clone)]
pub struct Asked<'d> {
    /// The names or addresses, each in its element, in their order.
    pub to: Vec<Element<'d>>,
    /// True if it wants certificates: `CertificateRetrieval` 2, or 3 for the short form.
    pub certificates: bool,
}

/// The answer about one `To`.
#[derive(Debug, Clone)]
pub struct Resolved<'d> {
    /// The element that holds all of it.
    pub frame: Element<'d>,
    /// What was asked.
    pub to: Option<Cow<'d, str>>,
    /// Whom the server found.
    pub recipients: Vec<Recipient<'d>>,
}

/// One person that the server found.
#[derive(Debug, Clone)]
pub struct Recipient<'d> {
    /// The element that holds all of it.
    pub frame: Element<'d>,
    /// The mail address.
    pub address: Option<Cow<'d, str>>,
    /// The element with certificates, if the answer has one; it may hold a status only.
    pub list: Option<Element<'d>>,
    /// The certificates, DER in base64.
    pub certificates: Vec<Element<'d>>,
}

/// A request of ResolveRecipients; `None` if the body is something else.
#[must_use]
pub fn asked(document: &Document) -> Option<Asked<'_>> {
    let root = document.root().filter(|root| root.tag() == resolve::RESOLVE_RECIPIENTS)?;
    let wanted = root.path(&[resolve::OPTIONS, resolve::CERTIFICATE_RETRIEVAL]).and_then(|wanted| wanted.number());
    Some(Asked { to: root.all(resolve::TO).collect(), certificates: matches!(wanted, Some(2 | 3)) })
}

/// An answer of ResolveRecipients; empty if the body is something else.
#[must_use]
pub fn resolved(document: &Document) -> Vec<Resolved<'_>> {
    let root = document.root().filter(|root| root.tag() == resolve::RESOLVE_RECIPIENTS);
    let frames = root.into_iter().flat_map(|root| root.all(resolve::RESPONSE));
    frames
        .map(|frame| Resolved { frame, to: frame.text_of(resolve::TO), recipients: frame.all(resolve::RECIPIENT).map(recipient).collect() })
        .collect()
}

fn recipient(frame: Element<'_>) -> Recipient<'_> {
    let list = frame.child(resolve::CERTIFICATES);
    let certificates = list.into_iter().flat_map(|list| list.all(resolve::CERTIFICATE));
    Recipient { frame, address: frame.text_of(resolve::EMAIL_ADDRESS), list, certificates: certificates.collect() }
}

/// The certificates that a phone wants checked, DER in base64; those of the chain come last. Empty if the body is
/// something else.
#[must_use]
pub fn to_validate(document: &Document) -> Vec<Element<'_>> {
    let Some(root) = document.root().filter(|root| root.tag() == validate::VALIDATE_CERT) else { return Vec::new() };
    let lists = [validate::CERTIFICATES, validate::CERTIFICATE_CHAIN].into_iter().filter_map(|list| root.child(list));
    lists.flat_map(|list| list.all(validate::CERTIFICATE)).collect()
}

/// The bodies that a phone sends with its answers to meetings (protocol 16.0, MS-ASCMD §2.2.1.11).
#[must_use]
pub fn meeting_answers(document: &Document) -> Vec<Body> {
    let root = document.root().filter(|root| root.tag() == meeting::MEETING_RESPONSE);
    let sent = root.into_iter().flat_map(|root| root.all(meeting::REQUEST)).filter_map(|request| request.child(meeting::SEND_RESPONSE));
    sent.filter_map(|sent| sent.child(base::BODY)).map(super::items::base_body).collect()
}

/// The texts of an out-of-office message in Settings, both ways (MS-ASCMD §2.2.1.18).
#[must_use]
pub fn away_texts(document: &Document) -> Vec<Element<'_>> {
    let root = document.root().filter(|root| root.tag() == settings::SETTINGS);
    root.into_iter().flat_map(|root| root.descendants()).filter(|element| element.tag() == settings::REPLY_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::Budget;

    use super::*;
    use crate::views::{BodyKind, Content};
    use crate::wbxml::{LIMITS, UnknownTags, Writer};

    fn read(writer: Writer) -> Document {
        Document::parse(Bytes::from(writer.finish()), UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap()
    }

    #[test]
    fn g_24_who_is_asked_for_and_what_was_found() {
        let mut writer = Writer::new();
        writer.start(10, 0x05).start(10, 0x10).text("bob").end().start(10, 0x10).text("eve@x").end();
        writer.start(10, 0x0F).start(10, 0x11).text("2").end().end();
        let document = read(writer);
        let request = asked(&document).unwrap();
        assert_eq!(request.to.iter().map(|to| to.text().into_owned()).collect::<Vec<_>>(), ["bob", "eve@x"]);
        assert!(request.certificates && resolved(&document).is_empty() && to_validate(&document).is_empty());

        let mut writer = Writer::new();
        writer.start(10, 0x05).start(10, 0x06).start(10, 0x10).text("bob").end();
        writer.start(10, 0x09).start(10, 0x0B).text("bob@x").end().start(10, 0x0C).start(10, 0x0D).text("MII").end().end().end();
        writer.start(10, 0x09).start(10, 0x0B).text("bob@y").end().end();
        let document = read(writer);
        let found = resolved(&document);
        assert_eq!(found[0].to.as_deref(), Some("bob"));
        assert_eq!(found[0].recipients[0].certificates[0].text(), "MII");
        assert!(found[0].recipients[1].list.is_none() && !asked(&document).unwrap().certificates);
    }

    #[test]
    fn g_24_the_certificates_to_check() {
        let mut writer = Writer::new();
        writer.start(11, 0x05).start(11, 0x08).start(11, 0x07).text("chain").end().end();
        writer.start(11, 0x06).start(11, 0x07).text("leaf").end().end();
        let document = read(writer);
        assert_eq!(to_validate(&document).iter().map(|c| c.text().into_owned()).collect::<Vec<_>>(), ["leaf", "chain"]);
    }

    #[test]
    fn g_22_texts_that_a_phone_sends_beside_mails() {
        let mut writer = Writer::new();
        writer.start(8, 0x07).start(8, 0x09).start(8, 0x0C).text("1").end().start(8, 0x12);
        writer.start(17, 0x0A).start(17, 0x06).text("2").end().start(17, 0x0B).text("<a>").end().end().end().end();
        let document = read(writer);
        let bodies = meeting_answers(&document);
        assert_eq!((bodies.len(), bodies[0].kind), (1, BodyKind::Html));
        let Content::Here(at) = bodies[0].content else { panic!("{bodies:?}") };
        assert_eq!(document.element(at).unwrap().text(), "<a>");

        let mut writer = Writer::new();
        writer.start(18, 0x05).start(18, 0x09).start(18, 0x08).start(18, 0x0D).start(18, 0x12).text("away").end().end();
        assert_eq!(away_texts(&read(writer)).len(), 1);
    }
}
