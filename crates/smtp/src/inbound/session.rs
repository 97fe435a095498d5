//! One client's session (first shape: the signature that the listener and `flow` build against).

use model::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::{Gate, SessionSettings};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The client said QUIT.
    Quit,
    /// The client closed, or the connection broke.
    Lost,
    /// Silence, or one mail took too long.
    Timeout,
    /// Too many bad commands, or another reply 421 of the protocol's.
    Abuse,
    /// The gate said 421 or turned the client away at the greeting.
    Gate,
    /// We are stopping.
    Stopped,
    /// The TLS handshake failed.
    Handshake,
}

/// What a session was, for one log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended.
    pub why: Why,
    /// Mails that got 2yz.
    pub accepted: u64,
    /// Mails that were refused after their last dot.
    pub refused: u64,
}

/// Serves one client until it goes, errs too often, is silent for too long, or `stop` is cancelled: then an idle
/// session gets `421 4.3.2` and a running DATA finishes first. `peer.tls` is set if the stream is under TLS
/// already (implicit TLS). The caller has set TCP_NODELAY and drops the stream's socket after this returns.
pub async fn serve<S, G>(_stream: S, _peer: Peer, _gate: G, _settings: &SessionSettings, _stop: &CancellationToken) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    G: Gate,
{
    Ended { why: Why::Lost, accepted: 0, refused: 0 }
}
