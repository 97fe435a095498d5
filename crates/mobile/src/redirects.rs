//! Where the mail server has sent phones: 451 with `X-MS-Location` (MS-ASHTTP §3.1.5.2.2), and `Location` of other redirects.
//!
//! A phone that followed would go round the gateway, so it is sent to our own name, and its next requests go where the mail
//! server said, remembered by user and device (mobile-gateway.md G-5). Only to hosts that the configuration allows: what
//! follows carries the user's password. Bounded; the node's own; visible and clearable.

use std::sync::Arc;

use http::Uri;
use model::device::DeviceId;
use model::site::{MobileGateway, host_of, wildcard};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::identify::Asked;

/// Redirects that are remembered at most.
const MOST: u64 = 100_000;

/// Whose requests go elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RedirectKey {
    /// The configuration's id.
    pub gateway: String,
    /// The user as compared.
    pub user: String,
    /// The device; `None` for Autodiscover, which names none.
    pub device: Option<DeviceId>,
}

/// The redirects of this node.
#[derive(Debug)]
pub(crate) struct Redirects(Cache<RedirectKey, Arc<str>>);

impl Redirects {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).eviction_policy(EvictionPolicy::lru()).build())
    }

    fn key(asked: &Asked) -> RedirectKey {
        RedirectKey { gateway: asked.gateway.id.clone(), user: asked.user.to_string(), device: asked.device.clone() }
    }

    /// Where this request goes, if not to the configuration's mail server. A device of which nothing is remembered goes where
    /// its user's Autodiscover went.
    pub(crate) fn of(&self, asked: &Asked) -> Option<Arc<str>> {
        if self.0.entry_count() == 0 {
            self.0.run_pending_tasks();
            if self.0.entry_count() == 0 {
                return None;
            }
        }
        let key = Self::key(asked);
        let url = self.0.get(&key).or_else(|| self.0.get(&RedirectKey { device: None, ..key }))?;
        // It may have been allowed once.
        allowed(&url, &asked.gateway).map(|_| url)
    }

    pub(crate) fn remember(&self, asked: &Asked, url: &str) {
        self.0.insert(Self::key(asked), url.into());
    }

    pub(crate) fn forget(&self, asked: &Asked) {
        self.0.invalidate(&Self::key(asked));
        self.0.invalidate(&RedirectKey { device: None, ..Self::key(asked) });
    }

    /// All that are remembered, with where they lead.
    pub(crate) fn all(&self) -> Vec<(RedirectKey, Arc<str>)> {
        self.0.run_pending_tasks();
        let mut all: Vec<_> = self.0.iter().map(|(key, url)| (RedirectKey::clone(&key), url)).collect();
        all.sort();
        all
    }

    /// Forgets one; false if there was none.
    pub(crate) fn clear(&self, key: &RedirectKey) -> bool {
        self.0.remove(key).is_some()
    }
}

/// The server that a redirect leads to, as `scheme://host[:port]`, if phones of this configuration may be sent there: the
/// mail server itself, or a host of `redirect_hosts` by https at its own port.
pub(crate) fn allowed(url: &str, gateway: &MobileGateway) -> Option<String> {
    let uri: Uri = url.trim().parse().ok()?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?.as_str();
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
    let server = format!("{scheme}://{}", authority.to_ascii_lowercase());
    if own(&server, gateway) {
        return Some(server);
    }
    let host = host_of(authority)?;
    let port = uri.port_u16();
    let listed = gateway.redirect_hosts.iter().map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
        match entry.rsplit_once(':').map(|(name, port)| (name, port.parse::<u16>())) {
            Some((name, Ok(own))) => wildcard(name, &host) && port == Some(own),
            _ => wildcard(&entry, &host) && port.is_none_or(|port| port == 443),
        }
    });
    // No lower protection than the mail server has.
    let secure = scheme == "https" || gateway.mail_servers().all(|url| url.starts_with("http://"));
    (listed && secure).then_some(server)
}

/// True for a server of the configuration.
pub(crate) fn own(server: &str, gateway: &MobileGateway) -> bool {
    gateway.mail_servers().any(|url| {
        let end = url.find("://").and_then(|at| url.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
        url.get(..end.unwrap_or(url.len())).is_some_and(|url| url.eq_ignore_ascii_case(server))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_5_x_17_only_allowed_hosts_are_followed() {
        let hosts = ["*.mail.example", "other.example:8443"].map(str::to_owned).to_vec();
        let mail_server = "https://cas.example:444/Microsoft-Server-ActiveSync https://two.example".to_owned();
        let gateway = MobileGateway { mail_server, redirect_hosts: hosts, ..MobileGateway::default() };
        for (url, server) in [
            ("https://eu.mail.example/Microsoft-Server-ActiveSync", Some("https://eu.mail.example")),
            ("https://EU.Mail.Example:443/x?y", Some("https://eu.mail.example:443")),
            ("https://other.example:8443/", Some("https://other.example:8443")),
            ("https://CAS.example:444/x", Some("https://cas.example:444")),
            ("https://two.example/x", Some("https://two.example")),
            ("https://other.example/", None),
            ("https://eu.mail.example:8443/", None),
            ("http://eu.mail.example/", None),
            ("https://mail.example/", None),
            ("https://eu.mail.example.evil.test/", None),
            ("https://eu.mail.example@evil.test/", None),
            ("https://cas.example/", None),
            ("ftp://eu.mail.example/", None),
            ("/relative", None),
            ("", None),
        ] {
            assert_eq!(allowed(url, &gateway).as_deref(), server, "{url}");
        }
    }
}
