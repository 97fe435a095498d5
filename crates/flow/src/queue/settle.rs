//! What an errand's outcomes mean: delivered, tried again, reported, over.
//!
//! After the last errand of an output has come back, what there is to tell is reported, then the state is
//! kept or the plan is released. A failure counts as told only when its report is durable; the report's own
//! record says what it reports on, so that a crash in between does not write it twice.

use std::sync::Arc;

use model::{Address, Fault, Outcome, Timestamp, TraceId};

use super::core::Core;
use super::dispatch::Errand;
use super::dsn::{self, Report, Subject};
use super::pending::{Fate, Mail, Rcpt};
use super::record::{self, State, StoredReply};
use super::schedule;

/// What happened to one recipient, for the log.
struct Story {
    address: Address,
    outcome: Outcome,
    fate: Fate,
    next_try: Timestamp,
    received: Timestamp,
}

impl Core {
    /// Takes an errand's outcomes; does all that follows from them.
    pub(crate) async fn settle(self: &Arc<Self>, errand: &Errand, outcomes: Vec<Outcome>) {
        let (stories, landed) = self.take_outcomes(errand, outcomes);
        let now = self.now();
        stories.iter().for_each(|story| story.tell(errand.trace, now));
        if !landed {
            return;
        }
        self.report(errand.trace, errand.output).await;
        self.finish(errand.trace, errand.output);
    }

    /// Fates by outcomes. Second: true if nothing of the output flies any more.
    fn take_outcomes(&self, errand: &Errand, outcomes: Vec<Outcome>) -> (Vec<Story>, bool) {
        let (now, site) = (self.now(), self.facts.site());
        let mut stories = Vec::with_capacity(outcomes.len());
        let mut index = self.index.lock();
        // Gone: an administrator has removed it while it flew.
        let Some(mail) = index.wake(errand.trace) else { return (stories, false) };
        let received = mail.received;
        let Some(out) = mail.outputs.get_mut(errand.output) else { return (stories, false) };
        for (place, outcome) in errand.places.iter().zip(outcomes) {
            let Some(rcpt) = out.recipients.get_mut(*place).filter(|rcpt| rcpt.fate == Fate::Flying) else { continue };
            rcpt.tries += 1;
            rcpt.last_try = Some(now);
            if matches!(outcome, Outcome::Done { .. }) {
                // A next hop that offers DSN was told what to report and does so itself; any other reports nothing (RFC 3461 §5.2).
                let told = rcpt.recipient.reports().success && out.sender.is_some() && (errand.opened || !errand.hop_reports);
                rcpt.fate = if told { Fate::Relaying } else { Fate::Delivered };
                rcpt.next_try = now;
            } else if outcome.retries() {
                let verdict = schedule::after_failure(&site.mail, received, now, rcpt.tries, rcpt.told);
                rcpt.tell = verdict.tell;
                rcpt.fate = if verdict.next_try.is_some() { Fate::Waiting } else { Fate::Failing };
                rcpt.next_try = verdict.next_try.unwrap_or(now);
            } else {
                rcpt.fate = Fate::Failing;
            }
            let address = rcpt.recipient.address.clone();
            stories.push(Story { address, outcome: outcome.clone(), fate: rcpt.fate, next_try: rcpt.next_try, received });
            if rcpt.fate != Fate::Delivered {
                rcpt.last = Some(outcome);
            }
        }
        out.flying = out.flying.saturating_sub(1);
        (stories, out.flying == 0)
    }

    /// Writes the report on all of an output that there is something to tell about. If it can't be made durable, what
    /// failed is tried again later instead of being lost, and so is the report on what was passed on.
    pub(crate) async fn report(self: &Arc<Self>, trace: TraceId, output: usize) {
        let Some(report) = self.gather(trace, output, Subject::of) else { return };
        let about = report.about.clone();
        let stored = self.send_report(report).await;
        let later = self.now().after(self.facts.site().mail.retry_first.0);
        let mut index = self.index.lock();
        let out = index.output(trace, output);
        let recipients = out.map(|out| out.recipients.as_mut_slice()).unwrap_or_default();
        told(recipients, &about, stored.is_ok(), later);
        if let Err(fault) = stored {
            tracing::error!(event = "queue.unwritable", %trace, cause = %fault.cause, "a report could not be written; it is tried again");
        }
    }

    /// Makes a report durable, if anybody is to be told.
    pub(crate) async fn send_report(self: &Arc<Self>, report: Report) -> Result<(), Fault> {
        let about = report.about.clone();
        let Some(plan) = dsn::plan(self, report).await else { return Ok(()) };
        let (failed, delayed, relayed) = (about.failed.len(), about.delayed.len(), about.relayed.len());
        tracing::info!(event = "mail.reported", trace = %about.trace, report = %plan.trace, failed, delayed, relayed);
        // Boxed: storing a report dispatches it, which may lead here again.
        Box::pin(self.store(plan, Some(&about))).await
    }

    /// The report on those recipients of an output that there is something to tell about; `None` if there are none.
    pub(crate) fn gather(&self, trace: TraceId, output: usize, subject: impl Fn(&Rcpt) -> Option<Subject>) -> Option<Report> {
        let index = self.index.lock();
        let report = |mail: &Mail| Report::new((trace, output), mail.received, mail.outputs.get(output)?, subject);
        index.peek(trace, report).flatten()
    }

