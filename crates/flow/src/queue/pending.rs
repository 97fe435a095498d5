//! The queue's index in memory: metadata of every mail that is not done, and how it changes.
//!
//! Content is not here, but for fresh mail within a bounded cache. The index is behind one lock, held for
//! moments and never across an await. What is *due* is ordered by time; what *flies* is being delivered.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use model::{Address, Effect, MemoryLease, Outcome, Recipient, Return, Route, Timestamp, TraceId};
use segments::RecordId;

/// Where a recipient's delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// To be tried at `next_try`.
    Waiting,
    /// Being tried.
    Flying,
    /// Given up; the sender has not been told yet.
    Failing,
    /// The next hop has it and reports nothing more; the sender, who asked for it, has not been told yet.
    Relaying,
    /// Over: delivered.
    Delivered,
    /// Over: failed, and the sender was told if anybody had to be.
    Failed,
}

/// One recipient of an output.
#[derive(Debug, Clone)]
pub(crate) struct Rcpt {
    pub(crate) recipient: Recipient,
    pub(crate) fate: Fate,
    pub(crate) tries: u32,
    pub(crate) next_try: Timestamp,
    /// Its last outcome; of mail that was taken only while the sender is to be told so.
    pub(crate) last: Option<Outcome>,
    pub(crate) last_try: Option<Timestamp>,
    /// The sender was told that it is late.
    pub(crate) told: bool,
    /// The sender is to be told that it is late.
    pub(crate) tell: bool,
}

impl Rcpt {
    pub(crate) fn new(recipient: Recipient, now: Timestamp) -> Self {
        Self { recipient, fate: Fate::Waiting, tries: 0, next_try: now, last: None, last_try: None, told: false, tell: false }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.fate, Fate::Delivered | Fate::Failed)
    }

    /// True if it has not got the mail yet and still may.
    pub(crate) const fn is_pending(&self) -> bool {
        !self.is_over() && !matches!(self.fate, Fate::Relaying)
    }
}

/// One output of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    pub(crate) sender: Option<Address>,
    pub(crate) route: Route,
    pub(crate) opened: bool,
    pub(crate) envelope_id: Option<String>,
    pub(crate) ret: Option<Return>,
    pub(crate) smtputf8: bool,
    pub(crate) waits_for: Option<u32>,
    pub(crate) length: usize,
    pub(crate) recipients: Vec<Rcpt>,
    /// Deliveries under way.
    pub(crate) flying: usize,
    /// Its place in [`Index::due`].
    pub(crate) due: Option<Timestamp>,
}

impl Out {
    pub(crate) fn is_over(&self) -> bool {
        self.recipients.iter().all(Rcpt::is_over)
    }

    /// When it is to be tried, or a report about it is to be written, next.
    pub(crate) fn next_try(&self) -> Option<Timestamp> {
        self.recipients.iter().filter(|rcpt| matches!(rcpt.fate, Fate::Waiting | Fate::Relaying)).map(|rcpt| rcpt.next_try).min()
    }
}

/// Content of fresh mail, and the lease on the cache that it lies in.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) contents: Vec<Bytes>,
    pub(crate) _lease: MemoryLease,
}

/// One committed plan that is not done.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) record: RecordId,
    pub(crate) state_record: Option<RecordId>,
    pub(crate) received: Timestamp,
    /// Emptied when they are applied.
    pub(crate) effects: Vec<Effect>,
    pub(crate) effects_done: bool,
    pub(crate) held: bool,
    /// The client has read the reply.
    pub(crate) confirmed: bool,
    pub(crate) outputs: Vec<Out>,
    pub(crate) cached: Option<Cached>,
}

impl Mail {
    pub(crate) fn is_over(&self) -> bool {
        self.effects_done && self.outputs.iter().all(Out::is_over)
    }

    /// True if this output may leave now, as far as holding and effects go.
    pub(crate) fn may_leave(&self, output: usize) -> bool {
        let waits = self.outputs.get(output).is_some_and(|out| out.waits_for.is_some());
        !self.held && (self.effects_done || !waits)
    }
}

/// All mails that are not done.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) mails: HashMap<TraceId, Mail>,
    ages: BTreeSet<(Timestamp, TraceId)>,
    due: BTreeSet<(Timestamp, TraceId, usize)>,
}

impl Index {
    pub(crate) fn insert(&mut self, trace: TraceId, mail: Mail) {
        self.ages.insert((mail.received, trace));
        self.mails.insert(trace, mail);
    }

    pub(crate) fn remove(&mut self, trace: TraceId) -> Option<Mail> {
        let mail = self.mails.remove(&trace)?;
        self.ages.remove(&(mail.received, trace));
        for (number, out) in mail.outputs.iter().enumerate() {
            if let Some(at) = out.due {
                self.due.remove(&(at, trace, number));
            }
        }
        Some(mail)
    }

    /// Since when the oldest waits.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.ages.first().map(|(received, _)| *received)
    }

    /// All mails, oldest first.
    pub(crate) fn by_age(&self) -> impl Iterator<Item = TraceId> + '_ {
        self.ages.iter().map(|(_, trace)| *trace)
    }

    /// Puts an output at its place in time, or takes it out while it flies, is held, waits or is over.
    pub(crate) fn reschedule(&mut self, trace: TraceId, output: usize) {
        let Some(mail) = self.mails.get_mut(&trace) else { return };
        let may_leave = mail.may_leave(output);
        let Some(out) = mail.outputs.get_mut(output) else { return };
        let at = if out.flying == 0 && may_leave { out.next_try() } else { None };
        if let Some(old) = out.due.take() {
            self.due.remove(&(old, trace, output));
        }
        if let Some(at) = at {
            out.due = Some(at);
            self.due.insert((at, trace, output));
        }
    }

    /// Takes up to `most` outputs that are due.
    pub(crate) fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<(TraceId, usize)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some((at, trace, output)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            if let Some(out) = self.mails.get_mut(&trace).and_then(|mail| mail.outputs.get_mut(output)) {
                out.due = None;
                taken.push((trace, output));
            }
        }
        taken
    }

    /// When the next output is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _, _)| *at)
    }
}
