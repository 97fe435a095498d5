//! The DNS client: MX, addresses, TXT, PTR and TLSA records, cached, with the servers of the settings or the system's.
//!
//! Whoever asks gets an [`Answer`], or one of three kinds of no: the name does not exist ([`DnsError::NoSuchName`]), it has no
//! such record (an empty list), or nobody could say ([`DnsError::Temporary`], [`DnsError::Bogus`]); RFC 2308. Names are always asked
//! as they stand: no search domain is ever put behind a recipient's domain (mail-gateway's M-T10). [`Dns::validating`] is the
//! same client with DNSSEC (RFC 4033 to 4035): its answers say whether they are proven.
//!
//! The order of a question: [`local`] zones and host entries, the [`cache`], those [`underway`], then the [`upstream`] servers or the
//! [`recursive`] resolver, whose messages [`reading`] makes into answers. Nothing here trusts a server's own word (the AD bit) for anything.

mod cache;
mod local;
mod reading;
mod recursive;
mod settings;
mod underway;
mod upstream;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::{Name, RData, RecordType};
use model::Facts;

pub use settings::{DnsSettings, DnssecUse};

use self::cache::Cache;
use self::reading::Found;
use self::underway::Underway;
use self::upstream::Upstream;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN).
    #[error("the name does not exist")]
    NoSuchName,
    /// No server answered, or none could. The text is for logs.
    #[error("DNS gave no answer: {0}")]
    Temporary(String),
    /// The answer is forged or its zone's signatures are broken (RFC 4033 §5 "bogus"): not to be used, later may be better.
    #[error("the DNS answer's signature is not valid (DNSSEC)")]
    Bogus,
    /// The resolver's configuration can't be used.
    #[error("the DNS configuration can't be used: {0}; write servers = [\"address:53\"] under [dns]")]
    Configuration(String),
}

/// What was found, and how sure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The records, in no order unless the question says one; empty if the name exists without any.
    pub found: Vec<T>,
    /// Proven by DNSSEC, each alias on the way and, of an empty answer, the absence too. Never true of a client that does not
    /// validate, nor of local zones.
    pub secure: bool,
    /// The name that has the records, behind all aliases (CNAME); lower case, no trailing dot.
    pub name: String,
    /// Until when the answer may be kept.
    pub until: Instant,
}

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailExchanger {
    /// Lower is better.
    pub preference: u16,
    /// The host, without a trailing dot; `.` alone for a null MX (RFC 7505).
    pub host: String,
}

/// One TLSA record (RFC 6698 §2.1), its numbers as they stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlsa {
    /// 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE.
    pub usage: u8,
    /// 0 the certificate, 1 its public key.
    pub selector: u8,
    /// 0 the data itself, 1 SHA-256, 2 SHA-512.
    pub matching: u8,
    /// What is compared.
    pub data: Vec<u8>,
}

/// The client. Clones share cache and connections.
#[derive(Clone)]
pub struct Dns {
    shared: Arc<Shared>,
    validate: bool,
}

struct Shared {
    upstream: Upstream,
    cache: Cache,
    underway: Underway,
    /// Where local zones and host entries stand.
    facts: Option<Arc<dyn Facts>>,
}

impl Dns {
    /// A client for these settings, that asks the site's local zones and host entries first. Sends nothing yet. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`DnsError::Configuration`] when no servers are given and the system names none, or the trust anchor can't be read.
    pub fn new(settings: &DnsSettings, facts: Option<Arc<dyn Facts>>) -> Result<Self, DnsError> {
        let shared = Shared { upstream: Upstream::new(settings)?, cache: Cache::new(settings), underway: Underway::default(), facts };
        Ok(Self { shared: Arc::new(shared), validate: false })
    }

    /// The same client, with DNSSEC: answers say whether they are [`Answer::secure`], and what is bogus is an error.
    #[must_use]
    pub fn validating(&self) -> Self {
        Self { validate: true, ..self.clone() }
    }

