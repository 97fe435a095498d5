//! Greylisting: the first mail of an unknown triplet waits, its retry passes (mail-gateway.md M-P1).
//!
//! A triplet is the client's network (/24 or /64), the sender and the recipient; only a digest of it is kept. The table is
//! soft state: in memory here, shared late through the store by [`super::share`]. It is bounded: who floods it with new
//! triplets pushes out others that have not passed yet, the oldest first, and [`super::Welcome`] lets one network bring only so
//! many. Must never: wait, or run SQL.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use model::{Address, Timestamp};
use parking_lot::Mutex;

/// A digest of client network, sender and recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Triplet([u8; 16]);

impl Triplet {
    /// Of one RCPT.
    #[must_use]
    pub fn of(client: IpAddr, sender: Option<&Address>, recipient: &Address) -> Self {
        let sender = sender.map(Address::key);
        let text = format!("{}\0{}\0{}", network(client), sender.as_ref().map_or("", |key| key.as_str()), recipient.key().as_str());
        let digest = openssl::sha::sha256(text.as_bytes());
        let mut half = [0; 16];
        half.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(half)
    }

    /// As it is stored: 32 hex digits.
    #[must_use]
    pub fn text(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// From the stored form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

/// A sender's servers share a /24 or a /64.
#[must_use]
pub fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

/// What is known of a triplet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its first try of the present window.
    pub first: Timestamp,
    /// Its last mail that was let through; 0: none.
    pub passed: Timestamp,
}

/// `greylist_delay`, `greylist_window`, `greylist_memory`.
#[derive(Debug, Clone, Copy)]
pub struct Spans {
    /// An unknown triplet waits so long.
    pub delay: Duration,
    /// Its retry must come within this time.
    pub window: Duration,
    /// It is known for so long after its last mail.
    pub memory: Duration,
}

/// What becomes of one RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The triplet has passed before.
    Known,
    /// It has waited long enough.
    Passed {
        /// Since its first try.
        waited: Duration,
    },
    /// It waits.
    Wait {
        /// How long from now.
        left: Duration,
        /// `first try`, `too early`, `too late`.
        why: &'static str,
    },
}

impl Entry {
    fn is_known(&self, now: Timestamp, spans: Spans) -> bool {
        self.passed.0 > 0 && now.since(self.passed) <= spans.memory
    }

    /// It says nothing any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp, spans: Spans) -> bool {
        !self.is_known(now, spans) && now.since(self.first) > spans.window
    }

    /// What two nodes know of one triplet, put together: the earlier first try of the same window, the later pass.
    #[must_use]
    pub fn merged(self, other: Self, window: Duration) -> Self {
        let (early, late) = if self.first <= other.first { (self, other) } else { (other, self) };
        let first = if late.first.since(early.first) > window { late.first } else { early.first };
        Self { first, passed: self.passed.max(other.passed) }
    }
}

/// A pass is written again only after so long, so that a busy correspondence is no busy writer.
const REFRESH: Duration = Duration::from_secs(3_600);

/// The triplets of one node.
#[derive(Debug)]
pub struct Greylist {
    most: usize,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    known: HashMap<Triplet, Entry>,
    /// Changed here and not yet in the store.
    changed: HashMap<Triplet, Entry>,
}

