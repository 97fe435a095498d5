//! Diagnostics of devices (mobile-gateway.md G-31): for which they are on, and the requests that were kept for it.
//!
//! That they are on is site data: in the feed, so that every gateway knows it at once ([`turn`]). What they keep is soft: it comes in
//! batches ([`keep`]), of each device only the newest stay, and all of it goes after some days ([`forget`]).

use std::collections::BTreeSet;

use model::device::{DeviceId, Reason};
use model::{Fault, Guilty, Timestamp, Transaction};

use crate::Store;
use crate::devices::feed_key;
use crate::error::StoreError;
use crate::feed::{Change, Part};
use crate::reader::Reader;
use crate::value::{Row, values};
use crate::write::Tx;

/// Devices whose diagnostics can be on at once.
pub const MOST: i64 = 10_000;
/// Transactions of one device that are kept, the newest.
pub const KEPT: i64 = 500;

/// A device whose diagnostics are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosed {
    /// Its user.
    pub user: String,
    /// Its id.
    pub id: DeviceId,
    /// Since when.
    pub since: Timestamp,
    /// Transactions that are kept of it.
    pub kept: i64,
}

/// A transaction as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What was told.
    pub transaction: Transaction,
    /// The node that told it.
    pub node: String,
}

/// Turns the diagnostics of one device on or off; false if they were so already. What was kept stays when they are turned off.
///
/// # Errors
/// `too-many-diagnosed`; when the store is away.
pub async fn turn(tx: &mut Tx, user: &str, id: &DeviceId, on: bool) -> Result<bool, Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    let changed = if on {
        let sql = "INSERT INTO device_diagnosed (realm, user_key, id, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        tx.execute(sql, values![realm, user, id.as_str(), now]).await?
    } else {
        let sql = "DELETE FROM device_diagnosed WHERE realm = $1 AND user_key = $2 AND id = $3";
        tx.execute(sql, values![realm, user, id.as_str()]).await?
    };
    if on && changed > 0 {
        let rows = tx.rows("SELECT CAST(count(*) AS BIGINT) FROM device_diagnosed WHERE realm = $1", values![realm]).await?;
        if rows.first().map_or(Ok(0), |row| row.int(0))? > MOST {
            let cause = format!("diagnostics of {MOST} devices are on");
            return Err(Fault::permanent(Guilty::Sender, "too-many-diagnosed", cause).with("most", MOST));
        }
    }
    if changed > 0 {
        tx.changed(Change::Row(Part::Device, feed_key(user, id)));
    }
    Ok(changed > 0)
}

/// Since when the diagnostics of a device are on; `None`: they are off.
///
/// # Errors
/// When the store is away.
pub async fn since(on: impl Reader, user: &str, id: &DeviceId) -> Result<Option<Timestamp>, Fault> {
    let realm = on.realm();
    let sql = "SELECT since FROM device_diagnosed WHERE realm = $1 AND user_key = $2 AND id = $3";
    let rows = on.rows(sql, values![realm, user, id.as_str()]).await?;
    rows.first().map(|row| row.time(0)).transpose().map_err(Into::into)
}

/// All devices whose diagnostics are on, by user and id.
///
/// # Errors
/// When the store is away.
pub async fn all(on: impl Reader) -> Result<Vec<Diagnosed>, Fault> {
    let sql = "SELECT d.user_key, d.id, d.since, CAST(count(t.at) AS BIGINT) FROM device_diagnosed d LEFT JOIN device_transaction t \
               ON t.realm = d.realm AND t.user_key = d.user_key AND t.id = d.id \
               WHERE d.realm = $1 GROUP BY d.user_key, d.id, d.since ORDER BY d.user_key, d.id";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm]).await?;
    let read = |row: &Row| Ok(Diagnosed { user: row.text(0)?, id: device(row, 1)?, since: row.time(2)?, kept: row.int(3)? });
    rows.iter().map(read).collect::<Result<_, StoreError>>().map_err(Into::into)
}

