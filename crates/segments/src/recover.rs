//! Opens a directory: finds the live records, finishes what a crash interrupted, reports damage.
//!
//! Three passes: the headers (each names the durable end of the segment before it), then the records and
//! releases of every segment, then the books. A release counts wherever it stands, since ids are never used
//! twice. A segment with an index is not read: its index says what was durable in it, and damage in it is found
//! when the record is wanted. The others are read (`scan`), one at a time but beside the indexes, and get an index if they can stay.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::disk::Disk;
use crate::frame::{SEGMENT_HEADER_LENGTH, SegmentHeader};
use crate::handle::Summary;
use crate::index_file::Index;
use crate::merge::Sightings;
use crate::scan::{Scan, Scanned, scan};
use crate::seal::{self, SegmentKey, SegmentKeys};
use crate::state::{Books, Entry};
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
    let one_at_a_time = Mutex::new(());
    let read = |number: &u64| -> Result<(u64, Read), SegmentError> {
        if let Some(believed) = read_index(disk, keys, *number)?.filter(|_| headers.contains_key(number)) {
            return Ok((*number, Read::Index(believed)));
        }
        // Segments are large: one of them in memory is enough.
        let _turn = one_at_a_time.lock();
        Ok((*number, Read::Segment(scan(disk, keys, *number, ends.get(number).copied())?)))
    };
    let mut all: HashMap<u64, Read> = numbers.par_iter().map(read).collect::<Result<_, SegmentError>>()?;
    let mut pass =
        Pass { disk, books: Books::default(), sightings: Sightings::default(), next_id: 1, damage: Vec::new(), scanned: BTreeSet::new() };
    pass.sightings.reserve(all.values().filter_map(Read::index));
    let mut last = (0, 0);
    let next_number = numbers.last().map_or(1, |number| number + 1);
    for number in numbers {
        let found = match all.remove(&number) {
            Some(Read::Index(believed)) => match pass.indexed(number, headers.get(&number), believed)? {
                Some(end) => {
                    last = (number, end);
                    continue;
                }
                None => scan(disk, keys, number, ends.get(&number).copied())?,
            },
            Some(Read::Segment(found)) => found,
            None => continue,
        };
        match pass.segment(number, found)? {
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

/// The index of a segment, and the key that opened it.
struct Believed {
    key: Arc<SegmentKey>,
    index: Index,
}

/// What a segment was known by.
enum Read {
    Index(Believed),
    Segment(Scan),
}

impl Read {
    const fn index(&self) -> Option<&Index> {
        match self {
            Self::Index(believed) => Some(&believed.index),
            Self::Segment(_) => None,
        }
    }
}

/// A segment's index; `None` if there is none that can be believed. Only a vault that refuses stops the start.
fn read_index(disk: &dyn Disk, keys: &dyn SegmentKeys, number: u64) -> Result<Option<Believed>, SegmentError> {
    let key = match SegmentKey::load(disk, keys, number) {
        Ok(key) => Arc::new(key),
        Err(error @ SegmentError::Keys(_)) => return Err(error),
        Err(_) => return Ok(None),
    };
    Ok(index_file::read(disk, &key, number).map(|index| Believed { key, index }))
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
    books: Books,
    sightings: Sightings,
    next_id: u64,
    damage: Vec<DamageReport>,
    /// Segments that were read whole and are sound.
    scanned: BTreeSet<u64>,
}

impl Pass<'_> {
    /// Takes what a segment's index says; its durable end, or `None` if the segment must be read.
    fn indexed(&mut self, number: u64, header: Option<&SegmentHeader>, believed: Believed) -> Result<Option<u64>, SegmentError> {
        let name = file_name(number);
        let failed = |act| {
            let name = name.clone();
            move |error| SegmentError::disk(act, &name, error)
        };
        let Believed { key, index } = believed;
        let file = self.disk.open(&name).map_err(failed("open"))?;
        let whole = file.length().map_err(failed("read"))?;
        if whole < index.end {
            return Ok(None);
        }
        if whole > index.end {
            file.truncate(index.end).map_err(failed("truncate"))?;
            file.sync().map_err(failed("sync"))?;
        }
        self.next_id = self.next_id.max(header.map_or(0, |header| header.next_id)).max(index.next_id);
        let mut entry = Entry::new(file, key, index.end);
        entry.clean = true;
        entry.indexed = index.rows.len() as u64;
        self.books.segments.insert(number, entry);
        let end = index.end;
        self.sightings.indexed(number, index);
        Ok(Some(end))
    }

    /// Takes one segment that was read. Whatever lies behind its durable end is cut off, so that the segment that names
    /// this end may be forgotten.
    fn segment(&mut self, number: u64, found: Scan) -> Result<Reading, SegmentError> {
        let name = file_name(number);
        let failed = |act| {
            let name = name.clone();
            move |error| SegmentError::disk(act, &name, error)
        };
        let found = match found {
            Scan::Nothing { next_id } => {
                self.next_id = self.next_id.max(next_id);
                forget(self.disk, number).map_err(failed("remove"))?;
                return Ok(Reading::Removed);
            }
            Scan::Unreadable { whole, cause } => {
                self.report(&name, 0, whole, cause);
                return Ok(Reading::Unreadable);
            }
            Scan::Records(found) => *found,
        };
        let Scanned { file, key, whole, end, next_id, rows, released, damage } = found;
        self.next_id = self.next_id.max(next_id);
        if end < whole {
            file.truncate(end).map_err(failed("truncate"))?;
        }
        // What is believed from here on must still be there after a power cut.
        file.sync().map_err(failed("sync"))?;
        let mut entry = Entry::new(file, key, end);
        entry.clean = true;
        entry.damaged = !damage.is_empty();
        for (damage, cause) in damage {
            self.report(&name, damage.from, damage.to, cause.to_owned());
        }
        if !entry.damaged {
            self.scanned.insert(number);
        }
        rows.into_iter().for_each(|row| self.sightings.read(number, row));
        self.sightings.released.extend(released.into_iter().map(|id| (id, number)));
        self.books.segments.insert(number, entry);
        Ok(Reading::Kept { end })
    }

    fn report(&mut self, name: &str, from: u64, to: u64, cause: String) {
        tracing::error!(event = "segment.damaged", segment = name, from, to, cause, "a queue segment is damaged; the file is kept");
        self.damage.push(DamageReport { name: name.to_owned(), from, to, cause });
    }

    fn finish(mut self, last: (u64, u64), next_number: u64, summary: &dyn Summary) -> Opened {
        let live = std::mem::take(&mut self.sightings).enter(&mut self.books, summary);
        self.write_indexes();
        let recovery = Recovery { live, damage: self.damage };
        Opened { books: self.books, recovery, next_id: self.next_id, last, next_number }
    }

    /// Segments that had to be read need not be read again at the next start.
    fn write_indexes(&mut self) {
        for number in std::mem::take(&mut self.scanned) {
            let key = self.books.segments.get(&number).map(|entry| Arc::clone(&entry.key));
            let Some((key, contents)) = key.zip(self.books.contents(number, self.next_id)) else { continue };
            match index_file::write(self.disk, &key, number, &contents) {
                Ok(()) => {
                    let rows = contents.rows.len() as u64;
                    self.books.segments.get_mut(&number).into_iter().for_each(|entry| entry.indexed = rows);
                }
                Err(error) => {
                    tracing::warn!(event = "segment.unindexed", segment = number, cause = %error, "a segment has no index: the next start reads all of it");
                }
            }
        }
    }
}