    /// The MX records of `domain`, best first.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn mx(&self, domain: &str) -> Result<Answer<MailExchanger>, DnsError> {
        if let Some(local) = self.local(|site| local::mx(site, domain)) {
            return Ok(local);
        }
        let mut answer = self.ask(domain, RecordType::MX).await?.pick(|data| match data {
            RData::MX(mx) => Some(MailExchanger { preference: mx.preference, host: host_text(&mx.exchange) }),
            _ => None,
        });
        answer.found.sort();
        Ok(answer)
    }

    /// The addresses of `host`: IPv4 first, since a machine without IPv6 would else wait in vain at each
    /// delivery.
    ///
    /// # Errors
    /// See [`DnsError`]. If one of the two look-ups found addresses, the other's failure does not count, unless it is bogus.
    pub async fn addresses(&self, host: &str) -> Result<Answer<IpAddr>, DnsError> {
        if let Some(local) = self.local(|site| local::addresses(site, host)) {
            return Ok(local);
        }
        let (four, six) = tokio::join!(self.ask(host, RecordType::A), self.ask(host, RecordType::AAAA));
        match (four, six) {
            (Err(DnsError::Bogus), _) | (_, Err(DnsError::Bogus)) => Err(DnsError::Bogus),
            (Ok(four), Ok(six)) => Ok(both(four.pick(RData::ip_addr), six.pick(RData::ip_addr))),
            (Ok(one), Err(error)) | (Err(error), Ok(one)) => {
                let answer = one.pick(RData::ip_addr);
                if answer.found.is_empty() && error != DnsError::NoSuchName { Err(error) } else { Ok(answer) }
            }
            (Err(DnsError::NoSuchName), Err(error)) | (Err(error), Err(_)) => Err(error),
        }
    }

    /// The IPv4 addresses of `host`. For questions about others (block lists, SPF); mail routes ask [`Self::addresses`].
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn ipv4(&self, host: &str) -> Result<Answer<Ipv4Addr>, DnsError> {
        Ok(self.ask(host, RecordType::A).await?.pick(|data| match data {
            RData::A(a) => Some(a.0),
            _ => None,
        }))
    }

    /// The IPv6 addresses of `host`.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn ipv6(&self, host: &str) -> Result<Answer<Ipv6Addr>, DnsError> {
        Ok(self.ask(host, RecordType::AAAA).await?.pick(|data| match data {
            RData::AAAA(aaaa) => Some(aaaa.0),
            _ => None,
        }))
    }

    /// The TXT records of `name`, the strings of each put together without anything between them (RFC 7208 §3.3).
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn txt(&self, name: &str) -> Result<Answer<Vec<u8>>, DnsError> {
        Ok(self.ask(name, RecordType::TXT).await?.pick(|data| match data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        }))
    }

    /// The names that the reverse tree gives an address, lower case, without a trailing dot. Whether they lead back to it is
    /// for the caller to ask.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn ptr(&self, ip: IpAddr) -> Result<Answer<String>, DnsError> {
        if let Some(local) = self.local(|site| local::ptr(site, ip)) {
            return Ok(local);
        }
        Ok(self.ask_name(Name::from(ip), RecordType::PTR).await?.pick(|data| match data {
            RData::PTR(name) => Some(host_text(&name.to_lowercase())),
            _ => None,
        }))
    }

    /// The TLSA records of the server on this port of this host (RFC 6698 §3: `_25._tcp.host`), validated whatever this client is.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn tlsa(&self, host: &str, port: u16) -> Result<Answer<Tlsa>, DnsError> {
        let name = format!("_{port}._tcp.{host}");
        Ok(self.validating().ask(&name, RecordType::TLSA).await?.pick(|data| match data {
            RData::TLSA(tlsa) => Some(Tlsa {
                usage: tlsa.cert_usage.into(),
                selector: tlsa.selector.into(),
                matching: tlsa.matching.into(),
                data: tlsa.cert_data.clone(),
            }),
            _ => None,
        }))
    }

    fn local<T>(&self, look: impl Fn(&model::Site) -> Option<Answer<T>>) -> Option<Answer<T>> {
        self.shared.facts.as_ref().and_then(|facts| look(&facts.site()))
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Found, DnsError> {
        // What is no name can't exist; nobody needs to be asked.
        let name = Name::from_ascii(name).map_err(|_| DnsError::NoSuchName)?;
        self.ask_name(name, kind).await
    }

    async fn ask_name(&self, mut name: Name, kind: RecordType) -> Result<Found, DnsError> {
        name.set_fqdn(true);
        let name = name.to_lowercase();
        let key = (name, kind, self.validate);
        if let Some(kept) = self.shared.cache.get(&key) {
            return kept;
        }
        let (shared, asked) = (Arc::clone(&self.shared), key.clone());
        let ask = move || async move {
            let (answer, keep) = shared.upstream.ask(&asked.0, asked.1, asked.2).await;
            shared.cache.put(asked, &answer, keep);
            answer
        };
        self.shared.underway.get(&key, ask).await
    }
}

/// Both families as one answer.
///
/// Where one family has no address, its proof does not matter: hiding it leads to the other, whose proof counts.
fn both(mut four: Answer<IpAddr>, six: Answer<IpAddr>) -> Answer<IpAddr> {
    let secure = match (four.found.is_empty(), six.found.is_empty()) {
        (false, true) => four.secure,
        (true, false) => six.secure,
        _ => four.secure && six.secure,
    };
    four.found.extend(six.found);
    Answer { secure, until: four.until.min(six.until), ..four }
}

/// An answer that no server gave.
fn made<T>(name: &str, found: Vec<T>) -> Answer<T> {
    Answer { found, secure: false, name: name.to_ascii_lowercase(), until: Instant::now() + Duration::from_secs(1) }
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
mod tests;
