//! Opens a directory: finds the live records, finishes what a crash interrupted, reports damage.
//!
//! Three passes: the headers (each names the durable end of the segment before it), then the records and
//! releases of every segment, then the books. A release counts wherever it stands, since ids are never used
//! twice. A segment with an index is not read: its index says what was durable in it, and damage in it is found
//! when the record is wanted. The others are read, one at a time, and get an index if they can stay.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::disk::Disk;
use crate::frame::{Frame, SEGMENT_HEADER_LENGTH, SegmentHeader};
use crate::handle::{Summary, read_at};
use crate::reader::{self, ReadError};
use crate::seal::{self, SegmentKey, SegmentKeys, TAG_LENGTH};
use crate::state::{Books, Entry, Location};
use crate::{Kind, RecordId, SegmentError, index_file};

/// A record that was not released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Its id.
    pub id: RecordId,
    /// What it is.
    pub kind: Kind,
    /// Octets of its content.
    pub length: u32,
    /// What [`crate::Summary`] says of it; empty if nothing.
    pub summary: Bytes,
}

/// Something that was durable and can't be read. Its file is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamageReport {
    /// The file.
    pub name: String,
    /// First octet that is broken.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// What is wrong.
    pub cause: String,
}

/// What was found at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records to work on, oldest id first.
    pub live: Vec<Live>,
    /// What is broken.
    pub damage: Vec<DamageReport>,
}

/// A directory that was read.
pub(crate) struct Opened {
    pub(crate) books: Books,
    pub(crate) recovery: Recovery,
    pub(crate) next_id: u64,
    /// Number and durable end of the newest segment; end 0 if there is none or it can't be read.
    pub(crate) last: (u64, u64),
    /// The next segment's number.
    pub(crate) next_number: u64,
}

/// A record's place, as found.
struct Found {
    id: RecordId,
    segment: u64,
    offset: u64,
    length: u32,
    kind: Kind,
    /// `None`: it has to be made.
    summary: Option<Bytes>,
    /// Its octets are there, but it did not live any more when the index was written.
    dead: bool,
}

/// A segment's file.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.seg")
}

/// Reads the directory.
pub(crate) fn open(disk: &dyn Disk, keys: &dyn SegmentKeys, summary: &dyn Summary) -> Result<Opened, SegmentError> {
    let numbers = tidy(disk)?;
    let mut headers = HashMap::new();
    let mut ends = HashMap::new();
    for number in &numbers {
        if let Some(header) = read_header(disk, *number)? {
            ends.insert(header.previous, header.previous_end);
            headers.insert(*number, header);
        }
    }
    let mut pass = Pass {
        disk,
        keys,
        books: Books::default(),
        found: Vec::new(),
        released: Vec::new(),
        next_id: 1,
        damage: Vec::new(),
        scanned: BTreeSet::new(),
    };
    let mut last = (0, 0);
    let next_number = numbers.last().map_or(1, |number| number + 1);
    for number in numbers {
        if let Some(header) = headers.get(&number)
            && let Some(end) = pass.indexed(number, header)?
        {
            last = (number, end);
            continue;
        }
        match pass.segment(number, ends.get(&number).copied())? {
            Reading::Kept { end } => last = (number, end),
            Reading::Unreadable => last = (number, 0),
            Reading::Removed => {}
        }
    }
    Ok(pass.finish(last, next_number, summary))
}

/// Finishes interrupted forgetting and lists the segments that are left.
fn tidy(disk: &dyn Disk) -> Result<BTreeSet<u64>, SegmentError> {
    let failed = |error| SegmentError::disk("list", "directory", error);
    let names: BTreeSet<String> = disk.list().map_err(failed)?.into_iter().collect();
    let mut numbers = BTreeSet::new();
    for name in &names {
        let Some((number, kind)) = name.split_once('.').and_then(|(number, kind)| Some((number.parse::<u64>().ok()?, kind))) else {
            continue;
        };
        match kind {
            "seg" => drop(numbers.insert(number)),
            "key" | "idx" if !names.contains(&file_name(number)) => forget(disk, number).map_err(failed)?,
            _ => {}
        }
    }
    Ok(numbers)
}

