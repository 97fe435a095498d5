//! What all use cases share.

use std::sync::Arc;
use std::time::Duration;

use crypto::pool::CpuPool;
use keyring::Vault;
use model::{Clock, Fault};
use store::{Live, Store};

use crate::ports::{PhoneGate, QueueControl, Simulator};

/// Durations and limits of sign-in (security.md X-16).
#[derive(Debug, Clone)]
pub struct Settings {
    /// Wrong passwords of one account before it is locked.
    pub account_limit: u32,
    /// Wrong passwords from one IPv4 address or IPv6 /64 before it is locked.
    pub network_limit: u32,
    /// How long a lock lasts.
    pub lock_for: Duration,
    /// Longest wait until this node has caught up with a change before the answer is given all the same.
    pub catch_up: Duration,
    /// Longest time of one search of the log; the page then ends early.
    pub log_search: Duration,
    /// A node that has not said for so long that it is there counts as lost.
    pub node_lost: Duration,
    /// One that has not for so long is gone for good, and nobody is told any more.
    pub node_gone: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let (lock_for, catch_up) = (Duration::from_secs(15 * 60), Duration::from_secs(5));
        // Nodes say hourly that they are there (`times.housekeeping`).
        let (node_lost, node_gone) = (Duration::from_secs(3 * 3_600), Duration::from_secs(7 * 86_400));
        Self { account_limit: 8, network_limit: 40, lock_for, catch_up, log_search: crate::log::SEARCH, node_lost, node_gone }
    }
}

/// What the program hands over.
#[derive(Clone)]
pub struct Parts {
    /// The truth.
    pub store: Store,
    /// The site in this node's memory; `None` for the command line with no node running.
    pub live: Option<Live>,
    /// Seals private keys.
    pub vault: Arc<Vault>,
    /// Passwords are hashed there.
    pub pool: CpuPool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Simulations, if this node can run them.
    pub simulator: Option<Arc<dyn Simulator>>,
    /// The queue, if this node has one.
    pub queue: Option<Arc<dyn QueueControl>>,
    /// The mobile gate, if this node has one.
    pub phones: Option<Arc<dyn PhoneGate>>,
    /// Where the master key lies, if this node can change it.
    pub master: Option<Arc<dyn crate::master_key::MasterPlace>>,
    /// This node's stories.
    pub logs: Option<logs::Reader>,
    /// Durations and limits.
    pub settings: Settings,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Admin(pub(crate) Arc<Parts>, pub(crate) Arc<crate::policy_effects::Counted>);

impl Admin {
    /// With these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts), Arc::default())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Waits until this node works by what was just committed. Being late is no fault: the change is made.
    pub(crate) async fn in_force(&self) -> Result<(), Fault> {
        let Some(live) = &self.0.live else { return Ok(()) };
        match tokio::time::timeout(self.0.settings.catch_up, live.caught_up()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::warn!(%fault, "the change is made; this node has not seen it yet"),
            Err(_) => tracing::warn!("the change is made; this node takes long to see it"),
        }
        Ok(())
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("store", &self.0.store).finish_non_exhaustive()
    }
}
