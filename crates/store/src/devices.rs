//! Devices of phones: who was seen with what, and what administrators ruled for one device.
//!
//! Sightings come in batches from every node and are soft: the newest wins, nobody waits for them, they don't go
//! through the feed. Rulings (override) and what the management of devices reports are site data: versioned, in the feed, in force everywhere within a second.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::device::{Device, DeviceId, Override, Reported, Sighting};
use model::{Fault, Timestamp};
use sqlx::AssertSqlSafe;

use crate::error::StoreError;
use crate::feed::{Change, Part};
use crate::reader::Reader;
use crate::site::{Expect, past};
use crate::value::{Row, Value, values};
use crate::write::Tx;

/// Sightings in one INSERT.
const ROWS_AT_ONCE: usize = 100;

/// A device with all that is kept about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// The facts that decisions use.
    pub device: Device,
    /// When it came here.
    pub first_seen: Timestamp,
    /// Command of its latest request.
    pub last_command: String,
    /// Reason code of its latest decision; empty if there was none.
    pub last_reason: String,
    /// Its latest decision; `None` if there was none.
    pub last_allowed: Option<bool>,
    /// Counts changes by administrators; what If-Match compares.
    pub version: i64,
}

/// Which devices a page shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Users that start so (lower case); empty: all.
    pub user: String,
    /// With this ruling; `None`: any.
    pub ruling: Option<Override>,
}

/// How many devices, by their latest decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Were allowed.
    pub allowed: i64,
    /// Were blocked.
    pub blocked: i64,
    /// Were entered and never seen.
    pub unseen: i64,
}

/// A page in the order of (user, id), after the given device; `None` starts at the first.
///
/// # Errors
/// When the store is away.
pub async fn page(on: impl Reader, filter: &Filter, after: Option<(&str, &str)>, limit: u32) -> Result<Vec<DeviceRow>, Fault> {
    let sql = "SELECT user_key, id, ruling, device_type, agent, last_seen, first_seen, last_command, last_reason, last_allowed, version, \
               reported FROM device WHERE realm = $1 AND (user_key, id) > ($2, $3) AND user_key >= $4 AND user_key < $5 \
               AND ($6 = '' OR ruling = $6) ORDER BY user_key, id LIMIT $7";
    let realm = on.realm();
    let (user, id) = after.unwrap_or_default();
    let ruling = filter.ruling.map_or("", Override::word);
    let rows = on.rows(sql, values![realm, user, id, &filter.user, past(&filter.user), ruling, limit]).await?;
    rows.iter().map(|row| read(row).map_err(Into::into)).collect()
}

/// One device.
///
/// # Errors
/// When the store is away.
pub async fn get(on: impl Reader, user: &str, id: &DeviceId) -> Result<Option<DeviceRow>, Fault> {
    let sql = "SELECT user_key, id, ruling, device_type, agent, last_seen, first_seen, last_command, last_reason, last_allowed, version, \
               reported FROM device WHERE realm = $1 AND user_key = $2 AND id = $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, user, id.as_str()]).await?;
    rows.first().map(read).transpose().map_err(Into::into)
}

/// All devices with a ruling or with facts from their management: what a node must know when it starts without the store.
///
/// # Errors
/// When the store is away.
pub async fn ruled(on: impl Reader) -> Result<Vec<Device>, Fault> {
    let sql = "SELECT user_key, id, ruling, device_type, agent, last_seen, first_seen, last_command, last_reason, last_allowed, version, \
               reported FROM device WHERE realm = $1 AND (ruling IN ('whitelist', 'blacklist') OR reported <> '') ORDER BY user_key, id";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm]).await?;
    rows.iter().map(|row| Ok(read(row)?.device)).collect()
}

/// How many devices there are, by their latest decision.
///
/// # Errors
/// When the store is away.
pub async fn tally(on: impl Reader) -> Result<Tally, Fault> {
    let sql = "SELECT last_allowed, CAST(count(*) AS BIGINT) FROM device WHERE realm = $1 GROUP BY last_allowed";
    let realm = on.realm();
    let mut tally = Tally::default();
    for row in on.rows(sql, values![realm]).await? {
        match row.int(0)? {
            1 => tally.allowed = row.int(1)?,
            0 => tally.blocked = row.int(1)?,
            _ => tally.unseen = row.int(1)?,
        }
    }
    Ok(tally)
}

