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
use super::tls::{Evidence, Trusted};

/// The scheduler looks at the clock at least so often: the wall clock may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
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
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) index: Mutex<Index>,
    pub(crate) replies: Mutex<Replies>,
    pub(crate) lanes: Mutex<HashMap<LaneKey, Arc<Lane>>>,
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
        while !self.is_stopping() {
            let now = self.clock.now();
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
