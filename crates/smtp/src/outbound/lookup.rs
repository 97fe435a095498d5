//! Asking a server whether it would take mail for one address: MAIL with the null sender, RCPT, and no mail.
//!
//! After the connection is open, instead of a transaction. RCPT is asked, not VRFY: servers answer VRFY with 252 or not at all
//! (RFC 5321 §3.5.3, §7.3). It must never open DATA.

use model::{Address, Outcome};
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;
use super::dialogue::Broken;
use super::envelope;
use super::reply::RemoteReply;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// What the server says to RCPT. "Not done" for good is its word about this recipient; whatever else goes wrong, a refused
    /// null sender among it (which every server has to take, RFC 5321 §4.5.5), is for now only: it tells nothing about the recipient.
    pub async fn would_take(&mut self, recipient: &Address) -> Outcome {
        if envelope::needs_utf8(recipient) && !self.extensions.smtputf8 {
            let reply = "the address needs SMTPUTF8, and the server does not offer it".to_owned();
            return Outcome::NotDone { temporary: false, status: "5.6.7".to_owned(), reply, by: String::new() };
        }
        self.ask_for(recipient).await.unwrap_or_else(|broken| {
            self.open = false;
            broken.outcome(&self.by)
        })
    }

    async fn ask_for(&mut self, recipient: &Address) -> Result<Outcome, Broken> {
        let wait = self.timeouts.command;
        if self.dirty && !self.dialogue.ask("RSET\r\n", wait).await?.accepts() {
            return Err(Broken::Lost("the server refused RSET".to_owned()));
        }
        self.dirty = true;
        let international = envelope::needs_utf8(recipient);
        let mail = self.dialogue.ask(if international { "MAIL FROM:<> SMTPUTF8\r\n" } else { "MAIL FROM:<>\r\n" }, wait).await?;
        if !mail.accepts() {
            return Ok(self.for_now(&mail));
        }
        let command = format!("RCPT TO:<{}>\r\n", envelope::on_the_wire(recipient, international));
        let reply = self.dialogue.ask(&command, wait).await?;
        match reply.code() {
            200..=299 => Ok(Outcome::Done { reply: reply.text() }),
            // A full mailbox, or too many recipients: there is one (RFC 5321 §4.5.3.1.10).
            552 => Ok(self.for_now(&reply)),
            _ => Ok(self.refusal(&reply)),
        }
    }

    fn refusal(&mut self, reply: &RemoteReply) -> Outcome {
        self.open = reply.code() != 421;
        reply.refusal(&self.by)
    }

    fn for_now(&mut self, reply: &RemoteReply) -> Outcome {
        match self.refusal(reply) {
            Outcome::NotDone { reply, by, .. } => Outcome::NotDone { temporary: true, status: "4.4.0".to_owned(), reply, by },
            outcome => outcome,
        }
    }
}
