//! What is looked at and changed in bodies: one small list of steps, asked for each allowed request.
//!
//! Comes between judging and the mail server, and between its answer and the phone. A step says first whether it wants to
//! see this request's body, or its answer ([`Plan::of`]); most want neither, and then bodies stream through unread. Steps
//! stand in [`Plan`] in their order; each has a file or folder of its own, gets whole bodies without any content coding,
//! and gives whole bodies back. What a step can't judge it refuses: nothing passes because it was odd.
//!
//! | step | duty |
//! | --- | --- |
//! | `resync` | folders that are to be synced anew; first on the way up, last on the way down |
//! | `folders` | `sync_settings`: folders that phones don't see (G-10) |
//! | `content` | attachments, links, classified mails (G-21–G-26) |
//! | `people` | certificates of recipients, from a directory (G-24) |
//! | `autodiscover` | the gateway's own name in place of the mail server's (G-5) |

pub(crate) mod autodiscover;
mod content;
mod folders;
mod people;
mod read;
mod resync;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use model::{Budget, Fault, Guilty};

use activesync::wbxml::{Document, LIMITS, UnknownTags};

use crate::answer::Answer;
use crate::gate::MobileGate;
use crate::identify::{Asked, Door};

pub(crate) use folders::Hierarchies;
pub(crate) use read::{Lease, answer as read_answer, decoded, held, request as read_request};
pub(crate) use resync::{Mark, Told};

/// What becomes of a request's body.
#[derive(Debug)]
pub(crate) enum Upward {
    /// It goes on: the same octets, or changed ones.
    Pass(Bytes),
    /// It is answered here.
    Answered(Box<Response<Answer>>),
}

/// The steps that one request goes through.
#[derive(Debug)]
pub(crate) struct Plan {
    resync: Option<resync::Step>,
    folders: Option<folders::Step>,
    content: Option<content::Step>,
    people: Option<people::Step>,
    autodiscover: Option<autodiscover::Names>,
}

impl Plan {
    /// The steps that want to see something of this request; `None` if nobody does, as almost always.
    pub(crate) fn of(gate: &MobileGate, asked: &Asked, parts: &mut Parts) -> Option<Box<Self>> {
        let resync = resync::Step::of(gate, asked);
        let folders = folders::Step::of(gate, asked, parts);
        let content = content::Step::of(gate, asked, parts);
        let people = people::Step::of(asked);
        let autodiscover = (asked.door == Door::Autodiscover).then(|| autodiscover::Names::new(&asked.gateway, host(parts)));
        let any = resync.is_some() || folders.is_some() || content.is_some() || people.is_some() || autodiscover.is_some();
        any.then(|| Box::new(Self { resync, folders, content, people, autodiscover }))
    }

    /// The steps for the answer to a poll that began when nobody wanted to see it: policies may have come meanwhile.
    pub(crate) fn late(gate: &MobileGate, asked: &Asked) -> Option<Box<Self>> {
        let content = content::Step::late(gate, asked);
        content.is_some().then(|| Box::new(Self { resync: None, folders: None, content, people: None, autodiscover: None }))
    }

    /// True if the request's body must be read whole.
    pub(crate) fn reads_request(&self) -> bool {
        self.resync.is_some()
            || self.people.is_some()
            || self.folders.as_ref().is_some_and(folders::Step::reads_request)
            || self.content.as_ref().is_some_and(content::Step::reads_request)
    }

    /// True if the answer must be read whole, if it is a 200. Asked after [`Plan::request`].
    pub(crate) fn reads_answer(&self) -> bool {
        self.autodiscover.is_some()
            || self.resync.as_ref().is_some_and(resync::Step::reads_answer)
            || self.people.as_ref().is_some_and(people::Step::reads_answer)
            || self.folders.as_ref().is_some_and(folders::Step::reads_answer)
            || self.content.as_ref().is_some_and(content::Step::reads_answer)
    }

