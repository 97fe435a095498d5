//! OpenPGP: `decrypt_pgp`, `delete_pgp_sig`, `encrypt_pgp`, `attachpgpkey`, `pgp_key_known`, `pgp_keys_avail`, `pgp_signed`,
//! `pgp_encrypted`.
//!
//! `decrypt_pgp` does two things that belong together here, because a signature often lies inside what is encrypted: it opens what the
//! recipients' own keys open, and it judges what is signed. Its answer is about the signature where one is in sight, so that a rule that
//! asks twice (open, then check) never takes the one for the other. Whatever goes wrong once a key was used ends the same way: closed,
//! delivered as it came.

use std::sync::Arc;

use crypto::openpgp::{OwnPgp, PgpKey};
use crypto::pool::Priority;
use keyring::pgp::{self, Treated};
use message::build::Entity;
use message::shape::Shape;
use message::shape::pgp::{Piece, pieces};
use message::{Message, entity};
use model::{Address, EncryptionWord, Fault, Guilty, SignatureVerdict};
use rules::{Answer, Coverage};

use super::{Answered, adds, decrypt, encrypt};
use crate::decide::exhausted;
use crate::state::{MailState, PgpSeen, Work};
use crate::wrapped::OVER_CIPHERTEXT;

/// Those of the group who need a copy of their own: where a signature is in sight the answer is about it, so whether a part opens may not
/// differ within the group.
pub(super) fn apart_to_decrypt(work: &Work, state: &MailState, group: &[usize]) -> Vec<usize> {
    let found = pieces(&state.message, &work.budget).unwrap_or_default();
    let signed = state.pgp.is_some() || found.iter().any(Piece::is_signed);
    if group.len() < 2 || !signed || !found.iter().any(Piece::is_encrypted) {
        return Vec::new();
    }
    let mut owners: Vec<usize> = group.iter().copied().filter(|n| !own(work, *n).is_empty()).collect();
    if owners.len() == group.len() {
        owners.remove(0);
    }
    owners
}

/// Is there something that `decrypt_pgp` would open? Without a budget: time is up where this is asked.
pub(super) fn found(state: &MailState) -> bool {
    pieces(&state.message, &model::Budget::default()).is_ok_and(|found| found.iter().any(Piece::is_encrypted))
}

/// Keys of a recipient of ours; a key may outlive its domain (M-T2).
fn own(work: &Work, recipient: usize) -> Vec<OwnPgp> {
    let ours = work.recipient(recipient).filter(|address| work.site.is_managed(address));
    ours.map(|address| pgp::own(&work.site, &[address.key()])).unwrap_or_default()
}

pub(super) async fn decrypt_pgp(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    let found = pieces(&state.message, &work.budget).map_err(exhausted)?;
    let encrypted = found.iter().any(Piece::is_encrypted);
    let signed = found.iter().any(Piece::is_signed);
    if !encrypted && (!signed || state.pgp.is_some_and(|seen| seen.current)) {
        return Ok(Answered::plain(state.pgp.is_some_and(|seen| seen.verdict == SignatureVerdict::Valid)));
    }
    let owners: Vec<Vec<OwnPgp>> = group.iter().map(|n| if encrypted { own(work, *n) } else { Vec::new() }).collect();
    let has_keys = owners.iter().any(|owner| !owner.is_empty());
    let (message, site, keys, trace) = (state.message.clone(), Arc::clone(&work.site), Arc::clone(&work.keys), work.trace);
    let (now, budget) = (work.now, work.budget.clone());
    let look = move || {
        let case = pgp::Case { site: &site, outer: &message, keys: keys.as_ref(), trace, now, budget: &budget };
        pgp::treat(&message, &owners, &case)
    };
    let treated = match work.pool.run(Priority::Mail, look).await {
        Ok(treated) => treated,
        Err(error) => {
            tracing::info!(trace = %work.trace, event = "mail.not_opened", cause = %error, "delivered as it came");
            return Ok(if encrypted { decrypt::failed(state, has_keys, "could-not-be-opened") } else { unchecked(state) });
        }
    };
    let was_signed = signed || state.pgp.is_some();
    let next = match after(work, state, &treated) {
        Ok(next) => next,
        Err(fault) => {
            tracing::info!(trace = %work.trace, event = "mail.not_opened", cause = %fault, "delivered as it came");
            return Ok(decrypt::failed(state, treated.key_used, "could-not-be-opened"));
        }
    };
    Ok(answered(state, next, treated, was_signed))
}

