//! The step of `sync_settings`: folders of some kinds or names are left out of what phones see (mobile-gateway.md G-10).
//!
//! FolderSync answers lose these folders with all below them, their count put right; what each device was shown is
//! remembered ([`Hierarchies`]), and from then on a request may name nothing else. It is a list of what may be named, not of
//! what may not: a server that reads `07` as `7` would make a hole in the other one. A device of which nothing is
//! remembered, or which was shown its folders under another policy, is sent back to a first FolderSync by Status 9, once.
//! Search and Find look through the whole mailbox, so their hits are looked at too. Nothing here blocks a device, and
//! whitelisted ones are treated alike; in test mode nothing is hidden.

mod known;
pub(super) mod refusals;
pub(super) mod requests;
mod tree;

use activesync::Command;
use activesync::query;
use activesync::views::folders::hierarchy;
use activesync::wbxml::Document;
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use model::Fault;
use model::site::{PolicyFolder, PolicyKind};

use super::{of_phone, of_server};
use crate::answer::{Answer, wbxml};
use crate::gate::MobileGate;
use crate::identify::Asked;
use crate::policies;
pub(crate) use known::Hierarchies;
use known::Shown;
use requests::{Created, Wanted};

/// The folders that are left out for one request.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Names the policies in force: another number, other policies.
    number: u64,
    folders: Vec<PolicyFolder>,
}

impl Rule {
    fn hides(&self, kind: Option<u64>, name: &str) -> bool {
        self.folders.iter().any(|folder| folder.hides(kind, name))
    }
}

/// What was found out about a request on its way up, for its answer.
#[derive(Debug)]
enum Expects {
    /// Nothing of the answer is looked at.
    Nothing,
    /// All folders, or the changes since the last ones.
    Folders { first: bool },
    /// The id of a new folder.
    NewFolder(Created),
    /// Hits, some of which may be in hidden folders.
    Hits,
    /// The list of folders of protocol 2.5.
    OldList,
}

/// The step for one request.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    /// `None`: nothing is hidden any more, and the device has yet to be told.
    rule: Option<Rule>,
    /// A folder that the query names.
    by_query: Option<String>,
    expects: Expects,
}

