//! Each new OpenPGP key's public part goes to its owner, where `[mail] send_new_pgp_keys` says so (mail-gateway.md M-C2).
//!
//! Ordered as a job in the transaction that writes the key, whoever made it; done by a node that has a queue. A node that dies between the
//! queue and the end of the job sends the mail twice rather than never.

use std::time::Duration;

use async_trait::async_trait;
use model::site::{KeyRecord, MailSettings, Section};
use model::{Address, Fault};
use store::jobs::{self, Claim, Retry};
use store::write::Tx;

use crate::Admin;
use crate::key_view::read;

/// The job's kind; its key is the key's fingerprint.
pub const KIND: &str = "mail_pgp_key";
/// How long a worker has the job before another takes it.
const LEASE: Duration = Duration::from_secs(60);
/// Waits after a try that failed: a template may have to be mended.
const RETRY: Retry = Retry { first: Duration::from_secs(5), longest: Duration::from_secs(3_600) };
/// Tries before the job is shown as failed.
const TRIES: u32 = 50;
/// Jobs that are taken at once.
const AT_ONCE: u32 = 16;

/// Writes to the owner of a key: the program, with `flow`'s queue.
#[async_trait]
pub trait KeyMailer: Send + Sync {
    /// Returns once the mail is in the queue. `armour`: the certificate.
    ///
    /// # Errors
    /// When the template or the queue fails.
    async fn send(&self, owner: &Address, fingerprint: &str, armour: &str) -> Result<(), Fault>;
}

/// Orders the mail, if the site wants it, in the transaction that writes a key that was made here.
pub(crate) async fn order(tx: &mut Tx, fingerprint: &str) -> Result<(), Fault> {
    let settings = store::site::get(&mut *tx, Section::Mail, "").await?;
    let wanted = settings.map(|row| read::<MailSettings>(&row)).transpose()?.is_some_and(|mail| mail.send_new_pgp_keys);
    if wanted {
        jobs::order(tx, KIND, fingerprint, "", Duration::ZERO, TRIES).await?;
    }
    Ok(())
}

impl Admin {
    /// Sends what is ordered and due; the program calls it again and again on nodes with a queue. Returns how many were sent.
    ///
    /// # Errors
    /// When the store is away: it is done later.
    pub async fn key_mail_work(&self, mailer: &dyn KeyMailer) -> Result<u64, Fault> {
        if jobs::next_due(self.store(), KIND).await?.is_none() {
            return Ok(0);
        }
        let mut sent = 0;
        for claim in self.store().claim_jobs(KIND, LEASE, AT_ONCE).await? {
            match self.send_key(&claim, mailer).await {
                Ok(()) => {
                    tracing::info!(event = "job.done", kind = KIND, key = claim.key);
                    self.store().finish_job(claim).await?;
                    sent += 1;
                }
                Err(fault) => {
                    tracing::warn!(event = "job.failed", kind = KIND, key = claim.key, cause = %fault.cause, "it is tried again");
                    self.store().fail_job(claim, &fault.cause, RETRY).await?;
                }
            }
        }
        Ok(sent)
    }

    async fn send_key(&self, claim: &Claim, mailer: &dyn KeyMailer) -> Result<(), Fault> {
        // Removed, or taken out of use, before anybody heard of it: nobody need.
        let Some(row) = store::site::get(self.store(), Section::Key, &claim.key).await? else { return Ok(()) };
        let record: KeyRecord = read(&row)?;
        if record.retired.is_some() || !record.is_pgp() {
            return Ok(());
        }
        let Ok(owner) = Address::parse(record.owner.as_str()) else { return Ok(()) };
        mailer.send(&owner, &claim.key, &record.certificate).await
    }
}
