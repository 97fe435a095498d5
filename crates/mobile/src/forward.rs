//! The last step: the request goes to the mail server, its answer comes back as it comes.
//!
//! The request's head and body are gone from memory once they are sent (but for a small body that may be sent again);
//! then only the entry in `parked` and a socket without buffers wait (mobile-gateway.md G-3). A request is sent twice
//! only when a kept connection died before the first octet of an answer and the request is harmless, or nothing of it
//! was written (G-4).

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use activesync::{Command, wbxml};
use bytes::Bytes;
use http::request::Parts;
use http::{Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use model::{Budget, Fault, Guilty};

use crate::answer::{self, Answer, for_fault};
use crate::gate::MobileGate;
use crate::identify::Asked;
use crate::parked::{Ending, Registered};
use crate::record;
use crate::upstream::{Connection, Head, Outgoing, Passing, Upstream, request_head};

/// How waiting for the first octet ended.
enum Waited {
    /// An answer's head.
    Answer(Connection, Head),
    /// We end it.
    Ended(Ending),
    /// The connection died before the first octet.
    Died(std::io::Error),
}

/// Passes an allowed request on.
pub(crate) async fn forward(gate: Arc<MobileGate>, asked: Box<Asked>, request: Box<(Parts, Incoming)>) -> Response<Answer> {
    let Some(admitted) = gate.admit() else {
        tracing::warn!(event = "mobile.overloaded", trace = %asked.trace, "too many requests at once");
        return answer::later(gate.settings.retry_after);
    };
    let registered = gate.registry.register(*asked, admitted);
    // Facts may have changed between judging and registering; from here on a change finds the entry.
    let decision = gate.judge(&registered.entry.asked);
    if !decision.allowed {
        return block(&gate, &registered, decision);
    }
    match exchange(&gate, &registered, request).await {
        Ok(Waited::Answer(connection, head)) => pass(registered, connection, head),
        Ok(Waited::Ended(Ending::Blocked(decision))) => block(&gate, &registered, decision),
        Ok(Waited::Ended(Ending::Superseded | Ending::Draining)) => answer::poll_ended(&registered.entry.asked, gate.settings.retry_after),
        Ok(Waited::Died(cause)) => fail(&gate, &registered.entry.asked, &died(&cause)),
        Err(fault) => fail(&gate, &registered.entry.asked, &fault),
    }
}

fn block(gate: &MobileGate, registered: &Registered, decision: model::device::Decision) -> Response<Answer> {
    record::decided(gate, &registered.entry.asked, decision);
    answer::blocked(&registered.entry.asked, decision.reason)
}

fn fail(gate: &MobileGate, asked: &Asked, fault: &Fault) -> Response<Answer> {
    tracing::warn!(event = "mobile.failed", trace = %asked.trace, code = fault.code, cause = %fault.cause, command = asked.command_name());
    metrics::counter!("sealgate_mobile_failures_total", "code" => fault.code).increment(1);
    for_fault(fault, gate.settings.retry_after)
}

fn died(cause: &std::io::Error) -> Fault {
    Fault::temporary(Guilty::NextHop, "mail-server-lost", format!("the mail server ended the connection before it answered: {cause}"))
}

/// Sends and waits, twice at most.
async fn exchange(gate: &Arc<MobileGate>, registered: &Registered, request: Box<(Parts, Incoming)>) -> Result<Waited, Fault> {
    let upstream = gate.upstream()?;
    let asked = &registered.entry.asked;
    let (head, mut outgoing) = Box::pin(prepare(gate, registered, &upstream, request)).await?;
    let mut fresh_only = false;
    loop {
        let (mut connection, kept) = Box::pin(upstream.connect(&gate.settings, fresh_only)).await?;
        let sent = Box::pin(connection.send(&head, &mut outgoing, gate.settings.body_idle)).await;
        let again = kept && outgoing.is_whole() && (asked.harmless || sent.as_ref().is_err_and(|lost| lost.nothing_written));
        let waited = match sent {
            Ok(()) if kept => wait(gate, registered, connection).await?,
            Ok(()) => {
                drop((head, outgoing, upstream));
                return wait(gate, registered, connection).await;
            }
            Err(lost) if lost.by_phone => return Err(Fault::temporary(Guilty::Sender, "phone-gone", lost.cause.to_string())),
            Err(lost) => Waited::Died(lost.cause),
        };
        if kept && matches!(waited, Waited::Died(_)) {
            upstream.doubt();
        }
        match waited {
            Waited::Died(cause) if again && !fresh_only => {
                tracing::debug!(trace = %asked.trace, %cause, "a kept connection had died; once more on a fresh one");
                fresh_only = true;
            }
            other => return Ok(other),
        }
    }
}

/// Builds the head and reads a small body. Everything else of the request is gone afterwards.
async fn prepare(
    gate: &MobileGate,
    registered: &Registered,
    upstream: &Upstream,
    request: Box<(Parts, Incoming)>,
) -> Result<(Box<[u8]>, Outgoing), Fault> {
    let asked = &registered.entry.asked;
    let (parts, body) = *request;
    let known = body.size_hint().exact();
    let small = known.is_some_and(|length| length <= gate.settings.whole_body as u64);
    let outgoing = if small { Outgoing::Whole(whole(body, gate.settings.body_idle).await?) } else { Outgoing::Stream(Some(body), known) };
    let waits = match (asked.command, &outgoing) {
        (Some(Command::Ping), _) => true,
        (Some(Command::Sync), Outgoing::Whole(bytes)) => !parts.headers.contains_key(header::CONTENT_ENCODING) && waits(bytes),
        _ => false,
    };
    if waits {
        registered.is_a_poll();
        if gate.is_draining() {
            crate::parked::drain(&registered.entry);
        }
    }
    Ok((request_head(&parts, upstream, asked.client, &outgoing), outgoing))
}

fn waits(body: &[u8]) -> bool {
    wbxml::sync_waits(body, &Budget::new(wbxml::LIMITS)).unwrap_or(false)
}

/// Reads a small body into a buffer of its exact size, so that the connection's own buffer is free again.
async fn whole(mut body: Incoming, idle: Duration) -> Result<Box<[u8]>, Fault> {
    let lost = |cause: String| Fault::temporary(Guilty::Sender, "phone-gone", cause);
    let mut bytes = Vec::new();
    while let Some(frame) = tokio::time::timeout(idle, body.frame()).await.map_err(|_| lost("the body stands still".to_owned()))? {
        let frame = frame.map_err(|cause| lost(cause.to_string()))?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
    }
    Ok(bytes.into_boxed_slice())
}

/// Reads and forgets a small body of a request that is not passed on.
pub(crate) async fn swallow(gate: &MobileGate, body: Incoming) {
    if !body.is_end_stream() {
        let rest = Limited::new(body, gate.settings.whole_body).collect();
        drop(tokio::time::timeout(Duration::from_secs(5).min(gate.settings.body_idle), Box::pin(rest)).await);
    }
}

/// Waits for the answer's head, holding no buffer, until we have a reason to end it.
async fn wait(gate: &MobileGate, registered: &Registered, mut connection: Connection) -> Result<Waited, Fault> {
    let asked = &registered.entry.asked;
    let hangs = asked.command.is_some_and(Command::may_hang);
    let limit = if hangs { gate.settings.hang } else { gate.settings.answer };
    let waiting = poll_fn(|cx| {
        if let Some(ending) = registered.entry.ending(cx.waker()) {
            return Poll::Ready(Ok(Arrived::Ending(ending)));
        }
        loop {
            if let Some(head) = connection.head(asked.head_only)? {
                return Poll::Ready(Ok(Arrived::Head(head)));
            }
            match connection.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(connection.ended_early().map(Arrived::Nothing)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(cause)) => return Poll::Ready(Ok(Arrived::Nothing(cause))),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    match tokio::time::timeout(limit, waiting).await {
        Ok(Ok(Arrived::Head(head))) => Ok(Waited::Answer(connection, head)),
        Ok(Ok(Arrived::Ending(ending))) => Ok(Waited::Ended(ending)),
        Ok(Ok(Arrived::Nothing(cause))) => Ok(Waited::Died(cause)),
        Ok(Err(fault)) => Err(fault),
        // The server forgot its own limit; the phone asks again when it hears that nothing is new.
        Err(_) if hangs => Ok(Waited::Ended(Ending::Draining)),
        Err(_) => Err(Fault::temporary(Guilty::NextHop, "mail-server-late", format!("no answer within {limit:?}"))),
    }
}

/// What a wait met.
enum Arrived {
    Head(Head),
    Ending(Ending),
    Nothing(std::io::Error),
}

/// Hands the answer over to the phone's connection.
fn pass(registered: Registered, connection: Connection, head: Head) -> Response<Answer> {
    let passing = Passing::new(connection, head.framing, head.keep, registered);
    let mut response = Response::new(Answer::Passing(Box::new(passing)));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}
