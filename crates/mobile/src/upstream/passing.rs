//! The mail server's body on its way to the phone: octet for octet, as it comes, never collected.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};

use super::connection::Connection;
use super::head::Framing;
use crate::parked::{Ending, Registered};

/// Longest line with a chunk's size.
const CHUNK_LINE: usize = 256;
/// Octets of trailers that are read and forgotten.
const TRAILERS: usize = 8 << 10;

/// Where in the body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// So many octets are left of a known length.
    Left(u64),
    /// Until the connection ends.
    UntilEnd,
    /// Before a chunk's size.
    Size,
    /// So many octets are left of a chunk.
    Chunk(u64),
    /// Before the CRLF after a chunk.
    AfterChunk,
    /// In the trailers, so many octets of them seen.
    Trailers(usize),
    /// At the end.
    Done,
}

/// An answer's body, the connection that it comes from and the entry that may end it.
#[derive(Debug)]
pub struct Passing {
    connection: Option<Connection>,
    place: Place,
    keep: bool,
    registered: Option<Registered>,
}

impl Passing {
    /// Without an entry nobody ends it: a question of our own.
    pub(crate) fn new(connection: Connection, framing: Framing, keep: bool, registered: impl Into<Option<Registered>>) -> Self {
        let place = match framing {
            Framing::Length(0) => Place::Done,
            Framing::Length(length) => Place::Left(length),
            Framing::Chunked => Place::Size,
            Framing::Close => Place::UntilEnd,
        };
        let mut passing = Self { connection: Some(connection), place, keep, registered: registered.into() };
        passing.let_go();
        passing
    }

    pub(crate) fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Octets to come, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.place {
            Place::Left(left) => Some(left),
            Place::Done => Some(0),
            _ => None,
        }
    }

    /// The next octets; `None` at the end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.is_done() {
            return Poll::Ready(None);
        }
        if let Some(Ending::Blocked(_)) = self.registered.as_ref().and_then(|registered| registered.entry.ending(cx.waker())) {
            return Poll::Ready(Some(Err(io::ErrorKind::PermissionDenied.into())));
        }
        loop {
            let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
            let data = match next(&mut self.place, &mut connection.inbox) {
                Ok(data) => data,
                Err(cause) => return Poll::Ready(Some(Err(cause))),
            };
            if self.place == Place::Done {
                self.let_go();
            }
            if data.is_some() || self.is_done() {
                return Poll::Ready(data.map(Ok));
            }
            let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
            match ready!(connection.poll_fill(cx)) {
                Ok(0) if self.place == Place::UntilEnd => {
                    self.place = Place::Done;
                    self.connection = None;
                }
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                Ok(_) => {}
                Err(cause) => return Poll::Ready(Some(Err(cause))),
            }
        }
    }

    /// At the end the connection goes back to its pool, or away.
    fn let_go(&mut self) {
        if self.is_done()
            && let Some(connection) = self.connection.take()
            && self.keep
        {
            connection.keep();
        }
    }
}

/// Takes what can be passed on off the inbox; `None` when more must be read, or at the end.
fn next(place: &mut Place, inbox: &mut BytesMut) -> io::Result<Option<Bytes>> {
    loop {
        match place {
            Place::Done => return Ok(None),
            Place::UntilEnd => return Ok((!inbox.is_empty()).then(|| inbox.split().freeze())),
            Place::Left(left) => {
                let data = up_to(inbox, left);
                if *left == 0 {
                    *place = Place::Done;
                }
                return Ok(data);
            }
            Place::Chunk(left) => {
                let data = up_to(inbox, left);
                if *left == 0 {
                    *place = Place::AfterChunk;
                }
                return Ok(data);
            }
            Place::AfterChunk => match line(inbox, 2)? {
                Some(line) if line.is_empty() => *place = Place::Size,
                Some(_) => return Err(malformed()),
                None => return Ok(None),
            },
            Place::Size => match line(inbox, CHUNK_LINE)? {
                Some(line) => *place = if let 0 = chunk_size(&line)? { Place::Trailers(0) } else { Place::Chunk(chunk_size(&line)?) },
                None => return Ok(None),
            },
            Place::Trailers(seen) => match line(inbox, TRAILERS)? {
                Some(line) if line.is_empty() => *place = Place::Done,
                Some(line) if *seen + line.len() <= TRAILERS => *seen += line.len() + 2,
                Some(_) => return Err(malformed()),
                None => return Ok(None),
            },
        }
    }
}

fn up_to(inbox: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(inbox.len());
    *left -= count as u64;
    (count > 0).then(|| inbox.split_to(count).freeze())
}

/// A line up to its CRLF, which is taken too; an error if it is longer than `most` or ends in anything else.
fn line(inbox: &mut BytesMut, most: usize) -> io::Result<Option<Bytes>> {
    let Some(end) = inbox.iter().position(|byte| *byte == b'\n') else {
        return if inbox.len() > most { Err(malformed()) } else { Ok(None) };
    };
    if end > most || end == 0 || inbox.get(end - 1) != Some(&b'\r') {
        return Err(malformed());
    }
    let line = inbox.split_to(end - 1).freeze();
    inbox.advance(2);
    Ok(Some(line))
}

/// The size before any extension (RFC 9112 §7.1).
fn chunk_size(line: &[u8]) -> io::Result<u64> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let hex = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| hex).ok_or_else(malformed)?;
    u64::from_str_radix(text, 16).map_err(|_| malformed())
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the mail server's chunks are malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a chunked body that comes in pieces of `size`; what was left over comes second.
    fn chunked(text: &str, size: usize) -> io::Result<(String, usize, bool)> {
        let (mut place, mut inbox, mut out) = (Place::Size, BytesMut::new(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            inbox.extend_from_slice(piece);
            while let Some(data) = next(&mut place, &mut inbox)? {
                out.extend_from_slice(&data);
            }
        }
        Ok((String::from_utf8(out).unwrap(), inbox.len(), place == Place::Done))
    }

    #[test]
    fn g_4_chunks_are_read_however_they_come() {
        let text = "5\r\nhello\r\n6;ext=\"x\"\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n";
        for size in 1..text.len() {
            assert_eq!(chunked(text, size).unwrap(), ("hello world".to_owned(), 0, true), "{size}");
        }
        assert_eq!(chunked("5\r\nhel", 3).unwrap(), ("hel".to_owned(), 0, false));
    }

    #[test]
    fn x_18_malformed_chunks_end_the_answer() {
        let endless = "1".repeat(300);
        for text in
            ["5\nhello\r\n", "\r\nhello", "+5\r\nhello", "0x5\r\nhello", "5\r\nhelloX\r\n", "-1\r\n", "fffffffffffffffff\r\n", &endless]
        {
            assert!(chunked(text, 1).is_err(), "{text}");
        }
    }
}
