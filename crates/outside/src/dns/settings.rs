//! The numbers of the DNS client: the node's `[dns]` section as `outside` sees it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The `[dns]` section of the node's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsSettings {
    /// Asked in this order; empty: the system's (`/etc/resolv.conf`).
    pub servers: Vec<SocketAddr>,
    /// Ask nobody's resolver but walk down from the root; `servers` are not asked then.
    pub recursive: bool,
    /// The root's servers, port 53; empty: as IANA lists them.
    pub roots: Vec<IpAddr>,
    /// Longest wait for one server.
    pub timeout: Duration,
    /// How long a silent server is not asked while another is left.
    pub rest: Duration,
    /// See [`DnssecUse`].
    pub dnssec: DnssecUse,
    /// A file with DNSKEY records of the root; none: the root's own keys as IANA publishes them.
    pub trust_anchor: Option<PathBuf>,
    /// Longest time an answer is kept, whatever its zone says: a slip in a zone heals within a day.
    pub keep: Duration,
    /// Longest time a "no" is kept (RFC 2308 §5 says 1 to 3 hours at most).
    pub keep_no: Duration,
    /// Answers that are kept at a time.
    pub entries: u64,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            recursive: false,
            roots: Vec::new(),
            timeout: Duration::from_secs(2),
            rest: Duration::from_secs(30),
            dnssec: DnssecUse::Auto,
            trust_anchor: None,
            keep: Duration::from_secs(86_400),
            keep_no: Duration::from_secs(600),
            entries: 20_000,
        }
    }
}

/// Whether answers of a validating client are validated (`[dns] dnssec`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DnssecUse {
    /// Of each server that hands out signatures, as its answer about the root's keys shows. A server that once did is held
    /// to it as long as the program runs; one that never did leaves every answer unproven.
    #[default]
    Auto,
    /// Always: from a server that hands out no signatures, answers about signed zones are bogus.
    On,
    /// Never.
    Off,
}
