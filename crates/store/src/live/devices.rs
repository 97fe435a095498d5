//! Device facts in memory: a million of them, found with one probe, in shards so that nobody waits for anybody.
//!
//! A million fit in 200 MB (mobile-gateway.md G-15): an entry is 64 octets and one name. Types and user agents are few and
//! repeated: they are interned, and so is what management reports, without its times and what no policy asks about (phone
//! number, names). Facts only, no verdicts: policies are judged per request.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use hashbrown::HashTable;
use model::Timestamp;
use model::device::{Device, DeviceId, Orders, Override, Reported, Sighting};
use parking_lot::{Mutex, RwLock};

const SHARDS: usize = 64;
/// Interned words before those that nobody uses any more are thrown away: agents come from strangers.
const WORDS_KEPT: usize = 10_000;

/// A time that there is none of.
const NEVER: i64 = i64::MIN;

/// What devices say of themselves, shared among those that say the same.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct Said {
    device_type: Box<str>,
    agent: Box<str>,
}

struct Entry {
    /// `ID USER`: an id holds no blank.
    name: Box<str>,
    said: Arc<Said>,
    /// What policies ask about, without its times.
    reported: Option<Arc<Reported>>,
    last_seen: Timestamp,
    reported_seen: i64,
    enrolled_at: i64,
    /// The load in which it was met last; what a full load doesn't meet is gone from the store.
    load: u32,
    ruling: Override,
}

impl Entry {
    fn is(&self, user: &str, id: &DeviceId) -> bool {
        self.name.split_once(' ') == Some((id.as_str(), user))
    }

    fn device(&self) -> Option<Device> {
        let (id, user) = self.name.split_once(' ')?;
        Some(Device {
            id: DeviceId::parse(id)?,
            user: user.to_owned(),
            override_: self.ruling,
            device_type: self.said.device_type.to_string(),
            agent: self.said.agent.to_string(),
            last_seen: self.last_seen,
            reported: self.reported(),
            orders: Orders::default(),
        })
    }

    fn reported(&self) -> Option<Arc<Reported>> {
        let shared = self.reported.as_ref()?;
        let time = |at: i64| (at != NEVER).then_some(Timestamp(at));
        let (last_seen, enrolled_at) = (time(self.reported_seen), time(self.enrolled_at));
        if last_seen.is_none() && enrolled_at.is_none() {
            return Some(Arc::clone(shared));
        }
        Some(Arc::new(Reported { last_seen, enrolled_at, ..Reported::clone(shared) }))
    }
}

pub(crate) struct DeviceTable {
    /// Boxed, since a table has up to twice as many places as entries.
    shards: Box<[RwLock<HashTable<Box<Entry>>>]>,
    hasher: RandomState,
    said: Mutex<HashSet<Arc<Said>>>,
    reports: Mutex<HashSet<Arc<Reported>>>,
    /// By [`Entry::name`]. Few: administrators give orders, not strangers.
    orders: RwLock<HashMap<Box<str>, Orders>>,
    said_limit: AtomicUsize,
    count: AtomicUsize,
    limit: usize,
    load: AtomicU32,
}

