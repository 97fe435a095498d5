//! The greylist's way to the store and back: this node's triplets are written in batches, those of other nodes are read.
//!
//! Nobody waits for it (docs/state.md, soft state). While the store is away the triplets stay in memory and are written
//! later. A start reads what is there, so that a restart makes nobody wait again. Rows are ordered by the database's clock;
//! a little is read twice, because a transaction may commit later than one that began after it.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Facts, Fault, Timestamp};
use store::Store;
use store::greylist::{self, Row};
use tokio_util::sync::CancellationToken;

use super::greylist::{Entry, Greylist, Spans, Triplet};

/// Rows read at once.
const PAGE: u32 = 5_000;
/// Rows written at once, so that a flood of triplets keeps nobody else from writing.
const BATCH: usize = 2_000;
/// Rows that are written before their number in the store is looked at again.
const COUNT_AFTER: usize = 20_000;
/// What is read twice: longer than any write transaction may last.
const OVERLAP: Duration = Duration::from_secs(30);

/// What it works with.
pub struct Parts {
    /// This node's triplets.
    pub greylist: Arc<Greylist>,
    /// Where they are shared.
    pub store: Store,
    /// For the settings.
    pub facts: Arc<dyn Facts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Triplets of all nodes in the store; beyond, the least worth go.
    pub most: u64,
}

/// Runs until `stop`, then writes what is left.
pub async fn run(parts: Parts, every: Duration, stop: CancellationToken) {
    let (mut read_until, mut written) = (Timestamp(0), COUNT_AFTER);
    loop {
        if let Err(cause) = turn(&parts, &mut read_until, &mut written).await {
            tracing::debug!(event = "greylist.waits", %cause, "the store is away; later");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => break,
        }
    }
    loop {
        match write(&parts).await {
            Ok(BATCH) => {}
            Ok(_) => return,
            Err(cause) => {
                tracing::warn!(event = "greylist.lost", %cause, "some triplets could not be written before the end: their senders wait again");
                return;
            }
        }
    }
}

/// Reads what is new, writes one batch, and now and then keeps the table within its bound.
async fn turn(parts: &Parts, read_until: &mut Timestamp, written: &mut usize) -> Result<(), Fault> {
    let read = read(parts, read_until).await;
    *written += write(parts).await?;
    if *written >= COUNT_AFTER {
        let forgotten = parts.store.bound_greylist(parts.most).await?;
        if forgotten > 0 {
            tracing::warn!(
                event = "greylist.full",
                forgotten,
                "more triplets than are kept: those that have not passed were forgotten first"
            );
        }
        *written = 0;
    }
    read
}

fn spans(parts: &Parts) -> Spans {
    let site = parts.facts.site();
    let rules = &site.protection;
    Spans { delay: rules.greylist_delay.0, window: rules.greylist_window.0, memory: rules.greylist_memory.0 }
}

/// Writes one batch; how many rows it was.
async fn write(parts: &Parts) -> Result<usize, Fault> {
    let changed = parts.greylist.take_changed(BATCH);
    if changed.is_empty() {
        return Ok(0);
    }
    let window = spans(parts).window;
    let rows: Vec<Row> =
        changed.iter().map(|(triplet, entry)| Row { triplet: triplet.text(), first: entry.first, passed: entry.passed }).collect();
    let written = parts.store.write(move |tx| Box::pin(async move { greylist::put(tx, rows, window).await })).await;
    let many = changed.len();
    if written.as_ref().is_err_and(|fault| fault.temporary) {
        parts.greylist.put_back(changed);
    }
    written.map(|()| many)
}

async fn read(parts: &Parts, until: &mut Timestamp) -> Result<(), Fault> {
    let spans = spans(parts);
    let (mut since, mut after) = (Timestamp(until.0.saturating_sub(i64::try_from(OVERLAP.as_micros()).unwrap_or(0))), String::new());
    loop {
        let rows = greylist::changed(&parts.store, since, &after, PAGE).await?;
        let full = rows.len() == PAGE as usize;
        if let Some((row, changed)) = rows.last() {
            (since, after) = (*changed, row.triplet.clone());
            *until = (*until).max(*changed);
        }
        let entries: Vec<(Triplet, Entry)> = rows
            .into_iter()
            .filter_map(|(row, _)| Triplet::parse(&row.triplet).map(|triplet| (triplet, Entry { first: row.first, passed: row.passed })))
            .collect();
        parts.greylist.heard(entries, parts.clock.now(), spans);
        if !full {
            return Ok(());
        }
    }
}
