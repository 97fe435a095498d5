//! Header sections: lines, fields, limits.
//!
//! A field is a range of bytes. Lines that are no field (no colon, control characters in the name, an mbox
//! `From ` line) yield none, but stay in the bytes and in the list of items, so that edits keep them.
//! Standard: RFC 5322 §2.2 and §3.5; of the obsolete forms only blanks before the colon are taken
//! (RFC 5322 §4.5), because a reader that did not take them would miss a second From.

use std::ops::Range;

use crate::bytes_of::{Line, line_at, slice, trim_end};
use crate::{MessageError, text};

/// How large the header of a message may be (mail-gateway.md M-T6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLimits {
    /// Octets, line ends included.
    pub bytes: usize,
    /// Lines, continuation lines included.
    pub lines: usize,
}

impl Default for HeaderLimits {
    fn default() -> Self {
        Self { bytes: 256 * 1024, lines: 1_000 }
    }
}

/// One header field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// As written, without blanks before the colon. ASCII, never empty.
    pub name: &'a str,
    /// What follows the colon, raw and folded, without the last line end.
    pub value: &'a [u8],
    /// The whole field with its line end, in the message's bytes.
    pub range: Range<usize>,
}

impl Field<'_> {
    /// True for this name in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value on one line, as bytes, without blanks around it.
    #[must_use]
    pub fn unfolded(&self) -> Vec<u8> {
        unfold(self.value)
    }

    /// What the field says to a person: unfolded, RFC 2047 decoded, without control characters.
    #[must_use]
    pub fn text(&self) -> String {
        text::header(self.value)
    }
}

/// One line group of a header section: a field, or lines that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) range: Range<usize>,
    /// Ranges of name and value; `None` for what is no field.
    pub(crate) field: Option<(Range<usize>, Range<usize>)>,
}

/// One header section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) items: Vec<Item>,
    /// Where the items end and the empty line begins.
    pub(crate) end: usize,
    /// Where the body begins: behind the empty line, or at the end when there is none.
    pub(crate) body: usize,
}

/// Reads the header section at `start`. `stop` says of a line (its start) that the section must end before it.
pub(crate) fn scan(
    bytes: &[u8],
    start: usize,
    limits: Option<HeaderLimits>,
    mut stop: impl FnMut(Line) -> bool,
) -> Result<Section, MessageError> {
    let mut section = Section { items: Vec::new(), end: start, body: start };
    let mut count = 0;
    while let Some(line) = line_at(bytes, section.end, bytes.len()) {
        if line.content == line.start {
            section.body = line.end;
            return Ok(section);
        }
        if stop(line) {
            break;
        }
        count += 1;
        check(limits, line.end - start, count)?;
        push(bytes, &mut section.items, line);
        section.end = line.end;
    }
    section.body = section.end;
    Ok(section)
}

fn check(limits: Option<HeaderLimits>, bytes: usize, lines: usize) -> Result<(), MessageError> {
    match limits {
        Some(limits) if bytes > limits.bytes || lines > limits.lines => {
            Err(MessageError::HeaderTooLarge { limit_bytes: limits.bytes, limit_lines: limits.lines })
        }
        _ => Ok(()),
    }
}

fn push(bytes: &[u8], items: &mut Vec<Item>, line: Line) {
    let continues = matches!(bytes.get(line.start), Some(b' ' | b'\t'));
    if let (true, Some(last)) = (continues, items.last_mut()) {
        last.range.end = line.end;
        if let Some((_, value)) = &mut last.field {
            value.end = line.content;
        }
        return;
    }
    items.push(Item { range: line.start..line.end, field: if continues { None } else { split(bytes, line) } });
}

/// Ranges of name and value of a line, `None` if it is no field.
fn split(bytes: &[u8], line: Line) -> Option<(Range<usize>, Range<usize>)> {
    let content = slice(bytes, line.start..line.content);
    let colon = memchr::memchr(b':', content)?;
    let name = trim_end(slice(content, 0..colon));
    let proper = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    proper.then(|| (line.start..line.start + name.len(), line.start + colon + 1..line.content))
}

/// The fields among `items`.
pub(crate) fn fields<'a>(bytes: &'a [u8], items: &[Item]) -> impl Iterator<Item = Field<'a>> {
    items.iter().filter_map(move |item| field(bytes, item))
}

/// The field that an item is, if it is one.
pub(crate) fn field<'a>(bytes: &'a [u8], item: &Item) -> Option<Field<'a>> {
    let (name, value) = item.field.clone()?;
    Some(Field { name: std::str::from_utf8(bytes.get(name)?).ok()?, value: bytes.get(value)?, range: item.range.clone() })
}

/// A folded value on one line (RFC 5322 §2.2.3): line ends go, the blanks behind them stay.
pub(crate) fn unfold(value: &[u8]) -> Vec<u8> {
    let flat: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    flat.trim_ascii().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<(String, String)> {
        let section = scan(bytes, 0, None, |_| false).unwrap();
        fields(bytes, &section.items).map(|f| (f.name.to_owned(), String::from_utf8_lossy(&f.unfolded()).into_owned())).collect()
    }

    #[test]
    fn folding_blanks_and_broken_lines() {
        let bytes = b"From x@y Sat\r\nA: 1\r\n 2\r\nB : 3\nno colon\r\n more\r\n\x01: 4\r\n\r\nC: 5\r\n";
        assert_eq!(names(bytes), [("A".into(), "1 2".into()), ("B".into(), "3".into())]);
        let section = scan(bytes, 0, None, |_| false).unwrap();
        assert_eq!(slice(bytes, section.body..bytes.len()), b"C: 5\r\n");
        let joined: Vec<u8> = section.items.iter().flat_map(|item| slice(bytes, item.range.clone()).to_vec()).collect();
        assert_eq!(joined, slice(bytes, 0..section.end), "items cover every byte");
    }

    #[test]
    fn a_header_without_an_end_has_no_body() {
        let section = scan(b"A: 1\r\nB: 2", 0, None, |_| false).unwrap();
        assert_eq!((section.items.len(), section.body), (2, 10));
    }

    #[test]
    fn m_t6_header_limits() {
        let limits = HeaderLimits { bytes: 10, lines: 2 };
        let read = |bytes: &[u8]| scan(bytes, 0, Some(limits), |_| false).map(|section| section.items.len());
        assert_eq!(read(b"A:1\r\nB:1\r\n\r\n"), Ok(2));
        assert_eq!(read(b"A:1\r\nB:12\r\n\r\n"), Err(MessageError::HeaderTooLarge { limit_bytes: 10, limit_lines: 2 }));
        assert!(read(b"A:\n :\n :\n\n").is_err(), "three lines");
    }
}
