//! One connection of a phone: HTTP/1.1 or HTTP/2 by one strict parser, each request through `steps`.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::lazy;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::arrival::Arrival;
use crate::framing::Watched;
use crate::gate::MobileGate;
use crate::steps;

/// Serves one connection until it ends. `stream` is the phone's, TLS taken off; `arrival` says how it came. When `stop` is
/// cancelled, hanging polls are answered in the protocol's words, running answers finish, and the connection ends.
///
/// When the phone goes, what runs for it ends at once, and with it the connection to the mail server. The future is
/// small: everything big lies behind one pointer, so a task that holds it through an hour's poll costs little. `stream` should be, too: it
/// is moved twice, and each place that it lay in stays until the end.
pub async fn serve_connection<S>(stream: S, arrival: Arrival, gate: Arc<MobileGate>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let arrival = Arc::new(arrival);
    let mut watched = Box::new(Watched::new(stream, gate.settings.idle, gate.settings.body_idle));
    let served: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>> = match watched.speaks_http_2().await {
        Ok(false) => Box::pin(http_1(watched, arrival.clone(), gate.clone(), stop.clone())),
        Ok(true) => Box::pin(http_2(watched, arrival.clone(), gate.clone(), stop.clone())),
        Err(_) => return,
    };
    if let Err(cause) = served.await {
        // Phones go away in the middle of everything; that is no event.
        tracing::debug!(client = %arrival.peer.ip(), %cause, "the phone's connection ended early");
    }
}

fn http_1<S>(
    stream: Box<Watched<S>>,
    arrival: Arc<Arrival>,
    gate: Arc<MobileGate>,
    stop: CancellationToken,
) -> impl Future<Output = hyper::Result<()>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serving = gate.clone();
    let service = service_fn(move |request| one(serving.clone(), request, arrival.clone()));
    let mut connection = gate.http_1.serve_connection(TokioIo::new(stream), service);
    poll_with(stop, gate, move |cx, stopping| {
        if stopping {
            Pin::new(&mut connection).graceful_shutdown();
        }
        Pin::new(&mut connection).poll(cx)
    })
}

fn http_2<S>(
    stream: Box<Watched<S>>,
    arrival: Arc<Arrival>,
    gate: Arc<MobileGate>,
    stop: CancellationToken,
) -> impl Future<Output = hyper::Result<()>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let serving = gate.clone();
    let service = service_fn(move |request| one(serving.clone(), request, arrival.clone()));
    let mut connection = Box::pin(gate.http_2.serve_connection(TokioIo::new(stream), service));
    poll_with(stop, gate, move |cx, stopping| {
        if stopping {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
}

/// Polls a connection; says once that it is to end, and drains the gate then.
async fn poll_with(
    stop: CancellationToken,
    gate: Arc<MobileGate>,
    mut poll: impl FnMut(&mut Context<'_>, bool) -> Poll<hyper::Result<()>>,
) -> hyper::Result<()> {
    let ended = tokio::select! {
        ended = poll_fn(|cx| poll(cx, false)) => Some(ended),
        () = stop.cancelled() => None,
    };
    if let Some(ended) = ended {
        return ended;
    }
    let mut first = true;
    let ending = poll_fn(|cx| poll(cx, std::mem::take(&mut first)));
    // A task of its own: it ends other connections' polls too, and must outlive this one.
    tokio::spawn(async move { gate.drain(gate.settings.drain).await });
    ending.await
}

fn one(
    gate: Arc<MobileGate>,
    request: Request<Incoming>,
    arrival: Arc<Arrival>,
) -> impl Future<Output = Result<http::Response<crate::Answer>, std::convert::Infallible>> {
    let is_1 = request.version() < Version::HTTP_2;
    // `framing` counts on this: no request after a chunked one.
    let last = request.headers().contains_key(TRANSFER_ENCODING);
    // Made when it is first asked for, in the place where the request lay.
    lazy(move |_| steps::answer(gate, request, &arrival)).flatten().map(move |mut response| {
        // After something that could be read in two ways the next request may be a part of it.
        if is_1 && (last || response.status() == StatusCode::BAD_REQUEST) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    })
}
