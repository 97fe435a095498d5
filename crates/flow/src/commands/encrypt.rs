//! `encrypt_smime`: for each recipient with a usable certificate; the others go on unencrypted below the `if`.

use crypto::pki::Certificate;
use crypto::pool::Priority;
use crypto::smime::ContentCipher;
use message::entity;
use message::shape::{self, CmsKind, Shape};
use model::{Fault, Guilty};

use super::Answered;
use crate::decide::exhausted;
use crate::state::{MailState, Work};

pub(super) async fn encrypt_smime(work: &Work, state: &MailState, group: &[usize]) -> Result<Answered, Fault> {
    // What is closed already stays as it is and counts as encrypted (M-C14).
    if matches!(shape::of(&state.message), Shape::Cms { kind, .. } if kind != CmsKind::Signed) {
        return Ok(Answered::changed(MailState { encrypted: true, ..state.clone() }));
    }
    let may = state.account_key().and_then(|key| work.site.users.get(&key)).is_none_or(|user| !user.may_not_encrypt);
    let certificates: Vec<Option<Certificate>> = group
        .iter()
        .map(|n| work.recipient(*n).filter(|_| may).and_then(|address| keyring::choose::encryption(&work.site, &address.key(), work.now)))
        .collect();
    let to: Vec<Certificate> = certificates.iter().flatten().cloned().collect();
    if to.is_empty() {
        return Ok(Answered::plain(false));
    }
    // One cipher for one text: GCM only if everybody announces it (RFC 8551 §2.7.1).
    let cipher = if to.iter().all(Certificate::announces_gcm) { ContentCipher::Aes256Gcm } else { ContentCipher::Aes256Cbc };
    let (message, budget) = (state.message.clone(), work.budget.clone());
    let closed = work
        .pool
        .run(Priority::Mail, move || {
            let entity = entity::seven_bit(&entity::of(&message), &budget).map_err(exhausted)?;
            crypto::smime::encrypt(&entity, &to, cipher).map_err(|e| Fault::temporary(Guilty::Ourselves, "encryption-failed", e.to_string()))
        })
        .await?;
    let mut edit = state.message.edit();
    edit.replace_entity(&closed);
    let mut next = state.with_bytes(edit.finish(), &work.budget)?;
    next.encrypted = true;
    Ok(Answered::each(certificates.iter().map(Option::is_some).collect(), Some(next)))
}
