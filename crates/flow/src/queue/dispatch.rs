//! Sends an output's due recipients into the lanes of their next hops.
//!
//! An *errand* is one transaction: one output for those of its recipients that take the same way now. The
//! way is looked up each time, so that a changed setting counts for mail that waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Address, Outcome, Recipient, Return, TraceId};

use super::core::Core;
use super::pending::{Fate, Out};
use super::route::{self, LaneKey};

/// One transaction to be made.
#[derive(Debug, Clone)]
pub(crate) struct Errand {
    pub(crate) trace: TraceId,
    pub(crate) output: usize,
    pub(crate) sender: Option<Address>,
    /// Places of the recipients in the output.
    pub(crate) places: Vec<usize>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) ret: Option<Return>,
    pub(crate) envelope_id: Option<String>,
    pub(crate) smtputf8: bool,
    /// The next hop that took it offers DSN and was told what to report: then it owes the sender the reports (RFC 3461 §5.2.1).
    pub(crate) hop_reports: bool,
}

impl Errand {
    /// For an output, without recipients. Of a mail that we opened nobody on the way may send back more than the header
    /// (mail-gateway.md M-T7).
    fn of(trace: TraceId, output: usize, out: &Out) -> Self {
        Self {
            trace,
            output,
            sender: out.sender.clone(),
            places: Vec::new(),
            recipients: Vec::new(),
            ret: if out.opened { Some(Return::Headers) } else { out.ret },
            envelope_id: out.envelope_id.clone(),
            smtputf8: out.smtputf8,
            hop_reports: false,
        }
    }
}

impl Core {
    /// Starts delivery of what is due of an output; if it can't be now, leaves it to the scheduler.
    pub(crate) fn dispatch(self: &Arc<Self>, trace: TraceId, output: usize) {
        let may_start = self.running.load(Ordering::Acquire) && !self.is_stopping();
        if !may_start {
            self.index.lock().reschedule(trace, output);
            return;
        }
        let (errands, astray) = self.errands(trace, output);
        for (key, errand) in errands {
            self.push(key, errand);
        }
        if let Some((errand, outcomes)) = astray {
            let core = Arc::clone(self);
            self.spawn(async move { core.settle(&errand, outcomes).await });
        }
        if self.takes_report(trace, output) {
            self.spawn(Arc::clone(self).report_again(trace, output));
        }
    }

    /// Takes note of a report that could not be written before and whose time has come again: it flies, too.
    fn takes_report(&self, trace: TraceId, output: usize) -> bool {
        let now = self.clock.now();
        let mut index = self.index.lock();
        let out = index.mails.get_mut(&trace).and_then(|mail| mail.outputs.get_mut(output)).filter(|out| out.flying == 0);
        let owes = |out: &&mut Out| out.recipients.iter().any(|rcpt| rcpt.fate == Fate::Relaying && rcpt.next_try <= now);
        let Some(out) = out.filter(owes) else { return false };
        out.flying = 1;
        index.reschedule(trace, output);
        true
    }

    async fn report_again(self: Arc<Self>, trace: TraceId, output: usize) {
        self.report(trace, output).await;
        if let Some(out) = self.index.lock().mails.get_mut(&trace).and_then(|mail| mail.outputs.get_mut(output)) {
            out.flying = out.flying.saturating_sub(1);
        }
        self.finish(trace, output);
    }

    /// Marks what is due as flying and groups it by next hop. Second: recipients that have no way.
    #[expect(clippy::type_complexity, reason = "two lists, used once, right above")]
    fn errands(&self, trace: TraceId, output: usize) -> (Vec<(LaneKey, Errand)>, Option<(Errand, Vec<Outcome>)>) {
        let (now, site) = (self.clock.now(), self.facts.site());
        let mut errands: Vec<(LaneKey, Errand)> = Vec::new();
        let mut astray: Option<(Errand, Vec<Outcome>)> = None;
        let mut index = self.index.lock();
        let Some(mail) = index.mails.get_mut(&trace).filter(|mail| mail.may_leave(output)) else { return (errands, astray) };
        let Some(out) = mail.outputs.get_mut(output) else { return (errands, astray) };
        let blank = Errand::of(trace, output, out);
        let empty = || blank.clone();
        for (place, rcpt) in out.recipients.iter_mut().enumerate() {
            if rcpt.fate != Fate::Waiting || rcpt.next_try > now {
                continue;
            }
            let recipient = rcpt.recipient.clone();
            let errand = match route::lane(&site, &out.route, &recipient.address) {
                Err(outcome) => {
                    let (errand, outcomes) = astray.get_or_insert_with(|| (empty(), Vec::new()));
                    outcomes.push(outcome);
                    errand
                }
                Ok(key) => {
                    let known = errands.iter().position(|(other, _)| *other == key);
                    let place = known.unwrap_or_else(|| {
                        errands.push((key, empty()));
                        errands.len() - 1
                    });
                    let Some((_, errand)) = errands.get_mut(place) else { continue };
                    errand
                }
            };
            rcpt.fate = Fate::Flying;
            errand.places.push(place);
            errand.recipients.push(recipient);
        }
        out.flying += errands.len() + usize::from(astray.is_some());
        index.reschedule(trace, output);
        (errands, astray)
    }

    /// False if a mail was held or removed since its errand was made.
    pub(crate) fn still_wanted(&self, errand: &Errand) -> bool {
        self.index.lock().mails.get(&errand.trace).is_some_and(|mail| mail.may_leave(errand.output))
    }
}
