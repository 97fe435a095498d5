//! Ranges of bytes, read without panics.
//!
//! Every index in this room is a byte range into one message. These helpers answer an empty slice where a
//! range does not fit, so that a mistake shows as missing content in a test and never as a crash.

use std::ops::Range;

/// The bytes of `range`, or nothing when it does not fit.
pub(crate) fn slice(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

/// One line: `start..content` without its end, `start..end` with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) start: usize,
    pub(crate) content: usize,
    pub(crate) end: usize,
}

/// The line that starts at `start`, ended by LF or CRLF or `limit`; `None` at the limit.
pub(crate) fn line_at(bytes: &[u8], start: usize, limit: usize) -> Option<Line> {
    let rest = bytes.get(start..limit)?;
    if rest.is_empty() {
        return None;
    }
    let Some(lf) = memchr::memchr(b'\n', rest) else {
        return Some(Line { start, content: limit, end: limit });
    };
    let cr = lf > 0 && rest.get(lf - 1) == Some(&b'\r');
    Some(Line { start, content: start + lf - usize::from(cr), end: start + lf + 1 })
}

/// All lines of `bytes`.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line> + '_ {
    let mut next = 0;
    std::iter::from_fn(move || {
        let line = line_at(bytes, next, bytes.len())?;
        next = line.end;
        Some(line)
    })
}

/// Without blanks and tabs at the end.
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Where the end of the line before `at` begins: `at` itself when nothing of `floor..at` is a line end.
pub(crate) fn before_line_end(bytes: &[u8], floor: usize, at: usize) -> usize {
    if at <= floor || bytes.get(at - 1) != Some(&b'\n') {
        return at;
    }
    let lf = at - 1;
    if lf > floor && bytes.get(lf - 1) == Some(&b'\r') { lf - 1 } else { lf }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_lf_or_crlf_and_never_with_cr() {
        let bytes = b"a\r\nb\nc\rd";
        let seen: Vec<&[u8]> = lines(bytes).map(|line| slice(bytes, line.start..line.content)).collect();
        assert_eq!(seen, [b"a".as_slice(), b"b", b"c\rd"]);
    }

    #[test]
    fn a_line_end_before_a_place() {
        assert_eq!(before_line_end(b"a\r\nb", 0, 3), 1);
        assert_eq!(before_line_end(b"a\r\nb", 2, 3), 2, "not below the floor");
        assert_eq!(before_line_end(b"a\r\nb", 3, 3), 3);
        assert_eq!(before_line_end(b"\nb", 0, 1), 0);
    }
}
