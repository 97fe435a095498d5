//! What this room asks the DNS for, and how an answer looks. `flow` fills it with the node's one client and its cache;
//! tests fill it with a table.

use std::net::IpAddr;

use async_trait::async_trait;

/// Which addresses of a name are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

/// No answer: time-out, SERVFAIL, a zone whose signatures are bogus. A name or record that does not exist is no error
/// but an empty answer. The text is for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer from the DNS: {0}")]
pub struct LookupError(pub String);

/// The questions. Names are absolute, without a trailing dot.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// TXT records, the strings of each joined without anything between (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError>;

    /// Hosts of the MX records, best first.
    async fn mx(&self, name: &str) -> Result<Vec<String>, LookupError>;

    /// Addresses of one family.
    async fn addresses(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, LookupError>;

    /// Names of an address (PTR), not verified.
    async fn names(&self, address: IpAddr) -> Result<Vec<String>, LookupError>;
}
