//! Devices, requests of phones, and the decision about each (mobile-gateway.md G-12a).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::site::PolicyKind;

/// Device id as compared: lower case, at most 32 characters (MS-ASHTTP §2.2.1.1.1.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// Takes 1–64 characters of `A-Z a-z 0-9 - _ { }`; compared without case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_{}".contains(&b));
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The compared form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one compared form of a phone user's name: `user`, `DOMAIN\user` and `user@domain` are `user`, lower case.
///
/// Phones may write any of the three for one mailbox, so a key that kept the domain would let the phone choose
/// which device facts apply to it. Everything that stores or looks up a device's user goes through here.
#[must_use]
pub fn user_key(text: &str) -> String {
    let text = text.trim();
    let name = text.rsplit_once('\\').map_or(text, |(_, name)| name);
    let name = match name.split_once('@') {
        Some((local, _)) if !local.is_empty() => local,
        _ => name,
    };
    name.to_lowercase()
}

/// What an administrator decided for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Override {
    /// The policies decide.
    #[default]
    Default,
    /// Always allowed.
    Whitelist,
    /// Never allowed.
    Blacklist,
}

impl Override {
    /// The word in tables, API and configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Whitelist => "whitelist",
            Self::Blacklist => "blacklist",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Default, Self::Whitelist, Self::Blacklist].into_iter().find(|o| o.word() == word)
    }
}

/// What is known about one device of one user. Facts, not verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The user as compared: lower case, without `DOMAIN\`.
    pub user: String,
    /// Override by an administrator.
    #[serde(default, rename = "override")]
    pub override_: Override,
    /// `DeviceType=` of its requests.
    #[serde(default)]
    pub device_type: String,
    /// User-Agent of its latest request.
    #[serde(default)]
    pub agent: String,
    /// Latest request; 0 if none was seen.
    #[serde(default)]
    pub last_seen: Timestamp,
    /// What its management reported; `None` if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Arc<Reported>>,
    /// What administrators ordered for it.
    #[serde(default, skip_serializing_if = "Orders::is_none")]
    pub orders: Orders,
}

/// What administrators ordered for one device (console.md A-8). Each is a number that only grows: the second since 1970 of the
/// order, or one more than the order before it; 0: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Orders {
    /// It is to sync its folders anew: what it synced before this order counts no more.
    pub resync: i64,
    /// Which of its keys attachments are encrypted with from now on.
    pub key: i64,
}

impl Orders {
    /// True if nothing was ordered.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The number of an order that is given now, after `before`.
    #[must_use]
    pub fn next(before: i64, now: Timestamp) -> i64 {
        now.seconds().max(before.saturating_add(1))
    }
}

/// For whom somebody else than this console has blocked access (mobile-gateway.md G-12a).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum External {
    /// For all devices, or all of this user.
    Global,
    /// For this device.
    Individual,
}

impl External {
    /// The word in tables, API and configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Individual => "individual",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Global, Self::Individual].into_iter().find(|external| external.word() == word)
    }

    /// The reason of the block.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Global => Reason::ExternalGlobal,
            Self::Individual => Reason::ExternalIndividual,
        }
    }
}

/// What the management of devices reports of one (mobile-gateway.md, *device facts*). Facts, no verdicts; what was not
/// reported is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    /// Some management manages it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub managed: bool,
    /// It is enrolled there: neither pending nor ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enrolled: bool,
    /// Its management calls it compliant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdm_compliant: Option<bool>,
    /// It is rooted or jailbroken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compromised: Option<bool>,
    /// Its storage is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Its mail was set up by a profile of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eas_profile: Option<bool>,
    /// Such as `ios`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Such as `iPhone15,2`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Version of its system, such as `17.2`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// When its management saw it last. RFC 3339 in files and answers.
    #[serde(skip_serializing_if = "Option::is_none", with = "moment")]
    pub last_seen: Option<Timestamp>,
    /// Its phone number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// The number of its radio.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub imei: String,
    /// As its owner named it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub friendly_name: String,
    /// Mail address of its user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Names by which policies are limited.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Somebody else than this console has blocked its access, and says so here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// When it was first reported as enrolled. Kept by the store, never taken from outside.
    #[serde(skip_serializing_if = "Option::is_none", with = "moment")]
    pub enrolled_at: Option<Timestamp>,
}

