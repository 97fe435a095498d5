//! Console and API: HTTPS from administrators, and plain HTTP on the node's own Unix socket.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use model::{Fault, Guilty};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer as _;
use tower::util::MapRequestLayer;

use crate::tls::Tls;

/// Serves the console until `stop`.
pub async fn run(listener: TcpListener, tls: Tls, router: Router, handshake: Duration, stop: CancellationToken, connections: TaskTracker) {
    let each = stop.clone();
    super::accept_loop(listener, stop, move |stream, address| {
        let (acceptor, router, stop) = (TlsAcceptor::from(tls.current()), router.clone(), each.clone());
        connections.spawn(async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(handshake, acceptor.accept(stream)).await {
                one(stream, with_address(router, address), stop).await;
            }
        });
    })
    .await;
}

/// Serves the local administrator until `stop`. The socket lies in the private data directory: who can open it owns the node.
///
/// # Errors
/// When the socket can't be made.
pub fn local(path: &Path, router: Router, stop: CancellationToken, connections: &TaskTracker) -> Result<(), Fault> {
    let _ = std::fs::remove_file(path);
    let fail = |e: std::io::Error| {
        Fault::permanent(Guilty::Configuration, "listen-failed", format!("{}: {e}", path.display()))
            .with("listener", "local")
            .with("address", path.display())
            .with("detail", e)
    };
    let listener = UnixListener::bind(path).map_err(fail)?;
    let tasks = connections.clone();
    connections.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            if let Ok((stream, _)) = accepted {
                tasks.spawn(one(stream, router.clone(), stop.clone()));
            }
        }
    });
    Ok(())
}

fn with_address(router: Router, address: SocketAddr) -> Router {
    let layer = MapRequestLayer::new(move |mut request: axum::extract::Request| {
        request.extensions_mut().insert(web::caller::ClientAddress(address.ip()));
        request
    });
    Router::new().fallback_service(layer.layer(router))
}

async fn one<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = Builder::new(TokioExecutor::new());
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router)));
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
