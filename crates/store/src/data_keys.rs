//! Data keys by epoch, wrapped by the master key, which never comes here.

use model::{Fault, Timestamp, plan::base64_bytes};

use crate::error::StoreError;
use crate::feed::{Change, Part};
use crate::reader::Reader;
use crate::value::values;
use crate::write::Tx;

/// One data key as it may lie anywhere: only the master key opens it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WrappedKey {
    /// Which: what is sealed names the epoch of its key.
    pub epoch: i64,
    /// The wrapped key.
    #[serde(with = "base64_bytes")]
    pub wrapped: Vec<u8>,
}

/// All data keys, oldest first.
///
/// # Errors
/// When the store is away.
pub async fn all(on: impl Reader) -> Result<Vec<WrappedKey>, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT epoch, wrapped FROM data_key WHERE realm = $1 ORDER BY epoch", values![realm]).await?;
    rows.iter().map(|row| Ok(WrappedKey { epoch: row.int(0)?, wrapped: row.bytes(1)? })).collect()
}

/// The newest epoch, and when its key was made; `None` on a fresh site.
///
/// # Errors
/// When the store is away.
pub async fn newest_made(on: impl Reader) -> Result<Option<(i64, Timestamp)>, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT epoch, created FROM data_key WHERE realm = $1 ORDER BY epoch DESC LIMIT 1", values![realm]).await?;
    rows.first().map(|row| Ok((row.int(0)?, row.time(1)?))).transpose()
}

/// Adds the key of a new epoch.
///
/// # Errors
/// `changed-meanwhile` if another node made this epoch first: read [`all`] again and use that one.
pub async fn add(tx: &mut Tx, key: &WrappedKey) -> Result<(), Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    let sql = "INSERT INTO data_key (realm, epoch, wrapped, created) VALUES ($1, $2, $3, $4) ON CONFLICT (realm, epoch) DO NOTHING";
    if tx.execute(sql, values![realm, key.epoch, &key.wrapped[..], now]).await? == 0 {
        return Err(StoreError::Conflict { section: "data_key", key: key.epoch.to_string() }.into());
    }
    tx.changed(Change::Reload(Part::DataKey));
    Ok(())
}

/// Replaces the wrapping of a key: the master key was changed.
///
/// # Errors
/// `changed-meanwhile` if there is no such epoch.
pub async fn rewrap(tx: &mut Tx, key: &WrappedKey) -> Result<(), Fault> {
    let realm = tx.realm();
    let sql = "UPDATE data_key SET wrapped = $3 WHERE realm = $1 AND epoch = $2";
    if tx.execute(sql, values![realm, key.epoch, &key.wrapped[..]]).await? == 0 {
        return Err(StoreError::Conflict { section: "data_key", key: key.epoch.to_string() }.into());
    }
    tx.changed(Change::Reload(Part::DataKey));
    Ok(())
}
