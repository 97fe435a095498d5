//! The content of one mail as it arrives after DATA, up to its last dot.
//!
//! Before it comes the 354, after it the gate. [`Reader`] is a pure state machine over the octets: the
//! session reads straight from the socket into its buffer, so that a mail without stuffed dots is never
//! copied, and one with them is moved once. What ends the data is CR LF `.` CR LF and nothing else (RFC 5321
//! §4.1.1.4); what has a bare CR or LF is refused or normalised as a whole, never cut (security.md X-8). It
//! must never hold more than the limit allows, and never believe in an end that is none.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memmem};

use super::settings::BareNewline;

/// What one mail's content may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataLimits {
    /// Most octets, stuffed dots not counted (RFC 1870 §5).
    pub size: u64,
    /// Most octets of one line, CR LF not counted.
    pub line: usize,
    /// What a bare CR or LF does.
    pub bare_newline: BareNewline,
}

/// Why a mail's content is refused. The session answers after the last dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFault {
    /// Over [`DataLimits::size`].
    TooLarge,
    /// Over [`DataLimits::line`].
    LineTooLong,
    /// A CR or LF that is not part of a CR LF.
    BareNewline,
    /// A NUL octet.
    Nul,
    /// The session wanted no more of it ([`Reader::refuse`]).
    Refused,
}

/// Takes the octets after the 354 until the end of data.
#[derive(Debug)]
pub struct Reader {
    limits: DataLimits,
    buffer: BytesMut,
    /// Everything before this offset was looked at.
    scan: usize,
    /// Where the present line (after a CR LF) and the present text line (after any LF) begin.
    line_start: usize,
    text_start: usize,
    /// False while the octets at `line_start` may still become the end of data.
    decided: bool,
    /// Lines that begin with a dot, line ends, and line feeds without a CR before.
    dots: u64,
    pairs: usize,
    bare_feeds: usize,
    /// Octets thrown away since the mail was refused.
    dropped: u64,
    fault: Option<DataFault>,
    end: Option<usize>,
}

impl Reader {
    /// A reader for one mail.
    #[must_use]
    pub fn new(limits: DataLimits) -> Self {
        Self::with_buffer(limits, BytesMut::new())
    }

    /// A reader that begins with what the client sent ahead.
    #[must_use]
    pub const fn with_buffer(limits: DataLimits, buffer: BytesMut) -> Self {
        Self {
            limits,
            buffer,
            scan: 0,
            line_start: 0,
            text_start: 0,
            decided: false,
            dots: 0,
            pairs: 0,
            bare_feeds: 0,
            dropped: 0,
            fault: None,
            end: None,
        }
    }

