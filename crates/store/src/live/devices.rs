//! Device facts in memory: a million of them, found with one probe, in shards so that nobody waits for anybody.
//!
//! Types and user agents are few and repeated: they are interned, and so is what management reports, without its times and
//! what no policy asks about (phone number, names). Facts only, no verdicts: policies are judged
//! per request.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use hashbrown::HashTable;
use model::Timestamp;
use model::device::{Device, DeviceId, Override, Reported, Sighting};
use parking_lot::{Mutex, RwLock};

const SHARDS: usize = 64;
/// Interned words before those that nobody uses any more are thrown away: agents come from strangers.
const WORDS_KEPT: usize = 10_000;

struct Entry {
    user: Arc<str>,
    id: DeviceId,
    device_type: Arc<str>,
    agent: Arc<str>,
    last_seen: Timestamp,
    ruling: Override,
    /// What policies ask about, without its times.
    reported: Option<Arc<Reported>>,
    reported_seen: Option<Timestamp>,
    enrolled_at: Option<Timestamp>,
    /// The load in which it was met last; what a full load doesn't meet is gone from the store.
    load: u32,
}

impl Entry {
    fn reported(&self) -> Option<Arc<Reported>> {
        let shared = self.reported.as_ref()?;
        if self.reported_seen.is_none() && self.enrolled_at.is_none() {
            return Some(Arc::clone(shared));
        }
        Some(Arc::new(Reported { last_seen: self.reported_seen, enrolled_at: self.enrolled_at, ..Reported::clone(shared) }))
    }
}

pub(crate) struct DeviceTable {
    shards: Box<[RwLock<HashTable<Entry>>]>,
    hasher: RandomState,
    words: Mutex<HashSet<Arc<str>>>,
    reports: Mutex<HashSet<Arc<Reported>>>,
    words_limit: AtomicUsize,
    count: AtomicUsize,
    limit: usize,
    load: AtomicU32,
}

