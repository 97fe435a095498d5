//! ARJ: headers, and members that are stored.

use bytes::Bytes;
use model::Exhausted;

use super::{Data, Entry, Listed, Visitor};
use crate::octets::{at as begins, byte, name, size_16, size_32, slice, u32_le};

const GARBLED: u8 = 0x01;

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (mut at, mut place, mut first) = (0, 0, true);
    while begins(content, at, b"\x60\xea") {
        let size = size_16(content, at + 2).unwrap_or(0);
        if size == 0 {
            return Ok(Listed::WHOLE);
        }
        let header = slice(content, at + 4..at + 4 + size);
        let Some(data) = behind_extensions(content, at + 4 + size + 4) else { return Ok(Listed::DAMAGED) };
        at = data;
        if std::mem::take(&mut first) {
            continue;
        }
        let (Some(start), Some(flags), Some(method)) = (byte(header, 0), byte(header, 4), byte(header, 5)) else {
            return Ok(Listed::DAMAGED);
        };
        let packed = size_32(header, 12).unwrap_or(0);
        let closed = flags & GARBLED != 0;
        let title = name(slice(header, usize::from(start)..header.len()));
        let mut entry = Entry::listed(title, closed, u64::from(u32_le(header, 16).unwrap_or(0)), packed);
        let Some(end) = data.checked_add(packed).filter(|end| *end <= content.len()) else {
            visit(place, entry)?;
            return Ok(Listed::DAMAGED);
        };
        if method == 0 && !closed {
            entry.data = Data::Slice(content.slice(data..end));
        }
        visit(place, entry)?;
        place += 1;
        at = end;
    }
    Ok(Listed::DAMAGED)
}

/// Extended headers: size, octets, checksum; a size of 0 ends them.
fn behind_extensions(content: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match size_16(content, at)? {
            0 => return Some(at + 2),
            size => at += 2 + size + 4,
        }
    }
}
