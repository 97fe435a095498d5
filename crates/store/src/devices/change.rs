//! Changes of devices: every one goes through [`put`], which writes the row, its search words, its class and the counts.

use model::device::{Decision, DeviceId, Orders, Override, Reported};
use model::{Fault, Timestamp};
use sqlx::AssertSqlSafe;

use super::class::{Moves, lock};
use super::{Stored, columns, history};
use crate::error::StoreError;
use crate::feed::{Change, Part};
use crate::site::Expect;
use crate::value::{Value, values};
use crate::write::Tx;

/// Devices in one statement.
pub(super) const ROWS_AT_ONCE: usize = 100;
/// Values of a row that [`put`] writes.
const COLUMNS: usize = 24;

/// Rules for one device, which is made if nobody has seen it yet. Returns its version.
///
/// # Errors
/// `changed-meanwhile` if it isn't as expected.
pub async fn rule(tx: &mut Tx, user: &str, id: &DeviceId, ruling: Override, expect: Expect) -> Result<i64, Fault> {
    edit(tx, user, id, expect, |_, now| {
        ruling.word().clone_into(&mut now.ruling);
        Ok(())
    })
    .await
}

/// Keeps what its management reports of a device, which is made if nobody has seen it yet. Returns its version. The time of
/// its first enrolment is kept here: given back while it stays enrolled, set when it becomes so.
///
/// # Errors
/// `changed-meanwhile` if it isn't as expected.
pub async fn report(tx: &mut Tx, user: &str, id: &DeviceId, reported: &Reported, expect: Expect) -> Result<i64, Fault> {
    edit(tx, user, id, expect, |at, now| {
        let known = now.reported()?.and_then(|reported| reported.enrolled_at);
        let enrolled_at = reported.enrolled.then(|| known.unwrap_or(at));
        let kept = Reported { enrolled_at, ..reported.clone() };
        let json = |kept: &Reported| serde_json::to_string(kept).map_err(|e| super::damaged(e.to_string()));
        now.reported = if kept.is_empty() { String::new() } else { json(&kept)? };
        Ok(())
    })
    .await
}

/// What an administrator orders for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// To sync its folders anew.
    Resync,
    /// The same, and another key for its attachments.
    Key,
}

/// Orders something for a device, which is made if nobody has seen it yet. Returns its version.
///
/// # Errors
/// `changed-meanwhile` if it isn't as expected.
pub async fn order(tx: &mut Tx, user: &str, id: &DeviceId, ordered: Ordered, expect: Expect) -> Result<i64, Fault> {
    edit(tx, user, id, expect, |at, now| {
        now.orders.resync = Orders::next(now.orders.resync, at);
        if ordered == Ordered::Key {
            now.orders.key = Orders::next(now.orders.key, at);
        }
        Ok(())
    })
    .await
}

/// Keeps decisions that no request asked for: a compliance run's. Those of devices that were never seen, or that are as they were,
/// change nothing. Returns how many changed. No row for the feed: facts are as they were.
///
/// # Errors
/// When the store is away.
pub async fn judged(tx: &mut Tx, decisions: &[(String, DeviceId, Decision)]) -> Result<u64, Fault> {
    lock(tx).await?;
    let (at, mut moves, mut changed) = (tx.now(), Moves::default(), 0);
    for some in decisions.chunks(ROWS_AT_ONCE) {
        let names: Vec<_> = some.iter().map(|(user, id, _)| (user.as_str(), id.as_str())).collect();
        let known = load(tx, &names).await?;
        let mut rows = Vec::new();
        for before in known {
            let Some((_, _, decision)) = some.iter().find(|(user, id, _)| *user == before.user && id.as_str() == before.id) else {
                continue;
            };
            let mut now = before.clone();
            if before.last_seen.0 > 0 && decide(&mut now, *decision, at) {
                history::note(tx, &now, "").await?;
                moves.note(Some(&before), Some(&fresh(&mut now)));
                rows.push(now);
            }
        }
        changed += rows.len() as u64;
        put(tx, &rows).await?;
    }
    moves.write(tx).await?;
    Ok(changed)
}

/// Forgets one device; false if there was none. When it is seen again it is a new one.
///
/// # Errors
/// `changed-meanwhile` if it has another version than expected, or is gone.
pub async fn remove(tx: &mut Tx, user: &str, id: &DeviceId, expect: Expect) -> Result<bool, Fault> {
    lock(tx).await?;
    let before = load(tx, &[(user, id.as_str())]).await?.pop();
    let Some(before) = before.filter(|before| if let Expect::Version(version) = expect { before.version == version } else { true }) else {
        return if matches!(expect, Expect::Version(_)) { Err(conflict(user, id)) } else { Ok(false) };
    };
    let realm = tx.realm();
    tx.execute("DELETE FROM device WHERE realm = $1 AND user_key = $2 AND id = $3", values![realm, user, id.as_str()]).await?;
    history::forget(tx, user, id.as_str()).await?;
    crate::diagnostics::gone(tx, user, id.as_str()).await?;
    let mut moves = Moves::default();
    moves.note(Some(&before), None);
    moves.write(tx).await?;
    tx.changed(Change::Row(Part::Device, feed_key(user, id)));
    Ok(true)
}

