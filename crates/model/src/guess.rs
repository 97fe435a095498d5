//! Guessing passwords: counted per account and per client network (security.md X-16).
//!
//! The console's forms and SMTP's AUTH count here, each by itself: what both say to a guesser is this one piece of arithmetic.
//! An attempt is counted before its password is checked, so that a thousand at once are a thousand; a success takes the
//! account's count back. Whoever is over the limit waits, twice as long with each further attempt. The answer never says
//! which of the limits it was, nor whether the account exists.
//!
//! Who guesses must not lock out whom he guesses at: an account is judged apart where it has signed in before, from the same
//! network, by the wrong attempts made there; and a flood of names and networks pushes out the oldest counts, it refuses nobody.
//! Names that are no account are not counted at all, their networks are. Soft state of this node, bounded.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
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
    /// From where an account has signed in is remembered for so long.
    pub known_for: Duration,
    /// Most that are remembered: accounts, networks, and places from where accounts sign in, of each so many. Beyond, the
    /// oldest go.
    pub most: usize,
}

impl Default for GuessSettings {
    fn default() -> Self {
        Self {
            per_account: 5,
            per_network: 20,
            first_wait: Duration::from_secs(60),
            longest_wait: Duration::from_secs(3600),
            known_for: Duration::from_secs(30 * 86_400),
            most: 100_000,
        }
    }
}

/// An IPv4 address, or the first half of an IPv6 address.
type Network = (u64, bool);

#[derive(Debug, Clone, Copy)]
struct Count {
    attempts: u32,
    last: Timestamp,
}

impl Count {
    /// One attempt more.
    fn more(before: Option<Self>, now: Timestamp, forgotten: Duration) -> Self {
        let attempts = before.filter(|count| now.since(count.last) < forgotten).map_or(0, |count| count.attempts);
        Self { attempts: attempts.saturating_add(1), last: now }
    }
}

/// Counts in the order in which they were last changed; nothing here looks at all of them.
#[derive(Debug)]
struct Recent<K> {
    counts: HashMap<K, (u64, Count)>,
    order: BTreeMap<u64, K>,
    next: u64,
}

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self { counts: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }
}

impl<K: Clone + Eq + Hash> Recent<K> {
    fn get(&self, key: &K) -> Option<Count> {
        self.counts.get(key).map(|(_, count)| *count)
    }

    fn put(&mut self, key: K, count: Count, most: usize) {
        self.remove(&key);
        self.next += 1;
        self.order.insert(self.next, key.clone());
        self.counts.insert(key, (self.next, count));
        while self.counts.len() > most.max(1) {
            self.drop_oldest();
        }
    }

    fn remove(&mut self, key: &K) {
        if let Some((place, _)) = self.counts.remove(key) {
            self.order.remove(&place);
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_first() {
            self.counts.remove(&oldest);
        }
    }

    /// Forgets what was not changed for so long.
    fn forget(&mut self, now: Timestamp, after: Duration) {
        while let Some(oldest) = self.order.first_key_value().and_then(|(_, key)| self.get(key))
            && now.since(oldest.last) >= after
        {
            self.drop_oldest();
        }
    }
}

#[derive(Debug, Default)]
struct Book {
    accounts: Recent<String>,
    networks: Recent<Network>,
    /// Accounts where they have signed in before, with the wrong attempts made there since.
    places: Recent<(String, Network)>,
}

/// The counts of this node.
#[derive(Debug)]
pub struct Guesses {
    settings: GuessSettings,
    book: Mutex<Book>,
}

impl Guesses {
    /// Nothing was guessed yet.
    #[must_use]
    pub fn new(settings: GuessSettings) -> Self {
        Self { settings, book: Mutex::default() }
    }

