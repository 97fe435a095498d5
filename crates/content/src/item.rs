//! One item of an answer: a mail, an appointment, or a fetched attachment, and what policies change in it.
//!
//! Every command carries items alike (`activesync::views::items`), so what is written here holds for Sync, ItemOperations,
//! Search and Find. Changes are collected first and made together, so that an item is changed wholly or not at all.

use activesync::multipart::Multipart;
use activesync::tags::{air_sync, base, calendar, email, item_operations, notes, tasks};
use activesync::views::{Body, BodyKind, Content, Item};
use activesync::wbxml::{Document, NodeId};
use bytes::Bytes;
use message::{Message, transfer};
use model::site::content::AttachmentAction;

use crate::attachments::PASSES;
use crate::classify::{Classification, Seen, mark};
use crate::reference::Reference;
use crate::work::{Fate, Trouble, Work, name_of};
use crate::{Plan, mime};

/// Characters of a preview (MS-ASAIRS §2.2.2.35).
const PREVIEW: usize = 255;
/// Octets of a mail's text in which a tag is looked for.
const TAGGED: usize = 4 << 20;

/// What changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) set: Vec<(NodeId, Bytes)>,
    pub(crate) remove: Vec<NodeId>,
    pub(crate) parts: Vec<(usize, Bytes)>,
}

/// Where the octets of an answer are.
#[derive(Clone, Copy)]
pub(crate) struct Source<'d> {
    pub(crate) document: &'d Document,
    pub(crate) parts: Option<&'d Multipart>,
}

impl Source<'_> {
    fn octets(&self, content: Content) -> Option<Bytes> {
        match content {
            Content::Here(id) => self.document.element(id).map(|element| Bytes::from(element.value().into_owned())),
            Content::Part(number) => self.parts?.part(number),
            Content::Absent => None,
        }
    }
}

impl Changes {
    fn put(&mut self, content: Content, octets: Bytes) {
        match content {
            Content::Here(id) => self.set.push((id, octets)),
            Content::Part(number) => self.parts.push((number, octets)),
            Content::Absent => {}
        }
    }
}

/// What changes in one item.
///
/// # Errors
/// [`Trouble`] when something in it can't be read: then it becomes a [`notice`].
pub(crate) fn changes(work: &Work<'_>, plan: &Plan, item: &Item<'_>, source: Source<'_>) -> Result<Changes, Trouble> {
    if item.fetched_reference().is_some() { Ok(fetched(work, plan, item, source)) } else { mail(work, plan, item, source) }
}

/// The item with this text in place of all that it says: its bodies, its first words; its attachments are gone.
pub(crate) fn notice(item: &Item<'_>, source: Source<'_>, text: &str, work: &Work<'_>) -> Changes {
    let mut changes = Changes::default();
    if item.fetched_reference().is_some() {
        put_attachment(&mut changes, item, text.as_bytes(), "text/plain");
        return changes;
    }
    for body in item.bodies() {
        let octets = if body.kind == BodyKind::Mime {
            let original = source.octets(body.content).and_then(|mail| Message::parse(mail, &work.item_budget()).ok());
            mime::notice(original.as_ref(), text)
        } else {
            text.as_bytes().to_vec()
        };
        let frame = source.document.element(body.frame);
        if let Some(kind) = frame.and_then(|frame| frame.child(base::TYPE)).filter(|_| body.kind != BodyKind::Mime) {
            changes.set.push((kind.id(), Bytes::from_static(b"1")));
        }
        changes.remove.extend(frame.and_then(|frame| frame.child(base::TRUNCATED)).map(|truncated| truncated.id()));
        changes.set.extend(body.size.map(|size| (size, octets.len().to_string().into())));
        changes.put(body.content, octets.into());
    }
    let words: String = text.chars().take(PREVIEW).collect();
    changes.set.extend(item.previews().map(|preview| (preview.id(), Bytes::from(words.clone()))));
    changes.remove.extend(item.attachment_lists().map(|list| list.id()));
    changes
}

/// An attachment by itself: all that is known of it stands in its reference.
fn fetched(work: &Work<'_>, plan: &Plan, item: &Item<'_>, source: Source<'_>) -> Changes {
    let mut changes = Changes::default();
    let known = item.fetched_reference().and_then(|upstream| work.references.get(&*upstream)).map(|(_, reference)| reference);
    let content = item.fetched_content();
    let Some(octets) = source.octets(content) else { return changes };
    let octets = if matches!(content, Content::Here(_)) { transfer::decode_base64(&octets).into() } else { octets };
    let said = item.data.text_of(base::CONTENT_TYPE);
    let piece = item.data.child(item_operations::RANGE).is_some();
    match fate_of_fetched(work, plan, known, said.as_deref(), (!piece).then_some(&octets)) {
        Fate::Passes => {}
        Fate::Text(text) => put_attachment(&mut changes, item, text.as_bytes(), "text/plain"),
        Fate::Encrypted(file) => put_attachment(&mut changes, item, &file, crypto::attachment::CONTENT_TYPE),
    }
    changes
}

