//! What pages show, as plain values: made from the use cases' answers, drawn by [`crate::pages`].
//!
//! Kept apart from both so that each page can be drawn with made-up data in each language by a test, and in a
//! browser by `examples/preview.rs`. Texts in here come from outside (mail, phones, people): the templates
//! escape them all.

use model::{Counter, EngineState, Timestamp};

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
    /// `default`, `whitelist`, `blacklist`.
    pub ruling: String,
    /// Kind, as it says itself.
    pub device_type: String,
    /// Program, as it says itself.
    pub agent: String,
    /// Latest request; 0 if none.
    pub last_seen: Timestamp,
    /// Latest decision, if there was one.
    pub allowed: Option<bool>,
    /// Reason code of that decision.
    pub reason: String,
    /// Counts rulings: two people who rule at once are told.
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
