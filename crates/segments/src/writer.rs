//! The writer thread: takes all that waits, one write, one `fdatasync`, wakes the waiters.
//!
//! Nothing is said durable before the sync returned. After any error the active segment is given up at its
//! last durable end, which the next segment's header will name: what was half written there never counts.
//! After a restart a new segment is begun, so that no place is ever written twice under one key.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use openssl::cipher_ctx::CipherCtx;
use tokio::sync::oneshot;

use crate::disk::DiskFile;
use crate::frame::{FRAME_LENGTH, Frame, SEGMENT_HEADER_LENGTH, SegmentHeader, record_crc};
use crate::handle::{Answer, Inbox, Item, Shared};
use crate::recover::file_name;
use crate::seal::{SegmentKey, TAG_LENGTH};
use crate::state::{Entry, Location, Number};
use crate::{Kind, RecordId, SegmentError};

/// Released ids in one record.
const RELEASES_PER_RECORD: usize = 8 * 1024;
/// A write buffer over this is given back after use.
const BUFFER_KEPT: usize = 4 << 20;
/// After a failure the disk is left alone for so long, unless somebody waits for a record.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Stands for "its release is not written yet".
const NOWHERE: u64 = 0;

/// The segment that is written to.
pub(crate) struct Active {
    pub(crate) number: u64,
    file: Arc<dyn DiskFile>,
    key: Arc<SegmentKey>,
    salt: [u8; 16],
    end: u64,
}

/// What the writer took from the inbox.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    pub(crate) releases: Vec<RecordId>,
    pub(crate) flushes: Vec<oneshot::Sender<Answer>>,
    pub(crate) stop: bool,
}

/// The thread's state.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) active: Option<Active>,
    /// Number and durable end of the newest segment that was active; end 0 if that is not known.
    last: (u64, u64),
    next_number: u64,
    context: CipherCtx,
    buffer: Vec<u8>,
    /// Records that move to the active segment.
    pub(crate) carry: VecDeque<RecordId>,
    /// Releases that must outlive the segment that they stand in. Each counts as standing there until it is
    /// durable elsewhere.
    pub(crate) releases_again: BTreeSet<RecordId>,
    /// Closed segments whose index is not written yet.
    pub(crate) to_index: Vec<u64>,
    /// Set by a failure: upkeep waits until then.
    pub(crate) hold_until: Option<Instant>,
    /// A refused group may still be readable behind this place, and no header says yet that it doesn't count.
    refused_at: Option<(Arc<dyn DiskFile>, u64)>,
}

