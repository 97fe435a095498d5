//! One SMTP session's questions, answered by the mail gate. Before: `smtp::inbound::session`. After: [`crate::decide`].
//!
//! The steps for one mail stand in [`Session::data`] and `MailGate::process`; nothing else of the gate keeps an order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crypto::pool::{CpuPool, Priority};
use message::Message;
use model::{
    Address, Budget, Clock, Commit, Envelope, Facts, Fault, Guilty, KeyUse, Language, Limits, Origin, Outcome, Peer, SecretText, Secrets,
    Site, TraceId,
};
use smtp::inbound::{self, Gate, MailParams, RcptParams, Reply};

use crate::assemble::Assembled;
use crate::issuers::Issuers;
use crate::limits::{Seat, Sessions};
use crate::new_keys::KeyMaker;
use crate::own_mail::OwnMail;
use crate::queue::{Queue, Taken};
use crate::recipients::Recipients;
use crate::reinject::Marks;
use crate::room::{Room, Rooms, Whose};
use crate::ruleset::Compiled;
use crate::scan::Scans;
use crate::sign_in::{self, SignIn};
use crate::simulate::{self, Simulated};
use crate::state::{MailState, Work};
use crate::welcome::{Met, Standing, Welcome};
use crate::{accept, assemble, authenticate, client_protection, decide, domain_signatures, origin_checks, poison, reinject, reprocess};

