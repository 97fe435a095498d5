//! `outside`'s DNS client as the resolver of the checks on mail from outside (SPF, DKIM, DMARC, ARC).

use std::net::IpAddr;

use async_trait::async_trait;
use mailauth::{Family, LookupError, Resolver};
use outside::dns::{Dns as Client, DnsError};

/// The node's client, or why there is none: then nothing is found out, and nothing is refused for it.
pub struct Records(pub(super) Result<Client, String>);

impl Records {
    fn client(&self) -> Result<&Client, LookupError> {
        self.0.as_ref().map_err(|cause| LookupError(cause.clone()))
    }
}

#[async_trait]
impl Resolver for Records {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        found(self.client()?.txt(name).await.map(|answer| answer.found))
    }

    async fn mx(&self, name: &str) -> Result<Vec<String>, LookupError> {
        found(self.client()?.mx(name).await.map(|answer| answer.found.into_iter().map(|mx| mx.host).collect()))
    }

    async fn addresses(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, LookupError> {
        let client = self.client()?;
        match family {
            Family::V4 => found(client.ipv4(name).await.map(|answer| answer.found.into_iter().map(IpAddr::V4).collect())),
            Family::V6 => found(client.ipv6(name).await.map(|answer| answer.found.into_iter().map(IpAddr::V6).collect())),
        }
    }

    async fn names(&self, address: IpAddr) -> Result<Vec<String>, LookupError> {
        found(self.client()?.ptr(address).await.map(|answer| answer.found))
    }
}

/// A name that does not exist has no records; everything else that gives none is no answer.
fn found<T>(answer: Result<Vec<T>, DnsError>) -> Result<Vec<T>, LookupError> {
    match answer {
        Ok(found) => Ok(found),
        Err(DnsError::NoSuchName) => Ok(Vec::new()),
        Err(error) => Err(LookupError(error.to_string())),
    }
}
