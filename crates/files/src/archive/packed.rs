//! One compressed file: gzip (RFC 1952), bzip2, xz, Zstandard (RFC 8878).

use std::io::Read;

use bytes::Bytes;
use model::Exhausted;

use super::{Data, Entry, Listed, Visitor};
use crate::detect::Container;
use crate::octets::{byte, name, size_16, slice, tail, u32_le};
use crate::read::DECODER_KIB;

pub(super) fn each(container: &Container, content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let (own, size) = match container {
        Container::Gzip => (gzip_name(content), u64::from(u32_le(tail(content, 4), 0).unwrap_or(0))),
        _ => (None, 0),
    };
    let mut decoder: Box<dyn Read> = match container {
        Container::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(content.as_ref())),
        Container::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(content.as_ref())),
        Container::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(content.as_ref(), true, DECODER_KIB)),
        _ => match ruzstd::decoding::StreamingDecoder::new(content.as_ref()) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => return Ok(Listed::DAMAGED),
        },
    };
    visit(0, Entry { name: own, closed: false, size, packed: content.len(), data: Data::Stream(decoder.as_mut()) })?;
    Ok(Listed::WHOLE)
}

/// FNAME of the first member.
fn gzip_name(content: &[u8]) -> Option<String> {
    let flags = byte(content, 3)?;
    let start = if flags & 4 != 0 { 12 + size_16(content, 10)? } else { 10 };
    (flags & 8 != 0).then(|| name(slice(content, start..content.len()))).flatten()
}
