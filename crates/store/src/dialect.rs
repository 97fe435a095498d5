//! All that differs between SQLite and PostgreSQL, in one file.
//!
//! Every other statement of this room is one text for both engines. What stands here: how a transaction
//! begins, the database's clock, row locks of claims, the hint that wakes other nodes, and two type names
//! of the schema.

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One file, one node.
    Sqlite,
    /// A server that several nodes share.
    Postgres,
}

/// Channel of the hint that the feed has grown. Only a hint: it may be lost, readers poll too.
pub(crate) const HINT_CHANNEL: &str = "sealgate_feed";

impl Dialect {
    /// Name for people and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Opens a write transaction. SQLite's plain BEGIN takes the write lock at the first write and then fails
    /// at once when another writer was there between; IMMEDIATE waits for it (busy_timeout).
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Opens a transaction that reads one state of the database throughout.
    pub(crate) const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Lets one node migrate at a time; ends with the transaction. SQLite's BEGIN IMMEDIATE does it already.
    pub(crate) const fn lock_migrations(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(5999430915)"),
        }
    }

    /// The database's clock in microseconds since 1970, as it is now (not as it was at BEGIN).
    pub(crate) const fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000000 AS BIGINT)",
            Self::Postgres => "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    /// Due jobs of one kind, locked so that two nodes don't take the same. SQLite has one writer: nothing to lock.
    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT id, tries, max_tries FROM job WHERE realm = $1 AND kind = $2 AND failed = 0 AND due <= $3 \
                 AND lease_until <= $3 ORDER BY due LIMIT $4"
            }
            Self::Postgres => {
                "SELECT id, tries, max_tries FROM job WHERE realm = $1 AND kind = $2 AND failed = 0 AND due <= $3 \
                 AND lease_until <= $3 ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED"
            }
        }
    }

    /// Wakes the other nodes at commit.
    pub(crate) const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("NOTIFY sealgate_feed"),
        }
    }

    /// Puts the engine's type names into a migration. Keys are compared octet by octet on both engines, so that
    /// order, cursors and prefix ranges are the same whatever the database's locale.
    pub(crate) fn types(self, sql: &str) -> String {
        let (key, bytes) = match self {
            Self::Sqlite => ("TEXT", "BLOB"),
            Self::Postgres => ("TEXT COLLATE \"C\"", "BYTEA"),
        };
        sql.replace("{key}", key).replace("{bytes}", bytes)
    }
}
