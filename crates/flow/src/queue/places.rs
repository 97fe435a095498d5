//! Places among outgoing connections, and memory for the mail that goes out: who may have one now (mail-gateway.md M-T7, M-T6).
//!
//! A next hop that answers nothing costs a place until its time is up, and strangers' zones can name as many of them as they like.
//! So a fifth of all places is kept for the ways that our own settings name (the company's servers, the smart host), and next
//! hops that could not be reached lately share a fifth of the rest. A place is taken before a server is tried, in the order of the
//! code below, from the narrowest pool to the widest, so that who waits for the wide one holds nothing that others could use.
//!
//! Content is read from the disk only when there is room for it. Half of the room is for our own ways, and of each half a quarter
//! for small mail, so that it never waits behind large mail; within each part it is first come, first served. Room comes before a
//! place: who waits for room must never hold a place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use parking_lot::Mutex;
use smtp::outbound::Target;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::route::LaneKey;

/// A next hop that could not be reached is remembered so long after its last try.
const REMEMBERED: Duration = Duration::from_secs(6 * 3_600);
/// So many of them are; beyond, all that is remembered is forgotten.
const HOPS_MAX: usize = 10_000;
/// Mail of up to so many octets is small.
const SMALL: usize = 256 << 10;
/// What room is counted in, octets.
const UNIT: usize = 1 << 10;

/// The places of one node.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    failing: Arc<Semaphore>,
    /// Next hops whose last try failed, and when that was.
    failed: Mutex<HashMap<Target, Timestamp>>,
}

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permits: [Option<OwnedSemaphorePermit>; 3],
}

impl Places {
    /// So many places in all.
    pub(crate) fn new(all: usize) -> Self {
        let all = all.max(1);
        let strangers = (all - all / 5).max(1);
        let pool = |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { all: pool(all), strangers: pool(strangers), failing: pool((strangers / 5).max(1)), failed: Mutex::default() }
    }

    /// A place for a connection to this next hop. Waits for one. `None`: the queue is at its end.
    pub(crate) async fn take(&self, key: &LaneKey, now: Timestamp) -> Option<Place> {
        let take = |pool: &Arc<Semaphore>| Arc::clone(pool).acquire_owned();
        let failing = if !key.own && self.failed_lately(&key.target, now) { Some(take(&self.failing).await.ok()?) } else { None };
        let stranger = if key.own { None } else { Some(take(&self.strangers).await.ok()?) };
        let place = take(&self.all).await.ok()?;
        Some(Place { _permits: [failing, stranger, Some(place)] })
    }

    fn failed_lately(&self, target: &Target, now: Timestamp) -> bool {
        self.failed.lock().get(target).is_some_and(|at| now.since(*at) < REMEMBERED)
    }

    /// A try of this next hop has ended.
    pub(crate) fn tried(&self, target: &Target, reached: bool, now: Timestamp) {
        let mut failed = self.failed.lock();
        if reached {
            failed.remove(target);
            return;
        }
        if failed.len() >= HOPS_MAX {
            failed.retain(|_, at| now.since(*at) < REMEMBERED);
        }
        if failed.len() >= HOPS_MAX {
            failed.clear();
        }
        failed.insert(target.clone(), now);
    }
}

/// Memory for content that is read from the disk to be sent.
pub(crate) struct Reading {
    own: [Part; 2],
    strangers: [Part; 2],
}

struct Part {
    pool: Arc<Semaphore>,
    units: u32,
}

/// Room for one content; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ReadingRoom {
    permit: OwnedSemaphorePermit,
}

impl Reading {
    /// So many octets in all.
    pub(crate) fn new(octets: usize) -> Self {
        let part = |octets: usize| {
            let units = u32::try_from(octets / UNIT).unwrap_or(u32::MAX).max(1);
            Part { pool: Arc::new(Semaphore::new(units as usize)), units }
        };
        let half = || [part((octets / 8).max(SMALL)), part(octets / 2 - octets / 8)];
        Self { own: half(), strangers: half() }
    }