/// Rules for one device, which is made if nobody has seen it yet. Returns its version.
///
/// # Errors
/// `changed-meanwhile` if it isn't as expected.
pub async fn rule(tx: &mut Tx, user: &str, id: &DeviceId, ruling: Override, expect: Expect) -> Result<i64, Fault> {
    let realm = tx.realm();
    let insert = "INSERT INTO device (realm, user_key, id, ruling, device_type, agent, first_seen, last_seen, last_command, \
                  last_reason, last_allowed, version) VALUES ($1, $2, $3, $4, '', '', $5, 0, '', '', -1, 1) \
                  ON CONFLICT (realm, user_key, id) ";
    let row = match expect {
        Expect::New => {
            let sql = format!("{insert} DO NOTHING RETURNING version");
            tx.row(AssertSqlSafe(sql), values![realm, user, id.as_str(), ruling.word(), tx.now()]).await?
        }
        Expect::Any => {
            let sql = format!("{insert} DO UPDATE SET ruling = excluded.ruling, version = device.version + 1 RETURNING version");
            tx.row(AssertSqlSafe(sql), values![realm, user, id.as_str(), ruling.word(), tx.now()]).await?
        }
        Expect::Version(version) => {
            let sql = "UPDATE device SET ruling = $4, version = version + 1 \
                       WHERE realm = $1 AND user_key = $2 AND id = $3 AND version = $5 RETURNING version";
            tx.row(sql, values![realm, user, id.as_str(), ruling.word(), version]).await?
        }
    };
    let version = row.ok_or_else(|| conflict(user, id))?.int(0)?;
    tx.changed(Change::Row(Part::Device, feed_key(user, id)));
    Ok(version)
}

/// Keeps what its management reports of a device, which is made if nobody has seen it yet. Returns its version. The time of
/// its first enrolment is kept here: given back while it stays enrolled, set when it becomes so.
///
/// # Errors
/// `changed-meanwhile` if it isn't as expected.
pub async fn report(tx: &mut Tx, user: &str, id: &DeviceId, reported: &Reported, expect: Expect) -> Result<i64, Fault> {
    let before = get(&mut *tx, user, id).await?;
    let found = before.as_ref().map(|row| row.version);
    let expected = match expect {
        Expect::New => found.is_none(),
        Expect::Version(version) => found == Some(version),
        Expect::Any => true,
    };
    if !expected {
        return Err(conflict(user, id));
    }
    let known = before.and_then(|row| row.device.reported.as_ref().and_then(|reported| reported.enrolled_at));
    let enrolled_at = reported.enrolled.then(|| known.unwrap_or(tx.now()));
    let kept = Reported { enrolled_at, ..reported.clone() };
    let json = |kept: &Reported| serde_json::to_string(kept).map_err(|e| StoreError::Damaged { what: "a device", cause: e.to_string() });
    let body = if kept.is_empty() { String::new() } else { json(&kept)? };
    let realm = tx.realm();
    let sql = "INSERT INTO device (realm, user_key, id, ruling, device_type, agent, first_seen, last_seen, last_command, last_reason, \
               last_allowed, version, reported) VALUES ($1, $2, $3, 'default', '', '', $4, 0, '', '', -1, 1, $5) \
               ON CONFLICT (realm, user_key, id) DO UPDATE SET reported = excluded.reported, version = device.version + 1 \
               RETURNING version";
    let row = tx.row(sql, values![realm, user, id.as_str(), tx.now(), &body]).await?;
    let version = row.ok_or_else(|| conflict(user, id))?.int(0)?;
    tx.changed(Change::Row(Part::Device, feed_key(user, id)));
    Ok(version)
}

