//! Compound files: what is embedded in documents and Outlook messages, and what installers carry (MS-CFB, MS-OXMSG, MS-OLEDS).
//!
//! Most streams are a document's own workings. Only those that hold a file are members: packages of OLE 1, Outlook's
//! attachments, and whatever begins like a file of a known type.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use message::text;
use model::{Budget, Exhausted};

use super::{Entry, Listed, Visitor};
use crate::detect;
use crate::octets::{holds, size_32, slice};
use crate::read;

/// Streams of Outlook messages: data, long name, name of an attachment.
const ATTACHED: &str = "__substg1.0_37010102";
const LONG_NAME: &str = "__substg1.0_3707001F";
const NAME: &str = "__substg1.0_3704001F";

pub(super) fn each(content: &Bytes, budget: &Budget, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    let Ok(mut file) = cfb::CompoundFile::open(Cursor::new(content.clone())) else { return Ok(Listed::DAMAGED) };
    let mut streams = Vec::new();
    for entry in file.walk() {
        budget.part()?;
        if entry.is_stream() && !entry.is_empty() {
            streams.push((entry.path().to_owned(), entry.name().to_owned(), entry.len()));
        }
    }
    let names = attachment_names(&mut file, &streams, budget)?;
    let mut place = 0;
    for (path, name, size) in streams {
        let Ok(mut stream) = file.open_stream(&path) else { return Ok(Listed::DAMAGED) };
        let package = name == "\u{1}Ole10Native";
        let attached = name.eq_ignore_ascii_case(ATTACHED);
        if !package && !attached {
            let start = read::at_most(&mut stream, detect::HEAD, budget)?;
            if !is_a_file(&start, budget)? {
                continue;
            }
            let Ok(reopened) = file.open_stream(&path) else { return Ok(Listed::DAMAGED) };
            stream = reopened;
        }
        let (data, _) = read::member(&mut stream, usize::try_from(size).unwrap_or(usize::MAX), budget)?;
        let entry = if package {
            let (label, range) = native(&data);
            Entry::stored(label, data.slice(range))
        } else {
            let own = path.parent().and_then(|folder| names.get(folder).cloned());
            Entry::stored(own.filter(|_| attached).or_else(|| Some(text::plain(&name))), data)
        };
        visit(place, entry)?;
        place += 1;
    }
    Ok(Listed::WHOLE)
}

/// Does it begin like something that people send? The workings of documents are text or nothing known.
fn is_a_file(start: &Bytes, budget: &Budget) -> Result<bool, Exhausted> {
    let seen = detect::detect(start, None, budget)?;
    Ok(seen.container.is_some() || seen.types.iter().any(|known| !known.is_text()))
}

fn attachment_names<F: Read + std::io::Seek>(
    file: &mut cfb::CompoundFile<F>,
    streams: &[(PathBuf, String, u64)],
    budget: &Budget,
) -> Result<HashMap<PathBuf, String>, Exhausted> {
    let mut names = HashMap::new();
    for (path, name, _) in streams {
        let long = name.eq_ignore_ascii_case(LONG_NAME);
        let (Some(folder), true) = (path.parent().map(Path::to_owned), long || name.eq_ignore_ascii_case(NAME)) else { continue };
        let Ok(mut stream) = file.open_stream(path) else { continue };
        let octets = read::at_most(&mut stream, 4_096, budget)?;
        let units = octets.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
        let decoded: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        let decoded = text::plain(&decoded);
        if long {
            names.insert(folder, decoded);
        } else {
            names.entry(folder).or_insert(decoded);
        }
    }
    Ok(names)
}

/// Label and content of an OLE 1 package: size, a flag, label, path, flags, path, size, content. What does not look so is
/// taken whole behind its size.
fn native(data: &[u8]) -> (Option<String>, std::ops::Range<usize>) {
    let whole = (None, 4.min(data.len())..data.len());
    let text_at = |at: usize| memchr::memchr(0, slice(data, at.min(data.len())..data.len())).map(|length| (at, at + length));
    let packaged = || {
        let label = text_at(6)?;
        let path = text_at(label.1 + 1)?;
        let length = size_32(data, path.1 + 5)?;
        let start = (path.1 + 9).checked_add(length)?;
        let size = size_32(data, start)?;
        let end = (start + 4).checked_add(size).filter(|end| *end <= data.len())?;
        Some((Some(String::from_utf8_lossy(slice(data, label.0..label.1)).into_owned()), start + 4..end))
    };
    let known = size_32(data, 0).is_some_and(|size| size <= data.len()) && holds(slice(data, 4..8.min(data.len())), b"\x02\0");
    if !known {
        return whole;
    }
    packaged().map_or(whole, |(label, range)| (label.map(|label| text::plain(&label)).filter(|label| !label.is_empty()), range))
}