/// The mail as it is now: with what was opened, and what was found out.
fn after(work: &Work, state: &MailState, treated: &Treated) -> Result<MailState, Fault> {
    let opened = treated.encrypted && treated.bytes.is_some();
    let mut next = match &treated.bytes {
        Some(bytes) => {
            let next = state.with_bytes(bytes.clone(), &work.budget)?;
            decrypt::passes(work, state, &next)?;
            next
        }
        None => state.clone(),
    };
    next.key_used |= treated.key_used;
    if opened {
        next.closed = state.closed.clone().or_else(|| Some(state.message.clone()));
        next.opened = true;
        next.judgement.encryption = EncryptionWord::Pgp;
        next.judgement.layers.push("encrypted-pgp".to_owned());
        if !treated.whole {
            decrypt::push_once(&mut next.judgement.reasons, "opened-in-part");
        }
    }
    if !treated.closed.is_empty() {
        next.judgement.encryption = EncryptionWord::Failed;
        treated.closed.iter().for_each(|reason| decrypt::push_once(&mut next.judgement.reasons, reason));
    }
    if let Some(finding) = &treated.finding {
        next.judgement.signature = next.judgement.signature.max(finding.verdict);
        next.judgement.signer = next.judgement.signer.take().or_else(|| finding.signer.clone());
        next.judgement.layers.push("signed-pgp".to_owned());
        finding.reasons.iter().for_each(|reason| decrypt::push_once(&mut next.judgement.reasons, reason));
        let signer = finding.signer.as_deref().unwrap_or("");
        tracing::info!(trace = %work.trace, event = "mail.signature", verdict = finding.verdict.word(), signer);
    }
    let mut before = state.pgp.map(|seen| seen.verdict);
    if opened && treated.finding.is_none() && before == Some(SignatureVerdict::Valid) {
        // It was made over what is opened only now, and says nothing about what is inside.
        before = Some(SignatureVerdict::Partial);
        next.judgement.signature = next.judgement.signature.max(SignatureVerdict::Partial);
        decrypt::push_once(&mut next.judgement.reasons, OVER_CIPHERTEXT);
    }
    let verdicts = [before, treated.finding.as_ref().map(|finding| finding.verdict)];
    next.pgp = verdicts.into_iter().flatten().max().map(|verdict| PgpSeen { verdict, current: !treated.whole });
    Ok(next)
}

fn answered(state: &MailState, next: MailState, treated: Treated, was_signed: bool) -> Answered {
    let opened = treated.encrypted && treated.bytes.is_some();
    if was_signed || !opened {
        let everybody = !opened || treated.theirs.iter().all(|theirs| *theirs);
        if !everybody {
            return decrypt::failed(state, treated.key_used, "no-key-of-the-recipient");
        }
        let valid = next.pgp.is_some_and(|seen| seen.verdict == SignatureVerdict::Valid);
        return if valid { Answered::changed(next) } else { Answered { no: Some(next), ..Answered::plain(false) } };
    }
    let mut answered = Answered::each(treated.theirs, Some(next));
    if matches!(answered.answer, Answer::Split(_)) {
        answered.no = decrypt::failed(state, treated.key_used, "no-key-of-the-recipient").no;
    }
    answered
}

/// Looks at whom the pieces are addressed to, never at what opens: its answer may go onto the wire.
pub(super) fn key_known(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    let found = pieces(&state.message, &work.budget).map_err(exhausted)?;
    let named: Vec<String> = found.iter().flat_map(pgp::named).collect();
    let owns = |n: &usize| {
        work.recipient(*n).is_some_and(|address| pgp::own(&work.site, &[address.key()]).iter().any(|own| pgp::is_named(own, &named)))
    };
    Ok(Answered::each(group.iter().map(owns).collect(), None))
}

/// Removes what is signed in sight without checking it: the content takes the place of the signed piece.
pub(super) async fn delete_signatures(work: &Work, state: &MailState) -> Result<Answered, Fault> {
    let (message, budget) = (state.message.clone(), work.budget.clone());
    let made = work.pool.run(Priority::Mail, move || pgp::without_signatures(&message, &budget)).await.map_err(Fault::from)?;
    match made {
        Some(bytes) => state.with_bytes(bytes, &work.budget).map(Answered::changed),
        // One that lay inside what was opened is gone already.
        None => Ok(is_signed(work, state)),
    }
}

/// The verdict where the check could not be made.
fn unchecked(state: &MailState) -> Answered {
    let mut next = state.clone();
    next.judgement.signature = next.judgement.signature.max(SignatureVerdict::Unchecked);
    next.pgp = Some(PgpSeen { verdict: SignatureVerdict::Unchecked, current: true });
    Answered { no: Some(next), ..Answered::plain(false) }
}

/// Those of the group who need an encrypted copy of their own: blind recipients (M-R9).
pub(super) fn blind(work: &Work, state: &MailState, group: &[usize], address: Option<&str>) -> Vec<usize> {
    // One key for all names nobody.
    if address.is_some() {
        return Vec::new();
    }
    encrypt::blind_among(work, state, group, |n| key(work, state, n).is_some())
}

fn key(work: &Work, state: &MailState, recipient: usize) -> Option<PgpKey> {
    let address = work.recipient(recipient)?;
    may_encrypt(work, state).then(|| pgp::encryption(&work.site, &address.key(), work.now)).flatten()
}

