//! What administrators see and do: list, show, hold, retry, remove, counts.
//!
//! A mail is named by its trace id. Acts are durable with the next group of the segments; removing tells the
//! sender only if the administrator wishes, and never that something was removed which was delivered. None of this waits
//! for a delivery.

use std::sync::Arc;

use model::{Address, Fault, TraceId};
use serde::Serialize;

use super::Queue;
use super::core::Core;
use super::dsn::Subject;
use super::marks::{self, Sort};
use super::pending::{Fate, Index, Mail, Out, Rcpt};

/// Mails that are looked at before others may have the index.
const LOOKED_AT: usize = 50_000;

/// One queued mail, as `sealgate queue list` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueRow {
    /// Names it in `queue show|hold|release|retry|remove`.
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

/// Which mails are asked for: all that are given must fit. Addresses are compared by key, domains as A-labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// A recipient that has not got it yet.
    pub to: Option<Address>,
    /// The envelope sender.
    pub from: Option<Address>,
    /// The domain of a recipient that has not got it yet.
    pub domain: Option<String>,
    /// The trace id.
    pub trace: Option<TraceId>,
}

impl QueueFilter {
    fn marks(&self) -> u64 {
        let address = |sort, address: &Option<Address>| address.as_ref().map_or(0, |it| marks::mark(sort, it.key().as_str()));
        let domain = self.domain_key().map_or(0, |domain| marks::mark(Sort::Domain, &domain));
        address(Sort::To, &self.to) | address(Sort::From, &self.from) | domain
    }

    fn domain_key(&self) -> Option<String> {
        self.domain.as_ref().map(|domain| model::address::normal_domain(domain).unwrap_or_else(|| domain.to_lowercase()))
    }

    fn passes(&self, mail: &Mail) -> bool {
        if self.to.is_none() && self.from.is_none() && self.domain.is_none() {
            return true;
        }
        let (to, domain) = (self.to.as_ref().map(Address::key), self.domain_key());
        let from = self.from.as_ref().map(Address::key);
        let fits_to = |rcpt: &Rcpt| {
            let key = rcpt.recipient.address.key();
            to.as_ref().is_none_or(|to| *to == key) && domain.as_ref().is_none_or(|domain| domain == key.domain())
        };
        mail.outputs.iter().any(|out| {
            let sender = out.sender.as_ref().map(Address::key);
            let waits = out.recipients.iter().any(|rcpt| rcpt.is_pending() && fits_to(rcpt));
            (from.is_none() || sender == from) && waits
        })
    }
}

impl Queue {
    /// Up to `most` mails that pass the filter, oldest first; with `after`, those behind that one, whether it is still
    /// there or not.
    #[must_use]
    pub fn list(&self, after: Option<TraceId>, most: usize, filter: &QueueFilter) -> Vec<QueueRow> {
        let drift = self.core.clock.drift();
        let fitting = |index: &Index, trace| index.peek(trace, |mail| filter.passes(mail).then(|| row(trace, mail, drift))).flatten();
        if let Some(wanted) = filter.trace {
            let found = fitting(&self.core.index.lock(), wanted);
            return found.into_iter().filter(|_| most > 0 && after.is_none_or(|after| after < wanted)).collect();
        }
        let (marks, mut rows, mut place) = (filter.marks(), Vec::new(), after);
        while rows.len() < most {
            // In pieces: mail goes on in between.
            let index = self.core.index.lock();
            let (found, next) = index.marked(place, marks, most - rows.len(), LOOKED_AT);
            rows.extend(found.into_iter().filter_map(|trace| fitting(&index, trace)));
            place = next;
            if place.is_none() {
                break;
            }
        }
        rows
    }

    /// One mail.
    #[must_use]
    pub fn show(&self, trace: TraceId) -> Option<QueueDetail> {
        let drift = self.core.clock.drift();
        self.core.index.lock().peek(trace, |mail| {
            let recipients = mail.outputs.iter().flat_map(|out| &out.recipients).map(|rcpt| recipient(rcpt, drift)).collect();
            QueueDetail { row: row(trace, mail, drift), recipients, effects_waiting: mail.effects.len() }
        })
    }

    /// Holds a mail, or lets it go again, also one that is being removed. What flies now ends first. False if it is not there.
    pub fn hold(&self, trace: TraceId, held: bool) -> bool {
        let mut index = self.core.index.lock();
        let Some(mail) = index.wake(trace).filter(|mail| !mail.has_ended()) else { return false };
        mail.held = held;
        mail.removing = None;
        self.core.keep_state(trace, mail);
        index.reschedule_all(trace);
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
        let (mut count, mut place) = (0, None);
        loop {
            let (traces, next) = self.core.index.lock().marked(place, 0, LOOKED_AT, LOOKED_AT);
            count += traces.into_iter().filter(|trace| self.make_due(*trace)).count();
            place = next;
            if place.is_none() {
                break;
            }
        }
        self.wake_lanes();
        count
    }

