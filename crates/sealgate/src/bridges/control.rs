//! `flow`'s queue as the queue that `admin` controls.

use std::path::Path;
use std::sync::Arc;

use admin::{QueueAdopted, QueueAsk, QueueControl, QueueEntry};
use async_trait::async_trait;
use flow::queue::{Adopted, Queue, QueueFilter, QueueRow};
use keyring::Vault;
use model::{Clock, Fault, Guilty, Timestamp, TraceId};

use super::vault::VaultKeys;
use crate::place::Place;
use crate::secrets::ourselves;

/// The queue of this node.
pub struct Control {
    /// The queue.
    pub queue: Arc<Queue>,
    /// Opens segments: of this node, and of others that share its site's keys.
    pub vault: Arc<Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl QueueControl for Control {
    async fn list(&self, ask: &QueueAsk, cursor: &str, limit: u32) -> Result<Vec<QueueEntry>, Fault> {
        let after = if cursor.is_empty() { None } else { Some(id(cursor)?) };
        let QueueAsk { to, from, domain, trace } = ask.clone();
        let filter = QueueFilter { to, from, domain, trace };
        Ok(self.queue.list(after, limit as usize, &filter).into_iter().map(entry).collect())
    }

    async fn length(&self) -> Result<(u64, Timestamp), Fault> {
        let counts = self.queue.counts();
        let age = i64::try_from(counts.oldest_seconds).unwrap_or(0).saturating_mul(1_000_000);
        let oldest = if counts.mails == 0 { 0 } else { self.clock.now().0.saturating_sub(age) };
        Ok((counts.mails, Timestamp(oldest)))
    }

    async fn adopt(&self, directory: &str) -> Result<QueueAdopted, Fault> {
        let directory = Path::new(directory);
        let queue = directory.join("queue");
        if !queue.is_dir() {
            let cause = format!("{} is no data directory of a node: it has no queue", directory.display());
            return Err(Fault::permanent(Guilty::Configuration, "data-unusable", cause.clone())
                .with("path", directory.display())
                .with("detail", cause));
        }
        // Locked as long as it lasts: a node that runs keeps its own mail.
        let _place = Place::take(directory)?;
        let disk = segments::OsDisk::new(&queue).map_err(|e| ourselves("disk", e))?;
        let Adopted { mails, known, unreadable } = self.queue.adopt(Arc::new(disk), Arc::new(VaultKeys(self.vault.clone()))).await?;
        Ok(QueueAdopted { mails, known, unreadable })
    }

    async fn show(&self, wanted: &str) -> Result<Option<QueueEntry>, Fault> {
        Ok(self.queue.show(id(wanted)?).map(|detail| entry(detail.row)))
    }

    async fn retry(&self, wanted: Option<&str>) -> Result<u64, Fault> {
        match wanted {
            None => Ok(self.queue.retry_all() as u64),
            Some(wanted) => Ok(u64::from(self.queue.retry(id(wanted)?))),
        }
    }

    async fn hold(&self, wanted: &str, held: bool) -> Result<bool, Fault> {
        Ok(self.queue.hold(id(wanted)?, held))
    }

    async fn remove(&self, wanted: &str, tell: bool) -> Result<bool, Fault> {
        self.queue.remove(id(wanted)?, tell).await
    }
}

fn id(text: &str) -> Result<TraceId, Fault> {
    TraceId::parse(text).ok_or_else(|| Fault::permanent(Guilty::Sender, "not-found", format!("{text:?} is no id of a queued mail")))
}

fn entry(row: QueueRow) -> QueueEntry {
    let instant = |text: &str| text.parse::<jiff::Timestamp>().map_or(Timestamp(0), |t| Timestamp(t.as_microsecond()));
    QueueEntry {
        created: instant(&row.created),
        next_try: row.next_try.as_deref().map_or(Timestamp(0), instant),
        id: row.id,
        trace: row.trace,
        from: row.from,
        to: row.to,
        size: row.size,
        tries: row.tries,
        last_error: row.last_error.unwrap_or_default(),
        held: row.held,
    }
}
