//! Devices of phones: who was seen with what, what administrators ruled for one device, what its management reports.
//!
//! Sightings come in batches from every node and are soft: the newest wins, nobody waits for them, they don't go
//! through the feed ([`see`]). Rulings and reports are site data: versioned, in the feed, in force everywhere within a
//! second ([`rule`], [`report`], [`order`]). Lists of a million are filtered and counted by [`Class`], searched by what texts begin with
//! ([`page`]). What was decided before stands in [`history`].
//! Must never: change a row of `device` past [`change`], where the counts change with it.

mod change;
mod class;
mod facts;
mod history;
mod page;
mod search;
mod see;

use std::sync::Arc;

use model::device::{Device, DeviceId, Orders, Override, Reason, Reported};
use model::{Fault, Timestamp};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::{Row, Value, values};

pub use change::{Ordered, judged, order, remove, report, rule};
pub use class::{Class, Tally, classes, recount, tally};
pub(crate) use facts::Last;
pub use facts::{Facts, facts, facts_before};
pub use history::{Decided, decisions, forget_decisions};
pub use page::{Filter, Found, Status, UserRow, page, users};
pub use see::see;

pub(crate) use change::{feed_key, of_feed_key};

/// The columns of a device, in the order in which [`Stored::read`] takes them.
macro_rules! columns {
    () => {
        "d.user_key, d.id, d.ruling, d.device_type, d.agent, d.last_seen, d.first_seen, d.last_command, d.last_reason, d.last_allowed, \
         d.version, d.reported, d.gateway, d.node, d.client, d.state_command, d.state_since, d.class, d.resync, d.key_number"
    };
}
pub(crate) use columns;

/// A device with all that is kept about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// The facts that decisions use.
    pub device: Device,
    /// When it came here.
    pub first_seen: Timestamp,
    /// Command of its latest request.
    pub last_command: String,
    /// Reason's word of its latest decision; empty if there was none.
    pub last_reason: String,
    /// Its latest decision; `None` if there was none.
    pub last_allowed: Option<bool>,
    /// Counts changes by administrators; what If-Match compares.
    pub version: i64,
    /// Configuration by which its latest request came.
    pub gateway: String,
    /// Node that saw its latest request.
    pub node: String,
    /// The client's address of its latest request.
    pub client: String,
    /// Command of the request at which its decision changed last; empty if no request changed it.
    pub state_command: String,
    /// When its decision changed last; 0 if there was none.
    pub state_since: Timestamp,
}

impl DeviceRow {
    /// The decision's code as dashboards and scripts read it; empty if there was none.
    #[must_use]
    pub fn code(&self) -> String {
        code(self.last_allowed, &self.last_reason)
    }
}

/// A row as it lies in the store, before anything in it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    user: String,
    id: String,
    ruling: String,
    device_type: String,
    agent: String,
    last_seen: Timestamp,
    first_seen: Timestamp,
    last_command: String,
    last_reason: String,
    last_allowed: Option<bool>,
    version: i64,
    reported: String,
    gateway: String,
    node: String,
    client: String,
    state_command: String,
    state_since: Timestamp,
    /// As it was read; what is written is [`Stored::class`].
    class: String,
    orders: Orders,
}

