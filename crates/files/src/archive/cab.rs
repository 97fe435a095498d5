//! Microsoft cabinets: the list of files (MS-CAB §2). Their content is listed only.

use bytes::Bytes;
use model::Exhausted;

use super::{Entry, Listed, Visitor};
use crate::octets::{name, size_16, size_32, slice, u32_le};

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (Some(mut at), Some(count)) = (size_32(content, 16), size_16(content, 28)) else { return Ok(Listed::DAMAGED) };
    for place in 0..count {
        // CFFILE: size, offset, folder, date, time, attributes, then the name up to NUL.
        let title = slice(content, at.saturating_add(16)..content.len());
        let Some(length) = memchr::memchr(0, title) else { return Ok(Listed::DAMAGED) };
        let size = u32_le(content, at).unwrap_or(0);
        visit(place, Entry::listed(name(slice(title, 0..length)), false, u64::from(size), 0))?;
        at += 16 + length + 1;
    }
    Ok(Listed::WHOLE)
}
