//! A server's replies, read strictly and bounded (RFC 5321 §4.2).
//!
//! A hostile or broken server must not make us hold much, wait for ever in one reply, or take a line of
//! text for a code. What can't be read ends the connection. The text goes to logs and DSNs, so control
//! characters and broken octets are replaced here.

use bytes::BytesMut;
use memchr::memchr;
use model::Outcome;

/// Longest reply line, CR LF included; RFC 5321 §4.5.3.1.5 says 512, servers write more.
const LINE_MAX: usize = 2_048;
/// Most lines of one reply.
const LINES_MAX: usize = 100;
/// Most characters of a reply's text that are kept.
const TEXT_MAX: usize = 1_000;

/// One whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteReply {
    code: u16,
    lines: Vec<String>,
}

/// Why a reply can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A line over 2 KiB, or over 100 lines.
    #[error("the server's reply is too long")]
    TooLong,
    /// No code from 200 to 599, something else than a space or hyphen after it, or two codes in one reply.
    #[error("the server's reply is not SMTP")]
    Shape,
    /// A line that ends without CR.
    #[error("the server's reply has a bare LF")]
    BareFeed,
}

impl RemoteReply {
    /// The three digits.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The texts, one per line, without code and hyphen.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// True for 2yz.
    #[must_use]
    pub const fn accepts(&self) -> bool {
        self.code / 100 == 2
    }

    /// Code and text on one line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.code.to_string();
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            text.push(' ');
            text.push_str(line);
        }
        text.chars().take(TEXT_MAX).collect()
    }

    /// The enhanced status, if the text has one of the code's class (RFC 2034 §4), else `c.0.0`.
    #[must_use]
    pub fn status(&self) -> String {
        let class = self.code / 100;
        let written = self.lines.iter().filter_map(|line| line.split(' ').next()).find(|word| is_status(word, class));
        written.map_or_else(|| format!("{class}.0.0"), str::to_owned)
    }

    /// What a reply that does not accept means. A code that fits neither 4yz nor 5yz was not expected here and
    /// counts as temporary.
    #[must_use]
    pub fn refusal(&self, by: &str) -> Outcome {
        let (temporary, status) = match self.code / 100 {
            4 => (true, self.status()),
            5 => (false, self.status()),
            _ => (true, "4.5.0".to_owned()),
        };
        Outcome::NotDone { temporary, status, reply: self.text(), by: by.to_owned() }
    }
}

/// `c.sss.ddd` of the wanted class (RFC 3463 §2).
fn is_status(word: &str, class: u16) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let digits = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(digits) && parts.first().is_some_and(|first| *first == class.to_string())
}

/// Puts replies together from lines. Pure: the fuzzer feeds it.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: u16,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes whole lines off `input`; a reply when its last line has come, `None` when more octets are needed.
    ///
    /// # Errors
    /// See [`Unreadable`]; the connection is of no more use.
    pub fn take(&mut self, input: &mut BytesMut) -> Result<Option<RemoteReply>, Unreadable> {
        loop {
            let Some(feed) = memchr(b'\n', input) else {
                return if input.len() >= LINE_MAX { Err(Unreadable::TooLong) } else { Ok(None) };
            };
            if feed >= LINE_MAX || self.lines.len() >= LINES_MAX {
                return Err(Unreadable::TooLong);
            }
            let line = input.split_to(feed + 1);
            let line = line.strip_suffix(b"\r\n").ok_or(Unreadable::BareFeed)?;
            let (code, last, text) = read_line(line).ok_or(Unreadable::Shape)?;
            if !self.lines.is_empty() && code != self.code {
                return Err(Unreadable::Shape);
            }
            self.code = code;
            self.lines.push(text);
            if last {
                return Ok(Some(RemoteReply { code, lines: std::mem::take(&mut self.lines) }));
            }
        }
    }
}

/// Code, whether it is the last line, text.
fn read_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = std::str::from_utf8(digits).ok()?.parse().ok().filter(|code| (200..600).contains(code))?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
    Some((code, last, text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<Option<RemoteReply>, Unreadable> {
        ReplyReader::default().take(&mut BytesMut::from(text))
    }

    fn whole(text: &[u8]) -> RemoteReply {
        read(text).unwrap().unwrap()
    }

    #[test]
    fn replies_are_read() {
        let reply = whole(b"250-mx.example\r\n250-SIZE 100\r\n250 8BITMIME\r\nrest");
        assert_eq!((reply.code(), reply.lines().len()), (250, 3));
        assert_eq!(whole(b"354\r\n").text(), "354");
        assert_eq!(whole(b"550-5.1.1 no\r\n550 5.1.1 such\x07 user\xff\r\n").text(), "550 5.1.1 no 5.1.1 such? user\u{fffd}");
        assert_eq!(read(b"250-more\r\n"), Ok(None));
        assert_eq!(read(b"250 no end"), Ok(None));
    }

    #[test]
    fn a_status_counts_only_in_its_class() {
        assert_eq!(whole(b"550 5.1.1 no\r\n").status(), "5.1.1");
        assert_eq!(whole(b"550 4.1.1 no\r\n").status(), "5.0.0");
        assert_eq!(whole(b"450 4.2.1.0 no\r\n").status(), "4.0.0");
        assert_eq!(whole(b"550-hello\r\n550 5.7.1 no\r\n").status(), "5.7.1");
        assert!(matches!(whole(b"354 go\r\n").refusal(""), Outcome::NotDone { temporary: true, .. }));
    }

    #[test]
    fn what_is_no_reply_ends_it() {
        for bad in [&b"hello\r\n"[..], b"25 x\r\n", b"2500 x\r\n", b"150 x\r\n", b"600 x\r\n", b"250_x\r\n", b"\r\n", b"250-a\r\n251 b\r\n"]
        {
            assert_eq!(read(bad), Err(Unreadable::Shape), "{bad:?}");
        }
        assert_eq!(read(b"250 a\n"), Err(Unreadable::BareFeed));
        assert_eq!(read(&[b'2'; 3_000]), Err(Unreadable::TooLong));
        assert_eq!(read(&b"250-x\r\n".repeat(200)), Err(Unreadable::TooLong));
    }

    proptest! {
        #[test]
        fn the_reader_never_panics(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&text);
        }
    }
}
