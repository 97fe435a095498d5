//! Answers that are kept: what was found, what does not exist, what has no such record (RFC 2308); never failures.
//!
//! The library below would keep answers too, but forgets a proven "no" at once; this one keeps both alike. It is bounded in octets,
//! not in number only: whoever runs a zone says how large its answers are. A very large one is used and not kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::{Name, RecordType};
use moka::Expiry;
use moka::sync::Cache as Kept;

use super::reading::Found;
use super::{DnsError, DnsSettings};

/// Octets that an entry takes on the average; what all may take together follows from it.
const OCTETS_EACH: u64 = 1 << 10;
/// Octets of the largest answer that is kept.
const OCTETS_MOST: usize = 16 << 10;

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
        let octets = settings.entries.saturating_mul(OCTETS_EACH);
        let kept = Kept::builder().weigher(weight).max_capacity(octets).expire_after(Until).build();
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
        let large = answer.as_ref().is_ok_and(|found| found.octets() > OCTETS_MOST);
        if !ttl.is_zero() && !large {
            self.kept.insert(key, (Arc::new(answer.clone()), Instant::now() + ttl));
        }
    }
}

/// Octets that an entry takes, about. An empty one counts as an average one, so that their number is bounded, too.
fn weight((name, ..): &Key, (answer, _): &Entry) -> u32 {
    let octets = name.len().saturating_add(answer.as_ref().as_ref().map_or(0, Found::octets));
    u32::try_from(octets).unwrap_or(u32::MAX).max(1 << 10)
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::rdata::TXT;
    use hickory_resolver::proto::rr::{RData, Record};

    use super::super::reading::records;
    use super::*;

    /// An answer with so many texts of 200 octets.
    fn answer(name: &Name, texts: usize) -> Result<Found, DnsError> {
        let one = |n: usize| Record::from_rdata(name.clone(), 3_600, RData::TXT(TXT::new(vec![format!("{n:0>200}")])));
        records(name, RecordType::TXT, &(0..texts).map(one).collect::<Vec<_>>()).0
    }

    #[test]
    fn x_11_answers_are_kept_within_so_many_octets() {
        let cache = Cache::new(&DnsSettings { entries: 100, ..DnsSettings::default() });
        let key = |n: usize| (Name::from_utf8(format!("n{n}.lying.example.")).unwrap(), RecordType::TXT, false);
        for n in 0..1_000 {
            cache.put(key(n), &answer(&key(n).0, 20), Duration::from_secs(600));
        }
        cache.kept.run_pending_tasks();
        let held: usize = cache.kept.iter().filter_map(|(_, (found, _))| found.as_ref().as_ref().ok().map(Found::octets)).sum();
        assert!(held > 0 && held <= 100 << 10, "{held} octets are held");
        let (small, huge) = (key(5_000), key(5_001));
        cache.put(huge.clone(), &answer(&huge.0, 200), Duration::from_secs(600));
        assert!(cache.get(&huge).is_none(), "a very large answer is not kept");
        cache.put(small.clone(), &answer(&small.0, 1), Duration::from_secs(600));
        assert!(cache.get(&small).is_some());
    }
}
