//! One errand over one connection: content, connection, transaction.
//!
//! Before: `lane`. After: `settle`. A kept connection may have been closed by the other side meanwhile: then,
//! and only if nothing was said to have been taken, the errand is tried once more over a new one. And what is demanded of its
//! server may have changed: a connection that was opened under another demand carries no more mail (security.md X-23).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::site::SMART_HOST_PASSWORD;
use model::{Address, Outcome, Site, TraceId};
use smtp::outbound::{
    Connection, Content, Credentials, Endpoint, OpenFault, OpenSettings, RouteSettings, Stage, Target, TlsDemand, Transaction,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::core::Core;
use super::dispatch::Errand;
use super::lane::Lane;
use super::pending::{Mail, Out, Stored};
use super::places::{Place, ReadingRoom};
use super::record;
use super::route::LaneKey;
use super::seven_bit;
use super::tls::{Ended, Raised};
use crate::transport::Policy;

/// An open connection and its place among all.
pub(crate) struct Link {
    connection: Connection,
    server: Endpoint,
    /// What was demanded of the server when it was opened.
    under: Raised,
    target: Target,
    /// It was cut off in the middle of a mail and can't be used again.
    stuck: bool,
    _place: Place,
}

/// The servers of a next hop that were not tried yet.
pub(crate) struct Way {
    key: LaneKey,
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
    /// Within `longest`; what is cut off may have been taken.
    async fn deliver(&mut self, transaction: &Transaction<'_>, longest: Duration) -> Delivered {
        let Ok(outcomes) = timeout(longest, self.connection.deliver(transaction)).await else {
            self.stuck = true;
            let outcome = Outcome::Unknown { reply: "the next hop took too long over one mail".to_owned() };
            return Delivered::undone(transaction.recipients.len(), &outcome);
        };
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
        if link.is_none()
            && let Some(outcome) = lane.is_down(self.now())
        {
            return all(&outcome);
        }
        // Who waits for memory holds no place that others could use.
        let let_go = || link.take().into_iter().for_each(|link| self.spawn(link.quit()));
        let loaded = self.load((errand.trace, errand.output), lane.key.own, let_go).await;
        let (content, _room) = match loaded.map(|(stored, room)| (Content::new(stored.content), room)) {
            Ok((Ok(content), room)) => (content, room),
            Ok((Err(fault), _)) => return all(&fault.outcome()),
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
        if let Some(delivered) = self.over_kept(lane, link, transaction).await {
            return delivered;
        }
        if let Some(outcome) = lane.is_down(self.now()) {
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
                    lane.set_down(Some((self.now().after(rest), outcome.clone())));
                }
                all(&outcome)
            }
        }
    }

    async fn over_new(&self, link: &mut Option<Link>, new: Link, transaction: &Transaction<'_>) -> Delivered {
        let delivered = link.insert(new).deliver(transaction, self.settings.delivery).await;
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

    /// Tries the kept connection; `None` if there is none, it turned out to be gone, or more is demanded by now.
    async fn over_kept(&self, lane: &Lane, link: &mut Option<Link>, transaction: &Transaction<'_>) -> Option<Delivered> {
        let kept = link.as_mut()?;
        if !kept.connection.is_open() {
            *link = None;
            return None;
        }
        if !self.still_serves(lane, &kept.server, &kept.under).await {
            self.spawn(link.take()?.quit());
            return None;
        }
        let delivered = kept.deliver(transaction, self.settings.delivery).await;
        let lost = |outcome: &Outcome| matches!(outcome, Outcome::NotDone { temporary: true, status, .. } if status == "4.4.2");
        let gone = !kept.connection.is_open() && delivered.outcomes.iter().all(lost);
        self.keep_or_drop(link);
        (!gone).then_some(delivered)
    }

    /// True if the same is demanded of a kept connection's server as when it was opened.
    async fn still_serves(&self, lane: &Lane, server: &Endpoint, under: &Raised) -> bool {
        let demand = self.trusted.demand(&self.facts.site(), &lane.key.tls, lane.key.revocation);
        let now = self.evidence.look(&lane.key.target, server, demand).await;
        now.is_ok_and(|now| now.is_same(under))
    }

    fn keep_or_drop(&self, link: &mut Option<Link>) {
        if let Some(stuck) = link.take_if(|link| link.stuck) {
            self.places.tried(&stuck.target, false, self.now());
            return;
        }
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
        let seed = u64::try_from(self.now().0).unwrap_or(0);
        let search = if key.own { self.settings.search.clone() } else { Vec::new() };
        // Our own settings may lead through another program on this machine and back, as re-injection does.
        let own_addresses = if key.own { Vec::new() } else { self.settings.own_addresses.clone() };
        let route = RouteSettings { port: self.settings.mx_port, own_names, own_addresses, seed, search };
        let servers = self.directions.servers(&key.target, &route).await.map_err(|fault| fault.outcome())?;
        let open = OpenSettings {
            credentials: if key.sign_in { Some(self.credentials(&site)?) } else { None },
            tls: self.trusted.demand(&site, &key.tls, key.revocation),
            timeouts: self.settings.timeouts,
            source_v4: self.settings.source_v4,
            source_v6: self.settings.source_v6,
            ..OpenSettings::new(&hostname)
        };
        let servers = fewer(servers, self.settings.servers_per_attempt);
        Ok(Way { key: key.clone(), servers: servers.into_iter(), open })
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

    /// Opens a connection to the first of the servers left that lets us. All of them together have one time.
    pub(crate) async fn connect(&self, way: &mut Way) -> Result<Link, Outcome> {
        let place = self.places.take(&way.key, self.now()).await.ok_or_else(stopping)?;
        let until = Instant::now() + self.settings.attempt;
        let mut seen: Option<Outcome> = None;
        for server in way.servers.by_ref() {
            let opened = timeout_at(until, self.open(&way.key.target, &server, &way.open)).await;
            match opened.unwrap_or_else(|_| Err(too_slow(&server))) {
                Ok((connection, under)) => {
                    self.places.tried(&way.key.target, true, self.now());
                    return Ok(Link { connection, target: way.key.target.clone(), server, under, stuck: false, _place: place });
                }
                // What may be mended counts more than another server's final word.
                Err(outcome) if seen.as_ref().is_none_or(|seen| !seen.retries()) => seen = Some(outcome),
                Err(_) => {}
            }
            if Instant::now() >= until {
                break;
            }
        }
        self.places.tried(&way.key.target, false, self.now());
        Err(seen.unwrap_or_else(|| Outcome::Unknown { reply: "there was no server to try".to_owned() }))
    }

    /// Opens a connection to one server, at the level that settings and all that is known of this server demand.
    async fn open(&self, target: &Target, server: &Endpoint, settings: &OpenSettings) -> Result<(Connection, Raised), Outcome> {
        let raised = self.evidence.raise(target, server, settings.tls.clone()).await?;
        let by = |tls: &TlsDemand| OpenSettings { tls: tls.clone(), ..settings.clone() };
        if let Some(tls) = &raised.trial {
            let tried = Connection::connect(server, &by(tls)).await;
            self.note(server, raised.policy.as_ref(), &tried);
            let tried = match tried {
                Err(OpenFault { stage: Stage::Tls, .. }) => Connection::connect(server, &by(&raised.demand)).await,
                tried => tried,
            };
            return tried.map(|connection| (connection, raised)).map_err(|fault| fault.outcome);
        }
        let opened = Connection::connect(server, &by(&raised.demand)).await;
        self.note(server, raised.policy.as_ref(), &opened);
        opened.map(|connection| (connection, raised)).map_err(|fault| fault.outcome)
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

    /// An output's octets, and the memory that they lie in: from the cache, else from its segment as soon as there is room.
    /// `own`: for a way that our settings name; `before_waiting` is called if there is no room now.
    ///
    /// # Errors
    /// It can't be read now; the delivery is deferred.
    async fn load(
        &self,
        (trace, output): (TraceId, usize),
        own: bool,
        before_waiting: impl FnOnce(),
    ) -> Result<(Stored, Option<ReadingRoom>), Outcome> {
        let found = {
            let cached = |mail: &Mail| {
                (mail.record, weight(&mail.outputs), mail.cached.as_ref().and_then(|cached| cached.contents.get(output).cloned()))
            };
            match self.index.lock().peek(trace, cached) {
                Some((.., Some(stored))) => return Ok((stored, None)),
                found => found.map(|(record, weight, _)| (record, weight)),
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
        let (record, weight) = found.ok_or_else(|| failed("it is not in the index".to_owned()))?;
        let mut room = self.reading.take(weight, own, before_waiting).await.ok_or_else(stopping)?;
        let octets = self.segments.read(record).await.map_err(|error| failed(error.to_string()))?;
        let plan = record::decode_plan(&octets).map_err(|error| failed(error.to_string()))?.plan;
        let whole = octets.len();
        drop(octets);
        let stored = plan.outputs.get(output).map(Stored::of);
        drop(plan);
        let stored = stored.ok_or_else(|| failed("the record has no such output".to_owned()))?;
        if stored.content.len() > whole / 2 {
            return Ok((stored, Some(room)));
        }
        // A slice would keep the whole record: the contents of all other outputs too.
        let stored = Stored { content: Bytes::copy_from_slice(&stored.content), header: Bytes::copy_from_slice(&stored.header) };
        room.shrink(stored.content.len());
        Ok((stored, Some(room)))
    }

    /// [`Core::load`], for what is looked at and dropped.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn stored(&self, trace: TraceId, output: usize) -> Result<Stored, Outcome> {
        self.load((trace, output), true, || {}).await.map(|(stored, _)| stored)
    }
}

/// About how many octets a record of these outputs has: outputs that share a content have the same length.
fn weight(outputs: &[Out]) -> usize {
    let mut lengths: Vec<usize> = outputs.iter().map(|out| out.length).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.iter().fold(0, |sum, length| sum.saturating_add(*length))
}

/// At most so many of the servers, of each host about as many, in the same order.
fn fewer(servers: Vec<Endpoint>, most: usize) -> Vec<Endpoint> {
    let rank = |place: usize| {
        let host = servers.get(place).map(|server| &server.host);
        servers.iter().take(place).filter(|server| Some(&server.host) == host).count()
    };
    let mut places: Vec<usize> = (0..servers.len()).collect();
    places.sort_by_cached_key(|place| rank(*place));
    places.truncate(most.max(1));
    servers.iter().enumerate().filter(|(place, _)| places.contains(place)).map(|(_, server)| server.clone()).collect()
}

fn stopping() -> Outcome {
    Outcome::NotDone { temporary: true, status: "4.3.2".to_owned(), reply: "stopping".to_owned(), by: String::new() }
}

fn too_slow(server: &Endpoint) -> Outcome {
    let reply = format!("{} took too long to open a session", server.host);
    Outcome::NotDone { temporary: true, status: "4.4.1".to_owned(), reply, by: server.host.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t7_of_many_servers_each_host_has_its_turn() {
        let server = |host: &str, n: u8| Endpoint { host: host.to_owned(), address: ([192, 0, 2, n], 25).into() };
        let many: Vec<Endpoint> = (0..8).map(|n| server("a", n)).chain((8..10).map(|n| server("b", n))).chain([server("c", 10)]).collect();
        let hosts: String = fewer(many.clone(), 5).into_iter().map(|server| server.host).collect();
        assert_eq!(hosts, "aabbc");
        assert_eq!(fewer(many.clone(), 100), many);
        assert_eq!(fewer(many, 0).len(), 1);
    }
}
