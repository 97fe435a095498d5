//! ACE: headers only (the format's compression has no free reader).

use bytes::Bytes;
use model::Exhausted;

use super::{Data, Entry, Listed, Visitor};
use crate::octets::{byte, name, size_16, size_32, slice, u16_le, u32_le};

const HAS_DATA: u16 = 0x0001;
const PASSWORD: u16 = 0x4000;

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (mut at, mut place) = (0, 0);
    while let (Some(size), Some(kind), Some(flags)) = (size_16(content, at + 2), byte(content, at + 4), u16_le(content, at + 5)) {
        let packed = if flags & HAS_DATA != 0 { size_32(content, at + 7).unwrap_or(0) } else { 0 };
        let data = at + 4 + size;
        if size < 3 || data > content.len() {
            return Ok(Listed::DAMAGED);
        }
        if kind == 1 {
            let length = size_16(content, at + 33).unwrap_or(0);
            let (closed, stored) = (flags & PASSWORD != 0, byte(content, at + 27) == Some(0));
            let mut entry = Entry::listed(
                name(slice(content, at + 35..at + 35 + length)),
                closed,
                u64::from(u32_le(content, at + 11).unwrap_or(0)),
                packed,
            );
            if stored && !closed && data + packed <= content.len() {
                entry.data = Data::Slice(content.slice(data..data + packed));
            }
            visit(place, entry)?;
            place += 1;
        }
        at = data.saturating_add(packed);
    }
    Ok(Listed::whole(at == content.len()))
}
