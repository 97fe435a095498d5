//! A whole answer of the mail server: WBXML, an answer in parts, or an attachment by itself.
//!
//! One item that can't be read becomes a notice and the rest goes on (mobile-gateway.md G-25); an answer that can't be read
//! at all is an error, and the caller decides what that means. Without a change the answer is the octets that came.

use std::collections::BTreeMap;

use activesync::Tag;
use activesync::multipart::Multipart;
use activesync::tags::{base, item_operations};
use activesync::views::items::items;
use activesync::wbxml::{Document, EditError, Edits, LIMITS, Rope, UnknownTags, Writer};
use bytes::Bytes;
use message::transfer;

use crate::item::{self, Changes, Source};
use crate::reference::Reference;
use crate::work::{Fate, Trouble, Work};

/// An answer in WBXML; `None` if nothing changes.
///
/// # Errors
/// [`Trouble`] when it can't be read.
pub fn wbxml(work: &Work<'_>, octets: &Bytes) -> Result<Option<Bytes>, Trouble> {
    let document = Document::parse(octets.clone(), UnknownTags::Keep, &work.budget(LIMITS))?;
    let (body, _) = changed(work, Source { document: &document, parts: None })?;
    Ok(body.map(Rope::into_bytes))
}

/// An answer in parts; `None` if nothing changes.
///
/// # Errors
/// [`Trouble`] when it can't be read.
pub fn multipart(work: &Work<'_>, octets: &Bytes) -> Result<Option<Bytes>, Trouble> {
    let parts = Multipart::parse(octets.clone(), &work.budget(LIMITS))?;
    let first = parts.part(0).unwrap_or_default();
    let document = Document::parse(first, UnknownTags::Keep, &work.budget(LIMITS))?;
    let (body, mut changes) = changed(work, Source { document: &document, parts: Some(&parts) })?;
    changes.extend(body.map(|body| (0, body)));
    if changes.is_empty() {
        return Ok(None);
    }
    Ok(Some(parts.with(changes)?.into_bytes()))
}

/// The media type of an encrypted attachment.
pub const ENCRYPTED: &str = crypto::attachment::CONTENT_TYPE;

/// The answer to a fetch of attachments that is larger than what is looked at: the text for each, by the phone's own references;
/// `None` if nothing that we know was fetched, or it may pass unseen.
#[must_use]
pub fn in_its_place(work: &Work<'_>) -> Option<Bytes> {
    let text = work.plan?.unjudged().filter(|_| !work.references.is_empty())?;
    let content = transfer::encode_base64(text.as_bytes());
    let content: Vec<u8> = content.into_iter().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let content = String::from_utf8_lossy(&content);
    let open = |writer: &mut Writer, tag: Tag| {
        writer.start(tag.page, tag.token);
    };
    let put = |writer: &mut Writer, tag: Tag, value: &str| {
        writer.start(tag.page, tag.token).text(value).end();
    };
    let mut writer = Writer::new();
    open(&mut writer, item_operations::ITEM_OPERATIONS);
    put(&mut writer, item_operations::STATUS, "1");
    open(&mut writer, item_operations::RESPONSE);
    for (ours, _) in work.references.values() {
        open(&mut writer, item_operations::FETCH);
        put(&mut writer, item_operations::STATUS, "1");
        put(&mut writer, base::FILE_REFERENCE, ours);
        open(&mut writer, item_operations::PROPERTIES);
        put(&mut writer, base::CONTENT_TYPE, "text/plain");
        put(&mut writer, item_operations::DATA, &content);
        writer.end().end();
    }
    Some(writer.finish().into())
}

/// The answer to GetAttachment; `octets` is `None` when it is larger than what is looked at.
#[must_use]
pub fn attachment(work: &Work<'_>, reference: Option<&Reference>, said: Option<&str>, octets: Option<&Bytes>) -> Fate {
    work.plan.map_or(Fate::Passes, |plan| item::fate_of_fetched(work, plan, reference, said, octets))
}

/// The WBXML, if it changes, and the parts that do.
type Changed = (Option<Rope>, Vec<(usize, Rope)>);

fn changed(work: &Work<'_>, source: Source<'_>) -> Result<Changed, Trouble> {
    let mut edits = Edits::new(source.document);
    let mut parts = BTreeMap::new();
    for item in items(source.document) {
        let Some(plan) = work.plan else { break };
        let all = item::changes(work, plan, &item, source);
        let made = all.and_then(|all| make(&mut edits, &mut parts, all).map_err(Trouble::from));
        if let Err(trouble) = made {
            tracing::warn!(event = "mobile.item", %trouble, "an item could not be read");
            if plan.takes_away() {
                make(&mut edits, &mut parts, item::notice(&item, source, plan.notice(), work))?;
            }
        }
    }
    references(work, source.document, &mut edits)?;
    let body = (!edits.is_empty()).then(|| edits.finish());
    Ok((body, parts.into_iter().map(|(number, octets)| (number, Rope::from(octets))).collect()))
}

fn make(edits: &mut Edits<'_>, parts: &mut BTreeMap<usize, Bytes>, changes: Changes) -> Result<(), EditError> {
    for (element, value) in changes.set {
        edits.set(element, value)?;
    }
    changes.remove.into_iter().try_for_each(|element| edits.remove(element))?;
    parts.extend(changes.parts);
    Ok(())
}

/// A phone tells the answers to its fetches apart by the reference that it wrote.
fn references(work: &Work<'_>, document: &Document, edits: &mut Edits<'_>) -> Result<(), EditError> {
    let Some(root) = document.root().filter(|root| root.tag() == item_operations::ITEM_OPERATIONS && !work.references.is_empty()) else {
        return Ok(());
    };
    for fetched in root.all(item_operations::RESPONSE).flat_map(|response| response.all(item_operations::FETCH)) {
        let Some(place) = fetched.child(base::FILE_REFERENCE) else { continue };
        if let Some((ours, _)) = work.references.get(&*place.text()) {
            edits.set(place.id(), ours.clone())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
