//! LHA and LHarc: headers of level 0, 1 and 2, and members that are stored.

use bytes::Bytes;
use model::Exhausted;

use super::{Data, Entry, Listed, Visitor};
use crate::octets::{byte, name, size_16, size_32, slice, u32_le};

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (mut at, mut place) = (0, 0);
    loop {
        // A size of 0 ends the archive.
        if matches!(byte(content, at), None | Some(0)) && byte(content, at + 20) != Some(2) {
            return Ok(Listed::whole(byte(content, at).is_some()));
        }
        let Some(header) = Header::at(content, at) else { return Ok(Listed::DAMAGED) };
        let Some(end) = header.data.checked_add(header.packed).filter(|end| *end <= content.len()) else {
            visit(place, Entry::listed(header.name, false, header.size, header.packed))?;
            return Ok(Listed::DAMAGED);
        };
        if !header.is_directory {
            let mut entry = Entry::listed(header.name, false, header.size, header.packed);
            if header.is_stored {
                entry.data = Data::Slice(content.slice(header.data..end));
            }
            visit(place, entry)?;
            place += 1;
        }
        at = end;
    }
}

struct Header {
    name: Option<String>,
    size: u64,
    packed: usize,
    data: usize,
    is_stored: bool,
    is_directory: bool,
}

impl Header {
    fn at(content: &[u8], at: usize) -> Option<Self> {
        let method = content.get(at + 2..at + 7)?;
        let (packed, size, level) = (size_32(content, at + 7)?, u64::from(u32_le(content, at + 11)?), byte(content, at + 20)?);
        if !(method.starts_with(b"-") && method.ends_with(b"-")) {
            return None;
        }
        let (own, data, packed) = match level {
            0 | 1 => {
                let length = usize::from(byte(content, at + 21)?);
                let base = at + 2 + usize::from(byte(content, at)?);
                let (behind, extended) = if level == 1 { extensions(content, base - 2, base)? } else { (base, None) };
                let own = extended.or_else(|| name(slice(content, at + 22..at + 22 + length)));
                // At level 1 extended headers count as packed octets.
                (own, behind, packed.checked_sub(behind - base)?)
            }
            2 => (extensions(content, at + 24, at + 26)?.1, at + size_16(content, at)?, packed),
            _ => return None,
        };
        let is_stored = matches!(method, b"-lh0-" | b"-lz4-" | b"-pm0-");
        (data > at).then_some(Self { name: own, size, packed, data, is_stored, is_directory: method == b"-lhd-" })
    }
}

/// Extended headers: each begins with the size of its own, which stands at the end of the one before. Gives where they
/// end, and the name if one of them has it.
fn extensions(content: &[u8], size_at: usize, start: usize) -> Option<(usize, Option<String>)> {
    let (mut size_at, mut at, mut own) = (size_at, start, None);
    loop {
        let size = size_16(content, size_at)?;
        if size == 0 {
            return Some((at, own));
        }
        let header = content.get(at..at + size)?;
        if size < 3 {
            return None;
        }
        if header.first() == Some(&1) {
            own = name(slice(header, 1..size - 2));
        }
        at += size;
        size_at = at - 2;
    }
}
