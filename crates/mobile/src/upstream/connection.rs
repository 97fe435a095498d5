//! One connection to the mail server while a request is on it: sending, and waiting without a buffer.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;
use model::{Fault, Guilty};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::dial::Stream;
use super::head::{Head, RequestHead, answer_head};
use super::pool::Pool;

/// Octets read at once. They lie on the stack while they are read, so a waiting connection holds none.
const PIECE: usize = 16 << 10;

/// The body of a request on its way up.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// All of it; can be sent again.
    Whole(Bytes),
    /// As it comes, with its length if that is known; can be sent once.
    Stream(Option<Incoming>, Option<u64>),
}

impl Outgoing {
    /// True if it can be sent again.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

/// A request could not be sent.
#[derive(Debug)]
pub(crate) struct Lost {
    /// The system took no octet of it.
    pub(crate) nothing_written: bool,
    /// The phone's side failed, not the mail server's.
    pub(crate) by_phone: bool,
    /// What happened.
    pub(crate) cause: io::Error,
}

/// A connection and what was read from it but not used.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    pub(super) inbox: BytesMut,
    home: Arc<Pool>,
    /// What `Host` says on it.
    authority: Arc<str>,
    /// An answer came before the request was sent whole: no other request after this one.
    spoilt: bool,
}

impl Connection {
    pub(crate) fn new(stream: Stream, home: Arc<Pool>, authority: Arc<str>) -> Self {
        Self { stream, inbox: BytesMut::new(), home, authority, spoilt: false }
    }

    /// Takes note that this kept connection died under a request.
    pub(crate) fn doubt(home: &Pool) {
        home.doubt();
    }

    /// Where it is kept.
    pub(crate) fn home(&self) -> Arc<Pool> {
        self.home.clone()
    }

    /// Reads what is there into the inbox; 0 at the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); PIECE];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
        self.inbox.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// The answer's head, if it is there whole.
    pub(crate) fn head(&mut self, head_only: bool) -> Result<Option<Head>, Fault> {
        answer_head(&mut self.inbox, head_only)
    }

    /// The end came before a head: nothing at all, or half an answer.
    pub(crate) fn ended_early(&self) -> Result<io::Error, Fault> {
        if self.inbox.is_empty() {
            return Ok(io::ErrorKind::UnexpectedEof.into());
        }
        Err(Fault::temporary(Guilty::NextHop, "mail-server-answer", "the connection ended inside the answer's head"))
    }

    /// Gives the connection back after an answer that left it clean.
    pub(crate) fn keep(self) {
        if !self.spoilt && self.inbox.is_empty() {
            self.home.put(self.stream);
        }
    }

    /// Sends head and body. Ends early, and well, when the server answers before it has all.
    pub(crate) async fn send(&mut self, head: &RequestHead, body: &mut Outgoing, idle: Duration) -> Result<(), Lost> {
        let mut written = false;
        let head = head.for_host(&self.authority);
        let sent = match body {
            Outgoing::Whole(bytes) => {
                let all = [&head[..], bytes].concat();
                self.write(&all, &mut written).await.map(drop)
            }
            Outgoing::Stream(incoming, known) => {
                let Some(incoming) = incoming.take() else {
                    return Err(Lost { nothing_written: false, by_phone: false, cause: io::ErrorKind::InvalidInput.into() });
                };
                match self.write(&head, &mut written).await {
                    Ok(true) => return self.send_stream(incoming, known.is_none(), idle).await,
                    other => other.map(drop),
                }
            }
        };
        sent.map_err(|cause| Lost { nothing_written: !written, by_phone: false, cause })
    }

    async fn send_stream(&mut self, mut body: Incoming, chunked: bool, idle: Duration) -> Result<(), Lost> {
        let by_phone = |cause: io::Error| Lost { nothing_written: false, by_phone: true, cause };
        let by_server = |cause: io::Error| Lost { nothing_written: false, by_phone: false, cause };
        loop {
            let next = poll_fn(|cx| {
                if let Poll::Ready(read) = self.poll_fill(cx) {
                    return Poll::Ready(Err(read));
                }
                Pin::new(&mut body).poll_frame(cx).map(Ok)
            });
            let frame = match tokio::time::timeout(idle, next).await.map_err(|_| by_phone(io::ErrorKind::TimedOut.into()))? {
                Err(read) => return self.answered(read).map_err(by_server),
                Ok(frame) => frame,
            };
            let data = match frame {
                None if chunked => Bytes::from_static(b"0\r\n\r\n"),
                None => return Ok(()),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) if chunked => chunk(&data),
                    Ok(data) => data,
                    // Trailers say nothing that ActiveSync knows.
                    Err(_) => continue,
                },
                Some(Err(cause)) => return Err(by_phone(io::Error::other(cause))),
            };
            let last = data.starts_with(b"0\r\n") && chunked;
            if !self.write(&data, &mut true).await.map_err(by_server)? || last {
                return Ok(());
            }
        }
    }

    /// Writes all; false when the server answered meanwhile and did not take the rest.
    async fn write(&mut self, mut bytes: &[u8], written: &mut bool) -> io::Result<bool> {
        poll_fn(|cx| {
            loop {
                let poll = match bytes {
                    [] => Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| 0),
                    _ => Pin::new(&mut self.stream).poll_write(cx, bytes),
                };
                match poll {
                    Poll::Ready(Ok(0)) if bytes.is_empty() => return Poll::Ready(Ok(true)),
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(n)) => {
                        *written = true;
                        bytes = bytes.get(n..).unwrap_or_default();
                    }
                    Poll::Ready(Err(cause)) => return Poll::Ready(Err(cause)),
                    Poll::Pending => return self.poll_fill(cx).map(|read| self.answered(read).map(|()| false)),
                }
            }
        })
        .await
    }

    /// Something came before the request was sent: an answer, or the end.
    fn answered(&mut self, read: io::Result<usize>) -> io::Result<()> {
        self.spoilt = true;
        match read? {
            0 if self.inbox.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// One chunk (RFC 9112 §7.1).
fn chunk(data: &[u8]) -> Bytes {
    let mut chunk = BytesMut::with_capacity(data.len() + 12);
    chunk.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk.freeze()
}
