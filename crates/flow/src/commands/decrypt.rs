//! `decrypt_smime`: opens one layer with keys that the group's recipients own, and only with those.

use std::sync::Arc;

use crypto::pool::Priority;
use message::shape::{self, CmsKind, Shape};
use model::{EncryptionWord, Fault};
use rules::Answer;

use super::Answered;
use crate::state::{MailState, Work};

pub(super) async fn decrypt_smime(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    let Shape::Cms { der, kind } = shape::of(&state.message) else {
        return Ok(Answered::plain(false));
    };
    if kind == CmsKind::Signed {
        return Ok(Answered::plain(false));
    }
    let named = crypto::smime::named_recipients(&der, &work.budget).unwrap_or_default();
    let mut owners = vec![false; group.len()];
    let mut own = Vec::new();
    for (number, owner) in group.iter().zip(owners.iter_mut()) {
        let Some(address) = work.recipient(*number) else { continue };
        for certificate in keyring::choose::own(&work.site, &[address.key()]) {
            if named.iter().any(|name| name.matches(&certificate)) {
                *owner = true;
                own.push(certificate);
            }
        }
    }
    if own.is_empty() {
        return Ok(failed(state, false, "no-key-of-the-recipient"));
    }
    let (keys, trace, budget) = (Arc::clone(&work.keys), work.trace, work.budget.clone());
    let opened = work.pool.run(Priority::Mail, move || crypto::smime::open(&der, &own, keys.as_ref(), trace, &budget)).await;
    match opened {
        Ok(opened) => {
            let mut edit = state.message.edit();
            edit.replace_entity(&opened.entity);
            let mut next = state.with_bytes(edit.finish(), &work.budget)?;
            next.opened = true;
            next.key_used = true;
            next.judgement.encryption = EncryptionWord::Smime;
            next.judgement.layers.push(format!("encrypted-{}", opened.cipher_word));
            if !opened.authenticated {
                push_once(&mut next.judgement.reasons, "unauthenticated");
            }
            let mut answered = Answered::each(owners, Some(next));
            if matches!(answered.answer, Answer::Split(_)) {
                answered.no = failed(state, false, "no-key-of-the-recipient").no;
            }
            Ok(answered)
        }
        Err(error) => {
            tracing::info!(trace = %work.trace, event = "mail.not_opened", cause = %error, "delivered as it came");
            Ok(failed(state, true, "could-not-be-opened"))
        }
    }
}

/// Delivered as it came, marked `failed`; nothing of the plain text is released.
fn failed(state: &MailState, key_used: bool, reason: &str) -> Answered {
    let mut next = state.clone();
    next.key_used |= key_used;
    next.judgement.encryption = EncryptionWord::Failed;
    push_once(&mut next.judgement.reasons, reason);
    Answered { answer: Answer::No, yes: None, no: Some(next) }
}

fn push_once(reasons: &mut Vec<String>, reason: &str) {
    if !reasons.iter().any(|r| r == reason) {
        reasons.push(reason.to_owned());
    }
}
