//! Queueless delivery: the next hop is asked before the client gets its answer (mail-gateway.md M-T7).
//!
//! With one next hop and one group of recipients its answer is ours, and nothing of the mail is kept. With several,
//! what was accepted ahead is done, and the rest becomes durable here and is tried at once like any other mail; then
//! comes 250. A next hop whose answer was lost may have the mail: such recipients stay, and may get it twice (RFC 5321
//! §4.5.5). Whatever the evaluation decided beside deliveries is committed as always.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::{Address, Fault, Outcome, Output, Plan, Recipient, Return, Route};
use smtp::outbound::{Content, Transaction};
use tokio::sync::oneshot;

use super::Queue;
use super::commit::Start;
use super::core::Core;
use super::deliver::{Delivered, Link};
use super::dsn::{Report, Subject};
use super::lane::{Job, Lane};
use super::pending::{Fate, Out, Rcpt, Stored};
use super::route::{self, LaneKey};

/// What became of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is durable, or done. Say 250.
    Here,
    /// The only next hop has said this. Nothing was kept.
    Refused(Outcome),
}

/// One transaction of queueless mail, on its way through a lane.
pub(crate) struct Ahead {
    sender: Option<Address>,
    recipients: Vec<Recipient>,
    content: Content,
    ret: Option<Return>,
    envelope_id: Option<String>,
    smtputf8: bool,
    until: Instant,
    /// Set by the worker that begins it, or by the client's task that gives it up: whoever is first.
    begun: Arc<AtomicBool>,
    answer: oneshot::Sender<Delivered>,
}

/// Some recipients of an output behind one next hop.
struct Part {
    key: LaneKey,
    /// Place of the output in the plan.
    output: usize,
    recipients: Vec<Recipient>,
}

impl Queue {
    /// Delivers the queueless outputs of a plan ahead, and makes all else durable. `within`: the time there is for it.
    ///
    /// # Errors
    /// As [`model::Commit::commit`].
    pub async fn take(&self, mut plan: Plan, within: Duration) -> Result<Taken, Fault> {
        let underway = match self.core.begin(&plan.digest) {
            Start::Known(first) => {
                tracing::info!(event = "mail.repeated", trace = %plan.trace, %first, "the same mail was committed before; nothing is queued again");
                return Ok(Taken::Here);
            }
            Start::Busy => return Err(super::commit::underway()),
            Start::Go(underway) => underway,
        };
        if let Some(refused) = self.core.ahead(&mut plan, within).await {
            return Ok(Taken::Refused(refused));
        }
        let result = if plan.outputs.is_empty() && plan.effects.is_empty() { Ok(()) } else { self.core.store(plan, None).await };
        drop(underway);
        result.map(|()| Taken::Here)
    }
}