/// What becomes of a fetched attachment; `octets` is `None` when only a piece of it came, or too much.
pub(crate) fn fate_of_fetched(work: &Work<'_>, plan: &Plan, known: Option<&Reference>, said: Option<&str>, octets: Option<&Bytes>) -> Fate {
    let Some(reference) = known else {
        return if plan.takes_away() { Work::unjudged(plan) } else { Fate::Passes };
    };
    if let Some(text) = plan.classification.as_ref().and_then(|rows| rows.blocks_mark(reference.mark)) {
        return Fate::Text(text.to_owned());
    }
    if plan.attachments.is_none() || (plan.skip_smime && reference.smime) {
        return Fate::Passes;
    }
    octets.map_or_else(|| Work::unjudged(plan), |octets| work.fate(plan, &reference.name, said, octets))
}

fn put_attachment(changes: &mut Changes, item: &Item<'_>, octets: &[u8], kind: &'static str) {
    let content = item.fetched_content();
    let written = match content {
        // On one line: phones take base64 of any width, but not all take line ends.
        Content::Here(_) => transfer::encode_base64(octets).into_iter().filter(|octet| !octet.is_ascii_whitespace()).collect(),
        _ => octets.to_vec(),
    };
    changes.put(content, written.into());
    changes.set.extend(item.data.child(base::CONTENT_TYPE).map(|said| (said.id(), Bytes::from_static(kind.as_bytes()))));
    let counted = [item_operations::RANGE, item_operations::TOTAL].into_iter().filter_map(|tag| item.data.child(tag));
    changes.remove.extend(counted.map(|element| element.id()));
}

fn mail(work: &Work<'_>, plan: &Plan, item: &Item<'_>, source: Source<'_>) -> Result<Changes, Trouble> {
    let bodies = item.bodies();
    let message = whole(work, item, source)?;
    let mut tag_mark = 0;
    if let Some(rows) = &plan.classification {
        match classified(work, rows, item, message.as_ref(), source) {
            Classified::Blocked(text) => return Ok(notice(item, source, &text, work)),
            Classified::Unseen => return Ok(notice(item, source, plan.notice(), work)),
            Classified::Shown(mark) => tag_mark = mark,
        }
    }
    let smime = is_smime(item, message.as_ref());
    let mut changes = Changes::default();
    if plan.takes_away() {
        listed(work, plan, item, source, (tag_mark, smime), &mut changes);
    }
    if plan.skip_smime && smime {
        return Ok(changes);
    }
    for body in &bodies {
        if let Some((old, new)) = rewritten(work, plan, body, source)? {
            changes.set.extend(body.size.and_then(|size| Some((size, resized(source, size, body.truncated, old, new.len())?))));
            changes.put(body.content, new);
        }
    }
    if let Some(links) = &plan.links {
        let linked = item.previews().filter_map(|preview| Some((preview.id(), links.in_text(&preview.value())?.into())));
        changes.set.extend(linked);
    }
    Ok(changes)
}

/// For a forward: is it an S/MIME mail, and does its tag keep it from this device?
///
/// # Errors
/// [`Trouble`] when it can't be read.
pub(crate) fn judged(work: &Work<'_>, plan: &Plan, item: &Item<'_>, source: Source<'_>) -> Result<(bool, bool), Trouble> {
    let message = whole(work, item, source)?;
    let blocked = plan
        .classification
        .as_ref()
        .is_some_and(|rows| !matches!(classified(work, rows, item, message.as_ref(), source), Classified::Shown(_)));
    Ok((is_smime(item, message.as_ref()), blocked))
}

/// For a forward: does one of the files in its MIME stay away from this device, by name or content?
///
/// # Errors
/// [`Trouble`] when it can't be read.
pub(crate) fn holds_back(work: &Work<'_>, plan: &Plan, item: &Item<'_>, source: Source<'_>) -> Result<bool, Trouble> {
    let Some(message) = whole(work, item, source)? else { return Ok(false) };
    mime::holds_back(work, plan, &message)
}

/// The item as MIME, if it came so.
fn whole(work: &Work<'_>, item: &Item<'_>, source: Source<'_>) -> Result<Option<Message>, Trouble> {
    let bodies = item.bodies();
    let octets = bodies.iter().find(|body| body.kind == BodyKind::Mime).and_then(|body| source.octets(body.content));
    Ok(octets.map(|octets| Message::parse(octets, &work.item_budget())).transpose()?)
}

fn is_smime(item: &Item<'_>, message: Option<&Message>) -> bool {
    let by_class = item.message_class().is_some_and(|class| class.to_ascii_uppercase().contains(".SMIME"));
    by_class || message.is_some_and(mime::is_protected)
}

