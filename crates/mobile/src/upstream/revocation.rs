//! Was the mail server's certificate revoked? Asked beside requests, never in their way (mobile-gateway.md G-2).
//!
//! After each handshake, also one that resumes a session, the server's own certificate is looked up in memory. One that is known as
//! revoked, itself or a CA above it, gets no request; all others pass, because what nobody knows is no reason to stop mail (soft-fail).
//! Looked up by the server's own alone: whatever else it sends, it can't look like one that was never seen. For each that was seen one
//! task asks the issuers ([`model::ports::Issuers`]), again and again until it was not seen for a day. Kept connections are looked at
//! once more before they are used, and polls that hang are ended, so that they come back to hear it. Bounded in number; this node's own, and losable.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use model::ports::{Issuers, Standing};
use model::{Clock, Fault, Guilty, Timestamp};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use tokio::task::AbortHandle;

use crate::parked::{Registry, drain};

/// The code of a fault for which the mail server gets no request.
pub(super) const REVOKED: &str = "mail-server-revoked";
/// Certificates that are watched at once.
const MOST: usize = 256;
/// Certificates of one server that count.
const LONGEST: usize = 24;
/// Largest stapled answer that is kept, octets.
const STAPLED: usize = 16 << 10;
/// Not seen for so long, one is forgotten.
const FORGET: Duration = Duration::from_secs(86_400);

/// Id of the configuration by which a server was seen, and the server's own certificate, DER.
type Name = Arc<(String, Vec<u8>)>;

struct Seen {
    /// What the server showed last, its own certificate first.
    shown: Vec<Vec<u8>>,
    /// What the server stapled last.
    stapled: Vec<u8>,
    /// Why it gets no request.
    revoked: Option<String>,
    at: Timestamp,
    _follower: Follower,
}

/// What is asked about one server, of whom, and how long after it once more.
struct Question {
    issuers: Arc<dyn Issuers>,
    shown: Vec<Vec<u8>>,
    stapled: Vec<u8>,
    every: Duration,
}

/// Ends with what it follows.
struct Follower(AbortHandle);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// See the file.
pub(crate) struct Watch {
    issuers: Option<Arc<dyn Issuers>>,
    clock: Arc<dyn Clock>,
    every: Duration,
    seen: Mutex<HashMap<Name, Seen>>,
    /// Some certificate is revoked: kept connections have to be looked at.
    any: AtomicBool,
    registry: Arc<Registry>,
    own: Weak<Self>,
}