impl Core {
    /// Takes what was accepted ahead out of the plan. `Some`: the only next hop refused all of it.
    async fn ahead(self: &Arc<Self>, plan: &mut Plan, within: Duration) -> Option<Outcome> {
        let until = Instant::now() + within;
        let parts = self.parts(plan);
        let others = plan.outputs.iter().any(|output| output.route != Route::Queueless);
        for output in plan.outputs.iter_mut().filter(|output| output.route == Route::Queueless) {
            output.route = Route::Usual;
        }
        let alone = parts.len() == 1 && !others;
        let mut accepted: Vec<(usize, Vec<Recipient>)> = Vec::new();
        for part in &parts {
            let Some(output) = plan.outputs.get(part.output) else { continue };
            let Delivered { outcomes, hop_reports } = self.hand_over(part, output, until).await;
            let refused = |outcome: &Outcome| matches!(outcome, Outcome::NotDone { .. });
            if alone && part.recipients.len() == output.recipients.len() && outcomes.iter().all(refused) {
                return outcomes.into_iter().next();
            }
            let done = part.recipients.iter().zip(outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Done { .. }));
            let done: Vec<(Recipient, Outcome)> = done.map(|(recipient, outcome)| (recipient.clone(), outcome)).collect();
            self.tell_of(plan, part.output, &done, hop_reports).await;
            accepted.push((part.output, done.into_iter().map(|(recipient, _)| recipient).collect()));
        }
        for (place, recipients) in accepted {
            if let Some(output) = plan.outputs.get_mut(place) {
                output.recipients.retain(|recipient| !recipients.contains(recipient));
            }
        }
        plan.outputs.retain(|output| !output.recipients.is_empty());
        None
    }

    fn parts(&self, plan: &Plan) -> Vec<Part> {
        let site = self.facts.site();
        let mut parts: Vec<Part> = Vec::new();
        for (place, output) in plan.outputs.iter().enumerate().filter(|(_, output)| output.route == Route::Queueless) {
            for recipient in &output.recipients {
                // Who has no way now goes the way of the queue, which says why.
                let Ok(key) = route::lane(&site, &Route::Usual, &recipient.address) else { continue };
                match parts.iter_mut().find(|part| part.output == place && part.key == key) {
                    Some(part) => part.recipients.push(recipient.clone()),
                    None => parts.push(Part { key, output: place, recipients: vec![recipient.clone()] }),
                }
            }
        }
        parts
    }

    /// One transaction now, one outcome for each recipient: by the lane of the next hop, so that it takes a kept connection and
    /// no more of them than are allowed.
    async fn hand_over(self: &Arc<Self>, part: &Part, output: &Output, until: Instant) -> Delivered {
        let all = |outcome: Outcome| Delivered::undone(part.recipients.len(), &outcome);
        let content = match Content::new(output.content.clone()) {
            Ok(content) => content,
            Err(fault) => return all(fault.outcome()),
        };
        let asked = |recipient: &Recipient| if output.opened { recipient.clone().only_failure() } else { recipient.clone() };
        let (answer, mut waits) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let ahead = Ahead {
            sender: output.sender.clone(),
            recipients: part.recipients.iter().map(asked).collect(),
            content,
            ret: if output.opened { Some(Return::Headers) } else { output.ret },
            envelope_id: output.envelope_id.clone(),
            smtputf8: output.smtputf8,
            until,
            begun: begun.clone(),
            answer,
        };
        self.push(part.key.clone(), Job::Ahead(ahead));
        let busy = || Outcome::NotDone {
            temporary: true,
            status: "4.4.5".to_owned(),
            reply: "the next hop had no connection free in time".to_owned(),
            by: String::new(),
        };
        let answered = match tokio::time::timeout_at(until.into(), &mut waits).await {
            Ok(answered) => answered,
            // Nobody will begin it any more.
            Err(_) if !begun.swap(true, Ordering::AcqRel) => return all(busy()),
            // Its worker's time is up now, too.
            Err(_) => waits.await,
        };
        answered.unwrap_or_else(|_| all(busy()))
    }

    /// A worker's part of it.
    pub(super) async fn carry_ahead(self: &Arc<Self>, lane: &Lane, ahead: Ahead, link: &mut Option<Link>) {
        if self.is_stopping() || ahead.answer.is_closed() || ahead.begun.swap(true, Ordering::AcqRel) {
            return;
        }
        let transaction = Transaction {
            ret: ahead.ret,
            envelope_id: ahead.envelope_id.as_deref(),
            smtputf8: ahead.smtputf8,
            ..Transaction::plain(ahead.sender.as_ref(), &ahead.recipients, &ahead.content)
        };
        let sent = tokio::time::timeout_at(ahead.until.into(), self.transact(lane, &transaction, link)).await;
        let delivered = sent.unwrap_or_else(|_| {
            // In the middle of something: it can't be used again.
            *link = None;
            Delivered::undone(ahead.recipients.len(), &Outcome::Unknown { reply: "the time for one mail ran out".to_owned() })
        });
        // Who does not wait any more will send it again.
        let _ = ahead.answer.send(delivered);
    }

    /// Logs what was accepted, and reports success to who wants to hear of it.
    async fn tell_of(self: &Arc<Self>, plan: &Plan, place: usize, done: &[(Recipient, Outcome)], hop_reports: bool) {
        let (Some(output), now) = (plan.outputs.get(place), self.now()) else { return };
        let rcpt = |(recipient, outcome): &(Recipient, Outcome)| {
            let (to, reply) = (recipient.address.as_str(), outcome.reply());
            tracing::info!(event = "mail.delivered", trace = %plan.trace, to, reply, ms = 0, ahead = true);
            let wants = recipient.reports().success && output.sender.is_some() && (output.opened || !hop_reports);
            let fate = if wants { Fate::Relaying } else { Fate::Delivered };
            Rcpt { fate, last: Some(outcome.clone()), last_try: Some(now), ..Rcpt::new(recipient.clone(), now) }
        };
        let recipients: Vec<Rcpt> = done.iter().map(rcpt).collect();
        if let Some(report) = Report::new((plan.trace, place), self.by_own(plan.received), &out_of(output, recipients), Subject::of)
            && let Err(fault) = self.send_report_on(report, Stored::of(output)).await
        {
            tracing::error!(event = "queue.unwritable", trace = %plan.trace, cause = %fault.cause, "the report of a success could not be written");
        }
    }

    async fn send_report_on(self: &Arc<Self>, report: Report, original: Stored) -> Result<(), Fault> {
        let Some(plan) = super::dsn::plan_on(self, report, Some(original)).await else { return Ok(()) };
        tracing::info!(event = "mail.reported", report = %plan.trace, failed = 0, delayed = 0, ahead = true);
        self.store(plan, None).await
    }
}

/// What a report asks of an output.
fn out_of(output: &Output, recipients: Vec<Rcpt>) -> Out {
    Out {
        sender: output.sender.clone(),
        route: Route::Usual,
        opened: output.opened,
        unproven: output.unproven,
        inside: output.inside,
        envelope_id: output.envelope_id.clone(),
        ret: output.ret,
        smtputf8: output.smtputf8,
        waits_for: None,
        length: output.content.len(),
        recipients,
        flying: 0,
        due: None,
    }
}
