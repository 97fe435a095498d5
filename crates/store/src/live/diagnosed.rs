//! Diagnostics in this node's memory: for which devices they are on, and transactions on their way to the store.
//!
//! Few devices, so a small table of its own: the million others pay one look at an empty map. Transactions are soft: what does not
//! find room is forgotten, and what a crash loses is gone. Never waits for disk or store.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use model::device::DeviceId;
use model::{Fault, Transaction};
use parking_lot::{Mutex, RwLock};

use super::State;
use super::record::harmless;
use crate::diagnostics;

/// Transactions that wait for the store at most.
const MOST: usize = 10_000;
/// Transactions in one write.
const BATCH: usize = 500;

#[derive(Default)]
pub(crate) struct Diagnosed {
    devices: RwLock<HashMap<String, HashSet<DeviceId>>>,
    waiting: Mutex<Vec<Transaction>>,
    dropped: AtomicU64,
}

impl Diagnosed {
    pub(crate) fn is_on(&self, user: &str, device: &DeviceId) -> bool {
        let devices = self.devices.read();
        !devices.is_empty() && devices.get(user).is_some_and(|ids| ids.contains(device))
    }

    /// What the store says of one device.
    pub(crate) fn set(&self, user: &str, device: &DeviceId, on: bool) {
        let mut devices = self.devices.write();
        if on {
            devices.entry(user.to_owned()).or_default().insert(device.clone());
        } else if let Some(ids) = devices.get_mut(user) {
            ids.remove(device);
            if ids.is_empty() {
                devices.remove(user);
            }
        }
    }

    /// What the store says of all.
    pub(crate) fn replace(&self, all: Vec<diagnostics::Diagnosed>) {
        let mut devices: HashMap<String, HashSet<DeviceId>> = HashMap::new();
        for one in all {
            devices.entry(one.user).or_default().insert(one.id);
        }
        *self.devices.write() = devices;
    }

    /// Takes a transaction, if there is room.
    pub(crate) fn put(&self, transaction: Transaction) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MOST {
            waiting.push(transaction);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Vec<Transaction> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }

    /// Puts back what could not be written, before what came since.
    fn put_back(&self, mut transactions: Vec<Transaction>) {
        let mut waiting = self.waiting.lock();
        transactions.append(&mut waiting);
        transactions.truncate(MOST);
        *waiting = transactions;
    }
}

/// The same transaction without what a store can't keep.
pub(crate) fn storable(mut transaction: Transaction) -> Transaction {
    for text in [
        &mut transaction.user,
        &mut transaction.gateway,
        &mut transaction.client,
        &mut transaction.agent,
        &mut transaction.command,
        &mut transaction.version,
    ] {
        harmless(text);
    }
    transaction
}

/// Writes all that waits.
pub(super) async fn to_store(state: &State) -> Result<(), Fault> {
    let dropped = state.diagnosed.dropped.swap(0, Ordering::Relaxed);
    if dropped > 0 {
        tracing::warn!(event = "device.diagnostics_dropped", dropped, "too many requests of diagnosed devices at once: some were not kept");
    }
    loop {
        let batch = state.diagnosed.take();
        if batch.is_empty() {
            return Ok(());
        }
        let writing = batch.clone();
        let written = state.store.write(move |tx| Box::pin(async move { diagnostics::keep(tx, &writing).await })).await;
        if let Err(fault) = written {
            if fault.temporary {
                state.diagnosed.put_back(batch);
            }
            return Err(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::device::{Decision, Reason};
    use model::{Timestamp, TraceId};

    use super::*;

    fn transaction(at: i64) -> Transaction {
        Transaction {
            trace: TraceId::new(),
            device: DeviceId::parse("a").unwrap(),
            user: "bob".into(),
            at: Timestamp(at),
            gateway: "west".into(),
            client: "192.0.2.1".into(),
            agent: "Apple\0".into(),
            command: "Ping".into(),
            version: "14.1".into(),
            decision: Decision { allowed: true, reason: Reason::Compliant },
            status: 200,
            took: 1,
            received: None,
            sent: 0,
            whole: true,
        }
    }

    #[test]
    fn g_31_few_devices_are_on_and_what_waits_is_bounded() {
        let (all, id) = (Diagnosed::default(), DeviceId::parse("A").unwrap());
        all.set("bob", &id, true);
        assert!(all.is_on("bob", &id) && !all.is_on("eve", &id) && !all.is_on("bob", &DeviceId::parse("b").unwrap()));
        all.set("bob", &id, false);
        assert!(!all.is_on("bob", &id) && all.devices.read().is_empty());
        (0..MOST as i64 + 5).for_each(|at| all.put(transaction(at)));
        assert_eq!((all.waiting.lock().len(), all.dropped.load(Ordering::Relaxed)), (MOST, 5));
        let first = all.take();
        assert_eq!((first.len(), first[0].at), (BATCH, Timestamp(0)));
        all.put_back(first);
        let waiting = all.waiting.lock();
        assert_eq!((waiting.len(), waiting[0].at), (MOST, Timestamp(0)));
        assert_eq!(storable(transaction(1)).agent, "Apple\u{FFFD}");
    }
}
