//! One answer's work: the plan, the keys, whose it is, and what it may cost.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use activesync::multipart::MultipartError;
use activesync::wbxml::{EditError, WbxmlError};
use bytes::Bytes;
use crypto::attachment::{self, About};
use crypto::seal::SealKey;
use message::MessageError;
use model::ports::ContentKeys;
use model::site::content::AttachmentAction;
use model::{Budget, Exhausted, Limits};

use crate::Plan;
use crate::attachments::PASSES;
use crate::reference::Reference;

/// References that a request named, by the mail server's own: what the phone wrote, and what it says.
pub type References = HashMap<String, (String, Reference)>;

/// Longest time for one item of an answer.
const ITEM: Duration = Duration::from_secs(5);

/// What an answer is changed by.
pub struct Work<'a> {
    /// What policies say; `None`: only references are put back.
    pub plan: Option<&'a Plan>,
    /// The vault.
    pub keys: &'a dyn ContentKeys,
    /// The user, as compared.
    pub user: &'a str,
    /// The device, as compared.
    pub device: &'a str,
    /// Which of the device's keys files are encrypted with ([`model::device::Orders::key`]).
    pub key_number: i64,
    /// What the request named.
    pub references: &'a References,
    /// When all of it must be done.
    pub deadline: Instant,
}

/// Why something could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The answer is no WBXML.
    #[error("WBXML: {0}")]
    Wbxml(#[from] WbxmlError),
    /// It is no answer in parts.
    #[error(transparent)]
    Multipart(#[from] MultipartError),
    /// The form of the answer does not let the change be written.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A mail in it can't be read.
    #[error("MIME: {0}")]
    Mime(#[from] MessageError),
    /// It costs too much.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// What becomes of one attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Passes,
    /// A text stands in its place.
    Text(String),
    /// This file stands in its place.
    Encrypted(Bytes),
}

impl Work<'_> {
    /// A budget with these limits that ends with the work.
    #[must_use]
    pub fn budget(&self, limits: Limits) -> Budget {
        let left = self.deadline.saturating_duration_since(Instant::now());
        Budget::new(Limits { time: limits.time.min(left), ..limits })
    }

    /// For one item.
    #[must_use]
    pub fn item_budget(&self) -> Budget {
        self.budget(Limits { time: ITEM, ..Limits::MAIL })
    }

    /// What becomes of an attachment with this name and content.
    #[must_use]
    pub fn fate(&self, plan: &Plan, name: &str, said: Option<&str>, content: &Bytes) -> Fate {
        let Some(rows) = &plan.attachments else { return Fate::Passes };
        let budget = self.budget(files_limits());
        let verdict = rows.by_content(name, said, content, &budget);
        match verdict.unwrap_or(PASSES) {
            _ if verdict.is_err() => Self::unjudged(plan),
            verdict if verdict.action == AttachmentAction::Block => Fate::Text(plan.blocked(verdict).to_owned()),
            verdict if verdict.action == AttachmentAction::Encrypt => {
                self.encrypted(plan, name, content).map_or_else(|| Self::unjudged(plan), Fate::Encrypted)
            }
            _ => Fate::Passes,
        }
    }

    /// What becomes of what can't be judged (G-26).
    #[must_use]
    pub fn unjudged(plan: &Plan) -> Fate {
        plan.unjudged().map_or(Fate::Passes, |text| Fate::Text(text.to_owned()))
    }

    fn encrypted(&self, plan: &Plan, name: &str, content: &Bytes) -> Option<Bytes> {
        let (epoch, key) = self.keys.attachment_key(self.user, self.device, self.key_number, None)?;
        let text = |text: &str| text.replace('\0', "");
        let class = plan.class.word().to_owned();
        let about = About {
            epoch,
            number: self.key_number,
            user: text(self.user),
            device: text(self.device),
            class,
            name: text(name).chars().take(255).collect(),
        };
        attachment::encrypt(&SealKey::new(key).ok()?, &about, content).ok().map(Bytes::from)
    }
}

/// The name of what stands in an attachment's place.
#[must_use]
pub fn name_of(name: &str, action: AttachmentAction) -> String {
    match action {
        AttachmentAction::Allow => name.to_owned(),
        AttachmentAction::Block => format!("{name}.txt"),
        AttachmentAction::Encrypt => format!("{name}.{}", attachment::ENDING),
    }
}

/// As for mail, but no more than a phone's answer may hold.
fn files_limits() -> Limits {
    Limits { bytes: 128 << 20, ..files::limits(ITEM) }
}
