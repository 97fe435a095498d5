//! What the gates need from the outside, as small traits that they own.
//!
//! `store`, `keyring` or a remote back end fill them; tests fill them with what shows a fault. No trait here
//! names SQL, files or sockets.

use std::sync::Arc;

use async_trait::async_trait;

use crate::device::{Device, DeviceId, Orders, Sighting};
use crate::{Effect, EffectId, Fault, Plan, SecretBytes, SecretText, Site, Transaction};

/// The site's data as it is now, in memory: never waits, never runs SQL.
pub trait Facts: Send + Sync {
    /// The present site. Keep it for one message or request, not longer.
    fn site(&self) -> Arc<Site>;
}

/// Makes a plan durable on this node.
#[async_trait]
pub trait Commit: Send + Sync {
    /// Returns when the plan would survive a power cut. After an error nothing of it is kept.
    ///
    /// # Errors
    /// A temporary fault: the disk is full or failed.
    async fn commit(&self, plan: Plan) -> Result<(), Fault>;
}

/// Applies committed effects to the shared state.
#[async_trait]
pub trait EffectSink: Send + Sync {
    /// Applies all of the batch in one transaction. An effect that was applied before (same id) is skipped,
    /// so the caller may repeat a batch whose answer it lost.
    ///
    /// # Errors
    /// Temporary when the store is away; the caller tries again later.
    async fn apply(&self, batch: &[(EffectId, Effect)]) -> Result<(), Fault>;
}

/// Opens secrets of the site.
pub trait Secrets: Send + Sync {
    /// What the row `name` of the section `secret` holds sealed; `None` if it can't be opened here.
    fn open(&self, name: &str, sealed: &str) -> Option<SecretText>;
}

/// What is known about devices, in memory: never waits, never runs SQL.
pub trait DeviceFacts: Send + Sync {
    /// The device of this user (lower case, without `DOMAIN\`), if it was ever seen or entered.
    fn device(&self, user: &str, id: &DeviceId) -> Option<Device>;

    /// What administrators ordered for it; nothing for one that nobody knows. Asked for each request.
    fn orders(&self, user: &str, id: &DeviceId) -> Orders {
        self.device(user, id).map(|device| device.orders).unwrap_or_default()
    }
}

/// Takes note of phones' requests.
pub trait Recorder: Send + Sync {
    /// Keeps the facts for the store. Never waits: when its queue is full the oldest facts of the same
    /// device are replaced.
    fn record(&self, sighting: Sighting);

    /// True if requests of this device of this user (as compared) are kept one by one.
    fn is_diagnosed(&self, _user: &str, _device: &DeviceId) -> bool {
        false
    }

    /// Keeps one request of a device whose diagnostics are on. Never waits: when its queue is full it is forgotten.
    fn diagnosed(&self, _transaction: Transaction) {}
}

/// What the vault gives to who changes mails on phones.
pub trait ContentKeys: Send + Sync {
    /// The site's MAC of a reference to an attachment, 32 octets; `None` if there is no key yet.
    fn mac(&self, octets: &[u8]) -> Option<Vec<u8>>;

    /// True if these, 16 octets at least, are the beginning of the MAC that any of the site's keys made.
    fn fits(&self, octets: &[u8], begin: &[u8]) -> bool;

    /// The key for attachments of one device of one user, 32 octets, and its epoch: of this epoch, or the newest. `number` is which
    /// of the device's keys ([`crate::device::Orders::key`]).
    fn attachment_key(&self, user: &str, device: &str, number: i64, epoch: Option<i64>) -> Option<(i64, SecretBytes)>;
}

/// What is known of the certificates that a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// None below the root was revoked.
    Good,
    /// One was: which, in words for an administrator.
    Revoked(String),
    /// Nobody says; why.
    Unknown(String),
}

/// Asks issuers what they took back.
#[async_trait]
pub trait Issuers: Send + Sync {
    /// What is known of the certificates that a server of this configuration showed (DER, its own first) and stapled (an OCSP response;
    /// empty without). Asks outside, so it takes its time, but ends within its own.
    async fn standing(&self, gateway: &str, shown: Vec<Vec<u8>>, stapled: Vec<u8>) -> Standing;
}
