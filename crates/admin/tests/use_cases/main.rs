//! The use cases on a real store (SQLite in a directory of its own): what they change, refuse, and note.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod compliance;
mod config;
mod device_csv;
mod devices;
mod domain_keys;
mod key_mail;
mod key_upkeep;
mod keys;
mod master_key;
mod new_keys;
mod orders;
mod people;
mod records;
mod rights;
mod rule_sets;
mod rule_versions;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use admin::{Admin, Parts, Settings};
use crypto::pool::CpuPool;
use keyring::{MasterKey, Vault};
use model::{Actor, FixedClock, Rights, Timestamp};
use store::Store;
use tempfile::TempDir;

/// The use cases on a fresh store.
pub(crate) struct House {
    pub(crate) admin: Admin,
    parts: Parts,
    pub(crate) store: Store,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) dir: TempDir,
}

/// 2026-11-21.
pub(crate) const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

pub(crate) async fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::new(NOW));
    let store = Store::open("sqlite:", &dir.path().join("data"), clock.clone()).await.unwrap();
    let master = MasterKey::create(&dir.path().join("master.key")).unwrap();
    let (vault, _) = Vault::create(master).unwrap();
    let settings = Settings { account_limit: 3, network_limit: 5, lock_for: Duration::from_secs(600), ..Settings::default() };
    let parts = Parts {
        store: store.clone(),
        live: None,
        vault: Arc::new(vault),
        pool: CpuPool::new(1).unwrap(),
        clock: clock.clone(),
        simulator: None,
        queue: None,
        phones: None,
        master: None,
        logs: None,
        settings,
    };
    House { admin: Admin::new(parts.clone()), parts, store, clock, dir }
}

pub(crate) fn local() -> Actor {
    Actor::local()
}

pub(crate) fn with_rights(words: &[&str]) -> Actor {
    Actor { name: "carol".to_owned(), rights: Rights::from_words(words.iter().copied()), origin: "192.0.2.7".to_owned() }
}

impl House {
    pub(crate) fn parts(&self) -> Parts {
        self.parts.clone()
    }

    /// The audit log, oldest first: `who what before > after`.
    pub async fn log(&self) -> Vec<String> {
        let mut log = self.admin.audit_log(&local(), "", 1000).await.unwrap();
        log.reverse();
        log.into_iter()
            .map(|e| format!("{} {} {} > {}", e.who, e.what, e.before.unwrap_or_default(), e.after.unwrap_or_default()))
            .collect()
    }
}
