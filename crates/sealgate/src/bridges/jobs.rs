//! Jobs of the store that `admin` does: compliance runs, sealing anew, keys that rules order. Every node looks for them; the first one has them.

use std::sync::Arc;
use std::time::Duration;

use admin::Admin;
use async_trait::async_trait;
use flow::new_keys::KeyMaker;
use model::{Facts, Fault, KeyOrder, Site};
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

/// How often each kind is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Often {
    /// Where somebody waits: compliance runs, new keys.
    pub soon: Duration,
    /// Sealing anew.
    pub seldom: Duration,
}

/// Does all of them until `stop`; new keys also as soon as this node orders one.
pub async fn run(admin: Admin, often: Often, keys_ordered: Arc<Notify>, stop: CancellationToken) {
    let nobody = Notify::new();
    let jobs = async {
        tokio::join!(
            again("compliance runs", (often.soon, &nobody), || admin.compliance_work()),
            again("new keys", (often.soon, &keys_ordered), || admin.new_key_work()),
            again("sealing anew", (often.seldom, &nobody), || admin.reseal_work()),
        )
    };
    tokio::select! {
        _ = jobs => {}
        () = stop.cancelled() => {}
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
