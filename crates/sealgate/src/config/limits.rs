//! `[limits]` and `[times]`: the bounds of one node, each with its default.

use model::settings::{Size, Span};
use serde::Deserialize;
use smtp::outbound::Timeouts;

use super::NodeConfig;

/// `[limits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// SMTP sessions in all.
    pub sessions: usize,
    /// SMTP sessions from one address.
    pub sessions_per_peer: usize,
    /// SMTP connections a minute from one address; 0: as many as come.
    pub rate_per_peer: u32,
    /// Memory for mail in work: a size, or `auto` (a quarter of the machine's, at most 2 GB).
    pub memory: String,
    /// Of it, what several mails of one stranger's address may hold together: a size, or `auto` (a quarter).
    pub memory_per_peer: String,
    /// Octets a second at which a mail's content has to come, on the average over `smtp_idle`; 0: any rate.
    pub data_rate: Size,
    /// Recipients refused for good after which a stranger's session ends.
    pub refused_recipients: u32,
    /// Commands that are none, or come out of order, after which a session ends.
    pub bad_commands: u32,
    /// Commands that bring no mail further after which a session ends.
    pub idle_commands: u32,
    /// Longest line of a mail, CR LF not counted.
    pub line: Size,
    /// How much of a refused mail is read and thrown away before the connection is closed.
    pub discard: Size,
    /// Octets of a mail's header.
    pub header: Size,
    /// Lines of a mail's header.
    pub header_lines: usize,
    /// Levels of nesting in a mail.
    pub mime_depth: usize,
    /// Parts of a mail.
    pub parts: usize,
    /// Received fields beyond which a mail is taken to be in a loop.
    pub hops: usize,
    /// Notices and bounces of rules that one receiver gets in an hour.
    pub notices_per_hour: u32,
    /// Greylist triplets that this node holds in memory.
    pub greylist_triplets: usize,
    /// Greylist triplets that one network may bring in an hour.
    pub greylist_per_network: u32,
    /// Greylist triplets of all nodes in the store.
    pub greylist_stored: u64,
    /// From the final dot to the answer.
    pub mail_budget: Span,
    /// Concurrent deliveries to one destination.
    pub deliveries_per_destination: usize,
    /// Less free space than this on the node's disk is an alarm; 0: never.
    pub disk_free: Size,
    /// Outgoing connections in all.
    pub deliveries: usize,
    /// Servers of a next hop that one attempt tries.
    pub servers_per_attempt: usize,
    /// Mails over one connection.
    pub mails_per_connection: u32,
    /// Memory for mail that is read from the disk to be sent: a size, or `auto` (a quarter of `memory`).
    pub delivery_memory: String,
}

/// `[times]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Times {
    /// Silence of an SMTP client until 421.
    pub smtp_idle: Span,
    /// Longest time for one mail's content.
    pub smtp_data: Span,
    /// Longest wait for a client to close after our last word.
    pub smtp_linger: Span,
    /// Longest time for an attempt to open a session with a next hop, all its servers together.
    pub delivery_attempt: Span,
    /// Longest time for one mail over an open session.
    pub delivery: Span,
    /// An idle connection is kept so long for the next mail.
    pub delivery_idle: Span,
    /// A next hop that could not be reached is left alone so long, at most.
    pub delivery_rest: Span,
    /// Longest waits for a next hop.
    pub remote: Remote,
    /// When a no to somebody who signs in by SMTP is said, counted from the attempt.
    pub smtp_sign_in: Span,
    /// A recipient that its domain's server knows is not asked for again so long.
    pub recipient_yes: Span,
    /// The same for one that it does not know.
    pub recipient_no: Span,
    /// Longest wait at RCPT for that server.
    pub recipient_lookup: Span,
    /// Longest wait for one directory server.
    pub directory: Span,
    /// Longest time for a TLS handshake of a phone or a browser.
    pub handshake: Span,
    /// Longest wait for running work at a stop.
    pub stop_grace: Span,
    /// Longest time that a hanging Ping or Sync may be held.
    pub poll_max: Span,
    /// How often this node looks after old rows.
    pub housekeeping: Span,
    /// Compliance runs and keys that were ordered are looked for so often.
    pub compliance: Span,
    /// Console session without a request.
    pub console_session: Span,
    /// How often the scanners are asked how they are.
    pub scanners: Span,
    /// A scanner that is away for so long is an alarm.
    pub scanner_away: Span,
    /// How often disks, scanners and jobs are looked at for alarms.
    pub alarms: Span,
    /// How often certificates are looked at.
    pub certificates: Span,
    /// Time that a TLS report covers; the standard's is a day.
    pub tls_report: Span,
    /// Longest time for fetching one revocation list.
    pub crl_fetch: Span,
    /// After it a revocation list is fetched anew, though it is in its time.
    pub crl_kept: Span,
    /// A revocation list that could not be fetched is not asked for again so long.
    pub crl_rest: Span,
    /// Longest time that a mail waits for what the issuers of its signers' certificates say.
    pub signers: Span,
    /// Issuers are asked so often whether they revoked the certificate of a phones' mail server.
    pub revocation: Span,
}

