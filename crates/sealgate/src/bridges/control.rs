//! `flow`'s queue as the queue that `admin` controls.

use std::sync::Arc;

use admin::{QueueControl, QueueEntry};
use async_trait::async_trait;
use flow::queue::{Queue, QueueRow};
use model::{Fault, Guilty, Timestamp, TraceId};

/// The queue of this node.
pub struct Control(pub Arc<Queue>);

#[async_trait]
impl QueueControl for Control {
    async fn list(&self, cursor: &str, limit: u32) -> Result<Vec<QueueEntry>, Fault> {
        let after = if cursor.is_empty() { None } else { Some(id(cursor)?) };
        Ok(self.0.list(after, limit as usize).into_iter().map(entry).collect())
    }

    async fn show(&self, wanted: &str) -> Result<Option<QueueEntry>, Fault> {
        Ok(self.0.show(id(wanted)?).map(|detail| entry(detail.row)))
    }

    async fn retry(&self, wanted: Option<&str>) -> Result<u64, Fault> {
        match wanted {
            None => Ok(self.0.retry_all() as u64),
            Some(wanted) => Ok(u64::from(self.0.retry(id(wanted)?))),
        }
    }

    async fn hold(&self, wanted: &str, held: bool) -> Result<bool, Fault> {
        Ok(self.0.hold(id(wanted)?, held))
    }

    async fn remove(&self, wanted: &str) -> Result<bool, Fault> {
        self.0.remove(id(wanted)?, false).await
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
