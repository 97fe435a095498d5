//! MAPI properties in a TNEF attribute (MS-OXTNEF §2.1.3.4, MS-OXCDATA §2.11).
//!
//! A count, then properties: type, id, for named ones their name, then the values, each padded to four octets. Only
//! ranges are noted. A list that says more than there is ends early and is not whole.

use std::ops::Range;

use model::{Budget, Exhausted};

use super::{u16_at, u32_at};

/// Types of values that are read.
pub(super) const OBJECT: u16 = 0x000d;
pub(super) const STRING: u16 = 0x001e;
pub(super) const UNICODE: u16 = 0x001f;
const BINARY: u16 = 0x0102;
const SEVERAL: u16 = 0x1000;

/// Ids of properties that are read (MS-OXPROPS).
pub(super) const BODY_HTML: u16 = 0x1013;
pub(super) const RTF_COMPRESSED: u16 = 0x1009;
pub(super) const DISPLAY_NAME: u16 = 0x3001;
pub(super) const ATTACH_DATA: u16 = 0x3701;
pub(super) const NAME: u16 = 0x3704;
pub(super) const LONG_NAME: u16 = 0x3707;
pub(super) const MIME_TAG: u16 = 0x370e;

/// From here on ids are of named properties.
const NAMED: u16 = 0x8000;

/// One property; of several values the first.
pub(super) struct Property {
    pub(super) id: u16,
    pub(super) kind: u16,
    pub(super) value: Range<usize>,
}

/// The properties of one attribute, and whether the list is whole.
pub(super) fn read(stream: &[u8], range: Range<usize>, budget: &Budget) -> Result<(Vec<Property>, bool), Exhausted> {
    let mut cursor = Cursor { stream, at: range.start, end: range.end.min(stream.len()) };
    let mut found = Vec::new();
    let Some(count) = cursor.long() else { return Ok((found, false)) };
    for _ in 0..count {
        budget.part()?;
        match cursor.property(budget)? {
            Some(property) => found.push(property),
            None => return Ok((found, false)),
        }
    }
    Ok((found, true))
}

struct Cursor<'a> {
    stream: &'a [u8],
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    fn property(&mut self, budget: &Budget) -> Result<Option<Property>, Exhausted> {
        let Some((kind, id)) = self.head() else { return Ok(None) };
        let single = kind & !SEVERAL;
        let variable = matches!(single, OBJECT | STRING | UNICODE | BINARY);
        let count = if variable || kind & SEVERAL != 0 {
            let Some(count) = self.long() else { return Ok(None) };
            count
        } else {
            1
        };
        let mut first = None;
        for _ in 0..count {
            budget.part()?;
            let size = match fixed(single) {
                _ if variable => self.long().and_then(|size| usize::try_from(size).ok()),
                size => size,
            };
            // Values without octets could be many in nothing.
            let Some(value) = size.filter(|size| variable || *size > 0 || count == 1).and_then(|size| self.take(size)) else {
                return Ok(None);
            };
            first.get_or_insert(value);
        }
        Ok(Some(Property { id, kind: single, value: first.unwrap_or(self.at..self.at) }))
    }

    /// Type and id; the name of a named property is passed over.
    fn head(&mut self) -> Option<(u16, u16)> {
        let head = self.take(4)?;
        let (kind, id) = (u16_at(self.stream, head.start)?, u16_at(self.stream, head.start + 2)?);
        if id >= NAMED {
            self.take(16)?;
            match self.long()? {
                0 => self.long().map(drop)?,
                _ => {
                    let length = usize::try_from(self.long()?).ok()?;
                    self.take(length).map(drop)?;
                }
            }
        }
        Some((kind, id))
    }

    fn long(&mut self) -> Option<u32> {
        let range = self.take(4)?;
        u32_at(self.stream, range.start)
    }

    /// The next octets, and past their padding; the last value may lack its padding.
    fn take(&mut self, size: usize) -> Option<Range<usize>> {
        let end = self.at.checked_add(size).filter(|end| *end <= self.end)?;
        let range = self.at..end;
        self.at = end.checked_add((4 - size % 4) % 4)?.min(self.end);
        Some(range)
    }
}

/// Octets of a value whose size its type tells; `None` for types that there are not.
const fn fixed(kind: u16) -> Option<usize> {
    match kind {
        0x0001 => Some(0),
        0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        _ => None,
    }
}
