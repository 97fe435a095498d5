//! Values that go into statements and rows that come out, the same for both engines.
//!
//! Numbers are i64, texts are UTF-8 without NUL, binary is bytes; nothing else is stored, so that the two
//! engines can't disagree about a type.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::error::StoreError;

/// A bound value; `None` is NULL of that type.
#[derive(Debug, Clone)]
pub enum Value {
    /// A number, a time in microseconds, or a truth as 0 and 1.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Binary.
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// Refuses what only one of the engines would take.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Text(Some(text)) if text.contains('\0') => Err(StoreError::Nul),
            _ => Ok(()),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $value:expr),* $(,)?) => {
        $(impl From<$from> for Value { fn from($v: $from) -> Self { $value } })*
    };
}

value_from! {
    i64 => |v| Self::Int(Some(v)),
    u32 => |v| Self::Int(Some(i64::from(v))),
    bool => |v| Self::Int(Some(i64::from(v))),
    usize => |v| Self::Int(Some(i64::try_from(v).unwrap_or(i64::MAX))),
    Option<i64> => |v| Self::Int(v),
    model::Timestamp => |v| Self::Int(Some(v.0)),
    Option<model::Timestamp> => |v| Self::Int(v.map(|t| t.0)),
    model::Realm => |v| Self::Int(Some(v.0)),
    &str => |v| Self::Text(Some(v.to_owned())),
    &String => |v| Self::Text(Some(v.clone())),
    String => |v| Self::Text(Some(v)),
    Option<String> => |v| Self::Text(v),
    Option<&str> => |v| Self::Text(v.map(str::to_owned)),
    &[u8] => |v| Self::Bytes(Some(v.to_vec())),
}

/// The values of one statement, in the order of `$1`, `$2`, ….
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// One row of an answer. Columns are taken by place, as the statement names them.
#[derive(Debug)]
pub struct Row(Inner);

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl std::fmt::Debug for Inner {
    /// Shows no values: rows hold hashes and sealed things.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "sqlite row",
            Self::Postgres(_) => "postgres row",
        })
    }
}

macro_rules! column {
    ($name:ident, $type:ty, $doc:literal) => {
        #[doc = $doc]
        pub(crate) fn $name(&self, index: usize) -> Result<$type, StoreError> {
            match &self.0 {
                Inner::Sqlite(row) => row.try_get(index).map_err(StoreError::from),
                Inner::Postgres(row) => row.try_get(index).map_err(StoreError::from),
            }
        }
    };
}

impl Row {
    column!(int, i64, "A number that is never NULL.");
    column!(opt_int, Option<i64>, "A number or NULL.");
    column!(text, String, "A text that is never NULL.");
    column!(opt_text, Option<String>, "A text or NULL.");
    column!(bytes, Vec<u8>, "Binary that is never NULL.");

    /// A truth that is stored as 0 or 1.
    pub(crate) fn truth(&self, index: usize) -> Result<bool, StoreError> {
        self.int(index).map(|n| n != 0)
    }

    /// A time.
    pub(crate) fn time(&self, index: usize) -> Result<model::Timestamp, StoreError> {
        self.int(index).map(model::Timestamp)
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self(Inner::Sqlite(row))
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self(Inner::Postgres(row))
    }
}
