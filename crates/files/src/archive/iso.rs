//! ISO 9660 images: files by the primary or Joliet tree (ECMA-119 §8.4, §9.1).
//!
//! The Joliet tree, if there is one, has the names that Windows shows. Directories are walked breadth first; one that
//! was seen is not walked again, so a loop ends.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use model::{Budget, Exhausted};

use super::{Entry, Listed, Visitor};
use crate::octets::{at as begins, byte, size_32, slice};

const SECTOR: usize = 2_048;

pub(super) fn each(content: &Bytes, budget: &Budget, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let descriptors = (16..64).map(|sector| slice(content, sector * SECTOR..(sector + 1) * SECTOR));
    let (mut primary, mut joliet) = (None, None);
    for descriptor in descriptors.take_while(|descriptor| begins(descriptor, 1, b"CD001") && byte(descriptor, 0) != Some(255)) {
        match byte(descriptor, 0) {
            Some(1) => primary = primary.or(Some(descriptor)),
            // Level 1 to 3 of UCS-2: `%/@`, `%/C`, `%/E`.
            Some(2) if begins(descriptor, 88, b"%/") => joliet = joliet.or(Some(descriptor)),
            _ => {}
        }
    }
    let wide = joliet.is_some();
    let Some(root) = joliet.or(primary).and_then(|descriptor| extent(slice(descriptor, 156..190))) else { return Ok(Listed::DAMAGED) };
    let (mut open, mut seen, mut place, mut whole) = (VecDeque::from([root]), HashSet::new(), 0, true);
    while let Some((start, size)) = open.pop_front() {
        budget.time()?;
        if !seen.insert(start) {
            continue;
        }
        whole &= start.saturating_add(size) <= content.len();
        let directory = slice(content, start.min(content.len())..start.saturating_add(size).min(content.len()));
        for record in records(directory) {
            budget.part()?;
            let Some((from, length)) = extent(record) else { continue };
            let title = slice(record, 33..33 + usize::from(byte(record, 32).unwrap_or(0)));
            // The first two records are the directory itself and the one above.
            if title.len() <= 1 && title.first().is_none_or(|name| *name <= 1) {
                continue;
            }
            if byte(record, 25).unwrap_or(0) & 2 != 0 {
                open.push_back((from, length));
                continue;
            }
            let end = from.saturating_add(length).min(content.len());
            whole &= from.saturating_add(length) <= content.len();
            visit(place, Entry::stored(label(title, wide), content.slice(from.min(end)..end)))?;
            place += 1;
        }
    }
    Ok(Listed::whole(whole))
}

/// Where a record's file or directory lies, and its octets.
fn extent(record: &[u8]) -> Option<(usize, usize)> {
    Some((size_32(record, 2)?.checked_mul(SECTOR)?, size_32(record, 10)?))
}

/// Records of a directory; none crosses a sector.
fn records(directory: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            match byte(directory, at)? {
                0 => at = (at / SECTOR + 1) * SECTOR,
                length => {
                    let record = directory.get(at..at + usize::from(length))?;
                    at += usize::from(length);
                    return Some(record);
                }
            }
        }
    })
}

/// The name without its version (`;1`).
fn label(title: &[u8], wide: bool) -> Option<String> {
    let text = if wide {
        let units = title.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(title).into_owned()
    };
    let name = message::text::plain(text.split(';').next().unwrap_or_default());
    (!name.is_empty()).then_some(name)
}
