//! How fast a mail's content has to come, by DATA or by BDAT.
//!
//! Who sends a mail holds memory of ours until its end. So a mail has an end in any case ([`SessionSettings::data_time`]), and on
//! the way to it a client may not fall behind a rate for longer than it may be silent ([`SessionSettings::idle`]): each octet
//! buys a little time, and more than that silence can't be saved up. Where RFC 5321 §4.5.3.2 lets a client be slow it is still
//! let be slow; a client that drips is not. Must never: be asked of by one command only. It runs on between two chunks.

use std::time::Duration;

use tokio::time::Instant;

use super::SessionSettings;

/// The time that one mail's content has left.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// When all of it must have come.
    end: Instant,
    /// When more of it must have come.
    until: Instant,
    /// Octets a second; 0: any rate.
    rate: u64,
    silence: Duration,
}

impl Pace {
    /// The content begins now.
    #[must_use]
    pub fn begin(settings: &SessionSettings) -> Self {
        let now = Instant::now();
        Self { end: now + settings.data_time, until: now + settings.idle, rate: settings.data_rate, silence: settings.idle }
    }

    /// So many octets have come.
    pub fn heard(&mut self, octets: usize) {
        let longest = Instant::now() + self.silence;
        let bought = (octets as u64).saturating_mul(1_000_000_000).checked_div(self.rate).map(Duration::from_nanos);
        self.until = bought.and_then(|bought| self.until.checked_add(bought)).map_or(longest, |until| until.min(longest));
    }

    /// When the client has been too slow if nothing more comes.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.end.min(self.until)
    }

    /// It has been too slow.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() > self.deadline()
    }
}
