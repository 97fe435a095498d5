//! Settings of the mobile gate: `[mobile]` and `[[mobile.gateway]]`.

use serde::{Deserialize, Serialize};

/// `[[mobile.gateway]]`, as far as it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MobileGateway {
    /// Unique.
    pub id: String,
    /// Shown name.
    #[serde(default)]
    pub name: String,
    /// Off: answers 503.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// `exchange`, `online`, `traveler`, `google`, `groupwise`, `other`: sets the upstream path.
    #[serde(default = "exchange")]
    pub kind: String,
    /// `https://host[:port][/path]`; `http://` for a server on the same machine.
    pub mail_server: String,
    /// Off: certificate errors of the mail server are ignored, and that is logged.
    #[serde(default = "yes", alias = "verify_tls")]
    pub verify_tls_mail: bool,
    /// Mail flows while there are no policies.
    #[serde(default)]
    pub allow_without_policies: bool,
}

/// `[mobile]` and the `user`, `mail_client`, `eas_device_type` lists that block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct MobileSettings {
    /// Evaluate and report, block nothing.
    pub test_mode: bool,
}

fn exchange() -> String {
    "exchange".to_owned()
}

fn yes() -> bool {
    true
}
