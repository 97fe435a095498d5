//! `validate_smime_sig` and `delete_smime_sig`: the verdict is a value that goes with the mail (M-C13).

use crypto::pool::Priority;
use crypto::smime::SignatureFinding;
use keyring::harvest::Harvest;
use message::shape::{CmsKind, Shape};
use model::{Fault, SignatureVerdict};

use super::Answered;
use crate::decide::exhausted;
use crate::inner_fields;
use crate::state::{MailState, Work};
use crate::wrapped::Around;

pub(super) async fn validate_smime_sig(work: &Work, state: &MailState, save: bool) -> Result<Answered, Fault> {
    let Some((finding, harvest)) = finding(work, state).await else {
        return Ok(Answered::plain(false));
    };
    let mut next = state.clone();
    Around::beside(&mut next);
    next.judgement.signature = next.judgement.signature.max(finding.verdict);
    next.judgement.signer.clone_from(&finding.signer);
    next.judgement.layers.push("signed-smime".to_owned());
    next.judgement.reasons.extend(finding.reasons.iter().cloned());
    let (verdict, signer) = (finding.verdict.word(), finding.signer.as_deref().unwrap_or(""));
    tracing::info!(trace = %work.trace, event = "mail.signature", verdict, signer);
    // All of them: a good one inside does not make up for a bad one around it.
    let valid = finding.verdict == SignatureVerdict::Valid && next.judgement.signature == SignatureVerdict::Valid;
    if save {
        next.learned = harvest.certificate.filter(|_| valid);
        next.met = harvest.met;
    }
    if valid {
        let vouched = inner_fields::vouched(work, &next, finding.content.as_ref())?;
        return Ok(Answered::changed(vouched.unwrap_or(next)));
    }
    Ok(Answered { no: Some(next), ..Answered::plain(false) })
}

/// The verdict where the check could not be made.
pub(super) fn unchecked(state: &MailState) -> Answered {
    let mut next = state.clone();
    next.judgement.signature = next.judgement.signature.max(SignatureVerdict::Unchecked);
    Answered { no: Some(next), ..Answered::plain(false) }
}

/// The signature of the mail as it now is, checked on its original bytes, and what it teaches; `None` if there is none.
pub(super) async fn finding(work: &Work, state: &MailState) -> Option<(SignatureFinding, Harvest)> {
    let (message, site, now, budget) = (state.message.clone(), work.site.clone(), work.now, work.budget.clone());
    let look = move || keyring::judge::verify(&message, &message, &site, now, &budget);
    let mut finding = work.pool.run(Priority::Mail, look).await;
    if finding.verdict == SignatureVerdict::None {
        return None;
    }
    // Before anything is learnt: what was revoked teaches nothing.
    work.issuers.settle(work, &mut finding, state.key_used).await;
    let (message, site, budget) = (state.message.clone(), work.site.clone(), work.budget.clone());
    let learn = move || {
        let harvest = keyring::harvest::of(&message, &finding, &site, &budget);
        (finding, harvest)
    };
    Some(work.pool.run(Priority::Mail, learn).await)
}

/// Removes the signature without checking it: the content takes the place of the signed entity.
pub(super) async fn delete_smime_sig(work: &Work, state: &MailState) -> Result<Answered, Fault> {
    let entity = match state.shape() {
        Shape::ClearSigned { content, .. } => state.message.bytes().get(content.clone()).map(bytes::Bytes::copy_from_slice),
        Shape::Cms { kind: CmsKind::Signed, .. } => finding(work, state).await.and_then(|(finding, _)| finding.content),
        _ => None,
    };
    let entity = entity.map(|entity| message::entity::sendable(&entity, &work.budget)).transpose().map_err(exhausted)?.flatten();
    let Some(entity) = entity else {
        return Ok(Answered::plain(false));
    };
    let mut edit = state.message.edit();
    edit.replace_entity(entity);
    let next = state.with_bytes(edit.finish(), &work.budget)?;
    Ok(if super::decrypt::passes(work, state, &next).is_ok() { Answered::changed(next) } else { Answered::plain(false) })
}
