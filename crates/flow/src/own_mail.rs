//! DKIM signatures on what the gate writes itself: reports of delivery, bounces and notices by rule, TLS reports.
//!
//! Before: [`crate::queue`], [`crate::notice`] or [`crate::transport`] have written the mail, with the postmaster in From. After:
//! the commit. Signed with the keys of that From's domain (mail-gateway.md M-T11), for whomever it goes to. A rule may put another
//! author into a notice, even a stranger's words: then we say nothing for him (security.md X-7). A key that can't be used stops
//! nothing: a report without a signature is better than none, and nothing on the wire may depend on a key.

use std::sync::Arc;

use bytes::Bytes;
use crypto::pool::CpuPool;
use keyring::domain_keys;
use message::Message;
use model::{Address, Budget, KeyUse, Plan, Site};

use crate::domain_signatures;
use crate::notice;

/// What signs for us. Cheap to clone.
#[derive(Clone)]
pub struct OwnMail {
    keys: Arc<dyn KeyUse>,
    pool: CpuPool,
}

impl OwnMail {
    /// With the site's keys, on this pool.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyUse>, pool: CpuPool) -> Self {
        Self { keys, pool }
    }

    /// Puts signatures on top of these outputs of a plan; each must be a mail that we wrote.
    pub async fn sign(&self, site: &Site, plan: &mut Plan, own: &[usize]) {
        let (trace, now) = (plan.trace, plan.received);
        for (_, output) in plan.outputs.iter_mut().enumerate().filter(|(place, _)| own.contains(place)) {
            let Some((message, signings)) = signable(site, &output.content) else { continue };
            let keys = (Arc::clone(&self.keys), signings);
            match domain_signatures::fields(&self.pool, keys, message.clone(), trace, now).await {
                Ok(fields) => output.content = on_top(&message, &fields),
                Err(error) => tracing::warn!(event = "mail.not_signed", %trace, %error, "a mail of our own goes on without a signature"),
            }
        }
    }
}

/// The mail, read, and the keys for it; `None` if it is not the postmaster's, or there are none.
fn signable(site: &Site, content: &Bytes) -> Option<(Message, Vec<domain_keys::Signing>)> {
    let postmaster = Address::parse(&notice::postmaster(site)).ok()?;
    let signings = domain_keys::signers(site, postmaster.domain());
    if signings.is_empty() {
        return None;
    }
    let message = Message::parse(content.clone(), &Budget::default()).ok()?;
    let author = message.author().ok()?;
    (author.key() == postmaster.key()).then_some((message, signings))
}

/// The first field stands first. What can't be put on top is left out: it would be our own mistake.
fn on_top(message: &Message, fields: &[Vec<u8>]) -> Bytes {
    let mut edit = message.edit();
    for field in fields.iter().rev() {
        if let Err(error) = edit.prepend_raw(field) {
            tracing::error!(event = "mail.not_signed", %error, "a signature of ours is no header field");
        }
    }
    edit.finish()
}

#[cfg(test)]
#[path = "own_mail_tests.rs"]
mod tests;
