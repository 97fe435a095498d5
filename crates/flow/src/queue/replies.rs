//! Lost 250: a reply that its client may not have read is remembered, so that the retry is not a double.
//!
//! A committed digest counts as unconfirmed until the session says that the client went on (it sent another
//! command after our reply). While the mail's plan lives, the plan is the memory; when it is released first,
//! a small record of its own takes over, so that a kill or the forgetting of the segment changes nothing
//! (Promise 8). After a day it is forgotten.

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

/// All unconfirmed replies.
#[derive(Default)]
pub(crate) struct Replies {
    by_digest: HashMap<String, Reply>,
    by_trace: HashMap<TraceId, String>,
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

    /// Remembers a reply; returns records of replies that are forgotten for it.
    pub(crate) fn committed(&mut self, digest: String, trace: TraceId, at: Timestamp, record: Option<RecordId>) -> Vec<RecordId> {
        self.underway.remove(&digest);
        self.by_trace.insert(trace, digest.clone());
        self.by_digest.insert(digest, Reply { trace, at, record });
        self.ages.insert((at, trace));
        let mut gone = Vec::new();
        while self.by_digest.len() > MOST
            && let Some((_, oldest)) = self.ages.first().copied()
        {
            gone.extend(self.forget(oldest).flatten());
        }
        gone
    }

    /// The client has read it (or its time is over). `Some` if it was unconfirmed, with its own record if it has one.
    pub(crate) fn forget(&mut self, trace: TraceId) -> Option<Option<RecordId>> {
        let reply = self.by_digest.remove(&self.by_trace.remove(&trace)?)?;
        self.ages.remove(&(reply.at, trace));
        Some(reply.record)
    }

    /// What must be written when the plan of `trace` is released: digest and time, if the reply is unconfirmed.
    pub(crate) fn outlives(&self, trace: TraceId) -> Option<(String, Timestamp)> {
        let digest = self.by_trace.get(&trace)?;
        let reply = self.by_digest.get(digest).filter(|reply| reply.record.is_none())?;
        Some((digest.clone(), reply.at))
    }

    /// The reply has its own record now.
    pub(crate) fn kept_in(&mut self, trace: TraceId, record: RecordId) {
        if let Some(reply) = self.by_trace.get(&trace).and_then(|digest| self.by_digest.get_mut(digest)) {
            reply.record = Some(record);
        }
    }

    /// Forgets all from before `limit`; returns their records.
    pub(crate) fn expire(&mut self, limit: Timestamp) -> Vec<RecordId> {
        let mut gone = Vec::new();
        while let Some((at, trace)) = self.ages.first().copied()
            && at < limit
        {
            gone.extend(self.forget(trace).flatten());
        }
        gone
    }

    pub(crate) fn count(&self) -> usize {
        self.by_digest.len()
    }
}
