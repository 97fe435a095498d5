//! Makes the books of what a start saw in the segments.
//!
//! A record is seen where it was written and wherever it was carried to; a release may be seen in any segment. Of each
//! record the newest copy lives unless it is released; the others remain until their segments go. All is sorted by
//! id once and walked through in order: with millions of records, jumping about in memory is what costs.

use std::time::Instant;

use bytes::Bytes;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::handle::{Summary, read_at};
use crate::ids::IdTable;
use crate::index_file::{Index, Row};
use crate::recover::Live;
use crate::seal::TAG_LENGTH;
use crate::state::{Books, Dead, Location, Number};
use crate::{Kind, RecordId};

/// Records that one thread looks at without a pause.
const PIECE: usize = 2_048;

/// All that was seen, by segments in the order of their numbers.
#[derive(Default)]
pub(crate) struct Sightings {
    sources: Vec<Source>,
    copies: Vec<Sighting>,
    /// Octets of records that live no more, or elsewhere: id and source.
    remains: Vec<(RecordId, u32)>,
    /// Each released id and a segment that says so.
    pub(crate) released: Vec<(RecordId, u64)>,
}

/// A copy of a record: small, since these are what is sorted. Their order is that of ids, then of age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sighting {
    id: RecordId,
    source: u32,
    /// Where its row is in the source.
    at: u32,
}

/// What is known of one segment.
struct Source {
    segment: u64,
    rows: Rows,
}

enum Rows {
    Indexed(Index),
    /// The segment itself was read: its records have no summary yet.
    Read(Vec<Row>),
}

impl Rows {
    /// Without the summary.
    fn place(&self, at: u32) -> Option<Row> {
        match self {
            Self::Indexed(index) => index.place(at),
            Self::Read(rows) => rows.get(at as usize).cloned(),
        }
    }
}

/// What one segment holds: all ids, and of those that live how many and how large they are.
#[derive(Default)]
struct Held {
    ids: Vec<RecordId>,
    count: usize,
    octets: u64,
}

