//! The items in a body: mails, appointments, contacts, tasks, notes, and single attachments, wherever they stand.
//!
//! Sync carries them both ways (MS-ASCMD §2.2.1.21), ItemOperations (§2.2.1.10), Search (§2.2.1.16) and Find (§2.2.1.2)
//! from the server. All hold the same elements, so a policy that has a view of an [`Item`] judges each command alike
//! (mobile-gateway.md G-23).

use std::borrow::Cow;

use crate::code_pages::Tag;
use crate::tags::{air_sync, base, calendar, contacts, email, find, item_operations, notes, search, tasks};
use crate::wbxml::{Document, Element, NodeId};

/// Where an item was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `Commands` of Sync: from the server when in an answer, from the phone when in a request.
    SyncCommand,
    /// `Responses` of Sync: an answer to one command of the phone, such as Fetch.
    SyncResponse,
    /// An answer to Fetch of ItemOperations.
    Fetched,
    /// A hit of Search or Find.
    Found,
}

/// One item.
#[derive(Debug, Clone, Copy)]
pub struct Item<'d> {
    /// Where it was met.
    pub place: Place,
    /// `Add`, `Change`, `Fetch` or `Result`: the element to take out when the item must not be seen.
    pub frame: Element<'d>,
    /// `ApplicationData` or `Properties`: what holds the item's own elements.
    pub data: Element<'d>,
    /// `Collection` of Sync, which names folder and class for all of its items.
    collection: Option<Element<'d>>,
}

/// How a body is written (MS-ASAIRS §2.2.2.41).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// Text.
    Plain,
    /// HTML.
    Html,
    /// Rich text, compressed and in base64.
    Rtf,
    /// A whole MIME message.
    Mime,
}

/// Where the octets of a body or an attachment are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The value of this element.
    Here(NodeId),
    /// The part with this number of an answer in parts ([`crate::multipart`]).
    Part(usize),
    /// Not in this answer.
    Absent,
}

/// One body of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body {
    /// How it is written; a kind that the standard does not have is read as text.
    pub kind: BodyKind,
    /// Where it is.
    pub content: Content,
    /// True if the server cut it short.
    pub truncated: bool,
    /// The element that holds all of it: `Body`, `BodyPart`, or the text itself below protocol 12.0.
    pub frame: NodeId,
    /// The element with its whole size, which must follow a change.
    pub size: Option<NodeId>,
}

/// One attachment that an item names. Its octets come by ItemOperations or GetAttachment.
#[derive(Debug, Clone)]
pub struct Attachment<'d> {
    /// The element to take out when it must not be seen.
    pub frame: NodeId,
    /// The element with its name.
    pub name_at: Option<NodeId>,
    /// Its name as shown.
    pub name: Cow<'d, str>,
    /// The element with the reference by which it is fetched: `FileReference`, below protocol 12.0 `AttName`.
    pub reference_at: Option<NodeId>,
    /// The reference itself.
    pub reference: Cow<'d, str>,
    /// Octets, as the server estimates them.
    pub size: Option<u64>,
    /// 1 a file, 5 a message, 6 an OLE object.
    pub method: Option<u64>,
    /// True if the body shows it.
    pub inline: bool,
    /// The octets themselves, in a draft that the phone sends (protocol 16.0).
    pub content: Content,
}

/// All items of a body, in its order, of a request or an answer of Sync, ItemOperations, Search or Find.
#[must_use]
pub fn items(document: &Document) -> Vec<Item<'_>> {
    let Some(root) = document.root() else { return Vec::new() };
    match root.tag() {
        air_sync::SYNC => sync(root),
        item_operations::ITEM_OPERATIONS => {
            framed(root.child(item_operations::RESPONSE), item_operations::FETCH, item_operations::PROPERTIES, Place::Fetched)
        }
        search::SEARCH => framed(root.path(&[search::RESPONSE, search::STORE]), search::RESULT, search::PROPERTIES, Place::Found),
        find::FIND => framed(root.child(find::RESPONSE), find::RESULT, find::PROPERTIES, Place::Found),
        _ => Vec::new(),
    }
}

