//! Finds the records of a segment's octets: a total, pure function, so that it can be fuzzed.
//!
//! What ends a segment is the committed end if somebody knows it, else the first record that is not whole
//! and that nothing proves to have been durable. A power cut leaves such a torn tail behind; it is normal
//! and no error. A broken record *before* a proven end is damage: it is reported with its place, and reading
//! goes on at the next good record, so that damage costs only what it hit.

use model::format::FormatError;

use crate::frame::{FRAME_LENGTH, Frame, RECORD_MAGIC, SEGMENT_HEADER_LENGTH, SegmentHeader, record_crc};

/// A good record, still sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Where its frame starts.
    pub offset: u64,
    /// Its id.
    pub id: u64,
    /// What it is.
    pub kind: u16,
    /// Up to where all was durable when it was written.
    pub group: u64,
    /// The sealed content.
    pub sealed: &'a [u8],
}

impl Record<'_> {
    /// Where the record behind it starts.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset + (FRAME_LENGTH + self.sealed.len()) as u64
    }
}

/// Octets that were durable once and are no records now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// First octet.
    pub from: u64,
    /// One past the last.
    pub to: u64,
}

/// All that a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<'a> {
    /// What it says of itself.
    pub header: SegmentHeader,
    /// Its good records, in order.
    pub records: Vec<Record<'a>>,
    /// Where its records end.
    pub end: u64,
    /// What is broken before that.
    pub damage: Vec<Damage>,
}

/// Why octets are no segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A power cut hit its making: there is nothing behind the header that could be a record.
    #[error("the segment was never finished")]
    Unfinished,
    /// Another format, damaged, or newer.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Finds the records in a whole segment file. `committed` is its durable end where the next segment names it.
///
/// Work is bounded by a small multiple of the file's size, whatever it holds.
///
/// # Errors
/// When the header says that this is no segment, or one that nothing was written to.
pub fn records(bytes: &[u8], committed: Option<u64>) -> Result<Scan<'_>, ReadError> {
    let header = match SegmentHeader::decode(bytes) {
        Ok(header) => header,
        Err(FormatError::Foreign(_)) if is_unfinished(bytes) => return Err(ReadError::Unfinished),
        Err(error) => return Err(error.into()),
    };
    let mut scanner = Scanner { bytes, salt: header.salt, work: bytes.len().saturating_mul(4) };
    let limit = committed.unwrap_or(u64::MAX);
    let mut scan = Scan { header, records: Vec::new(), end: SEGMENT_HEADER_LENGTH as u64, damage: Vec::new() };
    while scan.end < limit {
        if let Some(record) = scanner.record_at(scan.end).filter(|record| record.end() <= limit) {
            scan.end = record.end();
            scan.records.push(record);
            continue;
        }
        let Some(next) = scanner.resume(scan.end, committed) else { break };
        scan.damage.push(Damage { from: scan.end, to: next });
        scan.end = next;
    }
    Ok(scan)
}

/// True if no record can be in there: a header is synced before the first record is written.
fn is_unfinished(bytes: &[u8]) -> bool {
    bytes.get(SEGMENT_HEADER_LENGTH..).is_none_or(|rest| rest.iter().all(|octet| *octet == 0))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    salt: [u8; 16],
    /// Octets that may still be hashed while searching.
    work: usize,
}

impl<'a> Scanner<'a> {
    fn record_at(&self, offset: u64) -> Option<Record<'a>> {
        let start = usize::try_from(offset).ok()?;
        let head = self.bytes.get(start..start.checked_add(FRAME_LENGTH)?)?;
        let (frame, crc) = Frame::decode(head)?;
        let content = start.checked_add(FRAME_LENGTH)?;
        let sealed = self.bytes.get(content..content.checked_add(usize::try_from(frame.length).ok()?)?)?;
        let covered = head.get(..FRAME_LENGTH - 4)?;
        let good = frame.group <= offset && record_crc(&self.salt, covered, sealed) == crc;
        good.then_some(Record { offset, id: frame.id, kind: frame.kind, group: frame.group, sealed })
    }

    /// Where reading goes on after broken octets at `broken`, if those were durable; `None` at a torn tail.
    fn resume(&mut self, broken: u64, committed: Option<u64>) -> Option<u64> {
        let mut search = broken + 1;
        let mut first = None;
        while let Some(record) = self.next_good(search) {
            if committed.is_some_and(|end| record.end() > end) {
                break;
            }
            let start = *first.get_or_insert(record.offset);
            if committed.is_some() || record.group > broken {
                return Some(start);
            }
            search = record.end();
        }
        committed
    }

    fn next_good(&mut self, from: u64) -> Option<Record<'a>> {
        let mut at = usize::try_from(from).ok()?;
        loop {
            let found = find(self.bytes.get(at..)?, &RECORD_MAGIC)?;
            at += found;
            let (frame, _) = match self.bytes.get(at..).and_then(Frame::decode) {
                Some(frame) => frame,
                None => {
                    at += 1;
                    continue;
                }
            };
            self.work = self.work.checked_sub(FRAME_LENGTH + (frame.length as usize).min(self.bytes.len()))?;
            if let Some(record) = self.record_at(at as u64) {
                return Some(record);
            }
            at += 1;
        }
    }
}

fn find(haystack: &[u8], needle: &[u8; 4]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests;
