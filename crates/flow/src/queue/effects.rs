//! Applies the effects of committed mail: one task, in batches, until the store takes them.
//!
//! The store skips what it has applied before (same message, same number), so a batch whose answer was lost
//! is simply sent again, also after a crash. While the store is away mail goes on; only outputs that wait for
//! an effect wait with it. A mail whose effects alone are refused does not stop the others'.

use std::sync::Arc;
use std::time::Duration;

use model::{Effect, EffectId, Fault, TraceId};

use super::core::Core;

type Batch = Vec<(EffectId, Effect)>;

impl Core {
    /// The task.
    pub(crate) async fn apply_effects(self: Arc<Self>) {
        let mut stopping = self.stopping.subscribe();
        let mut wait = Duration::ZERO;
        while !self.is_stopping() {
            let (traces, batch) = self.next_batch();
            let paused = if traces.is_empty() {
                tokio::select! {
                    () = self.effects_wake.notified() => {}
                    _ = stopping.changed() => {}
                }
                continue;
            } else {
                self.apply(&traces, batch, wait).await
            };
            match paused {
                // A transaction for each mail would have the store's disk sync as often as the queue's own.
                None => {
                    wait = Duration::ZERO;
                    tokio::select! {
                        () = tokio::time::sleep(self.settings.effect_gather) => {}
                        () = self.effects_urgent.notified() => {}
                        _ = stopping.changed() => {}
                    }
                }
                Some(longer) => {
                    wait = longer;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = stopping.changed() => {}
                    }
                }
            }
        }
        // A last try for what came with the last mails; after a restart they are applied otherwise.
        let (traces, batch) = self.next_batch();
        if !traces.is_empty() {
            self.apply(&traces, batch, wait).await;
        }
    }

    /// Sends a batch; returns how long to wait before the next try if the store did not take it.
    async fn apply(self: &Arc<Self>, traces: &[TraceId], batch: Batch, waited: Duration) -> Option<Duration> {
        let count = batch.len();
        let fault = match self.sink.apply(&batch).await {
            Ok(()) => {
                self.applied(traces, count);
                return None;
            }
            Err(fault) => fault,
        };
        let refused = if fault.temporary { traces.to_vec() } else { self.apply_singly(traces).await };
        self.effects.lock().extend(&refused);
        if refused.is_empty() {
            return None;
        }
        if waited.is_zero() {
            tracing::warn!(event = "effects.waiting", effects = count, cause = %fault.cause, "the store does not take effects; mail goes on");
        }
        let (first, most) = (self.settings.effect_retry, self.settings.effect_retry_max);
        Some(waited.saturating_mul(2).clamp(first.min(most), most))
    }

    /// Something in the batch is wrong for good: each mail's effects on their own. Returns what was refused.
    async fn apply_singly(self: &Arc<Self>, traces: &[TraceId]) -> Vec<TraceId> {
        let mut refused = Vec::new();
        for trace in traces {
            let batch = self.effects_of(*trace);
            let count = batch.len();
            match self.sink.apply(&batch).await {
                Ok(()) => self.applied(&[*trace], count),
                Err(Fault { cause, .. }) => {
                    tracing::error!(event = "effects.refused", %trace, effects = count, %cause, "the store refuses effects; they are tried again");
                    refused.push(*trace);
                }
            }
        }
        refused
    }

    fn next_batch(&self) -> (Vec<TraceId>, Batch) {
        let (mut traces, mut batch) = (Vec::new(), Batch::new());
        while batch.len() < self.settings.effect_batch {
            let Some(trace) = self.effects.lock().pop_front() else { break };
            let effects = self.effects_of(trace);
            if !effects.is_empty() {
                traces.push(trace);
                batch.extend(effects);
            }
        }
        (traces, batch)
    }

    fn effects_of(&self, trace: TraceId) -> Batch {
        let mut index = self.index.lock();
        let effects = index.wake(trace).map(|mail| mail.effects.as_slice()).unwrap_or_default();
        (0..).zip(effects).map(|(number, effect)| (EffectId { trace, number }, effect.clone())).collect()
    }

    fn applied(self: &Arc<Self>, traces: &[TraceId], count: usize) {
        if let Some(first) = traces.first() {
            tracing::debug!(event = "effects.applied", %first, mails = traces.len(), effects = count);
        }
        for trace in traces {
            let mut index = self.index.lock();
            let Some(mail) = index.wake(*trace) else { continue };
            mail.effects = Vec::new();
            mail.effects_done = true;
            if mail.state_record.is_some() {
                self.keep_state(*trace, mail);
            }
            let waiting: Vec<usize> =
                mail.outputs.iter().enumerate().filter(|(_, out)| out.waits_for.is_some()).map(|(number, _)| number).collect();
            let over = if mail.is_over() { index.remove(*trace) } else { None };
            index.rest(*trace);
            drop(index);
            match over {
                Some(mail) => self.release(*trace, &mail),
                None => waiting.into_iter().for_each(|output| self.dispatch(*trace, output)),
            }
        }
    }
}
