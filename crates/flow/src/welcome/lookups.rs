//! What the checks ask the DNS, as a small port: `sealgate` fills it with `outside`'s client, tests with fixed answers.

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The name does not exist.
    #[error("the name does not exist")]
    NoSuchName,
    /// Nobody could say. The text is for logs.
    #[error("{0}")]
    Temporary(String),
}

/// Look-ups. An empty list: the name exists without such records. Names come without a dot at the end.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// PTR records of an address.
    ///
    /// # Errors
    /// See [`NoAnswer`]; an address without any PTR may be either "no such name" or an empty list.
    async fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer>;

    /// A and AAAA records.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NoAnswer>;

    /// A records alone: block lists answer by them.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    async fn ipv4(&self, name: &str) -> Result<Vec<Ipv4Addr>, NoAnswer>;

    /// Hosts of the MX records; `.` alone is a null MX (RFC 7505).
    ///
    /// # Errors
    /// See [`NoAnswer`].
    async fn exchangers(&self, domain: &str) -> Result<Vec<String>, NoAnswer>;

    /// TXT records.
    ///
    /// # Errors
    /// See [`NoAnswer`].
    async fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer>;
}
