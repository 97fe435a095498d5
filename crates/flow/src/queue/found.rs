//! What the segments hold, sorted by what it is and whose: the first half of a start.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use model::format::FormatError;
use model::{Fault, Guilty, TraceId};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;
use segments::{Kind, Live, RecordId, Segments, Summary};

use super::built::Built;
use super::record::{self, About, RecordError, StoredReply, Summaries};
use super::rest;
use super::shelf::{FoundPlan, FoundState, Shelf};
use super::times::Scale;

/// Fewer records than this are not worth another thread.
const PART: usize = 4096;

/// What the segments hold.
#[derive(Default)]
pub(crate) struct Found {
    plans: Vec<FoundPlan>,
    states: Vec<FoundState>,
    replies: Vec<(RecordId, StoredReply)>,
    abouts: HashMap<TraceId, Vec<About>>,
}

impl Found {
    /// Takes note of all records that live.
    pub(crate) fn all(segments: &Segments, mut live: Vec<Live>) -> Result<Self, Fault> {
        let (plans, all) = (plans_of(&live), live.len());
        let take = |(number, live): (usize, &mut [Live])| {
            // Room once, and in the first part for all: with millions, lists that grow cost more than reading them.
            let (plans, all) = if number == 0 { (plans, all) } else { (plans_of(live), live.len()) };
            let mut found = Self { plans: Vec::with_capacity(plans), states: Vec::with_capacity(all - plans), ..Self::default() };
            live.iter_mut().try_for_each(|live| found.take(segments, live)).map(|()| found)
        };
        let share = live.len().div_ceil(rayon::current_num_threads()).max(PART);
        let parts: Vec<Self> = live.par_chunks_mut(share).enumerate().map(take).collect::<Result<_, Fault>>()?;
        Ok(parts.into_iter().reduce(Self::and).unwrap_or_default())
    }

    fn and(mut self, other: Self) -> Self {
        rayon::join(|| self.plans.extend(other.plans), || self.states.extend(other.states));
        self.replies.extend(other.replies);
        for (trace, abouts) in other.abouts {
            self.abouts.entry(trace).or_default().extend(abouts);
        }
        self
    }

    /// Takes note of one record; its summary is taken away.
    fn take(&mut self, segments: &Segments, live: &mut Live) -> Result<(), Fault> {
        let (id, kind, summary) = (live.id, live.kind, std::mem::take(&mut live.summary));
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
    pub(crate) fn build(self, scale: Scale) -> Built {
        let Self { mut plans, mut states, replies, abouts } = self;
        rayon::join(
            || plans.par_sort_unstable_by_key(|plan| (plan.trace, plan.record)),
            || states.par_sort_unstable_by_key(|state| (state.trace, state.record)),
        );
        let shelf = Arc::new(Shelf { plans, states });
        let parts = shelf.parts(PART, rayon::current_num_threads());
        let build = |part| Built::part(&shelf, part, &abouts, scale);
        let built: Vec<Built> = parts.into_par_iter().map(build).collect();
        let mut all = built.into_iter().reduce(Built::and).unwrap_or_default();
        all.replied = replies;
        all.scale = scale;
        all.due.par_sort_unstable();
        all.shelf = Some(shelf);
        all
    }
}

fn plans_of(live: &[Live]) -> usize {
    live.iter().filter(|live| live.kind == record::PLAN).count()
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
