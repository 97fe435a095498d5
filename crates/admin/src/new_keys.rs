//! Accounts and keys of new users, as rules order them (mail-gateway.md M-R7b): made once, on whichever node comes first.
//!
//! An order is a job, one for each user and kind. Its end is written in the transaction that writes account and key, so that of workers who
//! took each other for dead only one leaves a key; and who has a key by then gets no other. What one of them did not bring to its
//! end the next one finds: a node that dies leaves the job.

use std::sync::Arc;
use std::time::Duration;

use crypto::openpgp::{Generation, make};
use crypto::pool::Priority;
use futures_util::future::join_all;
use model::ports::Facts;
use model::site::{Section, User};
use model::{Actor, Fault, Guilty, KeyOrder, NewKey, Rights, Site, Timestamp};
use store::Expect;
use store::jobs::{self, Claim, Retry};

use crate::Admin;
use crate::change::{Planned, json, one};
use crate::error::internal;
use crate::keys::planned;

/// How long a worker has the job before another takes it.
const LEASE: Duration = Duration::from_secs(60);
/// Waits after a try that failed: a mail may be waiting.
const RETRY: Retry = Retry { first: Duration::from_secs(1), longest: Duration::from_secs(300) };
/// Tries before the job is shown as failed; the next order begins anew.
const TRIES: u32 = 20;
/// Jobs that are worked on at once.
const AT_ONCE: u32 = 8;
/// How long a key is good: as long as the pages say unless somebody wants otherwise.
const LIFETIME: Duration = Duration::from_secs(1_095 * 86_400);
/// A key is older by so much than it is: it must be good for mails that came just before, at nodes whose clocks differ, too.
const BACKDATED: Duration = Duration::from_secs(60);

/// Who stands in the audit log.
fn mail() -> Actor {
    Actor { name: "mail".to_owned(), rights: Rights::default(), origin: "local".to_owned() }
}

impl Admin {
    /// Takes an order of the rules.
    ///
    /// # Errors
    /// `not-available` for kinds that this version does not make; when the store is away.
    pub async fn order_key(&self, order: &KeyOrder) -> Result<(), Fault> {
        if !order.kind.built() {
            return Err(crate::error::not_available(order.kind.described()));
        }
        let (kind, key, body) = (order.kind.job(), order.address.key().as_str().to_owned(), json(order)?);
        let write = self
            .store()
            .write(move |tx| Box::pin(async move { jobs::order(tx, kind, &key, &body, Duration::ZERO, TRIES).await.map(drop) }));
        write.await
    }

    /// Does what is ordered and due; the program calls it again and again, on every node. Returns how many jobs were done.
    ///
    /// # Errors
    /// When the store is away: it is done later.
    pub async fn new_key_work(&self) -> Result<u64, Fault> {
        let mut done = 0;
        let kind = NewKey::Pgp.job();
        while jobs::next_due(self.store(), kind).await?.is_some() {
            let claims = self.store().claim_jobs(kind, LEASE, AT_ONCE).await?;
            if claims.is_empty() {
                break;
            }
            for result in join_all(claims.into_iter().map(|claim| self.new_key_job(claim))).await {
                done += u64::from(result?);
            }
            self.in_force().await?;
        }
        Ok(done)
    }

    async fn new_key_job(&self, claim: Claim) -> Result<bool, Fault> {
        let user = claim.key.clone();
        match self.make_ordered(claim.clone()).await {
            Ok(made) => {
                tracing::info!(event = "job.done", kind = NewKey::Pgp.job(), user, made);
                Ok(true)
            }
            Err(fault) => {
                tracing::warn!(event = "job.failed", kind = NewKey::Pgp.job(), user, cause = %fault.cause, "it is tried again");
                self.store().fail_job(claim, &fault.cause, RETRY).await.map(|_| false)
            }
        }
    }

    /// False if the user had a key already.
    async fn make_ordered(&self, claim: Claim) -> Result<bool, Fault> {
        let order: KeyOrder = serde_json::from_str(&claim.body).map_err(internal)?;
        let site = self.site_now(&order).await?;
        let (now, owner) = (self.0.clock.now(), order.address.key());
        if keyring::pgp::to_publish(&site, &owner, now).is_some() {
            return self.store().finish_job(claim).await.map(|_| false);
        }
        let name = site.users.get(&owner).map_or_else(|| order.name.clone(), |user| user.name.clone());
        let (vault, address) = (self.0.vault.clone(), order.address.clone());
        let since = Timestamp(now.0.saturating_sub(i64::try_from(BACKDATED.as_micros()).unwrap_or(0)));
        let work = move || {
            let made = make(&name, &address, Generation::default(), since, Some(LIFETIME))?;
            keyring::made_row(&vault, &address, &made, "generated", now)
        };
        let key = planned(self.0.pool.run(Priority::Mail, work).await?, Expect::New);
        let account = account(&order)?;
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                if !jobs::finish(tx, &claim).await? {
                    return Err(internal("another node has taken this job over"));
                }
                if store::site::get(&mut *tx, Section::User, &account.key).await?.is_none() {
                    one(tx, &mail(), &account).await?;
                }
                crate::key_mail::order(tx, &key.key).await?;
                one(tx, &mail(), &key).await
            })
        });
        write.await.map(|_| true)
    }

    /// The site with all that is committed now: who made this user's key a moment ago must be seen.
    async fn site_now(&self, order: &KeyOrder) -> Result<Arc<Site>, Fault> {
        if let Some(live) = &self.0.live {
            let late = |_| Fault::temporary(Guilty::Ourselves, "store-away", "this node has not caught up with the store");
            tokio::time::timeout(self.0.settings.catch_up, live.caught_up()).await.map_err(late)??;
            return Ok(live.site());
        }
        let owner = order.address.key();
        let mut site = Site::default();
        for row in self.keys_owned_by(owner.as_str()).await? {
            site.apply(&row)?;
        }
        if let Some(row) = store::site::get(self.store(), Section::User, owner.as_str()).await? {
            site.apply(&row)?;
        }
        Ok(Arc::new(site))
    }
}

/// The account that comes with the key, if there is none.
fn account(order: &KeyOrder) -> Result<Planned, Fault> {
    let mut user = User { name: order.name.clone(), ..User::new(order.address.clone()) };
    if !order.user_id.is_empty() {
        user.user_id.clone_from(&order.user_id);
    }
    let (key, body) = (order.address.key().as_str().to_owned(), Some(json(&user)?));
    Ok(Planned { section: Section::User, key, body, expect: Expect::New })
}
