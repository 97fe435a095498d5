//! What all steps of the queue share, and its start and stop.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Clock, EffectSink, Facts, MemoryPool, Secrets, Site, Timestamp, TraceId};
use parking_lot::Mutex;
use segments::Segments;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::Settings;
use super::lane::Lane;
use super::pending::Index;
use super::places::{Places, Reading};
use super::replies::Replies;
use super::route::{Directions, LaneKey};
use super::shelf::Shelf;
use super::tls::{Evidence, Trusted};
use crate::limits::Notices;
use crate::own_mail::OwnMail;

/// The scheduler looks at the clock at least so often.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// A step of the wall clock that is named in the log, in microseconds.
const STEP: i64 = 10_000_000;
/// Outputs that one turn of the scheduler takes.
const TURN: usize = 1_000;
/// From so many on, unused lanes are looked for.
const LANES_KEPT: usize = 256;

/// The queue behind its handle.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) segments: Segments,
    pub(crate) facts: Arc<dyn Facts>,
    pub(crate) sink: Arc<dyn EffectSink>,
    pub(crate) directions: Arc<dyn Directions>,
    pub(crate) evidence: Arc<dyn Evidence>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) trusted: Trusted,
    pub(crate) own_mail: OwnMail,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) index: Mutex<Index>,
    /// What the start found, until each mail has octets of its own.
    pub(crate) shelf: Mutex<Option<Arc<Shelf>>>,
    pub(crate) replies: Mutex<Replies>,
    pub(crate) lanes: Mutex<HashMap<LaneKey, Arc<Lane>>>,
    /// What each receiver has had of late, of the gate and of the queue.
    pub(crate) notices: Notices,
    /// Room for the content of fresh mail.
    pub(crate) cache: MemoryPool,
    /// Places among outgoing connections.
    pub(crate) places: Places,
    /// Memory for content that is read to be sent.
    pub(crate) reading: Reading,
    /// Mails whose effects are to be applied.
    pub(crate) effects: Mutex<VecDeque<TraceId>>,
    pub(crate) effects_wake: Notify,
    /// An output waits for one of them, or many have come.
    pub(crate) effects_urgent: Notify,
    /// Something may have become due earlier than the scheduler thinks.
    pub(crate) due: Notify,
    pub(crate) running: AtomicBool,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) tasks: Mutex<JoinSet<()>>,
}

impl Core {
    /// Our name: the site's, else the node's.
    pub(crate) fn hostname(&self, site: &Site) -> String {
        if site.mail.hostname.is_empty() { self.settings.hostname.clone() } else { site.mail.hostname.clone() }
    }

    /// Now, on the queue's own scale, which no step of the wall clock moves: all that waits here, and each age, is counted by it.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.steady()
    }

    /// An instant of this scale by the wall clock: for what is written down or shown.
    pub(crate) fn by_wall(&self, at: Timestamp) -> Timestamp {
        at.moved(self.clock.drift())
    }

    /// An instant by the wall clock on this scale.
    pub(crate) fn by_own(&self, at: Timestamp) -> Timestamp {
        at.moved(self.clock.drift().saturating_neg())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Runs a task that [`Core::stop`] waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(crate) fn start(self: &Arc<Self>) {
        if !self.running.swap(true, Ordering::AcqRel) {
            self.spawn(Arc::clone(self).schedule());
            self.spawn(Arc::clone(self).apply_effects());
            self.spawn(Arc::clone(self).clear_shelf());
        }
    }

    pub(crate) async fn stop(self: &Arc<Self>) {
        self.stopping.send_replace(true);
        if tokio::time::timeout(self.settings.stop_within, self.tasks_end()).await.is_err() {
            tracing::warn!(event = "queue.cut", "deliveries did not end in time; they are tried again at the next start");
        }
        if let Err(error) = self.segments.flush().await {
            tracing::error!(event = "queue.stopped", cause = %error, "the last marks could not be written; some mail may be sent twice");
        }
        let segments = self.segments.clone();
        // The writer's thread ends by itself; a failed wait changes nothing.
        let _ = tokio::task::spawn_blocking(move || segments.close()).await;
    }

    /// Returns when no task is left. Tasks that still run when this is given up are ended with it.
    async fn tasks_end(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.tasks.lock());
            if tasks.is_empty() {
                return;
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    /// The scheduler: sends off what is due, forgets old replies.
    async fn schedule(self: Arc<Self>) {
        let mut stopping = self.stopping.subscribe();
        let mut drift = self.clock.drift();
        while !self.is_stopping() {
            let now = self.now();
            drift = self.look_at_the_wall(drift);
            self.forget_old_replies(now);
            self.sweep_lanes(now);
            let due = self.index.lock().take_due(now, TURN);
            let full_turn = due.len() == TURN;
            for (trace, output) in due {
                self.dispatch(trace, output);
            }
            if full_turn {
                tokio::task::yield_now().await;
                continue;
            }
            let wait = self.until_next_due(now);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.due.notified() => {}
                _ = stopping.changed() => {}
            }
        }
    }

    /// Names a step of the wall clock; nothing here follows it.
    fn look_at_the_wall(&self, before: i64) -> i64 {
        let drift = self.clock.drift();
        let step = drift.saturating_sub(before);
        if step.abs() < STEP {
            return before;
        }
        let seconds = step / 1_000_000;
        tracing::warn!(event = "clock.stepped", seconds, "the machine's clock was set; mail in the queue waits and ages as if it was not");
        drift
    }

    fn until_next_due(&self, now: Timestamp) -> Duration {
        let next = self.index.lock().next_due();
        next.map_or(LONGEST_SLEEP, |at| at.since(now).min(LONGEST_SLEEP))
    }

    /// Lanes without work stay only while their hop is left alone; here go those that no worker will close.
    fn sweep_lanes(&self, now: Timestamp) {
        let mut lanes = self.lanes.lock();
        if lanes.len() > LANES_KEPT {
            lanes.retain(|_, lane| !lane.close_if_unused(now));
        }
    }

    fn forget_old_replies(&self, now: Timestamp) {
        let memory = i64::try_from(self.settings.reply_memory.as_micros()).unwrap_or(i64::MAX);
        let gone = self.replies.lock().expire(Timestamp(now.0.saturating_sub(memory)));
        gone.into_iter().for_each(|record| self.segments.release(record));
    }
}