/// Whoever waits must hear of it when the thread ends, whatever ended it.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        let mut inbox = self.0.inbox.lock();
        inbox.closing = true;
        inbox.items.clear();
        inbox.flushes.clear();
    }
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, last: (u64, u64), next_number: u64) -> Result<Self, SegmentError> {
        let context = CipherCtx::new().map_err(|error| SegmentError::Cipher(error.to_string()))?;
        Ok(Self {
            shared,
            active: None,
            last,
            next_number,
            context,
            buffer: Vec::new(),
            carry: VecDeque::new(),
            releases_again: BTreeSet::new(),
            to_index: Vec::new(),
            hold_until: None,
            refused_at: None,
        })
    }

    /// Works until the inbox closes and is empty.
    pub(crate) fn run(mut self) {
        let _end = EndGuard(Arc::clone(&self.shared));
        let mut pause = self.upkeep();
        loop {
            let batch = self.wait(pause);
            let stop = batch.stop;
            self.write_batch(batch);
            if stop {
                self.wipe_refused();
                return;
            }
            pause = self.upkeep();
        }
    }

    /// Waits for work, at most until upkeep is due.
    fn wait(&self, pause: Option<Duration>) -> Batch {
        let upkeep_at = pause.and_then(|pause| Instant::now().checked_add(pause));
        let mut inbox = self.shared.inbox.lock();
        loop {
            let now = Instant::now();
            let lazy_at = inbox.lazy_since.and_then(|since| since.checked_add(self.shared.settings.lazy_after));
            let deadline = [lazy_at, upkeep_at].into_iter().flatten().min();
            if inbox.urgent || inbox.closing || deadline.is_some_and(|at| at <= now) {
                return take(&mut inbox);
            }
            match deadline {
                Some(at) => drop(self.shared.wake.wait_until(&mut inbox, at)),
                None => self.shared.wake.wait(&mut inbox),
            }
        }
    }

    /// Writes all of a batch, in groups. Releases come last, and only when everything before them is durable:
    /// what they release may be among what failed, and a release without its record is worth nothing.
    pub(crate) fn write_batch(&mut self, batch: Batch) {
        let Batch { items, releases, flushes, .. } = batch;
        let carried = self.take_carried();
        // Not put back when the disk fails: as long as they are needed, upkeep finds them again.
        let again = std::mem::take(&mut self.releases_again);
        let mut queue: VecDeque<Item> = items.into_iter().chain(carried).collect();
        let mut answer = Ok(());
        loop {
            let group = self.next_group(&mut queue);
            let last = queue.is_empty();
            let with = if last && answer.is_ok() { releases.iter().chain(&again).copied().collect() } else { Vec::new() };
            if let Err(error) = self.write_group(group, &with) {
                answer = Err(error);
            }
            if last {
                break;
            }
        }
        if let Err(error) = &answer {
            self.put_off(releases, error);
        }
        for flush in flushes {
            // Who asked may have gone.
            let _ = flush.send(answer.clone());
        }
    }

    fn next_group(&self, queue: &mut VecDeque<Item>) -> Vec<Item> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some(item) = queue.front() {
            bytes += framed(item);
            if !group.is_empty() && bytes > self.shared.settings.group_bytes {
                break;
            }
            group.extend(queue.pop_front());
        }
        group
    }

    /// Writes and syncs one group; tells its waiters.
    fn write_group(&mut self, mut items: Vec<Item>, releases: &[RecordId]) -> Result<(), SegmentError> {
        // A release is worth writing only for a record that is on the disk or goes there now.
        let wanted: Vec<RecordId> = {
            let books = self.shared.books.lock();
            releases.iter().filter(|id| books.is_known(**id) || items.iter().any(|item| item.id == **id)).copied().collect()
        };
        if items.is_empty() && wanted.is_empty() {
            return Ok(());
        }
        let result = self.write_durably(&items, &wanted);
        match result {
            Ok(places) => {
                self.publish(&mut items, places, &wanted);
                Ok(())
            }
            Err(error) => {
                tracing::error!(event = "segment.failed", records = items.len(), cause = %error, "the queue could not write");
                self.give_up();
                self.hold_until = Instant::now().checked_add(PAUSE_AFTER_FAILURE);
                self.fail(items, &error);
                Err(error)
            }
        }
    }

    fn write_durably(&mut self, items: &[Item], releases: &[RecordId]) -> Result<Vec<(RecordId, Location)>, SegmentError> {
        let needed = items.iter().map(framed).sum::<usize>() + releases.len() * 8 + FRAME_LENGTH + TAG_LENGTH;
        self.make_room(needed as u64)?;
        let Some(active) = self.active.as_mut() else { return Err(SegmentError::Stopped) };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.reserve(needed);
        let mut seal = Sealing { active, context: &mut self.context, buffer: &mut buffer };
        let mut places = Vec::with_capacity(items.len());
        for item in items {
            places.push((item.id, seal.put(item.id, item.kind, &item.parts)?));
        }
        for chunk in releases.chunks(RELEASES_PER_RECORD) {
            let octets: Vec<u8> = chunk.iter().flat_map(|id| id.0.to_be_bytes()).collect();
            seal.put(self.shared.take_id(), Kind::RELEASES, &[octets])?;
        }
        let name = file_name(active.number);
        active.file.write_at(&buffer, active.end).map_err(|error| SegmentError::disk("write", &name, error))?;
        active.file.sync().map_err(|error| SegmentError::disk("sync", &name, error))?;
        active.end += buffer.len() as u64;
        self.last = (active.number, active.end);
        if buffer.capacity() <= BUFFER_KEPT {
            self.buffer = buffer;
        }
        self.shared.groups.fetch_add(1, Ordering::Relaxed);
        self.shared.records.fetch_add(items.len() as u64, Ordering::Relaxed);
        Ok(places)
    }

    fn publish(&self, items: &mut [Item], places: Vec<(RecordId, Location)>, releases: &[RecordId]) {
        let now = Instant::now();
        {
            let mut books = self.shared.books.lock();
            if let Some(entry) = books.segments.get_mut(&self.last.0) {
                entry.end = self.last.1;
            }
            for (item, (id, location)) in items.iter_mut().zip(places) {
                books.written(id, location, now);
                books.summarised(id, std::mem::take(&mut item.summary));
            }
            for id in releases {
                books.released(*id, self.last.0, now);
            }
        }
        for waiter in items.iter_mut().filter_map(|item| item.waiter.take()) {
            // Who went away has released the record.
            let _ = waiter.send(Ok(()));
        }
    }

    /// Waiters hear of the error; lazy records go back to the inbox for the next segment.
    fn fail(&mut self, items: Vec<Item>, error: &SegmentError) {
        let mut again = Vec::new();
        for mut item in items {
            match item.waiter.take() {
                // Who waited may have gone: then nobody needs to hear.
                Some(waiter) => drop(waiter.send(Err(error.clone()))),
                None => again.push(item),
            }
        }
        // What is carried over still lies in its old segment: upkeep starts it anew.
        {
            let books = self.shared.books.lock();
            again.retain(|item| !books.live.contains_key(&item.id));
        }
        self.carry.clear();
        self.shared.inbox.lock().put_back(again, Vec::new());
    }

    /// Releases of a batch that failed go with a later one.
    fn put_off(&self, releases: Vec<RecordId>, error: &SegmentError) {
        if error.is_disk_full() {
            // What was delivered must make room although its release can't be written: a segment with nothing
            // else in it may go, and with it the need for the release. A record that is dead already keeps the
            // release that it has: that one may be the only durable one.
            let now = Instant::now();
            let mut books = self.shared.books.lock();
            for id in &releases {
                if books.live.contains_key(id) {
                    books.released(*id, NOWHERE, now);
                }
            }
        }
        self.shared.inbox.lock().put_back(Vec::new(), releases);
    }

    /// Leaves the active segment at its durable end.
    pub(crate) fn give_up(&mut self) {
        if let Some(active) = self.active.take() {
            self.last = (active.number, active.end);
            self.to_index.push(active.number);
            self.refused_at = Some((active.file, active.end));
            self.wipe_refused();
        }
    }

    /// Makes the start of what was refused unreadable: until the next segment's header says where this one ends, a
    /// restart would take it for mail. Tried again by upkeep and at the end.
    pub(crate) fn wipe_refused(&mut self) {
        let Some((file, end)) = self.refused_at.take() else { return };
        if let Err(error) = file.write_at(&[0; FRAME_LENGTH], end).and_then(|()| file.sync()) {
            tracing::debug!(event = "segment.failed", cause = %error, "what was refused can't be made unreadable now");
            self.hold_until = Instant::now().checked_add(PAUSE_AFTER_FAILURE);
            self.refused_at = Some((file, end));
        }
    }

    /// Ends the active segment where it is, without an error.
    pub(crate) fn retire(&mut self) {
        if let Some(active) = self.active.take() {
            self.last = (active.number, active.end);
            self.to_index.push(active.number);
            // Gives preallocated room back; the segment is as good without.
            let _ = active.file.truncate(active.end);
        }
    }

    fn make_room(&mut self, needed: u64) -> Result<(), SegmentError> {
        let limit = self.shared.settings.segment_bytes;
        if let Some(active) = &self.active {
            let empty = active.end <= SEGMENT_HEADER_LENGTH as u64;
            if empty || active.end.saturating_add(needed) <= limit {
                return Ok(());
            }
        }
        let full = self.active.take();
        let made = self.create(limit.max(needed + SEGMENT_HEADER_LENGTH as u64))?;
        self.active = Some(made);
        // Its header has said, durably, where the one before ends.
        self.refused_at = None;
        if let Some(full) = full {
            self.to_index.push(full.number);
            // Gives preallocated room back; the segment is as good without.
            let _ = full.file.truncate(full.end);
        }
        Ok(())
    }

    /// Makes the next segment: key, file, header, names, all durable before it is used.
    fn create(&mut self, size: u64) -> Result<Active, SegmentError> {
        let number = self.next_number;
        self.next_number += 1;
        let made = self.create_files(number, size);
        if made.is_err() {
            // Whatever is left behind is removed at the next start, too.
            let _ = crate::recover::forget(self.shared.disk.as_ref(), number);
        }
        made
    }

    fn create_files(&self, number: u64, size: u64) -> Result<Active, SegmentError> {
        let name = file_name(number);
        let failed = |act| {
            let name = name.clone();
            move |error| SegmentError::disk(act, &name, error)
        };
        let disk = self.shared.disk.as_ref();
        let key = Arc::new(SegmentKey::create(disk, self.shared.keys.as_ref(), number)?);
        let random = model::SecretBytes::random(16).map_err(|error| SegmentError::Cipher(error.to_string()))?;
        let salt = random.expose().try_into().unwrap_or_default();
        let next_id = self.shared.inbox.lock().next_id;
        // An end of 0: the newest segment could not be read, so nothing is said about it.
        let previous = if self.last.1 == 0 { 0 } else { self.last.0 };
        let header = SegmentHeader { number, salt, previous, previous_end: self.last.1, next_id };
        let file = disk.create(&name, size).map_err(failed("create"))?;
        file.write_at(&header.encode(), 0).map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        disk.sync_dir().map_err(failed("sync the directory of"))?;
        let end = SEGMENT_HEADER_LENGTH as u64;
        self.shared.books.lock().segments.insert(number, Entry::new(Arc::clone(&file), Arc::clone(&key), end));
        Ok(Active { number, file, key, salt, end })
    }
}

