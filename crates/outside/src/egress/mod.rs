//! Fetches that strangers' data makes us do (policies, CRLs, reports …): one client, one policy, for all purposes.
//!
//! Who asks names a fixed [`Purpose`]. The name is resolved here, each address is judged by the [`EgressPolicy`], and the
//! connection goes to exactly the address that was judged: no second look-up can lead elsewhere. Private, local and special
//! networks are closed unless the node's settings open them for this purpose. Size and time are capped, redirects are never
//! followed, certificates are always checked, nothing is decompressed, no cookie, proxy or user name exists. HTTP/1.1 by hyper
//! (RFC 9112), TLS by rustls: a ready client would have to be talked out of redirects, proxies, pools and its own look-ups.

mod client;
mod policy;
mod roots;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::Facts;

pub use policy::{Allowed, EgressPolicy, Purpose, is_public};

use crate::dns::{Dns, DnsError};
use crate::proxy::Proxy;

/// What to fetch.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Why.
    pub purpose: Purpose,
    /// `https://host/path`; `http://` only for purposes whose data is signed.
    pub url: &'a str,
    /// With a body the method is POST, else GET: the body and its media type.
    pub body: Option<(&'a str, Bytes)>,
    /// Most octets of the answer's body.
    pub size: usize,
    /// From the look-up to the last octet.
    pub time: Duration,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status; no redirect was followed.
    pub status: u16,
    /// The media type without parameters, lower case; empty without any.
    pub media_type: String,
    /// The body, as it came.
    pub body: Bytes,
}

/// Why nothing came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The address is none that this client may use.
    #[error("{0:?} is no address that may be fetched for this purpose")]
    Url(String),
    /// The policy closes the network.
    #[error("{0} is in a network that is closed for this purpose: [egress] allow may open it")]
    Forbidden(std::net::IpAddr),
    /// The name leads nowhere.
    #[error("the name can't be looked up: {0}")]
    Name(#[from] DnsError),
    /// TCP.
    #[error("no connection: {0}")]
    Connect(String),
    /// TLS, the certificate above all.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// HTTP.
    #[error("the answer can't be read: {0}")]
    Http(String),
    /// More than the cap.
    #[error("the answer is larger than {0} octets")]
    TooLarge(usize),
    /// Longer than the cap.
    #[error("no answer within {0:?}")]
    TooLong(Duration),
}

/// The client. Clones share everything.
#[derive(Clone)]
pub struct Egress {
    dns: Dns,
    policy: Arc<EgressPolicy>,
    facts: Arc<dyn Facts>,
    proxy: Option<Arc<Proxy>>,
}

impl Egress {
    /// A client that looks names up with `dns` and trusts the machine's roots and those that the site trusts.
    #[must_use]
    pub fn new(dns: Dns, policy: EgressPolicy, facts: Arc<dyn Facts>) -> Self {
        Self { dns, policy: Arc::new(policy), facts, proxy: None }
    }

    /// The same through this proxy. The proxy may be anywhere; what is fetched is judged as before, as far as its name can be looked up
    /// here: behind a proxy it often can't, and then the proxy decides.
    #[must_use]
    pub fn through(&self, proxy: Proxy) -> Self {
        Self { proxy: Some(Arc::new(proxy)), ..self.clone() }
    }

    /// Fetches once.
    ///
    /// # Errors
    /// [`EgressError`]; nothing was sent after `Url`, `Forbidden`, `Name`.
    pub async fn fetch(&self, request: &Request<'_>) -> Result<Response, EgressError> {
        let fetched = tokio::time::timeout(request.time, client::fetch(self, request)).await;
        fetched.unwrap_or(Err(EgressError::TooLong(request.time)))
    }
}

#[cfg(test)]
mod tests;
