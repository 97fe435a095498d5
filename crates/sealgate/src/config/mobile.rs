//! `[mobile]`: the mobile gate of one node.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use mobile::{GuessSettings, PaceSettings, Settings};
use model::settings::{Size, Span};
use serde::Deserialize;

use super::{Certificate, NodeConfig};

/// What is added to the longest poll, for the mail server's own delay.
const POLL_SLACK: Duration = Duration::from_secs(60);

/// `[mobile]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Mobile {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// Own certificate.
    pub certificate: Certificate,
    /// Where the local administrator is served; a loopback address; none: nowhere.
    #[serde(deserialize_with = "super::optional")]
    pub admin_listen: Option<SocketAddr>,
    /// Targeted logging ends by itself after this time.
    pub target_time: Span,
    /// Balancers whose PROXY v2, `Forwarded` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Local addresses for connections to the mail server, by turns; empty: the system chooses.
    pub source_addresses: Vec<IpAddr>,
    /// Requests and changes of User-Agent of one device are counted within this time.
    pub window: Span,
    /// Requests in a window beyond which a device is slowed; 0: none is.
    pub requests: u32,
    /// Changes of User-Agent in a window beyond which it is slowed.
    pub agents: u32,
    /// Slowed requests in a window beyond which it is blocked.
    pub patience: u32,
    /// For so long.
    pub block: Span,
    /// Bad passwords from one network beyond which it must wait; 0: it never must.
    pub bad_passwords: u32,
    /// Bad passwords for one account beyond which strangers must wait.
    pub bad_passwords_account: u32,
    /// They are forgotten after this time.
    pub bad_password_window: Span,
    /// Longest body that a policy looks at.
    pub inspected_body: Size,
    /// Memory for all such bodies at once.
    pub body_memory: Size,
    /// A look-up of certificates in a directory may take so long.
    pub lookup: Span,
    /// What it found, or not, is known for so long.
    pub lookup_keep: Span,
}

impl Default for Mobile {
    fn default() -> Self {
        let of = Settings::default();
        Self {
            listen: "127.0.0.1:9443".parse().into_iter().collect(),
            certificate: Certificate::default(),
            admin_listen: None,
            target_time: Span::seconds(8 * 3_600),
            trusted_proxies: Vec::new(),
            source_addresses: Vec::new(),
            window: Span(of.pace.window),
            requests: of.pace.requests,
            agents: of.pace.agents,
            patience: of.pace.patience,
            block: Span(of.pace.block),
            bad_passwords: of.guesses.network,
            bad_passwords_account: of.guesses.account,
            bad_password_window: Span(of.guesses.window),
            inspected_body: Size(of.inspected_body as u64),
            body_memory: Size(of.body_memory as u64),
            lookup: Span(of.lookup),
            lookup_keep: Span(of.lookup_keep),
        }
    }
}

impl NodeConfig {
    /// As the gate takes them.
    #[must_use]
    pub fn mobile_settings(&self) -> Settings {
        let own = &self.mobile;
        let octets = |size: Size| usize::try_from(size.0).unwrap_or(usize::MAX);
        let of = Settings::default();
        Settings {
            hang: self.times.poll_max.0 + POLL_SLACK,
            revocation: self.times.revocation.0,
            trusted_proxies: own.trusted_proxies.clone(),
            source_addresses: own.source_addresses.clone(),
            pace: PaceSettings {
                window: own.window.0,
                requests: own.requests,
                agents: own.agents,
                patience: own.patience,
                block: own.block.0,
                ..of.pace
            },
            guesses: GuessSettings {
                network: own.bad_passwords,
                account: own.bad_passwords_account,
                window: own.bad_password_window.0,
                ..of.guesses
            },
            inspected_body: octets(own.inspected_body),
            body_memory: octets(own.body_memory),
            lookup: own.lookup.0,
            lookup_keep: own.lookup_keep.0,
            ..of
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_9_g_37_the_gates_settings_are_the_nodes() {
        let text = "[mobile]\ntrusted_proxies = [\"10.0.0.0/8\"]\nsource_addresses = [\"127.0.0.2\"]\nrequests = 7\nblock = \"1m\"\n\
                    bad_passwords = 3\nbody_memory = \"1MB\"\n[times]\npoll_max = \"10m\"\n";
        let settings = NodeConfig::parse(text).unwrap().mobile_settings();
        assert_eq!((settings.trusted_proxies.len(), settings.source_addresses.len()), (1, 1));
        assert_eq!((settings.pace.requests, settings.pace.block, settings.guesses.network), (7, Duration::from_secs(60), 3));
        assert_eq!((settings.body_memory, settings.hang), (1_000_000, Duration::from_secs(660)));
        let of = Settings::default();
        let default = NodeConfig::parse("").unwrap().mobile_settings();
        assert_eq!((default.pace.requests, default.inspected_body, default.hang), (of.pace.requests, of.inspected_body, of.hang));
    }
}
