//! `[[mobile.policy]]`: who may have mail on phones (mobile-gateway.md G-10, G-11).
//!
//! What they may see of it stands in [`super::content`].
//!
//! What people write is a [`MobilePolicy`]; what the gate asks is a [`PolicyRule`], made of it once when the site changes,
//! so that a look-up in a long list is one hash probe. Judging itself is in `mobile`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::content::{AttachmentClasses, LinkMode, LinkSchemes, TagRow};
use super::folder::PolicyFolder;

/// The kinds of policies that are built, in the order in which they are asked (mobile-gateway.md G-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Devices that no management manages, or whose enrolment is pending or has ended.
    ManagedDevice,
    /// Devices that their management calls not compliant.
    MdmCompliance,
    /// Devices that are rooted or jailbroken.
    Compromised,
    /// Devices that are not encrypted.
    Encryption,
    /// Devices that their management has not seen for some days.
    Inactivity,
    /// Managed devices whose mail was not set up by a profile of ours.
    EasProfile,
    /// By platform and model.
    Model,
    /// By platform and version.
    Os,
    /// By user.
    User,
    /// By User-Agent.
    MailClient,
    /// By `DeviceType=`.
    EasDeviceType,
    /// Folders that phones don't see.
    SyncSettings,
    /// Bodies, by tag and client: blocks nothing as a whole.
    Classification,
    /// Attachments, by type and class of device: blocks nothing as a whole.
    Attachments,
    /// Links: blocks nothing.
    Hyperlinks,
}

impl PolicyKind {
    /// All that are built, in their order.
    pub const ALL: [Self; 15] = [
        Self::ManagedDevice,
        Self::MdmCompliance,
        Self::Compromised,
        Self::Encryption,
        Self::Inactivity,
        Self::EasProfile,
        Self::Model,
        Self::Os,
        Self::User,
        Self::MailClient,
        Self::EasDeviceType,
        Self::SyncSettings,
        Self::Classification,
        Self::Attachments,
        Self::Hyperlinks,
    ];

    /// The word in configuration, API and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ManagedDevice => "managed_device",
            Self::MdmCompliance => "mdm_compliance",
            Self::Compromised => "compromised",
            Self::Encryption => "encryption",
            Self::Inactivity => "inactivity",
            Self::EasProfile => "eas_profile",
            Self::Model => "model",
            Self::Os => "os",
            Self::User => "user",
            Self::MailClient => "mail_client",
            Self::EasDeviceType => "eas_device_type",
            Self::SyncSettings => "sync_settings",
            Self::Classification => "classification",
            Self::Attachments => "attachments",
            Self::Hyperlinks => "hyperlinks",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// True for the kinds that have a list.
    #[must_use]
    pub const fn has_list(self) -> bool {
        matches!(self, Self::Model | Self::Os | Self::User | Self::MailClient | Self::EasDeviceType)
    }

    /// True for the kinds that change what a phone sees, and block no request.
    #[must_use]
    pub const fn is_of_content(self) -> bool {
        matches!(self, Self::SyncSettings | Self::Classification | Self::Attachments | Self::Hyperlinks)
    }
}

/// `[[mobile.policy]]`, as far as it is built.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MobilePolicy {
    /// Which kind: a word of [`PolicyKind`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Off: it is not asked.
    #[serde(default)]
    pub enabled: bool,
    /// It blocks also what did not report the fact that it asks for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Only for devices with one of these labels; empty: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Only at these gateways; empty: at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// `inactivity`: days, 1 to 32,767.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
    /// What a match in the list means.
    #[serde(default)]
    pub action: PolicyAction,
    /// Whom or what it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<PolicyEntry>,
    /// `sync_settings`: the folders that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<PolicyFolder>,
    /// `classification`: rows, the first that fits decides, the default row last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<TagRow>,
    /// `classification`: tags besides [`super::content::TAGS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `classification`: where tags are looked for, in this order; empty: subject, then body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// `classification`: User-Agents of managed inbox apps, with `*` and `?`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inbox_clients: Vec<String>,
    /// `attachments`: rows for each class of devices.
    #[serde(default, skip_serializing_if = "AttachmentClasses::is_empty")]
    pub classes: AttachmentClasses,
    /// `attachments`: platforms with a reader for encrypted ones; empty: `ios` and `android`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reader_platforms: Vec<String>,
    /// `hyperlinks`: which are rewritten.
    #[serde(default, skip_serializing_if = "is_all")]
    pub mode: LinkMode,
    /// `hyperlinks`: the domains of `include` and `exclude`; each stands for its subdomains too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// `hyperlinks`: schemes by profile, the first that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemes: Vec<LinkSchemes>,
}

