//! A decision about one message: outputs and effects, committed as one record.
//!
//! The evaluation of the rules touches nothing; it yields a [`Plan`]. The plan is one record of the
//! node-local segment; only then comes 250. Effects are idempotent by ([`TraceId`], number) and are applied
//! after the commit, also after a crash.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Address, Recipient, Return, Timestamp, TraceId};

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "via", rename_all = "kebab-case")]
pub enum Route {
    /// Each recipient's managed domain's server, else the smart host, else MX.
    Usual,
    /// As [`Route::Usual`], but the next hop is asked before the client gets its answer (M-T7). Never stored: what is
    /// committed goes the usual way.
    Queueless,
    /// This server, in the notation of mail-gateway.md M-T2: `[ip]:port`, `[host]`, `domain`.
    Server {
        /// The server.
        server: String,
    },
}

/// One message to be delivered to some recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Reverse path; `None` for bounces and notices.
    pub sender: Option<Address>,
    /// Who gets this form of the message. Never empty.
    pub recipients: Vec<Recipient>,
    /// The way.
    pub route: Route,
    /// The message, CRLF line ends, as it will be sent.
    #[serde(skip)]
    pub content: Bytes,
    /// True if the content holds octets over 127.
    pub eight_bit: bool,
    /// Header section of the mail as it came, which reports bring back in place of the content's: no mark, tag or result of
    /// ours tells a stranger what was found. Empty: the content's own may go back.
    #[serde(skip)]
    pub header: Bytes,
    /// True if a private key was used on it or tried: a report about it carries headers only, and nobody's words (M-T7, X-3).
    pub opened: bool,
    /// True if it goes to our own people: what was opened for them takes their domains' way, or none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inside: bool,
    /// True if nothing proves that the sender is who it says: neither a right of the client nor SPF. Reports to such senders are
    /// counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// `ENVID=` to pass on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<String>,
    /// `RET=` to pass on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret: Option<Return>,
    /// True if envelope or header hold octets over 127 in places that only SMTPUTF8 allows (RFC 6531 §3.5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub smtputf8: bool,
    /// Number of the effect that must be applied before this output may leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<u32>,
}

impl Output {
    /// A mail that the gate wrote itself: with the null sender, by the usual way, nothing asked for and nothing waited for.
    #[must_use]
    pub fn own(recipient: Recipient, content: Bytes) -> Self {
        Self {
            sender: None,
            recipients: vec![recipient],
            route: Route::Usual,
            eight_bit: !content.is_ascii(),
            content,
            header: Bytes::new(),
            opened: false,
            inside: false,
            unproven: false,
            envelope_id: None,
            ret: None,
            smtputf8: false,
            waits_for: None,
        }
    }
}

/// The live counts of the home page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Mail taken for managed domains, one per message.
    MailReceived,
    /// Mail taken from managed domains for others, one per message.
    MailSent,
    /// Messages opened with a personal S/MIME key.
    SmimeDecrypted,
    /// Messages encrypted with a personal S/MIME certificate.
    SmimeEncrypted,
    /// Messages signed with S/MIME.
    SmimeSigned,
    /// Messages with an S/MIME signature that is `valid`.
    SmimeValid,
    /// Messages with an S/MIME signature that is anything else.
    SmimeNotValid,
    /// Messages for which encryption was demanded and impossible.
    Bounced,
}

impl Counter {
    /// All counters, in the order in which pages show them.
    pub const ALL: [Self; 8] = [
        Self::MailReceived,
        Self::MailSent,
        Self::SmimeDecrypted,
        Self::SmimeEncrypted,
        Self::SmimeSigned,
        Self::SmimeValid,
        Self::SmimeNotValid,
        Self::Bounced,
    ];

    /// Name in tables, API and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MailReceived => "mail_received",
            Self::MailSent => "mail_sent",
            Self::SmimeDecrypted => "smime_decrypted",
            Self::SmimeEncrypted => "smime_encrypted",
            Self::SmimeSigned => "smime_signed",
            Self::SmimeValid => "smime_valid",
            Self::SmimeNotValid => "smime_not_valid",
            Self::Bounced => "bounced",
        }
    }
}

/// A change of the shared state that a message causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Adds `by` to a live count.
    Count {
        /// Which.
        counter: Counter,
        /// How many, ≥ 1.
        by: u32,
    },
    /// Keeps a verified signer's certificate for encryption to this address (M-C3).
    LearnCertificate {
        /// The signer's address, equal to From.
        address: Address,
        /// The certificate, DER.
        #[serde(with = "base64_bytes")]
        certificate: Vec<u8>,
    },
    /// Keeps which roots and intermediates a signed mail met (M-C3, M-C4); those that the site does not know come in undecided.
    MeetIssuers {
        /// Who signed: equal to From.
        address: Address,
        /// Upwards from the signer's own issuer.
        issuers: Vec<Issuer>,
    },
    /// Makes an account for an internal sender unless there is one.
    CreateAccount {
        /// The sender.
        address: Address,
        /// Shown name, from the From field; may be empty.
        name: String,
        /// User id; empty: the address.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        user_id: String,
    },
    /// Sets an attribute of an account, if there is one.
    SetUserAttribute {
        /// The account.
        address: Address,
        /// `accountOptions`, `userPassword`, `uid`, or an attribute of RFC 2798.
        name: String,
        /// Its value; empty: it goes. Of `userPassword` the Argon2id hash.
        value: String,
    },
}

/// A certificate above a signer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// SHA-256 of it, hex.
    pub sha256: String,
    /// The certificate, DER, where the site did not know it; empty else.
    #[serde(default, with = "base64_bytes", skip_serializing_if = "Vec::is_empty")]
    pub certificate: Vec<u8>,
}

/// An effect's identity: the message and its place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectId {
    /// The message.
    pub trace: TraceId,
    /// Its place in the plan's effects, from 0.
    pub number: u32,
}

/// All that becomes of one accepted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The message.
    pub trace: TraceId,
    /// When its final dot came.
    pub received: Timestamp,
    /// Messages to deliver. May be empty (a discarded mail).
    pub outputs: Vec<Output>,
    /// Changes to apply, in order.
    pub effects: Vec<Effect>,
    /// SHA-256 over envelope, peer and data, hex: what a retry after a lost 250 is recognised by. Empty for
    /// messages that no client sent.
    pub digest: String,
}

/// Bytes as base64 text in JSON.
pub mod base64_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes base64.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(bytes))
    }

    /// Reads base64.
    ///
    /// # Errors
    /// When the text is no base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        data_encoding::BASE64.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}
