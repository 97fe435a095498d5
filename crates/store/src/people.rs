//! Administrators, their sessions, and tokens of scripts.
//!
//! Passwords come here as Argon2id hashes, session and token secrets as hashes: whoever steals the database
//! can't sign in with it. Sessions and tokens are looked up by hash, with their expiry compared to the database's
//! clock in the same statement or by the caller's clock for reads.

use model::{Fault, Timestamp};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::site::Expect;
use crate::value::{Row, values};
use crate::write::Tx;

/// Somebody who may sign in at the console.
#[derive(Clone, PartialEq, Eq)]
pub struct Administrator {
    /// Sign-in name, lower case.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// Rights, JSON of the use cases.
    pub rights: String,
    /// The password was given to them: they must choose their own.
    pub must_change: bool,
    /// Counts changes; what If-Match compares. Ignored when it is written.
    pub version: i64,
}

/// A sign-in at the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's secret, hex.
    pub hash: String,
    /// Who.
    pub administrator: String,
    /// What the web room keeps in it, JSON.
    pub body: String,
    /// When it was seen last.
    pub seen: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

/// A token of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, shown in lists.
    pub id: String,
    /// SHA-256 of its secret, hex.
    pub hash: String,
    /// What its owner calls it.
    pub name: String,
    /// Whose rights bound it.
    pub owner: String,
    /// Scopes, JSON of the use cases.
    pub scopes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; `None`: never.
    pub expires: Option<Timestamp>,
}

impl std::fmt::Debug for Administrator {
    /// Without the password's hash.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrator").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

/// Puts an administrator; returns the version. A change ends all their sessions: rights and password count at once.
///
/// # Errors
/// `changed-meanwhile` if it isn't as expected.
pub async fn put_administrator(tx: &mut Tx, who: &Administrator, expect: Expect) -> Result<i64, Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    let row = match expect {
        Expect::Version(version) => {
            let sql = "UPDATE administrator SET password_hash = $3, rights = $4, must_change = $5, version = version + 1 \
                       WHERE realm = $1 AND name = $2 AND version = $6 RETURNING version";
            tx.row(sql, values![realm, &who.name, &who.password_hash, &who.rights, who.must_change, version]).await?
        }
        Expect::New => {
            let sql = "INSERT INTO administrator (realm, name, password_hash, rights, must_change, version, created) \
                       VALUES ($1, $2, $3, $4, $5, 1, $6) ON CONFLICT (realm, name) DO NOTHING RETURNING version";
            tx.row(sql, values![realm, &who.name, &who.password_hash, &who.rights, who.must_change, now]).await?
        }
        Expect::Any => {
            let sql = "INSERT INTO administrator (realm, name, password_hash, rights, must_change, version, created) \
                       VALUES ($1, $2, $3, $4, $5, 1, $6) ON CONFLICT (realm, name) DO UPDATE SET \
                       password_hash = excluded.password_hash, rights = excluded.rights, must_change = excluded.must_change, \
                       version = administrator.version + 1 RETURNING version";
            tx.row(sql, values![realm, &who.name, &who.password_hash, &who.rights, who.must_change, now]).await?
        }
    };
    let version = row.ok_or_else(|| conflict(&who.name))?.int(0)?;
    end_sessions(tx, &who.name).await?;
    Ok(version)
}

/// Removes an administrator, their sessions and tokens; false if there was none.
///
/// # Errors
/// `changed-meanwhile` if another version than expected is there.
pub async fn remove_administrator(tx: &mut Tx, name: &str, expect: Expect) -> Result<bool, Fault> {
    let version = if let Expect::Version(version) = expect { Some(version) } else { None };
    let sql = "DELETE FROM administrator WHERE realm = $1 AND name = $2 AND version = COALESCE($3, version)";
    let realm = tx.realm();
    if tx.execute(sql, values![realm, name, version]).await? == 0 {
        return if version.is_some() { Err(conflict(name)) } else { Ok(false) };
    }
    end_sessions(tx, name).await?;
    tx.execute("DELETE FROM token WHERE realm = $1 AND owner = $2", values![realm, name]).await?;
    Ok(true)
}

/// One administrator.
///
/// # Errors
/// When the store is away.
pub async fn administrator(on: impl Reader, name: &str) -> Result<Option<Administrator>, Fault> {
    let sql = "SELECT name, password_hash, rights, must_change, version FROM administrator WHERE realm = $1 AND name = $2";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, name]).await?;
    rows.first().map(read_administrator).transpose().map_err(Into::into)
}

/// All administrators, by name.
///
/// # Errors
/// When the store is away.
pub async fn administrators(on: impl Reader) -> Result<Vec<Administrator>, Fault> {
    let sql = "SELECT name, password_hash, rights, must_change, version FROM administrator WHERE realm = $1 ORDER BY name";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm]).await?;
    rows.iter().map(|row| read_administrator(row).map_err(Into::into)).collect()
}