/// `[times.remote]`: RFC 5321 §4.5.3.2 but for `connect`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Remote {
    /// For the TCP connection.
    pub connect: Span,
    /// For the greeting, EHLO, STARTTLS and the handshake, each.
    pub greeting: Span,
    /// For the reply to MAIL, RCPT, RSET.
    pub command: Span,
    /// For the 354 after DATA.
    pub data_start: Span,
    /// For each block of content to be taken.
    pub data_block: Span,
    /// For the reply to the last dot.
    pub data_end: Span,
}

impl Remote {
    /// As the outgoing side takes them.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect.0,
            greeting: self.greeting.0,
            command: self.command.0,
            data_start: self.data_start.0,
            data_block: self.data_block.0,
            data_end: self.data_end.0,
            ..Timeouts::default()
        }
    }
}

impl Default for Remote {
    fn default() -> Self {
        let of = Timeouts::default();
        Self {
            connect: Span(of.connect),
            greeting: Span(of.greeting),
            command: Span(of.command),
            data_start: Span(of.data_start),
            data_block: Span(of.data_block),
            data_end: Span(of.data_end),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 1_000,
            sessions_per_peer: 100,
            rate_per_peer: 0,
            memory: "auto".to_owned(),
            memory_per_peer: "auto".to_owned(),
            data_rate: Size(1_000),
            refused_recipients: 20,
            bad_commands: 10,
            idle_commands: 1_000,
            line: Size(64 << 10),
            discard: Size(200_000_000),
            header: Size(256 << 10),
            header_lines: 1_000,
            mime_depth: 50,
            parts: 1_000,
            hops: 50,
            notices_per_hour: 10,
            greylist_triplets: 500_000,
            greylist_per_network: 1_000,
            greylist_stored: 1_000_000,
            mail_budget: Span::seconds(15),
            deliveries_per_destination: 20,
            disk_free: Size(1_000_000_000),
            deliveries: 500,
            servers_per_attempt: 5,
            mails_per_connection: 100,
            delivery_memory: "auto".to_owned(),
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            smtp_idle: Span::seconds(300),
            smtp_data: Span::seconds(3_600),
            smtp_linger: Span::seconds(2),
            delivery_attempt: Span::seconds(300),
            delivery: Span::seconds(3_600),
            delivery_idle: Span::seconds(5),
            delivery_rest: Span::seconds(60),
            remote: Remote::default(),
            smtp_sign_in: Span::seconds(1),
            recipient_yes: Span::seconds(24 * 3600),
            recipient_no: Span::seconds(600),
            recipient_lookup: Span::seconds(10),
            directory: Span::seconds(5),
            handshake: Span::seconds(20),
            stop_grace: Span::seconds(30),
            poll_max: Span::seconds(3_540),
            housekeeping: Span::seconds(3_600),
            compliance: Span::seconds(2),
            scanners: Span::seconds(60),
            scanner_away: Span::seconds(600),
            alarms: Span::seconds(60),
            certificates: Span::seconds(86_400),
            console_session: Span::seconds(3_600),
            tls_report: Span::seconds(86_400),
            crl_fetch: Span::seconds(30),
            crl_kept: Span::seconds(6 * 3_600),
            crl_rest: Span::seconds(300),
            signers: Span::seconds(3),
            revocation: Span::seconds(600),
        }
    }
}

impl NodeConfig {
    /// Bytes for mail in work.
    ///
    /// # Errors
    /// When `[limits] memory` is neither a size nor `auto`.
    pub fn memory(&self) -> Result<usize, String> {
        if self.limits.memory == "auto" {
            return Ok((machine_memory() / 4).clamp(256 << 20, 2_000_000_000));
        }
        let size = Size::parse(&self.limits.memory).map_err(|e| format!("limits.memory: {e}, or auto"))?;
        usize::try_from(size.0).map_err(|e| e.to_string())
    }

    /// What one mail may cost, but for its time.
    #[must_use]
    pub fn mail_limits(&self) -> model::Limits {
        let Limits { mime_depth: depth, parts, header_lines, .. } = self.limits;
        let header = usize::try_from(self.limits.header.0).unwrap_or(usize::MAX);
        model::Limits { depth, parts, header, header_lines, ..model::Limits::default() }
    }

    /// Bytes for mail that is read from the disk to be sent.
    ///
    /// # Errors
    /// When `[limits] delivery_memory` is neither a size nor `auto`.
    pub fn delivery_memory(&self) -> Result<usize, String> {
        if self.limits.delivery_memory == "auto" {
            return self.memory().map(|all| all / 4);
        }
        let size = Size::parse(&self.limits.delivery_memory).map_err(|e| format!("limits.delivery_memory: {e}, or auto"))?;
        usize::try_from(size.0).map_err(|e| e.to_string())
    }

    /// Bytes that one stranger's mails may hold of it together.
    ///
    /// # Errors
    /// When `[limits] memory_per_peer` is neither a size nor `auto`.
    pub fn memory_per_peer(&self) -> Result<usize, String> {
        if self.limits.memory_per_peer == "auto" {
            return self.memory().map(|all| all / 4);
        }
        let size = Size::parse(&self.limits.memory_per_peer).map_err(|e| format!("limits.memory_per_peer: {e}, or auto"))?;
        usize::try_from(size.0).map_err(|e| e.to_string())
    }
}

/// Bytes of memory that the machine has, by `/proc/meminfo`; 1 GiB where that can't be read.
fn machine_memory() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok());
    kib.map_or(1 << 30, |kib| kib << 10)
}
