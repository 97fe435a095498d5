//! Takes over a dead node's queue from its disk, each mail once (mail-gateway.md M-T7, `queue adopt DIR`).
//!
//! A mail is first made durable here, as far as its delivery had come, and only then released there. What it may
//! have been adopted from stands in its digest, which is remembered like an unconfirmed reply: when the take-over is
//! interrupted between the two, or run again, the mail is known, even if it was delivered meanwhile, and is only
//! released there. The other queue must not run: its directory is locked by the caller.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use model::{Fault, Guilty, Plan, TraceId};
use segments::{Disk, RecordId, SegmentKeys, Segments};

use super::Queue;
use super::core::Core;
use super::found::Found;
use super::pending::Mail;
use super::record::{self, About, State, Summaries};
use super::rest;
use super::times::Scale;

/// Mails that are taken over together.
const BATCH: usize = 200;
/// What a digest begins with that says where a mail was adopted from.
const MARK: &str = "adopted/";
/// An adopted mail is remembered so long after it came, should its release on the other disk not be known to be durable.
pub(crate) const MEMORY: Duration = Duration::from_secs(365 * 86_400);

/// What was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Adopted {
    /// Mails that are in this queue now.
    pub mails: u64,
    /// Mails that an earlier, interrupted take-over had brought here.
    pub known: u64,
    /// Mails that can't be read; they stay where they are.
    pub unreadable: u64,
}

/// True if this digest was made by a take-over.
pub(crate) fn is_mark(digest: &str) -> bool {
    digest.starts_with(MARK)
}

impl Queue {
    /// Takes over all mail of another queue, which nobody runs.
    ///
    /// # Errors
    /// Its segments or keys can't be read; this node's disk failed. What was taken over until then is here, and the rest
    /// is there: run it again.
    pub async fn adopt(&self, disk: Arc<dyn Disk>, keys: Arc<dyn SegmentKeys>) -> Result<Adopted, Fault> {
        let settings = self.core.settings.segments;
        let opened = tokio::task::spawn_blocking(move || {
            let (theirs, recovery) = Segments::open_with(disk, keys, settings, Arc::new(Summaries))?;
            let found = Found::all(&theirs, recovery.live)?;
            Ok::<_, Fault>((theirs, found))
        });
        let lost = |error: tokio::task::JoinError| Fault::temporary(Guilty::Ourselves, "internal", error.to_string());
        let (theirs, found) = opened.await.map_err(lost)??;
        let mut adopted = Adopted::default();
        let result = self.core.take_over(&theirs, found, &mut adopted).await;
        let closed = tokio::task::spawn_blocking(move || theirs.close()).await;
        tracing::info!(event = "queue.adopted", mails = adopted.mails, known = adopted.known, unreadable = adopted.unreadable);
        result?;
        closed.map_err(lost)?;
        Ok(adopted)
    }
}

/// One mail of the other queue.
struct Foreign {
    trace: TraceId,
    mail: Mail,
    state_record: Option<RecordId>,
    about: Option<About>,
}

/// What became of it.
enum Taken {
    Here,
    Known,
    Unreadable,
}

impl Core {
    async fn take_over(self: &Arc<Self>, theirs: &Segments, found: Found, adopted: &mut Adopted) -> Result<(), Fault> {
        let (mails, others) = found.of_another();
        let mut rest = mails.into_iter();
        loop {
            let batch: Vec<Foreign> = rest.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let taken = join_all(batch.iter().map(|foreign| self.take_one(theirs, foreign))).await;
            for (foreign, taken) in batch.iter().zip(taken) {
                match taken? {
                    Taken::Unreadable => {
                        adopted.unreadable += 1;
                        continue;
                    }
                    Taken::Here => adopted.mails += 1,
                    Taken::Known => adopted.known += 1,
                }
                theirs.release(foreign.mail.record);
                foreign.state_record.into_iter().for_each(|record| theirs.release(record));
            }
            theirs.flush().await?;
            // Gone there for good: here nothing has to be remembered any more.
            batch.iter().for_each(|foreign| self.confirm(foreign.trace));
        }
        // States without a plan, and replies to clients of a node that is no more.
        others.into_iter().for_each(|record| theirs.release(record));
        Ok(theirs.flush().await?)
    }

    async fn take_one(self: &Arc<Self>, theirs: &Segments, foreign: &Foreign) -> Result<Taken, Fault> {
        let digest = format!("{MARK}{}", foreign.trace);
        if self.replies.lock().known(&digest).is_some() || self.index.lock().peek(foreign.trace, |_| ()).is_some() {
            return Ok(Taken::Known);
        }
        let read = theirs.read(foreign.mail.record).await.map_err(|error| error.to_string());
        let plan = match read.and_then(|octets| record::decode_plan(&octets).map_err(|error| error.to_string())) {
            Ok(stored) => Plan { digest, ..stored.plan },
            Err(cause) => {
                tracing::error!(event = "queue.unreadable", trace = %foreign.trace, cause, "a mail of the other queue can't be read; it stays there");
                return Ok(Taken::Unreadable);
            }
        };
        self.store_as(plan, foreign.about.as_ref(), State::of(foreign.trace, &foreign.mail)).await?;
        Ok(Taken::Here)
    }

    /// [`Core::store`] of a plan whose delivery had begun. The state is durable no later than the plan.
    async fn store_as(self: &Arc<Self>, plan: Plan, about: Option<&About>, state: State) -> Result<(), Fault> {
        let unwritable = |cause: String| Fault::temporary(Guilty::Ourselves, "queue-unwritable", cause);
        let parts = record::encode_plan(&plan, about).map_err(|error| unwritable(error.to_string()))?;
        let summary: Bytes = rest::summary(&plan, about).map_err(|error| unwritable(error.to_string()))?.into();
        // Its confirmation was the other node's affair.
        let state = State { confirmed: false, ..state };
        let octets = record::encode_state(&state);
        let state_record = self.segments.append_lazy(record::STATE, vec![octets.clone()], octets)?;
        match self.segments.append_summed(record::PLAN, parts, summary.clone()).await {
            Ok(record) => {
                self.admit_as(record, plan, summary, Some((state_record, state)));
                Ok(())
            }
            Err(error) => {
                self.segments.release(state_record);
                Err(error.into())
            }
        }
    }
}

impl Found {
    /// The mails of a queue that is not ours, and the records there that belong to none.
    fn of_another(self) -> (Vec<Foreign>, Vec<RecordId>) {
        let mut built = self.build(Scale::default());
        let mut others = std::mem::take(&mut built.stale);
        others.extend(built.replied.iter().map(|(record, _)| *record));
        let awake = built.awake.into_iter().map(|(trace, _, mail)| (trace, Some(mail)));
        let none = std::collections::BTreeSet::new();
        let resting = built.resting.into_iter().map(|(trace, _, rest)| (trace, rest.wake(trace, &none)));
        let foreign = |(trace, mail): (TraceId, Option<Mail>)| {
            let mail = mail?;
            let about = rest::about_of(&mail.summary);
            Some(Foreign { trace, state_record: mail.state_record, about, mail })
        };
        (awake.chain(resting).filter_map(foreign).collect(), others)
    }
}
