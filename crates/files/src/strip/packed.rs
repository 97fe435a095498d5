//! A compressed file with another content: compressed anew in the same way.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;

use super::Change;
use crate::detect::Container;

/// `None` if nothing would be left, or it can't be written.
pub(super) fn with(container: &Container, content: &Bytes, changes: &BTreeMap<usize, Change>) -> Option<Bytes> {
    let Some(Change::Content(new)) = changes.get(&0) else { return None };
    if matches!(container, Container::Bzip2) {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        encoder.write_all(new).ok()?;
        return encoder.finish().ok().map(Bytes::from);
    }
    let header = flate2::bufread::GzDecoder::new(content.as_ref());
    let mut builder = flate2::GzBuilder::new();
    if let Some(known) = header.header() {
        builder = builder.mtime(known.mtime());
        if let Some(name) = known.filename() {
            builder = builder.filename(name);
        }
    }
    let mut encoder = builder.write(Vec::new(), flate2::Compression::default());
    encoder.write_all(new).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