/// What a policy on tags makes of an item.
enum Classified {
    Shown(u32),
    Blocked(String),
    /// It shows a body and not the place where its tag would stand.
    Unseen,
}

fn classified(work: &Work<'_>, rows: &Classification, item: &Item<'_>, message: Option<&Message>, source: Source<'_>) -> Classified {
    let subject = [email::SUBJECT, calendar::SUBJECT, tasks::SUBJECT, notes::SUBJECT].into_iter().find_map(|tag| item.data.text_of(tag));
    let subject = subject.map(|text| text.into_owned()).or_else(|| message.and_then(|message| message.decoded("subject")));
    let bodies = item.bodies();
    let shows = bodies.iter().any(|body| body.content != Content::Absent);
    if rows.asks_the_subject() && subject.is_none() && shows && item.frame.tag() == air_sync::CHANGE {
        return Classified::Unseen;
    }
    let fields: Vec<(String, String)> =
        message.map(|message| message.fields().map(|field| (field.name.to_owned(), field.text())).collect()).unwrap_or_default();
    let text = message.map_or_else(|| text_of(&bodies, source), |message| mime::shown_text(message, &work.item_budget(), TAGGED));
    let tag = rows.tag_of(&Seen { subject: subject.as_deref(), fields: &fields, body: Some(&text) });
    match rows.blocks(tag) {
        Some(text) => Classified::Blocked(text.to_owned()),
        None => Classified::Shown(tag.map_or(0, mark)),
    }
}

fn text_of(bodies: &[Body], source: Source<'_>) -> String {
    let mut all = String::new();
    for body in bodies.iter().filter(|body| matches!(body.kind, BodyKind::Plain | BodyKind::Html)) {
        let octets = source.octets(body.content).unwrap_or_default();
        let text = String::from_utf8_lossy(octets.get(..octets.len().min(TAGGED)).unwrap_or_default());
        all.push_str(&if body.kind == BodyKind::Html { mime::lines_of_html(&text) } else { text.into_owned() });
        all.push('\n');
    }
    all
}

/// Attachments that an item names: each gets a reference of ours, and those that are kept away another name.
fn listed(work: &Work<'_>, plan: &Plan, item: &Item<'_>, source: Source<'_>, (mark, smime): (u32, bool), changes: &mut Changes) {
    for attachment in item.attachments() {
        let Some(place) = attachment.reference_at.filter(|_| !attachment.reference.is_empty()) else { continue };
        let (upstream, name) = (attachment.reference.clone().into_owned(), attachment.name.clone().into_owned());
        let skipped = plan.skip_smime && smime;
        let rows = plan.attachments.as_ref().filter(|_| !skipped);
        let verdict = rows.map_or(PASSES, |rows| rows.by_name(&name, None));
        match (Reference { upstream, name, mark, smime }.write(work.keys, work.user), plan.unjudged()) {
            (Some(ours), _) => changes.set.push((place, ours.into())),
            (None, Some(_)) => {
                changes.remove.push(attachment.frame);
                continue;
            }
            (None, None) => {}
        }
        if verdict.action == AttachmentAction::Allow {
            continue;
        }
        changes.set.extend(attachment.name_at.map(|at| (at, name_of(&attachment.name, verdict.action).into())));
        if verdict.action == AttachmentAction::Block {
            let frame = source.document.element(attachment.frame);
            let size = frame.and_then(|frame| frame.child(base::ESTIMATED_DATA_SIZE).or_else(|| frame.child(email::ATT_SIZE)));
            changes.set.extend(size.map(|size| (size.id(), plan.blocked(verdict).len().to_string().into())));
        }
    }
}

/// A body with other links or other parts, and how long it was; `None` if it stays.
fn rewritten(work: &Work<'_>, plan: &Plan, body: &Body, source: Source<'_>) -> Result<Option<(usize, Bytes)>, Trouble> {
    let wanted = match body.kind {
        BodyKind::Mime => plan.attachments.is_some() || plan.links.is_some(),
        BodyKind::Plain | BodyKind::Html => plan.links.is_some(),
        BodyKind::Rtf => false,
    };
    let Some(octets) = wanted.then(|| source.octets(body.content)).flatten() else { return Ok(None) };
    let new = match (body.kind, &plan.links) {
        (BodyKind::Mime, _) => mime::inbound(work, plan, &octets)?,
        (BodyKind::Html, Some(links)) => links.in_html(&octets).map(Bytes::from),
        (_, Some(links)) => links.in_text(&octets).map(Bytes::from),
        (_, None) => None,
    };
    Ok(new.map(|new| (octets.len(), new)))
}

/// The size that is said: that of all of it, where only a part of it came.
fn resized(source: Source<'_>, size: NodeId, truncated: bool, old: usize, new: usize) -> Option<Bytes> {
    let said = source.document.element(size)?.number()?;
    let all = if truncated { (said + new as u64).saturating_sub(old as u64) } else { new as u64 };
    Some(all.to_string().into())
}
