//! `outside`'s DNS client as what the checks of strangers ask (`flow::welcome`).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use flow::welcome::lookups::{Lookups, NoAnswer};
use outside::dns::{Dns as Client, DnsError};

use crate::config::Dns;
use crate::node::Core;

/// The configured client; a machine without any DNS configuration gives no answer, which refuses nobody for good.
pub struct Strangers(Result<Client, String>);

impl Strangers {
    /// By the node's configuration; local zones and host entries are the site's.
    #[must_use]
    pub fn new(settings: &Dns, core: &Core) -> Self {
        Self(super::dns::client(settings, Arc::new(core.live.clone())).map_err(|error| error.to_string()))
    }

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
