//! `encrypt_smime`: for each recipient with a usable certificate; the others go on unencrypted below the `if`.
//!
//! RecipientInfos name everybody who can open the message, so whoever To and Cc don't name must not be among them:
//! such recipients become groups of their own before the command is carried out (M-R9).

use std::collections::HashSet;

use bytes::Bytes;
use crypto::pki::Certificate;
use crypto::pool::Priority;
use crypto::smime::ContentCipher;
use message::shape::{CmsKind, Shape};
use message::{Message, entity};
use model::{AddressKey, Fault, Guilty};

use super::Answered;
use crate::decide::exhausted;
use crate::state::{MailState, Work};

/// Those of the group who need an encrypted copy of their own: blind recipients. One of them may stay if nobody else
/// in the group is encrypted for.
pub(super) fn blind(work: &Work, state: &MailState, group: &[usize]) -> Vec<usize> {
    if group.len() < 2 || is_closed(state) {
        return Vec::new();
    }
    let named: HashSet<AddressKey> =
        ["to", "cc"].iter().flat_map(|field| state.message.mailboxes(field)).map(|mailbox| mailbox.address.key()).collect();
    let (open, mut blind): (Vec<usize>, Vec<usize>) = group
        .iter()
        .filter(|n| certificate(work, state, **n).is_some())
        .partition(|n| work.recipient(**n).is_some_and(|address| named.contains(&address.key())));
    if open.is_empty() && !blind.is_empty() {
        blind.remove(0);
    }
    blind
}

fn certificate(work: &Work, state: &MailState, recipient: usize) -> Option<Certificate> {
    let may = state.account_key().and_then(|key| work.site.users.get(&key)).is_none_or(|user| !user.may_not_encrypt);
    let address = work.recipient(recipient).filter(|_| may)?;
    keyring::choose::encryption(&work.site, &address.key(), work.now)
}

fn is_closed(state: &MailState) -> bool {
    matches!(state.shape(), Shape::Cms { kind, .. } if *kind != CmsKind::Signed)
}

pub(super) async fn encrypt_smime(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    // What is closed already stays as it is and counts as encrypted (M-C14).
    if is_closed(state) {
        return Ok(Answered::changed(MailState { encrypted: true, ..state.clone() }));
    }
    let certificates: Vec<Option<Certificate>> = group.iter().map(|n| certificate(work, state, *n)).collect();
    let to: Vec<Certificate> = certificates.iter().flatten().cloned().collect();
    if to.is_empty() {
        return Ok(Answered::plain(false));
    }
    // One cipher for one text: GCM only if everybody announces it (RFC 8551 §2.7.1).
    let cipher = if to.iter().all(Certificate::announces_gcm) { ContentCipher::Aes256Gcm } else { ContentCipher::Aes256Cbc };
    let closed = sealed(work, &state.message, to, cipher).await?;
    let mut edit = state.message.edit();
    edit.replace_entity(&closed);
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.encrypted = true;
    Ok(Answered::each(certificates.iter().map(Option::is_some).collect(), Some(next)))
}

/// The content for these, on the CPU pool.
async fn sealed(work: &Work, message: &Message, to: Vec<Certificate>, cipher: ContentCipher) -> Result<Bytes, Fault> {
    let (message, budget) = (message.clone(), work.budget.clone());
    let seal = move || {
        let entity = entity::seven_bit(&entity::of(&message), &budget).map_err(exhausted)?;
        crypto::smime::encrypt(&entity, &to, cipher).map_err(|e| Fault::temporary(Guilty::Ourselves, "encryption-failed", e.to_string()))
    };
    work.pool.run(Priority::Mail, seal).await
}

/// A copy for somebody who is no recipient: the archive.
pub(super) async fn for_one(work: &Work, message: &Message, certificate: Certificate) -> Result<Bytes, Fault> {
    let cipher = keyring::choose::cipher(std::slice::from_ref(&certificate));
    sealed(work, message, vec![certificate], cipher).await
}