impl DeviceTable {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            words: Mutex::default(),
            reports: Mutex::default(),
            words_limit: AtomicUsize::new(WORDS_KEPT),
            count: AtomicUsize::new(0),
            limit,
            load: AtomicU32::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self, user: &str, id: &DeviceId) -> Option<Device> {
        let hash = self.hash(user, id);
        let shard = self.shard(hash)?.read();
        let entry = shard.find(hash, |e| &*e.user == user && e.id == *id)?;
        Some(Device {
            id: entry.id.clone(),
            user: entry.user.to_string(),
            override_: entry.ruling,
            device_type: entry.device_type.to_string(),
            agent: entry.agent.to_string(),
            last_seen: entry.last_seen,
            reported: entry.reported(),
        })
    }

    /// Takes the store's facts. What was seen here since then stays.
    pub(crate) fn put(&self, device: &Device) {
        // A ruling, and what management reports, must be known even when strangers' sightings have filled the table.
        let bounded = device.override_ == Override::Default && device.reported.is_none();
        self.change(&device.user, &device.id, bounded, |entry| {
            entry.ruling = device.override_;
            self.report(entry, device.reported.as_deref());
            if device.last_seen >= entry.last_seen {
                self.facts(entry, &device.device_type, &device.agent, device.last_seen);
            }
        });
    }

    /// Takes a sighting.
    pub(crate) fn see(&self, sighting: &Sighting) {
        self.change(&sighting.user, &sighting.device, true, |entry| {
            if sighting.at >= entry.last_seen {
                self.facts(entry, &sighting.device_type, &sighting.agent, sighting.at);
            }
        });
    }

    pub(crate) fn remove(&self, user: &str, id: &DeviceId) {
        let hash = self.hash(user, id);
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write();
        if let Ok(found) = shard.find_entry(hash, |e| &*e.user == user && e.id == *id) {
            found.remove();
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Begins a full load: what is neither put nor seen until [`DeviceTable::end_load`] is forgotten then.
    pub(crate) fn begin_load(&self) {
        self.load.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_load(&self) {
        let load = self.load.load(Ordering::Relaxed);
        for shard in &self.shards {
            let mut shard = shard.write();
            let before = shard.len();
            shard.retain(|entry| entry.load == load);
            self.count.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    fn change(&self, user: &str, id: &DeviceId, bounded: bool, change: impl FnOnce(&mut Entry)) {
        let hash = self.hash(user, id);
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write();
        let load = self.load.load(Ordering::Relaxed);
        if let Some(entry) = shard.find_mut(hash, |e| &*e.user == user && e.id == *id) {
            entry.load = load;
            change(entry);
            return;
        }
        if bounded && self.len() >= self.limit {
            return;
        }
        let empty = self.word("");
        let mut entry = Entry {
            user: user.into(),
            id: id.clone(),
            device_type: Arc::clone(&empty),
            agent: empty,
            last_seen: Timestamp(0),
            ruling: Override::Default,
            reported: None,
            reported_seen: None,
            enrolled_at: None,
            load,
        };
        change(&mut entry);
        shard.insert_unique(hash, entry, |e| self.hash(&e.user, &e.id));
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// An empty word says nothing and replaces nothing, as in the store.
    fn facts(&self, entry: &mut Entry, device_type: &str, agent: &str, at: Timestamp) {
        if !device_type.is_empty() && *entry.device_type != *device_type {
            entry.device_type = self.word(device_type);
        }
        if !agent.is_empty() && *entry.agent != *agent {
            entry.agent = self.word(agent);
        }
        entry.last_seen = at;
    }

    /// Takes what management reports, shared among all devices of which the same is reported.
    fn report(&self, entry: &mut Entry, reported: Option<&Reported>) {
        entry.reported_seen = reported.and_then(|reported| reported.last_seen);
        entry.enrolled_at = reported.and_then(|reported| reported.enrolled_at);
        let shared = reported.map(|reported| Reported {
            last_seen: None,
            enrolled_at: None,
            phone: String::new(),
            imei: String::new(),
            friendly_name: String::new(),
            address: String::new(),
            ..reported.clone()
        });
        if entry.reported.as_deref() == shared.as_ref() {
            return;
        }
        entry.reported = shared.map(|shared| {
            let mut reports = self.reports.lock();
            if let Some(known) = reports.get(&shared) {
                return Arc::clone(known);
            }
            // Reports come from administrators, not from strangers: those that nobody has any more go with the next new one.
            if reports.len() >= WORDS_KEPT {
                reports.retain(|report| Arc::strong_count(report) > 1);
            }
            let shared = Arc::new(shared);
            reports.insert(Arc::clone(&shared));
            shared
        });
    }

    fn word(&self, text: &str) -> Arc<str> {
        let mut words = self.words.lock();
        if let Some(known) = words.get(text) {
            return Arc::clone(known);
        }
        if words.len() >= self.words_limit.load(Ordering::Relaxed) {
            words.retain(|word| Arc::strong_count(word) > 1);
            // Words in use don't shrink: look again only when there are twice as many.
            self.words_limit.store((words.len() * 2).max(WORDS_KEPT), Ordering::Relaxed);
        }
        let word: Arc<str> = text.into();
        words.insert(Arc::clone(&word));
        word
    }

    fn hash(&self, user: &str, id: &DeviceId) -> u64 {
        self.hasher.hash_one((user, id.as_str()))
    }

    fn shard(&self, hash: u64) -> Option<&RwLock<HashTable<Entry>>> {
        // hashbrown uses the low and the top seven bits; the shard takes others.
        self.shards.get((hash >> 40) as usize % SHARDS)
    }
}

#[cfg(test)]
mod tests {
    use model::device::{Decision, Reason};

    use super::*;

    fn sighting(user: &str, id: &str, agent: &str, at: i64) -> Sighting {
        Sighting {
            device: DeviceId::parse(id).unwrap(),
            user: user.into(),
            device_type: String::new(),
            agent: agent.into(),
            command: "Sync".into(),
            at: Timestamp(at),
            decision: Decision { allowed: true, reason: Reason::Compliant },
        }
    }

    #[test]
    fn older_facts_never_replace_newer_ones() {
        let table = DeviceTable::new(10);
        table.see(&sighting("bob", "a1", "new", 9));
        table.see(&sighting("bob", "a1", "old", 3));
        table.see(&sighting("bob", "a1", "", 10));
        let id = DeviceId::parse("A1").unwrap();
        let device = table.get("bob", &id).unwrap();
        assert_eq!((device.agent.as_str(), device.last_seen), ("new", Timestamp(10)));
        assert_eq!(table.get("eve", &id), None, "another user's device of the same id is another device");
        table.put(&Device { override_: Override::Blacklist, agent: "stored".into(), last_seen: Timestamp(5), ..device });
        let device = table.get("bob", &id).unwrap();
        assert_eq!((device.agent.as_str(), device.override_), ("new", Override::Blacklist));
    }

    #[test]
    fn a_full_load_forgets_what_is_gone_and_strangers_cannot_fill_the_memory() {
        let table = DeviceTable::new(3);
        for id in ["a", "b", "c", "d", "e"] {
            table.see(&sighting("bob", id, "x", 1));
        }
        assert_eq!(table.len(), 3);
        let ruled = DeviceId::parse("f").unwrap();
        let device = Device {
            id: ruled.clone(),
            user: "bob".into(),
            override_: Override::Blacklist,
            device_type: String::new(),
            agent: String::new(),
            last_seen: Timestamp(0),
            reported: None,
        };
        table.put(&device);
        assert_eq!(table.get("bob", &ruled), Some(device), "a ruling is known however many strangers came");
        table.begin_load();
        table.see(&sighting("bob", "b", "x", 2));
        table.end_load();
        assert_eq!(table.len(), 1);
        assert!(table.get("bob", &DeviceId::parse("b").unwrap()).is_some());
        table.remove("bob", &DeviceId::parse("b").unwrap());
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn g_15_what_management_reports_is_shared_and_complete_for_policies() {
        let table = DeviceTable::new(10);
        let device = |id: &str, reported: Option<Reported>| Device {
            id: DeviceId::parse(id).unwrap(),
            user: "bob".into(),
            override_: Override::Default,
            device_type: String::new(),
            agent: String::new(),
            last_seen: Timestamp(0),
            reported: reported.map(Arc::new),
        };
        let facts = |seen: i64| Reported {
            managed: true,
            os: "17".into(),
            labels: vec!["sales".into()],
            last_seen: Some(Timestamp(seen)),
            ..Reported::default()
        };
        table.put(&device("a", Some(Reported { phone: "+41".into(), ..facts(1) })));
        table.put(&device("b", Some(facts(2))));
        table.see(&sighting("bob", "a", "x", 5));
        let found = |id: &str| table.get("bob", &DeviceId::parse(id).unwrap()).unwrap().reported.map(|reported| Reported::clone(&reported));
        assert_eq!((found("a"), found("b")), (Some(facts(1)), Some(facts(2))), "a sighting takes nothing away");
        assert_eq!(table.reports.lock().len(), 1);
        table.put(&device("a", None));
        assert_eq!(found("a"), None);
    }

    #[test]
    fn unused_words_are_thrown_away() {
        let table = DeviceTable::new(10);
        for n in 0..3 * WORDS_KEPT {
            table.see(&sighting("bob", "a", &format!("agent {n}"), n as i64));
        }
        assert!(table.words.lock().len() <= WORDS_KEPT + 1);
    }
}
