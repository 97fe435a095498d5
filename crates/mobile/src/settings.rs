//! What a node may set about its mobile gate. Every duration is here (design decision 13).

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::guesses::GuessSettings;
use crate::pace::PaceSettings;

/// The gate's settings on this node. What belongs to the cluster is in the site's `MobileGateway`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A phone's connection may stay without a request, or inside a request's header, for so long.
    pub idle: Duration,
    /// A phone's request body may stand still for so long, and an answer that the phone does not take.
    pub body_idle: Duration,
    /// A quiet HTTP/2 connection is asked so often whether the phone is still there.
    pub http_2_ping: Duration,
    /// Connecting to the mail server, TLS included.
    pub connect: Duration,
    /// First byte of an answer to anything but Ping and Sync.
    pub answer: Duration,
    /// First byte of an answer to Ping and Sync: 3,540 s (mobile-gateway.md G-3) and some for the server's own delay.
    pub hang: Duration,
    /// A kept connection to the mail server is closed after being idle for so long.
    pub pool_idle: Duration,
    /// Until a mail server has been seen to keep connections, one is used again only after being idle for so long.
    pub pool_rest: Duration,
    /// Kept connections to the mail server at most.
    pub pool_size: usize,
    /// Requests at once at most, hanging ones included; beyond it the answer is 503.
    pub max_requests: usize,
    /// Bodies up to this size are read before they are sent on, so that a harmless request can be sent again.
    pub whole_body: usize,
    /// Bodies that a policy must look at may be so long, in octets, without their content coding.
    pub inspected_body: usize,
    /// What policies do with one such body may take so long; what is not done then can't be judged.
    pub inspect: Duration,
    /// Memory for all such bodies at once, in octets; beyond it the answer is 503.
    pub body_memory: usize,
    /// A look-up of certificates in a directory may take so long.
    pub lookup: Duration,
    /// What it found, or not, is known for so long.
    pub lookup_keep: Duration,
    /// Folders that are remembered of all devices, where a policy hides some; who asked longest ago is forgotten first.
    pub known_folders: u64,
    /// When a device loops.
    pub pace: PaceSettings,
    /// When bad passwords are a flood.
    pub guesses: GuessSettings,
    /// `Retry-After` of every 503.
    pub retry_after: Duration,
    /// A stop ends the hanging polls spread over this time, so that the phones don't come back all at once.
    pub drain: Duration,
    /// Balancers whose `Forwarded` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// A PEM file with roots for the mail server's certificate, beside the system's.
    pub mail_roots: Option<PathBuf>,
    /// Issuers are asked so often whether they revoked the certificate of a mail server.
    pub revocation: Duration,
    /// Local addresses for connections to the mail server, by turns; empty: the system chooses.
    pub source_addresses: Vec<IpAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(120),
            body_idle: Duration::from_secs(60),
            http_2_ping: Duration::from_secs(300),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(300),
            hang: Duration::from_secs(3_600),
            pool_idle: Duration::from_secs(30),
            pool_rest: Duration::from_millis(100),
            pool_size: 256,
            max_requests: 120_000,
            whole_body: 64 << 10,
            inspected_body: 64 << 20,
            inspect: Duration::from_secs(20),
            body_memory: 512 << 20,
            lookup: Duration::from_secs(5),
            lookup_keep: Duration::from_secs(600),
            known_folders: 4_000_000,
            pace: PaceSettings::default(),
            guesses: GuessSettings::default(),
            retry_after: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            trusted_proxies: Vec::new(),
            mail_roots: None,
            revocation: Duration::from_secs(600),
            source_addresses: Vec::new(),
        }
    }
}