impl Watch {
    /// Asks `issuers` about each certificate so often; nobody without issuers. `registry`: whose polls end.
    pub(crate) fn new(issuers: Option<Arc<dyn Issuers>>, clock: Arc<dyn Clock>, every: Duration, registry: Arc<Registry>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            issuers,
            clock,
            every,
            seen: Mutex::default(),
            any: AtomicBool::new(false),
            registry,
            own: own.clone(),
        })
    }

    /// True if anybody is asked.
    pub(crate) fn is_on(&self) -> bool {
        self.issuers.is_some()
    }

    /// May a server that showed these get a request? Notes that they were seen.
    ///
    /// # Errors
    /// One of them was revoked.
    pub(crate) fn admits(&self, (gateway, host): (&str, &str), shown: &[CertificateDer<'_>]) -> Result<(), Fault> {
        if !self.is_on() || shown.is_empty() {
            return Ok(());
        }
        let known = self.see(gateway, shown, None);
        known.map_or(Ok(()), |why| Err(Fault::permanent(Guilty::NextHop, REVOKED, format!("{host} gets no request: {why}"))))
    }

    /// True if a kept connection to a server that showed these may be used. Costs nothing while none is revoked.
    pub(crate) fn still_admits(&self, gateway: &str, shown: &[CertificateDer<'_>]) -> bool {
        !self.any.load(Ordering::Acquire) || self.seen.lock().get(&name(gateway, shown)).is_none_or(|seen| seen.revoked.is_none())
    }

    /// Notes what a server stapled beside these.
    pub(super) fn stapled(&self, gateway: &str, shown: &[CertificateDer<'_>], answer: &[u8]) {
        if self.is_on() && !answer.is_empty() && answer.len() <= STAPLED {
            self.see(gateway, shown, Some(answer));
        }
    }

    /// Why the server gets nothing, if it doesn't. One that was never seen is asked about from now on.
    fn see(&self, gateway: &str, shown: &[CertificateDer<'_>], stapled: Option<&[u8]>) -> Option<String> {
        let (name, now) = (name(gateway, shown), self.clock.now());
        let mut all = self.seen.lock();
        if let Some(seen) = all.get_mut(&name) {
            seen.at = now;
            seen.shown = octets(shown);
            if let Some(stapled) = stapled {
                seen.stapled = stapled.to_vec();
            }
            return seen.revoked.clone();
        }
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, seen)| seen.at).map(|(name, _)| name.clone())
        {
            all.remove(&oldest);
        }
        let follower = Follower(tokio::spawn(follow(self.own.clone(), name.clone())).abort_handle());
        let stapled = stapled.unwrap_or_default().to_vec();
        all.insert(name, Seen { shown: octets(shown), stapled, revoked: None, at: now, _follower: follower });
        None
    }

    /// What is to be asked; `None` if it is forgotten.
    fn question(&self, name: &Name) -> Option<Question> {
        let now = self.clock.now();
        let mut all = self.seen.lock();
        if all.get(name).is_some_and(|seen| now.since(seen.at) > FORGET) {
            all.remove(name);
        }
        let seen = all.get(name)?;
        let (shown, stapled, every) = (seen.shown.clone(), seen.stapled.clone(), self.every);
        Some(Question { issuers: self.issuers.clone()?, shown, stapled, every })
    }

    /// Takes an answer. What nobody says changes nothing: a certificate that was revoked stays so until its issuer says otherwise.
    fn told(&self, name: &Name, standing: Standing) {
        let mut all = self.seen.lock();
        let Some(seen) = all.get_mut(name) else { return };
        let before = seen.revoked.is_some();
        match standing {
            Standing::Good => {
                if seen.revoked.take().is_some() {
                    tracing::warn!(event = "mobile.unrevoked", "the mail server's certificate is not revoked any more");
                }
            }
            Standing::Revoked(why) => {
                if !before {
                    tracing::error!(event = "mobile.revoked", why, "the mail server's certificate was revoked: it gets no requests");
                }
                seen.revoked = Some(why);
            }
            Standing::Unknown(why) => tracing::info!(event = "mobile.revocation_unknown", why, "passes: nobody says that it was revoked"),
        }
        let fell = seen.revoked.is_some() && !before;
        let any = all.values().any(|seen| seen.revoked.is_some());
        self.any.store(any, Ordering::Release);
        drop(all);
        if fell {
            // What such a server would say to a poll is worth nothing; "nothing new" lets the phone ask again.
            self.registry.all().iter().filter(|entry| entry.asked.gateway.id == name.0).for_each(|entry| drain(entry));
        }
    }
}

/// Asks about one server until it is forgotten.
async fn follow(watch: Weak<Watch>, name: Name) {
    loop {
        let Some(question) = watch.upgrade().and_then(|watch| watch.question(&name)) else { return };
        let Question { issuers, shown, stapled, every } = question;
        let standing = issuers.standing(&name.0, shown, stapled).await;
        if let Some(watch) = watch.upgrade() {
            watch.told(&name, standing);
        }
        tokio::time::sleep(every).await;
    }
}

fn name(gateway: &str, shown: &[CertificateDer<'_>]) -> Name {
    Arc::new((gateway.to_owned(), shown.first().map(|own| own.as_ref().to_vec()).unwrap_or_default()))
}

fn octets(shown: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    shown.iter().take(LONGEST).map(|certificate| certificate.as_ref().to_vec()).collect()
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({} seen)", self.seen.lock().len())
    }
}

#[cfg(test)]
#[path = "revocation_tests.rs"]
mod tests;
