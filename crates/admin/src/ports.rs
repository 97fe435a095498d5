//! What the use cases need from rooms that the program joins: the simulator of `flow`, and its queue.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::device::DeviceId;
use model::site::MobileGateway;
use model::{Address, Fault, Timestamp, TraceId};
use rules::RuleSet;

/// A message and an envelope that go through a rule set without being sent (M-R4).
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The rule set; `None` is the one that runs.
    pub rules: Option<Arc<RuleSet>>,
    /// The message, CRLF line ends.
    pub message: Bytes,
    /// MAIL FROM; `None` is the null sender.
    pub from: Option<Address>,
    /// RCPT TO, at least one.
    pub to: Vec<Address>,
    /// As if the client had signed in as the sender, or may speak for it.
    pub authenticated: bool,
}

/// Runs simulations: `flow`.
#[async_trait]
pub trait Simulator: Send + Sync {
    /// What would become of it: the JSON of contract.md `rules run`. Nothing is committed.
    ///
    /// # Errors
    /// As a client would get it.
    async fn simulate(&self, simulation: Simulation) -> Result<serde_json::Value, Fault>;
}

/// One message in this node's queue: the fields of contract.md `queue list`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct QueueEntry {
    /// Its place in the queue.
    pub id: String,
    /// The mail that it belongs to.
    pub trace: TraceId,
    /// Reverse path; empty for bounces.
    pub from: String,
    /// Who has not got it yet.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// When it came.
    pub created: Timestamp,
    /// When it is tried next.
    pub next_try: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// What the other side said last.
    pub last_error: String,
    /// Stays until somebody releases it.
    pub held: bool,
}

/// Which queued messages are asked for: all that are given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueAsk {
    /// Somebody who has not got it yet.
    pub to: Option<Address>,
    /// The reverse path.
    pub from: Option<Address>,
    /// The domain of somebody who has not got it yet.
    pub domain: Option<String>,
    /// The mail that it belongs to.
    pub trace: Option<TraceId>,
}

/// What taking over another node's queue brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct QueueAdopted {
    /// Messages that are in this queue now.
    pub mails: u64,
    /// Messages that an earlier, interrupted take-over had brought.
    pub known: u64,
    /// Messages that can't be read; they stay where they are.
    pub unreadable: u64,
}

/// Control of this node's queue: `flow`.
#[async_trait]
pub trait QueueControl: Send + Sync {
    /// Entries after `cursor` (an id; empty: from the first), at most `limit`.
    async fn list(&self, ask: &QueueAsk, cursor: &str, limit: u32) -> Result<Vec<QueueEntry>, Fault>;
    /// How many there are, and when the oldest came (0: none).
    async fn length(&self) -> Result<(u64, Timestamp), Fault>;
    /// Takes over the queue of a node that does not run, from its directory on this machine.
    async fn adopt(&self, directory: &str) -> Result<QueueAdopted, Fault>;
    /// One entry.
    async fn show(&self, id: &str) -> Result<Option<QueueEntry>, Fault>;
    /// Tries one, or all, at once. How many there were.
    async fn retry(&self, id: Option<&str>) -> Result<u64, Fault>;
    /// Holds or releases one. False if there is none.
    async fn hold(&self, id: &str, held: bool) -> Result<bool, Fault>;
    /// Removes one; `tell`: its sender gets a report. What is being delivered ends first. False if there is none.
    async fn remove(&self, id: &str, tell: bool) -> Result<bool, Fault>;
}

/// What one mail server answered to a request without credentials.
#[derive(Debug)]
pub struct ServerProbe {
    /// Its URL.
    pub server: String,
    /// How long it took.
    pub took: std::time::Duration,
    /// The schemes that it offers; or why phones would get no mail.
    pub answer: Result<Vec<String>, Fault>,
}

/// Where this node sends a phone's requests because the mail server said so (mobile-gateway.md G-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The configuration's id.
    pub gateway: String,
    /// The user as compared.
    pub user: String,
    /// The device; `None` for Autodiscover, which names none.
    pub device: Option<DeviceId>,
    /// The server.
    pub url: String,
}

/// Control of this node's mobile gate.
#[async_trait]
pub trait PhoneGate: Send + Sync {
    /// Asks every mail server of a configuration, which need not be in force.
    async fn probe(&self, gateway: &MobileGateway) -> Vec<ServerProbe>;
    /// True if requests would be passed on: a configuration is on, and the policies are whole or not needed.
    fn is_ready(&self) -> bool;
    /// When the certificate ends that phones see at this node's own listeners; `None` if it can't be read.
    fn certificate_ends(&self) -> Option<Timestamp>;
    /// All redirects, by configuration, user and device.
    fn redirects(&self) -> Vec<Redirect>;
    /// Forgets one; false if there was none. Where it leads is not compared.
    fn clear_redirect(&self, redirect: &Redirect) -> bool;
    /// A profile for devices signed with the key of the certificate that phones see here: CMS SignedData with the profile inside.
    /// Blocks: call it on the CPU pool.
    ///
    /// # Errors
    /// `profile-unsigned`: the key can't be used.
    fn sign_profile(&self, profile: &[u8]) -> Result<Vec<u8>, Fault>;
}
