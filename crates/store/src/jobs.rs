//! Work that outlives a request (design decision 7): claimed by kind, with a lease, retried, visible when it fails.
//!
//! There is at most one job per kind and key, so that asking twice does the work once. A worker holds a job by a
//! lease that ends by the database's clock: when the node dies, another takes the job after that, and the node itself
//! when it starts again. A job that failed too often stays, with its last error, until somebody retries or removes it.

use std::time::Duration;

use model::{Fault, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::value::{Row, values};
use crate::write::Tx;

/// What becomes of a job that failed, or whose worker died.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Wait before the second try; doubles with each further one.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
}

impl Retry {
    /// The wait after so many tries.
    #[must_use]
    pub fn wait(self, tries: i64) -> Duration {
        let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(20);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// A job that this worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// What it is about, unique in its kind.
    pub key: String,
    /// What it needs to know, JSON of its kind.
    pub body: String,
    /// This try, from 1.
    pub tries: i64,
    /// Proves that we hold it.
    lease: String,
}

/// A job as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What kind of work.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// When it is due, or was.
    pub due: Timestamp,
    /// A worker holds it until then; 0 if none does.
    pub lease_until: Timestamp,
    /// Tries so far.
    pub tries: i64,
    /// Why the last try failed; empty if none did.
    pub last_error: String,
    /// True if it is not tried any more.
    pub failed: bool,
}

/// Orders work, due after `delay`. If the job is there already it takes the new body, is due no later, had it failed
/// for good is tried again, and if a worker has it right now it is done once more after that. Returns true if it is new.
///
/// # Errors
/// When the store is away.
pub async fn order(tx: &mut Tx, kind: &str, key: &str, body: &str, delay: Duration, max_tries: u32) -> Result<bool, Fault> {
    let now = tx.database_now().await?;
    let realm = tx.realm();
    let id = uuid::Uuid::now_v7().to_string();
    let due = now.after(delay);
    let sql = "INSERT INTO job (id, realm, kind, key, body, created, due, lease, lease_until, tries, max_tries, last_error, \
               failed, again) VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0, 0, $8, '', 0, 0) ON CONFLICT (realm, kind, key) DO NOTHING";
    if tx.execute(sql, values![id, realm, kind, key, body, now, due, max_tries.max(1)]).await? == 1 {
        return Ok(true);
    }
    let sql = "UPDATE job SET due = CASE WHEN due < $4 AND failed = 0 THEN due ELSE $4 END, \
               tries = CASE WHEN failed = 1 THEN 0 ELSE tries END, failed = 0, body = $5, again = CASE WHEN lease_until > $6 THEN 1 ELSE 0 END \
               WHERE realm = $1 AND kind = $2 AND key = $3";
    tx.execute(sql, values![realm, kind, key, due, body, now]).await?;
    Ok(false)
}

impl Store {
    /// Takes at most `limit` due jobs of a kind for `lease`. A job whose lease ran out with its last try fails.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn claim_jobs(&self, kind: &'static str, lease: Duration, limit: u32) -> Result<Vec<Claim>, Fault> {
        let holder = holder(self.node(), Some(self.inner().opened));
        self.write(move |tx| Box::pin(async move { claim(tx, (kind, &holder), lease, limit).await })).await
    }

    /// Frees the jobs that an earlier process of this node held when it died, so that they need not wait for the end of their leases. Only for
    /// the process that has the node's data directory to itself. Returns how many there were.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn free_jobs_of_before(&self) -> Result<u64, Fault> {
        let (node, now) = (holder(self.node(), None), holder(self.node(), Some(self.inner().opened)));
        self.write(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE job SET lease = '', lease_until = 0 WHERE realm = $1 \
                           AND substr(lease, 1, length($2)) = $2 AND substr(lease, 1, length($3)) <> $3";
                let realm = tx.realm();
                Ok(tx.execute(sql, values![realm, node, now]).await?)
            })
        })
        .await
    }

    /// The work is done: the job goes, unless it was ordered again meanwhile. False if the lease had run out and another worker has it.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn finish_job(&self, claim: Claim) -> Result<bool, Fault> {
        self.write(move |tx| Box::pin(async move { finish(tx, &claim).await })).await
    }

    /// The try failed: it comes again after its wait, or is shown as failed after the last try. False if the lease
    /// had run out.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn fail_job(&self, claim: Claim, error: &str, retry: Retry) -> Result<bool, Fault> {
        let error = error.replace('\0', "\u{FFFD}");
        self.write(move |tx| {
            Box::pin(async move {
                let due = tx.database_now().await?.after(retry.wait(claim.tries));
                let sql = "UPDATE job SET due = $3, lease = '', lease_until = 0, last_error = $4, \
                           failed = CASE WHEN tries >= max_tries THEN 1 ELSE 0 END WHERE id = $1 AND lease = $2";
                Ok(tx.execute(sql, values![claim.id, claim.lease, due, error]).await? == 1)
            })
        })
        .await
    }

    /// Holds a job for longer. False if the lease had run out and another worker has it: stop the work then.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn renew_job(&self, claim: &Claim, lease: Duration) -> Result<bool, Fault> {
        let claim = claim.clone();
        self.write(move |tx| {
            Box::pin(async move {
                let until = tx.database_now().await?.after(lease);
                let sql = "UPDATE job SET lease_until = $3 WHERE id = $1 AND lease = $2";
                Ok(tx.execute(sql, values![claim.id, claim.lease, until]).await? == 1)
            })
        })
        .await
    }
}

