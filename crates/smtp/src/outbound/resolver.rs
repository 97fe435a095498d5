//! What the route needs from DNS, as a small port; `flow` glues the real client (`outside::dns`) to it.

use std::future::Future;
use std::net::IpAddr;

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mx {
    /// Lower is tried first (RFC 5321 §5.1).
    pub preference: u16,
    /// Host name without a trailing dot; `.` alone in a null MX (RFC 7505 §3).
    pub host: String,
}

/// Why a look-up gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name does not exist (NXDOMAIN).
    #[error("the name does not exist")]
    NoSuchName,
    /// No server answered, or it could not (SERVFAIL, time-out). Later may be better.
    #[error("DNS gave no answer: {0}")]
    Temporary(String),
}

/// Answers the two questions of a route.
pub trait Resolver: Send + Sync {
    /// The MX records of `domain` (A-labels), in any order. A name without MX records gives an empty list.
    ///
    /// # Errors
    /// See [`LookupError`].
    fn mx(&self, domain: &str) -> impl Future<Output = Result<Vec<Mx>, LookupError>> + Send;

    /// The IPv4 and IPv6 addresses of `host`, in the order in which they are to be tried. A name without
    /// addresses gives an empty list.
    ///
    /// # Errors
    /// See [`LookupError`].
    fn addresses(&self, host: &str) -> impl Future<Output = Result<Vec<IpAddr>, LookupError>> + Send;
}
