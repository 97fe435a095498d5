//! The one write task: every change of the database goes through it.
//!
//! A use case hands it one closure; the task begins, runs the closure, appends to the feed, commits, and only
//! then answers. No request owns a transaction: a caller that goes away leaves no transaction behind, its
//! closure ends as if it had stayed. While the database is away each write gets a temporary fault at once
//! instead of waiting in line; when it is back, writes work again without anybody's help.
//! Must never: put a connection back into use whose transaction did not end cleanly.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::site::Section;
use model::{Fault, Realm, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::Store;
use crate::engine::Conn;
use crate::error::StoreError;
use crate::feed::{self, Change, Part};
use crate::store::Inner;
use crate::value::{Row, Value};

/// A write transaction, lent to one closure. Commits when the closure returns `Ok`, else leaves nothing.
#[derive(Debug)]
pub struct Tx {
    conn: Conn,
    node: Arc<str>,
    now: Timestamp,
    changes: Vec<Change>,
    /// A statement failed. PostgreSQL has given the transaction up then, and its COMMIT would roll back without a word;
    /// SQLite would go on. On both the transaction can't be committed any more, whatever the closure makes of the error.
    failed: bool,
}

impl Tx {
    /// This node's time when the transaction began.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// This node's id.
    #[must_use]
    pub fn node(&self) -> Arc<str> {
        Arc::clone(&self.node)
    }

    /// Whose rows are written.
    #[must_use]
    pub const fn realm(&self) -> Realm {
        Realm::ONE
    }

    /// Tells every node to read a whole section anew: one row of the feed for a change of many rows.
    pub fn reload(&mut self, section: Section) {
        self.changed(Change::Reload(Part::Site(section)));
    }

    /// Tells every node to read all devices anew.
    pub fn reload_devices(&mut self) {
        self.changed(Change::Reload(Part::Device));
    }

    /// Notes a change for the feed, which is written as the transaction's last act.
    pub(crate) fn changed(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// The database's clock: what leases, locks and expiries are compared with, the same for every node.
    pub(crate) async fn database_now(&mut self) -> Result<Timestamp, StoreError> {
        let sql = self.conn.dialect().now();
        self.row(sql, vec![]).await?.ok_or_else(|| StoreError::Sql("no clock".into()))?.time(0)
    }

    pub(crate) const fn dialect(&self) -> crate::dialect::Dialect {
        self.conn.dialect()
    }

    pub(crate) async fn execute(&mut self, sql: impl sqlx::SqlSafeStr, values: Vec<Value>) -> Result<u64, StoreError> {
        let done = self.conn.execute(sql, values).await;
        self.failed |= done.is_err();
        done
    }

    pub(crate) async fn rows(&mut self, sql: impl sqlx::SqlSafeStr, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let rows = self.conn.rows(sql, values).await;
        self.failed |= rows.is_err();
        rows
    }

    pub(crate) async fn row(&mut self, sql: impl sqlx::SqlSafeStr, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.conn.script(sql).await
    }
}

type Run = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<(), Fault>> + Send>;

/// One closure in the queue and the way back to its caller.
pub(crate) struct Job {
    run: Run,
    reply: oneshot::Sender<Result<(), Fault>>,
}

impl Store {
    /// Runs `work` in a transaction of its own and returns what it returned, once that is committed.
    ///
    /// Call it as `store.write(|tx| Box::pin(async move { … }))`. `work` must not call `write` again: there is
    /// one write task, it would wait for itself.
    ///
    /// # Errors
    /// What `work` returned (nothing is changed then); `store-away` or `store-busy`, temporary. After
    /// `store-away` the change may have been committed all the same, if the connection was lost in the commit.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Fault>> + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let fill = Arc::clone(&slot);
        let run: Run = Box::new(move |tx: &mut Tx| {
            let work = work(tx);
            Box::pin(async move {
                let value = work.await?;
                *fill.lock() = Some(value);
                Ok(())
            })
        });
        let (reply, answer) = oneshot::channel();
        match self.inner().writes.try_send(Job { run, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(StoreError::Busy("too many changes wait".into()).into()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(StoreError::Away("the store is closed".into()).into()),
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Away("the store was closed".into()).into()))?;
        let value = slot.lock().take();
        value.ok_or_else(|| StoreError::Sql("a change left no answer".into()).into())
    }
}

/// The task's state.
pub(crate) struct Writer {
    store: Arc<Inner>,
    conn: Option<Conn>,
    refused: Option<(Instant, String)>,
}

impl Writer {
    pub(crate) const fn new(store: Arc<Inner>) -> Self {
        Self { store, conn: None, refused: None }
    }

    /// Serves until the store is closed, then finishes what waits in the queue.
    pub(crate) async fn serve(mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            let job = tokio::select! {
                job = jobs.recv() => job,
                () = self.store.stop.cancelled(), if !jobs.is_closed() => { jobs.close(); continue }
            };
            let Some(job) = job else { break };
            let answer = self.one(job.run).await;
            let _ = job.reply.send(answer);
        }
        if let Some(conn) = self.conn.take() {
            conn.close().await;
        }
    }

    async fn one(&mut self, run: Run) -> Result<(), Fault> {
        let conn = self.begun().await?;
        let mut tx = Tx { conn, node: Arc::clone(&self.store.node), now: self.store.clock.now(), changes: Vec::new(), failed: false };
        let limit = self.store.settings.write_timeout;
        let work = AssertUnwindSafe(transact(&mut tx, run)).catch_unwind();
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(Ok(number))) => {
                self.conn = Some(tx.conn);
                if let Some(number) = number {
                    self.store.grown.send_replace(number);
                }
                Ok(())
            }
            Ok(Ok(Err(fault))) => {
                self.keep_if_clean(tx.conn).await;
                Err(fault)
            }
            Ok(Err(_)) => Err(StoreError::Sql("a change panicked; nothing of it was kept".into()).into()),
            Err(_) => Err(StoreError::Away(format!("no answer within {limit:?}")).into()),
        }
    }

    /// A connection inside a fresh transaction. A kept connection may have died with the server: then one new
    /// one is tried, nothing has happened yet.
    async fn begun(&mut self) -> Result<Conn, StoreError> {
        if let Some(mut conn) = self.conn.take() {
            let begin = conn.dialect().begin_write();
            match tokio::time::timeout(self.store.settings.write_timeout, conn.script(begin)).await {
                Ok(Ok(())) => return Ok(conn),
                Ok(Err(busy @ StoreError::Busy(_))) => {
                    self.conn = Some(conn);
                    return Err(busy);
                }
                Ok(Err(cause)) => tracing::info!(%cause, "the connection to the store was lost; connecting again"),
                Err(_) => return Err(self.refuse("it does not answer".into())),
            }
        }
        if let Some((since, cause)) = &self.refused
            && since.elapsed() < self.store.settings.reconnect_wait
        {
            return Err(StoreError::Away(cause.clone()));
        }
        match self.connected().await {
            Ok(conn) => {
                self.refused = None;
                Ok(conn)
            }
            Err(StoreError::Away(cause)) => Err(self.refuse(cause)),
            Err(other) => Err(other),
        }
    }

    async fn connected(&self) -> Result<Conn, StoreError> {
        let connect = async {
            self.store.ready().await?;
            let mut conn = self.store.engine.connect().await?;
            conn.script(conn.dialect().begin_write()).await?;
            Ok(conn)
        };
        let limit = self.store.settings.connect_timeout;
        tokio::time::timeout(limit, connect).await.unwrap_or_else(|_| Err(StoreError::Away(format!("no connection within {limit:?}"))))
    }

    fn refuse(&mut self, cause: String) -> StoreError {
        self.refused = Some((Instant::now(), cause.clone()));
        StoreError::Away(cause)
    }

    /// Rolls back; a connection that can't even do that is dropped.
    async fn keep_if_clean(&mut self, mut conn: Conn) {
        if let Ok(Ok(())) = tokio::time::timeout(self.store.settings.connect_timeout, conn.script("ROLLBACK")).await {
            self.conn = Some(conn);
        }
    }
}

/// The closure, the feed, the commit. Returns the feed's new number if there was a change for it.
async fn transact(tx: &mut Tx, run: Run) -> Result<Option<i64>, Fault> {
    run(tx).await?;
    if tx.failed {
        return Err(StoreError::Sql("a statement failed and its error was passed over; nothing was kept".into()).into());
    }
    let number = feed::append(tx).await?;
    tx.script("COMMIT").await?;
    Ok(number)
}
