//! Sightings on their way to the store: merged in memory, one entry a device, put on the disk and then written in batches.
//!
//! [`Pending::put`] takes one short lock of one shard and never waits for disk or store. While the store is away the
//! entries stay, on the disk too ([`super::spool`]), and are merged further. What a crash loses is what came since the last
//! batch: the next request tells it again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use model::Fault;
use model::device::{DeviceId, Sighting};
use parking_lot::Mutex;

use super::spool::Spool;
use super::{State, diagnosed};
use crate::devices;

const SHARDS: usize = 64;
/// Longest texts that are kept, in characters.
const LONGEST: usize = 255;

type Shard = HashMap<(String, DeviceId), Sighting>;

pub(crate) struct Pending {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    count: AtomicUsize,
    /// Taken out and not yet written.
    writing: AtomicUsize,
    limit: usize,
    dropped: AtomicU64,
}

impl Pending {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            count: AtomicUsize::new(0),
            writing: AtomicUsize::new(0),
            limit,
            dropped: AtomicU64::new(0),
        }
    }

    /// Entries that are not in the store yet.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed) + self.writing.load(Ordering::Relaxed)
    }

    /// Keeps the newest sighting of each device. When too many devices wait, a further device is not kept.
    pub(crate) fn put(&self, sighting: Sighting) {
        let key = (sighting.user.clone(), sighting.device.clone());
        let index = self.hasher.hash_one(&key) as usize % SHARDS;
        let Some(shard) = self.shards.get(index) else { return };
        let mut shard = shard.lock();
        if let Some(known) = shard.get_mut(&key) {
            if known.at <= sighting.at {
                *known = sighting;
            }
            return;
        }
        if self.len() >= self.limit {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        shard.insert(key, sighting);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that so many of those taken are written, or put back.
    pub(crate) fn settled(&self, count: usize) {
        self.writing.fetch_sub(count, Ordering::Relaxed);
    }

    /// Takes everything out; [`Pending::settled`] ends what this begins.
    pub(crate) fn take(&self) -> Vec<Sighting> {
        let mut all = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let taken = std::mem::take(&mut *shard.lock());
            self.writing.fetch_add(taken.len(), Ordering::Relaxed);
            self.count.fetch_sub(taken.len(), Ordering::Relaxed);
            all.extend(taken.into_values());
        }
        all
    }

    /// What waits, for a table that was loaded anew.
    pub(crate) fn each(&self, mut look: impl FnMut(&Sighting)) {
        for shard in &self.shards {
            shard.lock().values().for_each(&mut look);
        }
    }
}

/// The same sighting without what a store can't keep: NUL and other control characters, endless texts.
pub(crate) fn storable(mut sighting: Sighting) -> Sighting {
    for text in [
        &mut sighting.user,
        &mut sighting.device_type,
        &mut sighting.agent,
        &mut sighting.command,
        &mut sighting.gateway,
        &mut sighting.client,
    ] {
        harmless(text);
    }
    sighting
}

/// Makes a text harmless: no control characters, and not endless.
pub(super) fn harmless(text: &mut String) {
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        *text = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).take(LONGEST).collect();
    }
}

/// Writes what is pending, again and again, until the end.
pub(crate) async fn flush(state: Arc<State>, mut spool: Spool) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(state.settings.flush) => {}
            () = state.stop.cancelled() => break,
        }
        let (kept, done) = once(&state, spool).await;
        let Some(kept) = kept else { return };
        spool = kept;
        if let Err(fault) = done {
            tracing::debug!(%fault, waiting = state.waiting.len(), "sightings wait for the store");
        }
    }
    if let (_, Err(fault)) = once(&state, spool).await {
        tracing::warn!(%fault, waiting = state.waiting.len(), "sightings wait on the disk for the next start");
    }
}

