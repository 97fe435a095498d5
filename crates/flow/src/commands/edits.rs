//! Commands that change header fields. Only the field's own bytes change; a value never brings CR, LF or NUL into a header.

use message::{Message, subject};
use model::Fault;
use regex::Regex;
use rules::Sensitivity;

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
    let mut edit = state.message.edit();
    if !subject::append_tag(&mut edit, text) {
        return Ok(Answered::plain(true));
    }
    state.with_bytes(edit.finish(), &work.budget).map(Answered::changed)
}

/// `compare(…, "substitute", …)`: removes what fits from each such field. From mail of a stranger also what a person
/// could read as it (CVE-2026-29141, 29144); where the sender may command us only what is written so (M-R6).
pub(super) fn substitute(work: &Work, state: &MailState, header: &str, pattern: &Regex) -> Result<Answered, Fault> {
    let found = |text: &str| pattern.find_iter(text).map(|fit| fit.range()).collect();
    let mut edit = state.message.edit();
    let without = if state.user.authenticated { subject::without_exact_matches } else { subject::without_matches };
    if !edit.map(header, |value| without(value, &found)) {
        return Ok(Answered::plain(false));
    }
    state.with_bytes(edit.finish(), &work.budget).map(Answered::changed)
}
