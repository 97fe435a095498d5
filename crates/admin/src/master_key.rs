//! Change of the master key while the site runs (mail-gateway.md M-C12), and the sealing anew that follows it.
//!
//! 1. The next master key waits beside the one in force ([`MasterPlace::next`]); a second try goes on with the same.
//! 2. One transaction wraps all data keys by it and adds a fresh data key, which seals from then on.
//! 3. The next key takes the place of the old one ([`MasterPlace::take_over`]).
//! 4. A job seals what older data keys sealed anew, row by row; each row tells by its epoch whether it was done.
//!
//! A node that dies after 2 finds the waiting key at its start, and other nodes find it when they meet the new data key: they need the
//! file before. A node that dies in 4 leaves the job to whoever runs next.

use std::time::Duration;

use keyring::reseal;
use model::site::SiteRow;
use model::{Access, Actor, Fault, Right, Timestamp};
use serde::Serialize;
use store::jobs::{self, Claim, Retry};
use store::{Expect, data_keys};

use crate::Admin;
use crate::authorise::need;
use crate::change::json;
use crate::error::{internal, not_available};

/// Where this node's master key lies, and the next one beside it: the program.
pub trait MasterPlace: Send + Sync {
    /// The key that is to take over: the one that waits, else a fresh one.
    ///
    /// # Errors
    /// When it can't be read or made.
    fn next(&self) -> Result<keyring::MasterKey, Fault>;

    /// The next key takes the place of the one in force.
    ///
    /// # Errors
    /// When it can't be moved.
    fn take_over(&self) -> Result<(), Fault>;
}

/// The kind of the job.
pub const KIND: &str = "reseal";
/// How long a worker has the job before another takes it.
const LEASE: Duration = Duration::from_secs(60);
/// Rows that are sealed anew in one transaction.
const AT_ONCE: u32 = 100;

/// How the site's keys are protected. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MasterState {
    /// The data key that seals now.
    pub epoch: i64,
    /// When it was made.
    pub made: Option<Timestamp>,
    /// Data keys in all.
    pub data_keys: usize,
    /// Rows with sealed fields.
    pub rows: usize,
    /// Those that an older data key sealed, and that wait to be sealed anew.
    pub waiting: usize,
}

impl Admin {
    /// How the site's keys are protected.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn master_state(&self, actor: &Actor) -> Result<MasterState, Fault> {
        need(actor, Right::Administration, Access::Read)?;
        let newest = data_keys::newest_made(self.store()).await?;
        let (mut rows, mut waiting) = (0, 0);
        for section in reseal::SECTIONS {
            for row in store::site::section(self.store(), section).await? {
                rows += 1;
                waiting += usize::from(reseal::row(&self.0.vault, &row)?.is_some());
            }
        }
        let data_keys = data_keys::all(self.store()).await?.len();
        Ok(MasterState { epoch: newest.map_or(0, |(epoch, _)| epoch), made: newest.map(|(_, made)| made), data_keys, rows, waiting })
    }

    /// Changes the master key, adds a data key, and seals anew what older ones sealed. May be called again when it did not come to
    /// its end.
    ///
    /// # Errors
    /// Without the right; on a node that can't change its master key; when the store is away.
    pub async fn master_rotate(&self, actor: &Actor) -> Result<MasterState, Fault> {
        need(actor, Right::Administration, Access::Write)?;
        let place = self.0.master.clone().ok_or_else(|| not_available("change of the master key on this node"))?;
        let next = place.next()?;
        // What another node added is here before everything is wrapped anew.
        self.0.vault.adopt(&data_keys::all(self.store()).await?)?;
        let mut wrapped = self.0.vault.rewrapped(&next)?;
        let fresh = self.0.vault.next_key_for(&next)?;
        let known = wrapped.len();
        wrapped.push(fresh.clone());
        let (who, note) = (actor.clone(), json(&serde_json::json!({ "epoch": fresh.epoch, "data_keys": known + 1 }))?);
        let added = fresh.clone();
        let keys = wrapped.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                for key in keys.iter().take(known) {
                    data_keys::rewrap(tx, key).await?;
                }
                // Another change at the same time has added this epoch: nothing of ours stays then.
                data_keys::add(tx, &added).await?;
                jobs::order(tx, KIND, "site", "", Duration::ZERO, 1_000).await?;
                crate::audit::note(tx, &who, "master-key", None, Some(&note)).await
            })
        });
        write.await?;
        self.0.vault.change_master(next);
        self.0.vault.adopt(&wrapped)?;
        tracing::info!(event = "master_key.rotated", who = %actor.name, epoch = fresh.epoch, "all data keys are wrapped anew");
        self.in_force().await?;
        place.take_over()?;
        self.reseal_work().await?;
        self.master_state(actor).await
    }

    /// Does the job if it is due; how many rows were sealed anew.
    ///
    /// # Errors
    /// When the store is away: it is done later.
    pub async fn reseal_work(&self) -> Result<u64, Fault> {
        if jobs::next_due(self.store(), KIND).await?.is_none() {
            return Ok(0);
        }
        let mut done = 0;
        for claim in self.store().claim_jobs(KIND, LEASE, 1).await? {
            match self.reseal_all(&claim).await {
                Ok(rows) => {
                    done += rows;
                    self.store().finish_job(claim).await?;
                    tracing::info!(event = "job.done", kind = KIND, rows);
                }
                Err(fault) => {
                    let retry = Retry { first: Duration::from_secs(5), longest: Duration::from_secs(3_600) };
                    self.store().fail_job(claim, &fault.cause, retry).await?;
                }
            }
        }
        Ok(done)
    }

    async fn reseal_all(&self, claim: &Claim) -> Result<u64, Fault> {
        let mut done = 0;
        for section in reseal::SECTIONS {
            let mut after = String::new();
            loop {
                let rows = store::site::page(self.store(), section, "", &after, AT_ONCE).await?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.key);
                done += self.reseal_some(rows).await?;
                if !self.store().renew_job(claim, LEASE).await? {
                    return Err(internal("another node has taken over the sealing"));
                }
            }
        }
        Ok(done)
    }

    /// One transaction. No audit entry: nothing that people see of the rows has changed.
    async fn reseal_some(&self, rows: Vec<SiteRow>) -> Result<u64, Fault> {
        let mut new = Vec::new();
        for row in rows {
            match reseal::row(&self.0.vault, &row) {
                Ok(Some(body)) => new.push((row, body)),
                Ok(None) => {}
                // One that is damaged must not keep the others from being done.
                Err(error) => tracing::error!(event = "key.unreadable", section = row.section.word(), key = row.key, %error),
            }
        }
        let count = new.len() as u64;
        if count > 0 {
            let write = self.store().write(move |tx| {
                Box::pin(async move {
                    for (row, body) in &new {
                        match store::site::put(tx, row.section, &row.key, body, Expect::Version(row.version)).await {
                            // Somebody changed it meanwhile: with the newest key, or it is met again in the next run.
                            Err(fault) if fault.code == "changed-meanwhile" => {}
                            result => drop(result?),
                        }
                    }
                    Ok(())
                })
            });
            write.await?;
        }
        Ok(count)
    }
}
