//! From a target to the servers to try, in order (RFC 5321 §5.1, RFC 7505).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use model::Outcome;

use super::{LookupError, Mx, Resolver, Target};

/// Most MX hosts that are looked at, and most addresses of one of them: a bound on what a stranger's zone
/// makes us do.
const HOSTS_MAX: usize = 10;
const ADDRESSES_MAX: usize = 8;

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Its name, for TLS and logs; the address in text form if there is no name.
    pub host: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What a route depends on beside DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSettings {
    /// The port where none is written (`[smtp] mx_port`).
    pub port: u16,
    /// Our own names, lower case: an MX host of such a name is ourselves, and it and all hosts of the same
    /// or a worse preference are left out (RFC 5321 §5.1).
    pub own_names: Vec<String>,
    /// Where we listen, ports as they are bound: whatever name leads there, it is ourselves. `0.0.0.0` and `[::]` stand for
    /// every address of this machine.
    pub own_addresses: Vec<SocketAddr>,
    /// A random number; it spreads load over hosts of the same preference.
    pub seed: u64,
    /// Domains that complete a name of one label, tried in this order before the name itself. Empty for names that
    /// recipients' addresses brought.
    pub search: Vec<String>,
}

/// Why there is no server to try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteFault {
    /// The domain says that it takes no mail (RFC 7505).
    #[error("{0} takes no mail (null MX)")]
    NullMx(String),
    /// The name does not exist.
    #[error("{0} does not exist in DNS")]
    NoSuchDomain(String),
    /// The name exists, but no host of it has an address.
    #[error("no mail server of {0} has an address")]
    NoServer(String),
    /// The best MX host is ourselves.
    #[error("mail for {0} loops back to this gateway: it leads to us, but it is no managed domain")]
    Ourselves(String),
    /// DNS could not be asked.
    #[error("looking up {0} failed: {1}")]
    Temporary(String, String),
}

impl RouteFault {
    /// What this means for every recipient behind the target.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let (temporary, status) = match self {
            Self::NullMx(_) => (false, "5.1.10"),
            Self::NoSuchDomain(_) => (false, "5.1.2"),
            Self::NoServer(_) => (false, "5.4.4"),
            Self::Ourselves(_) => (false, "5.4.6"),
            Self::Temporary(..) => (true, "4.4.3"),
        };
        let code = if matches!(self, Self::NullMx(_)) { "556 5.1.10 " } else { "" };
        Outcome::NotDone { temporary, status: status.to_owned(), reply: format!("{code}{self}"), by: String::new() }
    }
}

/// The servers of `target`, best first; never empty.
///
/// # Errors
/// [`RouteFault`] if there is none.
pub async fn expand<R: Resolver>(target: &Target, resolver: &R, settings: &RouteSettings) -> Result<Vec<Endpoint>, RouteFault> {
    for domain in &settings.search {
        let Some(longer) = target.completed(domain) else { break };
        match servers(&longer, resolver, settings).await {
            Err(RouteFault::NoSuchDomain(_) | RouteFault::NoServer(_)) => {}
            found => return found,
        }
    }
    servers(target, resolver, settings).await
}

impl RouteSettings {
    /// Do we listen there?
    fn is_own(&self, address: SocketAddr) -> bool {
        let of_this_machine = || UdpSocket::bind((address.ip(), 0)).is_ok();
        let same_port = self.own_addresses.iter().filter(|own| own.port() == address.port());
        let mut same = same_port.filter(|own| own.ip().to_canonical() == address.ip().to_canonical() || own.ip().is_unspecified());
        same.any(|own| !own.ip().is_unspecified() || of_this_machine())
    }
}