/// Forgets a segment: its file goes, then its key is overwritten, then the key's file and the index go. A key or an
/// index without its segment is what a crash in between leaves behind; [`tidy`] finishes it.
pub(crate) fn forget(disk: &dyn Disk, number: u64) -> std::io::Result<()> {
    match disk.remove(&file_name(number)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => disk.sync_dir()?,
    }
    match SegmentKey::wipe(disk, number) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(()) => disk.remove(&seal::file_name(number))?,
    }
    // Without the key it says nothing any more.
    match disk.remove(&index_file::file_name(number)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_header(disk: &dyn Disk, number: u64) -> Result<Option<SegmentHeader>, SegmentError> {
    let name = file_name(number);
    let failed = |error| SegmentError::disk("read", &name, error);
    let mut octets = [0; SEGMENT_HEADER_LENGTH];
    disk.open(&name).map_err(failed)?.read_at(&mut octets, 0).map_err(failed)?;
    Ok(SegmentHeader::decode(&octets).ok())
}

/// What became of one file.
enum Reading {
    /// It holds records up to here.
    Kept { end: u64 },
    /// It is damaged as a whole; it stays where it is.
    Unreadable,
    /// Nothing was ever written to it.
    Removed,
}

struct Pass<'a> {
    disk: &'a dyn Disk,
    keys: &'a dyn SegmentKeys,
    books: Books,
    found: Vec<Found>,
    /// Each released id and a segment that says so.
    released: Vec<(RecordId, u64)>,
    next_id: u64,
    damage: Vec<DamageReport>,
    /// Segments that were read whole and are sound.
    scanned: BTreeSet<u64>,
}