fn sync(root: Element<'_>) -> Vec<Item<'_>> {
    let mut found = Vec::new();
    for collection in root.all(air_sync::COLLECTIONS).flat_map(|all| all.all(air_sync::COLLECTION)) {
        for (list, place) in [(air_sync::COMMANDS, Place::SyncCommand), (air_sync::RESPONSES, Place::SyncResponse)] {
            for frame in collection.all(list).flat_map(|list| list.children()) {
                let Some(data) = frame.child(air_sync::APPLICATION_DATA) else { continue };
                found.push(Item { place, frame, data, collection: Some(collection) });
            }
        }
    }
    found
}

fn framed(list: Option<Element<'_>>, frame: Tag, data: Tag, place: Place) -> Vec<Item<'_>> {
    let frames = list.into_iter().flat_map(|list| list.all(frame));
    frames.filter_map(|frame| Some(Item { place, frame, data: frame.child(data)?, collection: None })).collect()
}

impl<'d> Item<'d> {
    /// The class, `Email`, `Calendar`, `Contacts`, `Tasks`, `Notes`, where the body names it; Sync answers since 12.1 don't.
    #[must_use]
    pub fn class(&self) -> Option<Cow<'d, str>> {
        let own = self.frame.text_of(air_sync::CLASS);
        own.or_else(|| self.collection.and_then(|collection| collection.text_of(air_sync::CLASS)))
    }

    /// The folder that it is in, if the body names it.
    #[must_use]
    pub fn folder(&self) -> Option<Cow<'d, str>> {
        let own = self.frame.text_of(air_sync::COLLECTION_ID);
        own.or_else(|| self.collection.and_then(|collection| collection.text_of(air_sync::COLLECTION_ID)))
    }

    /// The server's id of the item, if it has one yet and it is named.
    #[must_use]
    pub fn server_id(&self) -> Option<Cow<'d, str>> {
        self.frame.text_of(air_sync::SERVER_ID)
    }

    /// The id by which a hit of Search is fetched.
    #[must_use]
    pub fn long_id(&self) -> Option<Cow<'d, str>> {
        self.frame.text_of(search::LONG_ID)
    }

    /// The reference that this is the answer to, when an attachment was fetched and not an item.
    #[must_use]
    pub fn fetched_reference(&self) -> Option<Cow<'d, str>> {
        self.frame.text_of(base::FILE_REFERENCE)
    }

    /// The octets of a fetched attachment: base64 in the element, raw in a part.
    #[must_use]
    pub fn fetched_content(&self) -> Content {
        self.fetched_reference().map_or(Content::Absent, |_| content(self.data, item_operations::DATA))
    }

    /// The elements with a subject: of the item, of exceptions of an appointment, and the topic made from it.
    pub fn subjects(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        const SUBJECTS: [Tag; 6] =
            [email::SUBJECT, email::THREAD_TOPIC, calendar::SUBJECT, tasks::SUBJECT, notes::SUBJECT, contacts::FILE_AS];
        self.data.descendants().filter(|element| SUBJECTS.contains(&element.tag()))
    }

    /// The elements with the first words of a body, which a change of the body must follow.
    pub fn previews(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        self.data.descendants().filter(|element| [base::PREVIEW, find::PREVIEW].contains(&element.tag()))
    }

    /// `IPM.Note` and the like; a signed or encrypted mail says `IPM.Note.SMIME…`.
    #[must_use]
    pub fn message_class(&self) -> Option<Cow<'d, str>> {
        self.data.text_of(email::MESSAGE_CLASS)
    }

    /// All bodies: of the item and of exceptions of an appointment.
    #[must_use]
    pub fn bodies(&self) -> Vec<Body> {
        self.data.descendants().filter_map(body).collect()
    }

    /// All attachments that the item names.
    #[must_use]
    pub fn attachments(&self) -> Vec<Attachment<'d>> {
        self.data.descendants().filter_map(attachment).collect()
    }

    /// The list elements around attachments: to be taken out when the last attachment goes.
    pub fn attachment_lists(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        self.data.descendants().filter(|element| [base::ATTACHMENTS, email::ATTACHMENTS].contains(&element.tag()))
    }
}

