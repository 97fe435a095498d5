//! The client's side of SMTP (RFC 5321).
//!
//! The order of a delivery: a [`Target`] (where an administrator or a recipient's domain sends the mail) is
//! expanded to [`Endpoint`]s in the order in which they are tried ([`expand`]); [`Connection::connect`]
//! opens one of them; [`Connection::deliver`] hands over one [`Content`] after the other. What became of
//! each recipient is a `model::Outcome`; nothing here decides when to try again.

mod auth;
mod connection;
mod content;
mod dialogue;
mod envelope;
mod lookup;
mod mta_sts;
mod reply;
mod resolver;
mod route;
mod settings;
mod target;
mod tls;
mod tls_report;
mod transaction;

pub use auth::Credentials;
pub use connection::{Connection, Extensions, OpenFault, Stage};
pub use content::{Content, ContentFault};
pub use mta_sts::{MAX_AGE_MAX, StsFault, StsMode, StsPolicy, sts_id};
pub use reply::{RemoteReply, ReplyReader, Unreadable};
pub use resolver::{LookupError, Mx, Resolver};
pub use route::{Endpoint, RouteFault, RouteSettings, expand};
pub use settings::{OpenSettings, Timeouts};
pub use target::{Target, TargetError};
pub use tls::{
    Anchors, Fingerprint, FingerprintError, Revocation, RevocationSource, Revoked, TlsDemand, TlsLevel, TlsPolicy, Tlsa, certificates_meet,
    standing,
};
pub use tls_report::{Rua, tls_report_addresses};
pub use transaction::Transaction;
