//! `outside`'s DNS client as the resolver of outgoing mail.

use std::net::IpAddr;
use std::sync::Arc;

use model::Facts;
use outside::dns::{Dns as Client, DnsError, DnsSettings, DnssecUse};
use smtp::outbound::{LookupError, Mx, Resolver};

use crate::config::{Dns, Dnssec};

/// The validating client, or why there is none: then names are temporary failures that say so.
pub struct Names(pub(super) Result<Client, String>);

impl Names {
    fn client(&self) -> Result<&Client, LookupError> {
        self.0.as_ref().map_err(|cause| LookupError::Temporary(cause.clone()))
    }
}

/// The client as the node's `[dns]` section wants it; local zones and host entries are the site's.
///
/// # Errors
/// When the system names no server, or the trust anchor can't be read.
pub fn client(settings: &Dns, facts: Arc<dyn Facts>) -> Result<Client, DnsError> {
    let dnssec = match settings.dnssec {
        Dnssec::Auto => DnssecUse::Auto,
        Dnssec::On => DnssecUse::On,
        Dnssec::Off => DnssecUse::Off,
    };
    let trust_anchor = (!settings.trust_anchor.is_empty()).then(|| settings.trust_anchor.clone().into());
    let settings = DnsSettings {
        servers: settings.servers.clone(),
        recursive: settings.recursive,
        roots: settings.roots.clone(),
        timeout: settings.timeout.0,
        rest: settings.rest.0,
        dnssec,
        trust_anchor,
        ..DnsSettings::default()
    };
    Client::new(&settings, Some(facts))
}

impl Resolver for Names {
    async fn mx(&self, domain: &str) -> Result<Vec<Mx>, LookupError> {
        let answer = self.client()?.mx(domain).await.map_err(translate)?;
        Ok(answer.found.into_iter().map(|mx| Mx { preference: mx.preference, host: mx.host }).collect())
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        Ok(self.client()?.addresses(host).await.map_err(translate)?.found)
    }
}

fn translate(error: DnsError) -> LookupError {
    match error {
        DnsError::NoSuchName => LookupError::NoSuchName,
        error @ (DnsError::Temporary(_) | DnsError::Configuration(_) | DnsError::Bogus) => LookupError::Temporary(error.to_string()),
    }
}
