//! Migrations: once, by whichever node comes first; a newer schema is met with sense.

use std::sync::Arc;

use sqlx::Connection;
use store::{Store, StoreError, migrations};

use crate::World;

pub(crate) async fn check(w: &World) {
    let known = migrations::known();
    // Expanded by a newer program that says we may go on.
    outside(w, &format!("INSERT INTO schema_version (version, oldest, name, applied) VALUES (90, {known}, 'expanded', 0)")).await;
    let again = Store::open(&w.url, &w.data.join("three"), Arc::clone(&w.clock) as _).await;
    w.is(again.is_ok(), "an expanded schema is worked with");
    if let Ok(store) = again {
        store.close().await;
    }
    // Contracted: we can't.
    outside(w, "INSERT INTO schema_version (version, oldest, name, applied) VALUES (91, 91, 'contracted', 0)").await;
    let refused = Store::open(&w.url, &w.data.join("three"), Arc::clone(&w.clock) as _).await;
    w.is(matches!(refused, Err(StoreError::Newer { found: 91, .. })), "a contracted schema is refused");
    outside(w, "DELETE FROM schema_version WHERE version > 89").await;
    w.is(w.store.ping().await.is_ok(), "the store answers");
    w.is(w.store.node() != w.other.node(), "two data directories are two nodes");

    w.store.here("mx1", "0.1.0").await.expect("here");
    w.other.here("mx2", "0.2.0").await.expect("here");
    w.store.here("mx1", "0.2.0").await.expect("here again");
    let nodes = store::nodes::all(&w.store).await.expect("nodes");
    let mut seen: Vec<_> = nodes.iter().map(|n| (n.name.as_str(), n.version.as_str())).collect();
    seen.sort_unstable();
    w.same(seen, vec![("mx1", "0.2.0"), ("mx2", "0.2.0")], "both nodes are known once");
}

/// SQL past the store, as another program would run it.
async fn outside(w: &World, sql: &str) {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if w.url.starts_with("sqlite:") {
        let mut conn = sqlx::SqliteConnection::connect(&w.url).await.expect("connects");
        sqlx::query(sql).execute(&mut conn).await.expect("runs");
        conn.close().await.expect("closes");
    } else {
        let mut conn = sqlx::PgConnection::connect(&w.url).await.expect("connects");
        sqlx::query(sql).execute(&mut conn).await.expect("runs");
        conn.close().await.expect("closes");
    }
}
