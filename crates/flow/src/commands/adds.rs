//! Commands that add to the content: `attach`, `add_report`, `disclaimer`. What the client signed or encrypted is not touched inside
//! (mail-gateway.md M-C14): a report stands beside it, the others leave it alone.

use message::Message;
use message::addition::{self, Addition};
use message::build::{self, Entity};
use message::shape::Shape;
use model::site::DEFAULT_DISCLAIMER;
use model::{EncryptionWord, Fault, Language};

use super::{Answered, conditions, types};
use crate::decide::{self, exhausted};
use crate::state::{MailState, Work};

/// Arguments of `attach`.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) content_id: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
}

pub(super) fn attach(work: &Work, state: &MailState, file: &File<'_>) -> Result<Answered, Fault> {
    if is_protected(state) {
        tracing::info!(trace = %work.trace, event = "mail.not_attached", name = file.name, "the mail is signed or encrypted");
        return Ok(Answered::plain(true));
    }
    // A rule set that names a file which is not there is not taken; one that goes later can't be removed.
    let Some(stored) = work.site.files.get(file.name) else {
        tracing::error!(trace = %work.trace, event = "mail.not_attached", name = file.name, "there is no such file");
        return Ok(Answered::plain(true));
    };
    let part = Entity::file(&stored.name, file.content_type, file.content_id, &stored.content);
    with_part(work, state, &part)
}

pub(super) fn add_report(work: &Work, state: &MailState, group: &[usize], name: &str, text: Option<&str>) -> Result<Answered, Fault> {
    let text = text.map_or_else(|| report(state, &types::languages(work, group)), str::to_owned);
    with_part(work, state, &Entity::named_text(name, &text))
}

pub(super) fn with_part(work: &Work, state: &MailState, part: &Entity) -> Result<Answered, Fault> {
    state.with_bytes(build::appended(&state.message, part), &work.budget).map(Answered::changed)
}

/// The results so far, in each of these languages.
fn report(state: &MailState, languages: &[Language]) -> String {
    let types: Vec<String> = state.message.parts().filter(|part| part.is_leaf()).map(|part| part.content_type.to_string()).collect();
    let judgement = &state.judgement;
    let one = |language: &Language| {
        let line = |id: &str, value: &str| texts::text(*language, id, &[("value", value.to_owned())]).trim().to_owned();
        let mut lines = vec![line("report-signature", judgement.signature.word())];
        lines.extend(judgement.signer.as_ref().map(|signer| line("report-signer", signer)));
        lines.push(line("report-encryption", judgement.encryption.word()));
        lines.push(line("report-scan", state.scanned.as_deref().unwrap_or("-")));
        lines.push(line("report-types", &types.join(", ")));
        if !judgement.reasons.is_empty() && judgement.encryption != EncryptionWord::Failed {
            lines.push(line("report-reasons", &judgement.reasons.join(", ")));
        }
        lines.join("\r\n")
    };
    languages.iter().map(one).collect::<Vec<_>>().join("\r\n\r\n") + "\r\n"
}

/// The named disclaimer, or that of the sender's managed domain, else `[default]`.
pub(super) fn disclaimer(work: &Work, state: &MailState, name: Option<&str>, top: bool) -> Result<Answered, Fault> {
    if is_protected(state) || matches!(conditions::is_calendar(state).answer, rules::Answer::Yes) {
        return Ok(Answered::plain(true));
    }
    let from = work.envelope.sender.as_ref().or(state.author.as_ref());
    let domain = from.and_then(|address| work.site.domain(address.domain()));
    let name = name.unwrap_or_else(|| domain.map_or(DEFAULT_DISCLAIMER, |domain| domain.disclaimer.as_str()));
    let known = work.site.disclaimers.get(name).or_else(|| work.site.disclaimers.get(DEFAULT_DISCLAIMER));
    let Some(disclaimer) = known else { return Ok(Answered::plain(true)) };
    let value = |name: &str| decide::variable(work, state, name);
    let text = rules::filled(&disclaimer.text, &value, str::to_owned);
    let html = match disclaimer.html.trim() {
        "" => escaped(&text).replace("\r\n", "\n").replace('\n', "<br>\n"),
        _ => rules::filled(&disclaimer.html, &value, escaped),
    };
    let new = addition::add(&state.message, Addition { text: &text, html: &html, top, mark: None }, &work.budget).map_err(exhausted)?;
    new.map_or(Ok(Answered::plain(true)), |bytes| state.with_bytes(bytes, &work.budget).map(Answered::changed))
}

/// A value for HTML.
fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Signed or encrypted, as a whole or in a part: an enclosed mail says nothing about this one.
pub(super) fn is_protected(state: &MailState) -> bool {
    let attached = |message: &Message, id: &str| {
        id.match_indices('.').filter_map(|(at, _)| message.part(id.get(..at)?)).any(|part| part.content_type.is_message())
    };
    !matches!(state.shape(), Shape::Plain) || message::shape::nested(&state.message).iter().any(|(id, _)| !attached(&state.message, id))
}

#[cfg(test)]
#[path = "adds_tests.rs"]
mod tests;
