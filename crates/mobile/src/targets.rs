//! Targeted logging: for some devices or users each request and answer is told in the log, whatever the level
//! (mobile-gateway.md G-32).
//!
//! Ends by itself. Tells facts of the protocol: command, version, names of parameters, a few fields by name. Never
//! `Authorization`, cookies, bodies, subjects, or values of a query, which may carry names of attachments.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use model::Timestamp;
use model::device::DeviceId;
use parking_lot::RwLock;

use crate::identify::Asked;

/// Most targets at once.
pub const MOST_TARGETS: usize = 100;

/// The name under which these lines are logged; a filter that lets nothing else pass lets it pass.
pub const TARGET_LOG: &str = "sealgate_targets";

/// Fields whose values are told.
const TOLD: [&str; 10] = [
    "host",
    "user-agent",
    "content-type",
    "content-length",
    "content-encoding",
    "accept-encoding",
    "ms-asprotocolversion",
    "x-ms-policykey",
    "ms-server-activesync",
    "retry-after",
];

/// Whose requests are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The user as compared; `None`: every user's.
    pub user: Option<String>,
    /// The device; `None`: every device of the user.
    pub device: Option<DeviceId>,
    /// When it ends.
    pub until: Timestamp,
}

/// The targets of this node.
#[derive(Debug, Default)]
pub(crate) struct Targets(RwLock<Arc<[Target]>>);

impl Targets {
    pub(crate) fn set(&self, targets: Vec<Target>) {
        *self.0.write() = targets.into();
    }

    /// Those that have not ended.
    pub(crate) fn now(&self, now: Timestamp) -> Vec<Target> {
        self.0.read().iter().filter(|target| target.until > now).cloned().collect()
    }

    fn hit(&self, asked: &Asked, now: Timestamp) -> bool {
        let targets = self.0.read();
        targets.iter().any(|target| {
            let user = target.user.as_ref().is_none_or(|user| **user == *asked.user);
            let device = target.device.as_ref().is_none_or(|device| Some(device) == asked.device.as_ref());
            target.until > now && user && device && (target.user.is_some() || target.device.is_some())
        })
    }

    /// Tells a request, if it is of a target.
    pub(crate) fn request(&self, asked: &Asked, parts: &Parts, now: Timestamp) {
        if !self.hit(asked, now) {
            return;
        }
        let query = parts.uri.query().unwrap_or_default();
        let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect();
        tracing::info!(
            target: TARGET_LOG,
            event = "device.request",
            trace = %asked.trace,
            gateway = asked.gateway.id,
            user = &*asked.user,
            device = asked.device_name(),
            command = asked.command_name(),
            client = %asked.client,
            method = %parts.method,
            version = ?parts.version,
            parameters = names.join(","),
            fields = fields(&parts.headers)
        );
    }

    /// Tells the mail server's answer, if it is to a target.
    pub(crate) fn answer(&self, asked: &Asked, status: u16, headers: &HeaderMap, now: Timestamp) {
        if self.hit(asked, now) {
            let (trace, fields) = (asked.trace, fields(headers));
            tracing::info!(target: TARGET_LOG, event = "device.answer", %trace, gateway = asked.gateway.id, device = asked.device_name(), status, fields);
        }
    }
}

/// Names of all fields, with the values of those that hold no secret.
fn fields(headers: &HeaderMap) -> String {
    let told = headers.iter().map(|(name, value)| {
        let name = name.as_str();
        match value.to_str() {
            Ok(value) if TOLD.contains(&name) => format!("{name}={}", value.chars().take(100).collect::<String>()),
            _ => name.to_owned(),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}