struct Sealing<'a> {
    active: &'a Active,
    context: &'a mut CipherCtx,
    buffer: &'a mut Vec<u8>,
}

impl Sealing<'_> {
    fn put<T: AsRef<[u8]>>(&mut self, id: RecordId, kind: Kind, parts: &[T]) -> Result<Location, SegmentError> {
        let size = parts.iter().map(|part| part.as_ref().len()).sum::<usize>() + TAG_LENGTH;
        let length = u32::try_from(size).map_err(|_| SegmentError::TooLarge { size, limit: u32::MAX as usize })?;
        let start = self.buffer.len();
        let offset = self.active.end + start as u64;
        let head = Frame { length, id: id.0, group: self.active.end, kind: kind.0 }.head();
        self.buffer.extend_from_slice(&head);
        self.buffer.extend_from_slice(&[0; 4]);
        let sealed = self
            .active
            .key
            .seal(self.context, (offset, &head), parts, self.buffer)
            .map_err(|error| SegmentError::Cipher(error.to_string()));
        sealed?;
        let crc = record_crc(&self.active.salt, &head, self.buffer.get(start + FRAME_LENGTH..).unwrap_or_default());
        if let Some(place) = self.buffer.get_mut(start + head.len()..start + FRAME_LENGTH) {
            place.copy_from_slice(&crc.to_be_bytes());
        }
        Ok(Location { segment: Number::new(self.active.number), offset, length, kind, copies: 1 })
    }
}

/// All that waits.
pub(crate) fn take(inbox: &mut Inbox) -> Batch {
    inbox.urgent = false;
    inbox.lazy_since = None;
    Batch {
        items: std::mem::take(&mut inbox.items),
        releases: std::mem::take(&mut inbox.releases),
        flushes: std::mem::take(&mut inbox.flushes),
        stop: inbox.closing,
    }
}

fn framed(item: &Item) -> usize {
    item.parts.iter().map(bytes::Bytes::len).sum::<usize>() + FRAME_LENGTH + TAG_LENGTH
}
