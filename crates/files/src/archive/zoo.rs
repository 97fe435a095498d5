//! ZOO: directory entries, and members that are stored.

use bytes::Bytes;
use model::Exhausted;

use super::{Data, Entry, Listed, Visitor};
use crate::octets::{byte, name, size_32, slice, u32_le};

const TAG: u32 = 0xfdc4_a7dc;

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let Some(mut at) = size_32(content, 24) else { return Ok(Listed::DAMAGED) };
    let mut place = 0;
    while u32_le(content, at) == Some(TAG) {
        let (Some(next), Some(data), Some(packed)) = (size_32(content, at + 6), size_32(content, at + 10), size_32(content, at + 24))
        else {
            return Ok(Listed::DAMAGED);
        };
        if next == 0 {
            return Ok(Listed::WHOLE);
        }
        if byte(content, at + 30) != Some(1) {
            let long = usize::from(byte(content, at + 56).unwrap_or(0));
            let long_name = (byte(content, at + 4) == Some(2) && long > 0).then(|| name(slice(content, at + 58..at + 58 + long))).flatten();
            let title = long_name.or_else(|| name(slice(content, at + 38..at + 51)));
            let mut entry = Entry::listed(title, false, u64::from(u32_le(content, at + 20).unwrap_or(0)), packed);
            let end = data.checked_add(packed).filter(|end| *end <= content.len());
            if let (Some(0), Some(end)) = (byte(content, at + 5), end) {
                entry.data = Data::Slice(content.slice(data..end));
            }
            visit(place, entry)?;
            place += 1;
        }
        // Entries stand one behind the other; one that points back would never end.
        if next <= at {
            return Ok(Listed::DAMAGED);
        }
        at = next;
    }
    Ok(Listed::DAMAGED)
}
