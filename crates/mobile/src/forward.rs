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
use http::{Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use model::{Budget, Fault, Guilty};

use crate::answer::{self, Answer, for_fault};
use crate::bodies::{Lease, Mark, Plan, Upward, decoded, held, read_answer, read_request};
use crate::diagnose::decided_late;
use crate::gate::MobileGate;
use crate::identify::{Asked, Door};
use crate::parked::{Ending, Entry, Registered};
use crate::upstream::{Connection, Framing, Head, Outgoing, Passing, RequestHead, Upstream, request_head};
use crate::{elsewhere, location, question, record};

/// How waiting for the first octet ended.
pub(crate) enum Waited {
    /// An answer's head.
    Answer(Connection, Box<Head>),
    /// We end it.
    Ended(Ending),
    /// The connection died before the first octet.
    Died(std::io::Error),
    /// It is answered here; a policy would have it so.
    Here(Box<Response<Answer>>),
}

/// A request that is about to be sent.
struct Prepared {
    head: RequestHead,
    outgoing: Outgoing,
    plan: Option<Box<Plan>>,
}

/// The code of a body that is larger than what policies look at.
const TOO_BIG: &str = "body-too-big";

/// Passes an allowed request on.
pub(crate) async fn forward(gate: Arc<MobileGate>, asked: Box<Asked>, request: Box<(Parts, Incoming)>) -> Response<Answer> {
    let Some(admitted) = gate.admit() else {
        tracing::warn!(event = "mobile.overloaded", trace = %asked.trace, "too many requests at once");
        return answer::later(gate.settings.retry_after);
    };
    let mark = Mark::of(&gate, &asked);
    let registered = gate.registry.register(*asked, mark, admitted);
    // Facts may have changed between judging and registering; from here on a change finds the entry.
    let decision = gate.judge(&registered.entry.asked);
    if !decision.allowed {
        return block(&gate, &registered, decision);
    }
    let mut plan = None;
    match exchange(&gate, &registered, request, &mut plan).await {
        Ok(Waited::Answer(connection, mut head)) => {
            gate.guesses.answered(&registered.entry.asked, head.status);
            gate.targets.answer(&registered.entry.asked, head.status.as_u16(), &head.headers, gate.ports.clock.now());
            if let Some(refused) = location::rewrite(&gate, &registered.entry.asked, &mut head) {
                return fail(&gate, &registered.entry.asked, &refused);
            }
            let plan = plan.or_else(|| Plan::late(&gate, &registered.entry.asked));
            if let Some(body) = plan.as_ref().and_then(|plan| plan.instead(head.status)) {
                return answer::wbxml(body);
            }
            match plan.filter(|plan| head.status == StatusCode::OK && plan.reads_answer()) {
                Some(plan) => Box::pin(change(&gate, registered, plan, (connection, head))).await,
                None if elsewhere::may_say(&registered.entry.asked, &head) => Box::pin(look(&gate, registered, (connection, head))).await,
                None => {
                    elsewhere::answered(&gate, &registered.entry.asked, head.status, None);
                    pass(registered, connection, *head)
                }
            }
        }
        Ok(Waited::Here(answer)) => *answer,
        Ok(Waited::Ended(Ending::Blocked(decision))) => block(&gate, &registered, decision),
        Ok(Waited::Ended(Ending::Superseded | Ending::Draining)) => answer::poll_ended(&registered.entry.asked, gate.settings.retry_after),
        Ok(Waited::Died(cause)) => fail(&gate, &registered.entry.asked, &died(&cause)),
        Err(fault) => fail(&gate, &registered.entry.asked, &fault),
    }
}

fn block(gate: &MobileGate, registered: &Registered, decision: model::device::Decision) -> Response<Answer> {
    record::decided(gate, &registered.entry.asked, decision);
    decided_late(answer::blocked(&registered.entry.asked, decision.reason), decision)
}

fn fail(gate: &MobileGate, asked: &Asked, fault: &Fault) -> Response<Answer> {
    tracing::warn!(event = "mobile.failed", trace = %asked.trace, code = fault.code, cause = %fault.cause, command = asked.command_name());
    metrics::counter!("sealgate_mobile_failures_total", "code" => fault.code).increment(1);
    for_fault(fault, gate.settings.retry_after)
}

fn died(cause: &std::io::Error) -> Fault {
    Fault::temporary(Guilty::NextHop, "mail-server-lost", format!("the mail server ended the connection before it answered: {cause}"))
}

/// Sends and waits, twice at most. What is to be done with the answer is left in `plan`.
async fn exchange(
    gate: &Arc<MobileGate>,
    registered: &Registered,
    request: Box<(Parts, Incoming)>,
    plan: &mut Option<Box<Plan>>,
) -> Result<Waited, Fault> {
    let asked = &registered.entry.asked;
    let elsewhere = if asked.door == Door::Web { None } else { gate.redirects.of(asked) };
    let upstream = gate.server(&asked.gateway, elsewhere.as_deref())?;
    let (head, mut outgoing) = match Box::pin(prepare(gate, registered, &upstream, request)).await? {
        Ok(prepared) => {
            *plan = prepared.plan;
            (prepared.head, prepared.outgoing)
        }
        Err(answer) => return Ok(Waited::Here(answer)),
    };
    let mut fresh_only = false;
    loop {
        let connected = Box::pin(upstream.connect(&gate.settings, fresh_only)).await;
        if connected.is_err() && elsewhere.is_some() {
            // The mail server will say where to go now.
            gate.redirects.forget(asked);
        }
        let (mut connection, kept) = connected?;
        let home = connection.home();
        let sent = Box::pin(connection.send(&head, &mut outgoing, gate.settings.body_idle)).await;
        let again = kept && outgoing.is_whole() && (asked.harmless || sent.as_ref().is_err_and(|lost| lost.nothing_written));
        let waited = match sent {
            Ok(()) if kept => wait(gate, registered, connection).await?,
            Ok(()) => {
                drop((head, outgoing, upstream, home, elsewhere));
                return wait(gate, registered, connection).await;
            }
            Err(lost) if lost.by_phone => return Err(Fault::temporary(Guilty::Sender, "phone-gone", lost.cause.to_string())),
            Err(lost) => Waited::Died(lost.cause),
        };
        if kept && matches!(waited, Waited::Died(_)) {
            Connection::doubt(&home);
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

/// Builds the head and reads a small body, or one that policies look at. Everything else of the request is gone afterwards.
/// The inner error is an answer of ours.
async fn prepare(
    gate: &Arc<MobileGate>,
    registered: &Registered,
    upstream: &Upstream,
    request: Box<(Parts, Incoming)>,
) -> Result<Result<Prepared, Box<Response<Answer>>>, Fault> {
    let asked = &registered.entry.asked;
    let (mut parts, body) = *request;
    let mut plan = Plan::of(gate, asked, &mut parts);
    let known = body.size_hint().exact();
    let small = known.is_some_and(|length| length <= gate.settings.whole_body as u64);
    let outgoing = match plan.take_if(|plan| plan.reads_request()) {
        Some(asking) => match judged(gate, &registered.entry, asking, (&mut parts, body)).await? {
            (asking, Upward::Pass(bytes)) => {
                if let Some(question) = asking.question() {
                    let told = Box::pin(question::ask(gate, registered, upstream, &parts, question)).await?;
                    if let Some(refusal) = told.and_then(|body| asking.told(gate, asked, body.as_ref())) {
                        return Ok(Err(Box::new(refusal)));
                    }
                }
                plan = Some(asking);
                Outgoing::Whole(bytes)
            }
            (_, Upward::Answered(answer)) => return Ok(Err(answer)),
        },
        _ if small => Outgoing::Whole(whole(body, gate.settings.body_idle).await?),
        _ => Outgoing::Stream(Some(body), known),
    };
    let waits = match (asked.command, &outgoing) {
        (Some(Command::Ping), _) => true,
        (Some(Command::Sync), Outgoing::Whole(bytes)) => !parts.headers.contains_key(header::CONTENT_ENCODING) && waits(bytes),
        _ => false,
    };
    if waits {
        registered.is_a_poll();
        // What was ordered since it came found no poll to end.
        if gate.is_draining() || Mark::of(gate, asked) != registered.entry.mark {
            crate::parked::drain(&registered.entry);
        }
    }
    let plan = plan.filter(|plan| plan.reads_answer());
    let client = asked.gateway.forward_client_address.then_some(asked.client);
    let path = asked.path.as_deref().unwrap_or(&upstream.path);
    let head = request_head(&parts, path, client, plan.is_some(), &outgoing);
    Ok(Ok(Prepared { head, outgoing, plan }))
}

/// Reads a body that policies look at, and asks them.
async fn judged(
    gate: &Arc<MobileGate>,
    entry: &Arc<Entry>,
    mut plan: Box<Plan>,
    (parts, body): (&mut Parts, Incoming),
) -> Result<(Box<Plan>, Upward), Fault> {
    let mut lease = Lease::new(gate);
    let came = read_request(body, gate.settings.body_idle, &mut lease).await?;
    let plain = decoded(&mut parts.headers, came, &mut lease, Guilty::Sender)?;
    let (own, entry) = (gate.clone(), entry.clone());
    let (plan, upward) = off_the_sockets(move || plan.request(&own, &entry.asked, plain).map(|upward| (plan, upward))).await?;
    Ok(match upward {
        Upward::Pass(bytes) => (plan, Upward::Pass(held(bytes, lease))),
        answered @ Upward::Answered(_) => (plan, answered),
    })
}

/// Reading and changing bodies takes processor time: not on a thread that serves sockets.
async fn off_the_sockets<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|cause| Err(Fault::temporary(Guilty::Ourselves, "internal", cause.to_string())))
}

/// Reads a small answer, which may say that the mail server refuses the device, and passes it on as it is.
async fn look(gate: &MobileGate, registered: Registered, (connection, head): (Connection, Box<Head>)) -> Response<Answer> {
    let entry = registered.entry.clone();
    let mut passing = Passing::new(connection, head.framing, head.keep, registered);
    let body = match elsewhere::whole(&mut passing, gate.settings.body_idle).await {
        Ok(body) => body,
        Err(cause) => return fail(gate, &entry.asked, &died(&cause)),
    };
    elsewhere::answered(gate, &entry.asked, head.status, Some(&body));
    let mut response = Response::new(Answer::Own(Some(body)));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// Reads an answer that policies change, and has it changed.
async fn change(
    gate: &Arc<MobileGate>,
    registered: Registered,
    plan: Box<Plan>,
    (connection, mut head): (Connection, Box<Head>),
) -> Response<Answer> {
    let mut lease = Lease::new(gate);
    let entry = registered.entry.clone();
    let plan: Arc<Plan> = plan.into();
    let big = matches!(head.framing, Framing::Length(length) if length > gate.settings.inspected_body as u64);
    if big && let Ok(None) = plan.too_big(gate, &entry.asked, &mut head.headers) {
        return pass(registered, connection, *head);
    }
    let mut passing = Passing::new(connection, head.framing, head.keep, registered);
    let came = if big {
        Err(Fault::permanent(Guilty::NextHop, TOO_BIG, "its length says so"))
    } else {
        read_answer(&mut passing, gate.settings.body_idle, &mut lease).await
    };
    let plain = came.and_then(|came| decoded(&mut head.headers, came, &mut lease, Guilty::NextHop));
    let mut headers = std::mem::take(&mut head.headers);
    let changed = match plain {
        Ok(plain) => {
            elsewhere::answered(gate, &entry.asked, head.status, Some(&plain));
            let (own, asking, entry) = (gate.clone(), plan.clone(), entry.clone());
            let work = move || asking.answer(&own, &entry.asked, plain, &mut headers).map(|body| (body, headers));
            off_the_sockets(work).await
        }
        Err(fault) if fault.code == TOO_BIG => {
            headers.remove(header::CONTENT_ENCODING);
            plan.too_big(gate, &entry.asked, &mut headers).and_then(|body| body.map(|body| (body, headers)).ok_or(fault))
        }
        Err(fault) => Err(fault),
    };
    let changed = changed.map(|(body, headers)| {
        head.headers = headers;
        body
    });
    let body = match changed {
        Ok(body) => body,
        Err(fault) => return fail(gate, &entry.asked, &fault),
    };
    // Its length is another one now.
    head.headers.remove(header::CONTENT_LENGTH);
    let mut response = Response::new(Answer::Own(Some(held(body, (lease, passing)))));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

fn waits(body: &[u8]) -> bool {
    wbxml::sync_waits(body, &Budget::new(wbxml::LIMITS)).unwrap_or(false)
}

/// Reads a small body into a buffer of its exact size, so that the connection's own buffer is free again.
async fn whole(mut body: Incoming, idle: Duration) -> Result<Bytes, Fault> {
    let lost = |cause: String| Fault::temporary(Guilty::Sender, "phone-gone", cause);
    let mut bytes = Vec::new();
    while let Some(frame) = tokio::time::timeout(idle, body.frame()).await.map_err(|_| lost("the body stands still".to_owned()))? {
        let frame = frame.map_err(|cause| lost(cause.to_string()))?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
    }
    Ok(bytes.into_boxed_slice().into())
}

/// Reads and forgets a small body of a request that is not passed on.
pub(crate) async fn swallow(gate: &MobileGate, body: Incoming) {
    if !body.is_end_stream() {
        let rest = Limited::new(body, gate.settings.whole_body).collect();
        drop(tokio::time::timeout(Duration::from_secs(5).min(gate.settings.body_idle), Box::pin(rest)).await);
    }
}

/// Waits for the answer's head, holding no buffer, until we have a reason to end it.
pub(crate) async fn wait(gate: &MobileGate, registered: &Registered, mut connection: Connection) -> Result<Waited, Fault> {
    let asked = &registered.entry.asked;
    let hangs = asked.command.is_some_and(Command::may_hang);
    let limit = if hangs { gate.settings.hang } else { gate.settings.answer };
    let waiting = poll_fn(|cx| {
        if let Some(ending) = registered.entry.ending(cx.waker()) {
            return Poll::Ready(Ok(Arrived::Ending(ending)));
        }
        loop {
            if let Some(head) = connection.head(asked.head_only)? {
                return Poll::Ready(Ok(Arrived::Head(Box::new(head))));
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
    Head(Box<Head>),
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
