//! The handle that the queue holds: append, release, read, flush, close.
//!
//! Everything here is cheap: a record goes into the inbox of the writer thread and the caller awaits its
//! turn. No lock is held across an await, and none is held while the disk works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::disk::{Disk, DiskFile};
use crate::frame::{FRAME_LENGTH, Frame};
use crate::recover::{self, Recovery};
use crate::seal::{SegmentKey, SegmentKeys, TAG_LENGTH};
use crate::state::{Books, Location};
use crate::writer::Writer;
use crate::{Kind, RecordId, SegmentError, Settings};

/// What a waiter is told.
pub(crate) type Answer = Result<(), SegmentError>;

/// A record on its way to the disk.
pub(crate) struct Item {
    pub(crate) id: RecordId,
    pub(crate) kind: Kind,
    pub(crate) parts: Vec<Bytes>,
    /// For the index of its segment.
    pub(crate) summary: Bytes,
    /// `None` for lazy records.
    pub(crate) waiter: Option<oneshot::Sender<Answer>>,
}

/// Says of a record what a start has to know of it: it stands in the index of its segment, and comes back as
/// [`crate::Live::summary`]. Given with the record when it is written; this is for those that are read again.
pub trait Summary: Send + Sync {
    /// The summary of a record's content; empty if there is none.
    fn of(&self, kind: Kind, content: &Bytes) -> Bytes;
}

/// Nothing is said.
pub struct NoSummary;

impl Summary for NoSummary {
    fn of(&self, _kind: Kind, _content: &Bytes) -> Bytes {
        Bytes::new()
    }
}

/// What waits for the writer.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) items: Vec<Item>,
    pub(crate) releases: Vec<RecordId>,
    pub(crate) flushes: Vec<oneshot::Sender<Answer>>,
    /// Somebody waits: write at once.
    pub(crate) urgent: bool,
    /// When the oldest lazy record came.
    pub(crate) lazy_since: Option<Instant>,
    /// No more is taken; the writer ends when it has written what is here.
    pub(crate) closing: bool,
    pub(crate) next_id: u64,
}

impl Inbox {
    fn take_id(&mut self) -> RecordId {
        let id = RecordId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Lazy things that could not be written come first next time.
    pub(crate) fn put_back(&mut self, items: Vec<Item>, releases: Vec<RecordId>) {
        if items.is_empty() && releases.is_empty() {
            return;
        }
        self.items.splice(0..0, items);
        self.releases.splice(0..0, releases);
        self.lazy_since = Some(Instant::now());
    }
}

/// What the handles and the writer share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) keys: Arc<dyn SegmentKeys>,
    pub(crate) summary: Arc<dyn Summary>,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) wake: Condvar,
    pub(crate) books: Mutex<Books>,
    pub(crate) groups: AtomicU64,
    pub(crate) records: AtomicU64,
}

impl Shared {
    /// An id for a record that the writer makes itself.
    pub(crate) fn take_id(&self) -> RecordId {
        self.inbox.lock().take_id()
    }
}

/// The numbers of a segment directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Segment files.
    pub segments: u64,
    /// Octets in them that were written.
    pub bytes: u64,
    /// Records that were not released.
    pub live: u64,
    /// Their octets.
    pub live_bytes: u64,
    /// Writes with a sync, since the start.
    pub groups: u64,
    /// Records in them.
    pub records: u64,
}

/// A directory of segments, open. Clones share it; when the last one is dropped the writer ends.
#[derive(Clone)]
pub struct Segments {
    shared: Arc<Shared>,
    _stop: Arc<StopGuard>,
}

struct StopGuard {
    shared: Arc<Shared>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.shared.inbox.lock().closing = true;
        self.shared.wake.notify_one();
    }
}

impl Segments {
    /// Reads what is in the directory, removes what was half forgotten, and starts the writer.
    ///
    /// Damage is reported in [`Recovery`] and does not stop the rest.
    ///
    /// # Errors
    /// When the disk can't be read, the vault refuses a key, or a newer program wrote here.
    pub fn open(disk: Arc<dyn Disk>, keys: Arc<dyn SegmentKeys>, settings: Settings) -> Result<(Self, Recovery), SegmentError> {
        Self::open_with(disk, keys, settings, Arc::new(NoSummary))
    }

