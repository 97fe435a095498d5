//! `profiles` of a configuration of the mobile gate: how a device's mail is set up (console.md A-9b).

use serde::{Deserialize, Serialize};

/// One profile: how the mail client of a platform is set up. There is one for each pair of platform and client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceProfile {
    /// `ios` or `android`.
    pub platform: String,
    /// `mail` (of the system), `gmail` or `outlook`.
    pub client: String,
    /// The account's name on the device.
    pub profile: String,
    /// For the management of devices: comes by itself, or when the user wants it.
    #[serde(default)]
    pub assignment: Assignment,
}

/// How a profile reaches a device, for its management.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assignment {
    /// By itself.
    #[default]
    Auto,
    /// When the user wants it.
    Optional,
}

impl Assignment {
    /// The word in files and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Optional => "optional",
        }
    }
}

/// Platforms and clients that there are profiles for.
pub const PROFILE_PAIRS: [(&str, &str); 4] = [("ios", "mail"), ("ios", "outlook"), ("android", "gmail"), ("android", "outlook")];
