//! Jobs of the store that `admin` does: compliance runs, sealing anew, keys that rules order, mails about new keys. Every node looks for them; the first one has them.

use std::sync::Arc;
use std::time::Duration;

use admin::Admin;
use admin::key_mail::KeyMailer;
use async_trait::async_trait;
use flow::key_mail::{self, PublicKey};
use flow::new_keys::KeyMaker;
use flow::own_mail::OwnMail;
use flow::queue::Queue;
use model::{Address, Clock, Commit, Facts, Fault, KeyOrder, Site};
use store::Live;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::node::Core;

/// Orders of `flow` become jobs of `admin`, and wake this node's worker.
pub struct OrderKeys {
    admin: Admin,
    live: Live,
    ordered: Arc<Notify>,
}

impl OrderKeys {
    /// On this core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { admin: core.admin(None, None, None), live: core.live.clone(), ordered: core.keys_ordered.clone() }
    }
}

#[async_trait]
impl KeyMaker for OrderKeys {
    async fn order(&self, order: KeyOrder) -> Result<(), Fault> {
        self.admin.order_key(&order).await?;
        self.ordered.notify_one();
        Ok(())
    }

    async fn until(&self, wished: &(dyn for<'s> Fn(&'s Site) -> bool + Send + Sync)) -> Arc<Site> {
        let mut numbers = self.live.numbers();
        loop {
            let site = self.live.site();
            if wished(&site) {
                return site;
            }
            if numbers.changed().await.is_err() {
                // The site is not followed any more: the caller's time ends the wait.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Mails of `admin` about new keys go into `flow`'s queue.
pub struct KeyMails {
    queue: Arc<Queue>,
    own_mail: OwnMail,
    live: Live,
    clock: Arc<dyn Clock>,
}

impl KeyMails {
    /// Into this node's queue.
    #[must_use]
    pub fn new(core: &Core, queue: Arc<Queue>) -> Self {
        Self { queue, own_mail: super::own_mail(core), live: core.live.clone(), clock: core.clock.clone() }
    }
}

#[async_trait]
impl KeyMailer for KeyMails {
    async fn send(&self, owner: &Address, fingerprint: &str, armour: &str) -> Result<(), Fault> {
        let site = self.live.site();
        let host = if site.mail.hostname.is_empty() { super::own_name() } else { site.mail.hostname.clone() };
        let mut plan = key_mail::plan(&site, &host, self.clock.now(), owner, PublicKey { fingerprint, armour })?;
        let trace = plan.trace;
        self.own_mail.sign(&site, &mut plan, &[0]).await;
        self.queue.commit(plan).await?;
        tracing::info!(event = "key.mailed", %trace, to = %owner, key = fingerprint, "its owner gets the public part");
        Ok(())
    }
}

/// How often each kind is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Often {
    /// Where somebody waits: compliance runs, new keys and mails about them.
    pub soon: Duration,
    /// Sealing anew.
    pub seldom: Duration,
}

/// Does all of them until `stop`; new keys also as soon as this node orders one. Without a queue mails about keys are left to other nodes.
pub async fn run(
    admin: Admin,
    store: store::Store,
    often: Often,
    keys_ordered: Arc<Notify>,
    mails: Option<KeyMails>,
    stop: CancellationToken,
) {
    let nobody = Notify::new();
    let jobs = async {
        free_jobs_of_before(&store, often.soon).await;
        tokio::join!(
            again("compliance runs", (often.soon, &nobody), || admin.compliance_work()),
            again("new keys", (often.soon, &keys_ordered), || admin.new_key_work()),
            again("mails about new keys", (often.soon, &nobody), || async {
                match &mails {
                    Some(mails) => admin.key_mail_work(mails).await,
                    None => Ok(0),
                }
            }),
            again("sealing anew", (often.seldom, &nobody), || admin.reseal_work()),
        )
    };
    tokio::select! {
        _ = jobs => {}
        () = stop.cancelled() => {}
    }
}

/// What this node had in its hands when it was killed is nobody's any more: a mail may be waiting for it.
async fn free_jobs_of_before(store: &store::Store, every: Duration) {
    let freed = loop {
        match store.free_jobs_of_before().await {
            Ok(freed) => break freed,
            Err(fault) => tracing::debug!(%fault, "jobs of before wait for the store"),
        }
        tokio::time::sleep(every).await;
    };
    if freed > 0 {
        tracing::info!(event = "jobs.freed", jobs = freed, "this node had them when it ended");
    }
}

/// Looks for work every so often, and when somebody wakes it. Never ends.
async fn again<F>(what: &'static str, (every, woken): (Duration, &Notify), work: impl Fn() -> F)
where
    F: Future<Output = Result<u64, Fault>>,
{
    let mut turn = tokio::time::interval(every);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = woken.notified() => {}
        }
        if let Err(fault) = work().await {
            tracing::debug!(%fault, what, "waits for the store");
        }
    }
}
