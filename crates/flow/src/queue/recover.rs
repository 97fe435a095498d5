//! Rebuilds the queue from its segments: after a stop, a crash, a power cut. `found` sorts the records, `built` makes a queue of them.
//!
//! The indexes of the segments say all that is needed: of each plan its summary, of each state and reply all of it
//! (`rest`). So neither records nor contents are read, and what waits is put into memory as it stands there. Only what
//! is not quiet is woken: mail whose effects wait, mail that is over, mail that a report speaks of. A record without a
//! summary is read; one that can't be read is logged and kept, and the rest goes on. All processors take part: a queue of
//! a million mails must not keep the gate shut.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use model::{Fault, MemoryPool, TraceId};
use parking_lot::Mutex;
use segments::Segments;
use smtp::outbound::Resolver;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::core::Core;
use super::found::Found;
use super::pending::{Index, Mail};
use super::places::{Places, Reading};
use super::record::Summaries;
use super::route::Through;
use super::times::Scale;
use super::tls::Trusted;
use super::{Ports, Settings};
use crate::limits::Notices;

/// Opens the segments and rebuilds the index.
pub(crate) fn open<R: Resolver + 'static>(settings: Settings, ports: Ports<R>) -> Result<Core, Fault> {
    let began = Instant::now();
    let (segments, recovery) = Segments::open_with(ports.disk, ports.keys, settings.segments, Arc::new(Summaries))?;
    let read = began.elapsed();
    let damaged = recovery.damage.len();
    let found = Found::all(&segments, recovery.live)?;
    let scale = Scale::of(ports.clock.as_ref(), &ports.facts.site());
    let mut built = found.build(scale);
    let replies = built.replies();
    let core = Core {
        facts: ports.facts,
        sink: ports.effects,
        directions: Arc::new(Through(ports.resolver)),
        evidence: ports.evidence,
        secrets: ports.secrets,
        trusted: Trusted::new(ports.lists),
        own_mail: ports.own_mail,
        clock: ports.clock,
        index: Mutex::new(Index::of(built.resting, built.due)),
        shelf: Mutex::new(built.shelf),
        replies: Mutex::new(replies),
        lanes: Mutex::default(),
        notices: Notices::new(settings.notices),
        cache: MemoryPool::new(settings.content_cache),
        places: Places::new(settings.connections),
        reading: Reading::new(settings.reading),
        effects: Mutex::new(VecDeque::new()),
        effects_wake: Notify::new(),
        effects_urgent: Notify::new(),
        due: Notify::new(),
        running: AtomicBool::new(false),
        stopping: watch::Sender::new(false),
        tasks: Mutex::new(JoinSet::new()),
        segments,
        settings,
    };
    let waiting = core.index.lock().len() + built.awake.len();
    for (trace, marks, mail) in built.awake {
        core.admit_again(trace, marks, mail);
    }
    built.stale.into_iter().for_each(|record| core.segments.release(record));
    let mails = core.index.lock().len();
    let (read_ms, ms) = (millis(read), millis(began.elapsed()));
    tracing::info!(event = "queue.opened", mails, over = waiting - mails, damaged, read_ms, ms);
    Ok(core)
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Core {
    fn admit_again(&self, trace: TraceId, marks: u64, mail: Mail) {
        if mail.is_over() {
            self.release(trace, &mail);
            return;
        }
        if !mail.effects_done {
            self.effects.lock().push_back(trace);
        }
        let mut index = self.index.lock();
        index.insert(trace, marks, mail);
        index.reschedule_all(trace);
    }
}
