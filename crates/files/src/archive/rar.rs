//! RAR 4 and 5: headers, and members that are stored. The compression has no free reader.

use bytes::Bytes;
use model::Exhausted;

use super::{Data, Entry, Listed, Visitor};
use crate::octets::{byte, name, slice, u16_le, u32_le};

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    if byte(content, 6) == Some(1) { five::each(content, visit) } else { four(content, visit) }
}

/// Flags of RAR 4 headers.
const HEADERS_CLOSED: u16 = 0x0080;
const CLOSED: u16 = 0x0004;
const LARGE: u16 = 0x0100;
const HAS_DATA: u16 = 0x8000;
const DIRECTORY: u16 = 0x00e0;

fn four(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (mut at, mut place) = (7, 0);
    while let (Some(kind), Some(flags), Some(size)) = (byte(content, at + 2), u16_le(content, at + 3), u16_le(content, at + 5)) {
        let size = usize::from(size);
        if size < 7 || at + size > content.len() {
            return Ok(Listed::DAMAGED);
        }
        let number = |offset: usize| u64::from(u32_le(content, at + offset).unwrap_or(0));
        let file = kind == 0x74;
        let large = file && flags & LARGE != 0;
        let packed = if file || flags & HAS_DATA != 0 { number(7) + if large { number(32) << 32 } else { 0 } } else { 0 };
        let packed = usize::try_from(packed).unwrap_or(usize::MAX);
        match kind {
            0x73 if flags & HEADERS_CLOSED != 0 => return Ok(Listed::CLOSED),
            0x7b => return Ok(Listed::WHOLE),
            0x74 if flags & DIRECTORY != DIRECTORY => {
                let unpacked = number(11) + if large { number(36) << 32 } else { 0 };
                let start = at + if large { 40 } else { 32 };
                let length = usize::from(u16_le(content, at + 26).unwrap_or(0));
                let closed = flags & CLOSED != 0;
                let mut entry = Entry::listed(name(slice(content, start..start + length)), closed, unpacked, packed);
                let end = (at + size).checked_add(packed).filter(|end| *end <= content.len());
                if let (Some(0x30), false, Some(end)) = (byte(content, at + 25), closed, end) {
                    entry.data = Data::Slice(content.slice(at + size..end));
                }
                visit(place, entry)?;
                place += 1;
            }
            _ => {}
        }
        at = (at + size).saturating_add(packed);
    }
    Ok(Listed::whole(at == content.len()))
}

mod five {
    //! RAR 5: numbers of variable length, extra areas with records.

    use super::{Bytes, Data, Entry, Exhausted, Listed, Visitor, name, slice};

    pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
        let (mut at, mut place) = (8, 0);
        while at < content.len() {
            let Some(block) = Block::at(content, at) else { return Ok(Listed::DAMAGED) };
            match block.kind {
                4 => return Ok(Listed::CLOSED),
                5 => return Ok(Listed::WHOLE),
                2 => {
                    let Some(entry) = file(content, &block) else { return Ok(Listed::DAMAGED) };
                    if let Some(entry) = entry {
                        visit(place, entry)?;
                        place += 1;
                    }
                }
                _ => {}
            }
            at = block.data.saturating_add(block.packed);
        }
        Ok(Listed::DAMAGED)
    }

    struct Block {
        kind: u64,
        fields: usize,
        extra: std::ops::Range<usize>,
        data: usize,
        packed: usize,
    }

    impl Block {
        fn at(content: &[u8], at: usize) -> Option<Self> {
            let mut cursor = Cursor { content, at: at + 4 };
            let size = cursor.size()?;
            let data = cursor.at.checked_add(size).filter(|end| *end <= content.len())?;
            let (kind, flags) = (cursor.number()?, cursor.number()?);
            let extra = if flags & 1 != 0 { cursor.size()? } else { 0 };
            let packed = if flags & 2 != 0 { cursor.size()? } else { 0 };
            (size > 0).then_some(Self { kind, fields: cursor.at, extra: data.saturating_sub(extra)..data, data, packed })
        }
    }

    /// A file; `Some(None)` for a directory.
    fn file<'a>(content: &Bytes, block: &Block) -> Option<Option<Entry<'a>>> {
        let mut cursor = Cursor { content, at: block.fields };
        let (flags, unpacked, _attributes) = (cursor.number()?, cursor.number()?, cursor.number()?);
        cursor.at += if flags & 2 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 };
        let (method, _system, length) = (cursor.number()?, cursor.number()?, cursor.size()?);
        let title = name(slice(content, cursor.at..cursor.at.checked_add(length)?));
        if flags & 1 != 0 {
            return Some(None);
        }
        let closed = has_encryption(content, block);
        let mut entry = Entry::listed(title, closed, unpacked, block.packed);
        let end = block.data.checked_add(block.packed).filter(|end| *end <= content.len());
        if let (0, false, Some(end)) = (method >> 7 & 7, closed, end) {
            entry.data = Data::Slice(content.slice(block.data..end));
        }
        Some(Some(entry))
    }

    fn has_encryption(content: &[u8], block: &Block) -> bool {
        let mut cursor = Cursor { content, at: block.extra.start };
        while cursor.at < block.extra.end {
            let Some(size) = cursor.size() else { return false };
            let next = cursor.at.saturating_add(size);
            match cursor.number() {
                Some(1) => return true,
                Some(_) if size > 0 => cursor.at = next,
                _ => return false,
            }
        }
        false
    }

    struct Cursor<'a> {
        content: &'a [u8],
        at: usize,
    }

    impl Cursor<'_> {
        /// Seven bits an octet, lowest first, at most ten octets.
        fn number(&mut self) -> Option<u64> {
            let mut value = 0u64;
            for step in 0..10 {
                let byte = *self.content.get(self.at)?;
                self.at += 1;
                value |= u64::from(byte & 0x7f).checked_shl(7 * step)?;
                if byte & 0x80 == 0 {
                    return Some(value);
                }
            }
            None
        }

        fn size(&mut self) -> Option<usize> {
            self.number().and_then(|number| usize::try_from(number).ok())
        }
    }
}
