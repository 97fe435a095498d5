//! Mails as MIME: a phone may ask for the whole message, and sends one when it writes (MS-ASAIRS §2.2.2.41, type 4).
//!
//! The same policies as elsewhere, on the parts. What is not changed leaves byte for byte; a part that is replaced keeps its
//! place and its Content-ID. S/MIME mails are left alone where the switch says so, and always on their way out.

use std::ops::Range;

use bytes::Bytes;
use message::build::{self, Entity};
use message::{Encoding, Message, Part, shape, text, transfer};
use model::Budget;
use model::site::content::AttachmentAction;

use crate::Plan;
use crate::links::Links;
use crate::work::{Fate, Trouble, Work, name_of};

/// A mail that came, with what policies change; `None` if that is nothing.
///
/// # Errors
/// [`Trouble`] when it can't be read within its budget.
pub fn inbound(work: &Work<'_>, plan: &Plan, mail: &Bytes) -> Result<Option<Bytes>, Trouble> {
    let budget = work.item_budget();
    let message = Message::parse(mail.clone(), &budget)?;
    if plan.skip_smime && is_protected(&message) {
        return Ok(None);
    }
    let mut changes: Vec<Change> = Vec::new();
    let mut open = vec![(message.root(), true)];
    while let Some((part, whole)) = open.pop() {
        budget.time()?;
        let is_mail = part.content_type.is_message();
        if plan.attachments.is_some() && !(whole && is_mail) && is_file(&message, part, &budget)? {
            let content = part.decode(&message, &budget)?;
            if let Some(entity) = in_its_place(work, plan, part, &content) {
                // Of a mail its own header stays, but for what says how its content is written.
                let kept = if whole { kept_fields(&message, part) } else { Vec::new() };
                changes.push((part.entity_range(), [kept, entity].concat()));
                continue;
            }
        }
        match &plan.links {
            Some(links) if part.is_leaf() && linked(part) => changes.extend(relinked(&message, part, &budget, |content| match () {
                () if part.content_type.subtype == "html" => links.in_html(content),
                () => links.in_text(content),
            })?),
            _ => {}
        }
        open.extend(part.children.iter().map(|child| (child, is_mail)));
    }
    Ok(spliced(mail, changes))
}

/// A mail that a phone sends: links that we changed are what they were; `None` if there is none.
///
/// # Errors
/// [`Trouble`] when it can't be read; the mail server will say so to the phone.
pub fn outbound(links: &Links, mail: &Bytes, budget: &Budget) -> Result<Option<Bytes>, Trouble> {
    let message = Message::parse(mail.clone(), budget)?;
    if is_protected(&message) {
        return Ok(None);
    }
    let mut changes = Vec::new();
    for part in message.root().walk().filter(|part| part.is_leaf() && linked(part)) {
        changes.extend(relinked(&message, part, budget, |content| links.back(content))?);
    }
    Ok(spliced(mail, changes))
}