/// The same as [`Store::finish_job`] in the transaction that writes what was done. Of two workers who hold the job one after the other only one
/// gets true, also when both are still at work: who gets false must write nothing.
///
/// # Errors
/// When the store is away.
pub async fn finish(tx: &mut Tx, claim: &Claim) -> Result<bool, Fault> {
    let again = "UPDATE job SET again = 0, lease = '', lease_until = 0, tries = 0 WHERE id = $1 AND lease = $2 AND again = 1";
    if tx.execute(again, values![&claim.id, &claim.lease]).await? == 1 {
        return Ok(true);
    }
    let done = "DELETE FROM job WHERE id = $1 AND lease = $2";
    Ok(tx.execute(done, values![&claim.id, &claim.lease]).await? == 1)
}

/// What leases of a node begin with, or of one opening of its store.
fn holder(node: &str, opened: Option<uuid::Uuid>) -> String {
    opened.map_or_else(|| format!("{node}/"), |opened| format!("{node}/{}/", opened.simple()))
}

async fn claim(tx: &mut Tx, (kind, holder): (&str, &str), lease: Duration, limit: u32) -> Result<Vec<Claim>, Fault> {
    let now = tx.database_now().await?;
    let (sql, realm) = (tx.dialect().claim(), tx.realm());
    let mut claims = Vec::new();
    for due in tx.rows(sql, values![realm, kind, now, limit]).await? {
        let id = due.text(0)?;
        if due.int(1)? >= due.int(2)? {
            let sql = "UPDATE job SET failed = 1, lease = '', lease_until = 0, last_error = $2 WHERE id = $1";
            tx.execute(sql, values![id, "the last try did not end in its time"]).await?;
            continue;
        }
        let token = format!("{holder}{}", uuid::Uuid::new_v4().simple());
        let sql = "UPDATE job SET lease = $2, lease_until = $3, tries = tries + 1 WHERE id = $1 RETURNING key, body, tries";
        if let Some(row) = tx.row(sql, values![&id, &token, now.after(lease)]).await? {
            claims.push(Claim { id, key: row.text(0)?, body: row.text(1)?, tries: row.int(2)?, lease: token });
        }
    }
    Ok(claims)
}

/// Jobs of a kind (empty: of all), failed ones first, then by due time. For people.
///
/// # Errors
/// When the store is away.
pub async fn list(on: impl Reader, kind: &str, limit: u32) -> Result<Vec<Job>, Fault> {
    let sql = "SELECT id, kind, key, due, lease_until, tries, last_error, failed FROM job \
               WHERE realm = $1 AND ($2 = '' OR kind = $2) ORDER BY failed DESC, due, id LIMIT $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, kind, limit]).await?;
    rows.iter().map(|row| read(row).map_err(Into::into)).collect()
}

/// When the next job of a kind is due by the database's clock; `None` if there is none.
///
/// # Errors
/// When the store is away.
pub async fn next_due(on: impl Reader, kind: &str) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT min(CASE WHEN due > lease_until THEN due ELSE lease_until END) FROM job \
               WHERE realm = $1 AND kind = $2 AND failed = 0";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, kind]).await?;
    Ok(rows.first().map(|row| row.opt_int(0)).transpose()?.flatten().map(Timestamp))
}

/// Tries a job again at once, from its first try. False if there is none, or a worker holds it.
///
/// # Errors
/// When the store is away.
pub async fn retry(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    let now = tx.database_now().await?;
    let sql = "UPDATE job SET failed = 0, tries = 0, due = $2 WHERE id = $1 AND lease_until <= $2";
    Ok(tx.execute(sql, values![id, now]).await? == 1)
}

/// Removes a job, whoever holds it: its worker finds its lease gone.
///
/// # Errors
/// When the store is away.
pub async fn remove(tx: &mut Tx, id: &str) -> Result<bool, Fault> {
    Ok(tx.execute("DELETE FROM job WHERE id = $1", values![id]).await? == 1)
}

fn read(row: &Row) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.text(0)?,
        kind: row.text(1)?,
        key: row.text(2)?,
        due: row.time(3)?,
        lease_until: row.time(4)?,
        tries: row.int(5)?,
        last_error: row.text(6)?,
        failed: row.truth(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry { first: Duration::from_secs(5), longest: Duration::from_secs(60) };
        let waits: Vec<u64> = [1, 2, 3, 4, 5, 99].into_iter().map(|n| retry.wait(n).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    }
}
