//! Sockets of this node: bound first, all of them, so that a port in use is named before anything runs; then one accept loop
//! each until the stop.

pub mod http;
pub mod metrics;
pub mod mobile;
pub mod mobile_admin;
mod mobile_policies;
pub mod smtp;

use std::net::SocketAddr;
use std::time::Duration;

use model::{Fault, Guilty};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Connections that the kernel may hold for us.
const BACKLOG: i32 = 4_096;

/// Binds one address.
///
/// # Errors
/// `port-in-use` or `listen-failed`, with the address and what to do.
pub fn bind(name: &'static str, address: SocketAddr) -> Result<std::net::TcpListener, Fault> {
    let fail = |e: std::io::Error| {
        let code = if e.kind() == std::io::ErrorKind::AddrInUse { "port-in-use" } else { "listen-failed" };
        Fault::permanent(Guilty::Configuration, code, format!("{name} {address}: {e}"))
            .with("listener", name)
            .with("address", address)
            .with("detail", e)
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(fail)?;
    socket.set_reuse_address(true).map_err(fail)?;
    socket.set_nonblocking(true).map_err(fail)?;
    socket.bind(&address.into()).map_err(fail)?;
    socket.listen(BACKLOG).map_err(fail)?;
    Ok(socket.into())
}

/// Hands each connection to `serve` until `stop`; an error of accept (no descriptors left) is logged and waited out.
pub async fn accept_loop(listener: TcpListener, stop: CancellationToken, mut serve: impl FnMut(TcpStream, SocketAddr)) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                serve(stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()));
            }
            Err(cause) => {
                tracing::error!(event = "listener.error", %cause, "no connection could be accepted; trying again in 100 ms");
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(100)) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let first = bind("smtp", "127.0.0.1:0".parse().unwrap()).unwrap();
        let fault = bind("console", first.local_addr().unwrap()).unwrap_err();
        assert_eq!(fault.code, "port-in-use");
        assert!(fault.cause.contains("console"));
    }
}
