//! Settings of the mail gate: `[mail]`, `[[mail.source]]`, `[[domain]]`.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Language;
use crate::settings::{Size, Span};

/// `[mail]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailSettings {
    /// Our name in HELO, Received and DSNs.
    pub hostname: String,
    /// Sender of our own messages.
    pub postmaster: String,
    /// Networks that may relay and speak for all managed domains.
    pub relay_networks: Vec<IpNet>,
    /// Largest message, as SIZE says it.
    pub max_message_size: Size,
    /// Most recipients of one message.
    pub max_recipients: u32,
    /// Next hop for all that is not ours, in the notation of mail-gateway.md M-T2; empty: by MX.
    pub smart_host: String,
    /// TLS level for destinations without one of their own: `none` or `may`.
    pub tls_out: String,
    /// First wait of a deferred delivery.
    pub retry_first: Span,
    /// Longest wait of a deferred delivery.
    pub retry_max: Span,
    /// A delivery that did not work for so long ends in a DSN.
    pub expire: Span,
    /// The sender is told once that mail is late.
    pub delay_notice: Span,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            postmaster: String::new(),
            relay_networks: Vec::new(),
            max_message_size: Size(50_000_000),
            max_recipients: 1_000,
            smart_host: String::new(),
            tls_out: "may".to_owned(),
            retry_first: Span::seconds(300),
            retry_max: Span::seconds(4 * 3600),
            expire: Span::seconds(5 * 86_400),
            delay_notice: Span::seconds(4 * 3600),
        }
    }
}

/// `[[mail.source]]`: two rights, kept apart (M-T5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The clients.
    pub network: IpNet,
    /// May send to domains that are not ours.
    #[serde(default = "yes")]
    pub relay: bool,
    /// Managed domains that it may speak for; `*` is all of them.
    #[serde(default = "all_domains")]
    pub speaks_for: Vec<String>,
}

/// `[[domain]]`: a managed domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name; the row's key is its look-up form.
    pub name: String,
    /// The company's server: `[ip]`, `[ip]:port`, `[host]`, `[host]:port`, or `domain` (M-T2).
    pub forward: String,
    /// TLS level towards it: `none` or `may`.
    #[serde(default = "may")]
    pub tls: String,
    /// Language of mails to its people when nothing else says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

fn may() -> String {
    "may".to_owned()
}

fn yes() -> bool {
    true
}

fn all_domains() -> Vec<String> {
    vec!["*".to_owned()]
}
