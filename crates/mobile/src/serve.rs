//! One connection of a phone: HTTP/1.1 or HTTP/2 by one strict parser, each request through `steps`.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::framing::Watched;
use crate::gate::MobileGate;
use crate::steps;

/// Serves one connection until it ends. `stream` is the phone's, TLS taken off; `peer` is who connected. When `stop` is
/// cancelled, hanging polls are answered in the protocol's words, running answers finish, and the connection ends.
///
/// When the phone goes, what runs for it ends at once, and with it the connection to the mail server.
pub async fn serve_connection<S>(stream: S, peer: SocketAddr, gate: Arc<MobileGate>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let watched = Watched::new(stream, gate.settings.idle);
    let service = service_fn(|request| one(gate.clone(), request, peer));
    let mut connection = pin!(gate.http.serve_connection(TokioIo::new(watched), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let (ended, ()) = tokio::join!(connection, gate.drain(gate.settings.drain));
            ended
        }
    };
    if let Err(cause) = ended {
        // Phones go away in the middle of everything; that is no event.
        tracing::debug!(client = %peer.ip(), %cause, "the phone's connection ended early");
    }
}

async fn one(
    gate: Arc<MobileGate>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<http::Response<crate::Answer>, std::convert::Infallible> {
    // `framing` counts on this: no request after a chunked one.
    let last = request.version() < Version::HTTP_2 && request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = steps::answer(gate, request, peer.ip()).await?;
    if last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
