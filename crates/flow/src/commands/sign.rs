//! `sign_smime`: a detached signature with the current user's newest valid certificate, or with the company's (M-C10).

use std::sync::Arc;

use bytes::Bytes;
use crypto::pool::Priority;
use crypto::smime::{SignStyle, SigningIdentity};
use message::shape::Shape;
use message::{Message, encode, entity};
use model::{Address, Fault, Guilty};

use super::Answered;
use crate::decide::exhausted;
use crate::inner_fields;
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
    signed_by(work, state, signer).await.map(Answered::changed)
}

/// Company signature (M-C10): the certificate's address is the technical sender, and answers go to the real one. The envelope sender stays
/// the user's; DKIM signs for the technical address's domain, as From has it.
pub(super) async fn sign_company(work: &Work, state: &MailState, certificate: &str, prefix: &str, suffix: &str) -> Result<Answered, Fault> {
    let may = state.account_key().is_some_and(|key| work.site.users.get(&key).is_none_or(|user| !user.may_not_sign));
    if !may || !matches!(state.shape(), Shape::Plain) {
        return Ok(Answered::plain(false));
    }
    let technical = Address::parse(certificate)
        .map_err(|e| Fault::temporary(Guilty::Configuration, "rules-bad-address", format!("sign_smime({certificate:?}): {e}")))?;
    let signer = Some(&technical).filter(|address| work.site.is_managed(address));
    let Some(signer) = signer.and_then(|address| keyring::choose::signing(&work.site, &address.key(), work.now)) else {
        tracing::warn!(trace = %work.trace, event = "mail.not_signed", certificate, "there is no valid domain certificate for this address");
        return Ok(Answered::plain(false));
    };
    let mut authors = state.message.mailboxes("from").into_iter();
    let (Some(author), None) = (authors.next(), authors.next()) else {
        return Ok(Answered::plain(false));
    };
    let real = author.name.clone().unwrap_or_else(|| author.address.local().to_owned());
    let shown: Vec<&str> = [prefix, &real, suffix].into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut edit = state.message.edit();
    edit.set("From", &encode::mailbox(Some(&shown.join(" ")), &technical));
    if state.message.fields_named("reply-to").next().is_none() {
        edit.set("Reply-To", &encode::mailbox(author.name.as_deref(), &author.address));
    }
    let renamed = state.with_bytes(edit.finish(), &work.budget)?;
    signed_by(work, &renamed, signer).await.map(Answered::changed)
}

async fn signed_by(work: &Work, state: &MailState, signer: SigningIdentity) -> Result<MailState, Fault> {
    if work.rehearsal {
        return Ok(MailState { signed: true, ..state.clone() });
    }
    let signed = entity_by(work, &state.message, signer.clone(), false).await?;
    let mut edit = state.message.edit();
    edit.replace_entity(signed);
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.signed = true;
    next.unsigned = Some(Arc::new((state.message.clone(), signer)));
    Ok(next)
}

/// The signed entity of this message. `hidden`: made to be encrypted, with the fields inside that will not stand outside.
pub(super) async fn entity_by(work: &Work, message: &Message, signer: SigningIdentity, hidden: bool) -> Result<Bytes, Fault> {
    let (message, keys, trace, now, budget) = (message.clone(), Arc::clone(&work.keys), work.trace, work.now, work.budget.clone());
    let (pss, protection) = (work.site.mail.smime_signature == "pss", work.site.mail.header_protection.clone());
    // Answers shall come to the key that opens mail, where that is another one than this (dual keys).
    let owner = signer.chain.first().and_then(|leaf| leaf.addresses().first()).map(Address::key);
    let encryption = owner.and_then(|owner| keyring::choose::own_encryption(&work.site, &owner, work.now));
    let sign = move || {
        let composed = inner_fields::composed(&protection, &message, hidden, &budget)?;
        let entity = entity::seven_bit(&composed, &budget).map_err(exhausted)?;
        let style = SignStyle { pss, encryption: encryption.as_ref() };
        crypto::smime::sign_by(&entity, &signer, (keys.as_ref(), trace), now, style).map_err(could_not_sign)
    };
    work.pool.run(Priority::Mail, sign).await
}

fn could_not_sign(error: crypto::CryptoError) -> Fault {
    Fault::temporary(Guilty::Ourselves, "signing-failed", error.to_string())
}