/// One change by administrators or management: versioned, and in the feed.
async fn edit(
    tx: &mut Tx,
    user: &str,
    id: &DeviceId,
    expect: Expect,
    change: impl FnOnce(Timestamp, &mut Stored) -> Result<(), StoreError>,
) -> Result<i64, Fault> {
    lock(tx).await?;
    let before = load(tx, &[(user, id.as_str())]).await?.pop();
    let expected = match expect {
        Expect::New => before.is_none(),
        Expect::Version(version) => before.as_ref().is_some_and(|before| before.version == version),
        Expect::Any => true,
    };
    if !expected {
        return Err(conflict(user, id));
    }
    let mut now = before.clone().unwrap_or_else(|| Stored::new(user, id.as_str(), tx.now()));
    if before.is_some() {
        now.version += 1;
    }
    change(tx.now(), &mut now)?;
    let mut moves = Moves::default();
    moves.note(before.as_ref(), Some(&fresh(&mut now)));
    let version = now.version;
    put(tx, &[now]).await?;
    moves.write(tx).await?;
    tx.changed(Change::Row(Part::Device, feed_key(user, id)));
    Ok(version)
}

/// Puts a decision into a row; true if it is another than before.
pub(super) fn decide(now: &mut Stored, decision: Decision, at: Timestamp) -> bool {
    let reason = decision.reason.code();
    let same = now.last_allowed == Some(decision.allowed) && now.last_reason == reason;
    now.last_allowed = Some(decision.allowed);
    if !same {
        reason.clone_into(&mut now.last_reason);
        now.state_since = at;
        now.state_command = String::new();
    }
    !same
}

/// The row with the class that it has now.
pub(super) fn fresh(now: &mut Stored) -> Stored {
    now.class = now.class().word();
    now.clone()
}

/// The rows of these devices, as far as there are any. The lock is held, so they stay as they are.
pub(super) async fn load(tx: &mut Tx, names: &[(&str, &str)]) -> Result<Vec<Stored>, StoreError> {
    let places: Vec<String> = (0..names.len()).map(|n| format!("(${}, ${})", 2 * n + 2, 2 * n + 3)).collect();
    let mut bound: Vec<Value> = values![tx.realm()];
    for (user, id) in names {
        bound.extend(values![*user, *id]);
    }
    let sql = format!(
        "WITH w(u, i) AS (VALUES {}) SELECT {} FROM w JOIN device d ON d.realm = $1 AND d.user_key = w.u AND d.id = w.i",
        places.join(", "),
        columns!()
    );
    tx.rows(AssertSqlSafe(sql), bound).await?.iter().map(Stored::read).collect()
}

/// Writes rows whole, new or known.
pub(super) async fn put(tx: &mut Tx, rows: &[Stored]) -> Result<(), StoreError> {
    for some in rows.chunks(ROWS_AT_ONCE) {
        let mut bound: Vec<Value> = values![tx.realm()];
        let mut places = Vec::with_capacity(some.len());
        for row in some {
            let from = bound.len() + 1;
            let place: Vec<String> = (from..from + COLUMNS).map(|n| format!("${n}")).collect();
            places.push(format!("($1, {})", place.join(", ")));
            bound.extend(row.values()?);
        }
        let sql = format!(
            "INSERT INTO device (realm, user_key, id, ruling, device_type, agent, first_seen, last_seen, last_command, last_reason, \
             last_allowed, version, reported, gateway, node, client, state_command, state_since, class, address_key, name_key, \
             phone_key, imei_key, resync, key_number) VALUES {} ON CONFLICT (realm, user_key, id) DO UPDATE SET ruling = excluded.ruling, \
             device_type = excluded.device_type, agent = excluded.agent, last_seen = excluded.last_seen, \
             last_command = excluded.last_command, last_reason = excluded.last_reason, last_allowed = excluded.last_allowed, \
             version = excluded.version, reported = excluded.reported, gateway = excluded.gateway, node = excluded.node, \
             client = excluded.client, state_command = excluded.state_command, state_since = excluded.state_since, \
             class = excluded.class, address_key = excluded.address_key, name_key = excluded.name_key, \
             phone_key = excluded.phone_key, imei_key = excluded.imei_key, resync = excluded.resync, \
             key_number = excluded.key_number",
            places.join(", ")
        );
        tx.execute(AssertSqlSafe(sql), bound).await?;
    }
    Ok(())
}

/// A device's name in the feed. An id holds no blank, a user may.
pub(crate) fn feed_key(user: &str, id: &DeviceId) -> String {
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
