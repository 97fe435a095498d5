//! One next hop's lane: errands in order, and the workers that carry them, each with its own connection.
//!
//! A worker is started when an errand comes, none is idle and fewer than the limit run. When its lane is
//! empty it keeps its connection for some seconds. A hop that could not be reached is left alone for a while:
//! errands for it are deferred without another try.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Outcome, Timestamp, TraceId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ahead::Ahead;
use super::core::Core;
use super::deliver::Link;
use super::dispatch::Errand;
use super::route::LaneKey;

/// Errands that wait in one lane; what comes beyond them stays at rest.
const ERRANDS_MOST: usize = 2_000;

/// The deliveries to one next hop.
pub(crate) struct Lane {
    pub(crate) key: LaneKey,
    state: Mutex<LaneState>,
    wake: Notify,
}

#[derive(Default)]
struct LaneState {
    /// Queueless mail whose clients wait: it goes first.
    ahead: VecDeque<Ahead>,
    errands: VecDeque<Errand>,
    /// Outputs that wait for room here: their mail rests.
    parked: VecDeque<(TraceId, u32)>,
    workers: usize,
    /// Workers that wait and that no errand has claimed.
    idle: usize,
    /// The hop could not be reached: until when it is left alone, and what was seen.
    down: Option<(Timestamp, Outcome)>,
    /// Taken out of the table: take the new one.
    closed: bool,
}

/// What a worker carries.
pub(crate) enum Job {
    Errand(Errand),
    Ahead(Ahead),
}

/// What a new job needs.
enum Push {
    Taken,
    NeedsWorker,
    Closed(Job),
}

impl Lane {
    pub(crate) fn new(key: LaneKey) -> Self {
        Self { key, state: Mutex::new(LaneState::default()), wake: Notify::new() }
    }

    fn push(&self, job: Job, most: usize) -> Push {
        let mut state = self.state.lock();
        if state.closed {
            return Push::Closed(job);
        }
        match job {
            Job::Errand(errand) => state.errands.push_back(errand),
            Job::Ahead(ahead) => state.ahead.push_back(ahead),
        }
        if state.idle > 0 {
            state.idle -= 1;
            self.wake.notify_one();
            return Push::Taken;
        }
        if state.workers < most {
            state.workers += 1;
            return Push::NeedsWorker;
        }
        Push::Taken
    }

    fn is_full(&self) -> bool {
        self.state.lock().errands.len() >= ERRANDS_MOST
    }

    /// Takes an output that found the lane full. False if there is room now, or the lane is closed.
    fn park(&self, trace: TraceId, output: u32) -> bool {
        let mut state = self.state.lock();
        // Without a worker nobody would take it up again.
        let full = state.errands.len() >= ERRANDS_MOST && state.workers > 0 && !state.closed;
        if full {
            state.parked.push_back((trace, output));
        }
        full
    }

    /// An output that may come in now.
    fn unpark(&self) -> Option<(TraceId, u32)> {
        let mut state = self.state.lock();
        if state.errands.len() >= ERRANDS_MOST {
            return None;
        }
        state.parked.pop_front()
    }

    /// The next job; without one the worker counts as idle.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let ahead = state.ahead.pop_front().map(Job::Ahead);
        let job = ahead.or_else(|| state.errands.pop_front().map(Job::Errand));
        if job.is_none() {
            state.idle += 1;
        }
        job
    }

    /// An idle worker wants to end. False if an errand has claimed it meanwhile.
    fn leave_idle(&self) -> bool {
        let mut state = self.state.lock();
        if state.idle == 0 {
            return false;
        }
        state.idle -= 1;
        state.workers -= 1;
        true
    }

    /// Closes the lane if nobody works in it and its hop need not be remembered. The caller holds the table.
    pub(crate) fn close_if_unused(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock();
        let resting = state.down.as_ref().is_some_and(|(until, _)| *until > now);
        let unused = state.workers == 0 && state.errands.is_empty() && state.ahead.is_empty() && state.parked.is_empty() && !resting;
        state.closed |= unused;
        unused
    }

    /// What was seen when the hop could not be reached, while it is left alone.
    pub(crate) fn is_down(&self, now: Timestamp) -> Option<Outcome> {
        let mut state = self.state.lock();
        if state.down.as_ref().is_some_and(|(until, _)| *until <= now) {
            state.down = None;
        }
        state.down.as_ref().map(|(_, outcome)| outcome.clone())
    }

    pub(crate) fn set_down(&self, down: Option<(Timestamp, Outcome)>) {
        self.state.lock().down = down;
    }
}

