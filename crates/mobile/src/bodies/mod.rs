//! What is looked at and changed in bodies: one small list of steps, asked for each allowed request.
//!
//! Comes between judging and the mail server, and between its answer and the phone. A step says first whether it wants to
//! see this request's body, or its answer ([`Plan::of`]); most want neither, and then bodies stream through unread. Steps
//! stand in [`Plan`] in their order; each has a file or folder of its own, gets whole bodies without any content coding,
//! and gives whole bodies back. What a step can't judge it refuses: nothing passes because it was odd.
//!
//! | step | duty |
//! | --- | --- |
//! | `folders` | `sync_settings`: folders that phones don't see (G-10) |

mod folders;
mod read;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use model::{Budget, Fault, Guilty};

use activesync::wbxml::{Document, LIMITS, UnknownTags};

use crate::answer::Answer;
use crate::gate::MobileGate;
use crate::identify::Asked;

pub(crate) use folders::Hierarchies;
pub(crate) use read::{Lease, answer as read_answer, decoded, held, request as read_request};

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
    folders: Option<folders::Step>,
}

impl Plan {
    /// The steps that want to see something of this request; `None` if nobody does, as almost always.
    pub(crate) fn of(gate: &MobileGate, asked: &Asked, parts: &Parts) -> Option<Box<Self>> {
        let folders = folders::Step::of(gate, asked, parts);
        folders.is_some().then(|| Box::new(Self { folders }))
    }

    /// True if the request's body must be read whole.
    pub(crate) fn reads_request(&self) -> bool {
        self.folders.as_ref().is_some_and(folders::Step::reads_request)
    }

    /// True if the answer must be read whole, if it is a 200. Asked after [`Plan::request`].
    pub(crate) fn reads_answer(&self) -> bool {
        self.folders.as_ref().is_some_and(folders::Step::reads_answer)
    }

    /// Takes the request's body through the steps.
    ///
    /// # Errors
    /// The phone's fault: a body that must be judged and can't be read.
    pub(crate) fn request(&mut self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Upward, Fault> {
        if let Some(step) = &mut self.folders
            && let Some(answer) = step.request(gate, asked, &body)?
        {
            return Ok(Upward::Answered(Box::new(answer)));
        }
        Ok(Upward::Pass(body))
    }

    /// Takes the mail server's answer through the steps.
    ///
    /// # Errors
    /// The mail server's fault: a body that must be changed and can't be read.
    pub(crate) fn answer(&self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Bytes, Fault> {
        match &self.folders {
            Some(step) => step.answer(gate, asked, body),
            None => Ok(body),
        }
    }
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