fn is_all(mode: &LinkMode) -> bool {
    *mode == LinkMode::All
}

/// `action` of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyAction {
    /// What the list does not name is blocked.
    #[default]
    Allow,
    /// What the list names is blocked.
    Block,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PolicyEntry {
    /// A name, with `*` and `?`; case does not count.
    Text(String),
    /// A platform, and what of it.
    Of(PolicyDevices),
}

/// Devices of one platform: of some models, or with some versions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyDevices {
    /// Such as `ios`, with `*` and `?`.
    pub platform: String,
    /// `model`: its name, with `*` and `?`; empty: every model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// `os`: the lowest version that is meant; empty: from the first.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// `os`: the highest version that is meant, with all below it: `17` ends with the last 17.x; empty: to the last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
}

impl MobilePolicy {
    /// A policy of a kind as nobody has written it yet: off, for all.
    #[must_use]
    pub fn of(kind: PolicyKind) -> Self {
        Self { kind: kind.word().to_owned(), ..Self::default() }
    }

    /// The key of its row: the type, and whom it is limited to, so that there can be one for each.
    #[must_use]
    pub fn key(&self) -> String {
        let limit = |mark: &str, names: &[String]| {
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.sort_unstable();
            if names.is_empty() { String::new() } else { format!("{mark}{}", names.join(",")) }
        };
        format!("{}{}{}", self.kind, limit(":", &self.labels), limit("@", &self.gateways))
    }
}

/// One policy as the gate asks it.
#[derive(Debug, Clone)]
pub struct PolicyRule {
    /// Its kind.
    pub kind: PolicyKind,
    /// As it was written.
    pub policy: MobilePolicy,
    names: HashSet<String>,
    patterns: Vec<String>,
}

impl PolicyRule {
    /// Makes the look-ups; `None` for a kind that this version does not have.
    #[must_use]
    pub fn new(policy: MobilePolicy) -> Option<Self> {
        let kind = PolicyKind::from_word(&policy.kind)?;
        let texts = policy.list.iter().filter_map(|entry| match entry {
            // Users in the form in which they are compared: without DOMAIN\ and @domain.
            PolicyEntry::Text(text) if kind == PolicyKind::User => Some(crate::device::user_key(text)),
            PolicyEntry::Text(text) => Some(text.trim().to_lowercase()),
            PolicyEntry::Of(_) => None,
        });
        let domains = policy.domains.iter().map(|text| text.trim().trim_matches('.'));
        let domains = domains.map(|text| crate::address::normal_domain(text).unwrap_or_else(|| text.to_lowercase()));
        let texts = texts.chain(domains).chain(policy.inbox_clients.iter().map(|text| text.trim().to_lowercase()));
        let (patterns, names): (Vec<_>, Vec<_>) = texts.partition(|text| text.contains(['*', '?']));
        Some(Self { kind, policy, names: names.into_iter().collect(), patterns })
    }

    /// True if the list names this text.
    #[must_use]
    pub fn names(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.names.contains(&text) || self.patterns.iter().any(|pattern| wildcard(pattern, &text))
    }

    /// `hyperlinks`: true if the list names this host or a domain that it belongs to.
    #[must_use]
    pub fn names_domain(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        let dots = host.match_indices('.').map(|(at, _)| at + 1);
        std::iter::once(0).chain(dots).any(|at| host.get(at..).is_some_and(|domain| self.names.contains(domain)))
    }

