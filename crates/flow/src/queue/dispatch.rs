//! Sends an output's due recipients into the lanes of their next hops.
//!
//! An *errand* is one transaction: one output for those of its recipients that take the same way now. The
//! way is looked up each time, so that a changed setting counts for mail that waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Address, Outcome, Recipient, Return, Route, TraceId};

use super::core::Core;
use super::lane::Job;
use super::pending::{Fate, Mail, Out};
use super::route::{self, LaneKey};

/// One transaction to be made.
#[derive(Debug, Clone)]
pub(crate) struct Errand {
    pub(crate) trace: TraceId,
    pub(crate) output: usize,
    /// What the output says of its way.
    pub(crate) route: Route,
    pub(crate) sender: Option<Address>,
    /// Places of the recipients in the output.
    pub(crate) places: Vec<usize>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) ret: Option<Return>,
    pub(crate) envelope_id: Option<String>,
    pub(crate) smtputf8: bool,
    /// A private key was used on it: the next hop sees its marks, and is asked for no report but of a failure.
    pub(crate) opened: bool,
    /// The next hop that took it offers DSN and was told what to report: then it owes the sender the reports (RFC 3461 §5.2.1).
    pub(crate) hop_reports: bool,
}

const NO_WAY: &str = "its domain is not managed any more, and what was opened for it takes no other way";

fn no_way() -> Outcome {
    Outcome::NotDone { temporary: true, status: "4.3.5".to_owned(), reply: NO_WAY.to_owned(), by: String::new() }
}

impl Errand {
    /// For an output, without recipients. Of a mail that we opened nobody on the way may send back more than the header
    /// (mail-gateway.md M-T7).
    fn of(trace: TraceId, output: usize, out: &Out) -> Self {
        Self {
            trace,
            output,
            route: out.route.clone(),
            sender: out.sender.clone(),
            places: Vec::new(),
            recipients: Vec::new(),
            ret: if out.opened { Some(Return::Headers) } else { out.ret },
            envelope_id: out.envelope_id.clone(),
            smtputf8: out.smtputf8,
            opened: out.opened,
            hop_reports: false,
        }
    }
}

/// What is due of an output.
#[derive(Default)]
struct Errands {
    ready: Vec<(LaneKey, Errand)>,
    /// Recipients that have no way, with why.
    astray: Option<(Errand, Vec<Outcome>)>,
}

impl Core {
    /// Starts delivery of what is due of an output; if it can't be now, leaves it to the scheduler.
    pub(crate) fn dispatch(self: &Arc<Self>, trace: TraceId, output: usize) {
        let may_start = self.running.load(Ordering::Acquire) && !self.is_stopping();
        if !may_start {
            let mut index = self.index.lock();
            index.reschedule(trace, output);
            index.rest(trace);
            return;
        }
        let Errands { ready, astray } = self.errands(trace, output);
        for (key, errand) in ready {
            self.push(key, Job::Errand(errand));
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
        let now = self.now();
        let mut index = self.index.lock();
        let out = index.output(trace, output).filter(|out| out.flying == 0);
        let owes = |out: &&mut Out| out.recipients.iter().any(|rcpt| rcpt.fate == Fate::Relaying && rcpt.next_try <= now);
        let Some(out) = out.filter(owes) else {
            index.rest(trace);
            return false;
        };
        out.flying = 1;
        index.reschedule(trace, output);
        true
    }

    async fn report_again(self: Arc<Self>, trace: TraceId, output: usize) {
        self.report(trace, output).await;
        if let Some(out) = self.index.lock().output(trace, output) {
            out.flying = out.flying.saturating_sub(1);
        }
        self.finish(trace, output);
    }

    /// Marks what is due as flying and groups it by next hop. What finds its lane full stays, and is parked there if
    /// nothing else of the output flies: a lane takes it up again when it has room.
    fn errands(&self, trace: TraceId, output: usize) -> Errands {
        let (now, site) = (self.now(), self.facts.site());
        let mut found = Errands::default();
        let mut full: Option<LaneKey> = None;
        let mut index = self.index.lock();
        let Some(mail) = index.wake(trace).filter(|mail| mail.may_leave(output)) else {
            index.rest(trace);
            return found;
        };
        if mail.is_stranded(&site) {
            self.strand(trace, mail);
            index.reschedule_all(trace);
            return found;
        }
        let Some(out) = mail.outputs.get_mut(output) else { return found };
        let stranded: Vec<bool> = out.recipients.iter().map(|rcpt| out.is_stranded(rcpt, &site)).collect();
        let blank = Errand::of(trace, output, out);
        let empty = || blank.clone();
        for (place, rcpt) in out.recipients.iter_mut().enumerate() {
            if rcpt.fate != Fate::Waiting || rcpt.next_try > now {
                continue;
            }
            let recipient = if out.opened { rcpt.recipient.clone().only_failure() } else { rcpt.recipient.clone() };
            let way = match stranded.get(place) {
                Some(true) => Err(no_way()),
                _ => route::lane(&site, &out.route, &recipient.address),
            };
            let errand = match way {
                Err(outcome) => {
                    let (errand, outcomes) = found.astray.get_or_insert_with(|| (empty(), Vec::new()));
                    outcomes.push(outcome);
                    errand
                }
                Ok(key) if self.lane_is_full(&key) => {
                    full.get_or_insert(key);
                    continue;
                }
                Ok(key) => {
                    let known = found.ready.iter().position(|(other, _)| *other == key);
                    let place = known.unwrap_or_else(|| {
                        found.ready.push((key, empty()));
                        found.ready.len() - 1
                    });
                    let Some((_, errand)) = found.ready.get_mut(place) else { continue };
                    errand
                }
            };
            rcpt.fate = Fate::Flying;
            errand.places.push(place);
            errand.recipients.push(recipient);
        }
        out.flying += found.ready.len() + usize::from(found.astray.is_some());
        let parked = out.flying == 0 && full.is_some_and(|key| self.park(&key, trace, output));
        if !parked {
            index.reschedule(trace, output);
        }
        index.rest(trace);
        found
    }

    /// Holds a mail that was opened for a domain which is ours no more: it does not leave by MX or a smart host, with less
    /// protection than the domain's own server was spoken to with. An administrator decides.
    fn strand(&self, trace: TraceId, mail: &mut Mail) {
        mail.held = true;
        for rcpt in mail.outputs.iter_mut().flat_map(|out| &mut out.recipients).filter(|rcpt| rcpt.is_pending()) {
            rcpt.last = Some(no_way());
            let (to, reply) = (rcpt.recipient.address.as_str(), NO_WAY);
            tracing::warn!(event = "mail.held", %trace, to, reply, "an administrator lets it go or removes it");
        }
        self.keep_state(trace, mail);
    }

    /// False if a mail was held or removed since its errand was made.
    pub(crate) fn still_wanted(&self, errand: &Errand) -> bool {
        self.index.lock().wake(errand.trace).is_some_and(|mail| mail.may_leave(errand.output))
    }

    /// True if an errand's recipients still take the way of its lane: a level may have been raised, a server changed, since it
    /// was put there (security.md X-23).
    pub(crate) fn same_way(&self, key: &LaneKey, errand: &Errand) -> bool {
        let site = self.facts.site();
        let mut before: Option<&str> = None;
        errand.recipients.iter().all(|recipient| {
            let domain = recipient.address.domain();
            let known = before.replace(domain) == Some(domain);
            known || route::lane(&site, &errand.route, &recipient.address).is_ok_and(|now| now == *key)
        })
    }
}
