//! Reads one segment whole, as a start must when it has no index. Nothing is changed here, so that segments can be read beside
//! each other; what follows from it (`recover`) is done in their order.

use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::frame::Frame;
use crate::index_file::Row;
use crate::reader::{self, Damage, ReadError};
use crate::recover::file_name;
use crate::seal::{self, SegmentKey, SegmentKeys};
use crate::{Kind, RecordId, SegmentError};

/// What one file turned out to be.
pub(crate) enum Scan {
    /// Nothing was ever written to it; no id from this one on had been used when it was made.
    Nothing { next_id: u64 },
    /// It is damaged as a whole: so many octets, and what is wrong.
    Unreadable { whole: u64, cause: String },
    /// It holds records.
    Records(Box<Scanned>),
}

/// A segment that was read.
pub(crate) struct Scanned {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) key: Arc<SegmentKey>,
    /// Octets of the file.
    pub(crate) whole: u64,
    /// Where its records end.
    pub(crate) end: u64,
    /// No id from here on had been used.
    pub(crate) next_id: u64,
    /// Its records, in order; without summaries.
    pub(crate) rows: Vec<Row>,
    /// What it releases.
    pub(crate) released: Vec<RecordId>,
    /// What is broken in it, and how.
    pub(crate) damage: Vec<(Damage, &'static str)>,
}

/// Reads a segment. `committed`: its durable end, where the next segment names it.
///
/// # Errors
/// The disk's, the vault's, and if a newer program wrote it.
pub(crate) fn scan(disk: &dyn Disk, keys: &dyn SegmentKeys, number: u64, committed: Option<u64>) -> Result<Scan, SegmentError> {
    let name = file_name(number);
    let failed = |act| {
        let name = name.clone();
        move |error| SegmentError::disk(act, &name, error)
    };
    let file = disk.open(&name).map_err(failed("open"))?;
    let octets = seal::read_all(file.as_ref(), u64::MAX).map_err(failed("read"))?;
    let whole = octets.len() as u64;
    let found = match reader::records(&octets, committed) {
        Ok(found) => found,
        Err(ReadError::Unfinished) => return Ok(Scan::Nothing { next_id: 0 }),
        Err(ReadError::Format(source @ model::format::FormatError::Newer { .. })) => return Err(SegmentError::Format { name, source }),
        Err(error) => return Ok(Scan::Unreadable { whole, cause: error.to_string() }),
    };
    if found.records.is_empty() && found.damage.is_empty() {
        return Ok(Scan::Nothing { next_id: found.header.next_id });
    }
    let key = match SegmentKey::load(disk, keys, number) {
        Ok(key) => Arc::new(key),
        Err(error @ SegmentError::Keys(_)) => return Err(error),
        Err(error) => return Ok(Scan::Unreadable { whole, cause: error.to_string() }),
    };
    let mut scanned = Scanned {
        file,
        key,
        whole,
        end: found.end,
        next_id: found.header.next_id,
        rows: Vec::with_capacity(found.records.len()),
        released: Vec::new(),
        damage: found.damage.iter().map(|damage| (*damage, "these octets were durable once and are no record now")).collect(),
    };
    found.records.iter().for_each(|record| scanned.record(record));
    Ok(Scan::Records(Box::new(scanned)))
}

impl Scanned {
    fn record(&mut self, record: &reader::Record<'_>) {
        let (id, kind) = (RecordId(record.id), Kind(record.kind));
        self.next_id = self.next_id.max(record.id.saturating_add(1));
        let length = u32::try_from(record.sealed.len()).unwrap_or(u32::MAX);
        if kind != Kind::RELEASES {
            self.rows.push(Row { id, offset: record.offset, length, kind, summary: bytes::Bytes::new() });
            return;
        }
        let head = Frame { length, id: record.id, group: record.group, kind: record.kind }.head();
        let Some(content) = self.key.open(record.offset, &head, record.sealed) else {
            let place = Damage { from: record.offset, to: record.end() };
            self.damage.push((place, "this record was not sealed with this segment's key"));
            return;
        };
        for id in content.as_chunks::<8>().0 {
            let id = u64::from_be_bytes(*id);
            self.released.push(RecordId(id));
            self.next_id = self.next_id.max(id.saturating_add(1));
        }
    }
}