/// Mail over this size is read on the CPU pool.
const ON_THE_POOL: usize = 256 << 10;
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
    pub rooms: Rooms,
    /// The DNS, for checks of mail from outside.
    pub resolver: Arc<dyn mailauth::Resolver>,
    /// Open sessions.
    pub sessions: Sessions,
    /// From the final dot to the answer.
    pub budget: Duration,
    /// What else one mail may cost.
    pub limits: Limits,
    /// Received fields beyond which a mail is taken to be in a loop (RFC 5321 §6.3).
    pub hops: usize,
    /// The site's key for marks of mail that goes back to its server.
    pub marks: Marks,
    /// Remembers what is in work, should the process die of it.
    pub poison: Arc<poison::Guard>,
    /// Scans of this node's mail.
    pub scans: Scans,
    /// What signers' issuers have revoked.
    pub issuers: Issuers,
    /// Who makes keys for new users.
    pub new_keys: Arc<dyn KeyMaker>,
    /// Opens passwords that rules name.
    pub secrets: Arc<dyn Secrets>,
    /// The checks of strangers.
    pub welcome: Welcome,
    /// Who is there, by the word of the domains' servers.
    pub recipients: Recipients,
    /// Who signs in.
    pub sign_in: SignIn,
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
    /// And whose it is.
    seat: Option<(Seat, IpAddr)>,
    room: Option<Room>,
    /// What the client said that the mail's size is.
    declared: Option<usize>,
    /// MAIL FROM, and how the client stands for this mail.
    sender: Option<Address>,
    standing: Standing,
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
        Session { gate: self.clone(), seat: None, room: None, declared: None, sender: None, standing: Standing::default(), answered: None }
    }

    /// Our name in greetings and Received fields.
    #[must_use]
    pub fn hostname(&self) -> String {
        let site = self.parts.facts.site();
        if site.mail.hostname.is_empty() { self.parts.hostname.clone() } else { site.mail.hostname.clone() }
    }

    /// The checks of strangers, whose triplets are shared by [`crate::welcome::share`].
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.parts.welcome
    }

    /// True for a client of a relay network: strangers' crowds must not keep it out.
    #[must_use]
    pub fn is_relay(&self, client: IpAddr) -> bool {
        self.parts.facts.site().may_relay(client)
    }

    /// SMTP sessions open now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.parts.sessions.open()
    }

    /// A mail's way through a rule set (`None`: the one that runs) without sending anything and without any private
    /// key (M-R4).
    ///
    /// # Errors
    /// As a client would get it.
    pub async fn simulate(
        &self,
        rules: Option<Arc<rules::RuleSet>>,
        origin: Origin,
        envelope: Envelope,
        message: Message,
    ) -> Result<Simulated, Fault> {
        let site = self.parts.facts.site();
        let rules = rules.map_or_else(|| self.rules.of(&site), Ok)?;
        let budget = self.budget();
        let work =
            Work { keys: Arc::new(simulate::NoKeys), rehearsal: true, ..self.work(TraceId::new(), site, (origin, envelope), budget) };
        simulate::run(&work, rules, message).await
    }

    /// What one mail may cost, from now on.
    fn budget(&self) -> Budget {
        Budget::growing(Limits { time: self.parts.budget, ..self.parts.limits }, self.parts.rooms.pool())
    }

    fn work(&self, trace: TraceId, site: Arc<Site>, (origin, envelope): (Origin, Envelope), budget: Budget) -> Work {
        let parts = &self.parts;
        let (keys, pool, memory, now) = (parts.keys.clone(), parts.pool.clone(), parts.rooms.pool().clone(), parts.clock.now());
        let (marks, scans, issuers, new_keys) =
            (parts.marks.clone(), parts.scans.clone(), parts.issuers.clone(), Arc::clone(&parts.new_keys));
        let (secrets, checks, rehearsal) = (Arc::clone(&parts.secrets), None, false);
        Work { trace, site, origin, envelope, now, budget, keys, pool, memory, scans, marks, issuers, new_keys, secrets, checks, rehearsal }
    }

    /// What comes before anything is known of the mail: its digest, its structure, and whether a stranger's is clear.
    /// Large mail is looked at on the CPU pool, so that the sessions beside it go on.
    /// `print`: the content's SHA-256.
    async fn look(&self, peer: &Peer, envelope: &Envelope, content: Bytes, print: poison::Print) -> Arrived {
        let site = self.parts.facts.site();
        let budget = self.budget();
        let large = content.len() > ON_THE_POOL;
        let (facts, mut peer, envelope, limits) = (site.clone(), peer.clone(), envelope.clone(), budget.clone());
        let (marks, now, hostname, hops) = (self.parts.marks.clone(), self.parts.clock.now(), self.hostname(), self.parts.hops);
        let read = move || {
            let digest = digest(peer.address, &envelope, &print);
            let parsed = Message::parse(content, &limits).map_err(Fault::from);
            if let Ok(message) = &parsed {
                peer.proof.tenants = authenticate::tenants(&facts, &peer, message);
            }
            let mut reinjected = false;
            let client = peer.clone();
            let origin = Origin::Smtp { peer };
            let user = authenticate::identity(&facts, &origin, envelope.sender.as_ref());
            let from_outside = origin_checks::from_outside(&facts, &origin).is_some();
            let message = parsed.and_then(|original| {
                check_hops(&original, hops)?;
                reinjected = marks.is_ours(&facts, &client, &original, envelope.sender.as_ref(), now);
                if reinjected {
                    reinject::check_passes(&original, &hostname)?;
                }
                authenticate::refuse_pretence(&facts, &origin, &envelope, &original)?;
                if !user.authenticated {
                    original.refuse_ambiguous()?;
                }
                let message = authenticate::strip_own_marks(original.clone(), &limits)?;
                let message = if from_outside { origin_checks::strip_claims(message, &hostname, &limits)? } else { message };
                let message = if user.authenticated { authenticate::strip_blind(message, &limits)? } else { message };
                Ok((original, message))
            });
            (digest, origin, user, message, reinjected)
        };
        let (digest, origin, user, message, reinjected) = if large { self.parts.pool.run(Priority::Mail, read).await } else { read() };
        Arrived { site, origin, user, budget, digest, message, reinjected }
    }

    /// The life of one mail between its final dot and the answer.
    async fn process(&self, trace: TraceId, envelope: Envelope, arrived: Arrived) -> Result<Reply, Fault> {
        let Arrived { site, origin, user, budget, digest, message, reinjected } = arrived;
        let (original, message) = message?;
        let (rules, our_name) = (self.rules.of(&site)?, self.hostname());
        let mut work = self.work(trace, site, (origin, envelope), budget);
        if reinjected {
            tracing::info!(event = "mail.reinjected", %trace, "it was here before: it passes untouched");
            self.parts.queue.commit(assemble::untouched(&work, message, &our_name, digest)).await?;
            return Ok(assemble::accepted(trace));
        }
        if let Some(peer) = origin_checks::from_outside(&work.site, &work.origin) {
            let checks = origin_checks::run(self.parts.resolver.as_ref(), &work, peer, &original, &our_name).await;
            origin_checks::refuse(&work.site, &checks)?;
            work.checks = Some(Arc::new(checks));
        }
        let mail = MailState::new(message, user);
        client_protection::log(&work, &mail).await;
        let mut decision = decide::decide(&work, Arc::clone(&rules), mail).await?;
        if let Some(way) = simulate::record(&work, &decision) {
            tracing::debug!(event = "mail.decided", %trace, way);
        }
        reprocess::run(&work, &rules, &mut decision).await?;
        domain_signatures::make(&work, &mut decision, &our_name).await?;
        let Assembled { plan, own, reply } = assemble::plan(&work, decision, &our_name, self.parts.queue.notices(), digest)?;
        let Some(mut plan) = plan else { return Ok(reply) };
        OwnMail::new(Arc::clone(&work.keys), work.pool.clone()).sign(&work.site, &mut plan, &own).await;
        match self.parts.queue.take(plan, work.budget.deadline().saturating_duration_since(Instant::now())).await? {
            Taken::Here => Ok(reply),
            Taken::Refused(outcome) => Ok(reply_of(trace, &outcome)),
        }
    }
}

