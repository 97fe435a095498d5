//! Who is asked: the servers of the settings, one after the other in their order, or the built-in recursive resolver.
//!
//! A server that stays silent for the whole wait rests for a while and is passed over as long as another is left. Each has clients
//! of its own, so that the order of the settings and the wait for each are kept exactly; the library's pool would spend the whole
//! wait on the first. One client asks plainly, one validates (RFC 4035 §5).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};
use parking_lot::Mutex;

use super::reading::{self, Found};
use super::recursive::Recursive;
use super::{DnsError, DnsSettings, DnssecUse};

/// Queries under way at one server; more wait or fail as temporary.
const ACTIVE_MAX: usize = 1_024;
/// A validated answer may need the keys of each zone above: the whole wait is so many times that for one message.
const CHAIN: u32 = 4;
/// A server without signatures is looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Who is asked.
pub(super) enum Upstream {
    /// The servers of the settings, or the system's.
    Servers(Vec<Server>),
    /// Nobody: we walk down from the root.
    Recursive(Box<Recursive>),
}

/// One server, with two clients.
pub(super) struct Server {
    address: String,
    plain: TokioResolver,
    validating: TokioResolver,
    timeout: Duration,
    rest: Duration,
    /// Since when it has been silent.
    silent_since: Mutex<Option<Instant>>,
    dnssec: DnssecUse,
    /// It handed out signatures that led to the trust anchor.
    proved: AtomicBool,
    /// When it was last seen without.
    unproved: Mutex<Option<Instant>>,
}

impl Upstream {
    pub(super) fn new(settings: &DnsSettings) -> Result<Self, DnsError> {
        let anchors = anchors(settings)?;
        if settings.recursive {
            return Recursive::new(settings, anchors).map(|recursive| Self::Recursive(Box::new(recursive)));
        }
        let servers = if settings.servers.is_empty() {
            let (config, _) = read_system_conf().map_err(|error| DnsError::Configuration(error.to_string()))?;
            config.name_servers
        } else {
            settings.servers.iter().map(|server| name_server(*server)).collect()
        };
        if servers.is_empty() {
            return Err(DnsError::Configuration("it names no server".to_owned()));
        }
        servers.into_iter().map(|server| Server::new(server, settings, &anchors)).collect::<Result<_, _>>().map(Self::Servers)
    }

    /// Asks one server after the other until one answers; silent ones rest while others are left. Second: how long the answer
    /// may be kept.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType, validate: bool) -> (Result<Found, DnsError>, Duration) {
        let servers = match self {
            Self::Servers(servers) => servers,
            Self::Recursive(recursive) => return recursive.ask(name, kind).await,
        };
        let (resting, ready): (Vec<&Server>, Vec<&Server>) = servers.iter().partition(|server| server.rests());
        let mut last = DnsError::Temporary("no server".to_owned());
        for server in if ready.is_empty() { resting } else { ready } {
            match server.ask(name, kind, validate).await {
                // Another server may have what this one forged or lost; what one found bogus stays the graver word.
                (Err(DnsError::Bogus), _) => last = DnsError::Bogus,
                (Err(error @ DnsError::Temporary(_)), _) if last != DnsError::Bogus => last = error,
                (Err(DnsError::Temporary(_)), _) => {}
                answer => return answer,
            }
        }
        (Err(last), Duration::ZERO)
    }

    /// Whether the server at this place rests. For tests.
    #[cfg(test)]
    pub(super) fn rests(&self, place: usize) -> bool {
        matches!(self, Self::Servers(servers) if servers[place].rests())
    }
}

impl Server {
    fn new(server: NameServerConfig, settings: &DnsSettings, anchors: &Arc<TrustAnchors>) -> Result<Self, DnsError> {
        let address = server.ip.to_string();
        let build = |anchors: Option<Arc<TrustAnchors>>| {
            let config = ResolverConfig::from_name_servers(vec![server.clone()]);
            let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
            set_options(builder.options_mut(), settings.timeout);
            if let Some(anchors) = anchors {
                builder = builder.with_trust_anchor(anchors);
            }
            builder.build().map_err(|error| DnsError::Configuration(error.to_string()))
        };
        Ok(Self {
            address,
            plain: build(None)?,
            validating: build(Some(anchors.clone()))?,
            timeout: settings.timeout,
            rest: settings.rest,
            silent_since: Mutex::new(None),
            dnssec: settings.dnssec,
            proved: AtomicBool::new(false),
            unproved: Mutex::new(None),
        })
    }

    fn rests(&self) -> bool {
        self.silent_since.lock().is_some_and(|since| since.elapsed() < self.rest)
    }

    async fn ask(&self, name: &Name, kind: RecordType, validate: bool) -> (Result<Found, DnsError>, Duration) {
        match validate {
            true => match self.validates().await {
                Ok(true) => self.look_up(&self.validating, self.timeout * CHAIN, name, kind).await,
                Ok(false) => self.look_up(&self.plain, self.timeout, name, kind).await,
                Err(error) => (Err(error), Duration::ZERO),
            },
            false => self.look_up(&self.plain, self.timeout, name, kind).await,
        }
    }

    async fn look_up(&self, client: &TokioResolver, wait: Duration, name: &Name, kind: RecordType) -> (Result<Found, DnsError>, Duration) {
        let answer = tokio::time::timeout(wait, client.lookup(name.clone(), kind)).await.unwrap_or(Err(NetError::Timeout));
        let silent = matches!(answer, Err(NetError::Timeout | NetError::Io(_) | NetError::NoConnections));
        *self.silent_since.lock() = silent.then(Instant::now);
        reading::answer(name, kind, answer)
    }

    /// Whether this server's answers are to be validated. At [`DnssecUse::Auto`] the root's own keys are asked for: a server that
    /// hands them out with a signature by the trust anchor is held to it from then on.
    async fn validates(&self) -> Result<bool, DnsError> {
        match self.dnssec {
            DnssecUse::On => return Ok(true),
            DnssecUse::Off => return Ok(false),
            DnssecUse::Auto => {}
        }
        if self.proved.load(Ordering::Acquire) {
            return Ok(true);
        }
        if self.unproved.lock().is_some_and(|since| since.elapsed() < LOOK_AGAIN) {
            return Ok(false);
        }
        let (answer, _) = self.look_up(&self.validating, self.timeout, &Name::root(), RecordType::DNSKEY).await;
        match answer {
            Ok(found) if found.is_proven() => {
                self.proved.store(true, Ordering::Release);
                tracing::info!(event = "dns.dnssec", server = self.address, "answers of this DNS server are validated");
                return Ok(true);
            }
            Err(error) if self.rests() => return Err(error),
            _ => {}
        }
        let first = self.unproved.lock().replace(Instant::now()).is_none();
        if first {
            let server = &self.address;
            tracing::warn!(
                event = "dns.no_dnssec",
                server,
                "this DNS server hands out no signatures that lead to the root's keys: no DANE by it"
            );
        }
        Ok(false)
    }
}

fn anchors(settings: &DnsSettings) -> Result<Arc<TrustAnchors>, DnsError> {
    let Some(file) = &settings.trust_anchor else { return Ok(Arc::default()) };
    let wrong = |cause: String| DnsError::Configuration(format!("trust_anchor {}: {cause}", file.display()));
    let anchors = TrustAnchors::from_file(file).map_err(|error| wrong(error.to_string()))?;
    if anchors.is_empty() { Err(wrong("it holds no DNSKEY record".to_owned())) } else { Ok(Arc::new(anchors)) }
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
    // Ours keeps everything, see `cache`.
    options.cache_size = 0;
}
