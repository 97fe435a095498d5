//! The site's rows: settings, domains, users, partners, roots, keys, rules, templates, gateways.
//!
//! The store is their truth; nodes hold them in memory ([`crate::live`]). Each put and removal goes into the
//! feed in the same transaction. A removed row stays as an empty one, so that its version goes on counting and
//! an old If-Match never fits a row that was made anew.

use model::site::{Section, SiteRow};
use model::{Fault, Site};

use crate::error::StoreError;
use crate::feed::{Change, Part};
use crate::reader::Reader;
use crate::value::{Row, values};
use crate::write::Tx;

/// What the caller knows of the row that it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the last one wins.
    Any,
    /// That there is none (If-None-Match: *, RFC 9110 §13.1.2).
    New,
    /// This version (If-Match, RFC 9110 §13.1.1).
    Version(i64),
}

/// What a put did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// The row's version now.
    pub version: i64,
    /// False if the row was the same before: nothing was written, the feed is silent.
    pub changed: bool,
}

/// Puts one row.
///
/// # Errors
/// `changed-meanwhile` if the row isn't as expected; `site-row-unreadable` if nodes could not read the body.
pub async fn put(tx: &mut Tx, section: Section, key: &str, body: &str, expect: Expect) -> Result<Put, Fault> {
    Site::default().apply(&SiteRow { section, key: key.to_owned(), version: 1, body: body.to_owned() })?;
    let (realm, now) = (tx.realm(), tx.now());
    let written = match expect {
        Expect::Version(version) => {
            let sql = "UPDATE site_row SET version = version + 1, body = $4, changed = $5 \
                       WHERE realm = $1 AND section = $2 AND key = $3 AND version = $6 AND body <> '' RETURNING version";
            tx.row(sql, values![realm, section.word(), key, body, now, version]).await?
        }
        Expect::New => {
            let sql = "INSERT INTO site_row (realm, section, key, version, body, changed) VALUES ($1, $2, $3, 1, $4, $5) \
                       ON CONFLICT (realm, section, key) DO UPDATE SET version = site_row.version + 1, body = excluded.body, \
                       changed = excluded.changed WHERE site_row.body = '' RETURNING version";
            tx.row(sql, values![realm, section.word(), key, body, now]).await?
        }
        Expect::Any => {
            let sql = "INSERT INTO site_row (realm, section, key, version, body, changed) VALUES ($1, $2, $3, 1, $4, $5) \
                       ON CONFLICT (realm, section, key) DO UPDATE SET version = site_row.version + 1, body = excluded.body, \
                       changed = excluded.changed WHERE site_row.body <> excluded.body RETURNING version";
            tx.row(sql, values![realm, section.word(), key, body, now]).await?
        }
    };
    if let Some(row) = written {
        tx.changed(Change::Row(Part::Site(section), key.to_owned()));
        return Ok(Put { version: row.int(0)?, changed: true });
    }
    match get(&mut *tx, section, key).await? {
        Some(same) if expect == Expect::Any => Ok(Put { version: same.version, changed: false }),
        _ => Err(conflict(section, key)),
    }
}

/// Removes one row; false if there was none.
///
/// # Errors
/// `changed-meanwhile` if the row has another version than expected, or is gone although one was expected.
pub async fn remove(tx: &mut Tx, section: Section, key: &str, expect: Expect) -> Result<bool, Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    let version = if let Expect::Version(version) = expect { Some(version) } else { None };
    let sql = "UPDATE site_row SET version = version + 1, body = '', changed = $4 \
               WHERE realm = $1 AND section = $2 AND key = $3 AND body <> '' AND version = COALESCE($5, version)";
    if tx.execute(sql, values![realm, section.word(), key, now, version]).await? == 1 {
        tx.changed(Change::Row(Part::Site(section), key.to_owned()));
        return Ok(true);
    }
    if version.is_some() { Err(conflict(section, key)) } else { Ok(false) }
}

/// One row, if it is there.
///
/// # Errors
/// When the store is away.
pub async fn get(on: impl Reader, section: Section, key: &str) -> Result<Option<SiteRow>, Fault> {
    let sql = "SELECT section, key, version, body FROM site_row WHERE realm = $1 AND section = $2 AND key = $3 AND body <> ''";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, section.word(), key]).await?;
    rows.first().map(read).transpose().map_err(Into::into)
}

/// All rows of a section, in the order of their keys.
///
/// # Errors
/// When the store is away.
pub async fn section(on: impl Reader, section: Section) -> Result<Vec<SiteRow>, Fault> {
    let sql = "SELECT section, key, version, body FROM site_row WHERE realm = $1 AND section = $2 AND body <> '' ORDER BY key";
    let realm = on.realm();
    known(on.rows(sql, values![realm, section.word()]).await?)
}

/// A page of a section: rows whose key starts with `prefix` and comes after `after`, in the order of their keys.
///
/// # Errors
/// When the store is away.
pub async fn page(on: impl Reader, section: Section, prefix: &str, after: &str, limit: u32) -> Result<Vec<SiteRow>, Fault> {
    let sql = "SELECT section, key, version, body FROM site_row WHERE realm = $1 AND section = $2 AND key > $3 \
               AND key >= $4 AND key < $5 AND body <> '' ORDER BY key LIMIT $6";
    let realm = on.realm();
    known(on.rows(sql, values![realm, section.word(), after, prefix, past(prefix), limit]).await?)
}

/// All rows of the site.
///
/// # Errors
/// When the store is away.
pub async fn all(on: impl Reader) -> Result<Vec<SiteRow>, Fault> {
    let sql = "SELECT section, key, version, body FROM site_row WHERE realm = $1 AND body <> '' ORDER BY section, key";
    let realm = on.realm();
    known(on.rows(sql, values![realm]).await?)
}

/// Sections that only a newer version knows are left out.
fn known(rows: Vec<Row>) -> Result<Vec<SiteRow>, Fault> {
    let known = rows.iter().filter(|row| row.text(0).is_ok_and(|word| Section::from_word(&word).is_some()));
    known.map(|row| read(row).map_err(Into::into)).collect()
}

fn read(row: &Row) -> Result<SiteRow, StoreError> {
    let word = row.text(0)?;
    let section = Section::from_word(&word).ok_or(StoreError::Damaged { what: "a site row", cause: format!("section {word:?}") })?;
    Ok(SiteRow { section, key: row.text(1)?, version: row.int(2)?, body: row.text(3)? })
}

fn conflict(section: Section, key: &str) -> Fault {
    StoreError::Conflict { section: section.word(), key: key.to_owned() }.into()
}

/// The end of the range of texts that start with `prefix`, both engines comparing octet by octet.
pub(crate) fn past(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}