/// A mail after the first look at it.
struct Arrived {
    site: Arc<Site>,
    origin: Origin,
    user: authenticate::Identity,
    budget: Budget,
    digest: String,
    /// The mail as it came, and without what only we may write.
    message: Result<(Message, Message), Fault>,
    /// It bears our mark and comes from where that counts.
    reinjected: bool,
}

/// What the only next hop of queueless mail said, as our own answer.
fn reply_of(trace: TraceId, outcome: &Outcome) -> Reply {
    let (temporary, status, said) = match outcome {
        Outcome::NotDone { temporary, status, reply, .. } => (*temporary, status.as_str(), reply.as_str()),
        Outcome::Done { reply } | Outcome::Unknown { reply } => (true, "4.4.0", reply.as_str()),
    };
    tracing::info!(event = "mail.refused", %trace, temporary, status, reply = said, "by the next hop");
    let class = if temporary { 4 } else { 5 };
    let code = said.get(..3).and_then(|code| code.parse::<u16>().ok()).filter(|code| code / 100 == class);
    let words = said.lines().next().unwrap_or_default();
    let words = words.strip_prefix(said.get(..4).filter(|_| code.is_some()).unwrap_or_default()).unwrap_or(words);
    let words = words.strip_prefix(status).map_or(words, str::trim_start);
    Reply::new(code.unwrap_or(if temporary { 451 } else { 554 }), status, words)
}

fn check_hops(message: &Message, most: usize) -> Result<(), Fault> {
    let hops = message.fields_named("received").count();
    if hops <= most {
        return Ok(());
    }
    Err(Fault::permanent(Guilty::Sender, "mail-loop", format!("{hops} Received fields")).with("hops", hops))
}

/// What a fault looks like to an SMTP client.
#[must_use]
pub fn reply_for(fault: &Fault) -> Reply {
    inbound::reply_for(fault, &texts::fault(Language::En, fault))
}

