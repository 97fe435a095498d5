//! State that must be exact on all nodes at once: lock-outs and one-shot tokens.
//!
//! Each decision is one conditional write at the primary, by the database's clock; without the store the answer is a
//! temporary fault, never a guess. What is kept are keys and hashes, no secrets.

use std::time::Duration;

use model::{Fault, Timestamp};

use crate::Store;
use crate::reader::Reader;
use crate::value::values;

/// How a lock-out stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Failures since the last success, or since the last lock ended.
    pub failures: i64,
    /// Locked until then, if it is.
    pub until: Option<Timestamp>,
}

impl Store {
    /// Counts a failure of `key` (an account, a network) in `scope`; with the `limit`-th it is locked for `lock_for`.
    /// Failures while it is locked neither count nor prolong.
    ///
    /// # Errors
    /// When the store is away: the caller refuses then.
    pub async fn failed(&self, scope: &'static str, key: &str, limit: u32, lock_for: Duration) -> Result<Lock, Fault> {
        let key = key.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.database_now().await?;
                let sql = "INSERT INTO lock_out (realm, scope, key, failures, until, changed) \
                           VALUES ($1, $2, $3, 1, CASE WHEN $4 <= 1 THEN $6 ELSE 0 END, $5) \
                           ON CONFLICT (realm, scope, key) DO UPDATE SET \
                           failures = CASE WHEN lock_out.until > $5 THEN lock_out.failures \
                                           WHEN lock_out.until > 0 THEN 1 ELSE lock_out.failures + 1 END, \
                           until = CASE WHEN lock_out.until > $5 THEN lock_out.until \
                                        WHEN (CASE WHEN lock_out.until > 0 THEN 1 ELSE lock_out.failures + 1 END) >= $4 THEN $6 \
                                        ELSE 0 END, \
                           changed = excluded.changed RETURNING failures, until";
                let realm = tx.realm();
                let row = tx.row(sql, values![realm, scope, key, i64::from(limit), now, now.after(lock_for)]).await?;
                let row = row.ok_or(crate::StoreError::Sql("a failure was not counted".into()))?;
                Ok(Lock { failures: row.int(0)?, until: Some(row.time(1)?).filter(|until| *until > now) })
            })
        })
        .await
    }

    /// Forgets the failures of `key`: a success, or an administrator who unlocks.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn succeeded(&self, scope: &'static str, key: &str) -> Result<bool, Fault> {
        let key = key.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM lock_out WHERE realm = $1 AND scope = $2 AND key = $3";
                let realm = tx.realm();
                Ok(tx.execute(sql, values![realm, scope, key]).await? == 1)
            })
        })
        .await
    }

    /// Is `key` locked now, and until when? Asked before a password is even looked at.
    ///
    /// # Errors
    /// When the store is away: the caller refuses then.
    pub async fn locked(&self, scope: &'static str, key: &str) -> Result<Option<Timestamp>, Fault> {
        let now = crate::reader::database_now(self).await?;
        let sql = "SELECT until FROM lock_out WHERE realm = $1 AND scope = $2 AND key = $3 AND until > $4";
        let realm = Reader::realm(&self);
        let rows = Reader::rows(self, sql, values![realm, scope, key, now]).await?;
        Ok(rows.first().map(|row| row.time(0)).transpose()?)
    }

    /// Keeps a one-shot token by its hash, for `purpose`, with what it stands for.
    ///
    /// # Errors
    /// When the store is away; `changed-meanwhile` if the hash was issued before.
    pub async fn issue(&self, purpose: &'static str, hash: &str, body: &str, lifetime: Duration) -> Result<(), Fault> {
        let (hash, body) = (hash.to_owned(), body.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let expires = tx.database_now().await?.after(lifetime);
                let sql = "INSERT INTO one_shot (hash, realm, purpose, body, expires) VALUES ($1, $2, $3, $4, $5)";
                let realm = tx.realm();
                tx.execute(sql, values![hash, realm, purpose, body, expires]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Uses a one-shot token up and returns what it stands for: once, on whatever node; `None` for a second use, a
    /// foreign purpose, or after its time.
    ///
    /// # Errors
    /// When the store is away: the caller refuses then.
    pub async fn redeem(&self, purpose: &'static str, hash: &str) -> Result<Option<String>, Fault> {
        let hash = hash.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.database_now().await?;
                let sql = "DELETE FROM one_shot WHERE hash = $1 AND realm = $2 AND purpose = $3 AND expires > $4 RETURNING body";
                let realm = tx.realm();
                let row = tx.row(sql, values![hash, realm, purpose, now]).await?;
                Ok(row.map(|row| row.text(0)).transpose()?)
            })
        })
        .await
    }

    /// Removes one-shot tokens that ended, and lock-outs that ended or had no failure for `idle`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn prune_exact(&self, idle: Duration) -> Result<u64, Fault> {
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.database_now().await?;
                let tokens = tx.execute("DELETE FROM one_shot WHERE expires <= $1", values![now]).await?;
                let before = Timestamp(now.0.saturating_sub(Timestamp(0).after(idle).0));
                let sql = "DELETE FROM lock_out WHERE until <= $1 AND changed <= $2";
                Ok(tokens + tx.execute(sql, values![now, before]).await?)
            })
        })
        .await
    }
}
