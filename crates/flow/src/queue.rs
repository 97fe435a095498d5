//! The durable queue: commit, effects, delivery, reports (mail-gateway.md M-T7).
//!
//! The order of steps, and the file of each:
//!
//! 1. [`Queue::open`] reads the segments and rebuilds the index (`recover`).
//! 2. `commit`: a plan becomes one durable record (`record`); only then its caller says 250. `ahead` asks the next hop
//!    of queueless mail before that. The reply is
//!    remembered until the client has read it (`replies`).
//! 3. `effects`: one task applies them in batches, after the commit and again after a crash.
//! 4. `dispatch`: what is due is grouped by next hop and its TLS (`route`) and goes into that hop's lane (`lane`), whose
//!    workers deliver over kept connections (`deliver`) that meet what is demanded of them (`tls`), as places and memory allow
//!    (`places`).
//! 5. `settle`: outcomes become fates; what failed for now gets its next time (`schedule`), what failed for
//!    good is reported (`dsn`); what is over is released.
//!    `lookup` asks a next hop for a recipient, without any mail.
//! 6. `admin`: list, show, hold, retry, remove, counts; `adopt`: a dead node's queue.
//!
//! Time within is steady: no step of the machine's clock moves it (`times`).
//!
//! Content is in the segments, and for fresh mail in a bounded cache; memory holds metadata only, and of mail that
//! waits a short string (`rest`), which is also what a start reads (0013-queue.md). No SQL, no
//! sync per mail, no lock across an await. An outcome that nobody knows is tried again: SMTP prefers a double
//! to a loss (RFC 5321 §4.5.5).

mod admin;
mod adopt;
mod ahead;
mod built;
mod commit;
mod core;
mod deliver;
mod dispatch;
mod dsn;
mod effects;
mod found;
mod lane;
mod lookup;
mod marks;
mod octets;
mod pending;
mod places;
mod record;
mod recover;
mod replies;
mod rest;
mod route;
mod schedule;
mod settings;
mod settle;
mod seven_bit;
mod shelf;
mod short;
mod times;
mod tls;

use std::sync::Arc;

use model::{Address, Clock, EffectSink, Facts, Fault, Outcome, Secrets, TraceId};
use segments::{Disk, SegmentKeys};
use smtp::outbound::{Resolver, RevocationSource};

pub use admin::{Counts, QueueDetail, QueueFilter, QueueRecipient, QueueRow};
pub use adopt::Adopted;
pub use ahead::Taken;
pub use settings::Settings;
pub use tls::{Ended, Evidence, NoEvidence, Raised};

use self::core::Core;
use crate::limits::Notices;
use crate::own_mail::OwnMail;

/// What the queue works with.
pub struct Ports<R> {
    /// The site.
    pub facts: Arc<dyn Facts>,
    /// Where effects go.
    pub effects: Arc<dyn EffectSink>,
    /// DNS.
    pub resolver: R,
    /// What is known of servers beyond their addresses.
    pub evidence: Arc<dyn Evidence>,
    /// Opens the smart host's password.
    pub secrets: Arc<dyn Secrets>,
    /// What issuers of certificates have revoked; none: nobody knows.
    pub lists: Option<Arc<dyn RevocationSource>>,
    /// Signs reports.
    pub own_mail: OwnMail,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the segments lie: a directory of the node's own disk.
    pub disk: Arc<dyn Disk>,
    /// Wraps the segments' keys.
    pub keys: Arc<dyn SegmentKeys>,
}

/// The queue of one node. Dropping it without [`Queue::stop`] is like a crash: nothing is lost.
pub struct Queue {
    core: Arc<Core>,
}

impl Queue {
    /// Reads what is there. Takes commits at once; delivers from [`Queue::run`] on. Blocks while it reads.
    ///
    /// # Errors
    /// When the segments can't be read at all: another vault, a newer program, a broken disk. Damage to some
    /// mail is logged (`segment.damaged`) and does not stop the rest.
    pub fn open<R: Resolver + 'static>(settings: Settings, ports: Ports<R>) -> Result<Self, Fault> {
        recover::open(settings, ports).map(|core| Self { core: Arc::new(core) })
    }

    /// Starts delivery and effects. Must be called within the runtime that is to carry them.
    pub fn run(&self) {
        self.core.start();
    }

    /// Looks at once what is due, instead of at the next turn: for clocks that time does not move by itself.
    pub fn tick(&self) {
        self.core.due.notify_one();
    }

    /// Takes no more mail, lets running deliveries end, makes their marks durable and closes the segments.
    pub async fn stop(&self) {
        self.core.stop().await;
    }

    /// Asks the server that mail for this recipient goes to whether it would take it. "Not done" for good is its word about
    /// the recipient; all else that goes wrong is for now.
    pub async fn would_take(&self, recipient: &Address) -> Outcome {
        self.core.would_take(recipient).await
    }

    /// What each receiver has had of bounces, reports and notices of late.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.core.notices
    }

    /// The mail that was committed for this digest, if its reply may not have been read: say the same again.
    #[must_use]
    pub fn known_reply(&self, digest: &str) -> Option<TraceId> {
        self.core.replies.lock().known(digest)
    }

    /// The client has read the reply to this mail: the same bytes from now on are another mail.
    ///
    /// The mark is lazy. A kill or a power cut within `lazy_after` (100 ms) may lose it: then the same bytes from
    /// the same sender for the same recipients, sent again within a day, are taken for a retry and not queued.
    /// That is accepted: mail of its own differs at least in Message-ID or Date (RFC 5322 §3.6), and a mark that
    /// is awaited would cost every mail a second sync.
    pub fn confirm(&self, trace: TraceId) {
        self.core.confirm(trace);
    }
}

impl Drop for Queue {
    /// Without a stop before, as after a crash: nothing of it goes on.
    fn drop(&mut self) {
        self.core.tasks.lock().abort_all();
    }
}

#[cfg(test)]
mod tests;
