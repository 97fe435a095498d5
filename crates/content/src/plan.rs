//! What the policies say for one device at one time: made for a request, asked for each mail (mobile-gateway.md G-21–G-26).
//!
//! Of several policies of one kind those that are limited to labels or gateways come first: what somebody wrote for a few
//! is meant for them.

use std::sync::Arc;

use model::device::Reported;
use model::site::content::{AttachmentAction, AttachmentRow};
use model::site::{MobileGateway, PolicyKind, PolicyRule, WithoutPolicy, wildcard};
use model::{Language, Site};

use crate::attachments::{Attachments, Verdict};
use crate::classify::Classification;
use crate::links::Links;

/// Platforms with a reader, where a policy names none.
const READERS: [&str; 2] = ["ios", "android"];

/// The classes that attachments are judged by (mobile-gateway.md, the table of device classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceClass {
    /// Managed, on a platform with a reader.
    ManagedReader,
    /// Managed, without one.
    Managed,
    /// Nobody manages it.
    Unmanaged,
}

impl DeviceClass {
    /// Of a device of which this was reported.
    #[must_use]
    pub fn of(reported: &Reported, reader_platforms: &[String]) -> Self {
        let is_listed = |platform: &str| platform.trim().eq_ignore_ascii_case(reported.platform.trim());
        let has_reader = match reader_platforms {
            [] => READERS.iter().any(|platform| is_listed(platform)),
            listed => listed.iter().any(|platform| is_listed(platform)),
        };
        match (reported.managed, has_reader && !reported.platform.trim().is_empty()) {
            (true, true) => Self::ManagedReader,
            (true, false) => Self::Managed,
            (false, _) => Self::Unmanaged,
        }
    }

    /// The word in configuration and files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ManagedReader => "managed_reader",
            Self::Managed => "managed",
            Self::Unmanaged => "unmanaged",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::ManagedReader, Self::Managed, Self::Unmanaged].into_iter().find(|class| class.word() == word)
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// What was reported of the device; a device that nobody knows reported nothing.
    pub reported: &'a Reported,
    /// User-Agent.
    pub agent: &'a str,
    /// The language in which our own texts are.
    pub language: Language,
}

/// What the policies say.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The device's class, as the policy on attachments tells it; by the usual platforms where there is none.
    pub class: DeviceClass,
    /// Attachments.
    pub attachments: Option<Attachments>,
    /// Tags.
    pub classification: Option<Classification>,
    /// Links.
    pub links: Option<Links>,
    /// S/MIME mails keep their attachments and links.
    pub skip_smime: bool,
    /// What happens to what can't be judged.
    pub unjudged: WithoutPolicy,
    blocked_text: String,
    unjudged_text: String,
    notice_text: String,
}

impl Plan {
    /// The plan of a gateway for who asks; `None` if nothing is ever changed. Test mode changes nothing.
    #[must_use]
    pub fn of(site: &Site, gateway: Option<&MobileGateway>, asker: &Asker<'_>) -> Option<Self> {
        if site.mobile.test_mode {
            return None;
        }
        let rules = |kind| applying(site, kind, gateway, asker.reported);
        let attachments = rules(PolicyKind::Attachments);
        let readers = attachments.first().map(|rule| rule.policy.reader_platforms.as_slice()).unwrap_or_default();
        let class = DeviceClass::of(asker.reported, readers);
        let rows = attachments.iter().flat_map(|rule| rows_of(rule, class).iter());
        let attachments = Some(Attachments::new(rows)).filter(|rows| !rows.is_idle());
        let text = |id: &str| texts::text(asker.language, id, &[]);
        let template = |name: &str| match site.templates.get(name) {
            Some(template) => body_of(&template.text),
            None if name.trim().is_empty() => text("phone-mail-blocked"),
            None => name.to_owned(),
        };
        let classification = rules(PolicyKind::Classification).first().map(|rule| Classification::new(rule, asker.agent, template));
        let classification = classification.filter(|rows| !rows.is_idle());
        let links = rules(PolicyKind::Hyperlinks).iter().find_map(|rule| links_of(rule, asker.reported));
        if attachments.is_none() && classification.is_none() && links.is_none() {
            return None;
        }
        let set = gateway.map(|gateway| gateway.blocked_text.clone()).filter(|set| !set.trim().is_empty());
        Some(Self {
            class,
            attachments,
            classification,
            links,
            skip_smime: gateway.is_none_or(|gateway| gateway.smime_skip_signed),
            unjudged: gateway.map(|gateway| gateway.attachments_without_policy).unwrap_or_default(),
            blocked_text: set.clone().unwrap_or_else(|| text("phone-attachment-blocked")),
            unjudged_text: set.unwrap_or_else(|| text("phone-attachment-unjudged")),
            notice_text: text("phone-mail-unreadable"),
        })
    }

