//! `outside`'s DNS client as the resolver of outgoing mail.

use std::net::IpAddr;

use outside::dns::{Dns as Client, DnsError, DnsSettings};
use smtp::outbound::{LookupError, Mx, Resolver};

use crate::config::Dns;

/// The configured resolver. A machine without any DNS configuration still delivers to `[ip]` next hops; names then stay
/// temporary failures that say why.
pub struct Names(Result<Client, String>);

impl Names {
    /// By the node's configuration.
    #[must_use]
    pub fn new(settings: &Dns) -> Self {
        let client = Client::new(&DnsSettings { servers: settings.servers.clone(), timeout: settings.timeout.0, ..DnsSettings::default() });
        if let Err(cause) = &client {
            tracing::warn!(event = "dns.unusable", %cause, "names can't be looked up");
        }
        Self(client.map_err(|e| e.to_string()))
    }

    fn client(&self) -> Result<&Client, LookupError> {
        self.0.as_ref().map_err(|cause| LookupError::Temporary(cause.clone()))
    }
}

impl Resolver for Names {
    async fn mx(&self, domain: &str) -> Result<Vec<Mx>, LookupError> {
        let found = self.client()?.mx(domain).await.map_err(translate)?;
        Ok(found.into_iter().map(|mx| Mx { preference: mx.preference, host: mx.host }).collect())
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        self.client()?.addresses(host).await.map_err(translate)
    }
}

fn translate(error: DnsError) -> LookupError {
    match error {
        DnsError::NoSuchName => LookupError::NoSuchName,
        DnsError::Temporary(cause) | DnsError::Configuration(cause) => LookupError::Temporary(cause),
    }
}
