//! The policies of the mobile gate: which of them apply to a request, and the first that blocks it.
//!
//! Pure decisions on facts in memory, asked by [`crate::judge`] after path and lists. Their order is that of
//! [`model::site::PolicyKind`], by which the site keeps them (mobile-gateway.md G-12); each blocks for one reason. Facts
//! that a device did not report block it only where a policy is strict; a device that nobody knows has reported nothing.
//! Never looks at anything but its arguments.

mod management;
mod naming;

use model::device::{Device, Reason, Reported};
use model::site::{PolicyKind, PolicyRule};
use model::{Site, Timestamp};

use crate::judge::{Subject, SubjectPlace};

/// What policies ask about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) subject: &'a Subject<'a>,
    /// What is known of the device, if anything is.
    pub(crate) reported: &'a Reported,
    pub(crate) now: Timestamp,
}

/// The reason of the first policy that blocks.
pub(crate) fn blocks(subject: &Subject<'_>, device: Option<&Device>, site: &Site, now: Timestamp) -> Option<Reason> {
    let none = Reported::default();
    let reported = device.and_then(|device| device.reported.as_deref()).unwrap_or(&none);
    let case = Case { subject, reported, now };
    let mut rules = site.policies.values().filter(|rule| rule.policy.enabled && applies(rule, &case));
    rules.find_map(|rule| judge(rule, &case))
}

/// The policies of one kind that are on and meant for this request, in their order.
pub(crate) fn in_force<'s>(kind: PolicyKind, subject: &Subject<'_>, device: Option<&Device>, site: &'s Site) -> Vec<&'s PolicyRule> {
    let none = Reported::default();
    let reported = device.and_then(|device| device.reported.as_deref()).unwrap_or(&none);
    let case = Case { subject, reported, now: Timestamp(0) };
    let rules = site.policies.values().filter(|rule| rule.kind == kind && rule.policy.enabled && applies(rule, &case));
    rules.map(AsRef::as_ref).collect()
}

/// True if this policy alone would block, on or off.
pub(crate) fn alone(rule: &PolicyRule, subject: &Subject<'_>, device: &Device, now: Timestamp) -> bool {
    let none = Reported::default();
    let case = Case { subject, reported: device.reported.as_deref().unwrap_or(&none), now };
    applies(rule, &case) && judge(rule, &case).is_some()
}

/// True if the policy is meant for this request.
fn applies(rule: &PolicyRule, case: &Case<'_>) -> bool {
    let policy = &rule.policy;
    let here = policy.gateways.is_empty() || case.subject.gateway.is_some_and(|id| policy.gateways.iter().any(|name| name == id));
    let labelled = policy.labels.is_empty() || policy.labels.iter().any(|label| case.reported.labels.contains(label));
    // OPTIONS names no device: a phone asks by it what the server can do, before it says who it is.
    let said = match case.subject.place {
        SubjectPlace::ActiveSync => case.subject.device.is_some() || matches!(rule.kind, PolicyKind::User | PolicyKind::MailClient),
        SubjectPlace::Ews => rule.kind != PolicyKind::EasDeviceType,
        SubjectPlace::Web => rule.kind == PolicyKind::User && !case.subject.user.is_empty(),
    };
    here && labelled && said
}

fn judge(rule: &PolicyRule, case: &Case<'_>) -> Option<Reason> {
    let strict = rule.policy.strict;
    match rule.kind {
        PolicyKind::ManagedDevice => management::managed(case),
        PolicyKind::MdmCompliance => management::mdm_compliance(case, strict),
        PolicyKind::Compromised => management::compromised(case, strict),
        PolicyKind::Encryption => management::encryption(case, strict),
        PolicyKind::Inactivity => management::inactivity(case, strict, rule.policy.days),
        PolicyKind::EasProfile => management::eas_profile(case, strict),
        PolicyKind::Model => naming::model(rule, case),
        PolicyKind::Os => naming::os(rule, case),
        PolicyKind::User => naming::user(rule, case),
        PolicyKind::MailClient => naming::mail_client(rule, case),
        PolicyKind::EasDeviceType => naming::eas_device_type(rule, case),
        // What a phone sees is changed in bodies: `bodies`.
        PolicyKind::SyncSettings | PolicyKind::Classification | PolicyKind::Attachments | PolicyKind::Hyperlinks => None,
    }
}

#[cfg(test)]
mod tests;
