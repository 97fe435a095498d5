//! RCPT: one more recipient (RFC 5321 §4.1.1.3). A client that is refused too many of them is let go.

use model::{Address, Recipient};

use super::command::{CommandError, Rcpt};
use super::session::{Flow, Session};
use super::{Gate, RcptParams, Reply};
use crate::wire::Stream;

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// Checks order and count, asks the gate, and takes the recipient into the envelope. An address of `None` is
    /// `<Postmaster>`, whom every server takes mail for (RFC 5321 §4.5.1): it means ours.
    pub async fn rcpt(&mut self, command: Rcpt) -> Flow {
        let Some(transaction) = self.transaction.as_ref() else {
            return self.bad(&Reply::new(503, "5.5.1", "Send MAIL first")).await;
        };
        if transaction.chunks.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "The content has begun; recipients come before it")).await;
        }
        let (accepted, smtputf8) = (transaction.envelope.recipients.len(), transaction.envelope.smtputf8);
        if accepted >= self.gate.limits().recipients {
            return self.refuse_recipient(&Reply::new(452, "4.5.3", "Too many recipients; send the rest as another mail")).await;
        }
        let Rcpt { address, original, notify } = command;
        let beyond = address.as_ref().is_some_and(Address::needs_utf8) || original.as_ref().is_some_and(|text| !text.is_ascii());
        if beyond && !smtputf8 {
            return self.bad(&CommandError::Utf8.reply()).await;
        }
        let address = address.or_else(|| Address::parse(&format!("postmaster@{}", self.settings.hostname)).ok());
        let Some(address) = address else {
            return self.refuse_recipient(&Reply::new(550, "5.1.1", "No postmaster without a domain here")).await;
        };
        let recipient = Recipient { address, original, notify };
        let reply = self.gate.rcpt(&self.peer, RcptParams { recipient: recipient.clone(), accepted }).await;
        if let Some(transaction) = self.transaction.as_mut().filter(|_| reply.accepts()) {
            transaction.envelope.recipients.push(recipient);
        }
        if reply.accepts() { self.put(&reply).await } else { self.refuse_recipient(&reply).await }
    }
}
