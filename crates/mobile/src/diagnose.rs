//! Diagnostics (mobile-gateway.md G-31): of devices for which they are on, requests are kept one by one with how they were answered.
//!
//! A request of any other device pays one look into an empty table. What is kept is facts of the protocol: never credentials, never
//! the query, never a body. As many of a device as its configuration's `diagnostic` says; what is beyond is not looked at.
//! A [`Watch`] goes with the request and tells when the answer's last octet is gone, or when the phone is.

use std::collections::HashMap;
use std::sync::Arc;

use http::Response;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body::Body as _;
use model::device::{Decision, DeviceId};
use model::{Clock, Recorder, Timestamp, Transaction};
use parking_lot::Mutex;

use crate::answer::Answer;
use crate::gate::MobileGate;
use crate::identify::Asked;

/// Devices whose requests are counted at most; they are as many as the site may have diagnosed.
const MOST: usize = 10_000;

/// How many requests of each diagnosed device were kept in its present span of time.
#[derive(Debug, Default)]
pub(crate) struct Diagnoses(Mutex<HashMap<(Box<str>, DeviceId), Span>>);

#[derive(Debug, Clone, Copy)]
struct Span {
    begun: Timestamp,
    ends: Timestamp,
    count: u32,
}

impl Diagnoses {
    /// True if one more request may be kept.
    fn admit(&self, user: &str, device: &DeviceId, (count, minutes): (u32, u32), now: Timestamp) -> bool {
        let lasts = std::time::Duration::from_secs(60).saturating_mul(minutes);
        let mut spans = self.0.lock();
        if spans.len() >= MOST {
            spans.retain(|_, span| span.ends > now);
        }
        let full = spans.len() >= MOST;
        let fresh = Span { begun: now, ends: now.after(lasts), count: 0 };
        let key = (Box::from(user), device.clone());
        let span = match spans.get_mut(&key) {
            Some(span) => span,
            None if full => return false,
            None => spans.entry(key).or_insert(fresh),
        };
        // Also when the clock went back, or the setting was shortened.
        if now >= span.begun.after(lasts) || now < span.begun {
            *span = fresh;
        }
        let fits = span.count < count;
        span.count = span.count.saturating_add(u32::from(fits));
        fits
    }
}

/// A request that is kept, until it is answered.
pub struct Watch {
    transaction: Transaction,
    recorder: Arc<dyn Recorder>,
    clock: Arc<dyn Clock>,
    since: Timestamp,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("trace", &self.transaction.trace).finish_non_exhaustive()
    }
}

impl Watch {
    /// Begins to keep a request, if it is of a device whose diagnostics are on and there is room for it.
    pub(crate) fn begin(gate: &MobileGate, asked: &Asked, parts: &Parts, decision: Decision) -> Option<Box<Self>> {
        let device = asked.device.as_ref()?;
        let (recorder, clock) = (&gate.ports.recorder, &gate.ports.clock);
        if !recorder.is_diagnosed(&asked.user, device) {
            return None;
        }
        let (wanted, at) = (asked.gateway.diagnostic, clock.now());
        if !gate.diagnoses.admit(&asked.user, device, (wanted.count, wanted.every_minutes), at) {
            return None;
        }
        let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let transaction = Transaction {
            trace: asked.trace,
            device: device.clone(),
            user: asked.user.to_string(),
            at,
            gateway: asked.gateway.id.clone(),
            client: asked.client.to_string(),
            agent: asked.agent.to_string(),
            command: asked.command_name().to_owned(),
            version: asked.version.map_or_else(String::new, |version| version.to_string()),
            decision,
            status: 0,
            took: 0,
            received: length,
            sent: 0,
            whole: false,
        };
        Some(Box::new(Self { transaction, recorder: recorder.clone(), clock: clock.clone(), since: clock.steady() }))
    }

    /// So many octets of the answer went out.
    pub(crate) fn sent(&mut self, octets: usize) {
        self.transaction.sent = self.transaction.sent.saturating_add(octets as u64);
    }

    /// The answer went out to its end.
    pub(crate) fn is_whole(&mut self) {
        self.transaction.whole = true;
    }
}

/// However a request ends, it is told: a phone that goes away leaves one that is not whole.
impl Drop for Watch {
    fn drop(&mut self) {
        let took = self.clock.steady().since(self.since);
        self.transaction.took = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        self.recorder.diagnosed(self.transaction.clone());
    }
}

/// The same answer, watched to its end. One that another decision ended says so itself ([`decided_late`]).
pub(crate) fn watched(watch: Option<Box<Watch>>, mut response: Response<Answer>) -> Response<Answer> {
    let late = response.extensions_mut().remove::<Decision>();
    let Some(mut watch) = watch else { return response };
    watch.transaction.status = response.status().as_u16();
    if let Some(decision) = late {
        watch.transaction.decision = decision;
    }
    // An answer without a body may never be asked for one.
    if response.body().is_end_stream() {
        watch.is_whole();
    }
    response.map(|answer| Answer::Watched(Box::new((answer, watch))))
}

/// Marks an answer with the decision that ended its request after it was allowed.
pub(crate) fn decided_late(mut response: Response<Answer>, decision: Decision) -> Response<Answer> {
    response.extensions_mut().insert(decision);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_31_so_many_of_a_device_in_so_many_minutes() {
        let (all, a, b) = (Diagnoses::default(), DeviceId::parse("a").unwrap(), DeviceId::parse("b").unwrap());
        let minute = 60_000_000;
        let at = |minutes: i64| Timestamp(1_000 * minute + minutes * minute);
        let kept = |device: &DeviceId, minutes: i64| all.admit("bob", device, (2, 10), at(minutes));
        assert_eq!([kept(&a, 0), kept(&a, 1), kept(&a, 9)], [true, true, false]);
        assert!(kept(&b, 9), "another device has its own");
        assert_eq!([kept(&a, 10), kept(&a, 19), kept(&a, 19)], [true, true, false]);
        assert!(kept(&a, 0), "a clock that went back begins anew");
        assert!(!all.admit("bob", &a, (0, 10), at(50)), "none, by setting");
    }
}