impl Reported {
    /// The same without what the store keeps by itself.
    #[must_use]
    pub fn given(mut self) -> Self {
        self.enrolled_at = None;
        self
    }

    /// True if nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A time as text.
mod moment {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Timestamp;

    #[expect(clippy::ref_option, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_str(&at.rfc3339()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let read = Timestamp::parse_rfc3339(&text);
        read.map(Some).ok_or_else(|| D::Error::custom("expected a time, as in 2026-11-21T21:44:34Z"))
    }
}

/// Why a request is allowed or blocked. Each decision has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No policy forbids it.
    Compliant,
    /// An administrator allows this device.
    Whitelisted,
    /// There are no policies and mail flows without them, by setting.
    NoPolicyOpen,
    /// An administrator blocks this device.
    Blacklisted,
    /// No management manages it.
    NotManaged,
    /// Its enrolment is pending or has ended.
    NotEnrolled,
    /// Its management calls it not compliant.
    NotMdmCompliant,
    /// It is rooted or jailbroken.
    Compromised,
    /// It is not encrypted.
    NotEncrypted,
    /// Its management has not seen it for too long.
    Inactive,
    /// Its mail was not set up by a profile of ours.
    NoEasProfile,
    /// This model may not.
    Model,
    /// This version of its system may not.
    Os,
    /// This user may not have mail on phones.
    User,
    /// This kind of device may not.
    EasDeviceType,
    /// This mail client may not.
    MailClient,
    /// The policies could not be loaded.
    NoPolicy,
    /// It asks too often, or under too many names of clients.
    Loop,
    /// This URL is not passed on.
    Path,
    /// Somebody else than this console has blocked access for all devices, or for all of this user.
    ExternalGlobal,
    /// Somebody else has blocked it for this device.
    ExternalIndividual,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Compliant,
        Self::Whitelisted,
        Self::NoPolicyOpen,
        Self::Blacklisted,
        Self::NotManaged,
        Self::NotEnrolled,
        Self::NotMdmCompliant,
        Self::Compromised,
        Self::NotEncrypted,
        Self::Inactive,
        Self::NoEasProfile,
        Self::Model,
        Self::Os,
        Self::User,
        Self::EasDeviceType,
        Self::MailClient,
        Self::NoPolicy,
        Self::Loop,
        Self::Path,
        Self::ExternalGlobal,
        Self::ExternalIndividual,
    ];

    /// The fixed word of mobile-gateway.md G-12a.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Whitelisted => "whitelisted",
            Self::NoPolicyOpen => "no_policy_open",
            Self::Blacklisted => "blacklisted",
            Self::NotManaged => "not_managed",
            Self::NotEnrolled => "not_enrolled",
            Self::NotMdmCompliant => "not_mdm_compliant",
            Self::Compromised => "compromised",
            Self::NotEncrypted => "not_encrypted",
            Self::Inactive => "inactive",
            Self::NoEasProfile => "no_eas_profile",
            Self::Model => "model",
            Self::Os => "os",
            Self::User => "user",
            Self::EasDeviceType => "eas_device_type",
            Self::MailClient => "mail_client",
            Self::NoPolicy => "no_policy",
            Self::Loop => "loop",
            Self::Path => "path",
            Self::ExternalGlobal => "external_global",
            Self::ExternalIndividual => "external_individual",
        }
    }
}

impl Reason {
    /// The policy that blocks for this reason; `None` if no policy does.
    #[must_use]
    pub const fn policy(self) -> Option<PolicyKind> {
        match self {
            Self::NotManaged | Self::NotEnrolled => Some(PolicyKind::ManagedDevice),
            Self::NotMdmCompliant => Some(PolicyKind::MdmCompliance),
            Self::Compromised => Some(PolicyKind::Compromised),
            Self::NotEncrypted => Some(PolicyKind::Encryption),
            Self::Inactive => Some(PolicyKind::Inactivity),
            Self::NoEasProfile => Some(PolicyKind::EasProfile),
            Self::Model => Some(PolicyKind::Model),
            Self::Os => Some(PolicyKind::Os),
            Self::User => Some(PolicyKind::User),
            Self::MailClient => Some(PolicyKind::MailClient),
            Self::EasDeviceType => Some(PolicyKind::EasDeviceType),
            Self::Compliant | Self::Whitelisted | Self::NoPolicyOpen | Self::Blacklisted | Self::NoPolicy | Self::Loop | Self::Path => None,
            Self::ExternalGlobal | Self::ExternalIndividual => None,
        }
    }