    /// After an output has landed: releases the mail if it is over, else keeps its state.
    pub(crate) fn finish(self: &Arc<Self>, trace: TraceId, output: usize) {
        let mut index = self.index.lock();
        let Some(mail) = index.wake(trace) else { return };
        if mail.is_over() {
            let mail = index.remove(trace);
            drop(index);
            if let Some(mail) = mail {
                self.release(trace, &mail);
            }
            return;
        }
        if mail.outputs.get(output).is_some_and(|out| !out.is_over()) {
            mail.cached = None;
        }
        self.keep_state(trace, mail);
        index.reschedule(trace, output);
        index.rest(trace);
        drop(index);
        self.go_on_removing(trace);
        self.due.notify_one();
    }

    /// Writes how far a mail has come, lazily; the state before is released.
    pub(crate) fn keep_state(&self, trace: TraceId, mail: &mut Mail) {
        let octets = record::encode_state(&State::of(trace, mail).moved(self.clock.drift()));
        match self.segments.append_lazy(record::STATE, vec![octets.clone()], octets) {
            Ok(record) => {
                if let Some(old) = mail.state_record.replace(record) {
                    self.segments.release(old);
                }
            }
            Err(cause) => {
                tracing::warn!(event = "queue.unwritable", %trace, %cause, "a delivery's state is not kept; after a restart it is tried at once")
            }
        }
    }

    /// Forgets an unconfirmed reply.
    pub(crate) fn confirm(&self, trace: TraceId) {
        let forgotten = self.replies.lock().forget(trace);
        match forgotten {
            None => {}
            Some(Some(record)) => self.segments.release(record),
            Some(None) => self.confirm_living(trace),
        }
    }

    /// The reply to a mail that is still here was read: its plan stands for an unconfirmed reply no more.
    pub(crate) fn confirm_living(&self, trace: TraceId) {
        let mut index = self.index.lock();
        if let Some(mail) = index.wake(trace) {
            mail.confirmed = true;
            self.keep_state(trace, mail);
        }
        index.rest(trace);
    }

    /// A mail is over: its records may go. A reply that nobody has confirmed outlives it.
    pub(crate) fn release(&self, trace: TraceId, mail: &Mail) {
        {
            let mut replies = self.replies.lock();
            if let Some((digest, at)) = replies.outlives(trace) {
                let reply = StoredReply { digest, trace, at: self.by_wall(at) };
                let octets = record::encode_reply(&reply).ok();
                if let Some(record) = octets.and_then(|octets| self.segments.append_lazy(record::REPLY, vec![octets.clone()], octets).ok())
                {
                    replies.kept_in(trace, record);
                }
            }
        }
        self.segments.release(mail.record);
        if let Some(record) = mail.state_record {
            self.segments.release(record);
        }
    }

    /// An errand that was not begun waits again.
    pub(crate) fn give_back(self: &Arc<Self>, errand: &Errand) {
        let mut index = self.index.lock();
        if let Some(out) = index.output(errand.trace, errand.output) {
            out.flying = out.flying.saturating_sub(1);
            for place in &errand.places {
                if let Some(rcpt) = out.recipients.get_mut(*place).filter(|rcpt| rcpt.fate == Fate::Flying) {
                    rcpt.fate = Fate::Waiting;
                }
            }
        }
        index.reschedule(errand.trace, errand.output);
        index.rest(errand.trace);
        drop(index);
        self.go_on_removing(errand.trace);
    }
}

/// After a report: fates of those whom it is about, by whether it is durable.
fn told(recipients: &mut [Rcpt], about: &record::About, durable: bool, later: Timestamp) {
    let mut each = |places: &[usize], tell: &dyn Fn(&mut Rcpt)| {
        places.iter().for_each(|place| {
            if let Some(rcpt) = recipients.get_mut(*place) {
                tell(rcpt);
            }
        });
    };
    if durable {
        each(&about.failed, &|rcpt| rcpt.fate = Fate::Failed);
        each(&about.delayed, &|rcpt| (rcpt.told, rcpt.tell) = (true, false));
        each(&about.relayed, &|rcpt| rcpt.fate = Fate::Delivered);
    } else {
        each(&about.failed, &|rcpt| (rcpt.fate, rcpt.next_try) = (Fate::Waiting, later));
        each(&about.delayed, &|rcpt| rcpt.tell = false);
        each(&about.relayed, &|rcpt| rcpt.next_try = later);
    }
}

impl Story {
    fn tell(&self, trace: TraceId, now: Timestamp) {
        let (to, reply) = (self.address.as_str(), self.outcome.reply());
        let ms = u64::try_from(now.since(self.received).as_millis()).unwrap_or(u64::MAX);
        match (&self.outcome, self.fate) {
            (Outcome::Done { .. }, _) => tracing::info!(event = "mail.delivered", %trace, to, reply, ms),
            (Outcome::NotDone { status, by, .. }, Fate::Failing) => {
                tracing::warn!(event = "mail.bounced", %trace, to, status, by, reply, ms);
            }
            (_, Fate::Failing) => tracing::warn!(event = "mail.bounced", %trace, to, reply, ms),
            (_, _) => {
                let wait = self.next_try.since(now).as_secs();
                let unknown = matches!(self.outcome, Outcome::Unknown { .. });
                tracing::warn!(event = "mail.deferred", %trace, to, reply, unknown, wait);
            }
        }
    }
}