/// Forgets one device; false if there was none. When it is seen again it is a new one.
///
/// # Errors
/// `changed-meanwhile` if it has another version than expected, or is gone.
pub async fn remove(tx: &mut Tx, user: &str, id: &DeviceId, expect: Expect) -> Result<bool, Fault> {
    let version = if let Expect::Version(version) = expect { Some(version) } else { None };
    let sql = "DELETE FROM device WHERE realm = $1 AND user_key = $2 AND id = $3 AND version = COALESCE($4, version)";
    let realm = tx.realm();
    if tx.execute(sql, values![realm, user, id.as_str(), version]).await? == 1 {
        tx.changed(Change::Row(Part::Device, feed_key(user, id)));
        return Ok(true);
    }
    if version.is_some() { Err(conflict(user, id)) } else { Ok(false) }
}

/// Keeps sightings: new devices are made, known ones updated if the sighting is not older than what is known.
///
/// # Errors
/// When the store is away.
pub async fn see(tx: &mut Tx, sightings: &[Sighting]) -> Result<(), Fault> {
    // One row per device, as one statement must not touch a row twice; and in one order on every node, so that
    // two transactions never wait for each other.
    let mut newest: BTreeMap<(&str, &DeviceId), &Sighting> = BTreeMap::new();
    for sighting in sightings {
        let place = newest.entry((&sighting.user, &sighting.device)).or_insert(sighting);
        if place.at <= sighting.at {
            *place = sighting;
        }
    }
    let rows: Vec<&Sighting> = newest.into_values().collect();
    for some in rows.chunks(ROWS_AT_ONCE) {
        let mut bound: Vec<Value> = values![tx.realm()];
        let mut places = Vec::with_capacity(some.len());
        for s in some {
            let n = bound.len();
            let place: Vec<String> = (n + 1..=n + 8).map(|i| format!("${i}")).collect();
            let [user, id, kind, agent, at, command, reason, allowed] = &place[..] else { continue };
            places.push(format!("($1, {user}, {id}, 'default', {kind}, {agent}, {at}, {at}, {command}, {reason}, {allowed}, 1)"));
            let (kind, agent, command) = (&s.device_type, &s.agent, &s.command);
            bound.extend(values![&s.user, s.device.as_str(), kind, agent, s.at, command, s.decision.reason.code(), s.decision.allowed]);
        }
        let sql = format!(
            "INSERT INTO device (realm, user_key, id, ruling, device_type, agent, first_seen, last_seen, last_command, last_reason, \
             last_allowed, version) VALUES {} ON CONFLICT (realm, user_key, id) DO UPDATE SET \
             device_type = CASE WHEN excluded.device_type = '' THEN device.device_type ELSE excluded.device_type END, \
             agent = CASE WHEN excluded.agent = '' THEN device.agent ELSE excluded.agent END, \
             last_seen = excluded.last_seen, last_command = excluded.last_command, last_reason = excluded.last_reason, \
             last_allowed = excluded.last_allowed WHERE excluded.last_seen >= device.last_seen",
            places.join(", ")
        );
        tx.execute(AssertSqlSafe(sql), bound).await?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<DeviceRow, StoreError> {
    let damaged = |cause: String| StoreError::Damaged { what: "a device", cause };
    let (id, ruling) = (row.text(1)?, row.text(2)?);
    Ok(DeviceRow {
        device: Device {
            user: row.text(0)?,
            id: DeviceId::parse(&id).ok_or_else(|| damaged(format!("id {id:?}")))?,
            override_: Override::from_word(&ruling).ok_or_else(|| damaged(format!("override {ruling:?}")))?,
            device_type: row.text(3)?,
            agent: row.text(4)?,
            last_seen: row.time(5)?,
            reported: match row.text(11)?.as_str() {
                "" => None,
                text => Some(Arc::new(serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?)),
            },
        },
        first_seen: row.time(6)?,
        last_command: row.text(7)?,
        last_reason: row.text(8)?,
        last_allowed: match row.int(9)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        version: row.int(10)?,
    })
}

/// A device's name in the feed. An id holds no blank, a user may.
fn feed_key(user: &str, id: &DeviceId) -> String {
    format!("{} {user}", id.as_str())
}

/// The device of a [`feed_key`].
pub(crate) fn of_feed_key(key: &str) -> Option<(&str, DeviceId)> {
    let (id, user) = key.split_once(' ')?;
    Some((user, DeviceId::parse(id)?))
}

fn conflict(user: &str, id: &DeviceId) -> Fault {
    StoreError::Conflict { section: "device", key: feed_key(user, id) }.into()
}
