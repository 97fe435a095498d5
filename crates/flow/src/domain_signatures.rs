//! Signatures of our domains: DKIM on what leaves, the last act after every change (design decision 3); ARC on signed mail
//! from outside that we changed (RFC 8617).
//!
//! Before: [`crate::decide`]. After: [`crate::assemble`], which puts the fields made here on top. DKIM signs only for who
//! may speak for the author of the mail as it came (security.md X-7), and for the author's domain as it leaves, so that a
//! company signature signs for its technical address (M-C10). What we write ourselves is signed by [`crate::own_mail`]. A key that can't be used makes our own people's mail wait; a
//! stranger's mail goes on without a seal, since nothing on the wire may depend on a key.

use std::sync::Arc;

use crypto::pool::{CpuPool, Priority};
use keyring::domain_keys::{self, DomainSigner, Signing};
use mailauth::SignError;
use mailauth::arc::{self, Chain, SEALED_FIELDS, SealRequest};
use mailauth::dkim::{self, SignRequest};
use message::Message;
use model::{Fault, Guilty, KeyUse, Timestamp, TraceId};
use rules::outcome::End;

use crate::authenticate;
use crate::decide::Decision;
use crate::state::{MailState, Work};

/// Makes the fields for every group whose mail is delivered.
///
/// # Errors
/// `signing-failed`, temporary: a key of the sender's domain can't be used now.
pub async fn make(work: &Work, decision: &mut Decision, our_name: &str) -> Result<(), Fault> {
    for (end, state) in &mut decision.ends {
        if !matches!(end.end, End::Deliver { .. }) {
            continue;
        }
        let work = state.work(work);
        let leaves = |number: &usize| work.recipient(*number).is_some_and(|recipient| !work.site.is_managed(recipient));
        if end.recipients.iter().any(leaves) {
            state.signatures = signatures(&work, state).await?;
        }
        if !end.recipients.iter().all(leaves) {
            state.seal = seal(&work, state, &end.recipients, our_name).await;
        }
    }
    Ok(())
}

/// DKIM-Signature fields, one for each key of the author's domain; none without the right to speak.
async fn signatures(work: &Work, state: &MailState) -> Result<Vec<Vec<u8>>, Fault> {
    // A reply of ours speaks for the one whose mail it answers.
    let may_speak = state.reply || authenticate::identity(&work.site, &work.origin, state.author.as_ref()).authenticated;
    let Ok(author) = state.message.author() else { return Ok(Vec::new()) };
    let signings = domain_keys::signers(&work.site, author.domain());
    if !may_speak || signings.is_empty() {
        return Ok(Vec::new());
    }
    let made = fields(&work.pool, (Arc::clone(&work.keys), signings), state.message.clone(), work.trace, work.now).await;
    made.map_err(|error| Fault::temporary(Guilty::Ourselves, "signing-failed", error.to_string()))
}

/// One DKIM-Signature field for each key, made on the CPU pool.
///
/// # Errors
/// When a key can't be used.
pub(crate) async fn fields(
    pool: &CpuPool,
    (keys, signings): (Arc<dyn KeyUse>, Vec<Signing>),
    message: Message,
    trace: TraceId,
    now: Timestamp,
) -> Result<Vec<Vec<u8>>, SignError> {
    pool.run(Priority::Mail, move || {
        let one = |signing: Signing| {
            let signer = DomainSigner::new(keys.clone(), signing.clone(), trace);
            dkim::sign(&message, SignRequest { domain: &signing.domain, selector: &signing.selector, now }, &signer)
        };
        signings.into_iter().map(one).collect()
    })
    .await
}

/// The ARC set for a signed mail that is not any more as it came; `None` where none is due or possible.
async fn seal(work: &Work, state: &MailState, recipients: &[usize], our_name: &str) -> Option<Vec<u8>> {
    let checks = work.checks.clone().filter(|checks| checks.was_signed)?;
    // What a key was used on is sealed whether it opened or not, so that it takes the same time.
    if checks.original.bytes() == state.message.bytes() && !state.key_used {
        return None;
    }
    // Whose people read it: the first of their domains that has a key. RSA, which every reader of ARC knows.
    let domains = recipients.iter().filter_map(|number| work.recipient(*number));
    let signing = domains.flat_map(|recipient| domain_keys::signers(&work.site, recipient.domain())).next()?;
    let (message, keys, trace, now) = (state.message.clone(), Arc::clone(&work.keys), work.trace, work.now);
    let results = checks.findings.text(our_name);
    let made = work.pool.run(Priority::Mail, move || {
        let signer = DomainSigner::new(keys, signing.clone(), trace);
        let (domain, selector) = (signing.domain.as_str(), signing.selector.as_str());
        let came_as = checks.findings.arc.verdict;
        let request = SealRequest { domain, selector, now, fields: &sealed_fields(&message), results: &results, came_as };
        arc::seal(&message, &Chain::of(&message), request, &signer)
    });
    made.await.unwrap_or_else(|error| {
        tracing::warn!(event = "mail.not_sealed", trace = %work.trace, %error, "the mail goes on without a seal of ours");
        None
    })
}

/// Names of the fields that are there, each as often as it is, and the DKIM signatures that came (RFC 8617 §5.1.1).
fn sealed_fields(message: &Message) -> Vec<String> {
    let names = SEALED_FIELDS.iter().copied().chain(["DKIM-Signature"]);
    names.flat_map(|name| message.fields_named(name).map(move |_| name.to_ascii_lowercase())).take(200).collect()
}

#[cfg(test)]
#[path = "domain_signatures_tests.rs"]
pub(crate) mod tests;