    /// Counts an attempt; false if it must not be looked at. A refused attempt does not count further, so that who
    /// waits gets in again. `account`: `None` if the name is that of no account.
    #[must_use]
    pub fn attempt(&self, account: Option<&str>, client: IpAddr, now: Timestamp) -> bool {
        let GuessSettings { per_account, per_network, longest_wait, known_for, most, .. } = self.settings;
        let (account, network) = (account.map(name), network(client));
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.accounts.forget(now, longest_wait);
        book.networks.forget(now, longest_wait);
        book.places.forget(now, known_for);
        if let Some(place) = account.clone().map(|account| (account, network))
            && let Some(count) = book.places.get(&place)
        {
            if self.settings.waits(Some(count), per_account, now) {
                return false;
            }
            book.places.put(place, Count::more(Some(count), now, longest_wait), most);
            return true;
        }
        let of_account = account.as_ref().and_then(|account| book.accounts.get(account));
        let of_network = book.networks.get(&network);
        if self.settings.waits(of_account, per_account, now) || self.settings.waits(of_network, per_network, now) {
            return false;
        }
        if let Some(account) = account {
            book.accounts.put(account, Count::more(of_account, now, longest_wait), most);
        }
        book.networks.put(network, Count::more(of_network, now, longest_wait), most);
        true
    }

    /// The attempt was right: the account starts afresh, is known there from now on, and this attempt is not held against
    /// the network. Where it was known before, only the attempts made there are forgotten: others go on waiting.
    pub fn succeeded(&self, account: &str, client: IpAddr, now: Timestamp) {
        let (place, most) = ((name(account), network(client)), self.settings.most);
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if book.places.get(&place).is_none() {
            book.take_back_of_network(place.1, most);
            book.accounts.remove(&place.0);
        }
        book.places.put(place, Count { attempts: 0, last: now }, most);
    }

    /// The attempt said nothing about the password: it is held against nobody.
    pub fn take_back(&self, account: Option<&str>, client: IpAddr) {
        let (account, network, most) = (account.map(name), network(client), self.settings.most);
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let less = |count: Count| Count { attempts: count.attempts.saturating_sub(1), ..count };
        if let Some(place) = account.clone().map(|account| (account, network))
            && let Some(count) = book.places.get(&place)
        {
            return book.places.put(place, less(count), most);
        }
        if let Some(account) = account
            && let Some(count) = book.accounts.get(&account)
        {
            book.accounts.put(account, less(count), most);
        }
        book.take_back_of_network(network, most);
    }
}

impl Book {
    fn take_back_of_network(&mut self, network: Network, most: usize) {
        if let Some(count) = self.networks.get(&network) {
            self.networks.put(network, Count { attempts: count.attempts.saturating_sub(1), ..count }, most);
        }
    }
}

/// An account's name as it is counted.
fn name(account: &str) -> String {
    account.trim().to_lowercase().chars().take(254).collect()
}

impl GuessSettings {
    fn waits(&self, count: Option<Count>, limit: u32, now: Timestamp) -> bool {
        let Some(count) = count.filter(|count| count.attempts >= limit) else { return false };
        let doublings = (count.attempts - limit).min(16);
        let wait = self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait);
        now.since(count.last) < wait
    }
}

