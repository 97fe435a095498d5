//! Stands between the wire and the HTTP parser and refuses what could be read in two ways (X-18; RFC 9112 §6.3, §11.2).
//!
//! The parser drops a `Content-Length` that stands beside `Transfer-Encoding`, as the standard lets it; a balancer before
//! us may have read the other one. By the time a request is parsed that can't be seen any more, so the head's lines are
//! looked at as they come in. This is no second parser: it knows where a head begins because a length body is counted,
//! and after a chunked body the connection carries no other request (`serve` closes it). What is refused gets a NUL in
//! its line, which the one parser answers with 400 and the end of the connection.
//!
//! Refused: two lengths (equal or not), a length beside a transfer coding, a transfer coding that is not exactly
//! `chunked`, a length that is no plain number, a continuation line, a line that ends in a bare LF, a CR inside a line.
//! It also ends a connection on which no first byte comes, and one whose phone takes nothing of an answer any more.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Longest line that is looked at; longer ones are no framing fields.
const LINE: usize = 80;
/// First line of HTTP/2 (RFC 9113 §3.4), which has framing of its own.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before or in a request line.
    RequestLine,
    /// In the header.
    Fields,
    /// In a body of so many octets.
    Body(u64),
    /// Nothing more to look at: HTTP/2, a last body, or a refused request.
    Rest,
}

/// Looks at heads, octet by octet, and spoils what is ambiguous.
#[derive(Debug)]
pub(crate) struct Watch {
    state: State,
    line: [u8; LINE],
    /// Octets of the line so far; may be more than fit.
    length: usize,
    content_length: Option<u64>,
    coded: bool,
}

impl Watch {
    pub(crate) const fn new() -> Self {
        Self { state: State::RequestLine, line: [0; LINE], length: 0, content_length: None, coded: false }
    }

    /// Looks at what was just read.
    pub(crate) fn see(&mut self, mut bytes: &mut [u8]) {
        while let Some((first, _)) = bytes.split_first_mut() {
            match &mut self.state {
                State::Rest => return,
                State::Body(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::RequestLine;
                    }
                    bytes = bytes.split_at_mut(taken).1;
                    continue;
                }
                State::RequestLine | State::Fields => {
                    if !self.octet(*first) {
                        *first = 0;
                        self.state = State::Rest;
                    }
                }
            }
            bytes = bytes.split_at_mut(1).1;
        }
    }

    /// One octet of a head; false if the request is to be refused.
    fn octet(&mut self, octet: u8) -> bool {
        if octet != b'\n' {
            let after_cr = self.length > 0 && self.last() == Some(b'\r');
            if let Some(place) = self.line.get_mut(self.length.min(LINE - 1)) {
                *place = octet;
            }
            self.length += 1;
            return !after_cr;
        }
        let good = self.last() == Some(b'\r') && self.line_is_good();
        self.length = 0;
        good
    }

    /// The line's last octet; an over-long line keeps its last one in the last place.
    fn last(&self) -> Option<u8> {
        self.line.get(self.length.min(LINE).checked_sub(1)?).copied()
    }

    fn line_is_good(&mut self) -> bool {
        let whole = self.length <= LINE;
        let line = self.line;
        let line = line.get(..self.length.min(LINE).saturating_sub(1)).unwrap_or_default();
        match (self.state, line) {
            (State::RequestLine, []) => true,
            (State::RequestLine, line) => {
                self.state = if PREFACE.strip_suffix(b"\r") == Some(line) { State::Rest } else { State::Fields };
                true
            }
            (_, []) => {
                self.head_ended();
                true
            }
            (_, [b' ' | b'\t', ..]) => false,
            (_, line) => self.field_is_good(line, whole),
        }
    }

    fn field_is_good(&mut self, line: &[u8], whole: bool) -> bool {
        let (name, value) = match line.iter().position(|octet| *octet == b':') {
            Some(colon) => (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default()),
            None => return !whole,
        };
        let length = name.eq_ignore_ascii_case(b"content-length");
        let coding = name.eq_ignore_ascii_case(b"transfer-encoding");
        if !length && !coding {
            return true;
        }
        if !whole || self.coded || self.content_length.is_some() {
            return false;
        }
        let value = value.trim_ascii();
        if coding {
            self.coded = true;
            return value.eq_ignore_ascii_case(b"chunked");
        }
        let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        self.content_length = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        self.content_length.is_some()
    }

    fn head_ended(&mut self) {
        self.state = match (self.coded, self.content_length.take()) {
            (true, _) => State::Rest,
            (false, Some(left)) if left > 0 => State::Body(left),
            (false, _) => State::RequestLine,
        };
    }
}

/// A phone's stream under watch.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    watch: Watch,
    /// Ends a connection on which nothing came yet.
    first: Option<Pin<Box<Sleep>>>,
    /// The first octets, until they are read again.
    opening: [u8; 4],
    kept: u8,
    /// Runs while the phone takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    stall: Duration,
}

impl<S> Watched<S> {
    /// Watches `stream`; without a first byte within `idle` it ends, and when a write stands still for `stall`.
    pub(crate) fn new(stream: S, idle: Duration, stall: Duration) -> Self {
        Self {
            stream,
            watch: Watch::new(),
            first: Some(Box::pin(tokio::time::sleep(idle))),
            opening: [0; 4],
            kept: 0,
            stalled: None,
            stall,
        }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Looks at the first octets: `PRI ` is how HTTP/2 begins, and no method of HTTP/1. They are read again afterwards.
    ///
    /// # Errors
    /// The stream's own, or that nothing came in time.
    pub(crate) async fn speaks_http_2(&mut self) -> io::Result<bool> {
        poll_fn(|cx| {
            loop {
                let kept = usize::from(self.kept);
                let (have, space) = self.opening.split_at_mut(kept.min(4));
                if space.is_empty() || !PREFACE.starts_with(have) {
                    self.first = None;
                    return Poll::Ready(Ok(space.is_empty() && PREFACE.starts_with(have)));
                }
                let mut buf = ReadBuf::new(space);
                if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                    read?;
                    if buf.filled().is_empty() {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    self.kept += u8::try_from(buf.filled().len()).unwrap_or(0);
                } else if let Some(first) = &mut self.first {
                    ready!(first.as_mut().poll(cx));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                } else {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        // What follows the opening comes with it: a parser that gets four octets first makes its buffer twice as big.
        let kept = usize::from(this.kept);
        let given = kept.min(buf.remaining());
        buf.put_slice(this.opening.get(..given).unwrap_or_default());
        this.opening.rotate_left(given % 4);
        this.kept -= u8::try_from(given).unwrap_or(0);
        if this.kept == 0 {
            match Pin::new(&mut this.stream).poll_read(cx, buf) {
                Poll::Pending if given == 0 => return Poll::Pending,
                Poll::Ready(Err(cause)) => return Poll::Ready(Err(cause)),
                _ => {}
            }
        }
        if let Some(new) = buf.filled_mut().get_mut(before..) {
            this.watch.see(new);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Watched<S> {
    /// A write that goes on, or an error when it has not for too long.
    fn moving<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.moving(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.moving(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let closed = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.moving(cx, closed)
    }
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
