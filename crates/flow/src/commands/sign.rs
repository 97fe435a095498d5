//! `sign_smime`: a detached signature with the current user's newest valid certificate.

use std::sync::Arc;

use crypto::pool::Priority;
use message::entity;
use message::shape::Shape;
use model::{Fault, Guilty};

use super::Answered;
use crate::decide::exhausted;
use crate::state::{MailState, Work};

pub(super) async fn sign_smime(work: &Work, state: &MailState) -> Result<Answered, Fault> {
    // What the client protected is not touched (M-C14).
    if !matches!(state.shape(), Shape::Plain) {
        return Ok(Answered::plain(false));
    }
    let Some(user) = state.account_key() else {
        return Ok(Answered::plain(false));
    };
    let Some(signer) = keyring::choose::signing(&work.site, &user, work.now) else {
        return Ok(Answered::plain(false));
    };
    if work.rehearsal {
        return Ok(Answered::changed(MailState { signed: true, ..state.clone() }));
    }
    let (message, keys, trace, now, budget) = (state.message.clone(), Arc::clone(&work.keys), work.trace, work.now, work.budget.clone());
    let signed = work
        .pool
        .run(Priority::Mail, move || {
            let entity = entity::seven_bit(&entity::of(&message), &budget).map_err(exhausted)?;
            crypto::smime::sign(&entity, &signer, keys.as_ref(), trace, now).map_err(could_not_sign)
        })
        .await?;
    let mut edit = state.message.edit();
    edit.replace_entity(&signed);
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.signed = true;
    Ok(Answered::changed(next))
}

fn could_not_sign(error: crypto::CryptoError) -> Fault {
    Fault::temporary(Guilty::Ourselves, "signing-failed", error.to_string())
}
