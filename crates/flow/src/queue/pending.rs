//! The queue's index in memory: metadata of every mail that is not done, and how it changes.
//!
//! Content is not here, but for fresh mail within a bounded cache. A mail that only waits is *at rest* (`rest`): a
//! string of octets, some 150 of them; it is *awake* while it is worked on. The index is behind one lock, held for
//! moments and never across an await. What is *due* is ordered by time; what *flies* is being delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use model::{Address, Effect, MemoryLease, Outcome, Output, Recipient, Return, Route, Site, Timestamp, TraceId};
use segments::RecordId;

use super::record::{RcptState, State};
use super::rest::Rest;

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

    fn restore(&mut self, stored: RcptState) {
        self.tries = stored.tries;
        self.next_try = stored.next_try;
        self.told = stored.told;
        self.fate = match (stored.over, stored.relayed) {
            (true, _) => Fate::Delivered,
            (false, true) => Fate::Relaying,
            (false, false) => self.fate,
        };
        let seen = |reply| match stored.relayed {
            true => Outcome::Done { reply },
            false => Outcome::NotDone { temporary: true, status: "4.0.0".to_owned(), reply, by: String::new() },
        };
        self.last = stored.last_error.map(seen);
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
    pub(crate) unproven: bool,
    pub(crate) inside: bool,
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

    /// True if a recipient's domain is ours no more, and what was opened for it has no way that it may take.
    pub(crate) fn is_stranded(&self, rcpt: &Rcpt, site: &Site) -> bool {
        self.opened && self.inside && self.route == Route::Usual && !site.is_managed(&rcpt.recipient.address)
    }

    /// When it is to be tried, or a report about it is to be written, next.
    pub(crate) fn next_try(&self) -> Option<Timestamp> {
        self.recipients.iter().filter(|rcpt| matches!(rcpt.fate, Fate::Waiting | Fate::Relaying)).map(|rcpt| rcpt.next_try).min()
    }
}

/// What the record holds of an output's octets.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The mail as it is sent.
    pub(crate) content: Bytes,
    /// The header that reports bring back ([`model::Output::header`]).
    pub(crate) header: Bytes,
}

impl Stored {
    /// Of an output.
    pub(crate) fn of(output: &Output) -> Self {
        Self { content: output.content.clone(), header: output.header.clone() }
    }
}

/// Content of fresh mail, and the lease on the cache that it lies in.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) contents: Vec<Stored>,
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
    /// An administrator removes it; what flies ends first. The value: the sender is to be told. Not kept: after a crash in
    /// between it is held.
    pub(crate) removing: Option<bool>,
    /// The client has read the reply.
    pub(crate) confirmed: bool,
    pub(crate) outputs: Vec<Out>,
    pub(crate) cached: Option<Cached>,
    /// What `rest` says of its plan.
    pub(crate) summary: Bytes,
}

impl Mail {
    pub(crate) fn is_over(&self) -> bool {
        self.effects_done && self.has_ended()
    }

    /// True if every recipient is over: only effects may be left, and those are not an administrator's to hold or to take out.
    pub(crate) fn has_ended(&self) -> bool {
        self.outputs.iter().all(Out::is_over)
    }

    /// True if all that waits is stranded.
    pub(crate) fn is_stranded(&self, site: &Site) -> bool {
        let mut waiting = self.outputs.iter().flat_map(|out| out.recipients.iter().map(move |rcpt| (out, rcpt)));
        let mut waiting = waiting.by_ref().filter(|(_, rcpt)| rcpt.is_pending()).peekable();
        !self.flies() && waiting.peek().is_some() && waiting.all(|(out, rcpt)| out.is_stranded(rcpt, site))
    }

    /// True if something of it is being delivered.
    pub(crate) fn flies(&self) -> bool {
        self.outputs.iter().any(|out| out.flying > 0)
    }

    /// Nothing of it is under way.
    pub(crate) fn may_rest(&self) -> bool {
        // What is being told, or kept for telling, is known to an awake mail only.
        let quiet = |rcpt: &Rcpt| rcpt.fate != Fate::Failing && !rcpt.tell;
        let rests = |out: &Out| out.flying == 0 && out.recipients.iter().all(quiet);
        self.effects_done && self.cached.is_none() && self.removing.is_none() && self.outputs.iter().all(rests)
    }

