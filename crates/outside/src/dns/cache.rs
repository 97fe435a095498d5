//! Answers that are kept: what was found, what does not exist, what has no such record (RFC 2308); never failures.
//!
//! The library below keeps answers too, but forgets a proven "no" at once; this one keeps both alike, bounded in number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::{Name, RecordType};
use moka::Expiry;
use moka::sync::Cache as Kept;

use super::reading::Found;
use super::{DnsError, DnsSettings};

/// Name, kind, and whether the answer was validated.
pub(super) type Key = (Name, RecordType, bool);

type Entry = (Arc<Result<Found, DnsError>>, Instant);

/// See the file.
pub(super) struct Cache {
    kept: Kept<Key, Entry>,
    yes: Duration,
    no: Duration,
}

struct Until;

impl Expiry<Key, Entry> for Until {
    fn expire_after_create(&self, _: &Key, (_, until): &Entry, now: Instant) -> Option<Duration> {
        Some(until.saturating_duration_since(now))
    }

    fn expire_after_update(&self, _: &Key, (_, until): &Entry, now: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(until.saturating_duration_since(now))
    }
}

impl Cache {
    pub(super) fn new(settings: &DnsSettings) -> Self {
        let kept = Kept::builder().max_capacity(settings.entries).expire_after(Until).build();
        Self { kept, yes: settings.keep, no: settings.keep_no }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Result<Found, DnsError>> {
        let (answer, until) = self.kept.get(key)?;
        (until > Instant::now()).then(|| answer.as_ref().clone())
    }

    /// Keeps an answer for `ttl`, within our own bounds; what nobody could say is not kept.
    pub(super) fn put(&self, key: Key, answer: &Result<Found, DnsError>, ttl: Duration) {
        let ttl = match answer {
            Ok(found) if !found.is_empty() => ttl.min(self.yes),
            Ok(_) | Err(DnsError::NoSuchName) => ttl.min(self.no),
            Err(_) => return,
        };
        if !ttl.is_zero() {
            self.kept.insert(key, (Arc::new(answer.clone()), Instant::now() + ttl));
        }
    }
}
