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
}

/// Runs until `stop`, then writes what is left.
pub async fn run(parts: Parts, every: Duration, stop: CancellationToken) {
    let mut read_until = Timestamp(0);
    loop {
        if let Err(cause) = read(&parts, &mut read_until).await {
            tracing::debug!(event = "greylist.waits", %cause, "the store is away; later");
        }
        if let Err(cause) = write(&parts).await {
            tracing::debug!(event = "greylist.waits", %cause, "the store is away; later");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Err(cause) = write(&parts).await {
        tracing::warn!(event = "greylist.lost", %cause, "some triplets could not be written before the end: their senders wait again");
    }
}

fn spans(parts: &Parts) -> Spans {
    let site = parts.facts.site();
    let rules = &site.protection;
    Spans { delay: rules.greylist_delay.0, window: rules.greylist_window.0, memory: rules.greylist_memory.0 }
}

async fn write(parts: &Parts) -> Result<(), Fault> {
    let changed = parts.greylist.take_changed();
    if changed.is_empty() {
        return Ok(());
    }
    let window = spans(parts).window;
    let rows: Vec<Row> =
        changed.iter().map(|(triplet, entry)| Row { triplet: triplet.text(), first: entry.first, passed: entry.passed }).collect();
    let written = parts.store.write(move |tx| Box::pin(async move { greylist::put(tx, rows, window).await })).await;
    if written.as_ref().is_err_and(|fault| fault.temporary) {
        parts.greylist.put_back(changed);
    }
    written
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
