//! tar, by the crate of that name.

use std::ops::Range;

use bytes::Bytes;
use model::Exhausted;

use super::{Entry, Listed, Visitor};
use crate::octets::name;

/// One member: where its headers and its content lie.
pub(crate) struct Place {
    /// All blocks of it, long names and padding included.
    pub(crate) blocks: Range<usize>,
    /// Its last header.
    pub(crate) header: usize,
    /// Its content as stored.
    pub(crate) content: Range<usize>,
    /// As written.
    pub(crate) name: Option<String>,
}

/// The files of an archive in their order, and whether it could be read to its end. Links and directories are none.
pub(crate) fn files(content: &[u8]) -> (Vec<Place>, bool) {
    let mut archive = ::tar::Archive::new(content);
    archive.set_ignore_zeros(true);
    let Ok(entries) = archive.entries() else { return (Vec::new(), false) };
    let (mut found, mut whole, mut before) = (Vec::new(), true, 0);
    for entry in entries {
        let Ok(entry) = entry else {
            whole = false;
            break;
        };
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let stored = entry.header().entry_size().ok().and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let end = start.saturating_add(stored).min(content.len());
        let blocks = before..start.saturating_add(stored).checked_next_multiple_of(512).unwrap_or(usize::MAX).min(content.len());
        before = blocks.end;
        let kind = entry.header().entry_type();
        let sparse = kind.is_gnu_sparse();
        if kind.is_file() || kind.is_contiguous() || sparse {
            let header = usize::try_from(entry.raw_header_position()).unwrap_or(usize::MAX);
            found.push(Place { blocks, header, content: start.min(end)..end, name: name(&entry.path_bytes()) });
        }
    }
    (found, whole)
}

pub(super) fn each(content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (found, whole) = files(content);
    for (place, file) in found.into_iter().enumerate() {
        visit(place, Entry::stored(file.name, content.slice(file.content)))?;
    }
    Ok(Listed::whole(whole))
}
