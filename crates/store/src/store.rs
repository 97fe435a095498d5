//! Opening the store: which engine, where its file lies, whether we may write there, migrations, the write task.
//!
//! Errors at this place are read by an administrator whose gateway does not start: each says what to do.

use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Fault};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::{OnceCell, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dialect::Dialect;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::migrations;
use crate::value::{Row, Value};
use crate::write::{Job, Writer};

/// How soon a database that was locked while it was opened is tried again.
const BUSY_AGAIN: Duration = Duration::from_millis(20);

/// Durations and bounds of the store.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Connections for reads.
    pub readers: u32,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the answer to a read.
    pub read_timeout: Duration,
    /// Longest time of one write transaction.
    pub write_timeout: Duration,
    /// After a connection was refused, writes fail at once for so long before the next try.
    pub reconnect_wait: Duration,
    /// SQLite: longest wait for another process that writes.
    pub busy_timeout: Duration,
    /// Writes that may wait in line.
    pub queue: usize,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            readers: 4,
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(15),
            reconnect_wait: Duration::from_millis(500),
            busy_timeout: Duration::from_secs(5),
            queue: 1_000,
        }
    }
}

/// The store of the site: SQLite or PostgreSQL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Handle);

#[derive(Debug, Clone)]
struct Handle {
    inner: Arc<Inner>,
    tasks: TaskTracker,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: StoreSettings,
    pub(crate) node: Arc<str>,
    /// Tells this opening from earlier ones of the same node.
    pub(crate) opened: uuid::Uuid,
    pub(crate) data: PathBuf,
    pub(crate) writes: mpsc::Sender<Job>,
    /// Newest number of the feed that this process wrote.
    pub(crate) grown: watch::Sender<i64>,
    pub(crate) stop: CancellationToken,
    prepared: OnceCell<()>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine.dialect()).field("node", &self.node).finish_non_exhaustive()
    }
}

impl Inner {
    /// Migrates once, at the first time that the database can be reached.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        let prepare = || async {
            let mut conn = self.engine.connect().await?;
            migrations::run(&mut conn, &*self.clock).await?;
            conn.close().await;
            Ok::<(), StoreError>(())
        };
        // When two find an empty SQLite file at once, one of them hears "locked" without any wait: SQLite does not ask its busy
        // handler when a file becomes WAL.
        let until = tokio::time::Instant::now() + self.settings.busy_timeout;
        loop {
            match self.prepared.get_or_try_init(prepare).await {
                Err(StoreError::Busy(_)) if tokio::time::Instant::now() < until => tokio::time::sleep(BUSY_AGAIN).await,
                done => return done.map(drop),
            }
        }
    }
}

impl Store {
    /// Opens `sqlite:` (`<data>/store.db`), `sqlite:PATH`, or `postgres://…`, migrates it and starts the write task.
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// Each says what to do: a directory that can't be written or is somebody else's, a database that can't be
    /// reached ([`StoreError::Away`]; [`Store::open_later`] starts without it) or refuses us, a newer schema.
    pub async fn open(url: &str, data: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_with(url, data, clock, StoreSettings::default()).await
    }

    /// As [`Store::open`], with settings.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(url: &str, data: &Path, clock: Arc<dyn Clock>, settings: StoreSettings) -> Result<Self, StoreError> {
        let wait = settings.connect_timeout;
        let store = Self::open_later(url, data, clock, settings)?;
        match tokio::time::timeout(wait, store.inner().ready()).await {
            Ok(Ok(())) => Ok(store),
            Ok(Err(error)) => {
                store.close().await;
                Err(explain(error))
            }
            Err(_) => {
                store.close().await;
                Err(explain(StoreError::Away(format!("no answer within {wait:?}"))))
            }
        }
    }

    /// Opens without reaching for the database: it is connected and migrated when it can be reached. For a start
    /// from the sealed copy while the store is away.
    ///
    /// # Errors
    /// What can be seen without the database: the URL, the directory.
    pub fn open_later(url: &str, data: &Path, clock: Arc<dyn Clock>, settings: StoreSettings) -> Result<Self, StoreError> {
        let engine = if let Some(place) = url.strip_prefix("sqlite:") {
            sqlite(place, data, &settings)?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            postgres(url, &settings)?
        } else {
            return Err(StoreError::Url("unknown kind of database".into()));
        };
        let node = node_id(data)?;
        let (writes, jobs) = mpsc::channel(settings.queue.max(1));
        let inner = Arc::new(Inner {
            engine,
            clock,
            settings,
            node: node.into(),
            opened: uuid::Uuid::new_v4(),
            data: data.to_owned(),
            writes,
            grown: watch::Sender::new(0),
            stop: CancellationToken::new(),
            prepared: OnceCell::new(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(Writer::new(Arc::clone(&inner)).serve(jobs));
        tasks.close();
        Ok(Self(Handle { inner, tasks }))
    }

    /// Which engine this is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner().engine.dialect()
    }

    /// This node's id: made once, kept in the data directory.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.inner().node
    }

    /// Asks the database for an answer: is it there?
    ///
    /// # Errors
    /// `store-away`, or why else it does not answer.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.pooled_rows("SELECT CAST(1 AS BIGINT)", vec![]).await.map(drop).map_err(Into::into)
    }

    /// Finishes the writes that wait, then closes all connections. Later calls get `store-away`.
    pub async fn close(&self) {
        self.inner().stop.cancel();
        self.0.tasks.wait().await;
        self.inner().engine.close().await;
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0.inner
    }

    pub(crate) async fn pooled_rows(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let inner = self.inner();
        let limit = inner.settings.read_timeout;
        let read = async {
            inner.ready().await?;
            inner.engine.rows(sql, values).await
        };
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(StoreError::Away(format!("no answer within {limit:?}"))))
    }
}

