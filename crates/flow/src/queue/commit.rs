//! A plan becomes one durable record; what follows from it is set going at once.
//!
//! From the moment at which the record is durable until it is in the index there is no await: whoever
//! cancels a commit either finds nothing kept or all of it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Commit, Fault, Guilty, Plan, TraceId};
use segments::RecordId;

use super::core::Core;
use super::pending::{Cached, Mail, Out, Rcpt, Stored};
use super::record::{self, About, RecordError, State};
use super::replies::Before;
use super::rest;
use super::{Queue, adopt};

#[async_trait]
impl Commit for Queue {
    async fn commit(&self, plan: Plan) -> Result<(), Fault> {
        if plan.outputs.is_empty() && plan.effects.is_empty() {
            return Ok(());
        }
        let underway = match self.core.begin(&plan.digest) {
            Start::Known(first) => {
                tracing::info!(event = "mail.repeated", trace = %plan.trace, %first, "the same mail was committed before; nothing is queued again");
                return Ok(());
            }
            Start::Busy => return Err(underway()),
            Start::Go(underway) => underway,
        };
        let result = self.core.store(plan, None).await;
        drop(underway);
        result
    }
}

/// What a commit finds.
pub(super) enum Start<'a> {
    Known(TraceId),
    Busy,
    Go(Option<Underway<'a>>),
}

/// Takes the digest back when a commit fails or is cancelled.
pub(super) struct Underway<'a> {
    core: &'a Core,
    digest: String,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.core.replies.lock().failed(&self.digest);
    }
}

impl Core {
    pub(super) fn begin(&self, digest: &str) -> Start<'_> {
        if digest.is_empty() {
            return Start::Go(None);
        }
        match self.replies.lock().begin(digest) {
            Before::Known(trace) => Start::Known(trace),
            Before::Underway => Start::Busy,
            Before::Nothing => Start::Go(Some(Underway { core: self, digest: digest.to_owned() })),
        }
    }

    /// Makes a plan durable and admits it. `about`: it reports on another one.
    pub(crate) async fn store(self: &Arc<Self>, plan: Plan, about: Option<&About>) -> Result<(), Fault> {
        let parts = record::encode_plan(&plan, about).map_err(|error| unencodable(&error))?;
        let summary: Bytes = rest::summary(&plan, about).map_err(|error| unencodable(&error.into()))?.into();
        let record = self.segments.append_summed(record::PLAN, parts, summary.clone()).await?;
        self.admit(record, plan, summary);
        Ok(())
    }

    /// Takes a durable plan into the index and sends it on its way.
    fn admit(self: &Arc<Self>, record: RecordId, plan: Plan, summary: Bytes) {
        self.admit_as(record, plan, summary, None);
    }

    /// [`Core::admit`], for a plan whose delivery had come so far. Plan and state came with times of the wall clock.
    pub(crate) fn admit_as(self: &Arc<Self>, record: RecordId, plan: Plan, summary: Bytes, state: Option<(RecordId, State)>) {
        let (trace, now) = (plan.trace, self.now());
        let received = self.by_own(plan.received).min(now);
        let (plan, summary) = (Plan { received, ..plan }, rest::received_at(summary, received));
        let has_effects = !plan.effects.is_empty();
        let outputs = plan.outputs.len();
        if !plan.digest.is_empty() {
            let at = if adopt::is_mark(&plan.digest) { plan.received.after(adopt::MEMORY) } else { now };
            let gone = self.replies.lock().committed(plan.digest.clone(), trace, at, None);
            gone.into_iter().for_each(|record| self.segments.release(record));
        }
        let cached = self.cached(&plan);
        let marks = rest::front_of(&summary).map_or(u64::MAX, |front| front.marks);
        let mut mail = Mail { cached, ..mail_of(record, plan, summary) };
        if let Some((state_record, state)) = state {
            mail.state_record = Some(state_record);
            mail.restore(state.moved(self.clock.drift().saturating_neg()));
            mail.not_after(now.after(self.facts.site().mail.retry_max.0), now);
        }
        let has_effects = has_effects && !mail.effects_done;
        let awaited = mail.outputs.iter().any(|out| out.waits_for.is_some());
        self.index.lock().insert(trace, marks, mail);
        if has_effects {
            let many = {
                let mut effects = self.effects.lock();
                effects.push_back(trace);
                effects.len() >= self.settings.effect_batch
            };
            self.effects_wake.notify_one();
            if awaited || many {
                self.effects_urgent.notify_one();
            }
        }
        for output in 0..outputs {
            self.dispatch(trace, output);
        }
        self.over_already(trace);
    }

    /// A plan that has nothing left to do from the start: only adopted ones may be so.
    fn over_already(&self, trace: TraceId) {
        let mut index = self.index.lock();
        let over = index.peek(trace, |mail| mail.is_over() && mail.state_record.is_some()).unwrap_or(false);
        let mail = if over { index.remove(trace) } else { None };
        drop(index);
        if let Some(mail) = mail {
            self.release(trace, &mail);
        }
    }

    fn cached(&self, plan: &Plan) -> Option<Cached> {
        let contents: Vec<_> = plan.outputs.iter().map(Stored::of).collect();
        let bytes = contents.iter().map(|stored| stored.content.len() + stored.header.len()).sum();
        let lease = self.cache.lease(bytes).ok()?;
        Some(Cached { contents, _lease: lease })
    }
}

/// A plan as the index holds it, nothing tried yet.
fn mail_of(record: RecordId, plan: Plan, summary: Bytes) -> Mail {
    let received = plan.received;
    let outputs = plan.outputs.into_iter().map(|output| Out {
        sender: output.sender,
        route: output.route,
        opened: output.opened,
        unproven: output.unproven,
        inside: output.inside,
        envelope_id: output.envelope_id,
        ret: output.ret,
        smtputf8: output.smtputf8,
        waits_for: output.waits_for,
        length: output.content.len(),
        recipients: output.recipients.into_iter().map(|recipient| Rcpt::new(recipient, received)).collect(),
        flying: 0,
        due: None,
    });
    Mail {
        record,
        state_record: None,
        received,
        effects_done: plan.effects.is_empty(),
        effects: plan.effects,
        held: false,
        removing: None,
        confirmed: false,
        outputs: outputs.collect(),
        cached: None,
        summary,
    }
}

/// The same mail is in the hands of another session.
pub(super) fn underway() -> Fault {
    Fault::temporary(Guilty::Sender, "mail-underway", "the same mail is being committed by another session")
}

fn unencodable(error: &RecordError) -> Fault {
    Fault::temporary(Guilty::Ourselves, "queue-unwritable", error.to_string())
}
