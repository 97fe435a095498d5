//! A queue made of what was found: the second half of a start. Each plan is joined with its newest state; what is quiet is put
//! to rest as it is, the others are woken.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Timestamp, TraceId};
use segments::RecordId;

use super::adopt;
use super::pending::{Fate, Mail};
use super::record::{About, StoredReply};
use super::replies::Replies;
use super::rest::{self, Rest};
use super::shelf::{FoundPlan, Part, Shelf};
use super::short;
use super::times::Scale;

/// What the queue is made of.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) resting: Vec<(TraceId, u64, Rest)>,
    pub(crate) due: Vec<(Timestamp, TraceId, u32)>,
    pub(crate) awake: Vec<(TraceId, u64, Mail)>,
    /// Replies that may be unconfirmed; of plans under the plan's id, without a record of their own.
    pub(crate) replied: Vec<(RecordId, StoredReply)>,
    of_plans: Vec<(RecordId, StoredReply)>,
    confirmed: Vec<TraceId>,
    pub(crate) scale: Scale,
    /// Where the octets of those that rest are.
    pub(crate) shelf: Option<Arc<Shelf>>,
    /// Records that no longer mean anything.
    pub(crate) stale: Vec<RecordId>,
}

impl Built {
    /// A part of the shelf.
    pub(crate) fn part(shelf: &Arc<Shelf>, part: Part, abouts: &HashMap<TraceId, Vec<About>>, scale: Scale) -> Self {
        let mut built = Self { scale, ..Self::default() };
        built.resting.reserve_exact(part.plans.len());
        built.due.reserve_exact(part.plans.len());
        let rows = shelf.states.get(part.states.clone()).unwrap_or_default();
        let mut states = part.states.zip(rows).peekable();
        let plans = shelf.plans.get(part.plans.clone()).unwrap_or_default();
        for (number, plan) in part.plans.zip(plans) {
            while let Some((_, orphan)) = states.next_if(|(_, state)| state.trace < plan.trace) {
                built.stale.push(orphan.record);
            }
            let mut newest = None;
            while let Some((number, state)) = states.next_if(|(_, state)| state.trace == plan.trace) {
                let older = newest.replace((number, state.record));
                built.stale.extend(older.map(|(_, record)| record));
            }
            let abouts = abouts.get(&plan.trace).map(Vec::as_slice).unwrap_or_default();
            built.add(shelf, (number, newest.map(|(number, _)| number)), abouts);
        }
        built.stale.extend(states.map(|(_, orphan)| orphan.record));
        built
    }

    /// Two parts, the one with the lower traces first.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.resting.extend(other.resting);
        self.due.extend(other.due);
        self.awake.extend(other.awake);
        self.of_plans.extend(other.of_plans);
        self.confirmed.extend(other.confirmed);
        self.stale.extend(other.stale);
        self
    }

    /// Adds a plan with its newest state, by their places on the shelf.
    fn add(&mut self, shelf: &Arc<Shelf>, (plan, state): (usize, Option<usize>), abouts: &[About]) {
        let Some(&FoundPlan { trace, record, ref summary }) = shelf.plans.get(plan) else { return };
        let number = state;
        let state = number.and_then(|number| shelf.states.get(number));
        let Some(front) = rest::front_of(summary) else { return };
        let octets: &[u8] = state.map(|state| state.octets.as_ref()).unwrap_or_default();
        let state_record = state.map(|state| state.record);
        let fits = |look: &rest::Look| self.scale.fits(front.received, &look.due);
        let look = rest::look(summary, octets).filter(|look| abouts.is_empty() && fits(look));
        let confirmed = match look {
            Some(look) => {
                if !look.held {
                    let due = (0..).zip(&look.due).filter_map(|(number, at)| at.map(|at| (at, trace, number)));
                    self.due.extend(due);
                }
                self.resting.push((trace, front.marks, Rest::shelved(shelf, plan, number)));
                look.confirmed
            }
            None => {
                let Some(mut mail) = rest::mail_of(record, summary) else { return unreadable(record) };
                mail.state_record = state_record;
                if !octets.is_empty() {
                    let Some(state) = rest::state_of(octets) else { return unreadable(record) };
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
        } else if let Some(digest) = short::digest_text(front.digest).filter(|digest| !digest.is_empty()) {
            let at = if adopt::is_mark(&digest) { front.received.after(adopt::MEMORY) } else { self.scale.past(front.received) };
            self.of_plans.push((record, StoredReply { digest, trace, at }));
        }
    }

    /// The unconfirmed replies, in the order of their records. What was confirmed before stays confirmed, else the next
    /// mail with the same bytes would get its 250 and not be queued.
    pub(crate) fn replies(&mut self) -> Replies {
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
