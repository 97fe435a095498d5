//! What a start found, as it stands in the indexes of the segments.
//!
//! Copying the octets of a million mails is a third of a start. So mails at rest first stay on the *shelf*: the octets of
//! the indexes themselves, sorted. While the queue works already, each gets octets of its own, a few at a time, and then the shelf
//! goes as a whole: one mail that waits for days must not keep the index of a segment in memory.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use model::TraceId;
use segments::RecordId;

use super::core::Core;

/// Mails that get octets of their own at a time: the index is locked as long.
const AT_A_TIME: usize = 250;

/// A plan by its summary.
pub(crate) struct FoundPlan {
    pub(crate) trace: TraceId,
    pub(crate) record: RecordId,
    pub(crate) summary: Bytes,
}

/// A state of a plan.
pub(crate) struct FoundState {
    pub(crate) trace: TraceId,
    pub(crate) record: RecordId,
    pub(crate) octets: Bytes,
}

/// Plans and states, each sorted by trace and then by record.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) plans: Vec<FoundPlan>,
    pub(crate) states: Vec<FoundState>,
}

/// Some of the plans, and the states of their traces.
pub(crate) struct Part {
    pub(crate) plans: Range<usize>,
    pub(crate) states: Range<usize>,
}

impl Shelf {
    /// Cuts the shelf between traces, in at least so many plans each and at most so many parts.
    pub(crate) fn parts(&self, least: usize, most: usize) -> Vec<Part> {
        let share = self.plans.len().div_ceil(most.max(1)).max(least.max(1));
        let (mut plan, mut state) = (0, 0);
        let mut parts = Vec::new();
        while let Some(next) = self.plans.get(plan + share).map(|plan| plan.trace) {
            let plans = plan..self.plans.partition_point(|plan| plan.trace < next);
            let states = state..self.states.partition_point(|state| state.trace < next);
            if plans.is_empty() {
                break;
            }
            (plan, state) = (plans.end, states.end);
            parts.push(Part { plans, states });
        }
        parts.push(Part { plans: plan..self.plans.len(), states: state..self.states.len() });
        parts
    }
}

impl Core {
    /// Gives each mail on the shelf octets of its own.
    pub(crate) async fn clear_shelf(self: Arc<Self>) {
        let Some(shelf) = self.shelf.lock().take() else { return };
        let mut after = None;
        while !self.is_stopping() {
            after = self.index.lock().own(after, AT_A_TIME);
            if after.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        // Giving back so much memory takes its time.
        rayon::spawn(move || drop(shelf));
    }
}
