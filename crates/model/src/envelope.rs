//! Who sends, who receives, and where a message came from.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Address, TraceId};

/// `BODY=` of MAIL (RFC 6152, RFC 3030).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum BodyType {
    /// Lines of US-ASCII.
    #[default]
    SevenBit,
    /// Lines with octets over 127.
    EightBitMime,
}

/// `NOTIFY=` of RCPT (RFC 3461 §4.1). All three off is `NEVER`; without the parameter failures and delays are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// A report when it was delivered, or passed to a server that reports nothing.
    pub success: bool,
    /// A report when it can't be delivered.
    pub failure: bool,
    /// A report when it is late.
    pub delay: bool,
}

impl Notify {
    /// What holds when the client says nothing.
    pub const DEFAULT: Self = Self { success: false, failure: true, delay: true };
    /// Only what fails.
    pub const FAILURE: Self = Self { success: false, failure: true, delay: false };
    /// `NEVER`.
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };
}

/// `RET=` of MAIL (RFC 3461 §4.3): what a failure report brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Return {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// One RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The mailbox.
    pub address: Address,
    /// `ORCPT=` as the client wrote it, xtext-decoded (RFC 3461 §4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// `NOTIFY=`, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

impl Recipient {
    /// What to report about this recipient.
    #[must_use]
    pub fn reports(&self) -> Notify {
        self.notify.unwrap_or(Notify::DEFAULT)
    }

    /// The same recipient, of whom at most a failure is told.
    #[must_use]
    pub fn only_failure(self) -> Self {
        let failure = self.reports().failure;
        Self { notify: Some(Notify { failure, ..Notify::FAILURE }), ..self }
    }

    /// A recipient without DSN parameters.
    #[must_use]
    pub const fn plain(address: Address) -> Self {
        Self { address, original: None, notify: None }
    }
}

/// The SMTP envelope as the client gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// MAIL FROM; `None` is the null reverse path `<>`.
    pub sender: Option<Address>,
    /// RCPT TO, in the client's order.
    pub recipients: Vec<Recipient>,
    /// `BODY=`.
    pub body: BodyType,
    /// `ENVID=`, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<String>,
    /// `RET=`, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret: Option<Return>,
    /// `SMTPUTF8` was asked for (RFC 6531 §3.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub smtputf8: bool,
}

/// What TLS the peer uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1.3`, `TLSv1.2`.
    pub version: String,
    /// The suite's IANA name.
    pub cipher: String,
}

/// The SMTP client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its address; IPv4-mapped ones are written as IPv4.
    pub address: IpAddr,
    /// The name in HELO or EHLO; empty before it.
    pub helo: String,
    /// Set after STARTTLS.
    pub tls: Option<TlsFacts>,
    /// The account that signed in, if any.
    pub account: Option<Address>,
    /// What it has shown beside its address.
    #[serde(default)]
    pub proof: Proof,
}

/// What a client has shown of itself beside its address: for sources whose network is shared with strangers (M-T5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Proof {
    /// `tls_name`s of the site that its client certificate is good for, checked up to a trusted root.
    pub names: Vec<String>,
    /// `tenant_header`s of the site that the mail at hand bears.
    pub tenants: Vec<String>,
}

impl Peer {
    /// A client that has said nothing yet.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self { address, helo: String::new(), tls: None, account: None, proof: Proof::default() }
    }
}

/// Where a message comes from, which decides what refusing and waiting mean for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "kebab-case")]
pub enum Origin {
    /// A client waits for our reply; refusing tells it, and it tries again on 4xx.
    Smtp {
        /// The client.
        peer: Peer,
    },
    /// A notice, bounce or report of our own: nobody to refuse to; a failure is logged.
    Notice {
        /// The mail that caused it.
        about: Option<TraceId>,
    },
}

impl Origin {
    /// True if somebody waits for a reply and will try again after a temporary one.
    #[must_use]
    pub const fn has_client(&self) -> bool {
        matches!(self, Self::Smtp { .. })
    }
}
