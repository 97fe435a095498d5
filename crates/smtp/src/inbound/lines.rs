//! Command lines cut from what the client sent.
//!
//! Only CR LF ends a line (RFC 5321 §2.3.8). A line that is too long or ends with a bare LF is taken out
//! whole, so that nothing of it is read as a command, and answered at once, so that the client learns why.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

/// Longest command line, CR LF included (RFC 5321 §4.5.3.1.4).
const SHORT: usize = 512;
/// Longest MAIL or RCPT line: extensions add parameters.
const LONG: usize = 2_048;
/// Longest AUTH line and longest response to a challenge (RFC 4954 §4.5 asks for more; no password here is so long).
const RESPONSE: usize = 4_096;
/// What is thrown away of one endless line before the session ends.
const ENDLESS: usize = 1 << 20;

/// What stands at the beginning of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line, without its CR LF.
    Whole(Bytes),
    /// A line over the limit; it is gone.
    TooLong,
    /// A line ended by a bare LF; it is gone.
    BareFeed,
    /// A line without end; the session ends.
    Endless,
    /// A BDAT line that is too long or ended by a bare LF: content follows it that must not be read as commands.
    BrokenChunk,
}

/// Cuts lines; remembers an over-long one until its end has come.
#[derive(Debug, Default)]
pub struct Lines {
    skipped: usize,
}

impl Lines {
    /// The next line of `input`, or `None` when more octets are needed. With `response` it is one to a challenge of AUTH.
    pub fn take(&mut self, input: &mut BytesMut, response: bool) -> Option<Line> {
        let Some(feed) = memchr(b'\n', input) else {
            if self.skipped == 0 && input.len() > LONG && !response && is_chunk(input) {
                return Some(Line::BrokenChunk);
            }
            if self.skipped > 0 || input.len() > RESPONSE {
                self.skipped += input.len();
                input.clear();
            }
            return (self.skipped > ENDLESS).then_some(Line::Endless);
        };
        if std::mem::take(&mut self.skipped) > 0 {
            input.advance(feed + 1);
            return Some(Line::TooLong);
        }
        let mut line = input.split_to(feed + 1);
        let limit = if response { RESPONSE } else { limit(&line) };
        let broken = if line.len() > limit { Some(Line::TooLong) } else { (!line.ends_with(b"\r\n")).then_some(Line::BareFeed) };
        if let Some(broken) = broken {
            return Some(if !response && is_chunk(&line) { Line::BrokenChunk } else { broken });
        }
        line.truncate(feed.saturating_sub(1));
        Some(Line::Whole(line.freeze()))
    }
}

fn is_chunk(line: &[u8]) -> bool {
    line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"BDAT"))
}

fn limit(line: &[u8]) -> usize {
    match line.get(..5).map(<[u8]>::to_ascii_uppercase).as_deref() {
        Some(b"MAIL " | b"RCPT ") => LONG,
        Some(b"AUTH ") => RESPONSE,
        _ if line.get(..8).is_some_and(|verb| verb.eq_ignore_ascii_case(b"XCLIENT ")) => LONG,
        _ => SHORT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8]) -> (Vec<Line>, Vec<u8>) {
        let mut input = BytesMut::from(text);
        let mut lines = Lines::default();
        let found = std::iter::from_fn(|| lines.take(&mut input, false)).collect();
        (found, input.to_vec())
    }

    fn whole(text: &'static [u8]) -> Line {
        Line::Whole(Bytes::from_static(text))
    }

    #[test]
    fn x_8_only_cr_lf_ends_a_line() {
        assert_eq!(cut(b"NOOP\r\nQUIT\r\nMA"), (vec![whole(b"NOOP"), whole(b"QUIT")], b"MA".to_vec()));
        assert_eq!(cut(b"NOOP\nQUIT\r\n"), (vec![Line::BareFeed, whole(b"QUIT")], vec![]));
        assert_eq!(cut(b"NOOP\rQUIT\r\n"), (vec![whole(b"NOOP\rQUIT")], vec![]));
        assert_eq!(cut(b"\r\n\n"), (vec![whole(b""), Line::BareFeed], vec![]));
        assert_eq!(cut(b"bdat 5\nNOOP\r\n").0[0], Line::BrokenChunk);
    }

    #[test]
    fn over_long_lines_are_taken_out_whole() {
        let long = [&b"NOOP "[..], &b"x".repeat(505)].concat();
        assert_eq!(cut(&[&long[..], b"\r\nQUIT\r\n"].concat()).0.len(), 2);
        assert!(matches!(cut(&[&long[..], b"\r\n"].concat()).0[0], Line::Whole(_)));
        assert_eq!(cut(&[&long[..], b"x\r\nQUIT\r\n"].concat()), (vec![Line::TooLong, whole(b"QUIT")], vec![]));
        let mail = [&b"mail "[..], &b"x".repeat(2_041)].concat();
        assert!(matches!(cut(&[&mail[..], b"\r\n"].concat()).0[0], Line::Whole(_)));
        assert_eq!(cut(&[&mail[..], b"xx\r\n"].concat()).0, [Line::TooLong]);
    }

    #[test]
    fn a_line_without_end_ends() {
        let mut lines = Lines::default();
        let mut input = BytesMut::new();
        let fed = (0..2_000).take_while(|_| {
            input.extend_from_slice(&[b'x'; 1_000]);
            let line = lines.take(&mut input, false);
            assert!(input.len() <= 5_096);
            line.is_none()
        });
        assert!(fed.count() < 1_100);
    }
}
