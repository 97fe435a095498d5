//! A plan becomes one durable record; what follows from it is set going at once.
//!
//! From the moment at which the record is durable until it is in the index there is no await: whoever
//! cancels a commit either finds nothing kept or all of it.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Commit, Fault, Guilty, Plan, TraceId};
use segments::RecordId;

use super::Queue;
use super::core::Core;
use super::pending::{Cached, Mail, Out, Rcpt};
use super::record::{self, About, RecordError};
use super::replies::Before;

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
            Start::Busy => {
                let cause = "the same mail is being committed by another session";
                return Err(Fault::temporary(Guilty::Sender, "mail-underway", cause));
            }
            Start::Go(underway) => underway,
        };
        let result = self.core.store(plan, None).await;
        drop(underway);
        result
    }
}

enum Start<'a> {
    Known(TraceId),
    Busy,
    Go(Option<Underway<'a>>),
}

/// Takes the digest back when a commit fails or is cancelled.
struct Underway<'a> {
    core: &'a Core,
    digest: String,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.core.replies.lock().failed(&self.digest);
    }
}

impl Core {
    fn begin(&self, digest: &str) -> Start<'_> {
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
        let record = self.segments.append(record::PLAN, parts).await?;
        self.admit(record, plan);
        Ok(())
    }

    /// Takes a durable plan into the index and sends it on its way.
    fn admit(self: &Arc<Self>, record: RecordId, plan: Plan) {
        let trace = plan.trace;
        let has_effects = !plan.effects.is_empty();
        let outputs = plan.outputs.len();
        if !plan.digest.is_empty() {
            let gone = self.replies.lock().committed(plan.digest.clone(), trace, self.clock.now(), None);
            gone.into_iter().for_each(|record| self.segments.release(record));
        }
        let cached = self.cached(&plan);
        let mail = Mail { cached, ..mail_of(record, plan) };
        self.index.lock().insert(trace, mail);
        if has_effects {
            self.effects.lock().push_back(trace);
            self.effects_wake.notify_one();
        }
        for output in 0..outputs {
            self.dispatch(trace, output);
        }
    }

    fn cached(&self, plan: &Plan) -> Option<Cached> {
        let contents: Vec<_> = plan.outputs.iter().map(|output| output.content.clone()).collect();
        let bytes = contents.iter().map(bytes::Bytes::len).sum();
        let lease = self.cache.lease(bytes).ok()?;
        Some(Cached { contents, _lease: lease })
    }
}

/// A plan as the index holds it, nothing tried yet.
pub(crate) fn mail_of(record: RecordId, plan: Plan) -> Mail {
    let received = plan.received;
    let outputs = plan.outputs.into_iter().map(|output| Out {
        sender: output.sender,
        route: output.route,
        opened: output.opened,
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
        confirmed: false,
        outputs: outputs.collect(),
        cached: None,
    }
}

fn unencodable(error: &RecordError) -> Fault {
    Fault::temporary(Guilty::Ourselves, "queue-unwritable", error.to_string())
}