/// True if one of the files in it must not leave by a forward.
///
/// # Errors
/// [`Trouble`] when it can't be read within its budget.
pub fn holds_back(work: &Work<'_>, plan: &Plan, message: &Message) -> Result<bool, Trouble> {
    let budget = work.item_budget();
    let Some(rows) = &plan.attachments else { return Ok(false) };
    for part in message.root().walk() {
        let is_root = part.id == "1" && !part.is_leaf();
        if is_root || !is_file(message, part, &budget)? {
            continue;
        }
        let (content, said) = (part.decode(message, &budget)?, part.content_type.to_string());
        let name = part.name.clone().unwrap_or_default();
        match rows.by_content(&name, Some(&said), &content, &budget) {
            Ok(verdict) if !plan.holds_back(&verdict) => {}
            Err(_) if plan.unjudged().is_none() => {}
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Signed or encrypted as a whole, by structure.
#[must_use]
pub fn is_protected(message: &Message) -> bool {
    let shape = shape::of(message);
    shape.is_signed() || shape.is_encrypted()
}

/// A mail with the same sender, receivers, subject and date that says this text only.
#[must_use]
pub fn notice(original: Option<&Message>, said: &str) -> Vec<u8> {
    const KEPT: [&str; 9] = ["from", "sender", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"];
    let mut mail = Vec::new();
    if let Some(message) = original {
        for field in message.fields().filter(|field| KEPT.iter().any(|name| field.is(name))) {
            let raw = message.bytes().get(field.range.clone()).unwrap_or_default();
            mail.extend_from_slice(raw.strip_suffix(b"\n").map_or(raw, |raw| raw.strip_suffix(b"\r").unwrap_or(raw)));
            mail.extend_from_slice(b"\r\n");
        }
    }
    mail.extend_from_slice(b"MIME-Version: 1.0\r\n");
    mail.extend(Entity::text("plain", said).finish());
    mail
}

/// The texts that a person reads, for who looks for a tag; at most this many octets.
#[must_use]
pub fn shown_text(message: &Message, budget: &Budget, most: usize) -> String {
    let mut all = String::new();
    for part in message.root().walk().filter(|part| part.is_leaf() && shown(part)) {
        let Ok(content) = part.text(message, budget) else { break };
        if all.len() + content.len() > most {
            break;
        }
        all.push_str(&if part.content_type.subtype == "html" { lines_of_html(&content) } else { content });
        all.push('\n');
    }
    all
}

/// HTML as lines, roughly: tags go, and those that end a line do.
#[must_use]
pub fn lines_of_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    for (number, piece) in html.split('<').enumerate() {
        let (tag, shown) = if number == 0 { ("", piece) } else { piece.split_once('>').unwrap_or((piece, "")) };
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if ["br", "p", "div", "tr", "td", "li", "h1", "h2", "h3", "h4", "table", "blockquote", "body", "hr"].contains(&name.as_str()) {
            out.push('\n');
        }
        out.push_str(&shown.replace("&nbsp;", " ").replace("&#160;", " "));
    }
    out
}

/// Text that people read and no file: it has no name.
fn shown(part: &Part) -> bool {
    part.is_shown_text() && part.name.is_none()
}

/// A text whose links can be found.
fn linked(part: &Part) -> bool {
    shown(part) && matches!(part.content_type.subtype.as_str(), "plain" | "html")
}

/// A file, or what says that it is text and is none: a program is one whatever it calls itself.
fn is_file(message: &Message, part: &Part, budget: &Budget) -> Result<bool, Trouble> {
    if !part.is_leaf() && !part.content_type.is_message() {
        return Ok(false);
    }
    if !shown(part) {
        return Ok(true);
    }
    let content = part.decode(message, budget)?;
    let seen = files::detect::detect(&content, None, budget)?;
    Ok(seen.types.iter().any(|known| !known.is_text()))
}

/// The entity that stands in an attachment's place; `None` if it stays.
fn in_its_place(work: &Work<'_>, plan: &Plan, part: &Part, content: &Bytes) -> Option<Vec<u8>> {
    let said = part.content_type.to_string();
    let name = part.name.clone().unwrap_or_else(|| if part.content_type.is_message() { "mail.eml".to_owned() } else { String::new() });
    let shown = if name.is_empty() { "attachment".to_owned() } else { name.clone() };
    let mut entity = match work.fate(plan, &name, Some(&said), content) {
        Fate::Passes => return None,
        Fate::Text(text) => Entity::attachment(&name_of(&shown, AttachmentAction::Block), "text/plain", text.as_bytes()),
        Fate::Encrypted(file) => Entity::attachment(&name_of(&shown, AttachmentAction::Encrypt), crypto::attachment::CONTENT_TYPE, &file),
    }
    .finish();
    if let Some(id) = &part.content_id {
        let field = build::structured("Content-ID", &format!("<{}>", text::plain(id)), &[]);
        entity.splice(0..0, field);
    }
    Some(entity)
}

/// The header of a part that is a whole mail, without what is said of its content.
fn kept_fields(message: &Message, part: &Part) -> Vec<u8> {
    let fields = part.fields(message).into_iter().filter(|field| !field.name.to_ascii_lowercase().starts_with("content-"));
    fields.flat_map(|field| message.bytes().get(field.range).unwrap_or_default().to_vec()).collect()
}

/// Octets in place of those at this range.
type Change = (Range<usize>, Vec<u8>);

/// The new body of a text whose links change.
fn relinked(message: &Message, part: &Part, budget: &Budget, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<Option<Change>, Trouble> {
    // In these charsets ASCII is not where it seems to be.
    let odd = part.content_type.param("charset").is_some_and(|charset| {
        let charset = charset.to_ascii_lowercase();
        ["utf-16", "utf-32", "utf-7", "iso-2022", "ucs-", "hz-"].iter().any(|start| charset.starts_with(start))
    });
    if odd || part.encoding == Encoding::Unknown {
        return Ok(None);
    }
    let content = part.decode(message, budget)?;
    let encode = |content: Vec<u8>| match part.encoding {
        Encoding::Base64 => transfer::encode_base64(&content),
        Encoding::QuotedPrintable => transfer::encode_quoted_printable(&content),
        _ => content,
    };
    Ok(change(&content).map(|content| (part.body_range(), encode(content))))
}

fn spliced(mail: &Bytes, mut changes: Vec<Change>) -> Option<Bytes> {
    if changes.is_empty() {
        return None;
    }
    changes.sort_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(mail.len());
    let mut at = 0;
    for (range, octets) in changes {
        if range.start < at {
            continue;
        }
        out.extend_from_slice(mail.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(&octets);
        at = range.end;
    }
    out.extend_from_slice(mail.get(at..).unwrap_or_default());
    Some(out.into())
}

#[cfg(test)]
#[path = "mime_tests.rs"]
mod tests;
