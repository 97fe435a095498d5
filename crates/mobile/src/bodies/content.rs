//! Attachments, links and classified mails (mobile-gateway.md G-21–G-26): what the room `content` decides, at its place in a request.
//!
//! On the way up references of ours become the mail server's, links become what they were, and a forward is looked at before it
//! goes: what it would take along is fetched from the mail server first, with the phone's own credentials. On the way down an
//! answer is changed by the policies of that moment, not of the moment when a poll began. What can't be judged stays away, or
//! passes, as it is set.

use std::sync::Arc;
use std::time::Instant;

use activesync::answer::refused;
use activesync::views::outgoing::attachment_asked;
use activesync::{Command, Version, query};
use bytes::Bytes;
use content::request::{Carries, Source, asking_for, carries, links_back, may_refer, source, unwrapped};
use content::{Asker, Fate, Plan, Reference, References, Work};
use http::header::{ACCEPT_LANGUAGE, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use model::device::Reported;
use model::{Fault, Guilty, Language};

use super::Upward;
use crate::answer::{self, Answer};
use crate::gate::MobileGate;
use crate::identify::Asked;

/// Common status: this mail may not be answered or forwarded so (MS-ASCMD §2.2.2).
const REPLY_NOT_ALLOWED: u8 = 117;
/// The first version that fetches a mail by ItemOperations.
const ITEM_OPERATIONS: Version = Version::from_tenths(120);

/// What is to be done with one request.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    /// What policies said when it came; asked again for its answer.
    plan: Option<Box<Plan>>,
    /// They said something: its answer is looked at.
    looks: bool,
    references: References,
    /// What GetAttachment asks for, if we made the reference.
    fetched: Option<Reference>,
    source: Option<Source>,
    /// The query of a forward; before 14.0 it says what is taken along.
    query: Option<Box<str>>,
    language: Language,
}

impl Step {
    /// `None` if nothing of this request is looked at. Puts the mail server's reference into the query of a GetAttachment.
    pub(crate) fn of(gate: &MobileGate, asked: &Asked, parts: &mut Parts) -> Option<Self> {
        let command = asked.command.filter(|command| is_looked_at(*command))?;
        let said = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = said.map(Language::from_accept).unwrap_or_default();
        let plan = plan(gate, asked, language).map(Box::new);
        let fetched = if command == Command::GetAttachment { named(gate, asked, parts) } else { None };
        let wanted = plan.is_some() || command == Command::ItemOperations || fetched.is_some();
        let forwards = matches!(command, Command::SmartForward | Command::SmartReply);
        let query = parts.uri.query().filter(|_| forwards && plan.is_some()).map(Box::from);
        let looks = plan.is_some();
        wanted.then(|| Self { command, plan, looks, references: References::new(), fetched, source: None, query, language })
    }

    /// The step of a poll that began before a policy was there.
    pub(crate) fn late(gate: &MobileGate, asked: &Asked) -> Option<Self> {
        let command = asked.command.filter(|command| *command == Command::Sync)?;
        plan(gate, asked, Language::default())?;
        let (references, language) = (References::new(), Language::default());
        Some(Self { command, plan: None, looks: true, references, fetched: None, source: None, query: None, language })
    }

    pub(crate) fn reads_request(&self) -> bool {
        match self.command {
            Command::ItemOperations => true,
            Command::Sync => self.plan.as_ref().is_some_and(|plan| plan.takes_away()),
            Command::SendMail => self.plan.as_ref().is_some_and(|plan| plan.links.is_some()),
            Command::SmartForward | Command::SmartReply => self.plan.is_some(),
            _ => false,
        }
    }

    /// Asked after [`Step::request`].
    pub(crate) fn reads_answer(&self) -> bool {
        let sends = matches!(self.command, Command::SendMail | Command::SmartForward | Command::SmartReply);
        !sends && (self.looks || !self.references.is_empty() || self.fetched.is_some())
    }

