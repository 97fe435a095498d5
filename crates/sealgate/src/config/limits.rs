//! `[limits]` and `[times]`: the bounds of one node, each with its default.

use model::settings::{Size, Span};
use serde::Deserialize;

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
    /// From the final dot to the answer.
    pub mail_budget: Span,
    /// Concurrent deliveries to one destination.
    pub deliveries_per_destination: usize,
}

/// `[times]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Times {
    /// Silence of an SMTP client until 421.
    pub smtp_idle: Span,
    /// Longest time for one mail's content.
    pub smtp_data: Span,
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
    /// Console session without a request.
    pub console_session: Span,
    /// How often the scanners are asked how they are.
    pub scanners: Span,
    /// Time that a TLS report covers; the standard's is a day.
    pub tls_report: Span,
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
            mail_budget: Span::seconds(15),
            deliveries_per_destination: 20,
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            smtp_idle: Span::seconds(300),
            smtp_data: Span::seconds(3_600),
            smtp_sign_in: Span::seconds(1),
            recipient_yes: Span::seconds(24 * 3600),
            recipient_no: Span::seconds(600),
            recipient_lookup: Span::seconds(10),
            directory: Span::seconds(5),
            handshake: Span::seconds(20),
            stop_grace: Span::seconds(30),
            poll_max: Span::seconds(3_540),
            housekeeping: Span::seconds(3_600),
            scanners: Span::seconds(60),
            console_session: Span::seconds(3_600),
            tls_report: Span::seconds(86_400),
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
