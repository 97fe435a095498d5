//! Mail by hour since this node started, for the home page's chart.
//!
//! Made of the live counts as they grow; in memory only, because statistics by time are another feature and the
//! counts themselves are exact in the store. `keep` is run by the program; reading a page notes the counts too.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Actor, Counter, Timestamp};
use parking_lot::Mutex;

use crate::state::ConsoleState;

/// Hours that are kept.
const HOURS: usize = 24;
/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// The last hours.
#[derive(Debug, Default)]
pub struct History(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Received and sent when last looked at.
    last: Option<(i64, i64)>,
    /// Hour since 1970, received and sent in it; oldest first, without gaps.
    hours: VecDeque<(i64, i64, i64)>,
}

impl History {
    /// Notes the counts as they are now; what is new since the last time happened in this hour.
    pub fn note(&self, now: Timestamp, received: i64, sent: i64) {
        let mut kept = self.0.lock();
        let (before_received, before_sent) = kept.last.replace((received, sent)).unwrap_or((received, sent));
        let hour = now.0.div_euclid(HOUR);
        let from = kept.hours.back().map_or(hour, |(last, ..)| (last + 1).max(hour - HOURS as i64));
        for missing in from..=hour {
            kept.hours.push_back((missing, 0, 0));
        }
        if let Some(present) = kept.hours.back_mut() {
            present.1 += (received - before_received).max(0);
            present.2 += (sent - before_sent).max(0);
        }
        while kept.hours.len() > HOURS {
            kept.hours.pop_front();
        }
    }

    /// The hours as the chart shows them: `HH` in UTC, received, sent.
    #[must_use]
    pub fn hours(&self) -> Vec<(String, i64, i64)> {
        self.0.lock().hours.iter().map(|(hour, received, sent)| (format!("{:02}", hour.rem_euclid(24)), *received, *sent)).collect()
    }
}

/// Notes the counts every `every`, for ever; the program stops it with the node.
pub async fn keep(state: ConsoleState, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        // While the store is away the hour's mail is noted when it is back.
        if let Ok(counts) = state.admin().counts(&Actor::local()).await {
            let of = |counter: Counter| counts.mail.iter().find(|(name, _)| *name == counter.name()).map_or(0, |(_, value)| *value);
            state.history().note(state.kit().now(), of(Counter::MailReceived), of(Counter::MailSent));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_in_its_hour_and_gaps_are_empty_hours() {
        let history = History::default();
        let hour = |n: i64| Timestamp(n * HOUR + 5);
        history.note(hour(10), 100, 50);
        history.note(hour(10), 103, 50);
        history.note(hour(12), 104, 60);
        assert_eq!(history.hours(), [("10".to_owned(), 3, 0), ("11".to_owned(), 0, 0), ("12".to_owned(), 1, 10)]);
        history.note(hour(12), 4, 1);
        assert_eq!(history.hours().last().unwrap().1, 1, "a store that was put back makes nothing negative");
        history.note(hour(500), 4, 1);
        assert_eq!(history.hours().len(), 24);
        history.note(hour(3), 5, 1);
        assert_eq!(history.hours().len(), 24, "a clock that goes back adds nothing");
    }
}