    /// True if the list names this model of this platform: alone, or with the platform.
    #[must_use]
    pub fn names_model(&self, platform: &str, model: &str) -> bool {
        self.names(model)
            || self.devices().any(|of| {
                let named = of.model.is_empty() || wildcard(&of.model.to_lowercase(), &model.to_lowercase());
                named && wildcard(&of.platform.to_lowercase(), &platform.to_lowercase())
            })
    }

    /// True if the list names this version of this platform. `None` if a range would have to be compared with a version that
    /// can't be read.
    #[must_use]
    pub fn names_version(&self, platform: &str, version: &str) -> Option<bool> {
        let found = version_numbers(version);
        let mut unreadable = false;
        for of in self.devices().filter(|of| wildcard(&of.platform.to_lowercase(), &platform.to_lowercase())) {
            match &found {
                _ if of.from.is_empty() && of.to.is_empty() => return Some(true),
                Some(found) if in_range(found, &of.from, &of.to) => return Some(true),
                Some(_) => {}
                None => unreadable = true,
            }
        }
        (!unreadable).then_some(false)
    }

    fn devices(&self) -> impl Iterator<Item = &PolicyDevices> {
        self.policy.list.iter().filter_map(|entry| match entry {
            PolicyEntry::Of(of) => Some(of),
            PolicyEntry::Text(_) => None,
        })
    }
}

