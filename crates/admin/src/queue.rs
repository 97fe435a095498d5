//! The queue of this node: list, show, retry, hold, remove. Each act is in the audit log.

use model::{Access, Actor, Address, Fault, Guilty, Right, Timestamp, TraceId};

use crate::authorise::need;
use crate::error::{bad_field, not_available, not_found};
use crate::{Admin, QueueAdopted, QueueAsk, QueueControl, QueueEntry, audit};

impl QueueAsk {
    /// From what a person or script wrote; an empty text asks for nothing.
    ///
    /// # Errors
    /// `bad-field` when a text is no address, domain or trace id.
    pub fn read(to: &str, from: &str, domain: &str, trace: &str) -> Result<Self, Fault> {
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let address = |field, text| given(text).map(|text| Address::parse(&text).map_err(|error| bad_field(field, error))).transpose();
        let domain = given(domain).map(|text| {
            let normal = model::address::normal_domain(text.trim_start_matches('@'));
            normal.ok_or_else(|| bad_field("domain", "a domain"))
        });
        let trace = given(trace).map(|text| TraceId::parse(&text).ok_or_else(|| bad_field("trace", "a trace id")));
        Ok(Self { to: address("to", to)?, from: address("from", from)?, domain: domain.transpose()?, trace: trace.transpose()? })
    }

    /// From one search field: a trace id, an address (of somebody who has not got it yet), or a domain.
    #[must_use]
    pub fn search(text: &str) -> Self {
        let text = text.trim();
        if let Some(trace) = TraceId::parse(text) {
            return Self { trace: Some(trace), ..Self::default() };
        }
        match Address::parse(text) {
            Ok(to) => Self { to: Some(to), ..Self::default() },
            // Whatever it is, no mail has it: better than the whole queue.
            Err(_) => Self { domain: (!text.is_empty()).then(|| text.trim_start_matches('@').to_owned()), ..Self::default() },
        }
    }
}

impl Admin {
    /// Entries that fit, after `cursor`, at most `limit`.
    ///
    /// # Errors
    /// Without the right; on a node without a mail gate.
    pub async fn queue_list(&self, actor: &Actor, ask: &QueueAsk, cursor: &str, limit: u32) -> Result<Vec<QueueEntry>, Fault> {
        need(actor, Right::Logs, Access::Read)?;
        self.queue()?.list(ask, cursor, limit.clamp(1, 1_000)).await
    }

    /// How many entries there are, and when the oldest came (0: none, or a node without a mail gate). These two numbers
    /// may be seen by whoever may see the home page.
    ///
    /// # Errors
    /// When the queue can't be asked.
    pub async fn queue_length(&self) -> Result<(u64, Timestamp), Fault> {
        match self.queue() {
            Ok(queue) => queue.length().await,
            Err(_) => Ok((0, Timestamp(0))),
        }
    }

    /// Takes over the queue of a node that is no more, from its data directory on this machine. Only from this machine:
    /// no path comes over the network.
    ///
    /// # Errors
    /// `not-permitted` from elsewhere; when the directory is in use, or can't be read with this site's keys.
    pub async fn queue_adopt(&self, actor: &Actor, directory: &str) -> Result<QueueAdopted, Fault> {
        need(actor, Right::Logs, Access::Write)?;
        if actor.origin != Actor::local().origin {
            let cause = "a queue is adopted from the node's own machine only";
            return Err(Fault::permanent(Guilty::Sender, "not-permitted", cause).with("right", Right::Logs.word()));
        }
        let adopted = self.queue()?.adopt(directory).await?;
        self.queue_note(actor, "all", "adopted").await?;
        Ok(adopted)
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

    /// Removes one; nobody gets it. `tell`: its sender is told so.
    ///
    /// # Errors
    /// `not-found`; without the right.
    pub async fn queue_remove(&self, actor: &Actor, id: &str, tell: bool) -> Result<(), Fault> {
        need(actor, Right::Logs, Access::Write)?;
        if !self.queue()?.remove(id, tell).await? {
            return Err(not_found(&format!("queue/{id}")));
        }
        self.queue_note(actor, id, if tell { "removed and told" } else { "removed" }).await
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
