//! The audit log: who changed what, what it was before and what it is now.
//!
//! An entry is written in the transaction of the change that it tells of: there is no change without an entry
//! and no entry without a change. Masking of secrets is the use case's duty, before it comes here.

use model::{Fault, Timestamp};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::{Row, values};
use crate::write::Tx;

/// An entry to be written.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Administrator, token, or part of the program.
    pub who: &'a str,
    /// What was changed: `section/key`.
    pub what: &'a str,
    /// JSON before, secrets masked; `None` if there was nothing.
    pub before: Option<&'a str>,
    /// JSON after, secrets masked; `None` if it was removed.
    pub after: Option<&'a str>,
}

/// An entry as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Place in the log, ordered by time; the cursor of pages.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What.
    pub what: String,
    /// Before.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}

/// Writes one entry.
///
/// # Errors
/// When the store is away.
pub async fn append(tx: &mut Tx, entry: Entry<'_>) -> Result<(), Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    let id = ordered_id(now);
    let sql = "INSERT INTO audit (id, realm, at, who, what, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute(sql, values![id, realm, now, entry.who, entry.what, entry.before, entry.after]).await?;
    Ok(())
}

/// Entries before the cursor, newest first. An empty cursor starts at the newest.
///
/// # Errors
/// When the store is away.
pub async fn page(on: impl Reader, cursor: &str, limit: u32) -> Result<Vec<Kept>, Fault> {
    let sql = "SELECT id, at, who, what, before, after FROM audit WHERE realm = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, cursor, limit]).await?;
    rows.iter().map(kept).collect::<Result<_, StoreError>>().map_err(Into::into)
}

/// One change of a row, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
}

/// All changes of one row (`section/key`), oldest first.
///
/// # Errors
/// When the store is away.
pub async fn changes_of(on: impl Reader, what: &str) -> Result<Vec<Change>, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT at, who FROM audit WHERE realm = $1 AND what = $2 ORDER BY id", values![realm, what]).await?;
    let changes = rows.iter().map(|row| Ok(Change { at: row.time(0)?, who: row.text(1)? }));
    changes.collect::<Result<_, StoreError>>().map_err(Into::into)
}

/// The change of one row at this place, from 0, oldest first; with its content.
///
/// # Errors
/// When the store is away.
pub async fn change_of(on: impl Reader, what: &str, place: u32) -> Result<Option<Kept>, Fault> {
    let sql = "SELECT id, at, who, what, before, after FROM audit WHERE realm = $1 AND what = $2 ORDER BY id LIMIT 1 OFFSET $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, what, place]).await?;
    rows.first().map(kept).transpose().map_err(Into::into)
}

fn kept(row: &Row) -> Result<Kept, StoreError> {
    Ok(Kept {
        id: row.text(0)?,
        at: row.time(1)?,
        who: row.text(2)?,
        what: row.text(3)?,
        before: row.opt_text(4)?,
        after: row.opt_text(5)?,
    })
}

/// A unique id whose text sorts by time and, in one process, by the order of making (UUIDv7, RFC 9562 §5.7, with
/// our clock's time in front so that a replayed or tested clock orders too).
fn ordered_id(at: Timestamp) -> String {
    format!("{:016x}-{}", at.0.max(0), uuid::Uuid::now_v7().simple())
}
