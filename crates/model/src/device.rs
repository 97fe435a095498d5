//! Devices, requests of phones, and the decision about each (mobile-gateway.md G-12a).

use serde::{Deserialize, Serialize};

use crate::Timestamp;

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
    /// This user may not have mail on phones.
    User,
    /// This kind of device may not.
    EasDeviceType,
    /// This mail client may not.
    MailClient,
    /// The policies could not be loaded.
    NoPolicy,
    /// This URL is not passed on.
    Path,
}

impl Reason {
    /// The fixed word of mobile-gateway.md G-12a.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Whitelisted => "whitelisted",
            Self::NoPolicyOpen => "no_policy_open",
            Self::Blacklisted => "blacklisted",
            Self::User => "user",
            Self::EasDeviceType => "eas_device_type",
            Self::MailClient => "mail_client",
            Self::NoPolicy => "no_policy",
            Self::Path => "path",
        }
    }
}

impl Reason {
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
    fn g_12a_test_mode_says_what_it_would_have_done() {
        assert_eq!(Decision { allowed: true, reason: Reason::Blacklisted }.code(), "test_mode:blacklisted");
        assert_eq!(Decision { allowed: false, reason: Reason::Blacklisted }.code(), "blacklisted");
        assert_eq!(Decision { allowed: true, reason: Reason::Compliant }.code(), "compliant");
    }
}
