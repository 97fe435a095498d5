//! Opens a directory: finds the live records, finishes what a crash interrupted, reports damage.
//!
//! Three passes: the headers (each names the durable end of the segment before it), then the records and
//! releases of every segment, then the books. A release counts wherever it stands, since ids are never used
//! twice. One segment at a time is held in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::disk::Disk;
use crate::frame::{Frame, SEGMENT_HEADER_LENGTH, SegmentHeader};
use crate::reader::{self, ReadError};
use crate::seal::{self, SegmentKey, SegmentKeys, TAG_LENGTH};
use crate::state::{Books, Entry, Location};
use crate::{Kind, RecordId, SegmentError};

/// A record that was not released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Its id.
    pub id: RecordId,
    /// What it is.
    pub kind: Kind,
    /// Octets of its content.
    pub length: u32,
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
}

/// A segment's file.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.seg")
}

/// Reads the directory.
pub(crate) fn open(disk: &dyn Disk, keys: &dyn SegmentKeys) -> Result<Opened, SegmentError> {
    let numbers = tidy(disk)?;
    let mut ends = HashMap::new();
    for number in &numbers {
        if let Some(header) = read_header(disk, *number)? {
            ends.insert(header.previous, header.previous_end);
        }
    }
    let mut pass =
        Pass { disk, keys, books: Books::default(), found: Vec::new(), released: BTreeMap::new(), next_id: 1, damage: Vec::new() };
    let mut last = (0, 0);
    let next_number = numbers.last().map_or(1, |number| number + 1);
    for number in numbers {
        match pass.segment(number, ends.get(&number).copied())? {
            Reading::Kept { end } => last = (number, end),
            Reading::Unreadable => last = (number, 0),
            Reading::Removed => {}
        }
    }
    Ok(pass.finish(last, next_number))
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
            "key" if !names.contains(&file_name(number)) => forget(disk, number).map_err(failed)?,
            _ => {}
        }
    }
    Ok(numbers)
}

/// Forgets a segment: its file goes, then its key is overwritten, then the key's file goes. A key without its
/// segment is what a crash in between leaves behind; [`tidy`] finishes it.
pub(crate) fn forget(disk: &dyn Disk, number: u64) -> std::io::Result<()> {
    match disk.remove(&file_name(number)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => disk.sync_dir()?,
    }
    match SegmentKey::wipe(disk, number) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => disk.remove(&seal::file_name(number)),
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
    /// Each released id and the last segment that says so.
    released: BTreeMap<RecordId, u64>,
    next_id: u64,
    damage: Vec<DamageReport>,
}

impl Pass<'_> {
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
        self.books.segments.insert(number, entry);
        Ok(Reading::Kept { end: scan.end })
    }

    fn record(&mut self, number: u64, record: &reader::Record<'_>, key: &SegmentKey) -> bool {
        let id = RecordId(record.id);
        self.next_id = self.next_id.max(record.id.saturating_add(1));
        let length = u32::try_from(record.sealed.len()).unwrap_or(u32::MAX);
        if Kind(record.kind) != Kind::RELEASES {
            self.found.push(Found { id, segment: number, offset: record.offset, length, kind: Kind(record.kind) });
            return true;
        }
        let head = Frame { length, id: record.id, group: record.group, kind: record.kind }.head();
        let Some(content) = key.open(record.offset, &head, record.sealed) else { return false };
        for id in content.as_chunks::<8>().0 {
            let id = u64::from_be_bytes(*id);
            self.released.insert(RecordId(id), number);
            self.next_id = self.next_id.max(id.saturating_add(1));
        }
        true
    }

    fn report(&mut self, name: &str, from: u64, to: u64, cause: String) {
        tracing::error!(event = "segment.damaged", segment = name, from, to, cause, "a queue segment is damaged; the file is kept");
        self.damage.push(DamageReport { name: name.to_owned(), from, to, cause });
    }

    fn finish(mut self, last: (u64, u64), next_number: u64) -> Opened {
        let now = Instant::now();
        let mut newest: HashMap<RecordId, (u64, u64)> = HashMap::new();
        for found in self.found.iter().filter(|found| !self.released.contains_key(&found.id)) {
            newest.insert(found.id, (found.segment, found.offset));
        }
        let mut live = Vec::new();
        let is_newest = |found: &Found| newest.get(&found.id) == Some(&(found.segment, found.offset));
        for found in self.found.iter().filter(|found| is_newest(found)) {
            let location = Location { segment: found.segment, offset: found.offset, length: found.length, kind: found.kind, copies: 1 };
            self.books.written(found.id, location, now);
            live.push(Live { id: found.id, kind: found.kind, length: found.length.saturating_sub(TAG_LENGTH as u32) });
        }
        for found in self.found.iter().filter(|found| !is_newest(found)) {
            self.books.remains(found.id, found.segment, self.released.get(&found.id).copied(), now);
        }
        for (id, segment) in &self.released {
            if let Some(entry) = self.books.segments.get_mut(segment) {
                entry.releases.push(*id);
            }
        }
        live.sort_unstable_by_key(|live| live.id);
        let recovery = Recovery { live, damage: self.damage };
        Opened { books: self.books, recovery, next_id: self.next_id, last, next_number }
    }
}
