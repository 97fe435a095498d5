//! The queue of this node: list, show, retry, hold, remove. Each act is in the audit log.

use model::{Access, Actor, Fault, Right};

use crate::authorise::need;
use crate::error::{not_available, not_found};
use crate::{Admin, QueueControl, QueueEntry, audit};

impl Admin {
    /// Entries after `cursor`, at most `limit`.
    ///
    /// # Errors
    /// Without the right; on a node without a mail gate.
    pub async fn queue_list(&self, actor: &Actor, cursor: &str, limit: u32) -> Result<Vec<QueueEntry>, Fault> {
        need(actor, Right::Logs, Access::Read)?;
        self.queue()?.list(cursor, limit.clamp(1, 1_000)).await
    }

    /// One entry.
    ///
    /// # Errors
    /// `not-found`; without the right.
    pub async fn queue_show(&self, actor: &Actor, id: &str) -> Result<QueueEntry, Fault> {
        need(actor, Right::Logs, Access::Read)?;
        self.queue()?.show(id).await?.ok_or_else(|| not_found(&format!("queue/{id}")))
    }

    /// Tries one, or all, at once; gives how many.
    ///
    /// # Errors
    /// `not-found`; without the right.
    pub async fn queue_retry(&self, actor: &Actor, id: Option<&str>) -> Result<u64, Fault> {
        need(actor, Right::Logs, Access::Write)?;
        let count = self.queue()?.retry(id).await?;
        if count == 0 && id.is_some() {
            return Err(not_found(&format!("queue/{}", id.unwrap_or_default())));
        }
        self.queue_note(actor, id.unwrap_or("all"), "retried").await?;
        Ok(count)
    }

    /// Holds or releases one.
    ///
    /// # Errors
    /// `not-found`; without the right.
    pub async fn queue_hold(&self, actor: &Actor, id: &str, held: bool) -> Result<(), Fault> {
        need(actor, Right::Logs, Access::Write)?;
        if !self.queue()?.hold(id, held).await? {
            return Err(not_found(&format!("queue/{id}")));
        }
        self.queue_note(actor, id, if held { "held" } else { "released" }).await
    }

    /// Removes one; nobody gets it and nobody is told.
    ///
    /// # Errors
    /// `not-found`; without the right.
    pub async fn queue_remove(&self, actor: &Actor, id: &str) -> Result<(), Fault> {
        need(actor, Right::Logs, Access::Write)?;
        if !self.queue()?.remove(id).await? {
            return Err(not_found(&format!("queue/{id}")));
        }
        self.queue_note(actor, id, "removed").await
    }

    fn queue(&self) -> Result<&dyn QueueControl, Fault> {
        self.0.queue.as_deref().ok_or_else(|| not_available("the queue of a node without a mail gate"))
    }

    /// The queue is the node's own and works while the store is away; the entry is then lost, and the log says so.
    async fn queue_note(&self, actor: &Actor, id: &str, word: &'static str) -> Result<(), Fault> {
        let (actor, what) = (actor.clone(), format!("queue/{id}"));
        let after = format!(r#"{{"queue":"{word}"}}"#);
        tracing::info!(event = "queue.changed", who = %actor.name, what, word);
        let note = self.store().write(move |tx| Box::pin(async move { audit::note(tx, &actor, &what, None, Some(&after)).await }));
        if let Err(fault) = note.await {
            tracing::warn!(%fault, "the audit log has no entry of this");
        }
        Ok(())
    }
}