async fn servers<R: Resolver>(target: &Target, resolver: &R, settings: &RouteSettings) -> Result<Vec<Endpoint>, RouteFault> {
    let port = target.port().unwrap_or(settings.port);
    match target {
        Target::Address { ip, .. } => {
            others(&ip.to_string(), vec![Endpoint { host: ip.to_string(), address: SocketAddr::new(*ip, port) }], settings)
        }
        Target::Host { name, .. } => match resolver.addresses(name).await {
            Ok(addresses) => others(name, endpoints(name, &addresses, port), settings),
            Err(error) => Err(fault(name, &error)),
        },
        Target::Domain { name, .. } => {
            let hosts = mx_hosts(name, resolver, settings).await?;
            let (mut found, mut temporary) = (Vec::new(), None);
            for host in &hosts {
                match resolver.addresses(host).await {
                    Ok(addresses) => found.extend(endpoints(host, &addresses, port)),
                    Err(LookupError::NoSuchName) => {}
                    Err(LookupError::Temporary(cause)) => temporary = Some(RouteFault::Temporary(host.clone(), cause)),
                }
            }
            match temporary {
                Some(fault) if found.is_empty() => Err(fault),
                _ => others(name, found, settings),
            }
        }
    }
}

/// The MX hosts in the order of their preference; the domain itself if it has no MX (implicit MX).
async fn mx_hosts<R: Resolver>(domain: &str, resolver: &R, settings: &RouteSettings) -> Result<Vec<String>, RouteFault> {
    let mut records = resolver.mx(domain).await.map_err(|error| fault(domain, &error))?;
    if records.is_empty() {
        return Ok(vec![domain.to_owned()]);
    }
    for record in &mut records {
        record.host = record.host.trim_end_matches('.').to_ascii_lowercase();
    }
    // RFC 7505 §3: the null MX must stand alone; beside others it names no host and is left out.
    records.retain(|record| !record.host.is_empty());
    if records.is_empty() {
        return Err(RouteFault::NullMx(domain.to_owned()));
    }
    let own = records.iter().filter(|record| settings.own_names.contains(&record.host)).map(|record| record.preference).min();
    if let Some(own) = own {
        records.retain(|record| record.preference < own);
    }
    if records.is_empty() {
        return Err(RouteFault::Ourselves(domain.to_owned()));
    }
    records.sort_by_cached_key(|record| (record.preference, spread(settings.seed, record)));
    let mut hosts: Vec<String> = Vec::new();
    for record in records {
        if hosts.len() < HOSTS_MAX && !hosts.contains(&record.host) {
            hosts.push(record.host);
        }
    }
    Ok(hosts)
}

/// A number that orders hosts of one preference differently for each seed (FNV-1a).
fn spread(seed: u64, record: &Mx) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    record.host.bytes().chain(seed.to_le_bytes()).fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn endpoints(host: &str, addresses: &[IpAddr], port: u16) -> Vec<Endpoint> {
    let endpoint = |ip: &IpAddr| Endpoint { host: host.to_owned(), address: SocketAddr::new(*ip, port) };
    addresses.iter().take(ADDRESSES_MAX).map(endpoint).collect()
}

/// What is left before the first address where we listen ourselves (RFC 5321 §5.1); addresses that no server can have are none.
fn others(name: &str, mut found: Vec<Endpoint>, settings: &RouteSettings) -> Result<Vec<Endpoint>, RouteFault> {
    found.retain(|endpoint| can_be_a_server(endpoint.address.ip()));
    if found.is_empty() {
        return Err(RouteFault::NoServer(name.to_owned()));
    }
    found.truncate(found.iter().position(|endpoint| settings.is_own(endpoint.address)).unwrap_or(found.len()));
    if found.is_empty() { Err(RouteFault::Ourselves(name.to_owned())) } else { Ok(found) }
}

fn can_be_a_server(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    !ip.is_unspecified() && !ip.is_multicast() && ip != IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn fault(name: &str, error: &LookupError) -> RouteFault {
    match error {
        LookupError::NoSuchName => RouteFault::NoSuchDomain(name.to_owned()),
        LookupError::Temporary(cause) => RouteFault::Temporary(name.to_owned(), cause.clone()),
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
