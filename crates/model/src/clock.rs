//! Time as a parameter: no room reads the system's clock on its own.

use std::sync::OnceLock;
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

    /// This instant and so many microseconds later, or earlier; saturates.
    #[must_use]
    pub const fn moved(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// So many whole seconds after 1970; saturates.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
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

/// Where "now" comes from: two readings of one time.
///
/// The wall clock is what people and other machines know; an administrator or a time server may set it by days. What waits, or is
/// counted by its age, asks the steady reading, or a step back would stall it and a step forward end it.
pub trait Clock: Send + Sync {
    /// The present instant by the wall clock: for what is written down, shown, or compared with other machines' time.
    fn now(&self) -> Timestamp;

    /// The present instant on a scale that no step of the wall clock moves: it began with the wall clock's time and goes at its own
    /// pace. Means nothing after a restart.
    fn steady(&self) -> Timestamp {
        self.now()
    }

    /// How far the wall clock was set, in microseconds, since the steady reading began: what is added to a steady instant to
    /// write it down. Less than a second is none: two clocks are never read at one instant.
    fn drift(&self) -> i64 {
        let drift = self.now().0.saturating_sub(self.steady().0);
        if drift.abs() < 1_000_000 { 0 } else { drift }
    }
}

/// The system's clock. Its steady reading is the process's: the kernel's monotonic clock from the first look on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

static ANCHOR: OnceLock<(Instant, Timestamp)> = OnceLock::new();

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }

    fn steady(&self) -> Timestamp {
        let (start, wall) = ANCHOR.get_or_init(|| (Instant::now(), self.now()));
        wall.after(start.elapsed())
    }
}

/// A clock that stands still until it is set: for tests and for replays of a past decision.
#[derive(Debug, Default)]
pub struct FixedClock {
    wall: AtomicI64,
    steps: AtomicI64,
}

impl FixedClock {
    /// Stands at `at`.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self { wall: AtomicI64::new(at.0), steps: AtomicI64::new(0) }
    }

    /// Sets it, also back, as if that much time had gone by.
    pub fn set(&self, at: Timestamp) {
        self.wall.store(at.0, Ordering::SeqCst);
    }

    /// Moves the hand forward: time goes by.
    pub fn advance(&self, by: std::time::Duration) {
        self.wall.store(self.now().after(by).0, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock: no time goes by.
    pub fn step(&self, micros: i64) {
        self.wall.fetch_add(micros, Ordering::SeqCst);
        self.steps.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Timestamp {
        self.now().moved(-self.steps.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steady_reading_does_not_follow_a_step() {
        let (hour, start) = (std::time::Duration::from_secs(3_600), Timestamp(1_000_000_000_000));
        let clock = FixedClock::new(start);
        clock.step(-5_000_000);
        clock.advance(hour);
        assert_eq!((clock.now(), clock.steady()), (start.after(hour).moved(-5_000_000), start.after(hour)));
        assert_eq!(clock.steady().moved(clock.drift()), clock.now());
        let first = SystemClock.steady();
        assert!(SystemClock.steady() >= first && SystemClock.drift().abs() < 60_000_000);
    }

    #[test]
    fn dates_read_as_the_standards_write_them() {
        let at = Timestamp(1_795_297_474_000_000);
        assert_eq!(at.rfc3339(), "2026-11-21T21:44:34Z");
        assert_eq!(at.rfc5322(), "Sat, 21 Nov 2026 21:44:34 +0000");
        assert_eq!(at.since(at.after(std::time::Duration::from_secs(1))), std::time::Duration::ZERO);
    }
}
