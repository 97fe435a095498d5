//! Mail of our own people that their programs have signed or encrypted already (mail-gateway.md M-C14).
//!
//! What it is decides its structure, not a file name or a label: [`only_seems`] takes out what begins as CMS does and is none, which is
//! then treated as plain. What is protected is not signed again and gets no other content (`commands::sign`, `adds`), is encrypted as a
//! whole or passes. Here its verdict is found and logged, before the rules: nobody else sees it.

use crypto::CryptoError;
use crypto::pool::Priority;
use message::shape::{CmsKind, Shape};
use model::Budget;

use crate::state::{MailState, Work};
use crate::wrapped::Sealed;

/// True for an object that begins as CMS and can't be read as what it says: nobody could open or check it.
pub(crate) fn only_seems(shape: &Shape) -> bool {
    let budget = Budget::default();
    let read = match shape {
        Shape::Cms { der, kind: CmsKind::Enveloped | CmsKind::AuthEnveloped } => crypto::smime::named_recipients(der, &budget).map(drop),
        Shape::Cms { der, kind: CmsKind::Signed } => crypto::smime::signers(der, &budget).map(drop),
        Shape::ClearSigned { signature, .. } => crypto::smime::signers(signature, &budget).map(drop),
        _ => return false,
    };
    matches!(read, Err(CryptoError::Malformed(_)))
}

/// Logs what our sender's program has done. Only the outside of a message is looked at: no key is used.
pub(crate) async fn log(work: &Work, state: &MailState) {
    if !state.user.authenticated {
        return;
    }
    let trace = work.trace;
    if let Some(Sealed { signed, .. }) = state.sealed(&work.budget) {
        tracing::info!(event = "mail.client_encrypted", %trace, kind = "smime", signed, "passes as it is");
        return;
    }
    if *state.shape() == Shape::PgpEncrypted {
        tracing::info!(event = "mail.client_encrypted", %trace, kind = "pgp", "passes as it is");
        return;
    }
    if !state.shape().is_signed() {
        return;
    }
    let kind = if *state.shape() == Shape::PgpSigned { "pgp" } else { "smime" };
    let (message, site, now, budget) = (state.message.clone(), work.site.clone(), work.now, work.budget.clone());
    let finding = work.pool.run(Priority::Mail, move || keyring::judge::verify(&message, &message, &site, now, &budget)).await;
    let (verdict, signer, reasons) = (finding.verdict.word(), finding.signer.unwrap_or_default(), finding.reasons.join(", "));
    tracing::info!(event = "mail.client_signed", %trace, kind, verdict, signer, reasons, "is not signed again");
}

#[cfg(test)]
#[path = "client_protection_tests.rs"]
mod tests;
