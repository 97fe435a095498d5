//! MAIL: a transaction begins (RFC 5321 §4.1.1.2).

use model::{Address, BodyType, Envelope};

use super::session::{Flow, Session, Transaction};
use super::{Gate, MailParams, Reply};
use crate::wire::Stream;

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// Checks order and size, asks the gate, and begins the transaction.
    pub async fn mail(&mut self, sender: Option<Address>, size: Option<u64>, body: BodyType) -> Flow {
        if self.peer.helo.is_empty() {
            return self.bad(&Reply::new(503, "5.5.1", "Say EHLO first")).await;
        }
        if self.transaction.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "A mail is under way; send DATA or RSET first")).await;
        }
        let limit = self.gate.limits().size;
        if size.is_some_and(|size| size > limit) {
            let text = format!("Mail too large; the limit is {limit} octets");
            return self.put(&Reply::new(552, "5.3.4", &text)).await;
        }
        let params = MailParams { sender: sender.clone(), size, body };
        let reply = self.gate.mail(&self.peer, params).await;
        if reply.accepts() {
            let envelope = Envelope { sender, recipients: Vec::new(), body, envelope_id: None, ret: None, smtputf8: false };
            self.transaction = Some(Transaction { envelope, declared: size });
        }
        self.put(&reply).await
    }
}
