//! One SMTP session's questions, answered by the mail gate. Before: `smtp::inbound::session`. After: [`crate::decide`].
//!
//! The steps for one mail stand in [`Session::data`] and `MailGate::process`; nothing else of the gate keeps an order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crypto::pool::CpuPool;
use message::Message;
use model::{Address, Budget, Clock, Commit, Envelope, Facts, Fault, Guilty, KeyUse, Language, Limits, MemoryLease, MemoryPool, Origin, Peer, TraceId};
use smtp::inbound::{self, Gate, MailParams, RcptParams, Reply};

use crate::limits::{Seat, Sessions};
use crate::queue::Queue;
use crate::ruleset::Compiled;
use crate::simulate::{self, Simulated};
use crate::state::{MailState, Work};
use crate::{accept, assemble, authenticate, decide};

/// Received fields beyond which a mail is taken to be in a loop (RFC 5321 §6.3).
const HOPS_MAX: usize = 50;
/// Memory that a mail in work needs, in multiples of its size: its bytes, an edited copy, a signed and an encrypted form,
/// and what opening needs at its peak (3–7 measured; docs/benchmarks.md).
const MEMORY_FACTOR: usize = 6;
/// What a mail of unknown size is first taken to need.
const ROOM_FIRST: usize = 64 << 10;
/// Mail over this size leaves a quarter of the memory to smaller mail.
const LARGE: usize = 1 << 20;

/// What the mail gate is made of.
pub struct Parts {
    /// The site, in memory.
    pub facts: Arc<dyn Facts>,
    /// Private keys, by handle.
    pub keys: Arc<dyn KeyUse>,
    /// Where plans are committed.
    pub queue: Arc<Queue>,
    /// Where cryptography runs.
    pub pool: CpuPool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Memory for mail in work.
    pub memory: MemoryPool,
    /// Open sessions.
    pub sessions: Sessions,
    /// From the final dot to the answer.
    pub budget: Duration,
    /// Our name while the site has none.
    pub hostname: String,
}

/// The mail gate of one node. Cheap to clone.
#[derive(Clone)]
pub struct MailGate {
    parts: Arc<Parts>,
    rules: Arc<Compiled>,
}

/// One SMTP session.
pub struct Session {
    gate: MailGate,
    seat: Option<Seat>,
    lease: Option<MemoryLease>,
    answered: Option<TraceId>,
}

impl MailGate {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), rules: Arc::default() }
    }

    /// A gate for one session.
    #[must_use]
    pub fn session(&self) -> Session {
        Session { gate: self.clone(), seat: None, lease: None, answered: None }
    }

    /// Our name in greetings and Received fields.
    #[must_use]
    pub fn hostname(&self) -> String {
        let site = self.parts.facts.site();
        if site.mail.hostname.is_empty() { self.parts.hostname.clone() } else { site.mail.hostname.clone() }
    }

    /// SMTP sessions open now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.parts.sessions.open()
    }

    /// A mail's way through a rule set (`None`: the one that runs) without sending anything (M-R4).
    ///
    /// # Errors
    /// As a client would get it.
    pub async fn simulate(&self, rules: Option<Arc<rules::RuleSet>>, origin: Origin, envelope: Envelope, message: Message) -> Result<Simulated, Fault> {
        let site = self.parts.facts.site();
        let rules = rules.map_or_else(|| self.rules.of(&site), Ok)?;
        let budget = Budget::new(Limits { time: self.parts.budget, ..Limits::default() });
        let (keys, pool, now) = (self.parts.keys.clone(), self.parts.pool.clone(), self.parts.clock.now());
        let work = Work { trace: TraceId::new(), site, origin, envelope, now, budget, keys, pool };
        simulate::run(&work, rules, message).await
    }

    /// The life of one mail between its final dot and the answer.
    async fn process(&self, trace: TraceId, origin: Origin, envelope: Envelope, content: Bytes, digest: String) -> Result<Reply, Fault> {
        let parts = &self.parts;
        let site = parts.facts.site();
        let budget = Budget::new(Limits { time: parts.budget, ..Limits::default() });
        let message = Message::parse(content, &budget).map_err(Fault::from)?;
        check_hops(&message)?;
        if !authenticate::identity(&site, &origin, envelope.sender.as_ref()).authenticated {
            message.refuse_ambiguous()?;
        }
        let message = authenticate::strip_own_marks(message, &budget)?;
        let user = authenticate::identity(&site, &origin, envelope.sender.as_ref());
        let rules = self.rules.of(&site)?;
        let now = parts.clock.now();
        let work = Work { trace, site, origin, envelope, now, budget, keys: parts.keys.clone(), pool: parts.pool.clone() };
        let decision = decide::decide(&work, rules, MailState::new(message, user)).await?;
        let (plan, reply) = assemble::plan(&work, decision, &self.hostname(), digest)?;
        if let Some(plan) = plan {
            parts.queue.commit(plan).await?;
        }
        Ok(reply)
    }
}

fn check_hops(message: &Message) -> Result<(), Fault> {
    let hops = message.fields_named("received").count();
    if hops <= HOPS_MAX {
        return Ok(());
    }
    Err(Fault::permanent(Guilty::Sender, "mail-loop", format!("{hops} Received fields")).with("hops", hops))
}

