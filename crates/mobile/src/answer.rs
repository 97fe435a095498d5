//! What the gate says on its own, and the body type of every answer.
//!
//! A block is said in the protocol's words (mobile-gateway.md G-8), never 449. Everything else is plain HTTP without a
//! body: phones show none, and nobody learns from it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use activesync::answer::{ACCESS_DENIED, CONTENT_TYPE, DEVICE_BLOCKED, ping_ended, refused};
use activesync::{Command, Version};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE as TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};
use model::device::Reason;
use model::{Fault, Guilty};

use crate::diagnose::Watch;
use crate::identify::Asked;
use crate::upstream::Passing;

/// The body of an answer to a phone.
#[derive(Debug)]
pub enum Answer {
    /// Nothing, or all of it at once.
    Own(Option<Bytes>),
    /// The mail server's, as it comes.
    #[doc(hidden)]
    Passing(Box<Passing>),
    /// One of the others, of a device whose diagnostics are on.
    #[doc(hidden)]
    Watched(Box<(Answer, Box<Watch>)>),
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Passing(passing) => passing.poll_data(cx).map(|data| data.map(|data| data.map(Frame::data))),
            Self::Watched(watched) => {
                let (answer, watch) = &mut **watched;
                let frame = std::task::ready!(Pin::new(&mut *answer).poll_frame(cx));
                if let Some(Ok(data)) = &frame {
                    watch.sent(data.data_ref().map_or(0, Bytes::len));
                }
                if frame.is_none() || answer.is_end_stream() {
                    watch.is_whole();
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Passing(passing) => passing.is_done(),
            Self::Watched(watched) => watched.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Passing(passing) => passing.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Watched(watched) => watched.0.size_hint(),
        }
    }
}

/// A status without a body.
pub(crate) fn plain(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::Own(None));
    *response.status_mut() = status;
    response
}

fn with(status: StatusCode, name: HeaderName, value: HeaderValue) -> Response<Answer> {
    let mut response = plain(status);
    response.headers_mut().insert(name, value);
    response
}

/// 401 with a Basic realm: the connection test of phones and administrators rely on it (G-1).
pub(crate) fn unauthorised() -> Response<Answer> {
    with(StatusCode::UNAUTHORIZED, WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Sealgate\", charset=\"UTF-8\""))
}

/// 405 and what would be allowed.
pub(crate) fn wrong_method() -> Response<Answer> {
    with(StatusCode::METHOD_NOT_ALLOWED, ALLOW, HeaderValue::from_static("OPTIONS, POST"))
}

/// 503: come back later.
pub(crate) fn later(after: Duration) -> Response<Answer> {
    with(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))
}

/// The answer to a request that is blocked (G-8).
pub(crate) fn blocked(asked: &Asked, reason: Reason) -> Response<Answer> {
    let status = if reason == Reason::User { ACCESS_DENIED } else { DEVICE_BLOCKED };
    let body = asked.command.and_then(|command| refused(command, asked.version, status));
    body.map_or_else(|| plain(StatusCode::FORBIDDEN), wbxml)
}

/// The answer to a poll that we end for a reason of our own (a newer poll, a stop): "nothing new" in the protocol's
/// words. A Sync answers with an empty body where the version knows that, everything else is asked to come back.
pub(crate) fn poll_ended(asked: &Asked, after: Duration) -> Response<Answer> {
    match asked.command {
        Some(Command::Ping) => wbxml(ping_ended()),
        Some(Command::Sync) if asked.version.is_some_and(|version| version >= Version::EMPTY_SYNC) => plain(StatusCode::OK),
        _ => later(after),
    }
}

/// A body in WBXML.
pub(crate) fn wbxml(body: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Answer::Own(Some(body.into())));
    response.headers_mut().insert(TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// A fault as this gate's phones see it. The cause goes to the log, where the caller writes it.
#[must_use]
pub fn for_fault(fault: &Fault, retry_after: Duration) -> Response<Answer> {
    match (fault.guilty, fault.temporary) {
        (Guilty::Sender, true) | (Guilty::Configuration, _) | (Guilty::NextHop | Guilty::Ourselves, true) => later(retry_after),
        (Guilty::Sender, false) => plain(StatusCode::BAD_REQUEST),
        (Guilty::NextHop, false) => plain(StatusCode::BAD_GATEWAY),
        (Guilty::Ourselves, false) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_8_one_fault_has_one_status() {
        let status = |fault: Fault| {
            let response = for_fault(&fault, Duration::from_secs(30));
            (response.status().as_u16(), response.headers().contains_key(RETRY_AFTER))
        };
        assert_eq!(status(Fault::temporary(Guilty::NextHop, "a", "")), (503, true));
        assert_eq!(status(Fault::permanent(Guilty::NextHop, "a", "")), (502, false));
        assert_eq!(status(Fault::permanent(Guilty::Configuration, "a", "")), (503, true));
        assert_eq!(status(Fault::permanent(Guilty::Sender, "a", "")), (400, false));
        assert_eq!(status(Fault::permanent(Guilty::Ourselves, "a", "")), (500, false));
    }
}
