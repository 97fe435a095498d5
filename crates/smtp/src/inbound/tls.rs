//! STARTTLS: the session goes under TLS and begins anew (RFC 3207).
//!
//! Whatever the client pipelined behind STARTTLS came in clear, perhaps from somebody else; it is thrown away
//! and never read as commands after the handshake (RFC 3207 §4.2, §6).

use std::sync::Arc;

use tokio::time::timeout;

use super::session::{Flow, Session, Why};
use super::{Gate, Reply};
use crate::wire::Stream;

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// Answers STARTTLS, makes the handshake, forgets all that was said before.
    pub async fn start_tls(&mut self) -> Flow {
        if self.peer.tls.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "TLS is in use already")).await;
        }
        let Some(config) = (self.settings.certificate)() else {
            return self.bad(&Reply::new(454, "4.7.0", "TLS is not available now")).await;
        };
        self.forget();
        self.put(&Reply::new(220, "2.0.0", "Ready to start TLS")).await?;
        self.flush().await?;
        self.input.clear();
        self.handshake(config).await?;
        // What was said in clear counts no more, a login by XCLIENT neither (RFC 3207 §4.2).
        self.peer.helo.clear();
        self.peer.account = None;
        Ok(())
    }

    /// The handshake alone.
    pub async fn handshake(&mut self, config: Arc<rustls::ServerConfig>) -> Flow {
        match timeout(self.settings.handshake, self.wire.accept_tls(config)).await {
            Ok(Ok(facts)) => {
                self.peer.tls = Some(facts);
                self.peer.proof.names = self.wire.peer_certificates().map(|chain| (self.settings.client_names)(chain)).unwrap_or_default();
                Ok(())
            }
            Ok(Err(error)) => {
                tracing::debug!(peer = %self.peer.address, %error, "TLS handshake failed");
                Err(Why::Handshake)
            }
            Err(_) => Err(Why::Handshake),
        }
    }
}