impl Step {
    /// The step, if folders are hidden from this device, or were.
    pub(super) fn of(gate: &MobileGate, asked: &Asked, parts: &Parts) -> Option<Self> {
        let (command, device) = (asked.command?, asked.device.as_ref()?);
        let rule = rule(gate, asked);
        if rule.is_none() && gate.hierarchies.get(&asked.user, device).is_none_or(|shown| shown.rule.is_none()) {
            return None;
        }
        let query = query::parse(parts.uri.query().unwrap_or_default()).ok();
        let by_query = query.and_then(|query| {
            query.parameters.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("CollectionId")).map(|(_, folder)| folder)
        });
        let expects = match command {
            Command::GetHierarchy => Expects::OldList,
            Command::Search | Command::Find => Expects::Hits,
            _ => Expects::Nothing,
        };
        Some(Self { command, rule, by_query, expects })
    }

    pub(super) fn reads_request(&self) -> bool {
        requests::names_folders(self.command)
    }

    pub(super) fn reads_answer(&self) -> bool {
        self.rule.is_some() && !matches!(self.expects, Expects::Nothing)
    }

    /// Judges a request; an answer, if it is refused.
    pub(super) fn request(&mut self, gate: &MobileGate, asked: &Asked, body: &Bytes) -> Result<Option<Response<Answer>>, Fault> {
        let Some(device) = &asked.device else { return Ok(None) };
        let shown = gate.hierarchies.get(&asked.user, device);
        if self.command == Command::FolderSync {
            return self.folder_sync(gate, asked, shown.as_deref(), body);
        }
        // Folders that come back are told of by the next FolderSync; until then the phone knows only what it was shown.
        let Some(rule) = &self.rule else { return Ok(None) };
        let shown = shown.filter(|shown| shown.rule == Some(rule.number));
        if let Some(folder) = &self.by_query
            && !shown.as_ref().is_some_and(|shown| gate.hierarchies.has(shown, folder))
        {
            return Ok(Some(refusals::by_query(self.command, asked.version)));
        }
        let document = match requests::wanted(self.command, asked.version, body)? {
            Wanted::Nothing => return Ok(None),
            Wanted::Again => {
                let told = shown.is_some_and(|shown| shown.was_told(self.command));
                return Ok((!told).then(|| refusals::say_again(self.command)));
            }
            Wanted::Body(document) => document,
        };
        let may = |folder: &str| shown.as_ref().is_some_and(|shown| gate.hierarchies.has(shown, folder));
        if let Some(refusal) = refusals::of(self.command, asked.version, &document, &may) {
            tracing::info!(event = "device.folder_refused", trace = %asked.trace, user = &*asked.user, device = device.as_str(), command = self.command.name());
            return Ok(Some(refusal));
        }
        if let Some(created) = requests::created(self.command, &document) {
            self.expects = Expects::NewFolder(created);
        }
        if let Some(shown) = shown {
            if requests::adds_to_the_last(self.command, &document) && !shown.was_told(self.command) {
                return Ok(Some(refusals::say_again(self.command)));
            }
            shown.tell(self.command);
        }
        Ok(None)
    }

    fn folder_sync(
        &mut self,
        gate: &MobileGate,
        asked: &Asked,
        shown: Option<&Shown>,
        body: &Bytes,
    ) -> Result<Option<Response<Answer>>, Fault> {
        let first = requests::is_first(&of_phone(body)?);
        let number = self.rule.as_ref().map(|rule| rule.number);
        let same = shown.is_some_and(|shown| shown.rule == number);
        if !first && !same {
            if number.is_none() {
                gate.hierarchies.forget(asked);
            }
            tracing::info!(event = "device.folders_again", trace = %asked.trace, user = &*asked.user, "the folders that it may see have changed");
            return Ok(Some(wbxml(refusals::folders_again())));
        }
        if first {
            gate.hierarchies.forget(asked);
        }
        self.expects = Expects::Folders { first };
        Ok(None)
    }

    /// Changes an answer.
    pub(super) fn answer(&self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Bytes, Fault> {
        let (Some(rule), Some(device)) = (&self.rule, &asked.device) else { return Ok(body) };
        // No body: nothing has changed.
        if body.is_empty() {
            return Ok(body);
        }
        let document = of_server(&body)?;
        let shown = gate.hierarchies.get(&asked.user, device).filter(|shown| shown.rule == Some(rule.number));
        match &self.expects {
            Expects::Nothing => Ok(body),
            Expects::Folders { first } => {
                let before = if *first { None } else { shown.as_deref() };
                Ok(self.folders(gate, asked, (rule, before), &document).unwrap_or(body))
            }
            Expects::NewFolder(created) => {
                tree::new_folder(gate, asked, rule, created, (&document, shown.as_deref()));
                Ok(body)
            }
            Expects::Hits => {
                let may = |folder: &str| shown.as_ref().is_some_and(|shown| gate.hierarchies.has(shown, folder));
                Ok(tree::hits(&document, &may).unwrap_or(body))
            }
            Expects::OldList => Ok(tree::old_list(rule, &document).unwrap_or(body)),
        }
    }

    /// The answer without hidden folders; `None` if it stays as it is.
    fn folders(&self, gate: &MobileGate, asked: &Asked, (rule, before): (&Rule, Option<&Shown>), document: &Document) -> Option<Bytes> {
        let hierarchy = hierarchy(document)?;
        if hierarchy.status.and_then(|status| status.number()) != Some(1) {
            return None;
        }
        let Some(seen) = tree::seen(&hierarchy, rule, &gate.hierarchies, before) else {
            // A folder came out of hiding or went into it: only a first FolderSync can tell the phone.
            gate.hierarchies.forget(asked);
            return Some(refusals::folders_again().into());
        };
        gate.hierarchies.remember(asked, Shown::new(rule.number, seen.ids, before));
        tree::without(document, &hierarchy, &seen.hidden)
    }
}

/// What is hidden from this device now.
fn rule(gate: &MobileGate, asked: &Asked) -> Option<Rule> {
    let site = gate.ports.facts.site();
    if site.mobile.test_mode || !site.policies.values().any(|rule| rule.kind == PolicyKind::SyncSettings && rule.policy.enabled) {
        return None;
    }
    let device = asked.device.as_ref().and_then(|id| gate.ports.devices.device(&asked.user, id));
    let rules = policies::in_force(PolicyKind::SyncSettings, &asked.subject(), device.as_ref(), &site);
    let folders: Vec<PolicyFolder> = rules.into_iter().flat_map(|rule| rule.policy.folders.iter().cloned()).collect();
    let number = gate.hierarchies.number(&folders);
    (!folders.is_empty()).then_some(Rule { number, folders })
}
