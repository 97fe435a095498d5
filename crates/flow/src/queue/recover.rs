//! Rebuilds the queue from its segments: after a stop, a crash, a power cut.
//!
//! Plans first, then the newest state of each, then what reports say of other plans. A record that can't be
//! read is logged and kept; the rest goes on. Content stays on the disk.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use model::format::FormatError;
use model::{Fault, Guilty, MemoryPool, Outcome, TraceId};
use parking_lot::Mutex;
use segments::{Live, RecordId, Segments};
use smtp::outbound::Resolver;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::commit::mail_of;
use super::core::Core;
use super::pending::{Fate, Mail, Out};
use super::record::{self, About, RecordError, State, StoredReply};
use super::replies::Replies;
use super::route::Through;
use super::tls::Trusted;
use super::{Ports, Settings};

/// Opens the segments and rebuilds the index.
pub(crate) fn open<R: Resolver + 'static>(settings: Settings, ports: Ports<R>) -> Result<Core, Fault> {
    let (segments, recovery) = Segments::open(ports.disk, ports.keys, settings.segments)?;
    let found = Found::read(&segments, &recovery.live)?;
    let damaged = recovery.damage.len();
    let core = Core {
        facts: ports.facts,
        sink: ports.effects,
        directions: Arc::new(Through(ports.resolver)),
        evidence: ports.evidence,
        trusted: Trusted::default(),
        clock: ports.clock,
        index: Mutex::default(),
        replies: Mutex::new(found.replies),
        lanes: Mutex::default(),
        cache: MemoryPool::new(settings.content_cache),
        connections: Arc::new(Semaphore::new(settings.connections)),
        effects: Mutex::new(VecDeque::new()),
        effects_wake: Notify::new(),
        due: Notify::new(),
        running: AtomicBool::new(false),
        stopping: watch::Sender::new(false),
        tasks: Mutex::new(JoinSet::new()),
        segments,
        settings,
    };
    let waiting = found.mails.len();
    for (trace, mail) in found.mails {
        core.admit_again(trace, mail);
    }
    found.stale.into_iter().for_each(|record| core.segments.release(record));
    let index = core.index.lock().mails.len();
    tracing::info!(event = "queue.opened", mails = index, over = waiting - index, damaged);
    Ok(core)
}

impl Core {
    fn admit_again(&self, trace: TraceId, mail: Mail) {
        if mail.is_over() {
            self.release(trace, &mail);
            return;
        }
        let outputs = mail.outputs.len();
        if !mail.effects_done {
            self.effects.lock().push_back(trace);
        }
        let mut index = self.index.lock();
        index.insert(trace, mail);
        (0..outputs).for_each(|output| index.reschedule(trace, output));
    }
}

#[derive(Default)]
struct Found {
    mails: HashMap<TraceId, Mail>,
    replies: Replies,
    /// Replies that may be unconfirmed, in the order of their records.
    replied: Vec<(StoredReply, Option<RecordId>)>,
    /// Records that no longer mean anything.
    stale: Vec<RecordId>,
}

impl Found {
    fn read(segments: &Segments, live: &[Live]) -> Result<Self, Fault> {
        let mut found = Self::default();
        let mut states: HashMap<TraceId, (RecordId, State)> = HashMap::new();
        let mut abouts = Vec::new();
        for Live { id, kind, .. } in live {
            let octets = match segments.read_blocking(*id) {
                Ok(octets) => octets,
                Err(error) => {
                    tracing::error!(event = "queue.unreadable", record = id.0, cause = %error, "a queue record can't be read");
                    continue;
                }
            };
            let read = match *kind {
                record::PLAN => record::decode_plan(&octets).map(|stored| {
                    abouts.extend(stored.about);
                    let plan = stored.plan;
                    if !plan.digest.is_empty() {
                        let reply = StoredReply { digest: plan.digest.clone(), trace: plan.trace, at: plan.received };
                        found.replied.push((reply, None));
                    }
                    found.mails.insert(plan.trace, mail_of(*id, plan));
                }),
                record::STATE => record::decode_state(&octets).map(|state| {
                    let older = states.insert(state.trace, (*id, state));
                    found.stale.extend(older.map(|(record, _)| record));
                }),
                record::REPLY => record::decode_reply(&octets).map(|reply| found.replied.push((reply, Some(*id)))),
                other => {
                    tracing::error!(event = "queue.unreadable", record = id.0, kind = other.0, "a queue record of an unknown kind is kept");
                    Ok(())
                }
            };
            judge(*id, read)?;
        }
        found.apply_states(states);
        found.apply_replies();
        abouts.iter().for_each(|about| found.apply_about(about));
        Ok(found)
    }