fn may_encrypt(work: &Work, state: &MailState) -> bool {
    state.account_key().and_then(|key| work.site.users.get(&key)).is_none_or(|user| !user.may_not_encrypt)
}

pub(super) async fn encrypt_pgp(
    work: &Work,
    state: &MailState,
    group: &[usize],
    sign: bool,
    address: Option<&str>,
) -> Result<Answered, Fault> {
    // What is closed already stays as it is and counts as encrypted (M-C14).
    if state.shape().is_encrypted() {
        return Ok(Answered::changed(MailState { encrypted: true, ..state.clone() }));
    }
    let keys: Vec<Option<PgpKey>> = match address {
        None => group.iter().map(|n| key(work, state, *n)).collect(),
        Some(address) => {
            let address = Address::parse(address)
                .map_err(|e| Fault::temporary(Guilty::Configuration, "rules-bad-address", format!("encrypt_pgp({address:?}): {e}")))?;
            let key = may_encrypt(work, state).then(|| pgp::encryption(&work.site, &address.key(), work.now)).flatten();
            vec![key; group.len()]
        }
    };
    let to: Vec<PgpKey> = keys.iter().flatten().cloned().collect();
    if to.is_empty() {
        return Ok(Answered::plain(false));
    }
    let signer = signer(work, state, sign);
    let mut edit = state.message.edit();
    let signs = signer.is_some();
    edit.replace_entity(sealed(work, &state.message, to, signer).await?);
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.encrypted = true;
    next.signed |= signs;
    Ok(Answered::each(keys.iter().map(Option::is_some).collect(), Some(next)))
}

/// Whose signature goes inside; what the client or a command before has signed gets no second one (M-C14).
fn signer(work: &Work, state: &MailState, sign: bool) -> Option<OwnPgp> {
    let plain = sign && !state.signed && matches!(state.shape(), Shape::Plain);
    // A simulation uses no key.
    let user = state.account_key().filter(|_| plain && !work.rehearsal)?;
    let found = pgp::signing(&work.site, &user, work.now);
    if found.is_none() {
        tracing::info!(trace = %work.trace, event = "mail.not_signed", user = user.as_str(), "there is no OpenPGP key that can sign");
    }
    found
}

/// The content for these, on the CPU pool.
async fn sealed(work: &Work, message: &Message, to: Vec<PgpKey>, signer: Option<OwnPgp>) -> Result<bytes::Bytes, Fault> {
    let (message, budget, keys, trace, now) = (message.clone(), work.budget.clone(), Arc::clone(&work.keys), work.trace, work.now);
    let seal = move || {
        let failed = |e: crypto::CryptoError| Fault::temporary(Guilty::Ourselves, "encryption-failed", e.to_string());
        let entity = entity::seven_bit_of(&message, &budget).map_err(exhausted)?;
        let armour = crypto::openpgp::encrypt(&entity, &to, signer.as_ref(), (keys.as_ref(), trace), now).map_err(failed)?;
        crypto::openpgp::as_entity(&armour).map_err(failed)
    };
    work.pool.run(Priority::Mail, seal).await
}

/// The current user's public key as a file; signed and encrypted mail stays as it is.
pub(super) fn attach_key(work: &Work, state: &MailState) -> Result<Answered, Fault> {
    let key = state.account_key().and_then(|user| pgp::to_publish(&work.site, &user, work.now));
    let Some(key) = key.filter(|_| !adds::is_protected(state)) else {
        tracing::info!(trace = %work.trace, event = "mail.not_attached", "no OpenPGP key of the sender's, or the mail is protected");
        return Ok(Answered::plain(true));
    };
    let name = format!("OpenPGP_0x{}.asc", key.details(work.now).key_id);
    let part = Entity::attachment(&name, "application/pgp-keys", key.armoured().replace('\n', "\r\n").as_bytes());
    adds::with_part(work, state, &part)
}

pub(super) fn keys_avail(work: &Work, group: &[usize], mode: Coverage) -> Answered {
    let known = |n: &usize| work.recipient(*n).is_some_and(|address| pgp::encryption(&work.site, &address.key(), work.now).is_some());
    let answers: Vec<bool> = group.iter().map(known).collect();
    match mode {
        Coverage::Strict => Answered::plain(answers.iter().all(|a| *a)),
        Coverage::Auto => Answered::each(answers, None),
    }
}

/// At the root or in a part, or in what `decrypt_pgp` has opened.
pub(super) fn is_signed(work: &Work, state: &MailState) -> Answered {
    let found = || pieces(&state.message, &work.budget).unwrap_or_default();
    Answered::plain(state.pgp.is_some() || found().iter().any(Piece::is_signed))
}

/// As a whole: what is closed in part only is not what "encrypted" means to the sender.
pub(super) fn is_encrypted(state: &MailState) -> Answered {
    Answered::plain(matches!(state.shape(), Shape::PgpEncrypted))
}

#[cfg(test)]
#[path = "pgp_tests.rs"]
mod tests;