    /// Takes a mail out of the queue. `tell`: its sender gets a report. What is being delivered ends first: what the next
    /// hop takes was delivered, and only the rest is removed, and told, after that. False if it is not there.
    ///
    /// # Errors
    /// The report could not be written; the mail stays, held.
    pub async fn remove(&self, trace: TraceId, tell: bool) -> Result<bool, Fault> {
        let flies = {
            let mut index = self.core.index.lock();
            let Some(mail) = index.wake(trace).filter(|mail| !mail.has_ended()) else { return Ok(false) };
            // Nothing of it leaves from now on.
            mail.held = true;
            mail.removing = Some(tell);
            self.core.keep_state(trace, mail);
            let flies = mail.flies();
            index.reschedule_all(trace);
            flies
        };
        if flies {
            tracing::info!(event = "mail.removing", %trace, tell, "what is being delivered ends first");
            return Ok(true);
        }
        self.core.remove_rest(trace).await?;
        Ok(true)
    }

    /// The present numbers. Cheap.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let now = self.core.now();
        let (mails, oldest) = {
            let index = self.core.index.lock();
            (index.len() as u64, index.oldest())
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
        let now = self.core.now();
        let mut index = self.core.index.lock();
        let Some(mail) = index.wake(trace).filter(|mail| !mail.has_ended()) else { return false };
        for rcpt in mail.outputs.iter_mut().flat_map(|out| &mut out.recipients).filter(|rcpt| rcpt.fate == Fate::Waiting) {
            rcpt.next_try = now;
        }
        index.reschedule_all(trace);
        true
    }

    fn wake_lanes(&self) {
        self.core.lanes.lock().values().for_each(|lane| lane.set_down(None));
        self.core.due.notify_one();
    }
}

impl Core {
    /// Removes a mail of which nothing flies any more, if an administrator has wished so.
    pub(crate) async fn remove_rest(self: &Arc<Self>, trace: TraceId) -> Result<(), Fault> {
        let wished = self.index.lock().peek(trace, |mail| mail.removing.map(|tell| (tell, mail.outputs.len()))).flatten();
        let Some((tell, outputs)) = wished else { return Ok(()) };
        for output in 0..outputs {
            let report = self.gather(trace, output, |rcpt| if rcpt.is_pending() { Some(Subject::Removed) } else { Subject::of(rcpt) });
            if let Some(report) = report.filter(|_| tell)
                && let Err(fault) = self.send_report(report).await
            {
                if let Some(mail) = self.index.lock().wake(trace) {
                    mail.removing = None;
                }
                return Err(fault);
            }
        }
        let removed = {
            let mut index = self.index.lock();
            match index.wake(trace) {
                // Effects belong to the acceptance, not to the delivery: they are still applied.
                Some(mail) if !mail.effects_done => {
                    for rcpt in mail.outputs.iter_mut().flat_map(|out| &mut out.recipients).filter(|rcpt| !rcpt.is_over()) {
                        rcpt.fate = Fate::Failed;
                    }
                    mail.removing = None;
                    self.keep_state(trace, mail);
                    None
                }
                _ => index.remove(trace),
            }
        };
        if let Some(mail) = removed {
            self.release(trace, &mail);
        }
        tracing::info!(event = "mail.removed", %trace, tell);
        Ok(())
    }

    /// After something of a mail has landed: goes on with its removal, if that was wished and nothing flies any more.
    pub(crate) fn go_on_removing(self: &Arc<Self>, trace: TraceId) {
        let ready = self.index.lock().peek(trace, |mail| mail.removing.is_some() && !mail.flies()).unwrap_or(false);
        if !ready {
            return;
        }
        let core = Arc::clone(self);
        self.spawn(async move {
            if let Err(fault) = core.remove_rest(trace).await {
                tracing::error!(event = "queue.unwritable", %trace, cause = %fault.cause, "a report could not be written; the mail stays, held");
            }
        });
    }
}

/// `drift` brings the queue's times to the wall clock's.
fn row(trace: TraceId, mail: &Mail, drift: i64) -> QueueRow {
    let waiting: Vec<&Out> = mail.outputs.iter().filter(|out| !out.is_over()).collect();
    let pending = || waiting.iter().flat_map(|out| &out.recipients).filter(|rcpt| rcpt.is_pending());
    let last = pending().filter(|rcpt| rcpt.last.is_some()).max_by_key(|rcpt| rcpt.last_try);
    QueueRow {
        id: trace.to_string(),
        trace,
        from: mail.outputs.first().and_then(|out| out.sender.as_ref()).map(ToString::to_string).unwrap_or_default(),
        to: pending().map(|rcpt| rcpt.recipient.address.to_string()).collect(),
        size: waiting.iter().map(|out| out.length as u64).sum(),
        created: mail.received.moved(drift).rfc3339(),
        next_try: waiting.iter().filter_map(|out| out.due).min().map(|at| at.moved(drift).rfc3339()),
        tries: pending().map(|rcpt| rcpt.tries).max().unwrap_or(0),
        last_error: last.and_then(|rcpt| rcpt.last.as_ref()).map(|outcome| outcome.reply().to_owned()),
        held: mail.held,
    }
}

fn recipient(rcpt: &Rcpt, drift: i64) -> QueueRecipient {
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
        next_try: (rcpt.fate == Fate::Waiting).then(|| rcpt.next_try.moved(drift).rfc3339()),
        last_error: rcpt.last.as_ref().map(|outcome| outcome.reply().to_owned()),
    }
}