/// Begins a session.
///
/// # Errors
/// When the store is away.
pub async fn begin_session(tx: &mut Tx, session: &Session) -> Result<(), Fault> {
    let sql = "INSERT INTO session (hash, realm, administrator, body, created, seen, expires) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let s = session;
    let (realm, now) = (tx.realm(), tx.now());
    tx.execute(sql, values![&s.hash, realm, &s.administrator, &s.body, now, s.seen, s.expires]).await?;
    Ok(())
}

/// The session of this hash, if it has not ended by `now`.
///
/// # Errors
/// When the store is away.
pub async fn session(on: impl Reader, hash: &str, now: Timestamp) -> Result<Option<Session>, Fault> {
    let sql = "SELECT hash, administrator, body, seen, expires FROM session WHERE realm = $1 AND hash = $2 AND expires > $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, hash, now]).await?;
    let read = |row: &Row| -> Result<Session, StoreError> {
        Ok(Session { hash: row.text(0)?, administrator: row.text(1)?, body: row.text(2)?, seen: row.time(3)?, expires: row.time(4)? })
    };
    rows.first().map(read).transpose().map_err(Into::into)
}

/// Notes that a session was seen and puts off its end. False if it is gone.
///
/// # Errors
/// When the store is away.
pub async fn touch_session(tx: &mut Tx, hash: &str, body: &str, expires: Timestamp) -> Result<bool, Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    let sql = "UPDATE session SET seen = $3, expires = $4, body = $5 WHERE realm = $1 AND hash = $2 AND expires > $3";
    Ok(tx.execute(sql, values![realm, hash, now, expires, body]).await? == 1)
}

/// Ends one session.
///
/// # Errors
/// When the store is away.
pub async fn end_session(tx: &mut Tx, hash: &str) -> Result<bool, Fault> {
    let realm = tx.realm();
    Ok(tx.execute("DELETE FROM session WHERE realm = $1 AND hash = $2", values![realm, hash]).await? == 1)
}

/// Ends all sessions of an administrator.
///
/// # Errors
/// When the store is away.
pub async fn end_sessions(tx: &mut Tx, administrator: &str) -> Result<u64, Fault> {
    let realm = tx.realm();
    Ok(tx.execute("DELETE FROM session WHERE realm = $1 AND administrator = $2", values![realm, administrator]).await?)
}

/// Adds a token.
///
/// # Errors
/// When the store is away.
pub async fn add_token(tx: &mut Tx, token: &Token) -> Result<(), Fault> {
    let sql = "INSERT INTO token (id, realm, hash, name, owner, scopes, created, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let (realm, t) = (tx.realm(), token);
    tx.execute(sql, values![&t.id, realm, &t.hash, &t.name, &t.owner, &t.scopes, t.created, t.expires]).await?;
    Ok(())
}

/// The token of this hash, if it has not ended by `now`.
///
/// # Errors
/// When the store is away.
pub async fn token(on: impl Reader, hash: &str, now: Timestamp) -> Result<Option<Token>, Fault> {
    let sql = "SELECT id, hash, name, owner, scopes, created, expires FROM token \
               WHERE realm = $1 AND hash = $2 AND (expires IS NULL OR expires > $3)";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, hash, now]).await?;
    rows.first().map(read_token).transpose().map_err(Into::into)
}

/// All tokens, by id.
///
/// # Errors
/// When the store is away.
pub async fn tokens(on: impl Reader) -> Result<Vec<Token>, Fault> {
    let sql = "SELECT id, hash, name, owner, scopes, created, expires FROM token WHERE realm = $1 ORDER BY id";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm]).await?;
    rows.iter().map(|row| read_token(row).map_err(Into::into)).collect()
}

/// Removes a token; false if there was none.
///
/// # Errors
/// When the store is away.
pub async fn remove_token(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    let realm = tx.realm();
    Ok(tx.execute("DELETE FROM token WHERE realm = $1 AND id = $2", values![realm, id]).await? == 1)
}

/// Removes sessions and tokens that ended before `now`.
///
/// # Errors
/// When the store is away.
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    let sessions = tx.execute("DELETE FROM session WHERE expires <= $1", values![now]).await?;
    Ok(sessions + tx.execute("DELETE FROM token WHERE expires <= $1", values![now]).await?)
}

fn read_administrator(row: &Row) -> Result<Administrator, StoreError> {
    Ok(Administrator {
        name: row.text(0)?,
        password_hash: row.text(1)?,
        rights: row.text(2)?,
        must_change: row.truth(3)?,
        version: row.int(4)?,
    })
}

fn read_token(row: &Row) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.text(0)?,
        hash: row.text(1)?,
        name: row.text(2)?,
        owner: row.text(3)?,
        scopes: row.text(4)?,
        created: row.time(5)?,
        expires: row.opt_int(6)?.map(Timestamp),
    })
}

fn conflict(name: &str) -> Fault {
    StoreError::Conflict { section: "administrator", key: name.to_owned() }.into()
}
