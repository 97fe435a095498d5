//! What the checks ask the DNS, as a small port: `sealgate` fills it with `outside`'s client, tests with fixed answers.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

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

/// Look-ups with one end for all of them: whoever hangs gives no answer then, and takes nobody else's away.
pub(super) struct Bounded<'l> {
    inner: &'l dyn Lookups,
    until: Instant,
}

impl<'l> Bounded<'l> {
    pub(super) fn new(inner: &'l dyn Lookups, longest: Duration) -> Self {
        Self { inner, until: Instant::now() + longest }
    }

    async fn within<T>(&self, ask: impl Future<Output = Result<T, NoAnswer>> + Send) -> Result<T, NoAnswer> {
        timeout_at(self.until, ask).await.unwrap_or_else(|_| Err(NoAnswer::Temporary("no answer in time".to_owned())))
    }
}

#[async_trait]
impl Lookups for Bounded<'_> {
    async fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer> {
        self.within(self.inner.names(address)).await
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NoAnswer> {
        self.within(self.inner.addresses(host)).await
    }

    async fn ipv4(&self, name: &str) -> Result<Vec<Ipv4Addr>, NoAnswer> {
        self.within(self.inner.ipv4(name)).await
    }

    async fn exchangers(&self, domain: &str) -> Result<Vec<String>, NoAnswer> {
        self.within(self.inner.exchangers(domain)).await
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        self.within(self.inner.texts(name)).await
    }
}
