//! Is there such a recipient? Asked at RCPT of the domain's own server, so that mail which it would bounce is refused
//! while its sender still listens (mail-gateway.md M-T9; RFC 5321 §4.2.4, §6.1; security.md X-12).
//!
//! Before: [`crate::accept`] and [`crate::welcome`] have let the client through, so that nobody who is turned away anyhow learns who is there or
//! costs the server anything. After: 250 to RCPT. One look-up for each recipient runs at a time, however many ask; it goes on
//! when nobody waits any more, and its answer serves the retry. Must never: refuse for good because the server is away, or ask
//! any server but the one that the domain's mail goes to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use model::{Address, AddressKey, Fault, Guilty, Outcome, Peer, Site};
use moka::sync::Cache;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::queue::Queue;

/// Durations and bounds of the look-ups.
#[derive(Debug, Clone, Copy)]
pub struct RecipientSettings {
    /// A yes is kept so long.
    pub yes: Duration,
    /// A no is kept so long.
    pub no: Duration,
    /// A client waits so long at RCPT; then it is told to come again.
    pub longest: Duration,
    /// Answers kept, of either kind. Which ones stay goes by how often they are asked for, so that guessed names push out no real one.
    pub most: u64,
    /// Look-ups at a time.
    pub at_once: usize,
}

impl Default for RecipientSettings {
    fn default() -> Self {
        Self {
            yes: Duration::from_secs(24 * 3600),
            no: Duration::from_secs(600),
            longest: Duration::from_secs(10),
            most: 200_000,
            at_once: 20,
        }
    }
}

/// Who knows: the queue, which finds the way to the domain's server as for a delivery.
#[async_trait]
pub trait RecipientPort: Send + Sync {
    /// What the server says to RCPT; see `Connection::would_take`.
    async fn would_take(&self, recipient: &Address) -> Outcome;
}

#[async_trait]
impl RecipientPort for Queue {
    async fn would_take(&self, recipient: &Address) -> Outcome {
        Self::would_take(self, recipient).await
    }
}

type Running = Shared<BoxFuture<'static, Outcome>>;

/// Look-ups of one node and their answers. Cheap to clone.
#[derive(Clone)]
pub struct Recipients(Arc<Inner>);

struct Inner {
    port: Arc<dyn RecipientPort>,
    settings: RecipientSettings,
    /// With the server that said so: another one may say something else.
    yes: Cache<AddressKey, Arc<str>>,
    /// With its words.
    no: Cache<AddressKey, (Arc<str>, Outcome)>,
    running: Mutex<HashMap<(AddressKey, Arc<str>), Running>>,
    places: Semaphore,
}

impl Recipients {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(port: Arc<dyn RecipientPort>, settings: RecipientSettings) -> Self {
        let yes = Cache::builder().max_capacity(settings.most).time_to_live(settings.yes).build();
        let no = Cache::builder().max_capacity(settings.most).time_to_live(settings.no).build();
        let (running, places) = (Mutex::default(), Semaphore::new(settings.at_once));
        Self(Arc::new(Inner { port, settings, yes, no, running, places }))
    }

    /// At RCPT. Clients that we may bounce to are not held up: relay networks, and whoever signed in.
    ///
    /// # Errors
    /// `no-such-recipient` by the server's word, `recipient-unsure` while it says nothing.
    pub async fn check(&self, site: &Site, peer: &Peer, recipient: &Address) -> Result<(), Fault> {
        if !site.mail.verify_recipients || peer.account.is_some() || site.relays(peer, false) {
            return Ok(());
        }
        let Some(domain) = site.domains.get(&recipient.domain_key()) else { return Ok(()) };
        let (key, server): (_, Arc<str>) = (recipient.key(), domain.forward.as_str().into());
        let outcome = match self.0.known(&key, &server) {
            Some(outcome) => outcome,
            None => self.ask(key, server, recipient).await,
        };
        match outcome {
            Outcome::Done { .. } => Ok(()),
            Outcome::NotDone { temporary: false, reply, .. } => {
                Err(Fault::permanent(Guilty::Sender, "no-such-recipient", reply).with("recipient", recipient))
            }
            Outcome::NotDone { reply, .. } | Outcome::Unknown { reply } => {
                Err(Fault::temporary(Guilty::NextHop, "recipient-unsure", reply).with("recipient", recipient))
            }
        }
    }

    async fn ask(&self, key: AddressKey, server: Arc<str>, recipient: &Address) -> Outcome {
        let running = {
            let mut running = self.0.running.lock();
            let place = (key, server);
            match running.get(&place) {
                Some(running) => running.clone(),
                None => {
                    let (inner, about, recipient) = (self.0.clone(), place.clone(), recipient.clone());
                    let task = tokio::spawn(async move { inner.find(about, recipient).await });
                    let broken = |error: tokio::task::JoinError| Outcome::Unknown { reply: format!("the look-up broke off: {error}") };
                    let task = task.map(move |done| done.unwrap_or_else(broken)).boxed().shared();
                    running.insert(place, task.clone());
                    task
                }
            }
        };
        let longest = self.0.settings.longest;
        let late = |_| Outcome::Unknown { reply: format!("no answer within {longest:?}; the look-up goes on") };
        tokio::time::timeout(longest, running).await.unwrap_or_else(late)
    }
}

impl Inner {
    fn known(&self, key: &AddressKey, server: &Arc<str>) -> Option<Outcome> {
        if self.yes.get(key).is_some_and(|by| by == *server) {
            return Some(Outcome::Done { reply: String::new() });
        }
        self.no.get(key).filter(|(by, _)| by == server).map(|(_, outcome)| outcome)
    }

    /// One look-up; what was found is kept before it counts as ended, so that nobody begins another in between.
    async fn find(&self, about: (AddressKey, Arc<str>), recipient: Address) -> Outcome {
        // Never closed: without a place it goes on all the same.
        let _place = self.places.acquire().await;
        let outcome = self.port.would_take(&recipient).await;
        let (key, server) = &about;
        let answer = match &outcome {
            Outcome::Done { .. } => {
                self.no.invalidate(key);
                self.yes.insert(key.clone(), server.clone());
                "yes"
            }
            Outcome::NotDone { temporary: false, .. } => {
                self.yes.invalidate(key);
                self.no.insert(key.clone(), (server.clone(), outcome.clone()));
                "no"
            }
            Outcome::NotDone { .. } | Outcome::Unknown { .. } => "unknown",
        };
        metrics::counter!("sealgate_mail_recipient_lookups_total", "answer" => answer).increment(1);
        tracing::debug!(event = "recipient.looked_up", to = %recipient, server = %server, answer, reply = outcome.reply());
        self.running.lock().remove(&about);
        outcome
    }
}

#[cfg(test)]
#[path = "recipients_tests.rs"]
mod tests;