    /// True for the reasons that block, unless the site is in test mode.
    #[must_use]
    pub const fn blocks(self) -> bool {
        !matches!(self, Self::Compliant | Self::Whitelisted | Self::NoPolicyOpen)
    }
}

/// Allowed or blocked, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// True if the request is passed on.
    pub allowed: bool,
    /// The one reason.
    pub reason: Reason,
}

impl Decision {
    /// The decision's code as dashboards, logs and scripts read it: the reason's word, or `test_mode:WORD` when test
    /// mode let pass what would be blocked.
    #[must_use]
    pub fn code(self) -> std::borrow::Cow<'static, str> {
        if self.allowed && self.reason.blocks() {
            return format!("test_mode:{}", self.reason.code()).into();
        }
        self.reason.code().into()
    }
}

/// What one request of a phone told, for the record. Facts only: no content, no subject, no password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The device.
    pub device: DeviceId,
    /// The user as compared.
    pub user: String,
    /// `DeviceType=`.
    pub device_type: String,
    /// User-Agent, at most 255 characters.
    pub agent: String,
    /// Command name, such as `Sync`.
    pub command: String,
    /// When.
    pub at: Timestamp,
    /// What was decided.
    pub decision: Decision,
    /// Id of the configuration by which it came; empty: none is on.
    #[serde(default)]
    pub gateway: String,
    /// The client's address.
    #[serde(default)]
    pub client: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_compared_without_case_and_never_odd() {
        assert_eq!(DeviceId::parse("ABCdef"), DeviceId::parse("abcDEF"));
        for bad in ["", "a/b", "../x", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(DeviceId::parse(bad), None);
        }
    }

    #[test]
    fn g_1_three_spellings_are_one_user() {
        for text in ["Carol", "EXAMPLE\\carol", "carol@example.test", "EXAMPLE\\Carol@example.test", " carol "] {
            assert_eq!(user_key(text), "carol", "{text}");
        }
        assert_eq!(user_key("@odd"), "@odd", "never empty but for an empty text");
    }

    #[test]
    fn g_11_what_was_not_reported_is_not_written() {
        let empty = serde_json::to_string(&Reported::default()).unwrap();
        assert_eq!(empty, "{}");
        assert!(serde_json::from_str::<Reported>(&empty).unwrap().is_empty());
        let text = r#"{"managed":true,"compromised":false,"last_seen":"2026-11-21T21:44:34Z","labels":["a"]}"#;
        let read: Reported = serde_json::from_str(text).unwrap();
        assert_eq!((read.compromised, read.encrypted, read.last_seen.unwrap().seconds()), (Some(false), None, 1_795_297_474));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert!(serde_json::from_str::<Reported>(r#"{"last_seen":"yesterday"}"#).is_err());
    }

    #[test]
    fn g_12a_each_reason_has_a_word_of_its_own_and_each_policy_a_reason() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.map(Reason::code).into();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.policy().is_none() || reason.blocks(), "{reason:?}");
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code(), "one word in every form");
        }
        for kind in PolicyKind::ALL.into_iter().filter(|kind| !kind.is_of_content()) {
            assert!(Reason::ALL.iter().any(|reason| reason.policy() == Some(kind)), "{kind:?}");
        }
    }

    #[test]
    fn g_12a_test_mode_says_what_it_would_have_done() {
        assert_eq!(Decision { allowed: true, reason: Reason::Blacklisted }.code(), "test_mode:blacklisted");
        assert_eq!(Decision { allowed: false, reason: Reason::Blacklisted }.code(), "blacklisted");
        assert_eq!(Decision { allowed: true, reason: Reason::Compliant }.code(), "compliant");
    }
}
