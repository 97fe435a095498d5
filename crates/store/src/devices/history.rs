//! What was decided about a device, each time that it changed.

use model::device::DeviceId;
use model::{Fault, Timestamp};

use super::{Stored, decided};
use crate::Store;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::values;
use crate::write::Tx;

/// One change of the decision about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// Allowed from then on.
    pub allowed: bool,
    /// Why: the reason's code.
    pub reason: String,
    /// Command of the request at which it changed; empty: no request changed it, but an administrator or a compliance run.
    pub command: String,
    /// Configuration of that request.
    pub gateway: String,
    /// Node that decided.
    pub node: String,
    /// Client's address of that request.
    pub client: String,
    /// Its User-Agent.
    pub agent: String,
}

/// The latest changes, the newest first.
///
/// # Errors
/// When the store is away.
pub async fn decisions(on: impl Reader, user: &str, id: &DeviceId, limit: u32) -> Result<Vec<Decided>, Fault> {
    let sql = "SELECT at, allowed, reason, command, gateway, node, client, agent FROM device_decision \
               WHERE realm = $1 AND user_key = $2 AND id = $3 ORDER BY at DESC LIMIT $4";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, user, id.as_str(), limit]).await?;
    let read = rows.iter().map(|row| {
        let (allowed, reason) = (row.truth(1)?, row.text(2)?);
        Ok(Decided {
            at: row.time(0)?,
            allowed,
            reason: super::code(Some(allowed), &reason),
            command: row.text(3)?,
            gateway: row.text(4)?,
            node: row.text(5)?,
            client: row.text(6)?,
            agent: row.text(7)?,
        })
    });
    read.collect::<Result<_, StoreError>>().map_err(Into::into)
}

/// Notes the decision that a device has now. Of two at one moment the first stays: a batch that is written again after a kill
/// adds nothing.
pub(super) async fn note(tx: &mut Tx, now: &Stored, command: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO device_decision (realm, user_key, id, at, allowed, reason, command, gateway, node, client, agent) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (realm, user_key, id, at) DO NOTHING";
    let realm = tx.realm();
    let (by_request, none) = (!command.is_empty(), String::new());
    let of_request = |text: &String| if by_request { text.clone() } else { none.clone() };
    let node = if by_request { now.node.clone() } else { tx.node().to_string() };
    let values = values![
        realm,
        &now.user,
        &now.id,
        now.state_since,
        decided(now.last_allowed),
        &now.last_reason,
        command,
        of_request(&now.gateway),
        node,
        of_request(&now.client),
        of_request(&now.agent),
    ];
    tx.execute(sql, values).await.map(drop)
}

/// Forgets what was decided about a device that goes.
pub(super) async fn forget(tx: &mut Tx, user: &str, id: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM device_decision WHERE realm = $1 AND user_key = $2 AND id = $3";
    let realm = tx.realm();
    tx.execute(sql, values![realm, user, id]).await.map(drop)
}

/// Forgets changes from before a time, of all devices; says how many.
///
/// # Errors
/// When the store is away.
pub async fn forget_decisions(store: &Store, before: Timestamp) -> Result<u64, Fault> {
    let sql = "DELETE FROM device_decision WHERE at < $1";
    store.write(move |tx| Box::pin(async move { Ok(tx.execute(sql, values![before]).await?) })).await
}