fn sqlite(place: &str, data: &Path, settings: &StoreSettings) -> Result<Engine, StoreError> {
    let place = place.strip_prefix("//").unwrap_or(place);
    let file = if place.is_empty() { data.join("store.db") } else { PathBuf::from(place) };
    if place.contains('?') || place == ":memory:" {
        return Err(StoreError::Url("only a path may follow sqlite:".into()));
    }
    let directory = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    may_write(directory)?;
    create_private(&file)?;
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(settings.busy_timeout)
        .foreign_keys(true);
    Ok(Engine::sqlite(options, settings.readers, settings.connect_timeout))
}

fn postgres(url: &str, settings: &StoreSettings) -> Result<Engine, StoreError> {
    // The parser's error may quote the URL, which holds the password: it is not passed on.
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Url("this is no PostgreSQL URL".into()))?;
    let options = options.application_name("sealgate");
    let near = options.get_socket().is_some() || ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&options.get_host());
    if !near && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        tracing::warn!(
            "the connection to the database is not protected against a man in the middle: add sslmode=verify-full to [store] url"
        );
    }
    Ok(Engine::postgres(options, settings.readers, settings.connect_timeout))
}

/// The directory exists (it is made if not), is ours, and takes files.
fn may_write(directory: &Path) -> Result<(), StoreError> {
    let not_writable = |cause: std::io::Error| StoreError::NotWritable { path: directory.to_owned(), cause: cause.to_string() };
    std::fs::create_dir_all(directory).map_err(not_writable)?;
    ours(directory)?;
    let probe = directory.join(format!(".probe-{}", uuid::Uuid::new_v4().simple()));
    std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe)).map_err(not_writable)
}

fn ours(path: &Path) -> Result<(), StoreError> {
    let us = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(meta) if meta.uid() != us => Err(StoreError::ForeignOwner { path: path.to_owned(), owner: meta.uid(), us }),
        _ => Ok(()),
    }
}

/// Makes the file, readable by us alone, unless it is there; opens it to see whether we may write.
fn create_private(file: &Path) -> Result<(), StoreError> {
    let opened = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file);
    opened.map(drop).map_err(|cause| StoreError::NotWritable { path: file.to_owned(), cause: cause.to_string() })?;
    ours(file)
}

fn node_id(data: &Path) -> Result<String, StoreError> {
    let file = data.join("node-id");
    if let Ok(text) = std::fs::read_to_string(&file) {
        let id = text.trim();
        if uuid::Uuid::parse_str(id).is_ok() {
            return Ok(id.to_owned());
        }
        return Err(StoreError::Damaged { what: "the node's id file", cause: format!("{} holds no UUID", file.display()) });
    }
    may_write(data)?;
    let id = uuid::Uuid::now_v7().to_string();
    let fresh = data.join(format!(".node-id-{}", uuid::Uuid::new_v4().simple()));
    let written = std::fs::write(&fresh, format!("{id}\n")).and_then(|()| std::fs::hard_link(&fresh, &file));
    let _ = std::fs::remove_file(&fresh);
    match written {
        Ok(()) => Ok(id),
        // Another process made it between our look and our link: its id counts.
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => node_id(data),
        Err(cause) => Err(StoreError::NotWritable { path: file, cause: cause.to_string() }),
    }
}

/// Adds what an administrator can do at start.
fn explain(error: StoreError) -> StoreError {
    match error {
        StoreError::Away(cause) => {
            StoreError::Away(format!("{cause}. Is the database running, and do host and port in [store] url name it?"))
        }
        other => other,
    }
}