/// One round: to the disk, to the store, and off the disk. The spool comes back, unless its thread panicked.
async fn once(state: &Arc<State>, spool: Spool) -> (Option<Spool>, Result<(), Fault>) {
    let dropped = state.pending.dropped.swap(0, Ordering::Relaxed) + state.waiting.dropped.swap(0, Ordering::Relaxed);
    if dropped > 0 {
        tracing::warn!(event = "device.sightings_dropped", dropped, "too many new devices at once: some were not recorded");
    }
    let Some(spool) = to_disk(state, spool).await else {
        return (None, Err(crate::StoreError::Sql("the spool of sightings broke".into()).into()));
    };
    let done = to_store(state).await;
    if done.is_ok()
        && let Err(fault) = diagnosed::to_store(state).await
    {
        tracing::debug!(%fault, "transactions of diagnosed devices wait for the store");
    }
    if done.is_err() || !spool.holds() {
        return (Some(spool), done);
    }
    let clear = move |mut spool: Spool| {
        if let Err(cause) = spool.clear() {
            tracing::warn!(cause, "sightings that are written could not be taken off the disk: they are written once more after a start");
        }
        spool
    };
    (tokio::task::spawn_blocking(move || clear(spool)).await.ok(), done)
}

/// Puts what is pending on the disk. A disk that takes nothing delays nothing: it is then kept in memory alone.
async fn to_disk(state: &Arc<State>, mut spool: Spool) -> Option<Spool> {
    let fresh = state.pending.take();
    if fresh.is_empty() && !spool.is_long() {
        return Some(spool);
    }
    let count = fresh.len();
    fresh.iter().cloned().for_each(|sighting| state.waiting.put(sighting));
    let mut all = Vec::new();
    if spool.is_long() {
        state.waiting.each(|sighting| all.push(sighting.clone()));
    }
    let work = move || {
        let written = if spool.is_long() { spool.rewrite(&all) } else { spool.append(&fresh) };
        if let Err(cause) = written {
            tracing::warn!(event = "spool.full", cause, "sightings could not be kept on the disk: a kill would lose them");
        }
        spool
    };
    let spool = tokio::task::spawn_blocking(work).await.ok();
    state.pending.settled(count);
    spool
}

/// Writes all that waits, in batches as large as `rate_to_console` says.
async fn to_store(state: &State) -> Result<(), Fault> {
    let batch = usize::try_from(state.site.load().exchange().to_console).unwrap_or(usize::MAX);
    let mut waiting = state.waiting.take();
    while !waiting.is_empty() {
        let rest = waiting.split_off(waiting.len().min(batch));
        let batch = Arc::new(waiting);
        let writing = Arc::clone(&batch);
        let written = state.store.write(move |tx| Box::pin(async move { devices::see(tx, &writing).await })).await;
        if let Err(fault) = written {
            // Only what may succeed later is kept: a batch that the store refuses for good must not block all others.
            let kept = if fault.temporary { batch.to_vec() } else { Vec::new() };
            state.waiting.settled(batch.len() + rest.len());
            kept.into_iter().chain(rest).for_each(|sighting| state.waiting.put(sighting));
            return Err(fault);
        }
        state.waiting.settled(batch.len());
        waiting = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use model::device::{Decision, Reason};

    use super::*;

    fn sighting(id: &str, at: i64) -> Sighting {
        Sighting {
            device: DeviceId::parse(id).unwrap(),
            user: "bob".into(),
            device_type: "iPhone".into(),
            agent: "Apple\0".into(),
            command: "Ping".into(),
            at: Timestamp(at),
            decision: Decision { allowed: true, reason: Reason::Compliant },
            gateway: "west".into(),
            client: "192.0.2.1".into(),
        }
    }

    #[test]
    fn one_entry_a_device_the_newest_wins_and_memory_is_bounded() {
        let pending = Pending::new(2);
        for (id, at) in [("a", 1), ("a", 5), ("a", 3), ("b", 1), ("c", 1)] {
            pending.put(sighting(id, at));
        }
        assert_eq!(pending.len(), 2);
        assert_eq!(pending.dropped.load(Ordering::Relaxed), 1);
        let mut taken = pending.take();
        taken.sort_by(|x, y| x.device.cmp(&y.device));
        assert_eq!(taken.iter().map(|s| s.at.0).collect::<Vec<_>>(), [5, 1]);
        assert_eq!(pending.len(), 2, "not written yet");
        pending.settled(2);
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn what_no_store_keeps_is_made_harmless() {
        assert_eq!(storable(sighting("a", 1)).agent, "Apple\u{FFFD}");
        let long = Sighting { user: "x".repeat(1_000), ..sighting("a", 1) };
        assert_eq!(storable(long).user.len(), LONGEST);
    }
}
