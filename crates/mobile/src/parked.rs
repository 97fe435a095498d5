//! The running requests of all devices, so that they can be ended: when their device becomes blocked, when a newer poll
//! of the device comes, when the node stops (mobile-gateway.md G-3).
//!
//! One small entry a request; the request's future sleeps on the entry's waker and on the mail server's socket. Entries
//! go when the request goes, however it ends.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::task::Waker;

use activesync::Command;
use futures_util::task::AtomicWaker;
use model::device::{Decision, DeviceId};
use parking_lot::Mutex;

use crate::bodies::Mark;
use crate::gate::Admitted;
use crate::identify::Asked;

/// Locks that the entries are spread over.
const SHARDS: usize = 64;

/// Why a running request is to end now.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// Its device is blocked now.
    Blocked(Decision),
    /// The device has sent a newer poll of the same command, or is to sync anew.
    Superseded,
    /// The node stops.
    Draining,
}

/// One running request.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) asked: Asked,
    /// What its device's syncs were marked with when it came.
    pub(crate) mark: Mark,
    ending: Mutex<Option<Ending>>,
    waker: AtomicWaker,
    /// The server may hold its answer back.
    poll: std::sync::atomic::AtomicBool,
}

impl Entry {
    /// What it is to end with, if it is to end. Wakes `waker` when that changes.
    pub(crate) fn ending(&self, waker: &Waker) -> Option<Ending> {
        self.waker.register(waker);
        *self.ending.lock()
    }

    fn end(&self, ending: Ending) {
        self.ending.lock().get_or_insert(ending);
        self.waker.wake();
    }

    /// True for a poll: it waits for something to happen.
    pub(crate) fn waits(&self) -> bool {
        self.is_poll() || self.asked.command == Some(Command::Ping)
    }

    fn is_poll(&self) -> bool {
        self.poll.load(std::sync::atomic::Ordering::Relaxed)
    }
}

type Shard = Mutex<HashMap<u64, Vec<Arc<Entry>>>>;

/// All running requests.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Vec<Shard>,
    hasher: RandomState,
}

/// Keeps an entry registered; dropping it takes the entry away.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Arc<Registry>,
    key: u64,
    pub(crate) entry: Arc<Entry>,
    /// The request's place among those at once, kept to the answer's end.
    _admitted: Admitted,
}

impl Registry {
    pub(crate) fn new() -> Arc<Self> {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        Arc::new(Self { shards, hasher: RandomState::new() })
    }

    fn key(&self, user: &str, device: Option<&DeviceId>) -> u64 {
        self.hasher.hash_one((user, device))
    }

    fn shard(&self, key: u64) -> Option<&Shard> {
        self.shards.get(usize::try_from(key % SHARDS as u64).unwrap_or(0))
    }

    /// Takes a request in.
    pub(crate) fn register(self: &Arc<Self>, asked: Asked, mark: Mark, admitted: Admitted) -> Registered {
        let key = self.key(&asked.user, asked.device.as_ref());
        let entry = Arc::new(Entry { asked, mark, ending: Mutex::new(None), waker: AtomicWaker::new(), poll: false.into() });
        if let Some(shard) = self.shard(key) {
            shard.lock().entry(key).or_insert_with(|| Vec::with_capacity(1)).push(entry.clone());
        }
        Registered { registry: self.clone(), key, entry, _admitted: admitted }
    }

    /// Ends what `verdict` wants ended, of one device or of all. Returns how many.
    pub(crate) fn recheck(&self, only: Option<(&str, &DeviceId)>, verdict: impl Fn(&Entry) -> Option<Ending>) -> usize {
        let entries = match only {
            Some((user, device)) => self.of(self.key(user, Some(device))),
            None => self.all(),
        };
        let mut ended = 0;
        for entry in entries {
            if let Some(ending) = verdict(&entry) {
                entry.end(ending);
                ended += 1;
            }
        }
        ended
    }

    /// All entries, for a drain.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.shards.iter().flat_map(|shard| shard.lock().values().flatten().cloned().collect::<Vec<_>>()).collect()
    }

    fn of(&self, key: u64) -> Vec<Arc<Entry>> {
        self.shard(key).and_then(|shard| shard.lock().get(&key).cloned()).unwrap_or_default()
    }

    /// Running requests.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().values().map(Vec::len).sum::<usize>()).sum()
    }
}

impl Registered {
    /// Says that this is a poll: older polls of the same device and command end now, the newest wins.
    pub(crate) fn is_a_poll(&self) {
        self.entry.poll.store(true, std::sync::atomic::Ordering::Relaxed);
        let asked = &self.entry.asked;
        let same = |other: &Asked| other.command == asked.command && other.device == asked.device && other.user == asked.user;
        for other in self.registry.of(self.key) {
            if asked.device.is_some() && other.is_poll() && same(&other.asked) && !Arc::ptr_eq(&other, &self.entry) {
                other.end(Ending::Superseded);
            }
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let Some(shard) = self.registry.shard(self.key) else { return };
        let mut shard = shard.lock();
        if let Some(entries) = shard.get_mut(&self.key) {
            entries.retain(|entry| !Arc::ptr_eq(entry, &self.entry));
            if entries.is_empty() {
                shard.remove(&self.key);
            }
        }
    }
}

/// Ends one entry because the node stops: only polls; everything else is about to be answered anyway.
pub(crate) fn drain(entry: &Entry) {
    if entry.waits() {
        entry.end(Ending::Draining);
    }
}
