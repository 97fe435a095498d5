//! What can go wrong in the store, and how the other rooms see it.
//!
//! Inside the room functions give [`StoreError`]; what leaves it is a [`Fault`]. Which errors of the engines
//! mean "away" and which "busy" is decided here, once for both engines.
//! Must never: put a connection URL (it holds a password) or a bound value into a text.

use std::path::PathBuf;

use model::{Fault, Guilty};

/// The errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, answers too late, or went away in the middle.
    #[error("the store can't be reached: {0}")]
    Away(String),
    /// A lock was not free in time, a deadlock was broken, or the queue of writes is full.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// The row was changed, made or removed since the caller read it.
    #[error("{section} {key:?} was changed meanwhile")]
    Conflict {
        /// What kind of thing.
        section: &'static str,
        /// Which one.
        key: String,
    },
    /// The schema was changed by a newer program in a way that this one can't work with.
    #[error("the store has schema version {found}; this program knows up to {known} and can't work with it: start a newer Sealgate")]
    Newer {
        /// Version in the database.
        found: i64,
        /// Newest version of this program.
        known: i64,
    },
    /// The directory or file can't be written.
    #[error("can't write {path}: {cause}. Make the directory writable for the user that runs Sealgate, or choose another with --data")]
    NotWritable {
        /// Directory or file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The directory or file belongs to another user.
    #[error(
        "{path} belongs to user id {owner}, Sealgate runs as {us}. Run it as that user, or give the directory to user id {us} with chown"
    )]
    ForeignOwner {
        /// Directory or file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// `[store] url` is none of the forms that are known.
    #[error("[store] url: {0}; write sqlite:, sqlite:PATH, or postgres://user:password@host/database")]
    Url(String),
    /// The database was reached and refuses us: password, rights, missing database.
    #[error("the database refuses the connection: {cause}. {hint}")]
    Refused {
        /// What it said.
        cause: String,
        /// What to do.
        hint: &'static str,
    },
    /// A text holds NUL, which PostgreSQL can't store; refused on both engines alike.
    #[error("a text holds the character NUL")]
    Nul,
    /// Something stored does not have the shape that was written.
    #[error("{what} in the store is damaged: {cause}")]
    Damaged {
        /// Which.
        what: &'static str,
        /// How it was noticed.
        cause: String,
    },
    /// A mistake of ours: the engine refused the statement.
    #[error("the database refused a statement: {0}")]
    Sql(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(cause) => {
                let code = cause.code().unwrap_or_default().into_owned();
                by_code(&code, cause.message().to_owned())
            }
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
                Self::Away(error.to_string())
            }
            E::Configuration(cause) => Self::Url(cause.to_string()),
            E::Decode(_) | E::ColumnDecode { .. } => Self::Damaged { what: "a column", cause: error.to_string() },
            other => Self::Sql(other.to_string()),
        }
    }
}

/// SQLSTATE (five characters) or SQLite's extended result code (a number; its low octet is the primary code).
fn by_code(code: &str, message: String) -> StoreError {
    if let Some(primary) = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|n| n & 0xff) {
        return match primary {
            5 | 6 => StoreError::Busy(message),
            // IOERR, FULL, CANTOPEN, READONLY: the disk's state, not ours; it may get better.
            8 | 10 | 13 | 14 => StoreError::Away(message),
            // CONSTRAINT: another one was there first.
            19 => StoreError::Conflict { section: "row", key: message },
            11 | 26 => StoreError::Damaged { what: "the database file", cause: message },
            _ => StoreError::Sql(format!("{code}: {message}")),
        };
    }
    match code {
        "23505" => StoreError::Conflict { section: "row", key: message },
        "40001" | "40P01" | "55P03" | "57014" => StoreError::Busy(message),
        "28P01" | "28000" => {
            StoreError::Refused { cause: message, hint: "Check user and password in [store] url and the server's pg_hba.conf" }
        }
        "3D000" => StoreError::Refused { cause: message, hint: "Create the database first: createdb -O USER NAME" },
        "42501" => StoreError::Refused { cause: message, hint: "The user must own the database: createdb -O USER NAME" },
        _ if ["08", "53", "58", "57"].iter().any(|class| code.starts_with(class)) || code == "25006" => StoreError::Away(message),
        _ => StoreError::Sql(format!("{code}: {message}")),
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let cause = error.to_string();
        match error {
            StoreError::Away(_) => Self::temporary(Guilty::Ourselves, "store-away", cause),
            StoreError::Busy(_) => Self::temporary(Guilty::Ourselves, "store-busy", cause),
            StoreError::Conflict { section, key } => {
                Self::permanent(Guilty::Sender, "changed-meanwhile", cause).with("section", section).with("key", key)
            }
            StoreError::Newer { found, known } => {
                Self::permanent(Guilty::Configuration, "store-newer", cause).with("found", found).with("known", known)
            }
            StoreError::NotWritable { path, .. } => {
                Self::permanent(Guilty::Configuration, "store-not-writable", cause).with("path", path.display())
            }
            StoreError::ForeignOwner { path, owner, us } => Self::permanent(Guilty::Configuration, "store-foreign-owner", cause)
                .with("path", path.display())
                .with("owner", owner)
                .with("us", us),
            StoreError::Url(_) => Self::permanent(Guilty::Configuration, "store-url", cause),
            StoreError::Refused { .. } => Self::permanent(Guilty::Configuration, "store-refused", cause),
            StoreError::Nul => Self::permanent(Guilty::Sender, "text-has-nul", cause),
            StoreError::Damaged { .. } => Self::permanent(Guilty::Ourselves, "store-damaged", cause),
            StoreError::Sql(_) => Self::permanent(Guilty::Ourselves, "store-broken", cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_say_away_and_busy_with_the_same_words() {
        for (code, fault) in [
            ("5", "store-busy"),
            ("517", "store-busy"),
            ("13", "store-away"),
            ("11", "store-damaged"),
            ("1555", "changed-meanwhile"),
            ("23505", "changed-meanwhile"),
            ("1", "store-broken"),
            ("40P01", "store-busy"),
            ("57P01", "store-away"),
            ("53300", "store-away"),
            ("25006", "store-away"),
            ("28P01", "store-refused"),
            ("42601", "store-broken"),
        ] {
            let got = Fault::from(by_code(code, String::new()));
            assert_eq!(got.code, fault, "{code}");
            assert_eq!(got.temporary, ["store-busy", "store-away"].contains(&fault));
        }
    }
}