    fn apply_states(&mut self, states: HashMap<TraceId, (RecordId, State)>) {
        for (trace, (record, state)) in states {
            let Some(mail) = self.mails.get_mut(&trace) else {
                self.stale.push(record);
                continue;
            };
            mail.state_record = Some(record);
            mail.held = state.held;
            mail.confirmed = state.confirmed;
            if state.effects_done {
                mail.effects = Vec::new();
                mail.effects_done = true;
            }
            mail.outputs.iter_mut().zip(state.outputs).for_each(|(out, stored)| apply_recipients(out, stored));
        }
    }

    /// Once the states are known: what was confirmed before stays confirmed, else the next mail with the same
    /// bytes would get its 250 and not be queued.
    fn apply_replies(&mut self) {
        for (reply, record) in std::mem::take(&mut self.replied) {
            let gone = if self.mails.get(&reply.trace).is_some_and(|mail| mail.confirmed) {
                record.into_iter().collect()
            } else {
                self.replies.committed(reply.digest, reply.trace, reply.at, record)
            };
            self.stale.extend(gone);
        }
    }

    /// A report that is durable has told of this; it must not be told again.
    fn apply_about(&mut self, about: &About) {
        let out = self.mails.get_mut(&about.trace).and_then(|mail| mail.outputs.get_mut(about.output));
        let Some(out) = out else { return };
        let fates = [(&about.failed, Some(Fate::Failed)), (&about.delayed, None), (&about.relayed, Some(Fate::Delivered))];
        for (places, fate) in fates {
            for place in places {
                let Some(rcpt) = out.recipients.get_mut(*place) else { continue };
                rcpt.told = true;
                rcpt.fate = fate.unwrap_or(rcpt.fate);
            }
        }
    }
}

fn apply_recipients(out: &mut Out, stored: Vec<record::RcptState>) {
    for (rcpt, stored) in out.recipients.iter_mut().zip(stored) {
        rcpt.tries = stored.tries;
        rcpt.next_try = stored.next_try;
        rcpt.told = stored.told;
        rcpt.fate = match (stored.over, stored.relayed) {
            (true, _) => Fate::Delivered,
            (false, true) => Fate::Relaying,
            (false, false) => rcpt.fate,
        };
        let seen = |reply| match stored.relayed {
            true => Outcome::Done { reply },
            false => Outcome::NotDone { temporary: true, status: "4.0.0".to_owned(), reply, by: String::new() },
        };
        rcpt.last = stored.last_error.map(seen);
    }
}

/// A newer program's records stop the start, so that nothing of theirs is lost; others are kept and skipped.
fn judge(id: RecordId, read: Result<(), RecordError>) -> Result<(), Fault> {
    match read {
        Ok(()) => Ok(()),
        Err(error @ RecordError::Format(FormatError::Newer { .. })) => {
            Err(Fault::permanent(Guilty::Configuration, "queue-newer", error.to_string()))
        }
        Err(error) => {
            tracing::error!(event = "queue.unreadable", record = id.0, cause = %error, "a queue record can't be read; it is kept");
            Ok(())
        }
    }
}