impl DeviceTable {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            said: Mutex::default(),
            reports: Mutex::default(),
            orders: RwLock::default(),
            said_limit: AtomicUsize::new(WORDS_KEPT),
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
        let device = shard.find(hash, |entry| entry.is(user, id))?.device();
        drop(shard);
        device.map(|device| self.ordered(device))
    }

    /// What was ordered for a device. Costs nothing while there are no orders.
    pub(crate) fn orders(&self, user: &str, id: &DeviceId) -> Orders {
        let orders = self.orders.read();
        if orders.is_empty() { Orders::default() } else { orders.get(&*name(user, id)).copied().unwrap_or_default() }
    }

    fn ordered(&self, device: Device) -> Device {
        Device { orders: self.orders(&device.user, &device.id), ..device }
    }

    /// Takes the store's facts. What was seen here since then stays.
    pub(crate) fn put(&self, device: &Device) {
        // A ruling, and what management reports, must be known even when strangers' sightings have filled the table.
        let bounded = device.override_ == Override::Default && device.reported.is_none() && device.orders.is_none();
        self.order(&device.user, &device.id, device.orders);
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
        if let Ok(found) = shard.find_entry(hash, |entry| entry.is(user, id)) {
            found.remove();
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        drop(shard);
        self.order(user, id, Orders::default());
    }

    fn order(&self, user: &str, id: &DeviceId, orders: Orders) {
        if orders.is_none() && self.orders.read().is_empty() {
            return;
        }
        let mut all = self.orders.write();
        if orders.is_none() {
            all.remove(&*name(user, id));
        } else {
            all.insert(name(user, id), orders);
        }
    }

    /// Shows every device, a shard at a time; who changes one of that shard waits so long.
    pub(crate) fn each(&self, mut look: impl FnMut(&Device)) {
        for shard in &self.shards {
            shard.read().iter().filter_map(|entry| entry.device()).for_each(|device| look(&self.ordered(device)));
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
        let is_there = |name: &str| {
            let (id, user) = name.split_once(' ').unwrap_or_default();
            let hash = self.hasher.hash_one((user, id));
            self.shard(hash).is_some_and(|shard| shard.read().find(hash, |entry| &*entry.name == name).is_some())
        };
        // Never both locks at once: who changes a shard waits for its readers.
        let known: Vec<Box<str>> = self.orders.read().keys().cloned().collect();
        for name in known.into_iter().filter(|name| !is_there(name)) {
            self.orders.write().remove(&name);
        }
    }

    fn change(&self, user: &str, id: &DeviceId, bounded: bool, change: impl FnOnce(&mut Entry)) {
        let hash = self.hash(user, id);
        let Some(shard) = self.shard(hash) else { return };
        let mut shard = shard.write();
        let load = self.load.load(Ordering::Relaxed);
        if let Some(entry) = shard.find_mut(hash, |entry| entry.is(user, id)) {
            entry.load = load;
            change(entry);
            return;
        }
        if bounded && self.len() >= self.limit {
            return;
        }
        let mut entry = Box::new(Entry {
            name: name(user, id),
            said: self.say(Said::default()),
            reported: None,
            last_seen: Timestamp(0),
            reported_seen: NEVER,
            enrolled_at: NEVER,
            load,
            ruling: Override::Default,
        });
        change(&mut entry);
        shard.insert_unique(hash, entry, |entry| {
            let (id, user) = entry.name.split_once(' ').unwrap_or_default();
            self.hasher.hash_one((user, id))
        });
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// An empty word says nothing and replaces nothing, as in the store.
    fn facts(&self, entry: &mut Entry, device_type: &str, agent: &str, at: Timestamp) {
        let known = &entry.said;
        let device_type = if device_type.is_empty() { &*known.device_type } else { device_type };
        let agent = if agent.is_empty() { &*known.agent } else { agent };
        if *known.device_type != *device_type || *known.agent != *agent {
            entry.said = self.say(Said { device_type: device_type.into(), agent: agent.into() });
        }
        entry.last_seen = at;
    }

    /// Takes what management reports, shared among all devices of which the same is reported.
    fn report(&self, entry: &mut Entry, reported: Option<&Reported>) {
        let time = |of: fn(&Reported) -> Option<Timestamp>| reported.and_then(of).map_or(NEVER, |at| at.0);
        entry.reported_seen = time(|reported| reported.last_seen);
        entry.enrolled_at = time(|reported| reported.enrolled_at);
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

    fn say(&self, said: Said) -> Arc<Said> {
        let mut all = self.said.lock();
        if let Some(known) = all.get(&said) {
            return Arc::clone(known);
        }
        if all.len() >= self.said_limit.load(Ordering::Relaxed) {
            all.retain(|said| Arc::strong_count(said) > 1);
            // Those in use don't shrink: look again only when there are twice as many.
            self.said_limit.store((all.len() * 2).max(WORDS_KEPT), Ordering::Relaxed);
        }
        let said = Arc::new(said);
        all.insert(Arc::clone(&said));
        said
    }

    fn hash(&self, user: &str, id: &DeviceId) -> u64 {
        self.hasher.hash_one((user, id.as_str()))
    }

    fn shard(&self, hash: u64) -> Option<&RwLock<HashTable<Box<Entry>>>> {
        // hashbrown uses the low and the top seven bits; the shard takes others.
        self.shards.get((hash >> 40) as usize % SHARDS)
    }
}

/// The name of an entry. An id holds no blank, a user may.
fn name(user: &str, id: &DeviceId) -> Box<str> {
    format!("{} {user}", id.as_str()).into()
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
            gateway: "west".into(),
            client: "192.0.2.1".into(),
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
            orders: Orders::default(),
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
            orders: Orders::default(),
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
    fn a_8_orders_are_known_as_long_as_the_device_is() {
        let table = DeviceTable::new(1);
        table.see(&sighting("eve", "x", "x", 1));
        let id = DeviceId::parse("a").unwrap();
        let orders = Orders { resync: 7, key: 3 };
        let device = Device {
            id: id.clone(),
            user: "bob".into(),
            override_: Override::Default,
            device_type: String::new(),
            agent: String::new(),
            last_seen: Timestamp(0),
            reported: None,
            orders,
        };
        table.put(&device);
        table.see(&sighting("bob", "a", "y", 5));
        let found = |table: &DeviceTable| table.get("bob", &id).map(|device| device.orders);
        assert_eq!(found(&table), Some(orders), "however many strangers came, and after a request");
        let mut shown = Vec::new();
        table.each(|device| shown.push((device.user.clone(), device.orders)));
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(shown, [("bob".to_owned(), orders), ("eve".to_owned(), Orders::default())]);
        table.begin_load();
        table.put(&device);
        table.end_load();
        assert_eq!(found(&table), Some(orders));
        table.begin_load();
        table.end_load();
        assert!(found(&table).is_none() && table.orders.read().is_empty(), "gone from the store");
        table.put(&device);
        table.remove("bob", &id);
        assert!(table.orders.read().is_empty());
    }

    #[test]
    fn unused_words_are_thrown_away() {
        let table = DeviceTable::new(10);
        for n in 0..3 * WORDS_KEPT {
            table.see(&sighting("bob", "a", &format!("agent {n}"), n as i64));
        }
        assert!(table.said.lock().len() <= WORDS_KEPT + 1);
        assert_eq!(size_of::<Entry>(), 64);
    }
}
