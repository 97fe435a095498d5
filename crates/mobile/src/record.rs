//! The third step: what is remembered of a decision. Facts only: a log event, counters, the sighting for the store.
//!
//! Comes right after a decision, not after the answer: a Ping hangs for an hour. Runs no SQL and never waits.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use model::device::{Decision, Reason, Sighting};

use crate::gate::MobileGate;
use crate::identify::Asked;

/// Notes a decision about an identified request.
pub(crate) fn decided(gate: &MobileGate, asked: &Asked, decision: Decision) {
    count(gate, decision);
    let reason = decision.code();
    let device = asked.device.as_ref().map_or("-", |id| id.as_str());
    let (trace, user, client, command) = (asked.trace, &*asked.user, asked.client, asked.command_name());
    if decision.allowed {
        tracing::info!(event = "device.allowed", %trace, user, device, command, %reason, %client);
    } else {
        tracing::info!(event = "device.blocked", %trace, user, device, command, %reason, %client);
    }
    // While the mail server refuses the device, that is what is told of it until an answer says otherwise.
    let refused = gate.elsewhere.refused(asked).filter(|_| !decision.reason.blocks());
    sighted(gate, asked, refused.map_or(decision, |reason| Decision { allowed: false, reason }));
}

/// Hands what is known of the request to the store. Counts nothing.
pub(crate) fn sighted(gate: &MobileGate, asked: &Asked, decision: Decision) {
    let (user, command) = (&*asked.user, asked.command_name());
    let Some(device) = asked.device.clone() else { return };
    if !asked.gateway.reports(command) {
        return;
    }
    gate.ports.recorder.record(Sighting {
        device,
        user: user.to_owned(),
        device_type: asked.device_type.to_string(),
        agent: asked.agent.to_string(),
        command: command.to_owned(),
        at: gate.ports.clock.now(),
        decision,
        gateway: asked.gateway.id.clone(),
        client: asked.client.to_string(),
    });
}

/// Notes a request whose path is not passed on. Nobody was identified.
pub(crate) fn other_path(gate: &MobileGate, path: &str, client: IpAddr) {
    let decision = Decision { allowed: false, reason: Reason::Path };
    count(gate, decision);
    let path: String = path.chars().take(200).collect();
    tracing::info!(event = "device.blocked", user = "-", device = "-", command = "-", reason = %decision.code(), %client, ?path);
}

fn count(gate: &MobileGate, decision: Decision) {
    let (counter, word) = if decision.allowed { (&gate.allowed, "allow") } else { (&gate.blocked, "block") };
    counter.fetch_add(1, Ordering::Relaxed);
    metrics::counter!("sealgate_mobile_requests_total", "decision" => word, "reason" => decision.code()).increment(1);
}