    /// Takes more octets; true when the end of data is among them. What follows it stays for [`Self::finish`].
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        self.buffer.extend_from_slice(bytes);
        self.scan()
    }

    /// Where the session reads into; [`Self::scan`] looks at it afterwards. Only append.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Looks at what was added; true when the end of data has come.
    pub fn scan(&mut self) -> bool {
        while self.end.is_none() && self.step() {}
        let held = self.end.unwrap_or(if self.decided { self.buffer.len() } else { self.line_start });
        if self.fault.is_none() && (held as u64).saturating_sub(self.dots) > self.limits.size {
            self.fault = Some(DataFault::TooLarge);
        }
        if self.fault.is_some() {
            self.drop_seen();
        }
        self.end.is_some()
    }

    /// Octets in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Octets thrown away since the mail was refused.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The fault, once there is one: from then on octets are read and thrown away.
    #[must_use]
    pub const fn fault(&self) -> Option<DataFault> {
        self.fault
    }

    /// Throws away what is held and all that follows up to the end of data.
    pub fn refuse(&mut self) {
        self.fault = self.fault.or(Some(DataFault::Refused));
        self.drop_seen();
    }

    /// The content, dots unstuffed, and what the client sent after the end of data. Call it after
    /// [`Self::scan`] said true; before, the content is what has come so far.
    pub fn finish(mut self) -> (Result<Bytes, DataFault>, BytesMut) {
        let end = self.end.unwrap_or(self.buffer.len()).min(self.buffer.len());
        let mut content = self.buffer.split_to(end);
        let mark = if self.end.is_some() { b".\r\n".len().min(self.buffer.len()) } else { 0 };
        self.buffer.advance(mark);
        // A copy, so that what is left does not keep the mail's memory while the session is idle.
        let rest = BytesMut::from(&self.buffer[..]);
        if let Some(fault) = self.fault {
            return (Err(fault), rest);
        }
        if memchr(0, &content).is_some() {
            return (Err(DataFault::Nul), rest);
        }
        let bare = self.bare_feeds > 0 || memchr_iter(b'\r', &content).count() != self.pairs;
        if bare && self.limits.bare_newline == BareNewline::Refuse {
            return (Err(DataFault::BareNewline), rest);
        }
        if self.dots > 0 {
            unstuff(&mut content);
        }
        let content = if bare { normalise(&content) } else { content.freeze() };
        (Ok(content), rest)
    }

    /// One line end further; false when more octets are needed.
    fn step(&mut self) -> bool {
        if !self.decided {
            let head = self.buffer.get(self.line_start..).unwrap_or_default();
            if head.starts_with(b".\r\n") {
                self.end = Some(self.line_start);
                return false;
            }
            if b".\r\n".starts_with(head) {
                return false;
            }
            self.dots += u64::from(head.starts_with(b"."));
            self.decided = true;
        }
        let rest = self.buffer.get(self.scan..).unwrap_or_default();
        let feed = memchr(b'\n', rest).map(|at| self.scan + at);
        let line_end = feed.unwrap_or(self.buffer.len());
        // One octet more for the CR, which may or may not belong to the line's end.
        if line_end.saturating_sub(self.text_start) > self.limits.line.saturating_add(1) {
            self.fault = self.fault.or(Some(DataFault::LineTooLong));
        }
        let Some(feed) = feed else {
            self.scan = self.buffer.len();
            return false;
        };
        self.scan = feed + 1;
        self.text_start = self.scan;
        if feed > self.line_start && self.buffer.get(feed - 1) == Some(&b'\r') {
            self.pairs += 1;
            self.line_start = self.scan;
            self.decided = false;
        } else {
            self.bare_feeds += 1;
        }
        true
    }

    /// Forgets what was looked at, but for what the search for the end still needs.
    fn drop_seen(&mut self) {
        let seen = match self.end {
            Some(end) => end,
            None if self.decided => self.buffer.len().saturating_sub(1),
            None => self.line_start,
        };
        // A fresh small buffer: the memory of a refused mail is given back at once.
        let tail = BytesMut::from(self.buffer.get(seen..).unwrap_or_default());
        self.buffer = tail;
        self.dropped += seen as u64;
        self.end = self.end.map(|end| end - seen);
        self.scan = self.scan.saturating_sub(seen);
        self.line_start = self.line_start.saturating_sub(seen);
        self.text_start = self.text_start.saturating_sub(seen);
    }
}

/// Removes the first dot of each line that begins with one (RFC 5321 §4.5.2), in place.
fn unstuff(content: &mut BytesMut) {
    let whole = content.len();
    let mut read = usize::from(content.first() == Some(&b'.'));
    let mut write = 0;
    while read < whole {
        let rest = content.get(read..).unwrap_or_default();
        let found = memmem::find(rest, b"\r\n.").map(|at| read + at + 2);
        let end = found.unwrap_or(whole);
        content.copy_within(read..end, write);
        write += end - read;
        read = end + usize::from(found.is_some());
    }
    content.truncate(write);
}

/// Every CR LF, CR and LF becomes one CR LF.
pub fn normalise(content: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(content.len() + content.len() / 16);
    let mut rest = content;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        let (line, tail) = rest.split_at(at);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = tail.get(if tail.starts_with(b"\r\n") { 2 } else { 1 }..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.freeze()
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
