//! What administrators see and do: list, show, hold, retry, remove, counts.
//!
//! A mail is named by its trace id. Acts are durable with the next group of the segments; removing tells the
//! sender only if the administrator wishes. None of this waits for a delivery.

use model::{Fault, Timestamp, TraceId};
use serde::Serialize;

use super::Queue;
use super::dsn::Subject;
use super::pending::{Fate, Mail, Out, Rcpt};

/// One queued mail, as `sealgate queue list` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueRow {
    /// Names it in `queue show|hold|retry|remove`.
    pub id: String,
    /// Its trace id.
    pub trace: TraceId,
    /// Envelope sender; empty for bounces.
    pub from: String,
    /// Recipients that it still waits for.
    pub to: Vec<String>,
    /// Octets of the forms that still wait.
    pub size: u64,
    /// When it came, RFC 3339.
    pub created: String,
    /// When it is tried next, RFC 3339; `null` while it is being tried, held, or waits for an effect.
    pub next_try: Option<String>,
    /// Tries so far, of the recipient that was tried most.
    pub tries: u32,
    /// What was seen last.
    pub last_error: Option<String>,
    /// Stays until an administrator lets it go.
    pub held: bool,
}

/// One queued mail in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueDetail {
    /// The row.
    #[serde(flatten)]
    pub row: QueueRow,
    /// Every recipient, done or not.
    pub recipients: Vec<QueueRecipient>,
    /// Effects that the store has not taken yet.
    pub effects_waiting: usize,
}

/// One recipient of a queued mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueRecipient {
    /// The address.
    pub address: String,
    /// `waiting`, `trying`, `delivered`, `failed`.
    pub state: &'static str,
    /// Tries so far.
    pub tries: u32,
    /// When it is tried next, RFC 3339.
    pub next_try: Option<String>,
    /// What was seen last.
    pub last_error: Option<String>,
}

/// The numbers of the home page and of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Mails in the queue.
    pub mails: u64,
    /// Age of the oldest, in seconds.
    pub oldest_seconds: u64,
    /// Octets of segment files.
    pub disk_bytes: u64,
    /// Mails whose effects wait for the store.
    pub effects_waiting: u64,
    /// Replies that no client has confirmed.
    pub replies_remembered: u64,
}

impl Queue {
    /// Up to `most` mails, oldest first; with `after`, those behind that one.
    #[must_use]
    pub fn list(&self, after: Option<TraceId>, most: usize) -> Vec<QueueRow> {
        let index = self.core.index.lock();
        let place = after.and_then(|trace| index.mails.get(&trace).map(|mail| (mail.received, trace)));
        let behind = |trace: &TraceId| match (place, index.mails.get(trace)) {
            (Some(place), Some(mail)) => (mail.received, *trace) > place,
            _ => after.is_none_or(|after| *trace > after),
        };
        index.by_age().filter(behind).take(most).filter_map(|trace| index.mails.get(&trace).map(|mail| row(trace, mail))).collect()
    }

    /// One mail.
    #[must_use]
    pub fn show(&self, trace: TraceId) -> Option<QueueDetail> {
        let index = self.core.index.lock();
        let mail = index.mails.get(&trace)?;
        let recipients = mail.outputs.iter().flat_map(|out| &out.recipients).map(recipient).collect();
        Some(QueueDetail { row: row(trace, mail), recipients, effects_waiting: mail.effects.len() })
    }

    /// Holds a mail, or lets it go again. What flies now ends first. False if it is not there.
    pub fn hold(&self, trace: TraceId, held: bool) -> bool {
        let mut index = self.core.index.lock();
        let Some(mail) = index.mails.get_mut(&trace) else { return false };
        mail.held = held;
        self.core.keep_state(trace, mail);
        let outputs = mail.outputs.len();
        (0..outputs).for_each(|output| index.reschedule(trace, output));
        drop(index);
        self.core.due.notify_one();
        true
    }

    /// Tries a mail now, also at a next hop that is left alone. False if it is not there.
    pub fn retry(&self, trace: TraceId) -> bool {
        let found = self.make_due(trace);
        self.wake_lanes();
        found
    }

    /// Tries all mail now; says how many mails.
    pub fn retry_all(&self) -> usize {
        let traces: Vec<TraceId> = self.core.index.lock().by_age().collect();
        let count = traces.into_iter().filter(|trace| self.make_due(*trace)).count();
        self.wake_lanes();
        count
    }