    /// Room for so many octets. What is larger than all there is waits for all there is, and is alone then. `before_waiting` is
    /// called if there is none now. `None`: the queue is at its end.
    pub(crate) async fn take(&self, octets: usize, own: bool, before_waiting: impl FnOnce()) -> Option<ReadingRoom> {
        let [small, large] = if own { &self.own } else { &self.strangers };
        let part = if octets <= SMALL { small } else { large };
        let units = units(octets).min(part.units);
        if let Ok(permit) = Arc::clone(&part.pool).try_acquire_many_owned(units) {
            return Some(ReadingRoom { permit });
        }
        before_waiting();
        let permit = Arc::clone(&part.pool).acquire_many_owned(units).await.ok()?;
        Some(ReadingRoom { permit })
    }

    /// Octets that nobody holds.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.own.iter().chain(&self.strangers).map(|part| part.pool.available_permits() * UNIT).sum()
    }
}

impl ReadingRoom {
    /// Gives back all but so many octets.
    pub(crate) fn shrink(&mut self, octets: usize) {
        let more = self.permit.num_permits().saturating_sub(units(octets) as usize);
        drop(self.permit.split(more));
    }
}

fn units(octets: usize) -> u32 {
    u32::try_from(octets.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use smtp::outbound::{TlsLevel, TlsPolicy};

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn hop(name: &str, own: bool) -> LaneKey {
        let tls = TlsPolicy { level: TlsLevel::May, fingerprints: Vec::new() };
        LaneKey { target: Target::parse(name).unwrap(), tls, revocation: smtp::outbound::Revocation::Soft, own, sign_in: false }
    }

    fn now(places: &Places, key: &LaneKey) -> Option<Place> {
        places.take(key, NOW).now_or_never().flatten()
    }

    #[test]
    fn m_t7_strangers_leave_places_to_our_own_ways() {
        let places = Places::new(50);
        let crowd: Vec<Place> = (0..100).map_while(|n| now(&places, &hop(&format!("d{n}.example"), false))).collect();
        assert_eq!(crowd.len(), 40);
        let own: Vec<Place> = (0..100).map_while(|_| now(&places, &hop("[192.0.2.1]", true))).collect();
        assert_eq!(own.len(), 10);
        drop(crowd);
        assert!(now(&places, &hop("d.example", false)).is_some());
    }

    #[test]
    fn m_t7_next_hops_that_failed_lately_share_a_part() {
        let places = Places::new(50);
        let crowd: Vec<LaneKey> = (0..100).map(|n| hop(&format!("d{n}.example"), false)).collect();
        crowd.iter().for_each(|key| places.tried(&key.target, false, NOW));
        let held: Vec<Place> = crowd.iter().map_while(|key| now(&places, key)).collect();
        assert_eq!(held.len(), 8);
        assert!(now(&places, &hop("good.example", false)).is_some(), "others go on");
        places.tried(&crowd[9].target, true, NOW);
        assert!(now(&places, &crowd[9]).is_some(), "one that was reached is as good as others");
        let later = NOW.after(REMEMBERED);
        assert!(places.take(&crowd[10], later).now_or_never().flatten().is_some(), "and it is forgotten some day");
        (0..2 * HOPS_MAX).for_each(|n| places.tried(&Target::parse(&format!("x{n}.example")).unwrap(), false, NOW));
        assert!(places.failed.lock().len() <= HOPS_MAX);
    }

    #[test]
    fn m_t6_content_is_read_when_there_is_room_and_small_mail_goes_beside() {
        let reading = Reading::new(16 << 20);
        let all = reading.free();
        let take = |octets: usize| reading.take(octets, false, || {}).now_or_never().flatten();
        let large: Vec<ReadingRoom> = (0..20).map_while(|_| take(2 << 20)).collect();
        assert_eq!(large.len(), 3);
        let mut waited = false;
        assert!(reading.take(SMALL + 1, false, || waited = true).now_or_never().is_none() && waited);
        assert!(take(SMALL).is_some(), "small mail");
        assert!(reading.take(2 << 20, true, || {}).now_or_never().is_some(), "our own ways");
        drop(large);
        let mut huge = take(1 << 30).expect("what is larger than all goes alone");
        assert!(take(SMALL + 1).is_none());
        huge.shrink(1 << 20);
        assert!(take(2 << 20).is_some(), "what is not needed is given back");
        drop(huge);
        assert_eq!(reading.free(), all);
    }
}
