//! Which folders each device was shown: bounded, in memory, the node's own.
//!
//! A node that has forgotten a device (a restart, very many devices) sends it back to a first FolderSync; nothing is lost by
//! that and nothing is shown meanwhile.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use activesync::Command;
use model::device::DeviceId;
use model::site::PolicyFolder;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::identify::Asked;

/// What one device was shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// Under which policies; `None`: nothing was hidden.
    pub(super) rule: Option<u64>,
    /// Hashes of the ids, sorted.
    ids: Box<[u64]>,
    sync: AtomicBool,
    ping: AtomicBool,
}

impl Shown {
    /// What is shown now. What the device told of its polls stays as long as it only learns of changes.
    pub(super) fn new(rule: u64, mut ids: Vec<u64>, before: Option<&Self>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        let told = |command| before.is_some_and(|before| before.was_told(command)).into();
        Self { rule: Some(rule), ids: ids.into(), sync: told(Command::Sync), ping: told(Command::Ping) }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.ids.iter().copied()
    }

    /// True if the device has named the folders of its polls since it was shown these: only then may it say "as before",
    /// because the server remembers what it said under other policies too.
    pub(super) fn was_told(&self, command: Command) -> bool {
        self.flag(command).is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    pub(super) fn tell(&self, command: Command) {
        if let Some(flag) = self.flag(command) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    fn flag(&self, command: Command) -> Option<&AtomicBool> {
        match command {
            Command::Sync => Some(&self.sync),
            Command::Ping => Some(&self.ping),
            _ => None,
        }
    }
}

/// What all devices of this node were shown.
#[derive(Debug)]
pub(crate) struct Hierarchies {
    known: Cache<(Box<str>, DeviceId), Arc<Shown>>,
    hasher: RandomState,
}

impl Hierarchies {
    /// Remembers at most so many folders, over all devices; who has not asked for longest is forgotten first.
    pub(crate) fn new(folders: u64) -> Self {
        let weight = |_: &(Box<str>, DeviceId), shown: &Arc<Shown>| u32::try_from(shown.ids.len()).unwrap_or(u32::MAX).saturating_add(20);
        let known = Cache::builder().max_capacity(folders).weigher(weight).eviction_policy(EvictionPolicy::lru()).build();
        Self { known, hasher: RandomState::new() }
    }

    pub(super) fn get(&self, user: &str, device: &DeviceId) -> Option<Arc<Shown>> {
        if self.known.entry_count() == 0 {
            // The count lags behind what was put in last.
            self.known.run_pending_tasks();
            if self.known.entry_count() == 0 {
                return None;
            }
        }
        self.known.get(&(user.into(), device.clone()))
    }

    pub(super) fn remember(&self, asked: &Asked, shown: Shown) {
        if let Some(device) = &asked.device {
            self.known.insert((asked.user.clone(), device.clone()), Arc::new(shown));
        }
    }

    pub(super) fn forget(&self, asked: &Asked) {
        if let Some(device) = &asked.device {
            self.known.invalidate(&(asked.user.clone(), device.clone()));
        }
    }

    /// The hash of a folder's id. Its key is this process's own, so nobody can look for collisions.
    pub(super) fn hash(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    pub(super) fn has(&self, shown: &Shown, id: &str) -> bool {
        shown.ids.binary_search(&self.hash(id)).is_ok()
    }

    /// The number of a set of hidden folders.
    pub(super) fn number(&self, folders: &[PolicyFolder]) -> u64 {
        self.hasher.hash_one(folders)
    }
}
