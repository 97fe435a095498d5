//! `vscan` and `isspam`: what the scanners say becomes an answer, a word that goes with the mail, and at wish a change.
//!
//! They look at the mail as the commands before left it, so rules call them after decryption (M-P9).

use std::collections::BTreeSet;
use std::sync::OnceLock;

use message::build::Entity;
use model::{EncryptionWord, Fault, Judgement, Language};
use rules::{Answer, ScanMode};

use super::{Answered, edits};
use crate::scan::{self, VirusReport};
use crate::state::{MailState, Work};

/// Yes if a virus was found. What could not be looked into answers "unknown", which goes on as no.
pub(super) async fn vscan(work: &Work, state: &MailState, group: &[usize], mode: ScanMode, archives: bool) -> Result<Answered, Fault> {
    let report = scan::virus(work, &state.message, archives).await?;
    let word = report.word().to_owned();
    if report.infected.is_empty() {
        let answer = if report.closed.is_empty() { Answer::No } else { Answer::Unknown };
        let next = MailState { scanned: Some(word), ..state.clone() };
        return Ok(Answered { answer, no: Some(next), ..Answered::plain(false) });
    }
    let part = report.infected.first().and_then(|(part, _)| part.clone()).unwrap_or_default();
    tracing::warn!(event = "mail.infected", trace = %work.trace, virus = word, part, "a virus was found");
    let mut next = match mode {
        ScanMode::Info => state.clone(),
        ScanMode::Delete => without(work, state, group, &report)?,
    };
    next.scanned = Some(word);
    Ok(Answered::changed(next))
}

/// The mail with a notice in place of each infected part; where no part can be named, in place of all content.
fn without(work: &Work, state: &MailState, group: &[usize], report: &VirusReport) -> Result<MailState, Fault> {
    let mut edit = state.message.edit();
    let mut done = true;
    let mut seen = BTreeSet::new();
    for (id, virus) in &report.infected {
        let part = id.as_deref().and_then(|id| state.message.part(id)).filter(|part| part.id != "1");
        match part {
            Some(part) if seen.insert(part.id.clone()) => {
                let notice = notice(work, group, part.name.as_deref().unwrap_or_default(), virus);
                done &= edit.splice(part.entity_range(), notice.finish().into());
            }
            Some(_) => {}
            None => done = false,
        }
    }
    if !done {
        let (_, virus) = report.infected.first().cloned().unwrap_or_default();
        edit = state.message.edit();
        edit.replace_entity(notice(work, group, "", &virus).finish());
    }
    state.with_bytes(edit.finish(), &work.budget)
}

/// The text that stands where the virus was, in the recipients' language; without a common one in all four (M-R8).
fn notice(work: &Work, group: &[usize], name: &str, virus: &str) -> Entity {
    let of = |n: &usize| work.recipient(*n).and_then(|address| work.site.language_of(address));
    let mut languages: Vec<Option<Language>> = group.iter().map(of).collect();
    languages.dedup();
    let languages = match languages.as_slice() {
        [Some(language)] => vec![*language],
        _ => Language::ALL.to_vec(),
    };
    let args = [("name", name.to_owned()), ("virus", virus.to_owned())];
    let id = if name.is_empty() { "notice-virus-removed" } else { "notice-virus-removed-file" };
    let texts: Vec<String> = languages.into_iter().map(|language| texts::text(language, id, &args)).collect();
    Entity::text("plain", &format!("{}\r\n", texts.join("\r\n\r\n")))
}

/// Yes if the score reaches `reject`; from `mark` on the tag is put into the subject.
pub(super) async fn isspam(work: &Work, state: &MailState, mark: u32, tag: &str, reject: u32) -> Result<Answered, Fault> {
    let Some(report) = scan::spam(work, &state.message).await? else {
        let answer = Answer::Unknown;
        return Ok(Answered { answer, ..Answered::plain(false) });
    };
    let mut next = None;
    if report.score >= f64::from(mark) && !tag.is_empty() {
        next = edits::tag_subject(work, state, tag)?.yes;
    }
    let yes = report.score >= f64::from(reject);
    let answer = if yes { Answer::Yes } else { Answer::No };
    Ok(Answered { answer, yes: next.clone().filter(|_| yes), no: next.filter(|_| !yes), ..Answered::plain(false) })
}

/// In place of a virus scan that failed or was not begun, in a mail that must not show it: nothing that we opened
/// leaves unscanned, so the mail goes on as it came, closed.
pub(super) fn not_scanned(state: &MailState) -> Answered {
    let mut next = state.clone();
    if let Some(closed) = next.closed.take() {
        next.message = closed;
        next.shape = OnceLock::new();
        next.sealed = OnceLock::new();
        next.around = None;
        next.opened = false;
        next.pgp = None;
        next.learned = None;
        next.met = None;
        let reasons = vec!["could-not-be-scanned".to_owned()];
        next.judgement = Judgement { encryption: EncryptionWord::Failed, reasons, ..Judgement::default() };
    }
    next.scanned = Some("unscanned".to_owned());
    Answered { answer: Answer::Unknown, no: Some(next), ..Answered::plain(false) }
}
