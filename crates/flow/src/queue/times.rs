//! Times by the wall clock, as the disk holds them, and times on the queue's own scale, as memory does.
//!
//! While the process runs, all that waits and all ages are counted on a steady scale (`model::Clock::steady`): a wall clock that
//! is set by days neither stalls a retry nor lets mail expire. What is written to the disk goes by the wall clock, since the
//! steady scale means nothing to the next process; the start reads it back here. What it must never do: believe that mail comes
//! from the future.

use model::{Clock, Site, Timestamp};

use super::pending::Mail;
use super::rest;

/// What the disk says by the wall clock, on the scale of this process. While nobody ran, the clock may have been set back: then
/// mail would seem to come from the future, and to wait for it.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    now: Timestamp,
    /// Nothing is tried later than this.
    latest: Timestamp,
    drift: i64,
}

impl Default for Scale {
    /// Takes all times as they are.
    fn default() -> Self {
        Self { now: Timestamp(i64::MAX), latest: Timestamp(i64::MAX), drift: 0 }
    }
}

impl Scale {
    /// The present one.
    pub(crate) fn of(clock: &dyn Clock, site: &Site) -> Self {
        let now = clock.steady();
        Self { now, latest: now.after(site.mail.retry_max.0), drift: clock.drift() }
    }

    /// True if a mail can rest as the disk says.
    pub(crate) fn fits(&self, received: Timestamp, due: &[Option<Timestamp>]) -> bool {
        self.drift == 0 && received <= self.now && due.iter().flatten().all(|at| *at <= self.latest)
    }

    /// Brings a mail's times to this scale.
    pub(crate) fn mend(&self, mail: &mut Mail) {
        mail.received = self.past(mail.received);
        mail.summary = rest::received_at(mail.summary.clone(), mail.received);
        for rcpt in mail.outputs.iter_mut().flat_map(|out| &mut out.recipients) {
            rcpt.next_try = rcpt.next_try.moved(self.drift.saturating_neg());
        }
        mail.not_after(self.latest, self.now);
    }

    /// An instant that can't lie in the future.
    pub(crate) fn past(&self, at: Timestamp) -> Timestamp {
        at.moved(self.drift.saturating_neg()).min(self.now)
    }
}
