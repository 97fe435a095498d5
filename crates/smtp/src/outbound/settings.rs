//! How a connection is opened: names, TLS level, time-outs, source addresses.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::{Credentials, TlsDemand, TlsLevel};

/// Longest waits; the defaults are those of RFC 5321 §4.5.3.2 but for `connect`, which it leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection.
    pub connect: Duration,
    /// For the greeting and for each of EHLO and STARTTLS, the handshake included.
    pub greeting: Duration,
    /// For the reply to MAIL, RCPT, RSET.
    pub command: Duration,
    /// For the 354 after DATA.
    pub data_start: Duration,
    /// For each block of content to be taken.
    pub data_block: Duration,
    /// For the reply to the last dot. Short values make doubles (RFC 5321 §4.5.3.2.6, RFC 1047).
    pub data_end: Duration,
    /// For the reply to QUIT.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_secs(300),
            command: Duration::from_secs(300),
            data_start: Duration::from_secs(120),
            data_block: Duration::from_secs(180),
            data_end: Duration::from_secs(600),
            quit: Duration::from_secs(5),
        }
    }
}

/// What [`super::Connection::connect`] needs to know.
#[derive(Debug, Clone)]
pub struct OpenSettings {
    /// Our name in EHLO.
    pub hello: String,
    /// See [`TlsDemand`].
    pub tls: TlsDemand,
    /// Whom to sign in as; nobody at most servers. Never without TLS.
    pub credentials: Option<Credentials>,
    /// See [`Timeouts`].
    pub timeouts: Timeouts,
    /// The address that IPv4 connections come from (`[smtp] source_v4`).
    pub source_v4: Option<Ipv4Addr>,
    /// The address that IPv6 connections come from (`[smtp] source_v6`).
    pub source_v6: Option<Ipv6Addr>,
}

impl OpenSettings {
    /// Opportunistic TLS, the standard's time-outs, any source address.
    #[must_use]
    pub fn new(hello: &str) -> Self {
        Self {
            hello: hello.to_owned(),
            tls: TlsDemand::of(TlsLevel::May),
            credentials: None,
            timeouts: Timeouts::default(),
            source_v4: None,
            source_v6: None,
        }
    }
}
