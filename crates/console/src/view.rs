//! What pages show, as plain values: made from the use cases' answers, drawn by [`crate::pages`].
//!
//! Kept apart from both so that each page can be drawn with made-up data in each language by a test, and in a
//! browser by `examples/preview.rs`. Texts in here come from outside (mail, phones, people): the templates
//! escape them all.

use model::device::Reported;
use model::site::content::LinkMode;
use model::{Counter, EngineState, Timestamp};
use store::devices::Class;

use crate::device_query::DeviceQuery;

/// Something that the home page's sentence names instead of "all is well" (console.md A-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The oldest mail in the queue waits so many seconds.
    QueueOld(i64),
    /// The store can't be reached.
    StoreAway,
    /// No domain is managed yet, so no mail is received.
    NoDomain,
    /// Test mode of the mobile gate: nothing is blocked.
    TestMode,
    /// This scanner does not answer.
    ScannerDown(String),
    /// The data of this scanner are so many seconds old.
    ScannerOld(String, i64),
}

/// The home page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home {
    /// What is not well.
    pub troubles: Vec<Trouble>,
    /// This node's id.
    pub node: String,
    /// Our name in mail.
    pub hostname: String,
    /// Program version.
    pub version: String,
    /// Seconds since the node started.
    pub uptime: i64,
    /// Live counts, of all nodes, in the order of [`Counter::ALL`].
    pub counts: Vec<(Counter, i64)>,
    /// Accounts that are no leavers' (M-C15).
    pub users_active: i64,
    /// Mail in the queue.
    pub queue_length: i64,
    /// When the oldest of it came; 0 if there is none.
    pub queue_oldest: Timestamp,
    /// Devices whose latest request was allowed.
    pub devices_allowed: i64,
    /// Devices whose latest request was blocked.
    pub devices_blocked: i64,
    /// The scanners that the site names.
    pub engines: Vec<EngineState>,
    /// Mail by hour since this node started, oldest first: label, received, sent.
    pub hours: Vec<(String, i64, i64)>,
}

/// One delivery in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueItem {
    /// Its id.
    pub id: String,
    /// The mail's trace id.
    pub trace: String,
    /// Envelope sender; empty for the null sender.
    pub from: String,
    /// Recipients that still wait.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// When it came.
    pub created: Timestamp,
    /// When it will be tried next; 0 while it is being tried.
    pub next_try: Timestamp,
    /// Tries so far.
    pub tries: i64,
    /// What the other side, or the way there, said last.
    pub last_error: String,
    /// True if an administrator holds it.
    pub held: bool,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceItem {
    /// Its id.
    pub id: String,
    /// Its user.
    pub user: String,
    /// The administrators' word: `default`, `whitelist`, `blacklist`.
    pub ruling: String,
    /// `DeviceType=`.
    pub device_type: String,
    /// User-Agent.
    pub agent: String,
    /// First request.
    pub first_seen: Timestamp,
    /// Latest request; 0 if there was none.
    pub last_seen: Timestamp,
    /// Command of the latest request.
    pub last_command: String,
    /// Latest decision; `None` before the first.
    pub allowed: Option<bool>,
    /// Its reason's code.
    pub reason: String,
    /// Command at which the decision changed last.
    pub state_command: String,
    /// When it changed last.
    pub state_since: Timestamp,
    /// Configuration of the latest request.
    pub gateway: String,
    /// Node that saw it.
    pub node: String,
    /// The client's address.
    pub client: String,
    /// When it was ordered to sync anew; 0: never.
    pub resync_ordered: Timestamp,
    /// When the key of its attachments was renewed; 0: never.
    pub key_renewed: Timestamp,
    /// What its management reports.
    pub reported: Reported,
    /// Since when its diagnostics are on; 0: they are off, or nobody asked.
    pub diagnosed: Timestamp,
    /// Counts changes by administrators.
    pub version: i64,
}

/// One change of the decision about a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionItem {
    /// When.
    pub at: Timestamp,
    /// Allowed from then on.
    pub allowed: bool,
    /// The reason's code.
    pub reason: String,
    /// Command of the request; empty if no request changed it.
    pub command: String,
    /// Configuration of the request.
    pub gateway: String,
    /// The client's address.
    pub client: String,
}

/// One request that diagnostics kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransactionItem {
    /// When it came.
    pub at: Timestamp,
    /// Command and protocol version.
    pub command: String,
    /// Passed on.
    pub allowed: bool,
    /// The reason's code.
    pub reason: String,
    /// HTTP status of the answer; 0: none went out.
    pub status: i64,
    /// Milliseconds.
    pub took: i64,
    /// Octets of its body; `None`: it did not say.
    pub received: Option<i64>,
    /// Octets of the answer's body.
    pub sent: i64,
    /// The answer went out to its end.
    pub whole: bool,
    /// Configuration by which it came.
    pub gateway: String,
    /// The client's address.
    pub client: String,
}

