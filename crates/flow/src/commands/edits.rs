//! Commands that change header fields. Only the field's own bytes change; a value never brings CR, LF or NUL into a header.

use message::{Message, subject};
use model::Fault;
use regex::Regex;
use rules::Sensitivity;

use super::Answered;
use crate::inner_fields::{self, OnSubject};
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
    let put = subject::append_tag(&mut edit, text);
    let mut next = if put { state.with_bytes(edit.finish(), &work.budget)? } else { state.clone() };
    next.on_subject.push(OnSubject::Tag(text.to_owned()));
    Ok(Answered::changed(next))
}

/// `compare(…, "substitute", …)`: removes what fits from each such field. From mail of a stranger also what a person
/// could read as it (CVE-2026-29141, 29144); where the sender may command us only what is written so (M-R6).
pub(super) fn substitute(work: &Work, state: &MailState, header: &str, pattern: &Regex) -> Result<Answered, Fault> {
    let found = |text: &str| pattern.find_iter(text).map(|fit| fit.range()).collect();
    if header.eq_ignore_ascii_case("subject") {
        return without_in_subject(work, state, pattern);
    }
    let mut edit = state.message.edit();
    let without = if state.user.authenticated { subject::without_exact_matches } else { subject::without_matches };
    if !edit.map(header, |value| without(value, &found)) {
        return Ok(Answered::plain(false));
    }
    state.with_bytes(edit.finish(), &work.budget).map(Answered::changed)
}

/// As [`substitute`] for the subject; remembered for one that comes from inside what was protected.
fn without_in_subject(work: &Work, state: &MailState, pattern: &Regex) -> Result<Answered, Fault> {
    let known = state.user.authenticated;
    let found = |text: &str| pattern.find_iter(text).map(|fit| fit.range()).collect();
    let without = if known { subject::without_exact_matches } else { subject::without_matches };
    let mut edit = state.message.edit();
    let fits = edit.map("subject", |value| without(value, &found));
    // What the client signed with its fields keeps its subject, or inside and outside would differ (M-R6).
    if fits && known && inner_fields::subject_is_signed(state, &work.budget) {
        return Ok(Answered::plain(true));
    }
    let mut next = if fits { state.with_bytes(edit.finish(), &work.budget)? } else { state.clone() };
    next.on_subject.push(OnSubject::Without { pattern: pattern.clone(), known });
    Ok(if fits { Answered::changed(next) } else { Answered { no: Some(next), ..Answered::plain(false) } })
}
