//! SMTP connections: each becomes one session of the mail gate.

use std::sync::Arc;

use flow::MailGate;
use model::Peer;
use smtp::inbound::{self, SessionSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves until `stop`; then running sessions end by themselves (421 to idle ones) and are waited for through `sessions`.
pub async fn run(listener: TcpListener, gate: MailGate, settings: Arc<SessionSettings>, stop: CancellationToken, sessions: TaskTracker) {
    let each = stop.clone();
    super::accept_loop(listener, stop, move |stream, address| {
        let (gate, settings, stop) = (gate.clone(), settings.clone(), each.clone());
        let peer = Peer { address: address.ip(), helo: String::new(), tls: None, account: None };
        sessions.spawn(async move {
            let ended = inbound::serve(stream, peer, gate.session(), &settings, &stop).await;
            tracing::debug!(peer = %address, ?ended, "session ended");
        });
    })
    .await;
}