/// A device whose diagnostics are on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiagnosedItem {
    /// Its user.
    pub user: String,
    /// Its id.
    pub id: String,
    /// Since when.
    pub since: Timestamp,
    /// Requests that are kept of it.
    pub kept: i64,
}

/// A list of devices as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceList {
    /// The page, by device.
    pub page: Page<DeviceItem>,
    /// The page, by user, if that is asked for.
    pub users: Option<Page<UserDevices>>,
    /// How many there are in all, if that is known.
    pub total: Option<i64>,
    /// What was asked for.
    pub query: DeviceQuery,
    /// All columns, not the summary.
    pub detailed: bool,
    /// Configurations: id and name.
    pub gateways: Vec<(String, String)>,
    /// The gate blocks nothing.
    pub test_mode: bool,
}

/// How the mobile gate of this node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GatewayState {
    /// It would pass requests on; `None`: this node has none.
    pub ready: Option<bool>,
    /// When the certificate ends that phones see at this node.
    pub certificate_ends: Option<Timestamp>,
}

/// A user's devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserDevices {
    /// The user.
    pub user: String,
    /// Devices.
    pub devices: i64,
    /// Of them managed.
    pub managed: i64,
    /// Of them allowed.
    pub allowed: i64,
    /// Of them blocked.
    pub blocked: i64,
    /// The latest request of any.
    pub last_seen: Timestamp,
}

/// The mobile dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mobile {
    /// How many devices there are of each class.
    pub classes: Vec<(Class, i64)>,
    /// Configurations: id and name.
    pub gateways: Vec<(String, String)>,
    /// The gate blocks nothing.
    pub test_mode: bool,
    /// Compliance runs that wait or run.
    pub runs: usize,
    /// Why a run was given up, if one was.
    pub run_failed: String,
}

/// One policy in the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyItem {
    /// Its key; of a kind that nobody has written yet its word.
    pub key: String,
    /// The kind's word.
    pub kind: String,
    /// It is asked.
    pub enabled: bool,
    /// It blocks also what was not reported.
    pub strict: bool,
    /// Labels that it is limited to.
    pub labels: Vec<String>,
    /// Configurations that it is limited to.
    pub gateways: Vec<String>,
    /// Days.
    pub days: Option<u16>,
    /// What a match in the list means; `None` for kinds without a list.
    pub blocks_listed: Option<bool>,
    /// Entries of the list, one a line.
    pub list: Vec<String>,
    /// `hyperlinks`: which links change; `None` for all other kinds.
    pub link_mode: Option<LinkMode>,
    /// `hyperlinks`: domains of the list.
    pub domains: Vec<String>,
    /// Devices that it would block if it were the only one; `None`: not to be said.
    pub would_block: Option<u64>,
    /// Its version; 0: there is none yet.
    pub version: i64,
}

/// One managed domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DomainItem {
    /// Its name.
    pub name: String,
    /// Where its mail goes.
    pub forward: String,
    /// TLS level towards it.
    pub tls: String,
    /// Its language, or empty.
    pub language: String,
    /// DKIM selector that its mail is signed under, or empty.
    pub dkim: String,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserItem {
    /// Its address.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Its S/MIME keys.
    pub smime_keys: i64,
    /// May encrypt and sign.
    pub active: bool,
}

/// The running rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Their text.
    pub text: String,
    /// True if the generator wrote them.
    pub generated: bool,
    /// Switches whose commands are not built yet.
    pub left_out: Vec<String>,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditItem {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What: `section/key`.
    pub what: String,
    /// JSON before, secrets masked; empty if there was nothing.
    pub before: String,
    /// JSON after, secrets masked; empty if it was removed.
    pub after: String,
}

/// A page of the mail log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogPage {
    /// Newest first.
    pub stories: Vec<logs::Story>,
    /// What was looked for.
    pub words: String,
    /// The outcome's word that was looked for, or empty.
    pub outcome: String,
    /// Cursor of this page, unless it is the first.
    pub here: Option<String>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
    /// False if there was no time to look through everything before `next`.
    pub in_time: bool,
    /// Files that could not be read.
    pub damaged: Vec<String>,
}

/// A page of a list, and the cursor of the next one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of this page, unless it is the first.
    pub here: Option<String>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}
