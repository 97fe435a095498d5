//! Delimiter lines of multiparts: which boundary a line belongs to, if any.
//!
//! One pass over the bytes finds each line that begins with `--` and asks the stack of open multiparts,
//! innermost first, so that a missing closing delimiter of an inner one does not swallow the outer one.
//! Standard: RFC 2046 §5.1.1; a line counts only if the boundary is followed by nothing but `--` and blanks.

use memchr::memmem::Finder;

use crate::bytes_of::{Line, before_line_end, line_at, slice, trim_end};

/// A delimiter line, or the end of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing more comes.
    End,
    /// A delimiter of an open multipart.
    Delimiter {
        /// Its place on the stack.
        level: usize,
        /// Where the line end before it begins: there the part before it ends.
        start: usize,
        /// Where the next line begins.
        next: usize,
        /// True for a closing delimiter.
        close: bool,
    },
}

/// The open multiparts, outermost first.
pub(super) struct Boundaries {
    open: Vec<Vec<u8>>,
    finder: Finder<'static>,
    /// A line looked like a delimiter and is none.
    pub(super) lookalike: bool,
}

enum Match {
    Delimiter { level: usize, close: bool },
    Lookalike,
    None,
}

impl Boundaries {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), finder: Finder::new(b"\n--"), lookalike: false }
    }

    pub(super) fn push(&mut self, boundary: &str) {
        self.open.push(boundary.as_bytes().to_vec());
    }

    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        self.open.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// (repeated or told apart by `--` only, one the beginning of the other) against the open ones.
    pub(super) fn collides(&self, boundary: &str) -> (bool, bool) {
        let new = boundary.as_bytes();
        let mut found = (false, false);
        for known in &self.open {
            match known.strip_prefix(new).or_else(|| new.strip_prefix(known.as_slice())) {
                Some(b"" | b"--") => found.0 = true,
                Some(_) => found.1 = true,
                None => {}
            }
        }
        found
    }

    /// The next delimiter at or behind `from`, which is the start of a line. `closed` is a boundary whose
    /// multipart has ended: the answer's flag says whether it came again.
    pub(super) fn next(&mut self, bytes: &[u8], from: usize, closed: Option<&[u8]>) -> (Stop, bool) {
        let mut again = false;
        if self.open.is_empty() && closed.is_none() {
            return (Stop::End, again);
        }
        let mut at = from;
        loop {
            if let Some(line) = dashed(bytes, at) {
                if let Match::Delimiter { level, close } = self.classify(bytes, line) {
                    return (Stop::Delimiter { level, start: before_line_end(bytes, from, at), next: line.end, close }, again);
                }
                again |= closed.is_some_and(|boundary| is_delimiter(slice(bytes, line.start + 2..line.content), boundary).is_some());
            }
            match self.finder.find(slice(bytes, at..bytes.len())) {
                Some(found) => at += found + 1,
                None => return (Stop::End, again),
            }
        }
    }

    /// The delimiter that this line of a header is, if it is one.
    pub(super) fn at(&mut self, bytes: &[u8], line: Line) -> bool {
        !self.open.is_empty() && dashed(bytes, line.start).is_some_and(|line| matches!(self.classify(bytes, line), Match::Delimiter { .. }))
    }

    fn classify(&mut self, bytes: &[u8], line: Line) -> Match {
        let text = slice(bytes, line.start + 2..line.content);
        let mut answer = Match::None;
        for (level, boundary) in self.open.iter().enumerate().rev() {
            match is_delimiter(text, boundary) {
                Some(close) => return Match::Delimiter { level, close },
                None if text.starts_with(boundary) => answer = Match::Lookalike,
                None => {}
            }
        }
        self.lookalike |= matches!(answer, Match::Lookalike);
        answer
    }
}

fn dashed(bytes: &[u8], at: usize) -> Option<Line> {
    if slice(bytes, at..bytes.len()).starts_with(b"--") { line_at(bytes, at, bytes.len()) } else { None }
}

/// Of the text behind `--`: `Some(close)` if it is this boundary's delimiter.
fn is_delimiter(text: &[u8], boundary: &[u8]) -> Option<bool> {
    match trim_end(text.strip_prefix(boundary)?) {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_first_and_whole_lines_only() {
        let mut open = Boundaries::new();
        open.push("a");
        open.push("ab");
        let bytes = b"x\r\n--abc\r\n--ab \r\n--a--";
        let (stop, _) = open.next(bytes, 0, None);
        assert_eq!(stop, Stop::Delimiter { level: 1, start: 8, next: 17, close: false });
        assert!(open.lookalike, "--abc is neither");
        assert_eq!(open.next(bytes, 17, None).0, Stop::Delimiter { level: 0, start: 17, next: 22, close: true });
    }

    #[test]
    fn x_9_collisions() {
        let mut open = Boundaries::new();
        open.push("abc");
        assert_eq!(open.collides("abc"), (true, false));
        assert_eq!(open.collides("abc--"), (true, false));
        assert_eq!(open.collides("ab"), (false, true));
        assert_eq!(open.collides("abd"), (false, false));
    }
}
