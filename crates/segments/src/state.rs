//! The books: which records live where, which segments hold what, and what may be forgotten.
//!
//! Only metadata is held, some 100 octets a record. A record is *live* from its sync to its release. A dead
//! record whose octets still lie in a file is remembered with the segment that holds its release, since that
//! release must outlive every copy of the record: else a restart would bring delivered mail back.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::disk::DiskFile;
use crate::ids::{IdMap, IdTable};
use crate::index_file::{Contents, Row};
use crate::seal::SegmentKey;
use crate::{Kind, RecordId};

/// A segment's number, so that rows without a value are no larger than rows with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(NonZeroU64);

impl Number {
    pub(crate) const fn new(number: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(number))
    }

    pub(crate) const fn get(self) -> u64 {
        self.0.get() - 1
    }
}

/// Where a live record is. Kept by the million.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Location {
    pub(crate) segment: Number,
    pub(crate) offset: u64,
    /// Sealed octets behind the frame.
    pub(crate) length: u32,
    pub(crate) kind: Kind,
    /// Files that hold a copy: 2 while it is carried over.
    pub(crate) copies: u16,
}

/// What is left of a released record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dead {
    pub(crate) released_in: Number,
    pub(crate) copies: u32,
}

/// Smaller indexes are not written again.
const WORTH: u64 = 1_000;

/// One segment file.
pub(crate) struct Entry {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) key: Arc<SegmentKey>,
    /// Where its durable records end.
    pub(crate) end: u64,
    /// Every record that was written here, live or not.
    pub(crate) ids: Vec<RecordId>,
    /// Releases that were written here.
    pub(crate) releases: Vec<RecordId>,
    pub(crate) live: u64,
    pub(crate) live_bytes: u64,
    /// Since when something here is dead.
    pub(crate) dead_since: Option<Instant>,
    /// Something here can't be read: the file stays for who can mend it.
    pub(crate) damaged: bool,
    /// Nothing lies behind `end`, durably: no other segment has to name it any more.
    pub(crate) clean: bool,
    /// Records in its index that lived when it was written; 0 while it has none.
    pub(crate) indexed: u64,
}

impl Entry {
    pub(crate) fn new(file: Arc<dyn DiskFile>, key: Arc<SegmentKey>, end: u64) -> Self {
        Self {
            file,
            key,
            end,
            ids: Vec::new(),
            releases: Vec::new(),
            live: 0,
            live_bytes: 0,
            dead_since: None,
            damaged: false,
            clean: false,
            indexed: 0,
        }
    }

    /// True if a quarter of what the index tells of lives no more. Mail that is tried again and again leaves states behind, and
    /// a start would read all of them.
    pub(crate) const fn index_is_outdated(&self) -> bool {
        !self.damaged && self.live > 0 && self.indexed >= WORTH && self.live.saturating_mul(4) <= self.indexed.saturating_mul(3)
    }
}

/// All of a directory.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) segments: BTreeMap<u64, Entry>,
    pub(crate) live: IdTable<Location>,
    /// What the queue said of live records, until it stands in the index of their segment.
    summaries: IdMap<Bytes>,
    dead: IdTable<Dead>,
}

impl Books {
    /// Takes what a start found in the segments.
    pub(crate) fn found(&mut self, live: IdTable<Location>, dead: IdTable<Dead>) {
        (self.live, self.dead) = (live, dead);
    }

    /// A record is durable at `location`; if it lived elsewhere before, it has moved.
    pub(crate) fn written(&mut self, id: RecordId, mut location: Location, now: Instant) {
        if let Some(old) = self.live.get(&id).copied() {
            location.copies = old.copies.saturating_add(1);
            self.leave(old, now);
        }
        if let Some(entry) = self.segments.get_mut(&location.segment.get()) {
            entry.ids.push(id);
            entry.live += 1;
            entry.live_bytes += u64::from(location.length);
        }
        self.live.insert(id, location);
    }

