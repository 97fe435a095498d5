//! Devices that loop: too many requests, or one User-Agent after the other (mobile-gateway.md G-9).
//!
//! Comes after a request is identified, before black and white list, for whitelisted devices too. A device beyond its pace is
//! slowed (503 with `Retry-After`); one that goes on all the same is blocked for a while with reason `loop`. What is counted
//! belongs to a device *at one network*: nobody has shown a password yet, and a stranger elsewhere must not be able to shut a
//! phone out by asking in its name. Bounded: who asked longest ago is forgotten first.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use parking_lot::Mutex;

use crate::identify::Asked;

/// When a device loops.
#[derive(Debug, Clone, Copy)]
pub struct PaceSettings {
    /// What is counted is counted within this time.
    pub window: Duration,
    /// More requests in a window are slowed; 0: nothing is counted.
    pub requests: u32,
    /// More changes of the User-Agent in a window are slowed.
    pub agents: u32,
    /// So many requests that were slowed in one window block the device.
    pub patience: u32,
    /// For so long.
    pub block: Duration,
    /// Devices that are counted at once.
    pub devices: u64,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            requests: 600,
            agents: 20,
            patience: 300,
            block: Duration::from_secs(600),
            devices: 200_000,
        }
    }
}

/// What a request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Go on.
    Fine,
    /// Too fast: come back later.
    Slow,
    /// It loops: blocked for now.
    Loop,
}

#[derive(Debug, Default)]
struct Track {
    since: i64,
    requests: u32,
    agent: u64,
    changes: u32,
    slowed: u32,
    blocked_until: i64,
}

/// The pace of all devices at this node.
#[derive(Debug)]
pub(crate) struct Paces {
    settings: PaceSettings,
    known: Cache<u64, Arc<Mutex<Track>>>,
    hasher: RandomState,
}

impl Paces {
    pub(crate) fn new(settings: PaceSettings) -> Self {
        let known = Cache::builder()
            .max_capacity(settings.devices)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(settings.window.max(settings.block))
            .build();
        Self { settings, known, hasher: RandomState::new() }
    }

    /// Counts one request. One without a device (OPTIONS) is counted for its user.
    pub(crate) fn see(&self, asked: &Asked, now: Timestamp) -> Pace {
        if self.settings.requests == 0 {
            return Pace::Fine;
        }
        let key = self.hasher.hash_one((&asked.user, &asked.device, network(asked.client)));
        let track = self.known.get_with(key, Arc::default);
        let mut track = track.lock();
        track.see(self.hasher.hash_one(&asked.agent), now.0, &self.settings)
    }
}

impl Track {
    fn see(&mut self, agent: u64, now: i64, settings: &PaceSettings) -> Pace {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        if now < self.blocked_until {
            return Pace::Loop;
        }
        // A clock that was set back begins a new window too.
        if self.since == 0 || now < self.since || now - self.since >= micros(settings.window) {
            *self = Self { since: now, agent, ..Self::default() };
        }
        self.requests = self.requests.saturating_add(1);
        if self.agent != agent {
            self.agent = agent;
            self.changes = self.changes.saturating_add(1);
        }
        if self.requests <= settings.requests && self.changes <= settings.agents {
            return Pace::Fine;
        }
        self.slowed = self.slowed.saturating_add(1);
        if self.slowed <= settings.patience {
            return Pace::Slow;
        }
        self.blocked_until = now.saturating_add(micros(settings.block));
        Pace::Loop
    }
}

/// The network that an address stands for: itself, or its /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((u128::from(six) & !u128::from(u64::MAX)).into()),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const SETTINGS: PaceSettings =
        PaceSettings { window: Duration::from_secs(60), requests: 5, agents: 2, patience: 3, block: Duration::from_secs(600), devices: 10 };

    /// One request each second, all alike, beginning at this second.
    fn run(track: &mut Track, from: i64, count: i64) -> String {
        let see = |n| match track.see(1, (from + n) * SECOND, &SETTINGS) {
            Pace::Fine => '.',
            Pace::Slow => 's',
            Pace::Loop => 'L',
        };
        (0..count).map(see).collect()
    }

    #[test]
    fn g_9_a_loop_is_slowed_then_blocked_for_a_while() {
        let mut track = Track::default();
        assert_eq!(run(&mut track, 1, 10), ".....sssLL");
        assert_eq!(run(&mut track, 608, 1), "L", "for ten minutes from the first");
        assert_eq!(run(&mut track, 609, 5), ".....");
        assert_eq!(run(&mut Track::default(), 1, 7), ".....ss");
    }

    #[test]
    fn g_9_who_keeps_to_the_pace_is_never_slowed() {
        let mut track = Track::default();
        for minute in 0..100 {
            assert_eq!(run(&mut track, 1 + minute * 60, 5), ".....");
        }
    }

    #[test]
    fn g_9_changing_agents_are_a_loop_too() {
        let mut track = Track::default();
        let seen: Vec<_> = (0..8).map(|n| track.see(u64::from(n % 2 == 0), SECOND * (1 + i64::from(n)), &SETTINGS)).collect();
        assert_eq!(seen[..4], [Pace::Fine, Pace::Fine, Pace::Fine, Pace::Slow]);
        assert_eq!(seen[7], Pace::Loop);
    }

    #[test]
    fn x_16_a_network_is_an_address_or_a_64() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