/// `*` stands for any characters, `?` for one. Both in one letter case.
#[must_use]
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(here) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == here => {
                p += 1;
                t += 1;
            }
            // The latest star takes one more character.
            _ => match star {
                Some((after, at)) => {
                    star = Some((after, at + 1));
                    p = after;
                    t = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

/// The numbers of a version: `iOS 17.2.1 (21C66)` is 17, 2, 1. `None` if there is none.
#[must_use]
pub fn version_numbers(text: &str) -> Option<Vec<u64>> {
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    let run: String = text.get(begin..)?.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    run.split('.').filter(|part| !part.is_empty()).take(8).map(|part| part.parse().ok()).collect()
}

/// `to` includes all versions below it: 17 includes 17.9.
fn in_range(found: &[u64], from: &str, to: &str) -> bool {
    let part = |at: &[u64], n: usize| at.get(n).copied().unwrap_or_default();
    let compare = |bound: &str, places: usize| {
        version_numbers(bound).map(|bound| {
            let places = if places == 0 { bound.len() } else { places.max(bound.len()) };
            (0..places).map(|n| part(found, n).cmp(&part(&bound, n))).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        })
    };
    let above = from.is_empty() || compare(from, found.len()).is_some_and(std::cmp::Ordering::is_ge);
    let below = to.is_empty() || compare(to, 0).is_some_and(std::cmp::Ordering::is_le);
    above && below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: &str, list: Vec<PolicyEntry>) -> PolicyRule {
        let policy = MobilePolicy { kind: kind.into(), enabled: true, list, ..MobilePolicy::default() };
        PolicyRule::new(policy).unwrap()
    }

    fn texts(kind: &str, list: &[&str]) -> PolicyRule {
        rule(kind, list.iter().map(|text| PolicyEntry::Text((*text).to_owned())).collect())
    }

    fn range(platform: &str, from: &str, to: &str) -> PolicyEntry {
        PolicyEntry::Of(PolicyDevices { platform: platform.into(), from: from.into(), to: to.into(), ..PolicyDevices::default() })
    }

    #[test]
    fn g_10_lists_know_stars_and_question_marks_and_no_case() {
        let list = texts("mail_client", &["Apple-iPhone*", "Out?ook/*", "exact", "*"]);
        assert!(list.names("anything"), "a star alone is everything");
        let list = texts("mail_client", &["Apple-iPhone*/14*", "Out?ook", "Exact"]);
        for yes in ["apple-iphone12c1/1402.5", "Apple-iPhone/14", "outlook", "OUTXOOK", "exact"] {
            assert!(list.names(yes), "{yes}");
        }
        for no in ["Apple-iPad/14", "Apple-iPhone", "outook", "exact2", "", "aexact"] {
            assert!(!list.names(no), "{no}");
        }
        assert!(texts("mail_client", &["a*b*c"]).names("aXbYbZc") && !texts("mail_client", &["a*b*c"]).names("aXbYbZ"));
        assert!(texts("user", &["Bob@company.example", "EX\\carol"]).names("bob"), "users are compared by their key");
    }

    #[test]
    fn x_11_a_pattern_of_stars_takes_no_long_time() {
        let list = texts("mail_client", &[&"*a".repeat(120)]);
        assert!(!list.names(&"a".repeat(119)));
        assert!(list.names(&"a".repeat(255)));
    }

    #[test]
    fn g_11_models_by_name_or_with_their_platform() {
        let of = |platform: &str, model: &str| {
            PolicyEntry::Of(PolicyDevices { platform: platform.into(), model: model.into(), ..PolicyDevices::default() })
        };
        let list = rule("model", vec![PolicyEntry::Text("SM-*".into()), of("iOS", "iPhone1?"), of("windows", "")]);
        for (platform, model) in [("android", "sm-g900"), ("ios", "iPhone14"), ("Windows", "whatever")] {
            assert!(list.names_model(platform, model), "{platform} {model}");
        }
        assert!(!list.names_model("android", "iPhone14") && !list.names_model("ios", "iPad"));
    }

    #[test]
    fn g_11_versions_are_compared_by_number() {
        let list = rule("os", vec![range("ios", "16.4", "17"), range("android", "", "9.5"), range("wp", "", "")]);
        for (platform, version, named) in [
            ("iOS", "iOS 16.4", true),
            ("ios", "16.10", true),
            ("ios", "17.9.3 (21C66)", true),
            ("ios", "16.3.9", false),
            ("ios", "18", false),
            ("ios", "16", false),
            ("android", "9.5.1", true),
            ("android", "10", false),
            ("other", "17", false),
        ] {
            assert_eq!(list.names_version(platform, version), Some(named), "{platform} {version}");
        }
        assert_eq!(list.names_version("wp", "unreadable"), Some(true), "all versions of it");
        assert_eq!(list.names_version("ios", "unreadable"), None);
        assert_eq!(version_numbers("Android 14"), Some(vec![14]));
        assert_eq!((version_numbers("none"), version_numbers("99999999999999999999999")), (None, None));
    }

    #[test]
    fn g_22_a_domain_stands_for_its_subdomains_and_for_no_other() {
        let domains = vec!["Example.com".to_owned(), " intra.test. ".to_owned()];
        let policy = MobilePolicy { kind: "hyperlinks".into(), domains, ..MobilePolicy::default() };
        let rule = PolicyRule::new(policy).unwrap();
        for yes in ["example.com", "WWW.example.COM", "a.b.example.com", "intra.test", "example.com."] {
            assert!(rule.names_domain(yes), "{yes}");
        }
        for no in ["notexample.com", "example.com.evil.test", "com", "", "example.org"] {
            assert!(!rule.names_domain(no), "{no}");
        }
    }

    #[test]
    fn g_12_kinds_are_in_the_order_of_the_table_and_have_its_words() {
        let mut sorted = PolicyKind::ALL;
        sorted.sort_unstable();
        assert_eq!(sorted, PolicyKind::ALL);
        for kind in PolicyKind::ALL {
            assert_eq!(PolicyKind::from_word(kind.word()), Some(kind));
        }
    }

    #[test]
    fn g_38_one_policy_for_each_limit() {
        let mut policy = texts("user", &["a"]).policy;
        assert_eq!(policy.key(), "user");
        policy.labels = vec!["b".into(), "a".into()];
        policy.gateways = vec!["west".into()];
        assert_eq!(policy.key(), "user:a,b@west");
    }
}