    /// Keeps a live record's summary for the index of its segment.
    pub(crate) fn summarised(&mut self, id: RecordId, summary: Bytes) {
        if !summary.is_empty() {
            self.summaries.insert(id, summary);
        }
    }

    /// What the index of a segment has to say; `None` if nothing in it lives. The summaries are handed over: those that stand
    /// in an index already are empty here.
    pub(crate) fn contents(&mut self, segment: u64, next_id: u64) -> Option<Contents> {
        let entry = self.segments.get(&segment).filter(|entry| entry.live > 0 && !entry.damaged)?;
        let mut contents = Contents { end: entry.end, next_id, releases: entry.releases.clone(), ..Contents::default() };
        for id in &entry.ids {
            match self.live.get(id).filter(|location| location.segment.get() == segment) {
                Some(location) => contents.rows.push(Row {
                    id: *id,
                    offset: location.offset,
                    length: location.length,
                    kind: location.kind,
                    summary: self.summaries.remove(id).unwrap_or_default(),
                }),
                None => contents.remains.push(*id),
            }
        }
        Some(contents)
    }

    /// A record's release is durable in `segment`.
    pub(crate) fn released(&mut self, id: RecordId, segment: u64, now: Instant) {
        self.summaries.remove(&id);
        if let Some(location) = self.live.remove(&id) {
            self.leave(location, now);
            self.dead.insert(id, Dead { released_in: Number::new(segment), copies: location.copies.into() });
        } else if let Some(dead) = self.dead.get_mut(&id) {
            dead.released_in = Number::new(segment);
        } else {
            return;
        }
        if let Some(entry) = self.segments.get_mut(&segment) {
            entry.releases.push(id);
        }
    }

    /// True if a release of this record still has to be written, or kept.
    pub(crate) fn is_known(&self, id: RecordId) -> bool {
        self.live.contains_key(&id) || self.dead.contains_key(&id)
    }

    /// Records that live in `segment`, oldest first.
    pub(crate) fn live_in(&self, segment: u64) -> Vec<RecordId> {
        let lives = |id: &&RecordId| self.live.get(id).is_some_and(|location| location.segment.get() == segment);
        self.segments.get(&segment).map(|entry| entry.ids.iter().filter(lives).copied().collect()).unwrap_or_default()
    }

    /// Releases in `segment` that must be written elsewhere before it may go.
    pub(crate) fn releases_needed_from(&self, segment: u64) -> Vec<RecordId> {
        let Some(entry) = self.segments.get(&segment) else { return Vec::new() };
        let own: std::collections::HashSet<RecordId> = entry.ids.iter().copied().collect();
        let needed = |id: &&RecordId| {
            self.dead.get(id).is_some_and(|dead| dead.released_in.get() == segment && dead.copies > u32::from(own.contains(*id)))
        };
        entry.releases.iter().filter(needed).copied().collect()
    }

    /// The segment before `segment` and its end, if that end is still to be made sure.
    pub(crate) fn unclean_before(&self, segment: u64) -> Option<(u64, Arc<dyn DiskFile>, u64)> {
        let (number, entry) = self.segments.range(..segment).next_back()?;
        (!entry.clean).then(|| (*number, Arc::clone(&entry.file), entry.end))
    }

    /// The segment's file is gone.
    pub(crate) fn forgotten(&mut self, segment: u64) {
        let Some(entry) = self.segments.remove(&segment) else { return };
        for id in entry.ids {
            if let Some(location) = self.live.get_mut(&id) {
                location.copies = location.copies.saturating_sub(1);
            } else if let Some(dead) = self.dead.get_mut(&id) {
                dead.copies = dead.copies.saturating_sub(1);
                if dead.copies == 0 {
                    self.dead.remove(&id);
                }
            }
        }
    }

    fn leave(&mut self, location: Location, now: Instant) {
        if let Some(entry) = self.segments.get_mut(&location.segment.get()) {
            entry.live = entry.live.saturating_sub(1);
            entry.live_bytes = entry.live_bytes.saturating_sub(u64::from(location.length));
            entry.dead_since.get_or_insert(now);
        }
    }
}
