//! A mail that a phone sends: SendMail, SmartForward, SmartReply (MS-ASCMD §2.2.1.17, §2.2.1.19, §2.2.1.20).
//!
//! Since protocol 14.0 the body is WBXML; before, it is the MIME message itself and the query says the rest. Both become
//! one view, so that what may not be forwarded is judged once.

use std::borrow::Cow;

use crate::tags::compose;
use crate::wbxml::{Document, NodeId};
use crate::{Command, Query};

/// What a phone wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing<'d> {
    /// SendMail, SmartForward or SmartReply.
    pub command: Command,
    /// The mail that the server adds to this one; `None` for SendMail.
    pub source: Option<Source<'d>>,
    /// True if the server is to add nothing of the source.
    pub replace_mime: bool,
    /// True if a copy is kept.
    pub save_in_sent: bool,
    /// The element with the MIME message; `None` when the request's whole body is the message.
    pub mime: Option<NodeId>,
}

/// A mail on the server, by folder and id, or by the id that Search gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source<'d> {
    /// The folder.
    pub folder: Option<Cow<'d, str>>,
    /// The item in it.
    pub item: Option<Cow<'d, str>>,
    /// The id that Search gave.
    pub long_id: Option<Cow<'d, str>>,
    /// One occurrence of a series.
    pub occurrence: Option<Cow<'d, str>>,
}

/// The form since 14.0; `None` if the body is another command's.
#[must_use]
pub fn from_body(document: &Document) -> Option<Outgoing<'_>> {
    let root = document.root()?;
    let command = match root.tag() {
        compose::SEND_MAIL => Command::SendMail,
        compose::SMART_FORWARD => Command::SmartForward,
        compose::SMART_REPLY => Command::SmartReply,
        _ => return None,
    };
    let source = root.child(compose::SOURCE).map(|source| Source {
        folder: source.text_of(compose::FOLDER_ID),
        item: source.text_of(compose::ITEM_ID),
        long_id: source.text_of(compose::LONG_ID),
        occurrence: source.text_of(compose::INSTANCE_ID),
    });
    Some(Outgoing {
        command,
        source,
        replace_mime: root.child(compose::REPLACE_MIME).is_some_and(super::items::said),
        save_in_sent: root.child(compose::SAVE_IN_SENT_ITEMS).is_some_and(super::items::said),
        mime: root.child(compose::MIME).map(|mime| mime.id()),
    })
}

/// The form before 14.0; `None` if the query asks for something else.
#[must_use]
pub fn from_query(query: &Query) -> Option<Outgoing<'_>> {
    if !matches!(query.command, Command::SendMail | Command::SmartForward | Command::SmartReply) {
        return None;
    }
    let said = |name: &str| {
        let found = query.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| Cow::Borrowed(value.as_str())).filter(|value| !value.is_empty())
    };
    let source = Source { folder: said("CollectionId"), item: said("ItemId"), long_id: said("LongId"), occurrence: said("Occurrence") };
    Some(Outgoing {
        command: query.command,
        source: (source != Source::default()).then_some(source),
        replace_mime: false,
        save_in_sent: said("SaveInSent").is_some_and(|value| value.eq_ignore_ascii_case("t")),
        mime: None,
    })
}

/// The reference that GetAttachment asks for (MS-ASCMD §2.2.1.7); its answer is the attachment itself, not WBXML.
#[must_use]
pub fn attachment_asked(query: &Query) -> Option<&str> {
    let found = query.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("AttachmentName"));
    found.filter(|_| query.command == Command::GetAttachment).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::Budget;

    use super::*;
    use crate::query;
    use crate::wbxml::{LIMITS, UnknownTags, Writer};

    #[test]
    fn g_21_both_forms_of_a_forward_say_the_same() {
        let mut writer = Writer::new();
        writer.start(21, 0x06).start(21, 0x11).text("c").end().empty(21, 0x08);
        writer.start(21, 0x0B).start(21, 0x0C).text("INBOX").end().start(21, 0x0D).text("119281").end().end();
        writer.start(21, 0x10).opaque(b"From: a\r\n\r\nhi").end();
        let octets = Bytes::from(writer.finish());
        let document = Document::parse(octets, UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap();
        let new = from_body(&document).unwrap();
        assert_eq!(document.element(new.mime.unwrap()).unwrap().value(), &b"From: a\r\n\r\nhi"[..]);

        let packed = query::parse("eQIJBBCuTs0Z9ZK6Vldwb/dM8JusBHVeHIQDUFBDBwEBAwYxMTkyODEBBUlOQk9Y").unwrap();
        let plain = query::parse("Cmd=SmartForward&User=a&DeviceId=d&DeviceType=t&collectionid=INBOX&ItemId=119281&SaveInSent=T").unwrap();
        for query in [packed, plain] {
            let old = from_query(&query).unwrap();
            assert_eq!(Outgoing { mime: new.mime, ..old }, new);
        }
        let send = query::parse("Cmd=SendMail&User=a&DeviceId=d&DeviceType=t&SaveInSent=F").unwrap();
        let old = from_query(&send).unwrap();
        assert_eq!((old.source, old.save_in_sent, old.mime), (None, false, None));
    }

    #[test]
    fn g_21_a_reference_is_asked_for_by_get_attachment_only() {
        let asked = query::parse("Cmd=GetAttachment&User=a&DeviceId=d&DeviceType=t&AttachmentName=mail%2FINBOX%2F2%2F2").unwrap();
        assert_eq!(attachment_asked(&asked), Some("mail/INBOX/2/2"));
        assert_eq!(from_query(&asked), None);
        let other = query::parse("Cmd=Sync&User=a&DeviceId=d&DeviceType=t&AttachmentName=x").unwrap();
        assert_eq!(attachment_asked(&other), None);
    }
}
