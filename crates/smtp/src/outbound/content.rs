//! Content that may be sent: checked once, so that nothing we send smuggles (security.md X-8).
//!
//! The only way to a [`Content`] is through the check; `deliver` takes nothing else. It holds no CR without
//! LF, no LF without CR and no NUL (RFC 5321 §2.3.8), so that no receiver, however loose, sees an end of
//! data where we sent none.

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memmem};
use model::Outcome;

/// A mail's bytes, fit for the wire. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Bytes,
    eight_bit: bool,
    dotted: bool,
}

/// Why content can't be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// A CR without LF or an LF without CR.
    #[error("the content has a CR or LF that is not part of a CR LF")]
    BareNewline,
    /// A NUL octet.
    #[error("the content has a NUL octet")]
    Nul,
}

impl ContentFault {
    /// What this means for every recipient: a permanent failure of our own making.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        Outcome::NotDone { temporary: false, status: "5.6.0".to_owned(), reply: self.to_string(), by: String::new() }
    }
}

impl Content {
    /// Checks `bytes`, once, at memory speed.
    ///
    /// # Errors
    /// See [`ContentFault`].
    pub fn new(bytes: Bytes) -> Result<Self, ContentFault> {
        if memchr(0, &bytes).is_some() {
            return Err(ContentFault::Nul);
        }
        let (mut pairs, mut dotted) = (0, bytes.first() == Some(&b'.'));
        for feed in memchr_iter(b'\n', &bytes) {
            if feed == 0 || bytes.get(feed - 1) != Some(&b'\r') {
                return Err(ContentFault::BareNewline);
            }
            pairs += 1;
            dotted |= bytes.get(feed + 1) == Some(&b'.');
        }
        if memchr_iter(b'\r', &bytes).count() != pairs {
            return Err(ContentFault::BareNewline);
        }
        Ok(Self { eight_bit: !bytes.is_ascii(), dotted, bytes })
    }

    /// The bytes, unstuffed.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// True if an octet over 127 is in it: it needs 8BITMIME (RFC 6152).
    #[must_use]
    pub const fn eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// True if a header has octets over 127: the mail's own, or one of a part (RFC 6532 §3). Looks at more than it has to
    /// where lines of a text begin like a delimiter, never at less.
    #[must_use]
    pub fn has_utf8_header(&self) -> bool {
        let header = |from: usize| {
            let rest = self.bytes.get(from..).unwrap_or_default();
            let end = if rest.starts_with(b"\r\n") { 0 } else { memmem::find(rest, b"\r\n\r\n").unwrap_or(rest.len()) };
            !rest.get(..end).unwrap_or_default().is_ascii()
        };
        // A message in a part has its header behind the empty line of the part's own.
        let inner = |from: usize| {
            let rest = self.bytes.get(from..).unwrap_or_default();
            memmem::find(rest, b"\r\n\r\n").is_some_and(|end| {
                let lower = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
                memmem::find(&lower, b"message/").is_some() && header(from + end + 4)
            })
        };
        let starts = std::iter::once(0).chain(memmem::find_iter(&self.bytes, b"\r\n--").map(|at| at + 2));
        self.eight_bit && starts.into_iter().any(|from| header(from) || inner(from))
    }

    /// The slices that go on the wire, dots stuffed (RFC 5321 §4.5.2), without the end of data. Each is cut
    /// from the content, or is one dot; content that has no line with a leading dot is one slice.
    pub fn stuffed(&self) -> impl Iterator<Item = Bytes> + '_ {
        Stuffing { content: self, at: 0, dot: self.bytes.first() == Some(&b'.') }
    }

    /// What follows the content on the wire: the end of data, with the CR LF of a last line that has none.
    #[must_use]
    pub fn end(&self) -> Bytes {
        Bytes::from_static(if self.bytes.is_empty() || self.bytes.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" })
    }
}

struct Stuffing<'a> {
    content: &'a Content,
    at: usize,
    dot: bool,
}

impl Iterator for Stuffing<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let bytes = &self.content.bytes;
        if std::mem::take(&mut self.dot) {
            return Some(Bytes::from_static(b"."));
        }
        let rest = bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let found = if self.content.dotted { memmem::find(rest, b"\r\n.") } else { None };
        let end = found.map_or(bytes.len(), |found| self.at + found + 2);
        let slice = bytes.slice(self.at..end);
        self.at = end;
        self.dot = found.is_some();
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &'static [u8]) -> Vec<u8> {
        let content = Content::new(Bytes::from_static(text)).unwrap();
        content.stuffed().chain([content.end()]).flatten().collect()
    }

    #[test]
    fn m_t1_only_headers_in_utf8_need_smtputf8() {
        let has = |text: &str| Content::new(Bytes::copy_from_slice(text.as_bytes())).unwrap().has_utf8_header();
        let parts = |inner: &str| format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{inner}\r\n--b--\r\n");
        assert!(!has("Subject: a\r\n\r\nGrüße\r\n") && !has("Subject: a\r\n\r\nplain\r\n") && !has(""));
        assert!(has("Subject: Grüße\r\n\r\nplain\r\n") && has("Subject: Grüße\r\n"));
        assert!(!has(&parts("Content-Type: text/plain\r\n\r\nGrüße")) && !has(&parts("\r\nGrüße")));
        assert!(has(&parts("Content-Type: text/plain; name=\"Grüße\"\r\n\r\nplain")));
        assert!(has(&parts("Content-Type: message/rfc822\r\n\r\nSubject: Grüße\r\n\r\nplain")));
        assert!(!has(&parts("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nGrüße")));
        assert!(has("Content-Type: message/rfc822\r\n\r\nSubject: Grüße\r\n\r\nplain\r\n"));
    }

    #[test]
    fn dots_are_stuffed_where_a_line_begins() {
        assert_eq!(wire(b"a\r\n.b\r\n"), b"a\r\n..b\r\n.\r\n");
        assert_eq!(wire(b".\r\n.\r\n"), b"..\r\n..\r\n.\r\n");
        assert_eq!(wire(b"a.b\r\nno end"), b"a.b\r\nno end\r\n.\r\n");
        assert_eq!(wire(b""), b".\r\n");
        assert_eq!(wire(b".."), b"...\r\n.\r\n");
    }

    #[test]
    fn x_8_out_bare_line_ends_are_refused() {
        for bad in [
            &b"a\n.\r\nMAIL FROM:<x@y.example>\r\n"[..],
            b"a\r.\r\nMAIL FROM:<x@y.example>\r\n",
            b"a\n.\nb\r\n",
            b"a\r.\rb\r\n",
            b"a\r\r\n.\r\n",
            b"a\r\n.\rb",
            b"a\n\r\n",
            b"\n",
            b"\r",
            b"a\r\n.\n",
        ] {
            assert_eq!(Content::new(Bytes::from_static(bad)), Err(ContentFault::BareNewline), "{bad:?}");
        }
        assert_eq!(Content::new(Bytes::from_static(b"a\0b")), Err(ContentFault::Nul));
    }
}
