//! ZIP without some members: their local parts and their records are cut out, offsets are set anew.
//!
//! All other octets stay: compressed content, times, extra fields, comments, and what stands before the archive. What lies
//! between members and belongs to none goes with the member before it.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use bytes::Bytes;

use super::Change;
use crate::archive::zip::{CENTRAL, Directory, END, LOCAL, Member};
use crate::octets::{size_16, slice};

/// `None` if it can't be written so that every reader reads the same: 64-bit forms, no directory, members that overlap.
pub(super) fn without(content: &Bytes, directory: &Directory, changes: &BTreeMap<usize, Change>) -> Option<Bytes> {
    let end = directory.end.filter(|_| !directory.large && !directory.central.is_empty())?;
    // Members that the directory does not name go too, whatever they are: who reads what stays reads the directory.
    let mut order: Vec<(usize, &Member)> = directory.entries.iter().enumerate().filter(|(_, member)| member.record.is_some()).collect();
    order.sort_by_key(|(_, member)| member.local);
    // What lies before the archive stays, unless a member is hidden there.
    let before = directory.shift.min(order.first().map_or(directory.central.start, |(_, member)| member.local));
    if directory.entries.iter().any(|member| member.record.is_none() && member.local < before) {
        return None;
    }
    let mut out = slice(content, 0..before).to_vec();
    let mut records: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for (number, (place, member)) in order.iter().enumerate() {
        let next = order.get(number + 1).map_or(directory.central.start, |(_, next)| next.local);
        if member.data.end > next {
            return None;
        }
        let offset = out.len() - directory.shift;
        let record = slice(content, member.record.clone().unwrap_or_default());
        match changes.get(place) {
            Some(Change::Gone) => continue,
            Some(Change::Content(new)) => {
                let written = Written::new(new)?;
                out.extend(written.local(content, member)?);
                records.insert(*place, written.record(record, offset)?);
            }
            None => {
                out.extend_from_slice(slice(content, member.local..own_end(content, member, next)));
                records.insert(*place, patched(record, &[(42, &u32::try_from(offset).ok()?.to_le_bytes())])?);
            }
        }
    }
    finish(content, directory, end, out, records)
}

fn finish(content: &Bytes, directory: &Directory, end: usize, mut out: Vec<u8>, records: BTreeMap<usize, Vec<u8>>) -> Option<Bytes> {
    let start = out.len();
    let count = u16::try_from(records.len()).ok()?;
    out.extend(records.into_values().flatten());
    let size = u32::try_from(out.len() - start).ok()?;
    let offset = u32::try_from(start - directory.shift).ok()?;
    let comment = size_16(content, end + 20)?;
    let last = slice(content, end..(end + END + comment).min(content.len()));
    let count = count.to_le_bytes();
    out.extend(patched(last, &[(8, &count), (10, &count), (12, &size.to_le_bytes()), (16, &offset.to_le_bytes())])?);
    Some(out.into())
}

/// Where a member's own octets end: behind its data, and behind the descriptor if it has one.
fn own_end(content: &[u8], member: &Member, next: usize) -> usize {
    if member.flags & 0x0008 == 0 {
        return member.data.end;
    }
    let signed = slice(content, member.data.end..next).starts_with(b"PK\x07\x08");
    (member.data.end + if signed { 16 } else { 12 }).min(next)
}

/// A new content, compressed, with the fields that speak of it.
struct Written {
    packed: Vec<u8>,
    /// Checksum, packed size, size: as they stand one behind the other in both headers.
    sizes: [u8; 12],
}

impl Written {
    fn new(content: &[u8]) -> Option<Self> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).ok()?;
        let packed = encoder.finish().ok()?;
        let mut sizes = [0; 12];
        let numbers = [crc32fast::hash(content), u32::try_from(packed.len()).ok()?, u32::try_from(content.len()).ok()?];
        for (field, number) in sizes.chunks_exact_mut(4).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        Some(Self { packed, sizes })
    }

    fn local(&self, content: &[u8], member: &Member) -> Option<Vec<u8>> {
        let header = Range { start: member.local, end: member.data.start };
        let mut local = patched(slice(content, header), &[(6, &flags(member)), (8, &8u16.to_le_bytes()), (14, &self.sizes)])?;
        if local.len() < LOCAL {
            return None;
        }
        local.extend_from_slice(&self.packed);
        Some(local)
    }

    fn record(&self, record: &[u8], offset: usize) -> Option<Vec<u8>> {
        let flags = size_16(record, 8).and_then(|flags| u16::try_from(flags & !0x0008).ok())?;
        let offset = u32::try_from(offset).ok()?.to_le_bytes();
        let new = patched(record, &[(8, &flags.to_le_bytes()), (10, &8u16.to_le_bytes()), (16, &self.sizes), (42, &offset)])?;
        (new.len() >= CENTRAL).then_some(new)
    }
}

/// Without the descriptor: the sizes are known.
fn flags(member: &Member) -> [u8; 2] {
    (member.flags & !0x0008).to_le_bytes()
}

fn patched(octets: &[u8], patches: &[(usize, &[u8])]) -> Option<Vec<u8>> {
    let mut new = octets.to_vec();
    for (at, patch) in patches {
        new.get_mut(*at..at + patch.len())?.copy_from_slice(patch);
    }
    Some(new)
}
