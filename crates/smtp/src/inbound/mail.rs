//! MAIL: a transaction begins (RFC 5321 §4.1.1.2).

use model::Envelope;

use super::session::{Flow, Session, Transaction};
use super::{Gate, MailParams, Reply};
use crate::wire::Stream;

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// Checks order and size, asks the gate, and begins the transaction.
    pub async fn mail(&mut self, params: MailParams) -> Flow {
        if self.peer.helo.is_empty() && self.gate.wants_hello(&self.peer) {
            return self.bad(&Reply::new(503, "5.5.1", "Say EHLO first")).await;
        }
        if self.settings.submission && self.peer.account.is_none() {
            return self.bad(&Reply::new(530, "5.7.0", "Sign in first; this port is for people's mail programs")).await;
        }
        if self.transaction.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "A mail is under way; send DATA or RSET first")).await;
        }
        let limit = self.gate.limits().size;
        if params.size.is_some_and(|size| size > limit) {
            let text = format!("Mail too large; the limit is {limit} octets");
            self.put(&Reply::new(552, "5.3.4", &text)).await?;
            return self.idle_command();
        }
        let reply = self.gate.mail(&self.peer, params.clone()).await;
        if reply.accepts() {
            let MailParams { sender, size, body, ret, envelope_id, smtputf8 } = params;
            let envelope = Envelope { sender, recipients: Vec::new(), body, envelope_id, ret, smtputf8 };
            self.transaction = Some(Transaction { envelope, declared: size, chunks: None });
        }
        self.put(&reply).await?;
        // Each one may cost look-ups.
        if reply.accepts() { Ok(()) } else { self.idle_command() }
    }
}
