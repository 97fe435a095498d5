//! Rebuilds the queue from its segments: after a stop, a crash, a power cut.
//!
//! The indexes of the segments say all that is needed: of each plan its summary, of each state and reply all of it
//! (`rest`). So neither records nor contents are read, and what waits is put into memory as it stands there. Only what
//! is not quiet is woken: mail whose effects wait, mail that is over, mail that a report speaks of. A record without a
//! summary is read; one that can't be read is logged and kept, and the rest goes on.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bytes::Bytes;
use model::format::FormatError;
use model::{Fault, Guilty, MemoryPool, Timestamp, TraceId};
use parking_lot::Mutex;
use segments::{Kind, Live, RecordId, Segments, Summary};
use smtp::outbound::Resolver;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::adopt;
use super::core::Core;
use super::pending::{Fate, Index, Mail};
use super::places::{Places, Reading};
use super::record::{self, About, RecordError, StoredReply, Summaries};
use super::replies::Replies;
use super::rest::{self, Rest};
use super::route::Through;
use super::times::Scale;
use super::tls::Trusted;
use super::{Ports, Settings};
use crate::limits::Notices;

/// Opens the segments and rebuilds the index.
pub(crate) fn open<R: Resolver + 'static>(settings: Settings, ports: Ports<R>) -> Result<Core, Fault> {
    let began = Instant::now();
    let (segments, recovery) = Segments::open_with(ports.disk, ports.keys, settings.segments, Arc::new(Summaries))?;
    let read = began.elapsed();
    let damaged = recovery.damage.len();
    let mut found = Found::default();
    for live in recovery.live {
        found.take(&segments, live)?;
    }
    let scale = Scale::of(ports.clock.as_ref(), &ports.facts.site());
    let mut built = found.build(scale);
    let replies = built.replies();
    let core = Core {
        facts: ports.facts,
        sink: ports.effects,
        directions: Arc::new(Through(ports.resolver)),
        evidence: ports.evidence,
        secrets: ports.secrets,
        trusted: Trusted::new(ports.lists),
        own_mail: ports.own_mail,
        clock: ports.clock,
        index: Mutex::new(Index::of(built.resting, built.due)),
        replies: Mutex::new(replies),
        lanes: Mutex::default(),
        notices: Notices::new(settings.notices),
        cache: MemoryPool::new(settings.content_cache),
        places: Places::new(settings.connections),
        reading: Reading::new(settings.reading),
        effects: Mutex::new(VecDeque::new()),
        effects_wake: Notify::new(),
        effects_urgent: Notify::new(),
        due: Notify::new(),
        running: AtomicBool::new(false),
        stopping: watch::Sender::new(false),
        tasks: Mutex::new(JoinSet::new()),
        segments,
        settings,
    };
    let waiting = core.index.lock().len() + built.awake.len();
    for (trace, marks, mail) in built.awake {
        core.admit_again(trace, marks, mail);
    }
    built.stale.into_iter().for_each(|record| core.segments.release(record));
    let mails = core.index.lock().len();
    let (read_ms, ms) = (millis(read), millis(began.elapsed()));
    tracing::info!(event = "queue.opened", mails, over = waiting - mails, damaged, read_ms, ms);
    Ok(core)
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Core {
    fn admit_again(&self, trace: TraceId, marks: u64, mail: Mail) {
        if mail.is_over() {
            self.release(trace, &mail);
            return;
        }
        if !mail.effects_done {
            self.effects.lock().push_back(trace);
        }
        let mut index = self.index.lock();
        index.insert(trace, marks, mail);
        index.reschedule_all(trace);
    }
}

struct FoundPlan {
    trace: TraceId,
    record: RecordId,
    summary: Bytes,
}

struct FoundState {
    trace: TraceId,
    record: RecordId,
    octets: Bytes,
}