    /// Takes a mail out of the queue. `tell`: its sender gets a report. False if it is not there.
    ///
    /// # Errors
    /// The report could not be written; the mail stays.
    pub async fn remove(&self, trace: TraceId, tell: bool) -> Result<bool, Fault> {
        let outputs = match self.core.index.lock().mails.get(&trace) {
            Some(mail) => mail.outputs.len(),
            None => return Ok(false),
        };
        for output in 0..outputs {
            let report = self.core.gather(trace, output, |rcpt| if rcpt.is_pending() { Some(Subject::Removed) } else { Subject::of(rcpt) });
            if let Some(report) = report.filter(|_| tell) {
                self.core.send_report(report).await?;
            }
        }
        let removed = {
            let mut index = self.core.index.lock();
            match index.mails.get_mut(&trace) {
                // Effects belong to the acceptance, not to the delivery: they are still applied.
                Some(mail) if !mail.effects_done => {
                    for rcpt in mail.outputs.iter_mut().flat_map(|out| &mut out.recipients).filter(|rcpt| !rcpt.is_over()) {
                        rcpt.fate = Fate::Failed;
                    }
                    self.core.keep_state(trace, mail);
                    None
                }
                _ => index.remove(trace),
            }
        };
        if let Some(mail) = removed {
            self.core.release(trace, &mail);
        }
        tracing::info!(event = "mail.removed", %trace, tell);
        Ok(true)
    }

    /// The present numbers. Cheap.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let now = self.core.clock.now();
        let (mails, oldest) = {
            let index = self.core.index.lock();
            (index.mails.len() as u64, index.oldest())
        };
        Counts {
            mails,
            oldest_seconds: oldest.map_or(0, |oldest| now.since(oldest).as_secs()),
            disk_bytes: self.core.segments.usage().bytes,
            effects_waiting: self.core.effects.lock().len() as u64,
            replies_remembered: self.core.replies.lock().count() as u64,
        }
    }

    fn make_due(&self, trace: TraceId) -> bool {
        let now = self.core.clock.now();
        let mut index = self.core.index.lock();
        let Some(mail) = index.mails.get_mut(&trace) else { return false };
        for rcpt in mail.outputs.iter_mut().flat_map(|out| &mut out.recipients).filter(|rcpt| rcpt.fate == Fate::Waiting) {
            rcpt.next_try = now;
        }
        let outputs = mail.outputs.len();
        (0..outputs).for_each(|output| index.reschedule(trace, output));
        true
    }

    fn wake_lanes(&self) {
        self.core.lanes.lock().values().for_each(|lane| lane.set_down(None));
        self.core.due.notify_one();
    }
}

fn row(trace: TraceId, mail: &Mail) -> QueueRow {
    let waiting: Vec<&Out> = mail.outputs.iter().filter(|out| !out.is_over()).collect();
    let pending = || waiting.iter().flat_map(|out| &out.recipients).filter(|rcpt| rcpt.is_pending());
    let last = pending().filter(|rcpt| rcpt.last.is_some()).max_by_key(|rcpt| rcpt.last_try);
    QueueRow {
        id: trace.to_string(),
        trace,
        from: mail.outputs.first().and_then(|out| out.sender.as_ref()).map(ToString::to_string).unwrap_or_default(),
        to: pending().map(|rcpt| rcpt.recipient.address.to_string()).collect(),
        size: waiting.iter().map(|out| out.length as u64).sum(),
        created: mail.received.rfc3339(),
        next_try: waiting.iter().filter_map(|out| out.due).min().map(Timestamp::rfc3339),
        tries: pending().map(|rcpt| rcpt.tries).max().unwrap_or(0),
        last_error: last.and_then(|rcpt| rcpt.last.as_ref()).map(|outcome| outcome.reply().to_owned()),
        held: mail.held,
    }
}

fn recipient(rcpt: &Rcpt) -> QueueRecipient {
    let state = match rcpt.fate {
        Fate::Waiting => "waiting",
        Fate::Flying => "trying",
        Fate::Delivered | Fate::Relaying => "delivered",
        Fate::Failing | Fate::Failed => "failed",
    };
    QueueRecipient {
        address: rcpt.recipient.address.to_string(),
        state,
        tries: rcpt.tries,
        next_try: (rcpt.fate == Fate::Waiting).then(|| rcpt.next_try.rfc3339()),
        last_error: rcpt.last.as_ref().map(|outcome| outcome.reply().to_owned()),
    }
}