    /// [`Segments::open`] with summaries.
    ///
    /// # Errors
    /// As [`Segments::open`].
    pub fn open_with(
        disk: Arc<dyn Disk>,
        keys: Arc<dyn SegmentKeys>,
        settings: Settings,
        summary: Arc<dyn Summary>,
    ) -> Result<(Self, Recovery), SegmentError> {
        let opened = recover::open(disk.as_ref(), keys.as_ref(), summary.as_ref())?;
        let inbox = Inbox { next_id: opened.next_id, ..Inbox::default() };
        let shared = Arc::new(Shared {
            settings,
            disk,
            keys,
            summary,
            inbox: Mutex::new(inbox),
            wake: Condvar::new(),
            books: Mutex::new(opened.books),
            groups: AtomicU64::new(0),
            records: AtomicU64::new(0),
        });
        let writer = Writer::new(Arc::clone(&shared), opened.last, opened.next_number)?;
        let thread = std::thread::Builder::new()
            .name("segments".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| SegmentError::disk("start", "writer thread", error))?;
        let stop = StopGuard { shared: Arc::clone(&shared), thread: Mutex::new(Some(thread)) };
        Ok((Self { shared, _stop: Arc::new(stop) }, opened.recovery))
    }

    /// Writes a record and returns when it would survive a power cut. The content is all `parts`, one after
    /// the other. If the caller goes away before the answer, the record is released again.
    ///
    /// # Errors
    /// The record does not count then, now or after a restart.
    pub async fn append(&self, kind: Kind, parts: Vec<Bytes>) -> Result<RecordId, SegmentError> {
        self.append_summed(kind, parts, Bytes::new()).await
    }

    /// [`Segments::append`] with what [`Summary::of`] would say.
    ///
    /// # Errors
    /// As [`Segments::append`].
    pub async fn append_summed(&self, kind: Kind, parts: Vec<Bytes>, summary: Bytes) -> Result<RecordId, SegmentError> {
        self.check(&parts)?;
        let (waiter, answer) = oneshot::channel();
        let id = {
            let mut inbox = self.shared.inbox.lock();
            if inbox.closing {
                return Err(SegmentError::Stopped);
            }
            let id = inbox.take_id();
            inbox.items.push(Item { id, kind, parts, summary, waiter: Some(waiter) });
            inbox.urgent = true;
            id
        };
        self.shared.wake.notify_one();
        let gone = ReleaseIfGone { segments: self, id: Some(id) };
        let answer = answer.await.unwrap_or(Err(SegmentError::Stopped));
        gone.stay();
        answer.map(|()| id)
    }

    /// Writes a record with the next group, at the latest after `lazy_after`. Nobody waits; when the disk
    /// fails it is tried again with the next segment.
    ///
    /// # Errors
    /// Only when the record is too large or the writer has stopped.
    pub fn append_lazy(&self, kind: Kind, parts: Vec<Bytes>, summary: Bytes) -> Result<RecordId, SegmentError> {
        self.check(&parts)?;
        self.lazily(|inbox| {
            let id = inbox.take_id();
            inbox.items.push(Item { id, kind, parts, summary, waiter: None });
            id
        })
    }

    /// Says that a record has served. Lazy like [`Segments::append_lazy`], and after it: a record that was
    /// appended before this call is durable at the latest together with this release.
    pub fn release(&self, id: RecordId) {
        // After `close` nothing is written; the record is read again at the next start.
        let _ = self.lazily(|inbox| inbox.releases.push(id));
    }

    /// Returns when all that was appended or released before is durable.
    ///
    /// # Errors
    /// When the disk fails; lazy records stay in memory and are tried again.
    pub async fn flush(&self) -> Result<(), SegmentError> {
        let (waiter, answer) = oneshot::channel();
        {
            let mut inbox = self.shared.inbox.lock();
            if inbox.closing {
                return Err(SegmentError::Stopped);
            }
            inbox.flushes.push(waiter);
            inbox.urgent = true;
        }
        self.shared.wake.notify_one();
        answer.await.unwrap_or(Err(SegmentError::Stopped))
    }

