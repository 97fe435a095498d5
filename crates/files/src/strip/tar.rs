//! tar without some members: their blocks are cut out.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Change;
use crate::archive::tar::{Place, files};
use crate::octets::{at, slice};

const BLOCK: usize = 512;

/// `None` if it can't be written so that every reader reads the same.
pub(super) fn without(content: &Bytes, changes: &BTreeMap<usize, Change>) -> Option<Bytes> {
    let mut out = Vec::with_capacity(content.len());
    let mut kept = 0;
    for (place, file) in files(content).0.iter().enumerate() {
        match changes.get(&place) {
            None => continue,
            Some(Change::Gone) => out.extend_from_slice(slice(content, kept..file.blocks.start)),
            Some(Change::Content(new)) => {
                out.extend_from_slice(slice(content, kept..file.header));
                out.extend(header(content, file, new.len())?);
                out.extend_from_slice(new);
                out.resize(out.len().next_multiple_of(BLOCK), 0);
            }
        }
        kept = file.blocks.end;
    }
    out.extend_from_slice(slice(content, kept..content.len()));
    Some(out.into())
}

/// The header with another size. `None` where the size stands elsewhere too (pax records, sparse files).
fn header(content: &[u8], file: &Place, size: usize) -> Option<Vec<u8>> {
    let before = slice(content, file.blocks.start..file.header);
    if memchr::memmem::find(before, b" size=").is_some() || at(content, file.header + 156, b"S") {
        return None;
    }
    let mut header = tar::Header::from_byte_slice(content.get(file.header..file.header + BLOCK)?).clone();
    header.set_size(size as u64);
    header.set_cksum();
    Some(header.as_bytes().to_vec())
}
