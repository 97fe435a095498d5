//! Lost 250: a reply that its client may not have read is remembered, so that the retry is not a double.
//!
//! A committed digest counts as unconfirmed until the session says that the client went on (it sent another
//! command after our reply). While the mail's plan lives, the plan is the memory; when it is released first,
//! a small record of its own takes over, so that a kill or the forgetting of the segment changes nothing
//! (Promise 8). After a day it is forgotten.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use model::{Timestamp, TraceId};
use segments::RecordId;

/// Most replies that are remembered; the oldest goes first.
const MOST: usize = 100_000;

struct Reply {
    trace: TraceId,
    at: Timestamp,
    record: Option<RecordId>,
}

/// What a commit finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nobody has committed this: go on, then [`Replies::committed`] or [`Replies::failed`].
    Nothing,
    /// It is being committed right now.
    Underway,
    /// It was committed, and the reply may not have been read.
    Known(TraceId),
}

/// All unconfirmed replies. Each trace in `by_trace` has its place in `ages`, and each digest names one trace
/// of `by_trace`: when a digest comes again, its older trace goes first.
#[derive(Default)]
pub(crate) struct Replies {
    by_digest: HashMap<String, Reply>,
    by_trace: HashMap<TraceId, (String, Timestamp)>,
    ages: BTreeSet<(Timestamp, TraceId)>,
    underway: HashSet<String>,
}

impl Replies {
    pub(crate) fn known(&self, digest: &str) -> Option<TraceId> {
        self.by_digest.get(digest).map(|reply| reply.trace)
    }

    pub(crate) fn begin(&mut self, digest: &str) -> Before {
        match self.known(digest) {
            Some(trace) => Before::Known(trace),
            None if self.underway.insert(digest.to_owned()) => Before::Nothing,
            None => Before::Underway,
        }
    }

    pub(crate) fn failed(&mut self, digest: &str) {
        self.underway.remove(digest);
    }

    /// Remembers a reply; returns records of replies that are forgotten for it. A digest that is known under an
    /// older trace belongs to the newer one from now on: the older reply must have been read, else the newer
    /// mail would not have been taken.
    pub(crate) fn committed(&mut self, digest: String, trace: TraceId, at: Timestamp, record: Option<RecordId>) -> Vec<RecordId> {
        self.underway.remove(&digest);
        let older = self.known(&digest);
        let mut gone: Vec<RecordId> = older.into_iter().chain([trace]).filter_map(|trace| self.forget(trace).flatten()).collect();
        self.by_trace.insert(trace, (digest.clone(), at));
        self.by_digest.insert(digest, Reply { trace, at, record });
        self.ages.insert((at, trace));
        while self.by_digest.len() > MOST
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            gone.extend(self.forget(oldest).flatten());
        }
        gone
    }

    /// The client has read it (or its time is over). `Some` if it was unconfirmed, with its own record if it has one.
    pub(crate) fn forget(&mut self, trace: TraceId) -> Option<Option<RecordId>> {
        let (digest, at) = self.by_trace.remove(&trace)?;
        self.ages.remove(&(at, trace));
        match self.by_digest.entry(digest) {
            Entry::Occupied(reply) if reply.get().trace == trace => Some(reply.remove().record),
            _ => None,
        }
    }

    /// What must be written when the plan of `trace` is released: digest and time, if the reply is unconfirmed.
    pub(crate) fn outlives(&self, trace: TraceId) -> Option<(String, Timestamp)> {
        let (digest, _) = self.by_trace.get(&trace)?;
        let reply = self.by_digest.get(digest).filter(|reply| reply.trace == trace && reply.record.is_none())?;
        Some((digest.clone(), reply.at))
    }

    /// The reply has its own record now.
    pub(crate) fn kept_in(&mut self, trace: TraceId, record: RecordId) {
        if let Some(reply) = self.by_trace.get(&trace).and_then(|(digest, _)| self.by_digest.get_mut(digest)) {
            reply.record = Some(record);
        }
    }

    /// Forgets all from before `limit`; returns their records.
    pub(crate) fn expire(&mut self, limit: Timestamp) -> Vec<RecordId> {
        let mut gone = Vec::new();
        while self.ages.first().is_some_and(|(at, _)| *at < limit)
            && let Some((_, trace)) = self.ages.pop_first()
        {
            gone.extend(self.forget(trace).flatten());
        }
        gone
    }

    pub(crate) fn count(&self) -> usize {
        self.by_digest.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    #[test]
    fn promise_8_the_same_digest_under_two_traces_is_one_reply_and_expires() {
        let (mut replies, first, second) = (Replies::default(), TraceId::new(), TraceId::new());
        assert_eq!(replies.committed("d".into(), first, at(1), Some(RecordId(7))), []);
        assert_eq!(replies.committed("d".into(), second, at(2), None), [RecordId(7)], "the older one's record goes");
        assert_eq!((replies.known("d"), replies.count()), (Some(second), 1));
        assert_eq!(replies.forget(first), None, "the older trace takes nothing of the newer one");
        assert_eq!(replies.outlives(second), Some(("d".into(), at(2))));
        assert_eq!(replies.expire(at(10)), []);
        assert_eq!((replies.known("d"), replies.count()), (None, 0));
        assert!(replies.ages.is_empty() && replies.by_trace.is_empty(), "nothing is left that could be looked at for ever");
    }

    #[test]
    fn a_plan_and_its_reply_record_are_one_reply() {
        let (mut replies, trace) = (Replies::default(), TraceId::new());
        replies.committed("d".into(), trace, at(1), None);
        assert_eq!(replies.committed("d".into(), trace, at(2), Some(RecordId(9))), []);
        assert_eq!(replies.ages.len(), 1);
        assert_eq!(replies.forget(trace), Some(Some(RecordId(9))));
        assert!(replies.ages.is_empty());
    }

    #[test]
    fn the_oldest_of_too_many_goes_first() {
        let mut replies = Replies::default();
        let traces: Vec<TraceId> = (0..=MOST).map(|_| TraceId::new()).collect();
        let mut gone = Vec::new();
        for (n, trace) in traces.iter().enumerate() {
            gone.extend(replies.committed(n.to_string(), *trace, at(n as i64), Some(RecordId(n as u64))));
        }
        assert_eq!((gone, replies.count(), replies.known("0")), (vec![RecordId(0)], MOST, None));
    }
}
