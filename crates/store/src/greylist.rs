//! Greylist triplets of all nodes: soft state, written in batches and read by what changed since (mail-gateway.md M-P1).
//!
//! `changed` is the database's clock, so that one node's clock hides nothing from another. Rows never go through the feed:
//! nobody waits for them, and one that is lost makes one mail wait once more.

use std::time::Duration;

use model::{Fault, Timestamp};
use sqlx::AssertSqlSafe;

use crate::Store;
use crate::reader::Reader;
use crate::value::{Value, values};
use crate::write::Tx;

/// Rows in one INSERT.
const ROWS_AT_ONCE: usize = 100;

/// One triplet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Digest, hex.
    pub triplet: String,
    /// First try of the present window.
    pub first: Timestamp,
    /// Last mail that was let through; 0: none.
    pub passed: Timestamp,
}

/// Writes rows, each triplet once; where another node wrote too, the earlier first try of the same `window` counts, and the
/// later pass.
///
/// # Errors
/// When the store is away.
pub async fn put(tx: &mut Tx, mut rows: Vec<Row>, window: Duration) -> Result<(), Fault> {
    // One order on every node, so that two transactions never wait for each other.
    rows.sort_by(|a, b| a.triplet.cmp(&b.triplet));
    rows.dedup_by(|a, b| a.triplet == b.triplet);
    let now = tx.database_now().await?;
    let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
    for some in rows.chunks(ROWS_AT_ONCE) {
        let mut bound: Vec<Value> = values![tx.realm(), now, window];
        let mut places = Vec::with_capacity(some.len());
        for row in some {
            let n = bound.len();
            places.push(format!("($1, ${}, ${}, ${}, $2)", n + 1, n + 2, n + 3));
            bound.extend(values![&row.triplet, row.first, row.passed]);
        }
        let sql = format!(
            "INSERT INTO greylist (realm, triplet, first, passed, changed) VALUES {} ON CONFLICT (realm, triplet) DO UPDATE SET \
             first = CASE WHEN excluded.first - greylist.first > $3 THEN excluded.first \
                          WHEN greylist.first - excluded.first > $3 THEN greylist.first \
                          WHEN excluded.first < greylist.first THEN excluded.first ELSE greylist.first END, \
             passed = CASE WHEN excluded.passed > greylist.passed THEN excluded.passed ELSE greylist.passed END, \
             changed = excluded.changed",
            places.join(", ")
        );
        tx.execute(AssertSqlSafe(sql), bound).await?;
    }
    Ok(())
}

/// Rows that changed after (`since`, `after`), in this order, with when they did.
///
/// # Errors
/// When the store is away.
pub async fn changed(on: impl Reader, since: Timestamp, after: &str, limit: u32) -> Result<Vec<(Row, Timestamp)>, Fault> {
    let sql = "SELECT triplet, first, passed, changed FROM greylist WHERE realm = $1 AND (changed, triplet) > ($2, $3) \
               ORDER BY changed, triplet LIMIT $4";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, since, after, limit]).await?;
    let read = |row: &crate::value::Row| Ok((Row { triplet: row.text(0)?, first: row.time(1)?, passed: row.time(2)? }, row.time(3)?));
    rows.iter().map(|row| read(row).map_err(|error: crate::StoreError| error.into())).collect()
}

impl Store {
    /// Forgets triplets that never passed and began before `first`, and those that passed last before `passed`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn prune_greylist(&self, first: Timestamp, passed: Timestamp) -> Result<u64, Fault> {
        self.write(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM greylist WHERE realm = $1 AND ((passed = 0 AND first < $2) OR (passed > 0 AND passed < $3))";
                let realm = tx.realm();
                Ok(tx.execute(sql, values![realm, first, passed]).await?)
            })
        })
        .await
    }

    /// Keeps the table within `most` rows. Over it a tenth more than need be goes, so that this is seldom: triplets that have not
    /// passed before those that have, the oldest first. How many went.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn bound_greylist(&self, most: u64) -> Result<u64, Fault> {
        let counted = Reader::rows(self, "SELECT COUNT(*) FROM greylist WHERE realm = $1", values![Reader::realm(&self)]).await?;
        let count = counted.first().map_or(Ok(0), |row| row.int(0)).map_err(Fault::from)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        if count <= most {
            return Ok(0);
        }
        let surplus = count - most + most / 10;
        self.write(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM greylist WHERE realm = $1 AND triplet IN (SELECT triplet FROM greylist WHERE realm = $1 \
                           ORDER BY CASE WHEN passed > 0 THEN 1 ELSE 0 END, CASE WHEN passed > 0 THEN passed ELSE first END LIMIT $2)";
                let realm = tx.realm();
                Ok(tx.execute(sql, values![realm, surplus]).await?)
            })
        })
        .await
    }
}
