//! `decrypt_smime`: opens one layer with keys that the group's recipients own, and only for those whose own key gave
//! the content key: to be named in the message proves nothing.
//!
//! Whatever goes wrong from the first use of a key on, also with what was inside, ends the same way: closed, delivered as
//! it came.

use std::sync::Arc;

use bytes::Bytes;
use crypto::CryptoError;
use crypto::pki::Certificate;
use crypto::pool::Priority;
use crypto::smime::{Opened, SignatureFinding};
use message::entity;
use model::{EncryptionWord, Fault, Guilty};
use rules::Answer;

use super::Answered;
use crate::decide::exhausted;
use crate::inner_fields;
use crate::state::{MailState, Work};
use crate::wrapped::{Around, Sealed};

pub(super) async fn decrypt_smime(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    let Some(Sealed { der, signed }) = state.sealed(&work.budget) else {
        return Ok(Answered::plain(false));
    };
    let named = crypto::smime::named_recipients(der, &work.budget).unwrap_or_default();
    let own = |n: &usize| -> Vec<Certificate> {
        // A key may outlive its domain (M-T2): what it opened would leave by a way that nobody chose for it.
        let ours = work.recipient(*n).filter(|address| work.site.is_managed(address));
        let all = ours.map(|address| keyring::choose::own(&work.site, &[address.key()])).unwrap_or_default();
        all.into_iter().filter(|certificate| named.iter().any(|name| name.matches(certificate))).collect()
    };
    let owners: Vec<Vec<Certificate>> = group.iter().map(own).collect();
    if owners.iter().all(Vec::is_empty) {
        return Ok(failed(state, false, "no-key-of-the-recipient"));
    }
    // Looked at first: after the opening the octets that they were made over are gone.
    let around = if *signed { super::verify::finding(work, state).await.map(|(finding, _)| finding) } else { None };
    let (der, keys, trace, budget) = (der.clone(), Arc::clone(&work.keys), work.trace, work.budget.clone());
    let (found, owners) =
        work.pool.run(Priority::Mail, move || (crypto::smime::open_for(&der, &owners, keys.as_ref(), trace, &budget), owners)).await;
    let opened = found.map_err(|error: CryptoError| error.to_string()).and_then(|(opened, yes)| {
        let next = inside(work, state, &opened, around.as_ref()).map_err(|fault| fault.to_string())?;
        Ok((next, yes))
    });
    match opened {
        Ok((next, yes)) => Ok(answered(state, next, yes, &owners)),
        Err(cause) => {
            tracing::info!(trace = %work.trace, event = "mail.not_opened", cause, "delivered as it came");
            Ok(failed(state, true, "could-not-be-opened"))
        }
    }
}

/// The mail with what was inside; it must be readable within the same bounds as any mail.
fn inside(work: &Work, state: &MailState, opened: &Opened, around: Option<&SignatureFinding>) -> Result<MailState, Fault> {
    let mut edit = state.message.edit();
    edit.replace_entity(deliverable(work, &opened.entity)?);
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    passes(work, state, &next)?;
    next.closed = state.closed.clone().or_else(|| Some(state.message.clone()));
    next.opened = true;
    next.key_used = true;
    next.judgement.encryption = EncryptionWord::Smime;
    if let Some(around) = around {
        next.judgement.layers.push("signed-smime".to_owned());
        next.judgement.signer.clone_from(&around.signer);
        next.judgement.reasons.extend(around.reasons.iter().cloned());
        Around::note(&mut next, around.verdict);
    }
    next.judgement.layers.push(format!("encrypted-{}", opened.cipher_word));
    if !opened.authenticated {
        push_once(&mut next.judgement.reasons, "unauthenticated");
    }
    // A signature inside will say whether its fields count; without one the cipher says that nobody changed what the sender hid.
    if opened.authenticated && !next.shape().is_signed() && !next.shape().is_encrypted() {
        next = inner_fields::unhidden(work, &next, &opened.entity)?.unwrap_or(next);
    }
    Ok(next)
}

/// What was inside, fit for the way on. What can't leave would come back as a report, and so show a stranger that it was opened.
///
/// # Errors
/// Where it can't be made so.
fn deliverable(work: &Work, entity: &Bytes) -> Result<Bytes, Fault> {
    let made = entity::sendable(entity, &work.budget).map_err(exhausted)?;
    made.ok_or_else(|| Fault::permanent(Guilty::Sender, "crypto-cannot-open", "what was inside can't be sent on as it is"))
}

/// What comes in closed passes no other door than what comes open: a stranger's mail that two programs read differently is refused there,
/// because what the scanner saw need not be what is read, and so is one that is too large (M-T6), which would come back as a report.
///
/// # Errors
/// Where it is so.
pub(super) fn passes(work: &Work, state: &MailState, next: &MailState) -> Result<(), Fault> {
    let (size, most) = (next.message.bytes().len() as u64, work.site.mail.max_message_size);
    if size > most.0 {
        return Err(Fault::permanent(Guilty::Sender, "mail-too-large", format!("{size} octets were inside")).with("limit", most));
    }
    if state.user.authenticated { Ok(()) } else { next.message.refuse_ambiguous() }
}

/// Open for those who proved that it is theirs, closed for the others.
fn answered(state: &MailState, next: MailState, yes: Vec<bool>, owners: &[Vec<Certificate>]) -> Answered {
    let merely_named = owners.iter().zip(&yes).any(|(own, yes)| !yes && !own.is_empty());
    let mut answered = Answered::each(yes, Some(next));
    if matches!(answered.answer, Answer::Split(_)) {
        answered.no = failed(state, true, if merely_named { "could-not-be-opened" } else { "no-key-of-the-recipient" }).no;
    }
    answered
}

/// Delivered as it came, marked `failed`; nothing of the plain text is released.
pub(super) fn failed(state: &MailState, key_used: bool, reason: &str) -> Answered {
    let mut next = state.clone();
    next.key_used |= key_used;
    next.judgement.encryption = EncryptionWord::Failed;
    push_once(&mut next.judgement.reasons, reason);
    Answered { no: Some(next), ..Answered::plain(false) }
}

pub(super) fn push_once(reasons: &mut Vec<String>, reason: &str) {
    if !reasons.iter().any(|r| r == reason) {
        reasons.push(reason.to_owned());
    }
}

#[cfg(test)]
#[path = "decrypt_tests.rs"]
mod tests;