/// Keeps transactions, and of each of their devices the newest [`KEPT`]. The same once more change nothing.
///
/// # Errors
/// When the store is away.
pub async fn keep(tx: &mut Tx, transactions: &[Transaction]) -> Result<(), Fault> {
    let (realm, node) = (tx.realm(), tx.node());
    let sql = "INSERT INTO device_transaction (realm, user_key, id, at, trace, node, gateway, client, agent, command, version, allowed, \
               reason, status, took, received, sent, whole) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT DO NOTHING";
    let number = |octets: u64| i64::try_from(octets).unwrap_or(i64::MAX);
    for one in transactions {
        let values = values![
            realm,
            &one.user,
            one.device.as_str(),
            one.at,
            one.trace.to_string(),
            &*node,
            &one.gateway,
            &one.client,
            &one.agent,
            &one.command,
            &one.version,
            one.decision.allowed,
            one.decision.reason.code(),
            i64::from(one.status),
            one.took,
            one.received.map_or(-1, number),
            number(one.sent),
            one.whole,
        ];
        tx.execute(sql, values).await?;
    }
    let devices: BTreeSet<(&str, &str)> = transactions.iter().map(|one| (one.user.as_str(), one.device.as_str())).collect();
    let sql = "DELETE FROM device_transaction WHERE realm = $1 AND user_key = $2 AND id = $3 AND at < (SELECT at FROM device_transaction \
               WHERE realm = $1 AND user_key = $2 AND id = $3 ORDER BY at DESC LIMIT 1 OFFSET $4)";
    for (user, id) in devices {
        tx.execute(sql, values![realm, user, id, KEPT - 1]).await?;
    }
    Ok(())
}

/// The latest transactions of one device, the newest first.
///
/// # Errors
/// When the store is away.
pub async fn transactions(on: impl Reader, user: &str, id: &DeviceId, limit: u32) -> Result<Vec<Kept>, Fault> {
    let sql = "SELECT trace, at, gateway, client, agent, command, version, allowed, reason, status, took, received, sent, whole, node \
               FROM device_transaction WHERE realm = $1 AND user_key = $2 AND id = $3 ORDER BY at DESC, trace DESC LIMIT $4";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, user, id.as_str(), limit]).await?;
    rows.iter().map(|row| read(row, user, id)).collect::<Result<_, StoreError>>().map_err(Into::into)
}

/// Forgets a device that goes: that its diagnostics are on, and what they kept.
pub(crate) async fn gone(tx: &mut Tx, user: &str, id: &str) -> Result<(), StoreError> {
    let realm = tx.realm();
    for sql in [
        "DELETE FROM device_transaction WHERE realm = $1 AND user_key = $2 AND id = $3",
        "DELETE FROM device_diagnosed WHERE realm = $1 AND user_key = $2 AND id = $3",
    ] {
        tx.execute(sql, values![realm, user, id]).await?;
    }
    Ok(())
}

/// Forgets transactions from before a time, of all devices; says how many.
///
/// # Errors
/// When the store is away.
pub async fn forget(store: &Store, before: Timestamp) -> Result<u64, Fault> {
    let sql = "DELETE FROM device_transaction WHERE at < $1";
    store.write(move |tx| Box::pin(async move { Ok(tx.execute(sql, values![before]).await?) })).await
}

fn read(row: &Row, user: &str, id: &DeviceId) -> Result<Kept, StoreError> {
    let (trace, reason) = (row.text(0)?, row.text(8)?);
    let odd = |what: &str| damaged(format!("{what} of {}", id.as_str()));
    let transaction = Transaction {
        trace: trace.try_into().map_err(|_| odd("trace"))?,
        device: id.clone(),
        user: user.to_owned(),
        at: row.time(1)?,
        gateway: row.text(2)?,
        client: row.text(3)?,
        agent: row.text(4)?,
        command: row.text(5)?,
        version: row.text(6)?,
        decision: model::device::Decision {
            allowed: row.truth(7)?,
            reason: Reason::ALL.iter().copied().find(|known| known.code() == reason).ok_or_else(|| odd("reason"))?,
        },
        status: u16::try_from(row.int(9)?).unwrap_or_default(),
        took: row.int(10)?,
        received: u64::try_from(row.int(11)?).ok(),
        sent: u64::try_from(row.int(12)?).unwrap_or_default(),
        whole: row.truth(13)?,
    };
    Ok(Kept { transaction, node: row.text(14)? })
}

fn device(row: &Row, column: usize) -> Result<DeviceId, StoreError> {
    let id = row.text(column)?;
    DeviceId::parse(&id).ok_or_else(|| damaged(format!("id {id:?}")))
}

fn damaged(cause: String) -> StoreError {
    StoreError::Damaged { what: "a device's diagnostics", cause }
}
