//! The octets of a segment: its header and the frame around each record.
//!
//! ```text
//! segment  8 format header · 8 number · 16 salt · 8 predecessor · 8 predecessor's end · 8 next id · 4 zero · 4 CRC
//! record   4 "SGrc" · 4 length · 8 id · 8 group · 2 kind · 2 zero · 4 CRC · length sealed octets
//! ```
//! Numbers are big-endian. A record's CRC covers the segment's salt, the frame before it and the sealed
//! octets. *Group* is the offset up to which the segment was synced when this record was written: one good
//! record proves by it that all before it was durable, so that a reader can tell damage from a torn tail.
//! *Predecessor's end* proves the same for the segment before, and cuts off what was written there without
//! having been said durable.

use model::format::{Format, FormatError, HEADER_LENGTH};

/// The format of a segment file.
pub(crate) const SEGMENT: Format = Format { magic: *b"SGsg", version: 1, name: "queue segment" };
/// Octets before a segment's first record.
pub const SEGMENT_HEADER_LENGTH: usize = 64;
/// Octets before a record's sealed content.
pub const FRAME_LENGTH: usize = 32;
/// What each record starts with.
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"SGrc";

/// What a segment says of itself and of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its number; also its file name.
    pub number: u64,
    /// Random; ties records to this file.
    pub salt: [u8; 16],
    /// The segment that was active before; 0 if there was none.
    pub previous: u64,
    /// Up to where that one was durable.
    pub previous_end: u64,
    /// No record id from here on was used before this segment.
    pub next_id: u64,
}

impl SegmentHeader {
    /// The octets to write first.
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_LENGTH] {
        let mut out = Vec::with_capacity(SEGMENT_HEADER_LENGTH);
        out.extend_from_slice(&SEGMENT.header());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.salt);
        for value in [self.previous, self.previous_end, self.next_id] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&[0; 4]);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        out.try_into().unwrap_or([0; SEGMENT_HEADER_LENGTH])
    }

    /// Reads the header of a segment.
    ///
    /// # Errors
    /// Foreign (also when the CRC is wrong), or newer than this program.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let (_, _) = SEGMENT.read(bytes)?;
        let foreign = || FormatError::Foreign(SEGMENT.name);
        let header = bytes.get(..SEGMENT_HEADER_LENGTH).ok_or_else(foreign)?;
        let mut at = Cursor { rest: header.get(HEADER_LENGTH..).ok_or_else(foreign)? };
        let read = (|| {
            let number = at.u64()?;
            let salt = at.take::<16>()?;
            let decoded = Self { number, salt, previous: at.u64()?, previous_end: at.u64()?, next_id: at.u64()? };
            let _zero = at.take::<4>()?;
            Some((decoded, at.u32()?))
        })();
        let (decoded, crc) = read.ok_or_else(foreign)?;
        let covered = header.get(..SEGMENT_HEADER_LENGTH - 4).ok_or_else(foreign)?;
        if crc32fast::hash(covered) == crc { Ok(decoded) } else { Err(foreign()) }
    }
}

/// The frame of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Sealed octets that follow.
    pub(crate) length: u32,
    /// The record's id, from 1.
    pub(crate) id: u64,
    /// Offset up to which all was synced before this write.
    pub(crate) group: u64,
    /// What it is.
    pub(crate) kind: u16,
}

impl Frame {
    /// The frame without its CRC: also what the seal authenticates.
    pub(crate) fn head(&self) -> [u8; FRAME_LENGTH - 4] {
        let mut out = Vec::with_capacity(FRAME_LENGTH);
        out.extend_from_slice(&RECORD_MAGIC);
        out.extend_from_slice(&self.length.to_be_bytes());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.group.to_be_bytes());
        out.extend_from_slice(&self.kind.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.try_into().unwrap_or([0; FRAME_LENGTH - 4])
    }

    /// Reads a frame and its stored CRC; `None` if these octets can't start a record.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, u32)> {
        let mut at = Cursor { rest: bytes };
        if at.take::<4>()? != RECORD_MAGIC {
            return None;
        }
        let length = at.u32()?;
        let frame = Self { length, id: at.u64()?, group: at.u64()?, kind: u16::from_be_bytes(at.take()?) };
        let zero = at.take::<2>()?;
        let crc = at.u32()?;
        (zero == [0; 2] && frame.id > 0).then_some((frame, crc))
    }
}

/// The CRC of a record.
pub(crate) fn record_crc(salt: &[u8; 16], head: &[u8], sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(salt);
    hasher.update(head);
    hasher.update(sealed);
    hasher.finalize()
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_frames_read_back() {
        let header = SegmentHeader { number: 7, salt: [9; 16], previous: 6, previous_end: 4711, next_id: 12 };
        let octets = header.encode();
        assert_eq!(SegmentHeader::decode(&octets), Ok(header));
        for bit in 0..octets.len() * 8 {
            let mut flipped = octets;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&flipped).is_err(), "bit {bit}");
        }
        let frame = Frame { length: 5, id: 3, group: 64, kind: 2 };
        let mut octets = frame.head().to_vec();
        octets.extend_from_slice(&77_u32.to_be_bytes());
        assert_eq!(octets.len(), FRAME_LENGTH);
        assert_eq!(Frame::decode(&octets), Some((frame, 77)));
    }
}