    /// True if something may be taken away: then what can't be read must not simply pass.
    #[must_use]
    pub const fn takes_away(&self) -> bool {
        self.attachments.is_some() || self.classification.is_some()
    }

    /// What stands in place of a blocked attachment.
    #[must_use]
    pub fn blocked<'p>(&'p self, verdict: Verdict<'p>) -> &'p str {
        if verdict.text.trim().is_empty() { &self.blocked_text } else { verdict.text }
    }

    /// What happens to an attachment that can't be judged: the text in its place, or `None` if it passes (G-26).
    #[must_use]
    pub fn unjudged(&self) -> Option<&str> {
        (self.unjudged == WithoutPolicy::Block).then_some(self.unjudged_text.as_str())
    }

    /// What stands in place of a mail that could not be read (G-25).
    #[must_use]
    pub fn notice(&self) -> &str {
        &self.notice_text
    }

    /// True if an attachment with this verdict must not leave by a forward: blocked, or encrypted for a device that has no
    /// right to what is in it.
    #[must_use]
    pub fn holds_back(&self, verdict: &Verdict<'_>) -> bool {
        match verdict.action {
            AttachmentAction::Allow => false,
            AttachmentAction::Block => true,
            AttachmentAction::Encrypt => self.class == DeviceClass::Unmanaged,
        }
    }
}

/// The class of a device of which this was reported, as the policies on attachments tell it now; in test mode too.
#[must_use]
pub fn class_of(site: &Site, gateway: Option<&MobileGateway>, reported: &Reported) -> DeviceClass {
    let rules = applying(site, PolicyKind::Attachments, gateway, reported);
    DeviceClass::of(reported, rules.first().map(|rule| rule.policy.reader_platforms.as_slice()).unwrap_or_default())
}

/// What a policy on attachments alone says of a file's name for one class; what is in a file may make it stricter.
#[must_use]
pub fn action_for(rule: &PolicyRule, class: DeviceClass, name: &str) -> AttachmentAction {
    Attachments::new(rows_of(rule, class).iter()).by_name(name, None).action
}

/// Policies of one kind that apply here, limited ones first.
fn applying<'s>(site: &'s Site, kind: PolicyKind, gateway: Option<&MobileGateway>, reported: &Reported) -> Vec<&'s Arc<PolicyRule>> {
    let all = site.policies.range((kind, String::new())..).take_while(|((other, _), _)| *other == kind).map(|(_, rule)| rule);
    let mut found: Vec<_> = all.filter(|rule| rule.policy.enabled && applies(rule, gateway, reported)).collect();
    found.sort_by_key(|rule| rule.policy.labels.is_empty() && rule.policy.gateways.is_empty());
    found
}

fn applies(rule: &PolicyRule, gateway: Option<&MobileGateway>, reported: &Reported) -> bool {
    let (labels, gateways) = (&rule.policy.labels, &rule.policy.gateways);
    let here = gateways.is_empty() || gateway.is_some_and(|gateway| gateways.contains(&gateway.id));
    here && (labels.is_empty() || labels.iter().any(|label| reported.labels.contains(label)))
}

/// The rows of a policy on attachments for one class.
#[must_use]
pub fn rows_of(rule: &PolicyRule, class: DeviceClass) -> &[AttachmentRow] {
    let classes = &rule.policy.classes;
    match class {
        DeviceClass::ManagedReader => &classes.managed_reader,
        DeviceClass::Managed => &classes.managed,
        DeviceClass::Unmanaged => &classes.unmanaged,
    }
}

/// Only managed devices have a profile, and only some of these a browser.
fn links_of(rule: &Arc<PolicyRule>, reported: &Reported) -> Option<Links> {
    let has = |profile: &str| {
        let profile = profile.trim().to_lowercase();
        let names = reported.labels.iter().chain(std::iter::once(&reported.platform));
        profile.is_empty() || names.filter(|name| !name.is_empty()).any(|name| wildcard(&profile, &name.to_lowercase()))
    };
    let schemes = reported.managed.then(|| rule.policy.schemes.iter().find(|schemes| has(&schemes.profile))).flatten()?;
    schemes.pair().map(|pair| Links::new(rule, pair))
}

/// The text of a template without its header lines.
fn body_of(template: &str) -> String {
    let text = template.replace("\r\n", "\n");
    text.split_once("\n\n").map_or(text.as_str(), |(_, body)| body).trim_end().to_owned()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(crate) mod tests;
