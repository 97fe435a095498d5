//! Phones' connections: a balancer's word about the client, TLS, then HTTP of the mobile gate.
//!
//! From trusted proxies alone a PROXY v2 header is taken before anything else, and a connection without TLS, where a
//! configuration says that TLS is taken off before us (mobile-gateway.md G-2, G-37). Which of these comes is told by the first
//! octet: TLS begins with 0x16, PROXY v2 with CR, a request with a letter.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mobile::{Arrival, MobileGate};
use smtp::inbound::proxy::{self, Proxied};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::Tls;

/// First octet of a TLS record with a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 0x16;
/// First octet of a PROXY v2 header.
const PROXY: u8 = b'\r';

/// Serves until `stop`; then parked polls are drained by the gate and waited for through `connections`.
pub async fn run(
    listener: TcpListener,
    tls: Tls,
    gate: Arc<MobileGate>,
    handshake: Duration,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    let each = stop.clone();
    super::accept_loop(listener, stop, move |stream, address| {
        let (acceptor, gate, stop) = (TlsAcceptor::from(tls.current()), gate.clone(), each.clone());
        connections.spawn(async move {
            // Both boxed, so that the big state of the handshake is gone while the connection is parked.
            let met = tokio::time::timeout(handshake, Box::pin(meet(stream, address, acceptor, &gate))).await;
            match met.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok((Met::Tls(stream), arrival)) => Box::pin(mobile::serve_connection(stream, arrival, gate, stop)).await,
                Ok((Met::Plain(stream), arrival)) => Box::pin(mobile::serve_connection(stream, arrival, gate, stop)).await,
                Err(cause) => tracing::debug!(client = %address.ip(), %cause, "the connection came to no request"),
            }
        });
    })
    .await;
}

/// A connection that requests may come on.
enum Met {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

async fn meet(mut stream: TcpStream, mut peer: SocketAddr, acceptor: TlsAcceptor, gate: &MobileGate) -> io::Result<(Met, Arrival)> {
    let local = stream.local_addr()?;
    let trusted = gate.is_trusted_proxy(peer.ip());
    let mut first = first_octet(&stream).await?;
    if first == PROXY && trusted {
        if let Proxied::Client(client) = proxy::read(&mut stream).await? {
            peer = SocketAddr::new(client, 0);
        }
        first = first_octet(&stream).await?;
    }
    if first != HANDSHAKE && trusted && gate.takes_plain() {
        return Ok((Met::Plain(stream), Arrival { peer, local, server_name: None, plain: true }));
    }
    let stream = acceptor.accept(stream).await?;
    let server_name = stream.get_ref().1.server_name().map(Into::into);
    Ok((Met::Tls(Box::new(stream)), Arrival { peer, local, server_name, plain: false }))
}

/// Looks, and leaves it there.
async fn first_octet(stream: &TcpStream) -> io::Result<u8> {
    let mut first = [0];
    match stream.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(first[0]),
    }
}