impl Greylist {
    /// Nobody is known; at most `most` will be.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), book: Mutex::default() }
    }

    /// True if a triplet would take a new place here: it is unknown, or what is known of it says nothing any more.
    #[must_use]
    pub fn is_new(&self, triplet: &Triplet, now: Timestamp, spans: Spans) -> bool {
        self.book.lock().known.get(triplet).is_none_or(|entry| entry.is_over(now, spans))
    }

    /// One RCPT in the mode `on`.
    #[must_use]
    pub fn judge(&self, triplet: Triplet, now: Timestamp, spans: Spans) -> Verdict {
        let mut book = self.book.lock();
        let known = book.known.get(&triplet).copied();
        let (entry, verdict) = match known {
            Some(entry) if entry.is_known(now, spans) => {
                if now.since(entry.passed) >= REFRESH {
                    book.put(triplet, Entry { passed: now, ..entry }, self.most, now, spans);
                }
                return Verdict::Known;
            }
            // A first try that lies ahead was seen by a clock that was set back since: it counts from now.
            Some(entry) if entry.first <= now && now.since(entry.first) < spans.delay => {
                return Verdict::Wait { left: spans.delay.saturating_sub(now.since(entry.first)), why: "too early" };
            }
            Some(entry) if entry.first <= now && now.since(entry.first) <= spans.window => {
                (Entry { passed: now, ..entry }, Verdict::Passed { waited: now.since(entry.first) })
            }
            other => {
                let why = if other.is_some_and(|entry| entry.first <= now) { "too late" } else { "first try" };
                (Entry { first: now, passed: Timestamp(0) }, Verdict::Wait { left: spans.delay, why })
            }
        };
        book.put(triplet, entry, self.most, now, spans);
        verdict
    }

    /// One RCPT in the mode `learn`: from now on the triplet is known. True if it was not: in the mode `on` it would have
    /// waited.
    pub fn learn(&self, triplet: Triplet, now: Timestamp, spans: Spans) -> bool {
        let mut book = self.book.lock();
        let known = book.known.get(&triplet).copied();
        if known.is_some_and(|entry| entry.is_known(now, spans) && now.since(entry.passed) < REFRESH) {
            return false;
        }
        let first = known.map_or(now, |entry| entry.first);
        book.put(triplet, Entry { first, passed: now }, self.most, now, spans);
        !known.is_some_and(|entry| entry.is_known(now, spans))
    }

    /// Takes out up to `most` of what the store does not know yet.
    #[must_use]
    pub fn take_changed(&self, most: usize) -> Vec<(Triplet, Entry)> {
        let changed = &mut self.book.lock().changed;
        if changed.len() <= most {
            return std::mem::take(changed).into_iter().collect();
        }
        let some: Vec<Triplet> = changed.keys().take(most).copied().collect();
        some.into_iter().filter_map(|triplet| changed.remove_entry(&triplet)).collect()
    }

    /// Puts back what could not be written.
    pub fn put_back(&self, entries: Vec<(Triplet, Entry)>) {
        let mut book = self.book.lock();
        for (triplet, entry) in entries {
            if book.known.contains_key(&triplet) {
                book.changed.entry(triplet).or_insert(entry);
            }
        }
    }

    /// Takes note of what another node, or this one before its restart, knew.
    pub fn heard(&self, entries: Vec<(Triplet, Entry)>, now: Timestamp, spans: Spans) {
        let mut book = self.book.lock();
        for (triplet, entry) in entries {
            let ahead = entry.first > now && entry.passed.0 == 0;
            if entry.is_over(now, spans) || ahead {
                continue;
            }
            let entry = book.known.get(&triplet).map_or(entry, |known| known.merged(entry, spans.window));
            book.make_room(self.most, now, spans);
            book.known.insert(triplet, entry);
        }
    }

    /// How many triplets are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.book.lock().known.len()
    }

    /// True if none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Book {
    fn put(&mut self, triplet: Triplet, entry: Entry, most: usize, now: Timestamp, spans: Spans) {
        if !self.known.contains_key(&triplet) {
            self.make_room(most, now, spans);
        }
        self.known.insert(triplet, entry);
        self.changed.insert(triplet, entry);
    }

    /// When it is full: first what is over goes, then a tenth, those that have not passed and the oldest before others.
    fn make_room(&mut self, most: usize, now: Timestamp, spans: Spans) {
        if self.known.len() < most {
            return;
        }
        self.known.retain(|_, entry| !entry.is_over(now, spans));
        if self.known.len() >= most {
            let mut ranks: Vec<(bool, i64)> = self.known.values().map(rank).collect();
            let place = (most / 10).min(ranks.len().saturating_sub(1));
            let (_, limit, _) = ranks.select_nth_unstable(place);
            let limit = *limit;
            self.known.retain(|_, entry| rank(entry) > limit);
        }
        let known = &self.known;
        self.changed.retain(|triplet, _| known.contains_key(triplet));
    }
}

fn rank(entry: &Entry) -> (bool, i64) {
    (entry.passed.0 > 0, entry.passed.0.max(entry.first.0))
}

#[cfg(test)]
#[path = "greylist_tests.rs"]
mod tests;