    /// Takes over how far delivery had come.
    pub(crate) fn restore(&mut self, state: State) {
        self.held = state.held;
        self.confirmed = state.confirmed;
        if state.effects_done {
            self.effects = Vec::new();
            self.effects_done = true;
        }
        for (out, stored) in self.outputs.iter_mut().zip(state.outputs) {
            out.recipients.iter_mut().zip(stored).for_each(|(rcpt, stored)| rcpt.restore(stored));
        }
    }

    /// What would be tried after `latest` was dated by a clock that went wrong: it is due `now`.
    pub(crate) fn not_after(&mut self, latest: Timestamp, now: Timestamp) {
        for rcpt in self.outputs.iter_mut().flat_map(|out| &mut out.recipients).filter(|rcpt| rcpt.next_try > latest) {
            rcpt.next_try = now;
        }
    }

    /// True if this output may leave now, as far as holding and effects go.
    pub(crate) fn may_leave(&self, output: usize) -> bool {
        let waits = self.outputs.get(output).is_some_and(|out| out.waits_for.is_some());
        !self.held && (self.effects_done || !waits)
    }
}

/// A mail's place in the index.
enum Place {
    Rest(Rest),
    Awake(Box<Mail>),
}

struct Slot {
    /// See [`super::marks`].
    marks: u64,
    place: Place,
}

/// All mails that are not done, oldest first: trace ids grow with time.
#[derive(Default)]
pub(crate) struct Index {
    mails: BTreeMap<TraceId, Slot>,
    due: BTreeSet<(Timestamp, TraceId, u32)>,
}

impl Index {
    /// An index of what was found at the start, all at rest. `due`: places in time.
    pub(crate) fn of(mails: Vec<(TraceId, u64, Rest)>, due: Vec<(Timestamp, TraceId, u32)>) -> Self {
        // Both collect from sorted rows: that is quick, and packs the nodes.
        let slot = |(trace, marks, rest)| (trace, Slot { marks, place: Place::Rest(rest) });
        let (mails, due) = rayon::join(|| mails.into_iter().map(slot).collect(), || due.into_iter().collect());
        Self { mails, due }
    }

    /// A new mail, awake.
    pub(crate) fn insert(&mut self, trace: TraceId, marks: u64, mail: Mail) {
        self.mails.insert(trace, Slot { marks, place: Place::Awake(Box::new(mail)) });
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.mails.len()
    }

    /// How many are awake.
    #[cfg(test)]
    pub(crate) fn awake(&self) -> usize {
        self.mails.values().filter(|slot| matches!(slot.place, Place::Awake(_))).count()
    }

    /// How many are on the shelf.
    #[cfg(test)]
    pub(crate) fn shelved(&self) -> usize {
        self.mails.values().filter(|slot| matches!(slot.place, Place::Rest(Rest::Shelved { .. }))).count()
    }

    /// The mail, to be worked on; it stays awake until [`Index::rest`].
    pub(crate) fn wake(&mut self, trace: TraceId) -> Option<&mut Mail> {
        let Self { mails, due } = self;
        let slot = mails.get_mut(&trace)?;
        if let Place::Rest(rest) = &slot.place {
            slot.place = Place::Awake(Box::new(woken(rest, trace, due)?));
        }
        match &mut slot.place {
            Place::Awake(mail) => Some(mail),
            Place::Rest(_) => None,
        }
    }

    /// An output of a mail, to be worked on.
    pub(crate) fn output(&mut self, trace: TraceId, output: usize) -> Option<&mut Out> {
        self.wake(trace)?.outputs.get_mut(output)
    }

    /// Looks at a mail without waking it.
    pub(crate) fn peek<T>(&self, trace: TraceId, look: impl FnOnce(&Mail) -> T) -> Option<T> {
        match &self.mails.get(&trace)?.place {
            Place::Awake(mail) => Some(look(mail)),
            Place::Rest(rest) => woken(rest, trace, &self.due).map(|mail| look(&mail)),
        }
    }

