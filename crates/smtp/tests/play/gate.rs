//! A gate that answers as a dialogue plans it, and writes down what happened to mails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use model::{Envelope, Peer};
use smtp::inbound::{Gate, Limits, MailParams, RcptParams, Reply};
use tokio::sync::Notify;

use super::escape;

/// Shared with the test: plans go in, events come out.
#[derive(Clone)]
pub struct Script {
    pub plans: Arc<Mutex<HashMap<String, Reply>>>,
    pub events: Arc<Mutex<Vec<String>>>,
    pub limits: Arc<Mutex<Limits>>,
    /// While set, `data` says here that it has begun and waits for a permit.
    pub hold: Option<(Arc<Notify>, Arc<Notify>)>,
    pub room: usize,
}

impl Default for Script {
    fn default() -> Self {
        let limits = Limits { size: 50_000_000, recipients: 1_000 };
        Self { plans: Arc::default(), events: Arc::default(), limits: Arc::new(Mutex::new(limits)), hold: None, room: usize::MAX }
    }
}

impl Script {
    /// `mail alice@example.com -> 550 5.7.1 No`
    pub fn plan(&self, line: &str) {
        let (question, answer) = line.split_once(" -> ").expect("a plan has an arrow");
        let mut words = answer.splitn(3, ' ');
        let code = words.next().unwrap().parse().unwrap();
        let reply = Reply::new(code, words.next().unwrap_or_default(), words.next().unwrap_or_default());
        self.plans.lock().unwrap().insert(question.to_owned(), reply);
    }

    fn planned(&self, question: &str) -> Option<Reply> {
        self.plans.lock().unwrap().get(question).cloned()
    }

    pub fn note(&self, event: impl Into<String>) {
        self.events.lock().unwrap().push(event.into());
    }
}

impl Gate for Script {
    fn limits(&self) -> Limits {
        *self.limits.lock().unwrap()
    }

    async fn greet(&mut self, _peer: &Peer) -> Result<(), Reply> {
        self.planned("greet").map_or(Ok(()), Err)
    }

    async fn helo(&mut self, peer: &Peer, _extended: bool) -> Result<(), Reply> {
        self.planned(&format!("helo {}", peer.helo)).map_or(Ok(()), Err)
    }

    async fn mail(&mut self, _peer: &Peer, params: MailParams) -> Reply {
        let sender = params.sender.map(|address| address.to_string()).unwrap_or_default();
        self.planned(&format!("mail {sender}")).unwrap_or_else(|| Reply::new(250, "2.1.0", "Sender ok"))
    }

    async fn rcpt(&mut self, _peer: &Peer, params: RcptParams) -> Reply {
        let question = format!("rcpt {}", params.recipient.address);
        self.planned(&question).unwrap_or_else(|| Reply::new(250, "2.1.5", "Recipient ok"))
    }

    async fn begin_data(&mut self, _envelope: &Envelope, _declared: Option<u64>) -> Result<usize, Reply> {
        self.planned("begin").map_or(Ok(self.room), Err)
    }

    async fn data(&mut self, peer: &Peer, envelope: Envelope, content: Bytes) -> Reply {
        if let Some((begun, go)) = &self.hold {
            begun.notify_one();
            go.notified().await;
        }
        let to: Vec<String> = envelope.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
        let from = envelope.sender.map(|address| address.to_string()).unwrap_or_default();
        let shown = if content.len() > 200 { format!("{} octets", content.len()) } else { escape(&content) };
        let tls = if peer.tls.is_some() { " tls" } else { "" };
        self.note(format!("data{tls} <{from}> {} {shown}", to.join(",")));
        self.planned("data").unwrap_or_else(|| Reply::new(250, "2.0.0", "Taken"))
    }

    fn reset(&mut self) {
        self.note("reset");
    }

    async fn confirmed(&mut self) {
        self.note("confirmed");
    }

    async fn unconfirmed(&mut self) {
        self.note("unconfirmed");
    }
}
