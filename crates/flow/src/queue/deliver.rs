//! One errand over one connection: content, connection, transaction.
//!
//! Before: `lane`. After: `settle`. A kept connection may have been closed by the other side meanwhile: then,
//! and only if nothing was said to have been taken, the errand is tried once more over a new one.

use std::sync::Arc;

use bytes::Bytes;
use model::{Outcome, TraceId};
use smtp::outbound::{Connection, Content, OpenSettings, RouteSettings, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::core::Core;
use super::dispatch::Errand;
use super::lane::Lane;
use super::record;

/// An open connection and its place among all.
pub(crate) struct Link {
    connection: Connection,
    _place: OwnedSemaphorePermit,
}

impl Link {
    /// Says goodbye.
    pub(crate) async fn quit(self) {
        self.connection.quit().await;
    }
}

impl Core {
    /// Delivers; one outcome per recipient of the errand.
    pub(crate) async fn deliver(self: &Arc<Self>, lane: &Lane, errand: &Errand, link: &mut Option<Link>) -> Vec<Outcome> {
        let all = |outcome: &Outcome| vec![outcome.clone(); errand.places.len()];
        let content = match self.content(errand.trace, errand.output).await.map(Content::new) {
            Ok(Ok(content)) => content,
            Ok(Err(fault)) => return all(&fault.outcome()),
            Err(outcome) => return all(&outcome),
        };
        let transaction = Transaction { sender: errand.sender.as_ref(), recipients: &errand.addresses, content: &content };
        if let Some(outcomes) = self.over_kept(link, &transaction).await {
            return outcomes;
        }
        if let Some(outcome) = lane.is_down(self.clock.now()) {
            return all(&outcome);
        }
        match self.connect(lane).await {
            Err(outcome) => all(&outcome),
            Ok(new) => {
                let new = link.insert(new);
                let outcomes = new.connection.deliver(&transaction).await;
                self.keep_or_drop(link);
                outcomes
            }
        }
    }

    /// Tries the kept connection; `None` if there is none or it turned out to be gone.
    async fn over_kept(&self, link: &mut Option<Link>, transaction: &Transaction<'_>) -> Option<Vec<Outcome>> {
        let kept = link.as_mut()?;
        if !kept.connection.is_open() {
            *link = None;
            return None;
        }
        let outcomes = kept.connection.deliver(transaction).await;
        let lost = |outcome: &Outcome| matches!(outcome, Outcome::NotDone { temporary: true, status, .. } if status == "4.4.2");
        let gone = !kept.connection.is_open() && outcomes.iter().all(lost);
        self.keep_or_drop(link);
        (!gone).then_some(outcomes)
    }

    fn keep_or_drop(&self, link: &mut Option<Link>) {
        let spent = |link: &mut Link| !link.connection.is_open() || link.connection.transactions() >= self.settings.mails_per_connection;
        if link.as_mut().is_some_and(spent)
            && let Some(old) = link.take()
        {
            self.spawn(old.quit());
        }
    }

    /// Opens a connection to the first server that lets us.
    async fn connect(&self, lane: &Lane) -> Result<Link, Outcome> {
        let closed = |_| Outcome::NotDone { temporary: true, status: "4.3.2".to_owned(), reply: "stopping".to_owned(), by: String::new() };
        let place = Arc::clone(&self.connections).acquire_owned().await.map_err(closed)?;
        let site = self.facts.site();
        let hostname = self.hostname(&site);
        let own_names = vec![hostname.to_ascii_lowercase()];
        let seed = u64::try_from(self.clock.now().0).unwrap_or(0);
        let route = RouteSettings { port: self.settings.mx_port, own_names, seed };
        let servers = self.directions.servers(&lane.key.target, &route).await.map_err(|fault| fault.outcome())?;
        let open = OpenSettings {
            tls: lane.key.tls(),
            timeouts: self.settings.timeouts,
            source_v4: self.settings.source_v4,
            source_v6: self.settings.source_v6,
            ..OpenSettings::new(&hostname)
        };
        let mut seen: Option<Outcome> = None;
        for server in &servers {
            match Connection::connect(server, &open).await {
                Ok(connection) => {
                    lane.set_down(None);
                    return Ok(Link { connection, _place: place });
                }
                // What may be mended counts more than another server's final word.
                Err(fault) if seen.as_ref().is_none_or(|seen| !seen.retries()) => seen = Some(fault.outcome),
                Err(_) => {}
            }
        }
        let outcome = seen.unwrap_or_else(|| Outcome::Unknown { reply: "there was no server to try".to_owned() });
        if outcome.retries() {
            let rest = self.settings.dead_for.min(site.mail.retry_first.0);
            lane.set_down(Some((self.clock.now().after(rest), outcome.clone())));
        }
        Err(outcome)
    }

    /// An output's content: from the cache, else from its segment.
    ///
    /// # Errors
    /// It can't be read now; the delivery is deferred.
    pub(crate) async fn content(&self, trace: TraceId, output: usize) -> Result<Bytes, Outcome> {
        let record = {
            let index = self.index.lock();
            let mail = index.mails.get(&trace);
            if let Some(content) = mail.and_then(|mail| mail.cached.as_ref()?.contents.get(output)) {
                return Ok(content.clone());
            }
            mail.map(|mail| mail.record)
        };
        let failed = |cause: String| {
            tracing::error!(event = "queue.unreadable", %trace, cause, "a queued mail can't be read; it is tried again");
            Outcome::NotDone {
                temporary: true,
                status: "4.3.0".to_owned(),
                reply: "the queue could not be read".to_owned(),
                by: String::new(),
            }
        };
        let record = record.ok_or_else(|| failed("it is not in the index".to_owned()))?;
        let octets = self.segments.read(record).await.map_err(|error| failed(error.to_string()))?;
        let plan = record::decode_plan(&octets).map_err(|error| failed(error.to_string()))?.plan;
        let content = plan.outputs.into_iter().nth(output).map(|output| output.content);
        content.ok_or_else(|| failed("the record has no such output".to_owned()))
    }
}