impl Sightings {
    /// Makes room for what these indexes say.
    pub(crate) fn reserve<'a>(&mut self, indexes: impl Iterator<Item = &'a Index> + Clone) {
        self.copies.reserve_exact(indexes.clone().map(|index| index.rows.len()).sum());
        self.remains.reserve_exact(indexes.clone().map(|index| index.remains.len()).sum());
        self.released.reserve_exact(indexes.map(|index| index.releases.len()).sum());
    }

    /// Takes what the index of the next segment says.
    pub(crate) fn indexed(&mut self, segment: u64, mut index: Index) {
        let source = self.sources.len() as u32;
        self.copies.extend(std::mem::take(&mut index.rows).into_iter().map(|(id, at)| Sighting { id, source, at }));
        self.remains.extend(std::mem::take(&mut index.remains).into_iter().map(|id| (id, source)));
        self.released.extend(std::mem::take(&mut index.releases).into_iter().map(|id| (id, segment)));
        self.sources.push(Source { segment, rows: Rows::Indexed(index) });
    }

    /// Takes a record that was read in the next segment, or in the one before.
    pub(crate) fn read(&mut self, segment: u64, row: Row) {
        if self.sources.last().is_none_or(|source| source.segment != segment) {
            self.sources.push(Source { segment, rows: Rows::Read(Vec::new()) });
        }
        let source = (self.sources.len() - 1) as u32;
        if let Some(Source { rows: Rows::Read(rows), .. }) = self.sources.last_mut() {
            self.copies.push(Sighting { id: row.id, source, at: rows.len() as u32 });
            rows.push(row);
        }
    }

    /// Enters all into the books; what lives, oldest id first.
    pub(crate) fn enter(mut self, books: &mut Books, summary: &dyn Summary) -> Vec<Live> {
        rayon::join(|| self.copies.par_sort_unstable(), || self.released.par_sort_unstable());
        let newest = self.newest();
        self.remains.par_sort_unstable();
        let (told, (mut live, held, (dead, moved))) = rayon::join(
            // In small pieces: those that must be read and summarised lie side by side, and no thread should have all of them.
            || newest.par_iter().with_max_len(PIECE).map(|copy| self.live(books, *copy, summary)).collect::<Vec<_>>(),
            || {
                let live = self.locations(&newest);
                let (held, dead) = rayon::join(|| self.held(&newest, &live), || self.dead());
                (live, held, dead)
            },
        );
        self.note_segments(books, held);
        for id in moved {
            live.get_mut(&id).into_iter().for_each(|location| location.copies = location.copies.saturating_add(1));
        }
        books.found(live, dead);
        note_releases(books, &self.released);
        self.keep_made(books, &newest, &told);
        told
    }

    /// Of each record that was not released the newest copy; all others remain.
    fn newest(&mut self) -> Vec<Sighting> {
        let mut releases = Releases(&self.released);
        let mut newest = Vec::with_capacity(self.copies.len());
        for copies in std::mem::take(&mut self.copies).chunk_by(|one, other| one.id == other.id) {
            let Some((last, older)) = copies.split_last() else { continue };
            let gone = if releases.of(last.id).is_some() {
                copies
            } else {
                newest.push(*last);
                older
            };
            self.remains.extend(gone.iter().map(|copy| (copy.id, copy.source)));
        }
        newest
    }

    /// A record that lives. Its summary is made if no index had it; it has none where that fails.
    fn live(&self, books: &Books, copy: Sighting, summary: &dyn Summary) -> Live {
        let row = self.sources.get(copy.source as usize).and_then(|Source { segment, rows }| match rows {
            Rows::Indexed(index) => index.row(copy.at),
            Rows::Read(rows) => {
                let mut row = rows.get(copy.at as usize)?.clone();
                let location = place_of(&row, *segment);
                let content = books.segments.get(segment).and_then(|entry| read_at(row.id, location, entry.file.as_ref(), &entry.key).ok());
                row.summary = content.map(|content| summary.of(row.kind, &content.into())).unwrap_or_default();
                Some(row)
            }
        });
        let row = row.unwrap_or_else(|| Row { id: copy.id, offset: 0, length: 0, kind: Kind(0), summary: Bytes::new() });
        Live { id: row.id, kind: row.kind, length: row.length.saturating_sub(TAG_LENGTH as u32), summary: row.summary }
    }

    /// Where the records are that live.
    fn locations(&self, newest: &[Sighting]) -> IdTable<Location> {
        let place = |copy: &Sighting| {
            let source = self.sources.get(copy.source as usize)?;
            Some(place_of(&source.rows.place(copy.at)?, source.segment))
        };
        IdTable::of(newest.par_iter().map(|copy| (copy.id, place(copy))).collect())
    }

    /// What is left of released records; and the ids of those that live elsewhere, one for each copy.
    fn dead(&self) -> (IdTable<Dead>, Vec<RecordId>) {
        let mut dead = Vec::with_capacity(self.remains.len());
        let mut moved = Vec::new();
        let mut releases = Releases(&self.released);
        for copies in self.remains.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((id, _)) = copies.first() else { continue };
            match releases.of(*id).map(Number::new) {
                Some(released_in) => dead.push((*id, Some(Dead { released_in, copies: copies.len() as u32 }))),
                None => moved.extend(copies.iter().map(|(id, _)| *id)),
            }
        }
        (IdTable::of(dead), moved)
    }

    /// What each segment holds.
    fn held(&self, newest: &[Sighting], live: &IdTable<Location>) -> Vec<Held> {
        let mut all: Vec<Held> = std::iter::repeat_with(Held::default).take(self.sources.len()).collect();
        for (copy, (_, location)) in newest.iter().zip(live.found()) {
            let Some(held) = all.get_mut(copy.source as usize) else { continue };
            held.count += 1;
            held.octets += location.map_or(0, |location| u64::from(location.length));
        }
        let mut rows: Vec<usize> = all.iter().map(|held| held.count).collect();
        for (_, source) in &self.remains {
            rows.get_mut(*source as usize).into_iter().for_each(|rows| *rows += 1);
        }
        all.iter_mut().zip(rows).for_each(|(held, rows)| held.ids.reserve_exact(rows));
        let ids = newest.iter().map(|copy| (copy.id, copy.source)).chain(self.remains.iter().copied());
        for (id, source) in ids {
            all.get_mut(source as usize).into_iter().for_each(|held| held.ids.push(id));
        }
        all
    }

    fn note_segments(&self, books: &mut Books, held: Vec<Held>) {
        let now = Instant::now();
        for (source, held) in self.sources.iter().zip(held) {
            let Some(entry) = books.segments.get_mut(&source.segment) else { continue };
            entry.dead_since = (held.ids.len() > held.count).then_some(now);
            (entry.ids, entry.live, entry.live_bytes) = (held.ids, held.count as u64, held.octets);
        }
    }

    /// Summaries that were made are kept for the indexes that are written next.
    fn keep_made(&self, books: &mut Books, newest: &[Sighting], told: &[Live]) {
        let read = |copy: &Sighting| self.sources.get(copy.source as usize).is_some_and(|source| matches!(source.rows, Rows::Read(_)));
        for (_, live) in newest.iter().zip(told).filter(|(copy, _)| read(copy)) {
            books.summarised(live.id, live.summary.clone());
        }
    }
}

fn place_of(row: &Row, segment: u64) -> Location {
    Location { segment: Number::new(segment), offset: row.offset, length: row.length, kind: row.kind, copies: 1 }
}

/// Each release belongs to the newest segment that says it.
fn note_releases(books: &mut Books, released: &[(RecordId, u64)]) {
    for (id, segment) in released.chunk_by(|(one, _), (other, _)| one == other).filter_map(<[_]>::last) {
        if let Some(entry) = books.segments.get_mut(segment) {
            entry.releases.push(*id);
        }
    }
}

/// Releases, sorted; asked for ids that grow.
struct Releases<'a>(&'a [(RecordId, u64)]);

impl Releases<'_> {
    /// The newest segment that releases this record.
    fn of(&mut self, id: RecordId) -> Option<u64> {
        let mut segment = None;
        while let Some(((released, said_in), rest)) = self.0.split_first()
            && *released <= id
        {
            if *released == id {
                segment = Some(*said_in);
                // Asked for again, it must still be there.
                if rest.first().is_none_or(|(next, _)| *next > id) {
                    break;
                }
            }
            self.0 = rest;
        }
        segment
    }
}
