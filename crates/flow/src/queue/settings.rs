//! The numbers of a node's queue. What the whole site shares (retry, expiry) stands in `[mail]`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use smtp::outbound::Timeouts;

use crate::limits::NoticeSettings;

/// Bounds and waits of the queue and of outgoing connections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The segment files.
    pub segments: segments::Settings,
    /// Our name while the site has none.
    pub hostname: String,
    /// Port of next hops that name none (`[smtp] mx_port`).
    pub mx_port: u16,
    /// Where this node takes mail: no recipient's domain leads mail there.
    pub own_addresses: Vec<SocketAddr>,
    /// Domains that complete short names of next hops that settings name (`[dns] search`), never recipients' domains.
    pub search: Vec<String>,
    /// `[smtp] source_v4`.
    pub source_v4: Option<Ipv4Addr>,
    /// `[smtp] source_v6`.
    pub source_v6: Option<Ipv6Addr>,
    /// Longest waits for a next hop.
    pub timeouts: Timeouts,
    /// Connections to one next hop at a time.
    pub per_destination: usize,
    /// Outgoing connections in all; a fifth is kept for next hops that settings name.
    pub connections: usize,
    /// Servers of a next hop that one attempt tries.
    pub servers_per_attempt: usize,
    /// Longest time for an attempt to open a session, all servers together.
    pub attempt: Duration,
    /// Longest time for one mail over an open session, the attempt included.
    pub delivery: Duration,
    /// Memory for content that is read from the disk to be sent, octets.
    pub reading: usize,
    /// An idle connection is kept so long for the next mail.
    pub idle: Duration,
    /// Mails over one connection.
    pub mails_per_connection: u32,
    /// A next hop that could not be reached is left alone so long, at most; `retry_first` if that is shorter.
    pub dead_for: Duration,
    /// Content of fresh mail that is kept in memory, octets.
    pub content_cache: usize,
    /// An unconfirmed reply is remembered so long.
    pub reply_memory: Duration,
    /// Effects that are applied in one transaction.
    pub effect_batch: usize,
    /// Effects that nothing waits for are gathered so long for one transaction of the store.
    pub effect_gather: Duration,
    /// First wait after the store did not take effects; doubles up to `effect_retry_max`.
    pub effect_retry: Duration,
    /// Longest wait for the store.
    pub effect_retry_max: Duration,
    /// A stop waits so long for running deliveries; what runs longer is cut off and tried again at the next start.
    pub stop_within: Duration,
    /// What each receiver gets of bounces, reports and notices that nobody of ours asked for.
    pub notices: NoticeSettings,
    /// Mails up to this size go back whole in a bounce, larger ones with their header only.
    pub bounce_whole: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segments: segments::Settings::default(),
            hostname: "localhost".to_owned(),
            mx_port: 25,
            own_addresses: Vec::new(),
            search: Vec::new(),
            source_v4: None,
            source_v6: None,
            timeouts: Timeouts::default(),
            per_destination: 20,
            connections: 500,
            servers_per_attempt: 5,
            attempt: Duration::from_secs(300),
            delivery: Duration::from_secs(3_600),
            reading: 128 << 20,
            idle: Duration::from_secs(5),
            mails_per_connection: 100,
            dead_for: Duration::from_secs(60),
            content_cache: 32 << 20,
            reply_memory: Duration::from_secs(86_400),
            effect_batch: 500,
            effect_gather: Duration::from_millis(100),
            effect_retry: Duration::from_secs(1),
            effect_retry_max: Duration::from_secs(60),
            stop_within: Duration::from_secs(30),
            notices: NoticeSettings::default(),
            bounce_whole: 50_000,
        }
    }
}
