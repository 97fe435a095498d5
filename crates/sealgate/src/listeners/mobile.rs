//! Phones' connections: TLS, then HTTP of the mobile gate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mobile::{Arrival, MobileGate};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::Tls;

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
        // A connection whose own end can't be told was on none of the listeners that a configuration may name.
        let local = stream.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        connections.spawn(async move {
            match tokio::time::timeout(handshake, acceptor.accept(stream)).await {
                // Boxed, so that the big state of the handshake is gone while the connection is parked.
                Ok(Ok(stream)) => {
                    let server_name = stream.get_ref().1.server_name().map(Into::into);
                    let arrival = Arrival { peer: address, local, server_name };
                    Box::pin(mobile::serve_connection(stream, arrival, gate, stop)).await;
                }
                Ok(Err(cause)) => tracing::debug!(client = %address.ip(), %cause, "TLS handshake failed"),
                Err(_) => tracing::debug!(client = %address.ip(), "TLS handshake took too long"),
            }
        });
    })
    .await;
}