/// What the segments hold.
#[derive(Default)]
pub(crate) struct Found {
    plans: Vec<FoundPlan>,
    states: Vec<FoundState>,
    replies: Vec<(RecordId, StoredReply)>,
    abouts: HashMap<TraceId, Vec<About>>,
}

impl Found {
    /// Takes note of one record.
    pub(crate) fn take(&mut self, segments: &Segments, live: Live) -> Result<(), Fault> {
        let Live { id, kind, summary, .. } = live;
        if !summary.is_empty() && self.note(id, kind, summary).is_ok() {
            return Ok(());
        }
        match segments.read_blocking(id) {
            Ok(octets) => judge(id, self.read(id, kind, &octets)),
            Err(error) => {
                tracing::error!(event = "queue.unreadable", record = id.0, cause = %error, "a queue record can't be read");
                Ok(())
            }
        }
    }

    fn read(&mut self, id: RecordId, kind: Kind, octets: &Bytes) -> Result<(), RecordError> {
        if kind == record::PLAN {
            record::decode_plan(octets)?;
        }
        self.note(id, kind, Summaries.of(kind, octets))
    }

    fn note(&mut self, record: RecordId, kind: Kind, summary: Bytes) -> Result<(), RecordError> {
        match kind {
            record::PLAN => {
                let front = rest::front_of(&summary).ok_or(RecordError::Short)?;
                let trace = front.trace;
                if front.has_about {
                    let about = rest::about_of(&summary).ok_or(RecordError::Short)?;
                    self.abouts.entry(about.trace).or_default().push(about);
                }
                self.plans.push(FoundPlan { trace, record, summary });
            }
            record::STATE => {
                let octets = record::state_octets(&summary)?;
                let trace = rest::trace_of(&octets).ok_or(RecordError::Short)?;
                self.states.push(FoundState { trace, record, octets });
            }
            record::REPLY => self.replies.push((record, record::decode_reply(&summary)?)),
            other => {
                tracing::error!(event = "queue.unreadable", record = record.0, kind = other.0, "a queue record of an unknown kind is kept");
            }
        }
        Ok(())
    }

    /// Joins each plan with its newest state.
    pub(crate) fn build(mut self, scale: Scale) -> Built {
        self.plans.sort_unstable_by_key(|plan| (plan.trace, plan.record));
        self.states.sort_unstable_by_key(|state| (state.trace, state.record));
        let mut built = Built { replied: self.replies, scale, ..Built::default() };
        built.resting.reserve(self.plans.len());
        built.due.reserve(self.plans.len());
        let mut states = self.states.into_iter().peekable();
        for plan in self.plans {
            while let Some(orphan) = states.next_if(|state| state.trace < plan.trace) {
                built.stale.push(orphan.record);
            }
            let mut newest: Option<FoundState> = None;
            while let Some(state) = states.next_if(|state| state.trace == plan.trace) {
                built.stale.extend(newest.replace(state).map(|older| older.record));
            }
            let abouts = self.abouts.remove(&plan.trace).unwrap_or_default();
            built.add(&plan, newest, &abouts);
        }
        built.stale.extend(states.map(|orphan| orphan.record));
        built.due.sort_unstable();
        built
    }
}

/// What the queue is made of.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) resting: Vec<(TraceId, u64, Rest)>,
    due: Vec<(Timestamp, TraceId, u32)>,
    pub(crate) awake: Vec<(TraceId, u64, Mail)>,
    /// Replies that may be unconfirmed; of plans under the plan's id, without a record of their own.
    pub(crate) replied: Vec<(RecordId, StoredReply)>,
    of_plans: Vec<(RecordId, StoredReply)>,
    confirmed: Vec<TraceId>,
    scale: Scale,
    /// Records that no longer mean anything.
    pub(crate) stale: Vec<RecordId>,
}

