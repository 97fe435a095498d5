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

/// One RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The mailbox.
    pub address: Address,
    /// `ORCPT=` as the client wrote it, xtext-decoded (RFC 3461 §4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// True if `NOTIFY=NEVER` was asked for (RFC 3461 §4.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notify_never: bool,
}

impl Recipient {
    /// A recipient without DSN parameters.
    #[must_use]
    pub const fn plain(address: Address) -> Self {
        Self { address, original: None, notify_never: false }
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
