//! Fields that a sender protected inside what was signed or encrypted (RFC 9788): what of them counts, and when.
//!
//! They take the place of the outer ones when the one good signature covers them (`commands::verify`). From an encrypted mail without a
//! signature only a subject that the sender hid comes back, and only when the cipher proves that nobody changed the content
//! (`commands::decrypt`). All else inside is somebody's text (CVE-2026-27443, -29143; 0036-header-protection.md). A subject from inside
//! goes through what the rules did to the outer one, so that none of our marks comes in by this way.

use bytes::Bytes;
use message::protected::{self, Form, Protected};
use message::shape::{CmsKind, Shape};
use message::{Message, entity, subject};
use model::{Budget, Fault};
use regex::Regex;

use crate::decide::exhausted;
use crate::state::{MailState, Work};

/// What a rule did to the subject.
#[derive(Debug, Clone)]
pub(crate) enum OnSubject {
    /// Took out what fits, by a sender whom we know or by a stranger.
    Without { pattern: Regex, known: bool },
    /// Put this text behind it.
    Tag(String),
}

impl OnSubject {
    fn done(&self, text: String) -> String {
        match self {
            Self::Without { pattern, known } => {
                let found = |text: &str| pattern.find_iter(text).map(|fit| fit.range()).collect();
                let without = if *known { subject::without_exact_matches } else { subject::without_matches };
                without(&text, &found).unwrap_or(text)
            }
            Self::Tag(tag) if text.to_lowercase().contains(&tag.to_lowercase()) => text,
            Self::Tag(tag) => format!("{text} {tag}").trim().to_owned(),
        }
    }
}

/// What is signed at the mail's root, as a message by itself.
pub(crate) fn signed_payload(state: &MailState, opaque: Option<&Bytes>, budget: &Budget) -> Option<Message> {
    let content = match state.shape() {
        Shape::ClearSigned { content, whole: true, .. } => state.message.bytes().slice(content.clone()),
        Shape::Cms { der, kind: CmsKind::Signed } => match opaque {
            Some(content) => content.clone(),
            None => crypto::smime::signed_content(der, budget)?,
        },
        _ => return None,
    };
    Message::parse(content, budget).ok()
}

/// The mail with the fields that a good signature covers.
///
/// # Errors
/// When the mail can't be read again within the budget.
pub(crate) fn vouched(work: &Work, state: &MailState, opaque: Option<&Bytes>) -> Result<Option<MailState>, Fault> {
    match signed_payload(state, opaque, &work.budget).as_ref().and_then(protected::read) {
        Some(fields) => restored(work, state, &fields, true),
        None => Ok(None),
    }
}

/// The opened mail with the subject that its sender hid. `entity`: what was inside, whose cipher proved that it is whole.
///
/// # Errors
/// As [`vouched`].
pub(crate) fn unhidden(work: &Work, state: &MailState, entity: &Bytes) -> Result<Option<MailState>, Fault> {
    let payload = Message::parse(entity.clone(), &work.budget).map_err(Fault::from)?;
    match protected::read(&payload).filter(|fields| fields.form == Form::Cipher) {
        Some(fields) => restored(work, state, &fields, false),
        None => Ok(None),
    }
}

fn restored(work: &Work, state: &MailState, fields: &Protected, all: bool) -> Result<Option<MailState>, Fault> {
    let mut edit = state.message.edit();
    fields.restore(&state.message, &mut edit, all);
    let now = state.message.decoded("subject").unwrap_or_default();
    let hidden = || fields.outside("subject").first().is_some_and(|outside| now.starts_with(outside.as_str()));
    if let Some(inside) = fields.subject().filter(|_| all || hidden()) {
        let text = state.on_subject.iter().fold(inside, |text, done| done.done(text));
        if text != now {
            edit.set("Subject", &text);
        }
    }
    if !edit.is_touched() {
        return Ok(None);
    }
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.judgement.reasons.push("protected-fields-restored".to_owned());
    Ok(Some(next))
}

/// Is the subject of a mail that its client signed part of what is signed? Then a text in it stays (M-R6).
pub(crate) fn subject_is_signed(state: &MailState, budget: &Budget) -> bool {
    signed_payload(state, None, budget).as_ref().and_then(protected::read).is_some_and(|fields| fields.subject().is_some())
}

/// The entity that is signed, as the site has it; or that is to be encrypted with its fields hidden.
///
/// # Errors
/// When the budget runs out.
pub(crate) fn composed(protection: &str, message: &Message, hidden: bool, budget: &Budget) -> Result<Bytes, Fault> {
    let made = match protection {
        "off" => None,
        _ if hidden => self::hidden(message, budget)?,
        _ => protected::compose(message, Form::Clear, false),
    };
    Ok(made.unwrap_or_else(|| entity::of(message)))
}

/// The entity with the fields inside that will not stand outside, and the subject in its text; `None` where its fields can't stand inside.
///
/// # Errors
/// When the budget runs out.
pub(crate) fn hidden(message: &Message, budget: &Budget) -> Result<Option<Bytes>, Fault> {
    let shown = protected::displayed(message, budget).map_err(exhausted)?;
    let shown = shown.map(|bytes| Message::parse(bytes, budget)).transpose().map_err(Fault::from)?;
    Ok(protected::compose(shown.as_ref().unwrap_or(message), Form::Cipher, true))
}

#[cfg(test)]
#[path = "inner_fields_tests.rs"]
mod tests;