impl Built {
    fn add(&mut self, plan: &FoundPlan, state: Option<FoundState>, abouts: &[About]) {
        let FoundPlan { trace, record, ref summary } = *plan;
        let Some(front) = rest::front_of(summary) else { return };
        let octets = state.as_ref().map(|state| state.octets.clone()).unwrap_or_default();
        let state_record = state.map(|state| state.record);
        let fits = |look: &rest::Look| self.scale.fits(front.received, &look.due);
        let look = rest::look(summary, &octets).filter(|look| abouts.is_empty() && fits(look));
        let confirmed = match look {
            Some(look) => {
                if !look.held {
                    let due = (0..).zip(&look.due).filter_map(|(number, at)| at.map(|at| (at, trace, number)));
                    self.due.extend(due);
                }
                self.resting.push((trace, front.marks, Rest::new(record, state_record, summary, &octets)));
                look.confirmed
            }
            None => {
                let Some(mut mail) = rest::mail_of(record, summary) else { return unreadable(record) };
                mail.state_record = state_record;
                if !octets.is_empty() {
                    let Some(state) = rest::state_of(&octets) else { return unreadable(record) };
                    mail.restore(state);
                }
                self.scale.mend(&mut mail);
                abouts.iter().for_each(|about| told(&mut mail, about));
                let confirmed = mail.confirmed;
                self.awake.push((trace, front.marks, mail));
                confirmed
            }
        };
        if confirmed {
            self.confirmed.push(trace);
        } else if !front.digest.is_empty() {
            let at = if adopt::is_mark(front.digest) { front.received.after(adopt::MEMORY) } else { self.scale.past(front.received) };
            let reply = StoredReply { digest: front.digest.to_owned(), trace, at };
            self.of_plans.push((record, reply));
        }
    }

    /// The unconfirmed replies, in the order of their records. What was confirmed before stays confirmed, else the next
    /// mail with the same bytes would get its 250 and not be queued.
    fn replies(&mut self) -> Replies {
        let mut replies = Replies::default();
        let own = std::mem::take(&mut self.replied).into_iter().map(|(record, reply)| (record, reply, Some(record)));
        let of_plans = std::mem::take(&mut self.of_plans).into_iter().map(|(record, reply)| (record, reply, None));
        let mut all: Vec<_> = own.chain(of_plans).collect();
        all.sort_unstable_by_key(|(record, _, _)| *record);
        for (_, mut reply, record) in all {
            if record.is_some() && !adopt::is_mark(&reply.digest) {
                reply.at = self.scale.past(reply.at);
            }
            // Sorted as the plans are.
            let gone = match self.confirmed.binary_search(&reply.trace) {
                Ok(_) => record.into_iter().collect(),
                Err(_) => replies.committed(reply.digest, reply.trace, reply.at, record),
            };
            self.stale.extend(gone);
        }
        replies
    }
}

fn unreadable(record: RecordId) {
    tracing::error!(event = "queue.unreadable", record = record.0, "what a segment's index says of a mail can't be read; it is kept");
}

/// A report that is durable has told of this; it must not be told again.
fn told(mail: &mut Mail, about: &About) {
    let Some(out) = mail.outputs.get_mut(about.output) else { return };
    let fates = [(&about.failed, Some(Fate::Failed)), (&about.delayed, None), (&about.relayed, Some(Fate::Delivered))];
    for (places, fate) in fates {
        for place in places {
            let Some(rcpt) = out.recipients.get_mut(*place) else { continue };
            rcpt.told = true;
            rcpt.fate = fate.unwrap_or(rcpt.fate);
        }
    }
}

/// A newer program's records stop the start, so that nothing of theirs is lost; others are kept and skipped.
fn judge(id: RecordId, read: Result<(), RecordError>) -> Result<(), Fault> {
    match read {
        Ok(()) => Ok(()),
        Err(error @ RecordError::Format(FormatError::Newer { .. })) => {
            Err(Fault::permanent(Guilty::Configuration, "queue-newer", error.to_string()))
        }
        Err(error) => {
            tracing::error!(event = "queue.unreadable", record = id.0, cause = %error, "a queue record can't be read; it is kept");
            Ok(())
        }
    }
}
