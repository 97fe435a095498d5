//! The sealed index of a closed segment: what a start needs to know of it, without reading the segment.
//!
//! `NNNNNNNNNN.idx` names each record that lived when it was written, with its place and with the *summary* that the
//! queue gave for it, the ids of those that lived no more, and the ids that the segment releases. It is sealed with the
//! segment's key, so that it is forgotten with it (Promise 5), and is worth nothing unless it opens: a torn, missing or
//! foreign one costs a scan of the segment, never a mail. It is written once nothing is added to the segment any more
//! and all in it is durable; so it needs no sync of its own. It is written again when a quarter of what it tells of is dead.
//!
//! ```text
//! file     8 format header · 12 nonce · sealed content
//! content  8 end · 8 next id · 4 records · 4 remains · 4 releases · records · ids · ids
//! record   8 id · 8 offset · 4 length · 2 kind · 4 length of summary · summary
//! ```

use bytes::{Buf, Bytes};
use model::SecretBytes;
use model::format::{Format, HEADER_LENGTH};
use openssl::cipher_ctx::CipherCtx;

use crate::disk::Disk;
use crate::ids::IdMap;
use crate::room::Room;
use crate::seal::{NONCE_LENGTH, SegmentKey};
use crate::{Kind, RecordId, SegmentError};

const INDEX: Format = Format { magic: *b"SGsx", version: 1, name: "segment index" };
/// Larger ones are not ours.
const LARGEST: u64 = 4 << 30;
/// Octets of a record's row without its summary.
const ROW: usize = 26;

/// A record that lived when the index was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: RecordId,
    /// Where its frame starts.
    pub offset: u64,
    /// Sealed octets behind the frame.
    pub length: u32,
    /// What it is.
    pub kind: Kind,
    /// What the queue said of it.
    pub summary: Bytes,
}

/// All that is written into an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Where the segment's records end.
    pub end: u64,
    /// No id from here on had been used.
    pub next_id: u64,
    /// What lived.
    pub rows: Vec<Row>,
    /// Records whose octets are there and that lived no more.
    pub remains: Vec<RecordId>,
    /// Ids that the segment releases.
    pub releases: Vec<RecordId>,
}

impl Contents {
    /// Takes summaries that are missing from an index that told of the same records before.
    pub(crate) fn take_summaries(&mut self, before: &Index) {
        let places: IdMap<u32> = before.rows.iter().copied().collect();
        for row in self.rows.iter_mut().filter(|row| row.summary.is_empty()) {
            if let Some(told) = places.get(&row.id).and_then(|at| before.row(*at)) {
                row.summary = told.summary;
            }
        }
    }
}

/// An index that was read. Its rows are looked at one by one: a start with millions of them needs each once, and those of the
/// dead not at all.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Where the segment's records end.
    pub end: u64,
    /// No id from here on had been used.
    pub next_id: u64,
    /// What lived: ids, and where their rows stand.
    pub rows: Vec<(RecordId, u32)>,
    /// Records whose octets are there and that lived no more.
    pub remains: Vec<RecordId>,
    /// Ids that the segment releases.
    pub releases: Vec<RecordId>,
    octets: Bytes,
}

impl Index {
    /// The row at one of the places of [`Index::rows`].
    #[must_use]
    pub fn row(&self, at: u32) -> Option<Row> {
        let mut row = self.place(at)?;
        let start = at as usize + ROW;
        let length = self.octets.get(start - 4..start)?.try_get_u32().ok()? as usize;
        self.octets.get(start..)?.get(..length)?;
        row.summary = self.octets.slice(start..start + length);
        Some(row)
    }

    /// [`Index::row`] without its summary.
    pub(crate) fn place(&self, at: u32) -> Option<Row> {
        let mut from = self.octets.get(at as usize..)?.get(..ROW)?;
        let (id, offset) = (RecordId(from.try_get_u64().ok()?), from.try_get_u64().ok()?);
        let (length, kind) = (from.try_get_u32().ok()?, Kind(from.try_get_u16().ok()?));
        Some(Row { id, offset, length, kind, summary: Bytes::new() })
    }
}

/// The file's name.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.idx")
}

/// Writes the index of a segment.
///
/// # Errors
/// The disk's. What is left behind then opens as nothing.
pub(crate) fn write(disk: &dyn Disk, key: &SegmentKey, number: u64, contents: &Contents) -> Result<(), SegmentError> {
    let name = file_name(number);
    let failed = |act| {
        let name = name.clone();
        move |error| SegmentError::disk(act, &name, error)
    };
    let cipher = |error: openssl::error::ErrorStack| SegmentError::Cipher(error.to_string());
    let random = SecretBytes::random(NONCE_LENGTH).map_err(|error| SegmentError::Cipher(error.to_string()))?;
    let mut nonce = [0; NONCE_LENGTH];
    nonce.copy_from_slice(random.expose().get(..NONCE_LENGTH).unwrap_or(&[0; NONCE_LENGTH]));
    // Never the nonce of a record, which begins with zeros.
    if let Some(first) = nonce.first_mut() {
        *first = 1;
    }
    let mut out = INDEX.header().to_vec();
    out.extend_from_slice(&nonce);
    let mut context = CipherCtx::new().map_err(cipher)?;
    key.seal_under(&mut context, (&nonce, &bound_to(number)), &[encode(contents)], &mut out).map_err(cipher)?;
    match disk.remove(&name) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed("remove")(error)),
        _ => {}
    }
    let file = disk.create(&name, 0).map_err(failed("create"))?;
    file.write_at(&out, 0).map_err(failed("write"))
}

