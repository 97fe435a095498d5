//! One SMTP reply: code, enhanced status, text, as it goes on the wire.
//!
//! Text is made safe here, once: no control character, nothing outside US-ASCII, no line over 512 octets
//! (RFC 5321 §4.5.3.1.5), whatever a caller puts in. RFC 5321 §4.2, RFC 2034, RFC 3463.

use std::fmt;

use bytes::{BufMut, BytesMut};

/// Longest text on one reply line; with code, separators, status and CR LF it stays below 512 octets.
const TEXT_MAX: usize = 480;
/// Most lines of one reply.
const LINES_MAX: usize = 50;

/// A reply to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    status: String,
    lines: Vec<String>,
}

impl Reply {
    /// A reply with an enhanced status (`5.1.1`; empty for 220, 3yz, EHLO: RFC 2034 §4). Line feeds in
    /// `text` part its lines, other characters that may not stand in a reply become `?`. A code outside
    /// 200–599 becomes 451, so that a slip never says yes.
    #[must_use]
    pub fn new(code: u16, status: &str, text: &str) -> Self {
        let (code, status) = if (200..600).contains(&code) { (code, status) } else { (451, "4.3.0") };
        let status = if is_status(status) { status.to_owned() } else { String::new() };
        let lines: Vec<String> = text.lines().take(LINES_MAX).map(clean).collect();
        Self { code, status, lines: if lines.is_empty() { vec![String::new()] } else { lines } }
    }

    /// `250 2.0.0` with a text.
    #[must_use]
    pub fn ok(text: &str) -> Self {
        Self::new(250, "2.0.0", text)
    }

    /// The three digits.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status, `5.1.1`, or nothing.
    #[must_use]
    pub fn status(&self) -> &str {
        &self.status
    }

    /// True for 2yz.
    #[must_use]
    pub const fn accepts(&self) -> bool {
        self.code / 100 == 2
    }

    /// True for 421: the connection closes after it (RFC 5321 §3.8).
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.code == 421
    }

    /// Appends the reply as it goes on the wire.
    pub fn write(&self, out: &mut BytesMut) {
        let last = self.lines.len().saturating_sub(1);
        for (number, line) in self.lines.iter().enumerate() {
            let separator = if number == last { ' ' } else { '-' };
            out.put_slice(format!("{}{separator}", self.code).as_bytes());
            if !self.status.is_empty() {
                out.put_slice(self.status.as_bytes());
                out.put_u8(b' ');
            }
            out.put_slice(line.as_bytes());
            out.put_slice(b"\r\n");
        }
    }
}

impl fmt::Display for Reply {
    /// Code, status and text on one line, for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.status.is_empty() {
            write!(f, " {}", self.status)?;
        }
        for line in &self.lines {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

fn clean(line: &str) -> String {
    line.chars().take(TEXT_MAX).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// `c.sss.ddd` of RFC 3463 §2.
fn is_status(text: &str) -> bool {
    let mut parts = text.split('.');
    let class = parts.next().is_some_and(|class| matches!(class, "2" | "4" | "5"));
    let rest: Vec<&str> = parts.collect();
    class && rest.len() == 2 && rest.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply) -> String {
        let mut out = BytesMut::new();
        reply.write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn a_reply_is_what_the_standard_shows() {
        assert_eq!(wire(&Reply::new(550, "5.1.1", "No such mailbox")), "550 5.1.1 No such mailbox\r\n");
        assert_eq!(wire(&Reply::new(250, "", "one\ntwo")), "250-one\r\n250 two\r\n");
        assert_eq!(wire(&Reply::new(221, "2.0.0", "")), "221 2.0.0 \r\n");
    }

    #[test]
    fn x_8_no_text_breaks_out_of_its_line() {
        let reply = wire(&Reply::new(550, "5.1.1", "a\rb\0c\u{e9}\r\nd\x1b[m"));
        assert_eq!(reply, "550-5.1.1 a?b?c?\r\n550 5.1.1 d?[m\r\n");
        assert!(wire(&Reply::new(550, "5.1.1", &"x".repeat(5_000))).len() <= 512);
        assert!(wire(&Reply::new(550, "", &"x\n".repeat(5_000))).lines().count() <= LINES_MAX);
    }

    #[test]
    fn a_slip_never_says_yes() {
        assert_eq!(Reply::new(0, "2.0.0", "x").code(), 451);
        assert_eq!(Reply::new(550, "5.1.1\r\n250 ok", "x").status(), "");
    }
}