/// What a fault looks like to an SMTP client.
#[must_use]
pub fn reply_for(fault: &Fault) -> Reply {
    inbound::reply_for(fault, &texts::fault(Language::En, fault))
}

/// What a retry after a lost 250 is recognised by: SHA-256 over peer, envelope and data, hex.
fn digest(peer: IpAddr, envelope: &Envelope, content: &[u8]) -> String {
    let mut hash = openssl::sha::Sha256::new();
    hash.update(peer.to_string().as_bytes());
    hash.update(b"\0");
    hash.update(envelope.sender.as_ref().map_or("", Address::as_str).as_bytes());
    for recipient in &envelope.recipients {
        hash.update(b"\0");
        hash.update(recipient.address.as_str().as_bytes());
    }
    hash.update(b"\0\0");
    hash.update(content);
    data_encoding::HEXLOWER.encode(&hash.finish())
}

impl Session {
    fn lease(&mut self, size: usize) -> Result<usize, Reply> {
        let need = size.max(ROOM_FIRST).saturating_mul(MEMORY_FACTOR);
        self.lease = None;
        let pool = &self.gate.parts.memory;
        let spare = if size > LARGE { pool.total() / 4 } else { 0 };
        let refused = |cause: String| reply_for(&Fault::temporary(Guilty::Ourselves, "memory", cause));
        if pool.free() < need.saturating_add(spare) {
            return Err(refused(format!("{need} octets needed, {} free", pool.free())));
        }
        self.lease = Some(pool.lease(need).map_err(|e| refused(e.to_string()))?);
        Ok(size.max(ROOM_FIRST))
    }
}

impl Gate for Session {
    fn limits(&self) -> inbound::Limits {
        let mail = &self.gate.parts.facts.site().mail;
        inbound::Limits { size: mail.max_message_size.0, recipients: mail.max_recipients as usize }
    }

    async fn greet(&mut self, peer: &Peer) -> Result<(), Reply> {
        let exempt = self.gate.parts.facts.site().may_relay(peer.address);
        self.seat = Some(self.gate.parts.sessions.enter(peer.address, exempt).map_err(|fault| reply_for(&fault))?);
        Ok(())
    }

    async fn helo(&mut self, _peer: &Peer, _extended: bool) -> Result<(), Reply> {
        Ok(())
    }

    async fn mail(&mut self, _peer: &Peer, _params: MailParams) -> Reply {
        Reply::new(250, "2.1.0", "Sender noted")
    }

    async fn rcpt(&mut self, peer: &Peer, params: RcptParams) -> Reply {
        match accept::recipient(&self.gate.parts.facts.site(), peer, &params.recipient.address) {
            Ok(()) => Reply::new(250, "2.1.5", "Recipient noted"),
            Err(fault) => {
                tracing::info!(event = "mail.refused", peer = %peer.address, code = fault.code, cause = %fault.cause);
                reply_for(&fault)
            }
        }
    }

    async fn begin_data(&mut self, _envelope: &Envelope, declared: Option<u64>) -> Result<usize, Reply> {
        let declared = declared.and_then(|size| usize::try_from(size).ok()).unwrap_or(ROOM_FIRST);
        self.lease(declared)
    }

    async fn more_room(&mut self, _so_far: usize) -> Result<usize, Reply> {
        // The whole need at once: a mail that has outgrown its first room may grow to the limit.
        let limit = usize::try_from(self.limits().size).unwrap_or(usize::MAX);
        self.lease(limit)
    }

    async fn data(&mut self, peer: &Peer, envelope: Envelope, content: Bytes) -> Reply {
        let size = content.len();
        let digest = digest(peer.address, &envelope, &content);
        if let Some(trace) = self.gate.parts.queue.known_reply(&digest) {
            tracing::info!(event = "mail.repeated", %trace, peer = %peer.address, "a retry after a lost reply; nothing is queued again");
            self.answered = Some(trace);
            self.lease = None;
            return assemble::accepted(trace);
        }
        let trace = TraceId::new();
        let (from, to) = (envelope.sender.clone(), envelope.recipients.len());
        let origin = Origin::Smtp { peer: peer.clone() };
        let work = self.gate.process(trace, origin, envelope, content, digest);
        let outcome = tokio::time::timeout(self.gate.parts.budget, work).await.unwrap_or_else(|_| Err(decide::too_long()));
        self.lease = None;
        match outcome {
            Ok(reply) => {
                let from = from.as_ref().map_or("", Address::as_str);
                tracing::info!(event = "mail.accepted", %trace, peer = %peer.address, from, recipients = to, size, reply = reply.code());
                self.answered = reply.accepts().then_some(trace);
                reply
            }
            Err(fault) => {
                tracing::warn!(event = "mail.refused", %trace, peer = %peer.address, code = fault.code, cause = %fault.cause);
                reply_for(&fault)
            }
        }
    }

    fn reset(&mut self) {
        self.lease = None;
    }

    async fn confirmed(&mut self) {
        if let Some(trace) = self.answered.take() {
            self.gate.parts.queue.confirm(trace);
        }
    }

    async fn unconfirmed(&mut self) {
        if let Some(trace) = self.answered.take() {
            tracing::info!(event = "mail.unconfirmed", %trace, "the client may not have read our reply; its retry will be recognised");
        }
    }
}
