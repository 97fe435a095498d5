//! `encrypt_smime`: for each recipient with a usable certificate; the others go on unencrypted below the `if`.
//!
//! RecipientInfos name everybody who can open the message, so whoever To and Cc don't name must not be among them:
//! such recipients become groups of their own before the command is carried out (M-R9).

use std::collections::HashSet;

use bytes::Bytes;
use crypto::pki::Certificate;
use crypto::pool::Priority;
use crypto::smime::{ContentCipher, KeyTransport};
use message::protected::{self, Form};
use message::shape::Shape;
use message::{Message, entity};
use model::{AddressKey, Fault, Guilty};

use super::Answered;
use crate::decide::exhausted;
use crate::inner_fields;
use crate::state::{MailState, Work};

/// Those of the group who need an encrypted copy of their own: blind recipients. One of them may stay if nobody else
/// in the group is encrypted for.
pub(super) fn blind(work: &Work, state: &MailState, group: &[usize]) -> Vec<usize> {
    blind_among(work, state, group, |n| certificate(work, state, n).is_some())
}

/// The same for those for whom something is encrypted at all.
pub(super) fn blind_among(work: &Work, state: &MailState, group: &[usize], encrypts: impl Fn(usize) -> bool) -> Vec<usize> {
    if group.len() < 2 || is_closed(work, state) {
        return Vec::new();
    }
    let named: HashSet<AddressKey> =
        ["to", "cc"].iter().flat_map(|field| state.message.mailboxes(field)).map(|mailbox| mailbox.address.key()).collect();
    let (open, mut blind): (Vec<usize>, Vec<usize>) =
        group.iter().filter(|n| encrypts(**n)).partition(|n| work.recipient(**n).is_some_and(|address| named.contains(&address.key())));
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

fn is_closed(work: &Work, state: &MailState) -> bool {
    state.shape().is_encrypted() || state.sealed(&work.budget).is_some()
}

pub(super) async fn encrypt_smime(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    // What is closed already stays as it is and counts as encrypted (M-C14).
    if is_closed(work, state) {
        return Ok(Answered::changed(MailState { encrypted: true, ..state.clone() }));
    }
    let certificates: Vec<Option<Certificate>> = group.iter().map(|n| certificate(work, state, *n)).collect();
    let to: Vec<Certificate> = certificates.iter().flatten().cloned().collect();
    if to.is_empty() {
        return Ok(Answered::plain(false));
    }
    // One cipher for one text: GCM only if everybody announces it (RFC 8551 §2.7.1).
    let cipher = if to.iter().all(Certificate::announces_gcm) { ContentCipher::Aes256Gcm } else { ContentCipher::Aes256Cbc };
    let hidden = hidden(work, state).await?;
    let is_hidden = hidden.is_some();
    let closed = sealed(work, &state.message, hidden, to, cipher).await?;
    let mut edit = state.message.edit();
    edit.replace_entity(closed);
    if is_hidden {
        protected::hide(&mut edit);
    }
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.encrypted = true;
    Ok(Answered::each(certificates.iter().map(Option::is_some).collect(), Some(next)))
}

/// The content with the fields inside that will not stand outside, where the site wants them hidden (RFC 9788). What we signed is signed
/// anew with them; what the client signed stays as it is, and its subject with it.
async fn hidden(work: &Work, state: &MailState) -> Result<Option<Bytes>, Fault> {
    if work.site.mail.header_protection != "hidden" {
        return Ok(None);
    }
    match (&state.unsigned, state.shape()) {
        (Some(unsigned), _) if protected::compose(&unsigned.0, Form::Cipher, true).is_some() => {
            super::sign::entity_by(work, &unsigned.0, unsigned.1.clone(), true).await.map(Some)
        }
        (None, Shape::Plain) => inner_fields::hidden(&state.message, &work.budget),
        _ => Ok(None),
    }
}

/// The message's content for these, or what stands in its place, on the CPU pool.
async fn sealed(
    work: &Work,
    message: &Message,
    instead: Option<Bytes>,
    to: Vec<Certificate>,
    cipher: ContentCipher,
) -> Result<Bytes, Fault> {
    let transport = if work.site.mail.smime_key_transport == "oaep" { KeyTransport::Oaep } else { KeyTransport::Pkcs1 };
    let (message, budget) = (message.clone(), work.budget.clone());
    let seal = move || {
        let safe = match instead {
            Some(content) => entity::seven_bit(&content, &budget),
            None => entity::seven_bit_of(&message, &budget),
        };
        let entity = safe.map_err(exhausted)?;
        crypto::smime::encrypt_by(&entity, &to, cipher, transport)
            .map_err(|e| Fault::temporary(Guilty::Ourselves, "encryption-failed", e.to_string()))
    };
    work.pool.run(Priority::Mail, seal).await
}

/// A copy for somebody who is no recipient: the archive.
pub(super) async fn for_one(work: &Work, message: &Message, certificate: Certificate) -> Result<Bytes, Fault> {
    let cipher = keyring::choose::cipher(std::slice::from_ref(&certificate));
    sealed(work, message, None, vec![certificate], cipher).await
}