    /// Reads a live record's content. Runs on the blocking pool.
    ///
    /// # Errors
    /// Gone, damaged, or the disk failed.
    pub async fn read(&self, id: RecordId) -> Result<Bytes, SegmentError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.read_blocking(id)).await.unwrap_or(Err(SegmentError::Stopped))
    }

    /// [`Segments::read`] for threads that may wait.
    ///
    /// # Errors
    /// As [`Segments::read`].
    pub fn read_blocking(&self, id: RecordId) -> Result<Bytes, SegmentError> {
        read_record(&self.shared, id).map(|(_, content)| Bytes::from(content))
    }

    /// Takes nothing more, writes what waits and ends the writer. Blocks until it has ended.
    pub fn close(&self) {
        self.shared.inbox.lock().closing = true;
        self.shared.wake.notify_one();
        let thread = self._stop.thread.lock().take();
        if let Some(thread) = thread {
            // A panic of the writer was reported by the panic hook; there is nothing to add here.
            let _ = thread.join();
        }
    }

    /// The present numbers.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let books = self.shared.books.lock();
        let mut usage = Usage {
            segments: books.segments.len() as u64,
            live: books.live.len() as u64,
            groups: self.shared.groups.load(Ordering::Relaxed),
            records: self.shared.records.load(Ordering::Relaxed),
            ..Usage::default()
        };
        for entry in books.segments.values() {
            usage.bytes += entry.end;
            usage.live_bytes += entry.live_bytes;
        }
        usage
    }

    fn check(&self, parts: &[Bytes]) -> Result<(), SegmentError> {
        let size = parts.iter().map(Bytes::len).sum::<usize>();
        let limit = self.shared.settings.record_bytes.min(u32::MAX as usize - TAG_LENGTH);
        if size > limit { Err(SegmentError::TooLarge { size, limit }) } else { Ok(()) }
    }

    fn lazily<T>(&self, put: impl FnOnce(&mut Inbox) -> T) -> Result<T, SegmentError> {
        let (put, first) = {
            let mut inbox = self.shared.inbox.lock();
            if inbox.closing {
                return Err(SegmentError::Stopped);
            }
            let first = inbox.lazy_since.is_none();
            inbox.lazy_since.get_or_insert_with(Instant::now);
            (put(&mut inbox), first)
        };
        if first {
            self.shared.wake.notify_one();
        }
        Ok(put)
    }
}

/// Releases the record of an append that nobody awaits any more.
struct ReleaseIfGone<'a> {
    segments: &'a Segments,
    id: Option<RecordId>,
}

impl ReleaseIfGone<'_> {
    fn stay(mut self) {
        self.id = None;
    }
}

impl Drop for ReleaseIfGone<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.segments.release(id);
        }
    }
}

/// Reads and opens one live record.
pub(crate) fn read_record(shared: &Shared, id: RecordId) -> Result<(Kind, Vec<u8>), SegmentError> {
    let (location, file, key) = {
        let books = shared.books.lock();
        let location = *books.live.get(&id).ok_or(SegmentError::Gone(id))?;
        let entry = books.segments.get(&location.segment.get()).ok_or(SegmentError::Gone(id))?;
        (location, Arc::clone(&entry.file), Arc::clone(&entry.key))
    };
    read_at(id, location, file.as_ref(), &key).map(|content| (location.kind, content))
}

/// Reads and opens the record at this place.
pub(crate) fn read_at(id: RecordId, location: Location, file: &dyn DiskFile, key: &SegmentKey) -> Result<Vec<u8>, SegmentError> {
    let name = recover::file_name(location.segment.get());
    let damaged = || SegmentError::Damaged { name: name.clone(), offset: location.offset };
    let mut octets = vec![0; FRAME_LENGTH + location.length as usize];
    let read = file.read_at(&mut octets, location.offset).map_err(|error| SegmentError::disk("read", &name, error))?;
    if read != octets.len() {
        return Err(damaged());
    }
    let (head, sealed) = octets.split_at_checked(FRAME_LENGTH).ok_or_else(damaged)?;
    let frame = Frame::decode(head).map(|(frame, _)| frame);
    let frame = frame.filter(|frame| frame.id == id.0 && frame.length == location.length).ok_or_else(damaged)?;
    key.open(location.offset, &frame.head(), sealed).ok_or_else(damaged)
}