/// What a retry after a lost 250 is recognised by: SHA-256 over peer, envelope and the data's SHA-256, hex.
fn digest(peer: IpAddr, envelope: &Envelope, content: &poison::Print) -> String {
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

/// Longest text of one field of an event, octets: recipients beyond it are counted and not named.
const LOGGED: usize = 32 << 10;

/// Values of one field of an event, parted by commas. Addresses keep their quotes, within which a comma parts nothing: that is
/// how `logs` reads them.
fn logged<'t>(values: impl IntoIterator<Item = &'t str>) -> String {
    let mut text = String::new();
    for value in values {
        if text.len() + value.len() > LOGGED {
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(value);
    }
    text
}

impl Session {
    /// Takes a seat for the client: before the greeting, and before the handshake where TLS comes first.
    ///
    /// # Errors
    /// The reply that turns it away.
    pub fn enter(&mut self, peer: &Peer) -> Result<(), Reply> {
        self.seat = None;
        let parts = &self.gate.parts;
        let exempt = parts.facts.site().may_relay(peer.address);
        let seat = parts.sessions.enter(peer.address, exempt, parts.clock.steady()).map_err(|fault| reply_for(&fault))?;
        self.seat = Some((seat, peer.address));
        Ok(())
    }

    /// Whose mail it is, for what it may hold and how often it may err.
    fn whose(&self, peer: &Peer) -> Whose {
        let known = peer.account.is_some() || self.gate.parts.facts.site().may_relay(peer.address);
        if known { Whose::Ours } else { Whose::Strangers(peer.address) }
    }
}

impl Gate for Session {
    fn limits(&self) -> inbound::Limits {
        let mail = &self.gate.parts.facts.site().mail;
        inbound::Limits { size: mail.max_message_size.0, recipients: mail.max_recipients as usize }
    }

    fn trusts(&self, peer: &Peer) -> bool {
        self.whose(peer) == Whose::Ours
    }

    async fn greet(&mut self, peer: &Peer) -> Result<(), Reply> {
        if self.seat.as_ref().is_some_and(|(_, whose)| *whose == peer.address) { Ok(()) } else { self.enter(peer) }
    }

    fn wants_hello(&self, peer: &Peer) -> bool {
        Welcome::wants_hello(&self.gate.parts.facts.site(), peer)
    }

    fn signs_in(&self) -> bool {
        sign_in::offered(&self.gate.parts.facts.site())
    }

    async fn sign_in(&mut self, peer: &Peer, name: &str, password: SecretText) -> Result<Address, Reply> {
        let parts = &self.gate.parts;
        let found = parts.sign_in.check(&parts.facts.site(), peer, name, password, parts.clock.steady()).await;
        found.map_err(|fault| reply_for(&fault))
    }

    async fn helo(&mut self, _peer: &Peer, _extended: bool) -> Result<(), Reply> {
        Ok(())
    }

    async fn mail(&mut self, peer: &Peer, params: MailParams) -> Reply {
        if let Err(fault) = accept::sender(&self.gate.parts.facts.site(), peer, params.sender.as_ref()) {
            tracing::info!(event = "mail.refused", peer = %peer.address, code = fault.code, cause = %fault.cause);
            return reply_for(&fault);
        }
        let parts = &self.gate.parts;
        self.standing = parts.welcome.standing(&parts.facts.site(), peer, params.sender.as_ref()).await;
        self.sender = params.sender;
        Reply::new(250, "2.1.0", "Sender noted")
    }

    async fn rcpt(&mut self, peer: &Peer, params: RcptParams) -> Reply {
        let (parts, to) = (&self.gate.parts, &params.recipient.address);
        let (site, met) = (parts.facts.site(), Met { peer, sender: self.sender.as_ref(), standing: &self.standing });
        let taken = accept::recipient(&site, peer, to).and_then(|()| parts.welcome.recipient(&site, met, to, parts.clock.now()));
        // Last, so that only those who are let through learn who is there.
        let taken = if taken.is_ok() { parts.recipients.check(&site, peer, to).await } else { taken };
        match taken {
            Ok(()) => Reply::new(250, "2.1.5", "Recipient noted"),
            Err(fault) => {
                if fault.code != "greylisted" {
                    let from = self.sender.as_ref().map_or("", Address::as_str);
                    tracing::info!(event = "mail.refused", peer = %peer.address, helo = peer.helo, from, %to, code = fault.code, cause = %fault.cause);
                }
                reply_for(&fault)
            }
        }
    }

    async fn begin_data(&mut self, peer: &Peer, _envelope: &Envelope, declared: Option<u64>) -> Result<usize, Reply> {
        self.declared = declared.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let (rooms, whose) = (&self.gate.parts.rooms, self.whose(peer));
        if let Some(fault) = self.declared.and_then(|size| rooms.could_never_fit(size, whose)) {
            return Err(reply_for(&fault));
        }
        let (room, most) = rooms.enter(whose).map_err(|fault| reply_for(&fault))?;
        self.room = Some(room);
        Ok(most)
    }

    async fn more_room(&mut self, so_far: usize) -> Result<usize, Reply> {
        let limit = usize::try_from(self.limits().size).unwrap_or(usize::MAX);
        // Taken out: who gets no more gives back what he has.
        let grown = self.room.take().map(|mut room| room.grow(so_far, self.declared, limit).map(|most| (room, most)));
        match grown {
            Some(Ok((room, most))) => {
                self.room = Some(room);
                Ok(most)
            }
            Some(Err(fault)) => {
                tracing::info!(event = "mail.refused", code = fault.code, cause = %fault.cause, so_far);
                Err(reply_for(&fault))
            }
            None => Err(reply_for(&Fault::temporary(Guilty::Ourselves, "memory", "the mail holds no room"))),
        }
    }

    async fn data(&mut self, peer: &Peer, envelope: Envelope, content: Bytes) -> Reply {
        let size = content.len();
        if let Some(room) = &mut self.room {
            room.settle(size);
        }
        // Kept until the answer: all that is heavy lies in between.
        let watch = match self.gate.parts.poison.enter(&content, self.gate.parts.clock.now()).await {
            Ok(watch) => watch,
            Err(fault) => {
                self.room = None;
                return reply_for(&fault);
            }
        };
        let arrived = self.gate.look(peer, &envelope, content, *watch.print()).await;
        if let Some(trace) = self.gate.parts.queue.known_reply(&arrived.digest) {
            tracing::info!(event = "mail.repeated", %trace, peer = %peer.address, "a retry after a lost reply; nothing is queued again");
            self.answered = Some(trace);
            self.room = None;
            return assemble::accepted(trace);
        }
        let trace = TraceId::new();
        let (from, recipients) = (envelope.sender.clone(), envelope.recipients.len());
        let to = logged(envelope.recipients.iter().map(|recipient| recipient.address.as_str()));
        let message_id = logged(arrived.message.as_ref().ok().and_then(|(message, _)| message.message_id()).as_deref());
        let work = self.gate.process(trace, envelope, arrived);
        // Beyond the budget, which the steps keep themselves: it must not cut off what may not show.
        let outcome =
            tokio::time::timeout(self.gate.parts.budget + 2 * decide::CLOSING_TIME, work).await.unwrap_or_else(|_| Err(decide::too_long()));
        self.room = None;
        let from = from.as_ref().map_or("", Address::as_str);
        match outcome {
            Ok(reply) if reply.accepts() => {
                let code = reply.code();
                tracing::info!(event = "mail.accepted", %trace, peer = %peer.address, from, to, recipients, message_id, size, reply = code);
                self.answered = Some(trace);
                reply
            }
            Ok(reply) => {
                let code = reply.code();
                tracing::info!(event = "mail.refused", %trace, peer = %peer.address, from, to, recipients, message_id, size, reply = code);
                reply
            }
            Err(fault) => {
                let (code, cause) = (fault.code, &fault.cause);
                tracing::warn!(event = "mail.refused", %trace, peer = %peer.address, from, to, recipients, message_id, size, code, %cause);
                reply_for(&fault)
            }
        }
    }

    fn reset(&mut self) {
        self.room = None;
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