    /// Takes the request's body through the steps.
    ///
    /// # Errors
    /// The phone's fault: a body that must be judged and can't be read.
    pub(crate) fn request(&mut self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Upward, Fault> {
        if let Some(step) = &mut self.people {
            return step.request(gate, asked, body);
        }
        let body = match &self.resync {
            Some(step) => match step.request(gate, asked, body)? {
                Upward::Pass(body) => body,
                answered @ Upward::Answered(_) => return Ok(answered),
            },
            None => body,
        };
        if let Some(step) = &mut self.folders
            && let Some(answer) = step.request(gate, asked, &body)?
        {
            return Ok(Upward::Answered(Box::new(answer)));
        }
        match &mut self.content {
            Some(step) => step.request(gate, asked, body),
            None => Ok(Upward::Pass(body)),
        }
    }

    /// What the mail server must be asked before this request is sent: the body of an ItemOperations.
    pub(crate) fn question(&self) -> Option<Vec<u8>> {
        self.content.as_ref().and_then(content::Step::question)
    }

    /// What it said; the refusal, if the request must not be sent.
    pub(crate) fn told(&self, gate: &MobileGate, asked: &Asked, body: Option<&Bytes>) -> Option<Response<Answer>> {
        self.content.as_ref().and_then(|step| step.told(gate, asked, body))
    }

    /// Takes the mail server's answer through the steps.
    ///
    /// # Errors
    /// The mail server's fault: a body that must be changed and can't be read.
    pub(crate) fn answer(&self, gate: &MobileGate, asked: &Asked, body: Bytes, headers: &mut HeaderMap) -> Result<Bytes, Fault> {
        if let Some(names) = &self.autodiscover {
            return autodiscover::answer(names, headers, &body);
        }
        if let Some(step) = &self.people {
            return Ok(step.answer(body, headers));
        }
        let body = match self.folders.as_ref().filter(|step| step.reads_answer()) {
            Some(step) => step.answer(gate, asked, body)?,
            None => body,
        };
        let body = match self.content.as_ref().filter(|step| step.reads_answer()) {
            Some(step) => step.answer(gate, asked, body, headers)?,
            None => body,
        };
        match self.resync.as_ref().filter(|step| step.reads_answer()) {
            Some(step) => step.answer(body),
            None => Ok(body),
        }
    }

    /// What is said in place of a mail server that refuses with this status; `None` if its answer passes.
    pub(crate) fn instead(&self, status: StatusCode) -> Option<Bytes> {
        self.people.as_ref().and_then(|step| step.instead(status))
    }

    /// True if an answer that is not read would break what the phone is told later.
    fn is_needed_whole(&self) -> bool {
        self.folders.as_ref().is_some_and(folders::Step::reads_answer) || self.resync.as_ref().is_some_and(resync::Step::reads_answer)
    }

    /// What is said instead of an answer that is larger than what is looked at; `None` if it passes unseen.
    ///
    /// # Errors
    /// The mail server's fault: it must be judged.
    pub(crate) fn too_big(&self, gate: &MobileGate, asked: &Asked, headers: &mut HeaderMap) -> Result<Option<Bytes>, Fault> {
        match &self.content {
            Some(step) if !self.is_needed_whole() => step.too_big(gate, asked, headers),
            _ => Err(Fault::permanent(Guilty::NextHop, "body-too-big", "the answer is larger than what policies look at")),
        }
    }
}

/// The host that a request names, with its port.
pub(crate) fn host(parts: &Parts) -> Option<&str> {
    let field = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    parts.uri.authority().map(http::uri::Authority::as_str).or(field)
}

/// Reads a body of the phone's.
fn of_phone(body: &Bytes) -> Result<Document, Fault> {
    let read = Document::parse(body.clone(), UnknownTags::Keep, &Budget::new(LIMITS));
    read.map_err(|cause| Fault::permanent(Guilty::Sender, "phone-body", format!("the request's body can't be judged: {cause}")))
}

/// Reads a body of the mail server's.
fn of_server(body: &Bytes) -> Result<Document, Fault> {
    let read = Document::parse(body.clone(), UnknownTags::Keep, &Budget::new(LIMITS));
    read.map_err(|cause| Fault::permanent(Guilty::NextHop, "mail-server-body", format!("the answer's body can't be judged: {cause}")))
}