/// Reads the index of a segment; `None` if there is none that can be believed.
pub(crate) fn read(disk: &dyn Disk, key: &SegmentKey, number: u64) -> Option<Index> {
    const FRONT: usize = HEADER_LENGTH + NONCE_LENGTH;
    let file = disk.open(&file_name(number)).ok()?;
    let size = file.length().ok().filter(|size| *size <= LARGEST)?;
    let mut room = Room::new(usize::try_from(size).ok()?).ok()?;
    let octets = room.octets();
    if file.read_at(octets, 0).ok()? < octets.len() {
        return None;
    }
    let (_, rest) = INDEX.read(octets).ok()?;
    let nonce = *rest.first_chunk::<NONCE_LENGTH>()?;
    let length = key.open_in_place(&nonce, &bound_to(number), octets.get_mut(FRONT..)?)?;
    decode(room.share().slice(FRONT..FRONT + length))
}

/// What the seal authenticates beside the content.
fn bound_to(number: u64) -> [u8; HEADER_LENGTH + 8] {
    let mut out = [0; HEADER_LENGTH + 8];
    let parts = INDEX.header().into_iter().chain(number.to_be_bytes());
    out.iter_mut().zip(parts).for_each(|(place, octet)| *place = octet);
    out
}

fn encode(contents: &Contents) -> Vec<u8> {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let size = contents.rows.iter().map(|row| ROW + row.summary.len()).sum::<usize>();
    let mut out = Vec::with_capacity(28 + size + 8 * (contents.remains.len() + contents.releases.len()));
    out.extend_from_slice(&contents.end.to_be_bytes());
    out.extend_from_slice(&contents.next_id.to_be_bytes());
    for length in [contents.rows.len(), contents.remains.len(), contents.releases.len()] {
        out.extend_from_slice(&count(length));
    }
    for row in &contents.rows {
        out.extend_from_slice(&row.id.0.to_be_bytes());
        out.extend_from_slice(&row.offset.to_be_bytes());
        out.extend_from_slice(&row.length.to_be_bytes());
        out.extend_from_slice(&row.kind.0.to_be_bytes());
        out.extend_from_slice(&count(row.summary.len()));
        out.extend_from_slice(&row.summary);
    }
    for id in contents.remains.iter().chain(&contents.releases) {
        out.extend_from_slice(&id.0.to_be_bytes());
    }
    out
}

/// Reads the opened content of an index. Total; work and memory are bounded by the octets given.
#[must_use]
pub fn decode(octets: Bytes) -> Option<Index> {
    let mut from = octets.as_ref();
    let (end, next_id) = (from.try_get_u64().ok()?, from.try_get_u64().ok()?);
    let mut count = || from.try_get_u32().ok().map(|count| count as usize);
    let (rows, remains, releases) = (count()?, count()?, count()?);
    if rows.checked_mul(ROW)?.checked_add(remains.checked_add(releases)?.checked_mul(8)?)? > from.len() {
        return None;
    }
    let mut index = Index { end, next_id, rows: Vec::with_capacity(rows), ..Index::default() };
    for _ in 0..rows {
        let at = u32::try_from(octets.len() - from.len()).ok()?;
        let id = RecordId(from.try_get_u64().ok()?);
        // Offset, length and kind are read with the row.
        from = from.get(ROW - 8 - 4..)?;
        let summary = from.try_get_u32().ok()? as usize;
        from = from.get(summary..)?;
        index.rows.push((id, at));
    }
    let mut ids = |count: usize| (0..count).map(|_| from.try_get_u64().ok().map(RecordId)).collect::<Option<Vec<_>>>();
    index.remains = ids(remains)?;
    index.releases = ids(releases)?;
    if !from.is_empty() {
        return None;
    }
    index.octets = octets;
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_reads_back_and_anything_else_is_none() {
        let row = |id, summary: &'static [u8]| Row { id: RecordId(id), offset: 64, length: 40, kind: Kind(2), summary: summary.into() };
        let contents = Contents {
            end: 4711,
            next_id: 12,
            rows: vec![row(3, b"first"), row(9, b"")],
            remains: vec![RecordId(4)],
            releases: vec![RecordId(4), RecordId(1)],
        };
        let read = |octets: Bytes| {
            let index = decode(octets)?;
            let rows = index.rows.iter().map(|(id, at)| index.row(*at).filter(|row| row.id == *id)).collect::<Option<_>>()?;
            Some(Contents { end: index.end, next_id: index.next_id, rows, remains: index.remains, releases: index.releases })
        };
        let octets: Bytes = encode(&contents).into();
        assert_eq!(read(octets.clone()), Some(contents));
        for cut in 0..octets.len() {
            assert_eq!(read(octets.slice(..cut)), None, "cut at {cut}");
        }
        let mut longer = octets.to_vec();
        longer.push(0);
        assert_eq!(read(longer.into()), None);
        let mut many = octets.to_vec();
        many[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(read(many.into()), None, "a count that can't be true costs nothing");
        assert_eq!(decode(octets).unwrap().row(u32::MAX), None, "no place of a row");
    }
}