    /// Lets a mail go to rest if nothing of it flies, its effects are applied and no content is kept for it.
    pub(crate) fn rest(&mut self, trace: TraceId) {
        let Some(slot) = self.mails.get_mut(&trace) else { return };
        if let Place::Awake(mail) = &slot.place
            && mail.may_rest()
        {
            slot.place = Place::Rest(Rest::of(trace, mail));
        }
    }

    pub(crate) fn remove(&mut self, trace: TraceId) -> Option<Mail> {
        self.wake(trace)?;
        let Place::Awake(mail) = self.mails.remove(&trace)?.place else { return None };
        for (number, out) in (0..).zip(&mail.outputs) {
            if let Some(at) = out.due {
                self.due.remove(&(at, trace, number));
            }
        }
        Some(*mail)
    }

    /// Gives the next mails behind `after` (`None`: from the first) octets of their own, at most so many; where to go on.
    pub(crate) fn own(&mut self, after: Option<TraceId>, most: usize) -> Option<TraceId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (seen, (trace, slot)) in (1..).zip(self.mails.range_mut((from, Bound::Unbounded))) {
            if let Place::Rest(rest) = &mut slot.place {
                rest.leave_shelf();
            }
            if seen >= most {
                return Some(*trace);
            }
        }
        None
    }

    /// When the oldest came.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        match &self.mails.first_key_value()?.1.place {
            Place::Awake(mail) => Some(mail.received),
            Place::Rest(rest) => rest.received(),
        }
    }

    /// The next mails behind `after` (`None`: from the first) that have all of `marks`: up to `enough` of the next `most`.
    /// Second: where to go on; `None` at the end.
    pub(crate) fn marked(&self, after: Option<TraceId>, marks: u64, enough: usize, most: usize) -> (Vec<TraceId>, Option<TraceId>) {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        for (seen, (trace, slot)) in (1..).zip(self.mails.range((from, Bound::Unbounded))) {
            if slot.marks & marks == marks {
                found.push(*trace);
            }
            if seen == most || found.len() == enough {
                return (found, Some(*trace));
            }
        }
        (found, None)
    }

    /// Puts an output at its place in time, or takes it out while it flies, is held, waits or is over.
    pub(crate) fn reschedule(&mut self, trace: TraceId, output: usize) {
        let Ok(number) = u32::try_from(output) else { return };
        let Some(mail) = self.wake(trace) else { return };
        let may_leave = mail.may_leave(output);
        let Some(out) = mail.outputs.get_mut(output) else { return };
        let at = if out.flying == 0 && may_leave { out.next_try() } else { None };
        let old = std::mem::replace(&mut out.due, at);
        if let Some(old) = old {
            self.due.remove(&(old, trace, number));
        }
        if let Some(at) = at {
            self.due.insert((at, trace, number));
        }
    }

    /// [`Index::reschedule`] for all outputs of a mail, which may rest then.
    pub(crate) fn reschedule_all(&mut self, trace: TraceId) {
        let outputs = self.wake(trace).map_or(0, |mail| mail.outputs.len());
        (0..outputs).for_each(|output| self.reschedule(trace, output));
        self.rest(trace);
    }

    /// Takes up to `most` outputs that are due.
    pub(crate) fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<(TraceId, usize)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some((at, trace, number)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            let output = number as usize;
            match self.mails.get_mut(&trace).map(|slot| &mut slot.place) {
                Some(Place::Awake(mail)) => {
                    let Some(out) = mail.outputs.get_mut(output) else { continue };
                    out.due = None;
                    taken.push((trace, output));
                }
                // At rest it has no place in time but the one that was just taken.
                Some(Place::Rest(_)) => taken.push((trace, output)),
                None => {}
            }
        }
        taken
    }

    /// When the next output is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _, _)| *at)
    }
}

fn woken(rest: &Rest, trace: TraceId, due: &BTreeSet<(Timestamp, TraceId, u32)>) -> Option<Mail> {
    let mail = rest.wake(trace, due);
    if mail.is_none() {
        tracing::error!(event = "queue.unreadable", %trace, "what the index holds of a mail can't be read; a restart reads it again");
    }
    mail
}