impl Pass<'_> {
    /// Takes what a segment's index says; its durable end, or `None` if the segment must be read.
    fn indexed(&mut self, number: u64, header: &SegmentHeader) -> Result<Option<u64>, SegmentError> {
        let name = file_name(number);
        let failed = |act| {
            let name = name.clone();
            move |error| SegmentError::disk(act, &name, error)
        };
        let key = match SegmentKey::load(self.disk, self.keys, number) {
            Ok(key) => Arc::new(key),
            Err(error @ SegmentError::Keys(_)) => return Err(error),
            Err(_) => return Ok(None),
        };
        let Some(contents) = index_file::read(self.disk, &key, number) else { return Ok(None) };
        let file = self.disk.open(&name).map_err(failed("open"))?;
        let whole = file.length().map_err(failed("read"))?;
        if whole < contents.end {
            return Ok(None);
        }
        if whole > contents.end {
            file.truncate(contents.end).map_err(failed("truncate"))?;
            file.sync().map_err(failed("sync"))?;
        }
        self.next_id = self.next_id.max(header.next_id).max(contents.next_id);
        let mut entry = Entry::new(file, key, contents.end);
        entry.clean = true;
        self.books.segments.insert(number, entry);
        self.found.reserve(contents.rows.len() + contents.remains.len());
        for index_file::Row { id, offset, length, kind, summary } in contents.rows {
            self.found.push(Found { id, segment: number, offset, length, kind, summary: Some(summary), dead: false });
        }
        for id in contents.remains {
            self.found.push(Found { id, segment: number, offset: 0, length: 0, kind: Kind::RELEASES, summary: None, dead: true });
        }
        self.released.extend(contents.releases.into_iter().map(|id| (id, number)));
        Ok(Some(contents.end))
    }

    /// Reads one segment. Whatever lies behind its durable end is cut off, so that the segment that names
    /// this end may be forgotten.
    fn segment(&mut self, number: u64, committed: Option<u64>) -> Result<Reading, SegmentError> {
        let name = file_name(number);
        let failed = |act| {
            let name = name.clone();
            move |error| SegmentError::disk(act, &name, error)
        };
        let file = self.disk.open(&name).map_err(failed("open"))?;
        let octets = seal::read_all(file.as_ref(), u64::MAX).map_err(failed("read"))?;
        let whole = octets.len() as u64;
        let scan = match reader::records(&octets, committed) {
            Ok(scan) => scan,
            Err(ReadError::Unfinished) => {
                forget(self.disk, number).map_err(failed("remove"))?;
                return Ok(Reading::Removed);
            }
            Err(ReadError::Format(source @ model::format::FormatError::Newer { .. })) => return Err(SegmentError::Format { name, source }),
            Err(error) => {
                self.report(&name, 0, whole, error.to_string());
                return Ok(Reading::Unreadable);
            }
        };
        self.next_id = self.next_id.max(scan.header.next_id);
        if scan.records.is_empty() && scan.damage.is_empty() {
            forget(self.disk, number).map_err(failed("remove"))?;
            return Ok(Reading::Removed);
        }
        let key = match SegmentKey::load(self.disk, self.keys, number) {
            Ok(key) => Arc::new(key),
            Err(error @ SegmentError::Keys(_)) => return Err(error),
            Err(error) => {
                self.report(&name, 0, whole, error.to_string());
                return Ok(Reading::Unreadable);
            }
        };
        if scan.end < whole {
            file.truncate(scan.end).map_err(failed("truncate"))?;
        }
        // What is believed from here on must still be there after a power cut.
        file.sync().map_err(failed("sync"))?;
        let mut entry = Entry::new(file, Arc::clone(&key), scan.end);
        for damage in &scan.damage {
            entry.damaged = true;
            self.report(&name, damage.from, damage.to, "these octets were durable once and are no record now".to_owned());
        }
        for record in &scan.records {
            if !self.record(number, record, &key) {
                entry.damaged = true;
                self.report(&name, record.offset, record.end(), "this record was not sealed with this segment's key".to_owned());
            }
        }
        entry.clean = true;
        if !entry.damaged {
            self.scanned.insert(number);
        }
        self.books.segments.insert(number, entry);
        Ok(Reading::Kept { end: scan.end })
    }

    fn record(&mut self, number: u64, record: &reader::Record<'_>, key: &SegmentKey) -> bool {
        let id = RecordId(record.id);
        self.next_id = self.next_id.max(record.id.saturating_add(1));
        let length = u32::try_from(record.sealed.len()).unwrap_or(u32::MAX);
        if Kind(record.kind) != Kind::RELEASES {
            let kind = Kind(record.kind);
            self.found.push(Found { id, segment: number, offset: record.offset, length, kind, summary: None, dead: false });
            return true;
        }
        let head = Frame { length, id: record.id, group: record.group, kind: record.kind }.head();
        let Some(content) = key.open(record.offset, &head, record.sealed) else { return false };
        for id in content.as_chunks::<8>().0 {
            let id = u64::from_be_bytes(*id);
            self.released.push((RecordId(id), number));
            self.next_id = self.next_id.max(id.saturating_add(1));
        }
        true
    }

    fn report(&mut self, name: &str, from: u64, to: u64, cause: String) {
        tracing::error!(event = "segment.damaged", segment = name, from, to, cause, "a queue segment is damaged; the file is kept");
        self.damage.push(DamageReport { name: name.to_owned(), from, to, cause });
    }

    fn finish(mut self, last: (u64, u64), next_number: u64, summary: &dyn Summary) -> Opened {
        self.enter();
        let mut found = std::mem::take(&mut self.found);
        found.retain(|found| {
            self.books.live.get(&found.id).is_some_and(|place| (place.segment, place.offset) == (found.segment, found.offset))
        });
        let live = found.into_iter().map(|found| self.summarise(found, summary)).collect();
        for (id, segment) in &self.released {
            if let Some(entry) = self.books.segments.get_mut(segment) {
                entry.releases.push(*id);
            }
        }
        self.write_indexes();
        let recovery = Recovery { live, damage: self.damage };
        Opened { books: self.books, recovery, next_id: self.next_id, last, next_number }
    }

    /// The books: of each record the newest copy lives unless it is released; the others remain.
    fn enter(&mut self) {
        let now = Instant::now();
        self.found.sort_unstable_by_key(|found| (found.id, found.segment, found.offset));
        self.released.sort_unstable();
        self.books.live.reserve(self.found.len());
        let mut releases = self.released.chunk_by(|(one, _), (other, _)| one == other).peekable();
        for copies in self.found.chunk_by(|one, other| one.id == other.id) {
            let Some(id) = copies.first().map(|found| found.id) else { continue };
            let of = |chunk: &[(RecordId, u64)]| chunk.last().map(|(id, segment)| (*id, *segment));
            while releases.next_if(|chunk| of(chunk).is_some_and(|(released, _)| released < id)).is_some() {}
            let released_in =
                releases.peek().and_then(|chunk| of(chunk)).filter(|(released, _)| *released == id).map(|(_, segment)| segment);
            let newest = copies.iter().rposition(|found| !found.dead).filter(|_| released_in.is_none());
            if let Some(found) = newest.and_then(|place| copies.get(place)) {
                let Found { segment, offset, length, kind, .. } = *found;
                self.books.written(id, Location { segment, offset, length, kind, copies: 1 }, now);
            }
            for (place, found) in copies.iter().enumerate() {
                if newest != Some(place) {
                    self.books.remains(id, found.segment, released_in, now);
                }
            }
        }
        self.released.dedup_by(|later, earlier| {
            later.0 == earlier.0 && {
                earlier.1 = later.1;
                true
            }
        });
    }

    /// A live record with its summary, which is made if no index had it.
    fn summarise(&mut self, found: Found, summary: &dyn Summary) -> Live {
        let Found { id, kind, .. } = found;
        let length = found.length.saturating_sub(TAG_LENGTH as u32);
        let made = found.summary.unwrap_or_else(|| {
            let place = self.books.live.get(&id).zip(self.books.segments.get(&found.segment));
            let content = place.and_then(|(location, entry)| read_at(id, *location, entry.file.as_ref(), &entry.key).ok());
            let made = content.map(|content| summary.of(kind, &content.into())).unwrap_or_default();
            self.books.summarised(id, made.clone());
            made
        });
        Live { id, kind, length, summary: made }
    }

    /// Segments that had to be read need not be read again at the next start.
    fn write_indexes(&mut self) {
        for number in std::mem::take(&mut self.scanned) {
            let key = self.books.segments.get(&number).map(|entry| Arc::clone(&entry.key));
            let Some((key, contents)) = key.zip(self.books.contents(number, self.next_id)) else { continue };
            if let Err(error) = index_file::write(self.disk, &key, number, &contents) {
                tracing::warn!(event = "segment.unindexed", segment = number, cause = %error, "a segment has no index: the next start reads all of it");
            }
        }
    }
}
