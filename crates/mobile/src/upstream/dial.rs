//! Connecting to the mail server: all its addresses by turns, so that a balancer there can spread too (G-37).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use model::{Fault, Guilty};
use outside::proxy::Proxy;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::proxy::refused;

/// A connection's bytes, with or without TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    /// `http://`
    Plain(TcpStream),
    /// `https://`
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// What the server showed, its own certificate first, also when it resumed a session; nothing without TLS.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Plain(_) => &[],
            Self::Tls(stream) => stream.get_ref().1.peer_certificates().unwrap_or_default(),
        }
    }
}

/// Connects to the first address that answers, beginning at another one each turn.
///
/// # Errors
/// Temporary when no address answers, permanent when TLS fails: a bad certificate does not get better by itself, and
/// there is no fall-back.
pub(crate) async fn dial(host: &str, port: u16, tls: Option<&(TlsConnector, ServerName<'static>)>, way: Way<'_>) -> Result<Stream, Fault> {
    let Some(proxy) = way.proxy else { return secure(reach(host, port, way).await?, tls).await };
    let mut stream = reach(proxy.host(), proxy.port(), way).await?;
    proxy.tunnel(&mut stream, host, port).await.map_err(|error| refused(&error))?;
    secure(stream, tls).await
}

/// How a host is reached.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// Local addresses, by turns.
    pub(crate) sources: &'a [IpAddr],
    /// Counts connections.
    pub(crate) turn: usize,
    /// A proxy that leads there.
    pub(crate) proxy: Option<&'a Proxy>,
}

/// The first address of a host that answers.
async fn reach(host: &str, port: u16, Way { sources, turn, .. }: Way<'_>) -> Result<TcpStream, Fault> {
    let unreachable = |cause: String| Fault::temporary(Guilty::NextHop, "mail-server-unreachable", cause);
    let found = tokio::net::lookup_host((host, port)).await.map_err(|cause| unreachable(format!("{host}: {cause}")))?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(unreachable(format!("{host} has no address")));
    }
    let first = turn % addresses.len();
    addresses.rotate_left(first);
    let mut last = None;
    for address in addresses {
        match connect(address, sources, turn).await {
            Ok(stream) => return Ok(stream),
            Err(cause) => last = Some(format!("{address}: {cause}")),
        }
    }
    Err(unreachable(last.unwrap_or_default()))
}

async fn connect(address: SocketAddr, sources: &[IpAddr], turn: usize) -> io::Result<TcpStream> {
    let family: Vec<IpAddr> = sources.iter().copied().filter(|source| source.is_ipv4() == address.is_ipv4()).collect();
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = family.get(turn % family.len().max(1)) {
        socket.bind(SocketAddr::new(*source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn secure(stream: TcpStream, tls: Option<&(TlsConnector, ServerName<'static>)>) -> Result<Stream, Fault> {
    let Some((connector, name)) = tls else { return Ok(Stream::Plain(stream)) };
    let secured = connector.connect(name.clone(), stream).await;
    secured
        .map(|stream| Stream::Tls(Box::new(stream)))
        .map_err(|cause| Fault::permanent(Guilty::NextHop, "mail-server-tls", format!("TLS with {}: {cause}", name.to_str())))
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
