//! What a phone asks, before it goes to the mail server: our references become its own, our links what they were.
//!
//! Everything that is not ours leaves byte for byte. A reference that we did not make stays as it is: what comes back for it
//! can't be judged.

use activesync::tags::{air_sync, base, item_operations, search};
use activesync::views::items::items;
use activesync::views::outgoing;
use activesync::wbxml::{Document, Edits, LIMITS, UnknownTags, Writer};
use activesync::{Command, Query};
use bytes::Bytes;
use model::ports::ContentKeys;
use model::{Budget, Limits};

use crate::attachments::PASSES;
use crate::item;
use crate::links::Links;
use crate::reference::{PREFIX, Reference};
use crate::work::{References, Trouble, Work};
use crate::{Plan, mime};

/// True if the octets may hold a reference of ours; most requests hold none.
#[must_use]
pub fn may_refer(octets: &[u8]) -> bool {
    memchr::memmem::find(octets, PREFIX.as_bytes()).is_some()
}

/// A request in WBXML with the mail server's own references, and what they said.
///
/// Where attachments are judged a phone can't ask for a piece of one: only a whole one can be judged. Where tags are, it can't
/// leave out the subject.
///
/// # Errors
/// [`Trouble`] when it can't be read; the mail server will say so to the phone.
pub fn unwrapped(plan: Option<&Plan>, keys: &dyn ContentKeys, user: &str, octets: &Bytes) -> Result<(Option<Bytes>, References), Trouble> {
    let document = Document::parse(octets.clone(), UnknownTags::Keep, &Budget::new(LIMITS))?;
    let (mut edits, mut known) = (Edits::new(&document), References::new());
    for element in document.elements().filter(|element| element.tag() == base::FILE_REFERENCE) {
        let written = element.text();
        if let Some(reference) = Reference::read(keys, user, &written) {
            edits.set(element.id(), reference.upstream.clone())?;
            known.insert(reference.upstream.clone(), (written.into_owned(), reference));
        }
    }
    let root = document.root().filter(|root| root.tag() == item_operations::ITEM_OPERATIONS);
    for fetch in root.into_iter().flat_map(|root| root.all(item_operations::FETCH)) {
        let options = fetch.child(item_operations::OPTIONS);
        let taken = [
            (item_operations::RANGE, plan.is_some_and(Plan::takes_away)),
            (item_operations::SCHEMA, plan.is_some_and(|plan| plan.classification.is_some())),
        ];
        for (tag, _) in taken.into_iter().filter(|(_, taken)| *taken) {
            options.into_iter().flat_map(|options| options.all(tag)).try_for_each(|element| edits.remove(element.id()))?;
        }
    }
    let changed = (!edits.is_empty()).then(|| edits.finish().into_bytes());
    Ok((changed, known))
}

/// A mail that a phone sends, with the links that it got from us as they were; `None` if there is none. `whole`: the body is the
/// mail itself, as before protocol 14.0.
///
/// # Errors
/// [`Trouble`] when it can't be read; the mail server will say so to the phone.
pub fn links_back(links: &Links, octets: &Bytes, whole: bool) -> Result<Option<Bytes>, Trouble> {
    let budget = Budget::new(Limits::MAIL);
    if whole {
        return mime::outbound(links, octets, &budget);
    }
    let document = Document::parse(octets.clone(), UnknownTags::Keep, &Budget::new(LIMITS))?;
    let Some(place) = outgoing::from_body(&document).and_then(|sent| sent.mime).and_then(|id| document.element(id)) else {
        return Ok(None);
    };
    let Some(mail) = mime::outbound(links, &Bytes::from(place.value().into_owned()), &budget)? else { return Ok(None) };
    let mut edits = Edits::new(&document);
    edits.set(place.id(), mail)?;
    Ok(Some(edits.finish().into_bytes()))
}

/// The mail that a forward or reply takes along.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// SmartReply takes text along, SmartForward attachments too.
    pub reply: bool,
    folder: Option<String>,
    item: Option<String>,
    long_id: Option<String>,
}

/// What a request takes along, if it does.
///
/// # Errors
/// [`Trouble`] when that can't be seen.
pub fn source(query: &Query, octets: &Bytes, whole: bool) -> Result<Option<Source>, Trouble> {
    let made = |sent: outgoing::Outgoing<'_>| {
        let own = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
        let source = sent.source.filter(|_| !sent.replace_mime)?;
        let reply = sent.command == Command::SmartReply;
        Some(Source { reply, folder: own(source.folder), item: own(source.item), long_id: own(source.long_id) })
    };
    if whole {
        return Ok(outgoing::from_query(query).and_then(made));
    }
    let document = Document::parse(octets.clone(), UnknownTags::Keep, &Budget::new(LIMITS))?;
    Ok(outgoing::from_body(&document).and_then(made))
}

/// The request that asks the mail server for this mail: its subject, its text, the names of its attachments.
#[must_use]
pub fn asking_for(source: &Source) -> Vec<u8> {
    let mut writer = Writer::new();
    let open = |writer: &mut Writer, tag: activesync::Tag| {
        writer.start(tag.page, tag.token);
    };
    let text = |writer: &mut Writer, tag: activesync::Tag, value: &str| {
        writer.start(tag.page, tag.token).text(value).end();
    };
    open(&mut writer, item_operations::ITEM_OPERATIONS);
    open(&mut writer, item_operations::FETCH);
    text(&mut writer, item_operations::STORE, "Mailbox");
    match (&source.long_id, &source.folder, &source.item) {
        (Some(id), ..) => text(&mut writer, search::LONG_ID, id),
        (None, folder, item) => {
            folder.iter().for_each(|id| text(&mut writer, air_sync::COLLECTION_ID, id));
            item.iter().for_each(|id| text(&mut writer, air_sync::SERVER_ID, id));
        }
    }
    open(&mut writer, item_operations::OPTIONS);
    text(&mut writer, air_sync::MIME_SUPPORT, "2");
    open(&mut writer, base::BODY_PREFERENCE);
    // The whole mail: a tag may stand in its header, and what is signed is seen.
    text(&mut writer, base::TYPE, "4");
    writer.finish()
}

/// What a forward would carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Nothing that a policy keeps from this device.
    Nothing,
    /// Something of it.
    Kept,
    /// That can't be seen.
    Unknown,
}

/// What the mail server said to [`asking_for`].
#[must_use]
pub fn carries(work: &Work<'_>, plan: &Plan, source: &Source, octets: &Bytes) -> Carries {
    let Ok(document) = Document::parse(octets.clone(), UnknownTags::Keep, &work.budget(LIMITS)) else { return Carries::Unknown };
    let all = items(&document);
    let Some(item) = all.first() else { return Carries::Unknown };
    let seen = item::Source { document: &document, parts: None };
    let Ok((smime, blocked)) = item::judged(work, plan, item, seen) else { return Carries::Unknown };
    let rows = plan.attachments.as_ref().filter(|_| !(source.reply || plan.skip_smime && smime));
    let held = item.attachments().iter().any(|attachment| {
        let verdict = rows.map_or(PASSES, |rows| rows.by_name(&attachment.name, None));
        plan.holds_back(&verdict)
    });
    let inside = rows.is_some() && item::holds_back(work, plan, item, seen).unwrap_or(true);
    if blocked || held || inside { Carries::Kept } else { Carries::Nothing }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
