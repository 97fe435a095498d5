//! Time as a parameter: no room reads the system's clock on its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z, as stored in every table and record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant and `duration` later; saturates.
    #[must_use]
    pub fn after(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// RFC 3339 in UTC, to the second: `2026-11-21T21:44:34Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.seconds()).map_or_else(|_| self.0.to_string(), |t| t.to_string())
    }

    /// Reads RFC 3339: `2026-11-21T21:44:34Z`, or with an offset.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.trim().parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_microsecond()))
    }

    /// RFC 5322 §3.3 date-time in UTC: `Sat, 21 Nov 2026 21:44:34 +0000`.
    #[must_use]
    pub fn rfc5322(self) -> String {
        jiff::Timestamp::from_second(self.seconds())
            .ok()
            .and_then(|t| jiff::fmt::rfc2822::to_string(&t.to_zoned(jiff::tz::TimeZone::UTC)).ok())
            .unwrap_or_default()
    }
}

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that never goes back: it follows another one, and where that one is set back it goes on at its own pace until the other has caught up.
/// For what waits: a wait must not grow by as much as somebody has corrected the machine's time.
pub struct SteadyClock {
    wall: Arc<dyn Clock>,
    start: Instant,
    /// Microseconds from the start's elapsed time to this clock's: the most that was ever seen.
    offset: AtomicI64,
}

impl SteadyClock {
    /// Follows `wall`.
    #[must_use]
    pub fn over(wall: Arc<dyn Clock>) -> Self {
        let offset = AtomicI64::new(wall.now().0);
        Self { wall, start: Instant::now(), offset }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        let seen = self.wall.now().0.saturating_sub(elapsed);
        let most = self.offset.fetch_max(seen, Ordering::Relaxed).max(seen);
        Timestamp(most.saturating_add(elapsed))
    }
}

/// A clock that stands still until it is set: for tests and for replays of a past decision.
#[derive(Debug, Default)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at `at`.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Sets it, also back.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }

    /// Moves the hand forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.store(self.now().after(by).0, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_follows_forward_and_never_back() {
        let hour = std::time::Duration::from_secs(3_600);
        let wall = Arc::new(FixedClock::new(Timestamp(1_000_000_000_000)));
        let steady = SteadyClock::over(wall.clone());
        let first = steady.now();
        assert!(first >= wall.now());
        wall.set(Timestamp(5));
        let second = steady.now();
        assert!(second >= first && second < first.after(hour));
        wall.set(first.after(hour));
        assert!(steady.now() >= first.after(hour));
    }

    #[test]
    fn dates_read_as_the_standards_write_them() {
        let at = Timestamp(1_795_297_474_000_000);
        assert_eq!(at.rfc3339(), "2026-11-21T21:44:34Z");
        assert_eq!(at.rfc5322(), "Sat, 21 Nov 2026 21:44:34 +0000");
        assert_eq!(at.since(at.after(std::time::Duration::from_secs(1))), std::time::Duration::ZERO);
    }
}
