//! One request of a phone with its answer, as diagnostics keep it (mobile-gateway.md G-31).

use serde::{Deserialize, Serialize};

use crate::device::{Decision, DeviceId};
use crate::{Timestamp, TraceId};

/// A request and its answer. Facts of the protocol only: no credentials, no query beyond what is named here, no contents, no subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// In every log line about it.
    pub trace: TraceId,
    /// The device.
    pub device: DeviceId,
    /// The user as compared.
    pub user: String,
    /// When it came.
    pub at: Timestamp,
    /// Id of the configuration by which it came.
    pub gateway: String,
    /// The client's address.
    pub client: String,
    /// User-Agent, at most 255 characters.
    pub agent: String,
    /// Command name, such as `Sync`.
    pub command: String,
    /// Protocol version that it named; empty: none.
    pub version: String,
    /// What was decided last, before it was answered.
    pub decision: Decision,
    /// HTTP status of the answer; 0: none went out.
    pub status: u16,
    /// From its head to the last octet of the answer, in microseconds.
    pub took: i64,
    /// Octets of its body, as its length said; `None`: it did not say.
    pub received: Option<u64>,
    /// Octets of the answer's body that went out.
    pub sent: u64,
    /// False if the answer ended before its end: the phone went, or the mail server did.
    pub whole: bool,
}
