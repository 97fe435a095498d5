//! What the mail server itself refuses: an allowed request that it answers with 403, or with a status that says that this device, or
//! this user, may not have mail (mobile-gateway.md G-12a: `external_individual`, `external_global`; MS-ASCMD §2.2.2).
//!
//! Comes when an answer is there. Nothing is blocked by it: each request goes to the mail server, which may have changed its mind; but
//! what is reported of the device is that it gets no mail, and for whose word. Remembered by user and device, so that the state does
//! not change to and fro between a request and its answer. Bounded, the node's own, losable: the next answer says it again.

use std::future::poll_fn;
use std::time::Duration;

use activesync::answer::{ACCESS_DENIED, ACCOUNT_DISABLED, CONTENT_TYPE, DEVICE_BLOCKED, USER_DISABLED, status};
use bytes::Bytes;
use http::{StatusCode, header};
use model::device::{Decision, DeviceId, Reason};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::gate::MobileGate;
use crate::identify::{Asked, Door};
use crate::record;
use crate::upstream::{Framing, Head, Passing};

/// Devices that are remembered at most.
const MOST: u64 = 100_000;
/// An answer that refuses has no more octets.
const SMALL: u64 = 256;

/// The devices that the mail server refused last time.
#[derive(Debug)]
pub(crate) struct Elsewhere(Cache<(Box<str>, DeviceId), Reason>);

impl Elsewhere {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).eviction_policy(EvictionPolicy::lru()).build())
    }

    /// Why the mail server refused this device last time, if it did.
    pub(crate) fn refused(&self, asked: &Asked) -> Option<Reason> {
        self.0.get(&(asked.user.clone(), asked.device.clone()?))
    }
}

/// True if this answer is small enough to say that the device is refused, and must be looked at.
pub(crate) fn may_say(asked: &Asked, head: &Head) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    asked.door == Door::ActiveSync
        && asked.device.is_some()
        && head.status == StatusCode::OK
        && matches!(head.framing, Framing::Length(1..=SMALL))
        && kind.starts_with(CONTENT_TYPE)
        && !head.headers.contains_key(header::CONTENT_ENCODING)
}

/// Reads a small answer whole.
///
/// # Errors
/// It ends too early, or stands still.
pub(crate) async fn whole(passing: &mut Passing, idle: Duration) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    loop {
        match tokio::time::timeout(idle, poll_fn(|cx| passing.poll_data(cx))).await? {
            None => return Ok(bytes.into()),
            Some(data) => bytes.extend_from_slice(&data?),
        }
    }
}

/// Takes note of an answer to an allowed request. `body`: without content coding, if it was read.
pub(crate) fn answered(gate: &MobileGate, asked: &Asked, code: StatusCode, body: Option<&Bytes>) {
    let Some(device) = asked.device.clone().filter(|_| asked.door == Door::ActiveSync) else { return };
    let refused = match code {
        StatusCode::FORBIDDEN => Some(Reason::ExternalIndividual),
        StatusCode::OK => body.filter(|body| body.len() as u64 <= SMALL).and_then(|body| said(asked, body)),
        // It said nothing of this device.
        _ => return,
    };
    let before = gate.elsewhere.refused(asked);
    if before == refused {
        return;
    }
    let name = (asked.user.clone(), device);
    let decision = match refused {
        Some(reason) => {
            gate.elsewhere.0.insert(name, reason);
            Decision { allowed: false, reason }
        }
        None => {
            gate.elsewhere.0.invalidate(&name);
            gate.judge(asked)
        }
    };
    let (user, device, command, reason) = (&*asked.user, asked.device_name(), asked.command_name(), decision.code());
    tracing::info!(event = "device.elsewhere", trace = %asked.trace, user, device, command, %reason, refused = refused.is_some());
    record::sighted(gate, asked, decision);
}

/// For whom a status in the command's root says that there is no mail.
fn said(asked: &Asked, body: &Bytes) -> Option<Reason> {
    match u8::try_from(status(asked.command?, body)?).ok()? {
        DEVICE_BLOCKED => Some(Reason::ExternalIndividual),
        USER_DISABLED | ACCESS_DENIED | ACCOUNT_DISABLED => Some(Reason::ExternalGlobal),
        _ => None,
    }
}
