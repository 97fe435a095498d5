//! `outside`'s DNS client as what the checks of strangers ask (`flow::welcome`).

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use flow::welcome::lookups::{Lookups, NoAnswer};
use outside::dns::{Dns as Client, DnsError};

/// The node's client; a machine without any DNS configuration gives no answer, which refuses nobody for good.
pub struct Strangers(pub(super) Result<Client, String>);

impl Strangers {
    fn client(&self) -> Result<&Client, NoAnswer> {
        self.0.as_ref().map_err(|cause| NoAnswer::Temporary(cause.clone()))
    }
}

#[async_trait]
impl Lookups for Strangers {
    async fn names(&self, address: IpAddr) -> Result<Vec<String>, NoAnswer> {
        Ok(self.client()?.ptr(address).await.map_err(translate)?.found)
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NoAnswer> {
        Ok(self.client()?.addresses(host).await.map_err(translate)?.found)
    }

    async fn ipv4(&self, name: &str) -> Result<Vec<Ipv4Addr>, NoAnswer> {
        Ok(self.client()?.ipv4(name).await.map_err(translate)?.found)
    }

    async fn exchangers(&self, domain: &str) -> Result<Vec<String>, NoAnswer> {
        let answer = self.client()?.mx(domain).await.map_err(translate)?;
        Ok(answer.found.into_iter().map(|mx| mx.host).collect())
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, NoAnswer> {
        let answer = self.client()?.txt(name).await.map_err(translate)?;
        Ok(answer.found.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }
}

fn translate(error: DnsError) -> NoAnswer {
    match error {
        DnsError::NoSuchName => NoAnswer::NoSuchName,
        error => NoAnswer::Temporary(error.to_string()),
    }
}