impl Core {
    /// Puts a job into its lane.
    pub(crate) fn push(self: &Arc<Self>, key: LaneKey, job: Job) {
        let mut job = job;
        loop {
            let lane = Arc::clone(self.lanes.lock().entry(key.clone()).or_insert_with(|| Arc::new(Lane::new(key.clone()))));
            match lane.push(job, self.settings.per_destination) {
                Push::Taken => return,
                Push::NeedsWorker => {
                    let core = Arc::clone(self);
                    self.spawn(async move { core.work(lane).await });
                    return;
                }
                Push::Closed(back) => job = back,
            }
        }
    }

    pub(crate) fn lane_is_full(&self, key: &LaneKey) -> bool {
        self.lanes.lock().get(key).is_some_and(|lane| lane.is_full())
    }

    /// False if the lane has room for the output, or can't take it up later.
    pub(crate) fn park(&self, key: &LaneKey, trace: TraceId, output: usize) -> bool {
        let lane = self.lanes.lock().get(key).cloned();
        u32::try_from(output).is_ok_and(|output| lane.is_some_and(|lane| lane.park(trace, output)))
    }

    /// Fills a lane with what was parked there, up to its bound.
    fn refill(self: &Arc<Self>, lane: &Lane) {
        while let Some((trace, output)) = lane.unpark() {
            self.dispatch(trace, output as usize);
        }
    }

    /// A worker's life.
    async fn work(self: Arc<Self>, lane: Arc<Lane>) {
        let mut link: Option<Link> = None;
        let mut stopping = self.stopping.subscribe();
        loop {
            self.refill(&lane);
            match lane.next() {
                Some(Job::Errand(errand)) => {
                    self.carry(&lane, errand, &mut link).await;
                    continue;
                }
                Some(Job::Ahead(ahead)) => {
                    self.carry_ahead(&lane, ahead, &mut link).await;
                    continue;
                }
                None => {}
            }
            if link.is_some() && !self.is_stopping() {
                tokio::select! {
                    () = lane.wake.notified() => continue,
                    () = tokio::time::sleep(self.settings.idle) => {}
                    _ = stopping.changed() => {}
                }
            }
            if lane.leave_idle() {
                break;
            }
            lane.wake.notified().await;
        }
        self.close_if_empty(&lane);
        if let Some(link) = link {
            link.quit().await;
        }
    }

    /// One errand: tried, or given back when the queue stops or an administrator was quicker, and sent on when its way is
    /// another one by now.
    async fn carry(self: &Arc<Self>, lane: &Lane, mut errand: Errand, link: &mut Option<Link>) {
        if self.is_stopping() || !self.still_wanted(&errand) {
            self.give_back(&errand);
            return;
        }
        if !self.same_way(&lane.key, &errand) {
            self.give_back(&errand);
            self.dispatch(errand.trace, errand.output);
            return;
        }
        let delivered = self.deliver(lane, &errand, link).await;
        errand.hop_reports = delivered.hop_reports;
        self.settle(&errand, delivered.outcomes).await;
    }

    /// A worker has ended: without others the lane leaves the table.
    fn close_if_empty(&self, lane: &Lane) {
        let now = self.now();
        let mut lanes = self.lanes.lock();
        if lane.close_if_unused(now) {
            lanes.remove(&lane.key);
        }
    }
}
