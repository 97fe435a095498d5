//! What the site says of the nodes themselves: `[logs]`, `[[system]]`.

use serde::{Deserialize, Serialize};

use crate::settings::Span;

/// `[logs]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSettings {
    /// Stories are kept so long.
    pub days: u32,
    /// A new file begins with each such span of the clock.
    pub rotate: Span,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { days: 90, rotate: Span::seconds(86_400) }
    }
}

/// `[[system]]`: one node's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemSettings {
    /// The node's id, as `sealgate status` says it.
    pub node: String,
    /// What people call it.
    #[serde(default)]
    pub description: String,
    /// Where its log goes as syslog too.
    #[serde(default)]
    pub syslog: Vec<SyslogTarget>,
}

/// One receiver of syslog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogTarget {
    /// `udp://host:port`, `tcp://host:port`, `tls://host:port`.
    pub target: String,
    /// With `tls`: the roots that the receiver's certificate must lead to, PEM; empty: the system's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ca: String,
}
