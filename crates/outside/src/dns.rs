//! The DNS client: MX records and addresses, cached, with the servers of the settings or the system's.
//!
//! `flow` makes it the resolver of `smtp::outbound`. Names are always asked as they stand: no search domain
//! is ever put behind a recipient's domain (mail-gateway's M-T10). An answer tells apart what a mail route
//! must tell apart: no such name, no such record, and no answer (RFC 2308, RFC 5321 §5.1).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};

/// Queries under way at one server; more wait or fail as temporary.
const ACTIVE_MAX: usize = 1_024;
/// Longest time an answer is kept, whatever its zone says: a slip in a zone heals within a day.
const KEEP_MAX: Duration = Duration::from_secs(86_400);
/// Longest time a "no" is kept.
const KEEP_NO_MAX: Duration = Duration::from_secs(600);

/// The `[dns]` section of the node's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsSettings {
    /// Asked in this order; empty: the system's (`/etc/resolv.conf`).
    pub servers: Vec<SocketAddr>,
    /// Longest wait for one server.
    pub timeout: Duration,
    /// How long a silent server is not asked while another is left.
    pub rest: Duration,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self { servers: Vec::new(), timeout: Duration::from_secs(2), rest: Duration::from_secs(30) }
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN).
    #[error("the name does not exist")]
    NoSuchName,
    /// No server answered, or none could. The text is for logs.
    #[error("DNS gave no answer: {0}")]
    Temporary(String),
    /// The system's resolver configuration can't be read.
    #[error("the system's DNS configuration can't be used: {0}; write servers = [\"address:53\"] under [dns]")]
    Configuration(String),
}

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailExchanger {
    /// Lower is better.
    pub preference: u16,
    /// The host, without a trailing dot; `.` alone for a null MX (RFC 7505).
    pub host: String,
}

/// The client. Clones share cache and connections.
#[derive(Clone)]
pub struct Dns(Arc<[Server]>);

/// One name server. Each has a client of its own, so that the order of the settings and the wait for each
/// are kept exactly; the library's pool would spend the whole wait on the first.
struct Server {
    client: TokioResolver,
    timeout: Duration,
    rest: Duration,
    /// Since when it has been silent.
    silent_since: Mutex<Option<Instant>>,
}

impl Dns {
    /// A client for these settings. Sends nothing yet. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`DnsError::Configuration`] when no servers are given and the system names none.
    pub fn new(settings: &DnsSettings) -> Result<Self, DnsError> {
        let servers = if settings.servers.is_empty() {
            let (config, _) = read_system_conf().map_err(|error| DnsError::Configuration(error.to_string()))?;
            config.name_servers
        } else {
            settings.servers.iter().map(|server| name_server(*server)).collect()
        };
        if servers.is_empty() {
            return Err(DnsError::Configuration("it names no server".to_owned()));
        }
        servers.into_iter().map(|server| Server::new(server, settings)).collect::<Result<_, _>>().map(Self)
    }

    /// The MX records of `domain`, best first; empty if the name exists without any.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn mx(&self, domain: &str) -> Result<Vec<MailExchanger>, DnsError> {
        let mut found: Vec<MailExchanger> = self
            .ask(domain, RecordType::MX)
            .await?
            .iter()
            .filter_map(|data| match data {
                RData::MX(mx) => Some(MailExchanger { preference: mx.preference, host: host_text(&mx.exchange) }),
                _ => None,
            })
            .collect();
        found.sort();
        Ok(found)
    }

    /// The addresses of `host`: IPv4 first, since a machine without IPv6 would else wait in vain at each
    /// delivery; empty if the name exists without any.
    ///
    /// # Errors
    /// See [`DnsError`]. If one of the two look-ups found addresses, the other's failure does not count.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (four, six) = tokio::join!(self.ask(host, RecordType::A), self.ask(host, RecordType::AAAA));
        let of = |answer: &Result<Vec<RData>, DnsError>| -> Vec<IpAddr> { answer.iter().flatten().filter_map(RData::ip_addr).collect() };
        let found: Vec<IpAddr> = of(&four).into_iter().chain(of(&six)).collect();
        match (found.is_empty(), four, six) {
            (false, ..) => Ok(found),
            (true, Err(error @ DnsError::Temporary(_)), _) | (true, _, Err(error @ DnsError::Temporary(_))) => Err(error),
            (true, Err(DnsError::NoSuchName), Err(DnsError::NoSuchName)) => Err(DnsError::NoSuchName),
            (true, ..) => Ok(found),
        }
    }

    /// Asks one server after the other until one answers; silent ones rest while others are left.
    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        // What is no name can't exist; nobody needs to be asked.
        let mut name = Name::from_ascii(name).map_err(|_| DnsError::NoSuchName)?;
        name.set_fqdn(true);
        let (resting, ready): (Vec<&Server>, Vec<&Server>) = self.0.iter().partition(|server| server.rests());
        let mut last = DnsError::Temporary("no server".to_owned());
        for server in if ready.is_empty() { resting } else { ready } {
            match server.ask(name.clone(), kind).await {
                Err(error @ DnsError::Temporary(_)) => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }
}

impl Server {
    fn new(server: NameServerConfig, settings: &DnsSettings) -> Result<Self, DnsError> {
        let config = ResolverConfig::from_name_servers(vec![server]);
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        set_options(builder.options_mut(), settings.timeout);
        let client = builder.build().map_err(|error| DnsError::Configuration(error.to_string()))?;
        Ok(Self { client, timeout: settings.timeout, rest: settings.rest, silent_since: Mutex::new(None) })
    }

    fn rests(&self) -> bool {
        self.silent_since.lock().is_ok_and(|since| since.is_some_and(|since| since.elapsed() < self.rest))
    }

    fn answered(&self, yes: bool) {
        if let Ok(mut since) = self.silent_since.lock() {
            *since = (!yes).then(Instant::now);
        }
    }

    async fn ask(&self, name: Name, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        let answer = tokio::time::timeout(self.timeout, self.client.lookup(name, kind)).await;
        let answer = answer.unwrap_or(Err(NetError::Timeout));
        self.answered(!matches!(answer, Err(NetError::Timeout | NetError::Io(_) | NetError::NoConnections)));
        match answer {
            Ok(lookup) => Ok(lookup.answers().iter().map(|record| record.data.clone()).collect()),
            Err(error) if error.is_nx_domain() => Err(DnsError::NoSuchName),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(DnsError::Temporary(error.to_string())),
        }
    }
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    NameServerConfig::new(server.ip(), true, vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())])
}

fn set_options(options: &mut ResolverOpts, timeout: Duration) {
    options.timeout = timeout;
    options.attempts = 0;
    options.num_concurrent_reqs = 1;
    options.max_active_requests = ACTIVE_MAX;
    options.use_hosts_file = ResolveHosts::Always;
    options.positive_max_ttl = Some(KEEP_MAX);
    options.negative_max_ttl = Some(KEEP_NO_MAX);
}

/// `mx.example` without the root's dot; the root itself stays `.`.
fn host_text(name: &Name) -> String {
    let text = name.to_ascii();
    match text.strip_suffix('.') {
        Some(host) if !host.is_empty() => host.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