/// An IPv4 address, or the /64 of an IPv6 address.
fn network(client: IpAddr) -> Network {
    match client.to_canonical() {
        IpAddr::V4(v4) => (u64::from(v4.to_bits()), false),
        IpAddr::V6(v6) => (u64::try_from(v6.to_bits() >> 64).unwrap_or(0), true),
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
            assert!(guesses.attempt(Some("Admin"), ip(&format!("192.0.2.{n}")), NOW));
        }
        assert!(!guesses.attempt(Some("admin "), ip("192.0.2.99"), NOW), "from anywhere, in any spelling");
        assert!(guesses.attempt(Some("bob"), ip("192.0.2.99"), NOW));
        let later = NOW.after(Duration::from_secs(61));
        assert!(guesses.attempt(Some("admin"), ip("192.0.2.99"), later));
        let still = later.after(Duration::from_secs(61));
        assert!(!guesses.attempt(Some("admin"), ip("192.0.2.99"), still), "two minutes now");
        assert!(guesses.attempt(Some("admin"), ip("192.0.2.99"), later.after(Duration::from_secs(121))));
    }

    #[test]
    fn x_16_a_network_is_a_64() {
        let guesses = Guesses::new(GuessSettings::default());
        for n in 0..20 {
            assert!(guesses.attempt(Some(&format!("user{n}")), ip(&format!("2001:db8::{n:x}")), NOW));
        }
        assert!(!guesses.attempt(Some("other"), ip("2001:db8:0:0:ffff::1"), NOW));
        assert!(guesses.attempt(Some("other"), ip("2001:db8:0:1::1"), NOW));
    }

    #[test]
    fn success_starts_afresh() {
        let guesses = Guesses::new(GuessSettings::default());
        for _ in 0..50 {
            assert!(guesses.attempt(Some("admin"), ip("192.0.2.1"), NOW));
            guesses.succeeded("admin", ip("192.0.2.1"), NOW);
        }
    }

    #[test]
    fn x_16_a_flood_of_names_and_networks_is_bounded_and_locks_nobody_out() {
        let guesses = Guesses::new(GuessSettings { most: 10, ..GuessSettings::default() });
        for n in 0..100 {
            let _ = guesses.attempt(Some(&format!("u{n}")), ip(&format!("192.0.2.{n}")), NOW);
            let _ = guesses.attempt(None, ip(&format!("2001:db8:0:{n:x}::1")), NOW);
        }
        let bounded = |guesses: &Guesses| {
            let book = guesses.book.lock().unwrap();
            let sizes = [book.accounts.counts.len(), book.accounts.order.len(), book.networks.counts.len(), book.networks.order.len()];
            assert!(sizes.iter().all(|size| *size <= 10), "{sizes:?}");
            assert_eq!((sizes[0], sizes[2]), (sizes[1], sizes[3]));
        };
        bounded(&guesses);
        assert!(guesses.attempt(Some("late"), ip("198.51.100.1"), NOW), "who comes during the flood is looked at");
        bounded(&guesses);
        assert!(guesses.attempt(None, ip("198.51.100.1"), NOW.after(Duration::from_secs(3601))));
        let book = guesses.book.lock().unwrap();
        assert_eq!((book.accounts.counts.len(), book.networks.counts.len()), (0, 1), "forgotten");
    }

    #[test]
    fn x_16_names_that_are_no_account_are_counted_by_their_network_only() {
        let guesses = Guesses::new(GuessSettings::default());
        for _ in 0..20 {
            assert!(guesses.attempt(None, ip("192.0.2.1"), NOW));
        }
        assert!(!guesses.attempt(None, ip("192.0.2.1"), NOW) && !guesses.attempt(Some("bob"), ip("192.0.2.1"), NOW));
        assert!(guesses.book.lock().unwrap().accounts.counts.is_empty());
    }

    #[test]
    fn x_16_who_guesses_locks_nobody_out_from_where_he_signs_in() {
        let (guesses, home, cafe) = (Guesses::new(GuessSettings::default()), ip("2001:db8::1"), ip("198.51.100.7"));
        assert!(guesses.attempt(Some("bob"), home, NOW));
        guesses.succeeded("bob", home, NOW);
        for n in 0..50 {
            let _ = guesses.attempt(Some("bob"), ip(&format!("192.0.2.{n}")), NOW);
            // And from his own network, at others.
            let _ = guesses.attempt(Some("ann"), home, NOW);
        }
        assert!(!guesses.attempt(Some("bob"), cafe, NOW) && !guesses.attempt(Some("ann"), home, NOW));
        for _ in 0..50 {
            assert!(guesses.attempt(Some("bob"), ip("2001:db8::99"), NOW), "his /64");
            guesses.succeeded("bob", ip("2001:db8::99"), NOW);
        }
        assert!(!guesses.attempt(Some("bob"), cafe, NOW), "his success lets no other guess on");
        for _ in 0..5 {
            assert!(guesses.attempt(Some("bob"), home, NOW));
        }
        assert!(!guesses.attempt(Some("bob"), home, NOW), "there, too, nobody guesses without end");
        let later = NOW.after(Duration::from_secs(31 * 86_400));
        assert!(guesses.attempt(Some("bob"), home, later));
        assert!(guesses.book.lock().unwrap().places.counts.is_empty(), "forgotten after a month");
    }

    #[test]
    fn what_said_nothing_about_a_password_is_held_against_nobody() {
        let guesses = Guesses::new(GuessSettings::default());
        for known in [false, true] {
            for _ in 0..50 {
                assert!(guesses.attempt(Some("bob"), ip("192.0.2.1"), NOW), "{known}");
                guesses.take_back(Some("bob"), ip("192.0.2.1"));
            }
            assert_eq!(guesses.book.lock().unwrap().places.counts.len(), usize::from(known), "and it makes nobody known");
            guesses.succeeded("bob", ip("192.0.2.1"), NOW);
        }
    }
}
