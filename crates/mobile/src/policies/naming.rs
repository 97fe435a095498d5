//! Policies with a list: of models, versions, users, mail clients, kinds of devices. An allow list blocks what it does not
//! name, a block list what it names (mobile-gateway.md, the policy table).

use model::device::Reason;
use model::site::{PolicyAction, PolicyRule};

use super::Case;

/// The reason, if a list that names this, or does not, blocks it.
fn listed(rule: &PolicyRule, named: bool, reason: Reason) -> Option<Reason> {
    let blocks = match rule.policy.action {
        PolicyAction::Allow => !named,
        PolicyAction::Block => named,
    };
    blocks.then_some(reason)
}

/// What a request says of itself. What it does not say is on no list, so an allow list blocks it; a block list does where the
/// policy is strict.
fn said(rule: &PolicyRule, text: &str, reason: Reason) -> Option<Reason> {
    if text.is_empty() {
        return (rule.policy.action == PolicyAction::Allow || rule.policy.strict).then_some(reason);
    }
    listed(rule, rule.names(text), reason)
}

/// A model that was not reported passes, unless the policy is strict.
pub(super) fn model(rule: &PolicyRule, case: &Case<'_>) -> Option<Reason> {
    let reported = case.reported;
    if reported.model.is_empty() {
        return rule.policy.strict.then_some(Reason::Model);
    }
    listed(rule, rule.names_model(&reported.platform, &reported.model), Reason::Model)
}

/// So does a version that was not reported, or can't be read.
pub(super) fn os(rule: &PolicyRule, case: &Case<'_>) -> Option<Reason> {
    let reported = case.reported;
    let known = !reported.platform.is_empty() && !reported.os.is_empty();
    match known.then(|| rule.names_version(&reported.platform, &reported.os)).flatten() {
        Some(named) => listed(rule, named, Reason::Os),
        None => rule.policy.strict.then_some(Reason::Os),
    }
}

/// A request that names nobody: a bearer token.
pub(super) fn user(rule: &PolicyRule, case: &Case<'_>) -> Option<Reason> {
    said(rule, case.subject.user, Reason::User)
}

/// Not for Windows Phone, whose User-Agent says nothing of its mail client.
pub(super) fn mail_client(rule: &PolicyRule, case: &Case<'_>) -> Option<Reason> {
    if is_windows_phone(case) {
        return None;
    }
    said(rule, case.subject.agent, Reason::MailClient)
}

pub(super) fn eas_device_type(rule: &PolicyRule, case: &Case<'_>) -> Option<Reason> {
    said(rule, case.subject.device_type, Reason::EasDeviceType)
}

/// `WP`, `WP8`, `WindowsPhone`: as these devices call themselves in `DeviceType=`.
fn is_windows_phone(case: &Case<'_>) -> bool {
    let kind = case.subject.device_type.to_ascii_lowercase();
    let digits = |rest: &str| rest.bytes().all(|octet| octet.is_ascii_digit());
    kind.strip_prefix("wp").is_some_and(digits) || kind.starts_with("windowsphone")
}
