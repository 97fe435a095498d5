//! What nobody waits for: forgetting what has served, saying that this node lives, keeping the home page's chart.
//!
//! The work is a job in the store (claimed by kind, leased, tried again), so that of several nodes one does it.

use std::time::Duration;

use model::{Clock, Facts, Fault};
use store::jobs::{self, Retry};
use store::{Live, Store};
use tokio_util::sync::CancellationToken;

/// The job's kind.
const KIND: &str = "housekeeping";
/// The job that counts devices anew, once in so long.
const RECOUNT: (&str, Duration) = ("device_recount", Duration::from_secs(86_400));
/// How long one round may take before another node may take it over.
const LEASE: Duration = Duration::from_secs(300);
/// Changes that the feed keeps for readers that were away; who was away longer reloads.
const FEED_KEPT: u32 = 100_000;
/// Ids of applied effects are kept so much longer than a mail may stay in a queue.
const EFFECTS_SPARE: Duration = Duration::from_secs(2 * 86_400);
/// Counts of failures and used tokens that nobody touched for so long are forgotten.
const EXACT_IDLE: Duration = Duration::from_secs(86_400);

/// Runs until `stop`; looks for due work every `every`.
pub async fn run(store: Store, live: Live, clock: std::sync::Arc<dyn Clock>, every: Duration, stop: CancellationToken) {
    let mut turn = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(cause) = round(&store, &live, clock.as_ref(), every).await {
            tracing::debug!(event = "housekeeping.waits", %cause, "the store is away; later");
        }
    }
}

async fn round(store: &Store, live: &Live, clock: &dyn Clock, every: Duration) -> Result<(), Fault> {
    store.here(&crate::place::host_name(), env!("CARGO_PKG_VERSION")).await?;
    store.write(|tx| Box::pin(async move { jobs::order(tx, KIND, "daily", "", Duration::ZERO, 10).await.map(drop) })).await?;
    for claim in store.claim_jobs(KIND, LEASE, 1).await? {
        match tidy(store, live, clock).await {
            Ok(gone) => {
                store.finish_job(claim).await?;
                tracing::info!(event = "job.done", kind = KIND, gone);
            }
            Err(fault) => {
                store.fail_job(claim, &fault.cause, Retry { first: every, longest: every * 8 }).await?;
            }
        }
    }
    store.write(|tx| Box::pin(async move { jobs::order(tx, RECOUNT.0, "all", "", RECOUNT.1, 10).await.map(drop) })).await?;
    for claim in store.claim_jobs(RECOUNT.0, LEASE, 1).await? {
        let wrong = store.write(|tx| Box::pin(async move { store::devices::recount(tx).await })).await?;
        store.finish_job(claim).await?;
        tracing::info!(event = "job.done", kind = RECOUNT.0, wrong);
    }
    Ok(())
}

/// Forgets what has served; says how many rows went.
async fn tidy(store: &Store, live: &Live, clock: &dyn Clock) -> Result<u64, Fault> {
    let kept = live.site().mail.expire.0.saturating_add(EFFECTS_SPARE);
    let before = model::Timestamp(clock.now().0.saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX)));
    let now = clock.now();
    let people = store.write(move |tx| Box::pin(async move { store::people::prune(tx, now).await })).await?;
    let rules = live.site().protection.clone();
    let ago = |span: Duration| model::Timestamp(now.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)));
    let triplets = store.prune_greylist(ago(rules.greylist_window.0), ago(rules.greylist_memory.0)).await?;
    let days = Duration::from_secs(86_400).saturating_mul(live.site().logs.days);
    let decisions = store::devices::forget_decisions(store, ago(days)).await?;
    let transactions = store::diagnostics::forget(store, ago(days)).await?;
    Ok(decisions
        + transactions
        + triplets
        + store.forget_effects(before).await?
        + store.prune_feed(FEED_KEPT).await?
        + store.prune_exact(EXACT_IDLE).await?
        + people)
}
