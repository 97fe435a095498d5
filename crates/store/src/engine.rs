//! The two engines behind one face: pools for single reads, own connections for transactions.
//!
//! Reads of one statement go through the pool. The write task and the reader of the feed hold connections of
//! their own, outside the pool: a transaction that is given up closes its connection, so that no connection
//! ever comes back into a pool inside a transaction (a cancelled `begin()` of sqlx 0.9.0 does that).
//! Must never: use `sqlx::Any`, or run a statement that was built from outside text.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection, Postgres, SqlSafeStr, SqlStr, Sqlite};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::value::{Row, Value};

/// Pools and the options to open more connections. No `Debug`: the options hold the password.
pub(crate) enum Engine {
    Sqlite { options: Box<SqliteConnectOptions>, pool: SqlitePool },
    Postgres { options: Box<PgConnectOptions>, pool: PgPool },
}

/// A connection outside the pool. Dropping it ends what it was in the middle of.
#[derive(Debug)]
pub(crate) enum Conn {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// Binds the values in order. A macro, because the two engines' queries are different types.
macro_rules! bound {
    ($engine:ty, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query::<$engine>($sql);
        for value in $values {
            value.check()?;
            query = match value {
                Value::Int(v) => query.bind(v),
                Value::Text(v) => query.bind(v),
                Value::Bytes(v) => query.bind(v),
            };
        }
        query
    }};
}

impl Engine {
    /// Pools that connect when they are first needed.
    pub(crate) fn sqlite(options: SqliteConnectOptions, size: u32, wait: Duration) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(size).acquire_timeout(wait).connect_lazy_with(options.clone());
        Self::Sqlite { options: Box::new(options), pool }
    }

    /// As [`Engine::sqlite`].
    pub(crate) fn postgres(options: PgConnectOptions, size: u32, wait: Duration) -> Self {
        let pool = PgPoolOptions::new().max_connections(size).acquire_timeout(wait).connect_lazy_with(options.clone());
        Self::Postgres { options: Box::new(options), pool }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Opens a connection outside the pool.
    pub(crate) async fn connect(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { options, .. } => Conn::Sqlite(Box::new(SqliteConnection::connect_with(options).await?)),
            Self::Postgres { options, .. } => Conn::Postgres(Box::new(PgConnection::connect_with(options).await?)),
        })
    }

    /// One reading statement through the pool.
    pub(crate) async fn rows(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite { pool, .. } => into_rows(bound!(Sqlite, sql, values).fetch_all(pool).await?),
            Self::Postgres { pool, .. } => into_rows(bound!(Postgres, sql, values).fetch_all(pool).await?),
        })
    }

    /// Closes the pool.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { pool, .. } => pool.close().await,
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

impl Conn {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs one statement; says how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<u64, StoreError> {
        let sql: SqlStr = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(conn) => bound!(Sqlite, sql, values).execute(&mut **conn).await?.rows_affected(),
            Self::Postgres(conn) => bound!(Postgres, sql, values).execute(&mut **conn).await?.rows_affected(),
        })
    }

    /// Runs one statement and takes its rows.
    pub(crate) async fn rows(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let sql: SqlStr = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(conn) => into_rows(bound!(Sqlite, sql, values).fetch_all(&mut **conn).await?),
            Self::Postgres(conn) => into_rows(bound!(Postgres, sql, values).fetch_all(&mut **conn).await?),
        })
    }

    /// Runs our own script of several statements without values: BEGIN, COMMIT, migrations.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(conn) => script.execute(&mut **conn).await.map(drop)?,
            Self::Postgres(conn) => script.execute(&mut **conn).await.map(drop)?,
        }
        Ok(())
    }

    /// Says goodbye; a connection that is dropped instead is cut.
    pub(crate) async fn close(self) {
        let closed = match self {
            Self::Sqlite(conn) => conn.close().await,
            Self::Postgres(conn) => conn.close().await,
        };
        if let Err(cause) = closed {
            tracing::debug!(%cause, "a connection to the store did not close cleanly");
        }
    }
}

fn into_rows<R: Into<Row>>(rows: Vec<R>) -> Vec<Row> {
    rows.into_iter().map(Into::into).collect()
}
