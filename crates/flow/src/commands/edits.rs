//! Commands that change header fields. Only the field's own bytes change; a value never brings CR, LF or NUL into a header.

use message::Message;
use model::Fault;
use rules::{Comparison, Sensitivity};

use super::Answered;
use crate::state::{MailState, Work};

fn edited(work: &Work, state: &MailState, change: impl FnOnce(&mut message::Edit) -> &mut message::Edit) -> Result<MailState, Fault> {
    let mut edit = state.message.edit();
    change(&mut edit);
    state.with_bytes(edit.finish(), &work.budget)
}

fn has(message: &Message, name: &str) -> bool {
    message.fields_named(name).next().is_some()
}

pub(super) fn rm_header(work: &Work, state: &MailState, name: &str) -> Result<Answered, Fault> {
    if !has(&state.message, name) {
        return Ok(Answered::plain(true));
    }
    edited(work, state, |edit| edit.remove(name)).map(Answered::changed)
}

pub(super) fn set_header(work: &Work, state: &MailState, name: &str, text: &str) -> Result<Answered, Fault> {
    edited(work, state, |edit| edit.set(name, text)).map(Answered::changed)
}

pub(super) fn set_sensitivity(work: &Work, state: &MailState, value: Sensitivity) -> Result<Answered, Fault> {
    match value {
        Sensitivity::Removed => rm_header(work, state, "Sensitivity"),
        Sensitivity::Confidential => set_header(work, state, "Sensitivity", "Company-Confidential"),
        Sensitivity::Private => set_header(work, state, "Sensitivity", "Private"),
    }
}

/// Appends to the subject, not twice (M-R6).
pub(super) fn tag_subject(work: &Work, state: &MailState, text: &str) -> Result<Answered, Fault> {
    let subject = state.message.decoded("subject").unwrap_or_default();
    if subject.to_lowercase().contains(&text.to_lowercase()) {
        return Ok(Answered::plain(true));
    }
    let tagged = if subject.is_empty() { text.to_owned() } else { format!("{} {text}", subject.trim_end()) };
    edited(work, state, |edit| edit.set("Subject", &tagged)).map(Answered::changed)
}

/// `compare(…, "substitute", …)`: removes what fits from the field, look-alike spellings of it too (CVE-2026-29141, 29144).
pub(super) fn substitute(work: &Work, state: &MailState, header: &str, how: &Comparison) -> Result<Answered, Fault> {
    let Some(value) = state.message.decoded(header) else {
        return Ok(Answered::plain(false));
    };
    let kept = match how.removed(&value) {
        Some(kept) => kept,
        None => match how.removed(&message::fold_confusables(&value)) {
            Some(kept) => kept,
            None => return Ok(Answered::plain(false)),
        },
    };
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    edited(work, state, |edit| edit.set(header, &kept)).map(Answered::changed)
}
