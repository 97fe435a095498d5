//! The node's own configuration, `sealgate.toml` (contract.md "Node configuration").
//!
//! Before: the command line names the file. After: `serve` starts what it says. Every key of the contract is
//! known here: one that is not built yet is refused with "not available yet", one that nobody knows is
//! refused with the nearest known name. Nothing is ever ignored.

mod keys;
mod limits;
mod mobile;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use model::settings::Span;
use model::{Fault, Guilty};
use serde::Deserialize;

pub use self::mobile::Mobile;
pub use keys::check_keys;
pub use limits::{Limits, Times};

/// `sealgate.toml`. All defaults run.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct NodeConfig {
    /// Where everything of this node lies.
    pub data: PathBuf,
    /// What this node does.
    pub roles: Vec<Role>,
    /// `file:PATH` or `credential:NAME`; empty: made beside the data directory, with a warning.
    pub master_key: String,
    /// File with the public list of roots, PEM, that a new site trusts at its first start; empty: it trusts none.
    pub public_roots: PathBuf,
    /// TLS certificate of all listeners that have none of their own.
    pub certificate: Certificate,
    /// `[store]`.
    pub store: Store,
    /// `[smtp]`.
    pub smtp: Smtp,
    /// `[console]`.
    pub console: Listener,
    /// `[mobile]`.
    pub mobile: Mobile,
    /// `[metrics]`.
    pub metrics: Metrics,
    /// `[log]`.
    pub log: Log,
    /// `[dns]`.
    pub dns: Dns,
    /// `[egress]`.
    pub egress: Egress,
    /// `[limits]`.
    pub limits: Limits,
    /// `[times]`: durations that are no other section's.
    pub times: Times,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The mail gate.
    Mail,
    /// The mobile gate.
    Mobile,
    /// Secure webmail; nothing listens for it in this version.
    Portal,
    /// Console and API.
    Console,
}

/// A PEM certificate chain and its key; both empty: self-signed, made in `<data>/tls/`.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Certificate {
    /// File with the chain, leaf first.
    pub cert: String,
    /// File with the private key, unencrypted.
    pub key: String,
}

/// `[store]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Store {
    /// `sqlite:` (in the data directory), `sqlite:PATH`, or `postgres://user:pw@host/db`.
    pub url: model::SecretText,
    /// How often the feed is read when no hint came.
    pub poll: Span,
}

/// `[smtp]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Smtp {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// Addresses for people's mail programs: sign-in is demanded (RFC 6409).
    pub submission: Vec<SocketAddr>,
    /// Addresses where TLS comes before the greeting (RFC 8314 §3.3); one that is also in `submission` demands sign-in.
    pub implicit_tls: Vec<SocketAddr>,
    /// Balancers whose PROXY protocol header is demanded and believed.
    pub proxy_protocol_from: Vec<IpNet>,
    /// Filters whose XCLIENT is believed.
    pub xclient_from: Vec<IpNet>,
    /// Own certificate.
    pub certificate: Certificate,
    /// The address that IPv4 connections to next hops come from; none: as the system chooses.
    #[serde(deserialize_with = "optional")]
    pub source_v4: Option<Ipv4Addr>,
    /// The same for IPv6.
    #[serde(deserialize_with = "optional")]
    pub source_v6: Option<Ipv6Addr>,
    /// Port of MX hosts.
    pub mx_port: u16,
    /// `refuse` or `normalise`.
    pub bare_newline: BareNewline,
}

/// What happens to mail with a lone CR or LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BareNewline {
    /// 5xx.
    Refuse,
    /// Each becomes CRLF.
    Normalise,
}

/// `[console]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// Own certificate.
    pub certificate: Certificate,
}

/// `[metrics]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Address, or none.
    pub listen: Option<SocketAddr>,
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// `error warn info debug trace`, or a filter by room.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[dns]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// `host:port`; empty: the system's.
    pub servers: Vec<SocketAddr>,
    /// Ask nobody but walk down from the root.
    pub recursive: bool,
    /// The root's servers, port 53; empty: as IANA lists them.
    pub roots: Vec<IpAddr>,
    /// Domains that complete short host names of our own settings.
    pub search: Vec<String>,
    /// Time for one answer.
    pub timeout: Span,
    /// A silent server is passed over for so long while another is left.
    pub rest: Span,
    /// Whether answers about mail routes are validated.
    pub dnssec: Dnssec,
    /// File with DNSKEY records of the root; empty: the root's own keys.
    pub trust_anchor: String,
}

/// `[dns] dnssec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dnssec {
    /// With each server that hands out signatures.
    Auto,
    /// Always: without signatures, nothing from signed zones is used.
    On,
    /// Never: no DANE.
    Off,
}

/// `[egress]`: where strangers' data may lead us.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Egress {
    /// Networks that are open for a purpose although they are private or special.
    pub allow: Vec<EgressAllow>,
}

/// One of `[egress] allow`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressAllow {
    /// `crl`, `ocsp`, `aia`, `wkd`, `ldap`, `acme`, `autodiscover`, `mta-sts` or `tls-report`.
    pub purpose: String,
    /// The network.
    pub net: IpNet,
}

