//! One errand over one connection: content, connection, transaction.
//!
//! Before: `lane`. After: `settle`. A kept connection may have been closed by the other side meanwhile: then,
//! and only if nothing was said to have been taken, the errand is tried once more over a new one.

use std::sync::Arc;

use bytes::Bytes;
use model::site::SMART_HOST_PASSWORD;
use model::{Address, Outcome, Site, TraceId};
use smtp::outbound::{Connection, Content, Credentials, Endpoint, OpenFault, OpenSettings, RouteSettings, Stage, Target, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::core::Core;
use super::dispatch::Errand;
use super::lane::Lane;
use super::pending::Mail;
use super::record;
use super::route::LaneKey;
use super::seven_bit;
use super::tls::Ended;
use crate::transport::Policy;

/// An open connection and its place among all.
pub(crate) struct Link {
    connection: Connection,
    _place: OwnedSemaphorePermit,
}

/// The servers of a next hop that were not tried yet.
pub(crate) struct Way {
    target: Target,
    servers: std::vec::IntoIter<Endpoint>,
    open: OpenSettings,
}

/// What became of an errand.
pub(crate) struct Delivered {
    /// One per recipient of the errand.
    pub(crate) outcomes: Vec<Outcome>,
    /// See [`Errand::hop_reports`].
    pub(crate) hop_reports: bool,
}

impl Delivered {
    pub(crate) fn undone(recipients: usize, outcome: &Outcome) -> Self {
        Self { outcomes: vec![outcome.clone(); recipients], hop_reports: false }
    }
}

impl Link {
    async fn deliver(&mut self, transaction: &Transaction<'_>) -> Delivered {
        let outcomes = self.connection.deliver(transaction).await;
        Delivered { outcomes, hop_reports: self.connection.extensions().dsn }
    }

    /// See `Connection::would_take`.
    pub(crate) async fn would_take(&mut self, recipient: &Address) -> Outcome {
        self.connection.would_take(recipient).await
    }

    /// Says goodbye.
    pub(crate) async fn quit(self) {
        self.connection.quit().await;
    }
}

impl Core {
    /// Delivers.
    pub(crate) async fn deliver(self: &Arc<Self>, lane: &Lane, errand: &Errand, link: &mut Option<Link>) -> Delivered {
        let all = |outcome: &Outcome| Delivered::undone(errand.places.len(), outcome);
        let content = match self.content(errand.trace, errand.output).await.map(Content::new) {
            Ok(Ok(content)) => content,
            Ok(Err(fault)) => return all(&fault.outcome()),
            Err(outcome) => return all(&outcome),
        };
        let transaction = Transaction {
            ret: errand.ret,
            envelope_id: errand.envelope_id.as_deref(),
            smtputf8: errand.smtputf8,
            ..Transaction::plain(errand.sender.as_ref(), &errand.recipients, &content)
        };
        let delivered = self.transact(lane, &transaction, link).await;
        if !seven_bit::is_wanted(&delivered.outcomes) {
            return delivered;
        }
        let octets = content.bytes().clone();
        match tokio::task::spawn_blocking(move || seven_bit::form(&octets)).await {
            Ok(Some(seven)) => self.transact(lane, &Transaction { content: &seven, ..transaction }, link).await,
            _ => delivered,
        }
    }

    /// One transaction over the kept connection, or over a new one that is kept then.
    pub(crate) async fn transact(self: &Arc<Self>, lane: &Lane, transaction: &Transaction<'_>, link: &mut Option<Link>) -> Delivered {
        let all = |outcome: &Outcome| Delivered::undone(transaction.recipients.len(), outcome);
        if let Some(delivered) = self.over_kept(link, transaction).await {
            return delivered;
        }
        if let Some(outcome) = lane.is_down(self.clock.now()) {
            return all(&outcome);
        }
        let mut way = match self.way(&lane.key).await {
            Ok(way) => way,
            Err(outcome) => return all(&outcome),
        };
        match self.connect(&mut way).await {
            Ok(new) => {
                lane.set_down(None);
                let delivered = self.over_new(link, new, transaction).await;
                self.over_next(link, &mut way, transaction, delivered).await
            }
            Err(outcome) => {
                if outcome.retries() {
                    let rest = self.settings.dead_for.min(self.facts.site().mail.retry_first.0);
                    lane.set_down(Some((self.clock.now().after(rest), outcome.clone())));
                }
                all(&outcome)
            }
        }
    }

    async fn over_new(&self, link: &mut Option<Link>, new: Link, transaction: &Transaction<'_>) -> Delivered {
        let delivered = link.insert(new).deliver(transaction).await;
        self.keep_or_drop(link);
        delivered
    }

    /// A server that took nothing for now is not the last word: one more is asked (RFC 5321 §5.1). What that one
    /// takes is taken; where it refuses, the first one's answer stands, which says that it may be mended.
    async fn over_next(&self, link: &mut Option<Link>, way: &mut Way, transaction: &Transaction<'_>, first: Delivered) -> Delivered {
        let deferred = |outcome: &Outcome| matches!(outcome, Outcome::NotDone { temporary: true, .. });
        if way.servers.as_slice().is_empty() || !first.outcomes.iter().all(deferred) {
            return first;
        }
        // Before the next one is opened: both need a place among all connections.
        if let Some(old) = link.take() {
            self.spawn(old.quit());
        }
        let Ok(next) = self.connect(way).await else { return first };
        let later = self.over_new(link, next, transaction).await;
        let better = |(first, later): (Outcome, Outcome)| if matches!(later, Outcome::NotDone { .. }) { first } else { later };
        let outcomes = first.outcomes.into_iter().zip(later.outcomes).map(better).collect();
        // Only the later one can have taken it.
        Delivered { outcomes, hop_reports: later.hop_reports }
    }

    /// Tries the kept connection; `None` if there is none or it turned out to be gone.
    async fn over_kept(&self, link: &mut Option<Link>, transaction: &Transaction<'_>) -> Option<Delivered> {
        let kept = link.as_mut()?;
        if !kept.connection.is_open() {
            *link = None;
            return None;
        }
        let delivered = kept.deliver(transaction).await;
        let lost = |outcome: &Outcome| matches!(outcome, Outcome::NotDone { temporary: true, status, .. } if status == "4.4.2");
        let gone = !kept.connection.is_open() && delivered.outcomes.iter().all(lost);
        self.keep_or_drop(link);
        (!gone).then_some(delivered)
    }

    fn keep_or_drop(&self, link: &mut Option<Link>) {
        let spent = |link: &mut Link| !link.connection.is_open() || link.connection.transactions() >= self.settings.mails_per_connection;
        if link.as_mut().is_some_and(spent)
            && let Some(old) = link.take()
        {
            self.spawn(old.quit());
        }
    }

    /// The servers of a next hop, best first.
    pub(crate) async fn way(&self, key: &LaneKey) -> Result<Way, Outcome> {
        let site = self.facts.site();
        let hostname = self.hostname(&site);
        let own_names = vec![hostname.to_ascii_lowercase()];
        let seed = u64::try_from(self.clock.now().0).unwrap_or(0);
        let search = if key.own { self.settings.search.clone() } else { Vec::new() };
        // Our own settings may lead through another program on this machine and back, as re-injection does.
        let own_addresses = if key.own { Vec::new() } else { self.settings.own_addresses.clone() };
        let route = RouteSettings { port: self.settings.mx_port, own_names, own_addresses, seed, search };
        let servers = self.directions.servers(&key.target, &route).await.map_err(|fault| fault.outcome())?;
        let open = OpenSettings {
            credentials: if key.sign_in { Some(self.credentials(&site)?) } else { None },
            tls: self.trusted.demand(&site, &key.tls),
            timeouts: self.settings.timeouts,
            source_v4: self.settings.source_v4,
            source_v6: self.settings.source_v6,
            ..OpenSettings::new(&hostname)
        };
        Ok(Way { target: key.target.clone(), servers: servers.into_iter(), open })
    }

    /// Whom we are at the smart host.
    fn credentials(&self, site: &Site) -> Result<Credentials, Outcome> {
        let secret = site.secrets.get(SMART_HOST_PASSWORD);
        let password = secret.and_then(|secret| self.secrets.open(SMART_HOST_PASSWORD, &secret.sealed)).ok_or_else(|| {
            let reply = "the smart host's password can't be opened: set mail.smart_host_password anew".to_owned();
            Outcome::NotDone { temporary: true, status: "4.3.5".to_owned(), reply, by: String::new() }
        })?;
        Ok(Credentials { user: site.mail.smart_host_user.clone(), password })
    }

    /// Opens a connection to the first of the servers left that lets us.
    pub(crate) async fn connect(&self, way: &mut Way) -> Result<Link, Outcome> {
        let closed = |_| Outcome::NotDone { temporary: true, status: "4.3.2".to_owned(), reply: "stopping".to_owned(), by: String::new() };
        let place = Arc::clone(&self.connections).acquire_owned().await.map_err(closed)?;
        let mut seen: Option<Outcome> = None;
        for server in way.servers.by_ref() {
            match self.open(&way.target, &server, &way.open).await {
                Ok(connection) => return Ok(Link { connection, _place: place }),
                // What may be mended counts more than another server's final word.
                Err(outcome) if seen.as_ref().is_none_or(|seen| !seen.retries()) => seen = Some(outcome),
                Err(_) => {}
            }
        }
        Err(seen.unwrap_or_else(|| Outcome::Unknown { reply: "there was no server to try".to_owned() }))
    }

    /// Opens a connection to one server, at the level that settings and all that is known of this server demand.
    async fn open(&self, target: &Target, server: &Endpoint, settings: &OpenSettings) -> Result<Connection, Outcome> {
        let raised = self.evidence.raise(target, server, settings.tls.clone()).await?;
        if let Some(tls) = raised.trial {
            let tried = Connection::connect(server, &OpenSettings { tls, ..settings.clone() }).await;
            self.note(server, raised.policy.as_ref(), &tried);
            if !matches!(tried, Err(OpenFault { stage: Stage::Tls, .. })) {
                return tried.map_err(|fault| fault.outcome);
            }
            return Connection::connect(server, &OpenSettings { tls: raised.demand, ..settings.clone() })
                .await
                .map_err(|fault| fault.outcome);
        }
        let opened = Connection::connect(server, &OpenSettings { tls: raised.demand, ..settings.clone() }).await;
        self.note(server, raised.policy.as_ref(), &opened);
        opened.map_err(|fault| fault.outcome)
    }

    fn note(&self, server: &Endpoint, policy: Option<&Policy>, opened: &Result<Connection, OpenFault>) {
        let Some(policy) = policy else { return };
        let ended = match opened {
            Ok(connection) if connection.tls().is_some() => Ended::Encrypted,
            Ok(_) => Ended::Clear,
            Err(fault) => Ended::Fault(fault),
        };
        self.evidence.ended(server, policy, ended);
    }

    /// An output's content: from the cache, else from its segment.
    ///
    /// # Errors
    /// It can't be read now; the delivery is deferred.
    pub(crate) async fn content(&self, trace: TraceId, output: usize) -> Result<Bytes, Outcome> {
        let record = {
            let cached = |mail: &Mail| (mail.record, mail.cached.as_ref().and_then(|cached| cached.contents.get(output).cloned()));
            match self.index.lock().peek(trace, cached) {
                Some((_, Some(content))) => return Ok(content),
                found => found.map(|(record, _)| record),
            }
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
