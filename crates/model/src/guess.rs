//! Guessing passwords: counted per account and per client network (security.md X-16).
//!
//! The console's forms and SMTP's AUTH count here, each by itself: what both say to a guesser is this one piece of arithmetic.
//! An attempt is counted before its password is checked, so that a thousand at once are a thousand; a success takes the
//! account's count back. Whoever is over the limit waits, twice as long with each further attempt. The answer never says
//! which of the two limits it was, nor whether the account exists. Soft state of this node, bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Timestamp;

/// The limits.
#[derive(Debug, Clone, Copy)]
pub struct GuessSettings {
    /// Attempts at one account before it waits.
    pub per_account: u32,
    /// Attempts from one IPv4 address or IPv6 /64 before it waits.
    pub per_network: u32,
    /// First wait.
    pub first_wait: Duration,
    /// Longest wait; after so long without an attempt all is forgotten.
    pub longest_wait: Duration,
    /// Most accounts and networks remembered.
    pub most: usize,
}

impl Default for GuessSettings {
    fn default() -> Self {
        Self {
            per_account: 5,
            per_network: 20,
            first_wait: Duration::from_secs(60),
            longest_wait: Duration::from_secs(3600),
            most: 100_000,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Network(u64, bool),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    attempts: u32,
    last: Timestamp,
}

/// The counts of this node.
#[derive(Debug)]
pub struct Guesses {
    settings: GuessSettings,
    counts: Mutex<HashMap<Who, Count>>,
}

impl Guesses {
    /// Nothing was guessed yet.
    #[must_use]
    pub fn new(settings: GuessSettings) -> Self {
        Self { settings, counts: Mutex::default() }
    }

    /// Counts an attempt; false if it must not be looked at. A refused attempt does not count further, so that who
    /// waits gets in again.
    #[must_use]
    pub fn attempt(&self, account: &str, client: IpAddr, now: Timestamp) -> bool {
        let account = Who::Account(account.trim().to_lowercase().chars().take(254).collect());
        let network = network(client);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= self.settings.most {
            let longest = self.settings.longest_wait;
            counts.retain(|_, count| now.since(count.last) < longest);
        }
        let limits = [(&account, self.settings.per_account), (&network, self.settings.per_network)];
        if limits.iter().any(|(who, limit)| self.settings.waits(counts.get(*who), *limit, now)) {
            return false;
        }
        if counts.len() >= self.settings.most {
            return false; // A flood of names: nobody gets in rather than everybody guessing.
        }
        for who in [account, network] {
            let count = counts.entry(who).or_insert(Count { attempts: 0, last: now });
            if now.since(count.last) >= self.settings.longest_wait {
                count.attempts = 0;
            }
            *count = Count { attempts: count.attempts.saturating_add(1), last: now };
        }
        true
    }

    /// The attempt was right: the account starts afresh, and this attempt is not held against the network.
    pub fn succeeded(&self, account: &str, client: IpAddr) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&Who::Account(account.trim().to_lowercase().chars().take(254).collect()));
        if let Some(count) = counts.get_mut(&network(client)) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }
}

impl GuessSettings {
    fn waits(&self, count: Option<&Count>, limit: u32, now: Timestamp) -> bool {
        let Some(count) = count.filter(|count| count.attempts >= limit) else { return false };
        let doublings = (count.attempts - limit).min(16);
        let wait = self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait);
        now.since(count.last) < wait
    }
}

/// An IPv4 address, or the /64 of an IPv6 address.
fn network(client: IpAddr) -> Who {
    match client.to_canonical() {
        IpAddr::V4(v4) => Who::Network(u64::from(v4.to_bits()), false),
        IpAddr::V6(v6) => Who::Network(u64::try_from(v6.to_bits() >> 64).unwrap_or(0), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn x_16_an_account_waits_longer_each_time() {
        let guesses = Guesses::new(GuessSettings::default());
        for n in 0..5 {
            assert!(guesses.attempt("Admin", ip(&format!("192.0.2.{n}")), NOW));
        }
        assert!(!guesses.attempt("admin ", ip("192.0.2.99"), NOW), "from anywhere, in any spelling");
        assert!(guesses.attempt("bob", ip("192.0.2.99"), NOW));
        let later = NOW.after(Duration::from_secs(61));
        assert!(guesses.attempt("admin", ip("192.0.2.99"), later));
        let still = later.after(Duration::from_secs(61));
        assert!(!guesses.attempt("admin", ip("192.0.2.99"), still), "two minutes now");
        assert!(guesses.attempt("admin", ip("192.0.2.99"), later.after(Duration::from_secs(121))));
    }

    #[test]
    fn x_16_a_network_is_a_64() {
        let guesses = Guesses::new(GuessSettings::default());
        for n in 0..20 {
            assert!(guesses.attempt(&format!("user{n}"), ip(&format!("2001:db8::{n:x}")), NOW));
        }
        assert!(!guesses.attempt("other", ip("2001:db8:0:0:ffff::1"), NOW));
        assert!(guesses.attempt("other", ip("2001:db8:0:1::1"), NOW));
    }

    #[test]
    fn success_starts_afresh() {
        let guesses = Guesses::new(GuessSettings::default());
        for _ in 0..50 {
            assert!(guesses.attempt("admin", ip("192.0.2.1"), NOW));
            guesses.succeeded("admin", ip("192.0.2.1"));
        }
    }

    #[test]
    fn memory_is_bounded_and_a_flood_opens_nothing() {
        let guesses = Guesses::new(GuessSettings { most: 10, ..GuessSettings::default() });
        for n in 0..100 {
            let _ = guesses.attempt(&format!("u{n}"), ip(&format!("192.0.2.{n}")), NOW);
        }
        assert!(guesses.counts.lock().unwrap().len() <= 12);
        assert!(guesses.attempt("late", ip("198.51.100.1"), NOW.after(Duration::from_secs(3601))));
    }
}