/// An empty text is none.
fn optional<'de, D: serde::Deserializer<'de>, T: std::str::FromStr<Err: std::fmt::Display>>(from: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("/var/lib/sealgate"),
            roles: vec![Role::Mail, Role::Mobile, Role::Portal, Role::Console],
            master_key: String::new(),
            public_roots: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
            certificate: Certificate::default(),
            store: Store::default(),
            smtp: Smtp::default(),
            console: listener("127.0.0.1:8443"),
            mobile: Mobile::default(),
            metrics: Metrics::default(),
            log: Log::default(),
            dns: Dns::default(),
            egress: Egress::default(),
            limits: Limits::default(),
            times: Times::default(),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { url: model::SecretText::new("sqlite:".to_owned()), poll: Span::seconds(1) }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        let listen = listener("127.0.0.1:2525").listen;
        Self {
            listen,
            submission: Vec::new(),
            implicit_tls: Vec::new(),
            proxy_protocol_from: Vec::new(),
            xclient_from: Vec::new(),
            source_v4: None,
            source_v6: None,
            certificate: Certificate::default(),
            mx_port: 25,
            bare_newline: BareNewline::Refuse,
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9090".parse().ok() }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

impl Default for Dns {
    fn default() -> Self {
        let (timeout, rest) = (Span::seconds(2), Span::seconds(30));
        let (servers, roots, search) = (Vec::new(), Vec::new(), Vec::new());
        Self { servers, recursive: false, roots, search, timeout, rest, dnssec: Dnssec::Auto, trust_anchor: String::new() }
    }
}

fn listener(address: &str) -> Listener {
    Listener { listen: address.parse().into_iter().collect(), certificate: Certificate::default() }
}

impl NodeConfig {
    /// Reads the file, or takes the defaults when there is none to read.
    ///
    /// # Errors
    /// A configuration fault whose cause names file, key or line, and what to write instead.
    pub fn load(file: Option<&Path>, data: Option<&Path>) -> Result<Self, Fault> {
        let mut config = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| invalid(format!("{} cannot be read: {e}", path.display())))?;
                Self::parse(&text).map_err(|cause| invalid(format!("{}: {cause}", path.display())))?
            }
            None => Self::default(),
        };
        if let Some(data) = data {
            config.data = data.to_owned();
        }
        Ok(config)
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// A sentence that names the key and what to do.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|e| e.to_string())?;
        check_keys(&table)?;
        let config: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        config.memory()?;
        config.memory_per_peer()?;
        config.delivery_memory()?;
        config.names()?;
        if config.mobile.admin_listen.is_some_and(|address| !address.ip().is_loopback()) {
            return Err("mobile.admin_listen: expected a loopback address, as in 127.0.0.1:44444: it is plain HTTP".to_owned());
        }
        Ok(config)
    }

    /// Checks `[dns]` and `[egress]`.
    fn names(&self) -> Result<(), String> {
        if self.dns.servers.len() > 3 {
            return Err("dns.servers: expected at most three servers".to_owned());
        }
        if self.dns.recursive && !self.dns.servers.is_empty() {
            return Err("dns.recursive: expected no dns.servers beside it".to_owned());
        }
        let domain = |name: &String| model::address::normal_domain(name).is_some();
        if !self.dns.search.iter().all(domain) {
            return Err("dns.search: expected domain names".to_owned());
        }
        let known = |allow: &&EgressAllow| outside::egress::Purpose::parse(&allow.purpose).is_none();
        match self.egress.allow.iter().find(known) {
            Some(wrong) => {
                let words = outside::egress::Purpose::ALL.map(outside::egress::Purpose::word).join(", ");
                Err(format!("egress.allow: unknown purpose {:?}; expected one of {words}", wrong.purpose))
            }
            None => Ok(()),
        }
    }

    /// True if this node has the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

fn invalid(cause: String) -> Fault {
    Fault::permanent(Guilty::Configuration, "configuration-invalid", cause.clone()).with("detail", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_runs() {
        let config = NodeConfig::parse("").unwrap();
        assert_eq!(config.smtp.listen[0].port(), 2525);
        assert_eq!(config.memory().unwrap().clamp(256 << 20, 2_000_000_000), config.memory().unwrap());
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_name() {
        let error = NodeConfig::parse("[smtp]\nlisten_on = []").unwrap_err();
        assert!(error.contains("smtp.listen_on") && error.contains("smtp.listen"), "{error}");
        let error = NodeConfig::parse("colour = 1").unwrap_err();
        assert!(error.contains("colour"), "{error}");
    }

    #[test]
    fn keys_of_later_versions_are_refused_by_name() {
        for (text, key) in
            [("[cluster]\nlisten = [\"0.0.0.0:8447\"]", "cluster.listen"), ("[portal]\nlisten = [\"127.0.0.1:8444\"]", "portal.listen")]
        {
            let error = NodeConfig::parse(text).unwrap_err();
            assert!(error.contains(key) && error.contains("not available yet"), "{error}");
        }
    }

    #[test]
    fn wrong_values_say_what_is_expected() {
        for (text, expected) in [
            ("[limits]\nmemory = \"much\"", "auto"),
            ("[limits]\nmemory_per_peer = \"much\"", "limits.memory_per_peer"),
            ("[times]\nsmtp_idle = \"5 weeks\"", "5m"),
            ("roles = [\"mial\"]", "mail"),
            ("[smtp]\nsource_v4 = \"::1\"", "IPv4"),
            ("[mobile]\nadmin_listen = \"0.0.0.0:44444\"", "loopback"),
            ("[egress]\nallow = [{ purpose = \"web\", net = \"10.0.0.0/8\" }]", "mta-sts"),
            ("[dns]\nservers = [\"192.0.2.1:53\", \"192.0.2.2:53\", \"192.0.2.3:53\", \"192.0.2.4:53\"]", "three"),
            ("[dns]\nrecursive = true\nservers = [\"192.0.2.1:53\"]", "dns.recursive"),
        ] {
            let error = NodeConfig::parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