impl Stored {
    /// A device that nobody has seen.
    fn new(user: &str, id: &str, now: Timestamp) -> Self {
        let none = String::new;
        Self {
            user: user.to_owned(),
            id: id.to_owned(),
            ruling: Override::Default.word().to_owned(),
            device_type: none(),
            agent: none(),
            last_seen: Timestamp(0),
            first_seen: now,
            last_command: none(),
            last_reason: none(),
            last_allowed: None,
            version: 1,
            reported: none(),
            gateway: none(),
            node: none(),
            client: none(),
            state_command: none(),
            state_since: Timestamp(0),
            class: none(),
            orders: Orders::default(),
        }
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            user: row.text(0)?,
            id: row.text(1)?,
            ruling: row.text(2)?,
            device_type: row.text(3)?,
            agent: row.text(4)?,
            last_seen: row.time(5)?,
            first_seen: row.time(6)?,
            last_command: row.text(7)?,
            last_reason: row.text(8)?,
            last_allowed: match row.int(9)? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
            version: row.int(10)?,
            reported: row.text(11)?,
            gateway: row.text(12)?,
            node: row.text(13)?,
            client: row.text(14)?,
            state_command: row.text(15)?,
            state_since: row.time(16)?,
            class: row.text(17)?,
            orders: Orders { resync: row.int(18)?, key: row.int(19)? },
        })
    }

    /// Its class by what it is now.
    fn class(&self) -> Class {
        Class {
            gateway: self.gateway.clone(),
            managed: self.reported.starts_with(r#"{"managed":true"#),
            ruling: self.ruling.clone(),
            allowed: self.last_allowed,
            reason: self.last_reason.clone(),
        }
    }

    /// The class by which it is counted: as it was read, or, of a row that is about to be written, as it is.
    fn counted(&self) -> String {
        if self.class.is_empty() { self.class().word() } else { self.class.clone() }
    }

    /// What its management reports.
    fn reported(&self) -> Result<Option<Reported>, StoreError> {
        match self.reported.as_str() {
            "" => Ok(None),
            text => serde_json::from_str(text).map(Some).map_err(|e| damaged(e.to_string())),
        }
    }

    /// The values of the columns that [`change`] writes, in its order.
    fn values(&self) -> Result<Vec<Value>, StoreError> {
        let reported = self.reported()?.unwrap_or_default();
        Ok(values![
            &self.user,
            &self.id,
            &self.ruling,
            &self.device_type,
            &self.agent,
            self.first_seen,
            self.last_seen,
            &self.last_command,
            &self.last_reason,
            decided(self.last_allowed),
            self.version,
            &self.reported,
            &self.gateway,
            &self.node,
            &self.client,
            &self.state_command,
            self.state_since,
            self.class().word(),
            search::folded(&reported.address),
            search::folded(&reported.friendly_name),
            search::digits(&reported.phone),
            search::letters(&reported.imei),
            self.orders.resync,
            self.orders.key,
        ])
    }

    fn parsed(self) -> Result<DeviceRow, StoreError> {
        let reported = self.reported()?.map(Arc::new);
        Ok(DeviceRow {
            device: Device {
                id: DeviceId::parse(&self.id).ok_or_else(|| damaged(format!("id {:?}", self.id)))?,
                override_: Override::from_word(&self.ruling).ok_or_else(|| damaged(format!("override {:?}", self.ruling)))?,
                user: self.user,
                device_type: self.device_type,
                agent: self.agent,
                last_seen: self.last_seen,
                reported,
                orders: self.orders,
            },
            first_seen: self.first_seen,
            last_command: self.last_command,
            last_reason: self.last_reason,
            last_allowed: self.last_allowed,
            version: self.version,
            gateway: self.gateway,
            node: self.node,
            client: self.client,
            state_command: self.state_command,
            state_since: self.state_since,
        })
    }
}

/// One device.
///
/// # Errors
/// When the store is away.
pub async fn get(on: impl Reader, user: &str, id: &DeviceId) -> Result<Option<DeviceRow>, Fault> {
    let sql = concat!("SELECT ", columns!(), " FROM device d WHERE d.realm = $1 AND d.user_key = $2 AND d.id = $3");
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, user, id.as_str()]).await?;
    rows.first().map(|row| Stored::read(row)?.parsed()).transpose().map_err(Into::into)
}

/// All devices with a ruling or with facts from their management: what a node must know when it starts without the store.
///
/// # Errors
/// When the store is away.
pub async fn ruled(on: impl Reader) -> Result<Vec<Device>, Fault> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM device d WHERE d.realm = $1 AND (d.ruling IN ('whitelist', 'blacklist') OR d.reported <> '') ORDER BY d.user_key, d.id"
    );
    let realm = on.realm();
    let rows = on.rows(sql, values![realm]).await?;
    rows.iter().map(|row| Ok(Stored::read(row)?.parsed()?.device)).collect()
}

fn damaged(cause: String) -> StoreError {
    StoreError::Damaged { what: "a device", cause }
}

/// A decision as a number: the same in every column and word.
const fn decided(allowed: Option<bool>) -> i64 {
    match allowed {
        Some(true) => 1,
        Some(false) => 0,
        None => -1,
    }
}

/// `test_mode:WORD` for a reason that blocks and was let pass; else the word.
fn code(allowed: Option<bool>, reason: &str) -> String {
    let blocks = Reason::ALL.iter().any(|known| known.code() == reason && known.blocks());
    if allowed == Some(true) && blocks { format!("test_mode:{reason}") } else { reason.to_owned() }
}