    /// The request's body on its way up.
    ///
    /// # Errors
    /// The phone's fault: a body that must be judged and can't be read.
    pub(crate) fn request(&mut self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Upward, Fault> {
        match self.command {
            Command::ItemOperations | Command::Sync => {
                let passed = if body.is_empty() { Ok(Upward::Pass(body)) } else { self.asked(gate, asked, body) };
                // A poll hangs for an hour; its answer is judged by what holds then.
                self.plan = None;
                passed
            }
            Command::SendMail | Command::SmartForward | Command::SmartReply => Ok(self.sent(asked, body)),
            _ => Ok(Upward::Pass(body)),
        }
    }

    fn asked(&mut self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Upward, Fault> {
        let judged = self.command == Command::ItemOperations && self.plan.is_some();
        if !judged && !may_refer(&body) {
            return Ok(Upward::Pass(body));
        }
        match unwrapped(self.plan.as_deref(), &*gate.ports.keys, &asked.user, &body) {
            Ok((changed, references)) => {
                self.references = references;
                Ok(Upward::Pass(changed.unwrap_or(body)))
            }
            Err(trouble) if self.takes_away() => Err(Fault::permanent(Guilty::Sender, "phone-body", trouble.to_string())),
            Err(_) => Ok(Upward::Pass(body)),
        }
    }

    fn sent(&mut self, asked: &Asked, body: Bytes) -> Upward {
        let whole = asked.version.is_none_or(|version| version < Version::COMMON_STATUS);
        if self.command != Command::SendMail && self.takes_away() {
            let taken = self.query.as_deref().and_then(|text| query::parse(text).ok()).map(|query| source(&query, &body, whole));
            match taken {
                Some(Ok(source)) => self.source = source,
                _ => return Upward::Answered(Box::new(self.refusal(asked))),
            }
            if self.source.is_some() && asked.version.is_none_or(|version| version < ITEM_OPERATIONS) {
                self.source = None;
                if let Some(answer) = self.unseen(asked) {
                    return Upward::Answered(Box::new(answer));
                }
            }
        }
        let links = self.plan.as_ref().and_then(|plan| plan.links.as_ref());
        let back = links.and_then(|links| links_back(links, &body, whole).unwrap_or_default());
        Upward::Pass(back.unwrap_or(body))
    }

    /// The body of the ItemOperations that asks for what a forward takes along, if that must be seen.
    pub(crate) fn question(&self) -> Option<Vec<u8>> {
        self.source.as_ref().map(asking_for)
    }

    /// What the mail server says to [`Step::question`]; `None`: it could not be asked. Gives the refusal, if it must not be sent.
    pub(crate) fn told(&self, gate: &MobileGate, asked: &Asked, body: Option<&Bytes>) -> Option<Response<Answer>> {
        let (plan, source) = (self.plan.as_ref()?, self.source.as_ref()?);
        let work = work(gate, asked, Some(plan), &self.references);
        match body.map_or(Carries::Unknown, |body| carries(&work, plan, source, body)) {
            Carries::Nothing => None,
            Carries::Kept => Some(self.refusal(asked)),
            Carries::Unknown => self.unseen(asked),
        }
    }

    /// The mail server's answer on its way down.
    ///
    /// # Errors
    /// The mail server's fault: a body that must be judged and can't be read.
    pub(crate) fn answer(&self, gate: &MobileGate, asked: &Asked, body: Bytes, headers: &mut HeaderMap) -> Result<Bytes, Fault> {
        if body.is_empty() {
            return Ok(body);
        }
        let plan = plan(gate, asked, self.language);
        let work = work(gate, asked, plan.as_ref(), &self.references);
        if self.command == Command::GetAttachment {
            return Ok(self.attachment(&work, Some(&body), headers).unwrap_or(body));
        }
        let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let parts = said.to_ascii_lowercase().starts_with(activesync::multipart::CONTENT_TYPE);
        let changed = if parts { content::answer::multipart(&work, &body) } else { content::answer::wbxml(&work, &body) };
        match changed {
            Ok(changed) => Ok(changed.unwrap_or(body)),
            Err(trouble) if plan.as_ref().is_some_and(Plan::takes_away) => {
                Err(Fault::permanent(Guilty::NextHop, "mail-server-body", format!("the answer's body can't be judged: {trouble}")))
            }
            Err(_) => Ok(body),
        }
    }

    /// What is said instead of an answer that is larger than what is looked at; `None` if it passes unseen.
    ///
    /// # Errors
    /// The mail server's fault: it must be judged, and there is nothing to say instead.
    pub(crate) fn too_big(&self, gate: &MobileGate, asked: &Asked, headers: &mut HeaderMap) -> Result<Option<Bytes>, Fault> {
        let plan = plan(gate, asked, self.language);
        let work = work(gate, asked, plan.as_ref(), &self.references);
        if !plan.as_ref().is_some_and(Plan::takes_away) {
            return Ok(None);
        }
        if self.command == Command::GetAttachment {
            return Ok(self.attachment(&work, None, headers));
        }
        match content::answer::in_its_place(&work) {
            Some(body) => Ok(Some(body)),
            None if plan.as_ref().is_some_and(|plan| plan.unjudged().is_none() && plan.classification.is_none()) => Ok(None),
            None => Err(Fault::permanent(Guilty::NextHop, "body-too-big", "the answer is larger than what policies look at")),
        }
    }

    /// An attachment by itself, if something else stands in its place.
    fn attachment(&self, work: &Work<'_>, body: Option<&Bytes>, headers: &mut HeaderMap) -> Option<Bytes> {
        let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (octets, kind) = match content::answer::attachment(work, self.fetched.as_ref(), said.as_deref(), body) {
            Fate::Passes => return None,
            Fate::Text(text) => (Bytes::from(text), "text/plain; charset=utf-8"),
            Fate::Encrypted(file) => (file, content::answer::ENCRYPTED),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.remove(CONTENT_DISPOSITION);
        Some(octets)
    }

    fn takes_away(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.takes_away())
    }

    /// A forward that can't be judged: refused, or `None` if it passes (G-26).
    fn unseen(&self, asked: &Asked) -> Option<Response<Answer>> {
        let passes = self.plan.as_ref().is_some_and(|plan| plan.unjudged().is_none() && plan.classification.is_none());
        (!passes).then(|| self.refusal(asked))
    }

    fn refusal(&self, asked: &Asked) -> Response<Answer> {
        let (trace, user, device) = (asked.trace, &*asked.user, asked.device.as_ref().map_or("-", |id| id.as_str()));
        tracing::info!(event = "device.forward_refused", %trace, user, device, command = self.command.name());
        metrics::counter!("sealgate_mobile_forwards_refused_total").increment(1);
        match refused(self.command, asked.version, REPLY_NOT_ALLOWED) {
            Some(body) => answer::wbxml(body),
            None => answer::plain(StatusCode::FORBIDDEN),
        }
    }
}

fn is_looked_at(command: Command) -> bool {
    use Command as C;
    matches!(command, C::Sync | C::ItemOperations | C::Search | C::Find | C::GetAttachment | C::SendMail | C::SmartForward | C::SmartReply)
}

/// What the policies say at this moment.
fn plan(gate: &MobileGate, asked: &Asked, language: Language) -> Option<Plan> {
    let device = asked.device.as_ref().and_then(|id| gate.ports.devices.device(&asked.user, id));
    let reported: Arc<Reported> = device.and_then(|device| device.reported).unwrap_or_default();
    let asker = Asker { reported: &reported, agent: &asked.agent, language };
    Plan::of(&gate.ports.facts.site(), Some(&asked.gateway), &asker)
}

fn work<'a>(gate: &'a MobileGate, asked: &'a Asked, plan: Option<&'a Plan>, references: &'a References) -> Work<'a> {
    let device = asked.device.as_ref().map_or("", |id| id.as_str());
    let deadline = Instant::now() + gate.settings.inspect;
    let key_number = asked.device.as_ref().map_or(0, |id| gate.ports.devices.orders(&asked.user, id).key);
    Work { plan, keys: &*gate.ports.keys, user: &asked.user, device, key_number, references, deadline }
}

/// The reference of ours in a GetAttachment; the mail server's own stands in its place then.
fn named(gate: &MobileGate, asked: &Asked, parts: &mut Parts) -> Option<Reference> {
    let text = parts.uri.query()?.to_owned();
    let query = query::parse(&text).ok()?;
    let reference = Reference::read(&*gate.ports.keys, &asked.user, attachment_asked(&query)?)?;
    let changed = query::with_attachment(&text, &reference.upstream)?;
    parts.uri = format!("{}?{changed}", parts.uri.path()).parse().ok()?;
    Some(reference)
}
