//! A connection that may turn from clear to TLS in its life (STARTTLS, RFC 3207), for both directions.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use model::TlsFacts;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What both directions need of a stream.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The stream in its present state.
pub enum Wire<S> {
    /// In clear.
    Plain(S),
    /// Under TLS.
    Tls(Box<tokio_rustls::TlsStream<S>>),
    /// A handshake failed; every read and write fails.
    Gone,
}

impl<S: Stream> Wire<S> {
    /// Becomes a TLS server. Whatever fails, the wire is gone.
    pub async fn accept_tls(&mut self, config: Arc<rustls::ServerConfig>) -> io::Result<TlsFacts> {
        let stream = self.take_plain()?;
        let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await?;
        Ok(self.put_tls(stream.into()))
    }

    /// Becomes a TLS client. Whatever fails, the wire is gone.
    pub async fn connect_tls(&mut self, config: Arc<rustls::ClientConfig>, name: ServerName<'static>) -> io::Result<TlsFacts> {
        let stream = self.take_plain()?;
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await?;
        Ok(self.put_tls(stream.into()))
    }

    /// The other side's certificates, leaf first, if it has shown any.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.peer_certificates(),
            Self::Plain(_) | Self::Gone => None,
        }
    }

    fn take_plain(&mut self) -> io::Result<S> {
        match std::mem::replace(self, Self::Gone) {
            Self::Plain(stream) => Ok(stream),
            Self::Tls(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn put_tls(&mut self, stream: tokio_rustls::TlsStream<S>) -> TlsFacts {
        let (_, session) = stream.get_ref();
        let facts = tls_facts(session);
        *self = Self::Tls(Box::new(stream));
        facts
    }
}

/// What TLS a handshake has agreed on, for a listener that makes it itself (implicit TLS, RFC 8314 §3).
#[must_use]
pub fn tls_facts(session: &rustls::CommonState) -> TlsFacts {
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = session.negotiated_cipher_suite().map(|suite| iana_name(suite.suite())).unwrap_or_default();
    TlsFacts { version, cipher }
}

/// The registry's name of a suite; rustls writes TLS 1.3 suites as `TLS13_…`.
fn iana_name(suite: rustls::CipherSuite) -> String {
    suite.as_str().map_or_else(|| format!("{suite:?}"), |name| name.replace("TLS13_", "TLS_"))
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl<S: Stream> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Gone => gone(),
        }
    }
}

impl<S: Stream> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Gone => gone(),
        }
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Gone => gone(),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Gone => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Gone => gone(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}
