//! The numbered migrations: one set of texts for both engines.
//!
//! Changes expand first and contract later, so that nodes of two versions share one database: each migration
//! says which is the oldest program version that can still work after it. A node that meets a newer schema
//! goes on when that number allows it, and refuses with a clear message when it does not.
//! Runs before anything else touches the database; one node at a time; all missing migrations in one transaction.

use model::{Clock, Realm};

use crate::engine::Conn;
use crate::error::StoreError;
use crate::value::values;

struct Migration {
    /// Numbered from 1 without gaps.
    version: i64,
    /// The lowest schema version whose program can still work once this is applied. An expanding migration
    /// keeps the number of the one before it.
    oldest: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, oldest: 1, name: "first", sql: include_str!("../migrations/0001_first.sql") },
    Migration { version: 2, oldest: 1, name: "greylist", sql: include_str!("../migrations/0002_greylist.sql") },
    Migration { version: 3, oldest: 1, name: "reported", sql: include_str!("../migrations/0003_reported.sql") },
    Migration { version: 4, oldest: 1, name: "devices", sql: include_str!("../migrations/0004_devices.sql") },
    Migration { version: 5, oldest: 1, name: "orders", sql: include_str!("../migrations/0005_orders.sql") },
    Migration { version: 6, oldest: 1, name: "diagnostics", sql: include_str!("../migrations/0006_diagnostics.sql") },
    Migration { version: 7, oldest: 1, name: "root_met", sql: include_str!("../migrations/0007_root_met.sql") },
];

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (\
    version BIGINT NOT NULL PRIMARY KEY, oldest BIGINT NOT NULL, name TEXT NOT NULL, applied BIGINT NOT NULL)";

/// The schema version that this program was made for.
#[must_use]
pub fn known() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Brings the database to this program's schema, or says why it can't.
pub(crate) async fn run(conn: &mut Conn, clock: &dyn Clock) -> Result<(), StoreError> {
    conn.script(conn.dialect().begin_write()).await?;
    match apply(conn, clock).await {
        Ok(()) => conn.script("COMMIT").await,
        Err(error) => {
            let _ = conn.script("ROLLBACK").await;
            Err(error)
        }
    }
}

async fn apply(conn: &mut Conn, clock: &dyn Clock) -> Result<(), StoreError> {
    if let Some(lock) = conn.dialect().lock_migrations() {
        conn.script(lock).await?;
    }
    conn.script(VERSIONS).await?;
    let mut found = 0;
    let mut oldest = 0;
    for row in conn.rows("SELECT version, oldest FROM schema_version ORDER BY version", vec![]).await? {
        found = row.int(0)?;
        oldest = oldest.max(row.int(1)?);
    }
    if oldest > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    if found > known() {
        tracing::info!(found, known = known(), "the store was expanded by a newer version; this one can work with it");
    }
    for migration in MIGRATIONS.iter().filter(|m| m.version > found) {
        conn.script(&conn.dialect().types(migration.sql)).await?;
        let row = values![migration.version, migration.oldest, migration.name, clock.now()];
        conn.execute("INSERT INTO schema_version (version, oldest, name, applied) VALUES ($1, $2, $3, $4)", row).await?;
        tracing::info!(event = "store.migrated", version = migration.version, name = migration.name, engine = conn.dialect().name());
    }
    first_rows(conn).await
}

/// The feed's counter and its row number 0, so that every reader has a place to stand on.
async fn first_rows(conn: &mut Conn) -> Result<(), StoreError> {
    let counter = "INSERT INTO feed_counter (realm, number) VALUES ($1, 0) ON CONFLICT (realm) DO NOTHING";
    if conn.execute(counter, values![Realm::ONE]).await? == 1 {
        let start = "INSERT INTO feed (realm, number, id, section, key) VALUES ($1, 0, $2, 'start', NULL)";
        conn.execute(start, values![Realm::ONE, uuid::Uuid::new_v4().to_string()]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gaps_and_nobody_is_locked_out_by_mistake() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, index as i64 + 1);
            assert!(migration.oldest <= migration.version && migration.oldest >= 1);
        }
    }
}
