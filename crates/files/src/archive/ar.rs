//! Unix `ar`: Debian packages are one.

use bytes::Bytes;
use model::Exhausted;

use super::{Entry, Listed, Visitor};
use crate::octets::{name, slice};

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (mut at, mut place) = (8, 0);
    while let Some(header) = content.get(at..at + 60) {
        let size = String::from_utf8_lossy(slice(header, 48..58)).trim().parse::<usize>().ok();
        let Some(end) = size.and_then(|size| (at + 60).checked_add(size)).filter(|end| header.ends_with(b"`\n") && *end <= content.len())
        else {
            return Ok(Listed::DAMAGED);
        };
        let title = slice(header, 0..16).trim_ascii_end();
        visit(place, Entry::stored(name(title.strip_suffix(b"/").unwrap_or(title)), content.slice(at + 60..end)))?;
        place += 1;
        at = end + end % 2;
    }
    Ok(Listed::whole(at >= content.len()))
}
