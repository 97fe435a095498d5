//! A gate that answers as a dialogue plans it, and writes down what happened to mails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use model::{Address, Envelope, Peer, Recipient, SecretText};
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
    /// `bob@company.example` may sign in with `secret`.
    pub accounts: bool,
    /// The client is known.
    pub trusts: bool,
}

impl Default for Script {
    fn default() -> Self {
        let limits = Limits { size: 50_000_000, recipients: 1_000 };
        Self {
            plans: Arc::default(),
            events: Arc::default(),
            limits: Arc::new(Mutex::new(limits)),
            hold: None,
            room: usize::MAX,
            accounts: false,
            trusts: false,
        }
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

/// A recipient with what RCPT said beside the address.
fn shown(recipient: &Recipient) -> String {
    let original = recipient.original.as_ref().map(|text| format!(" ORCPT={text}")).unwrap_or_default();
    let notify = recipient.notify.map(|n| format!(" NOTIFY={}{}{}", u8::from(n.success), u8::from(n.failure), u8::from(n.delay)));
    format!("{}{original}{}", recipient.address, notify.unwrap_or_default())
}

/// What MAIL said beside the address, but for SIZE and BODY.
fn parameters(envelope: &Envelope) -> String {
    let ret = envelope.ret.map(|ret| format!(" RET={ret:?}")).unwrap_or_default();
    let id = envelope.envelope_id.as_ref().map(|id| format!(" ENVID={id}")).unwrap_or_default();
    format!("{ret}{id}{}", if envelope.smtputf8 { " SMTPUTF8" } else { "" })
}

impl Gate for Script {
    fn limits(&self) -> Limits {
        *self.limits.lock().unwrap()
    }

    async fn greet(&mut self, peer: &Peer) -> Result<(), Reply> {
        self.planned("greet").or(self.planned(&format!("greet {}", peer.address))).map_or(Ok(()), Err)
    }

    fn trusts(&self, _peer: &Peer) -> bool {
        self.trusts
    }

    fn signs_in(&self) -> bool {
        self.accounts
    }

    async fn sign_in(&mut self, _peer: &Peer, name: &str, password: SecretText) -> Result<Address, Reply> {
        let fits = name == "bob@company.example" && password.expose() == "secret";
        Address::parse(name).ok().filter(|_| fits).ok_or_else(|| Reply::new(535, "5.7.8", "No"))
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

    async fn begin_data(&mut self, _peer: &Peer, _envelope: &Envelope, _declared: Option<u64>) -> Result<usize, Reply> {
        self.planned("begin").map_or(Ok(self.room), Err)
    }

    async fn data(&mut self, peer: &Peer, envelope: Envelope, content: Bytes) -> Reply {
        if let Some((begun, go)) = &self.hold {
            begun.notify_one();
            go.notified().await;
        }
        let to: Vec<String> = envelope.recipients.iter().map(shown).collect();
        let mail = parameters(&envelope);
        let from = envelope.sender.map(|address| address.to_string()).unwrap_or_default();
        let shown = if content.len() > 200 { format!("{} octets", content.len()) } else { escape(&content) };
        let tls = if peer.tls.is_some() { " tls" } else { "" };
        let account = peer.account.as_ref().map(|account| format!(" as {account}")).unwrap_or_default();
        let client = if peer.address.to_string() == "192.0.2.1" { String::new() } else { format!(" for {}", peer.address) };
        self.note(format!("data{tls}{account}{client} <{from}>{mail} {} {shown}", to.join(",")));
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