fn body(element: Element<'_>) -> Option<Body> {
    match element.tag() {
        base::BODY | base::BODY_PART => Some(base_body(element)),
        email::BODY => Some(old_body(element, BodyKind::Plain, email::BODY_TRUNCATED, email::BODY_SIZE)),
        email::MIME_DATA => Some(old_body(element, BodyKind::Mime, email::MIME_TRUNCATED, email::MIME_SIZE)),
        contacts::BODY => Some(old_body(element, BodyKind::Plain, contacts::BODY_TRUNCATED, contacts::BODY_SIZE)),
        calendar::BODY => Some(old_body(element, BodyKind::Plain, calendar::BODY_TRUNCATED, calendar::BODY_TRUNCATED)),
        tasks::BODY => Some(old_body(element, BodyKind::Plain, tasks::BODY_TRUNCATED, tasks::BODY_SIZE)),
        _ => None,
    }
}

/// `Body` and `BodyPart` since 12.0 (MS-ASAIRS §2.2.2.9, §2.2.2.10).
pub(crate) fn base_body(frame: Element<'_>) -> Body {
    let kind = match frame.number_of(base::TYPE) {
        Some(2) => BodyKind::Html,
        Some(3) => BodyKind::Rtf,
        Some(4) => BodyKind::Mime,
        _ => BodyKind::Plain,
    };
    Body {
        kind,
        content: content(frame, base::DATA),
        truncated: frame.child(base::TRUNCATED).is_some_and(said),
        frame: frame.id(),
        size: frame.child(base::ESTIMATED_DATA_SIZE).map(|size| size.id()),
    }
}

/// The bodies of protocol 2.5 are the elements themselves; size and truncation stand beside them.
fn old_body(frame: Element<'_>, kind: BodyKind, truncated: Tag, size: Tag) -> Body {
    let beside = |tag| frame.parent().and_then(|parent| parent.child(tag));
    Body {
        kind,
        content: Content::Here(frame.id()),
        truncated: beside(truncated).is_some_and(said),
        frame: frame.id(),
        size: (size != truncated).then(|| beside(size)).flatten().map(|size| size.id()),
    }
}

/// In the element, or in the part that `Part` names (MS-ASCMD §2.2.3.130).
fn content(frame: Element<'_>, data: Tag) -> Content {
    // Part 0 is the WBXML itself: nobody's body.
    let part = frame.number_of(item_operations::PART).and_then(|part| usize::try_from(part).ok()).filter(|part| *part > 0);
    match (frame.child(data), part) {
        (Some(data), _) => Content::Here(data.id()),
        (None, Some(part)) => Content::Part(part),
        (None, None) => Content::Absent,
    }
}

/// True unless a boolean says 0: an empty element means yes.
pub(crate) fn said(element: Element<'_>) -> bool {
    let text = element.text();
    !matches!(text.trim(), "0" | "false")
}

fn attachment(frame: Element<'_>) -> Option<Attachment<'_>> {
    let (name, reference, size, method) = match frame.tag() {
        base::ATTACHMENT => (base::DISPLAY_NAME, base::FILE_REFERENCE, base::ESTIMATED_DATA_SIZE, base::METHOD),
        email::ATTACHMENT => (email::DISPLAY_NAME, email::ATT_NAME, email::ATT_SIZE, email::ATT_METHOD),
        // A new attachment of a draft; `Add` of Sync is another element.
        base::ADD => (base::DISPLAY_NAME, base::FILE_REFERENCE, base::ESTIMATED_DATA_SIZE, base::METHOD),
        _ => return None,
    };
    let (name, reference) = (frame.child(name), frame.child(reference));
    Some(Attachment {
        frame: frame.id(),
        name_at: name.map(|name| name.id()),
        name: name.map(|name| name.text()).unwrap_or_default(),
        reference_at: reference.map(|reference| reference.id()),
        reference: reference.map(|reference| reference.text()).unwrap_or_default(),
        size: frame.number_of(size),
        method: frame.number_of(method),
        inline: frame.child(base::IS_INLINE).is_some_and(said),
        content: content(frame, base::CONTENT),
    })
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
