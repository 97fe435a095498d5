//! Policies of the mobile gate, and facts of devices: what valid ones look like.
//!
//! A policy says what its kind can carry out, and nothing else: a list where there is none to ask, or days on a policy that
//! counts none, would look like protection and be none.

use model::device::Reported;
use model::site::{MobilePolicy, PolicyAction, PolicyDevices, PolicyEntry, PolicyFolder, PolicyKind, Section, version_numbers};
use model::{Fault, Right};

use crate::content_policy;
use crate::error::bad_field;
use crate::record::{Record, line, name};

/// Entries of one list at most.
const LIST: usize = 10_000;
/// Folders of one policy at most.
const FOLDERS: usize = 100;
/// Labels of one device, and of one policy, at most.
const LABELS: usize = 50;

impl Record for MobilePolicy {
    const SECTION: Section = Section::Policy;
    const RIGHT: Right = Right::MobilePolicies;

    fn key(&self) -> String {
        Self::key(self)
    }

    fn check(&self) -> Result<(), Fault> {
        let kind = PolicyKind::from_word(&self.kind).ok_or_else(|| {
            let words: Vec<_> = PolicyKind::ALL.into_iter().map(PolicyKind::word).collect();
            bad_field("mobile.policy.type", format!("expected one of {}", words.join(", ")))
        })?;
        labels("mobile.policy.labels", &self.labels)?;
        self.gateways.iter().try_for_each(|id| name("mobile.policy.gateways", id))?;
        days(kind, self.days)?;
        folders(kind, self)?;
        list(kind, self)?;
        content_policy::check(kind, self)
    }
}

/// Folders are what `sync_settings` leaves out. The Inbox can't be: a phone without it asks for ever.
fn folders(kind: PolicyKind, policy: &MobilePolicy) -> Result<(), Fault> {
    const FIELD: &str = "mobile.policy.folders";
    if kind != PolicyKind::SyncSettings {
        return if policy.folders.is_empty() { Ok(()) } else { Err(bad_field(FIELD, format!("{} has no folders", kind.word()))) };
    }
    if policy.strict {
        return Err(bad_field("mobile.policy.strict", "sync_settings asks no fact that a device could leave out"));
    }
    if policy.enabled && policy.folders.is_empty() {
        return Err(bad_field(FIELD, r#"expected at least one folder, as in { type = "calendar" } or { name = "Private*" }"#));
    }
    if policy.folders.len() > FOLDERS {
        return Err(bad_field(FIELD, format!("expected at most {FOLDERS} folders")));
    }
    policy.folders.iter().try_for_each(|folder| {
        if !folder.has_kind() {
            let words: Vec<_> = PolicyFolder::words().collect();
            return Err(bad_field(FIELD, format!("type: expected one of {}; the Inbox can't be hidden", words.join(", "))));
        }
        if folder.kind.is_empty() && folder.name.trim().is_empty() {
            return Err(bad_field(FIELD, "expected a type or a name"));
        }
        line(FIELD, &folder.name)
    })
}

fn days(kind: PolicyKind, days: Option<u16>) -> Result<(), Fault> {
    match (kind, days) {
        (PolicyKind::Inactivity, Some(1..=32_767)) => Ok(()),
        (PolicyKind::Inactivity, _) => Err(bad_field("mobile.policy.days", "expected a number from 1 to 32767")),
        (_, None) => Ok(()),
        (_, Some(_)) => Err(bad_field("mobile.policy.days", "only inactivity counts days")),
    }
}

fn list(kind: PolicyKind, policy: &MobilePolicy) -> Result<(), Fault> {
    const FIELD: &str = "mobile.policy.list";
    if !kind.has_list() {
        let plain = policy.list.is_empty() && policy.action == PolicyAction::default();
        return if plain { Ok(()) } else { Err(bad_field(FIELD, format!("{} has no list", kind.word()))) };
    }
    if policy.enabled && policy.list.is_empty() {
        return Err(bad_field(FIELD, "expected at least one entry: an allow list without any would block everybody"));
    }
    if policy.list.len() > LIST {
        return Err(bad_field(FIELD, format!("expected at most {LIST} entries")));
    }
    policy.list.iter().try_for_each(|entry| match (kind, entry) {
        (PolicyKind::Os, PolicyEntry::Text(_)) => Err(bad_field(FIELD, r#"expected { platform = "ios", from = "16", to = "17" }"#)),
        (PolicyKind::Os, PolicyEntry::Of(of)) => versions(FIELD, of),
        (PolicyKind::Model, PolicyEntry::Of(of)) => models(FIELD, of),
        (_, PolicyEntry::Of(_)) => Err(bad_field(FIELD, format!("{} takes names, with * and ?", kind.word()))),
        (PolicyKind::User, PolicyEntry::Text(text)) => user(FIELD, text),
        (_, PolicyEntry::Text(text)) => text_of(FIELD, text),
    })
}

fn text_of(field: &str, text: &str) -> Result<(), Fault> {
    line(field, text)?;
    if text.trim().is_empty() { Err(bad_field(field, "expected entries that are not empty")) } else { Ok(()) }
}

/// Users are compared without their domain, so a pattern of domains would name everybody.
fn user(field: &str, text: &str) -> Result<(), Fault> {
    text_of(field, text)?;
    let named = model::device::user_key(text);
    let domain = text.contains(['@', '\\']);
    if domain && (text.contains(['*', '?']) || named.is_empty()) {
        return Err(bad_field(field, "expected users without their domain, or one user without * and ?"));
    }
    Ok(())
}

fn versions(field: &str, of: &PolicyDevices) -> Result<(), Fault> {
    text_of(field, &of.platform)?;
    if !of.model.is_empty() {
        return Err(bad_field(field, "a version has no model"));
    }
    let read = |text: &str| text.is_empty() || version_numbers(text).is_some();
    if read(&of.from) && read(&of.to) { Ok(()) } else { Err(bad_field(field, "expected versions, as in 16.4")) }
}

fn models(field: &str, of: &PolicyDevices) -> Result<(), Fault> {
    text_of(field, &of.platform)?;
    line(field, &of.model)?;
    if of.from.is_empty() && of.to.is_empty() { Ok(()) } else { Err(bad_field(field, "a model has no version")) }
}

fn labels(field: &str, labels: &[String]) -> Result<(), Fault> {
    if labels.len() > LABELS {
        return Err(bad_field(field, format!("expected at most {LABELS} labels")));
    }
    labels.iter().try_for_each(|label| name(field, label))
}

/// Facts of one device, as management or people give them.
pub(crate) fn check_reported(reported: &Reported) -> Result<(), Fault> {
    let texts = [
        ("device.platform", &reported.platform),
        ("device.model", &reported.model),
        ("device.os", &reported.os),
        ("device.phone", &reported.phone),
        ("device.imei", &reported.imei),
        ("device.friendly_name", &reported.friendly_name),
        ("device.address", &reported.address),
    ];
    texts.into_iter().try_for_each(|(field, text)| line(field, text))?;
    labels("device.labels", &reported.labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(toml: &str) -> Result<(), String> {
        toml::from_str::<MobilePolicy>(toml).unwrap().check().map_err(|fault| format!("{}: {}", fault.code, fault.cause))
    }

    #[test]
    fn g_10_g_11_each_kind_takes_what_it_can_carry_out() {
        for good in [
            "type = 'managed_device'\nenabled = true",
            "type = 'encryption'\nstrict = true\nlabels = ['sales']\ngateways = ['west']",
            "type = 'inactivity'\ndays = 32767",
            "type = 'user'\nenabled = true\naction = 'block'\nlist = ['bob@company.example', 'EX\\carol', 'temp-*']",
            "type = 'model'\nlist = ['SM-*', { platform = 'ios', model = 'iPhone1?' }]",
            "type = 'os'\nstrict = true\nlist = [{ platform = 'ios', from = '16.4', to = '17' }]",
            "type = 'mail_client'",
            "type = 'sync_settings'\nenabled = true\nfolders = [{ type = 'calendar' }, { name = 'Private*' }, { type = '12', name = 'x' }]",
        ] {
            assert_eq!(said(good), Ok(()), "{good}");
        }
        for (bad, what) in [
            ("type = 'sync_settings'\nenabled = true", "mobile.policy.folders"),
            ("type = 'sync_settings'\nfolders = [{ type = 'inbox' }]", "Inbox can't be hidden"),
            ("type = 'sync_settings'\nfolders = [{ type = '2' }]", "mobile.policy.folders"),
            ("type = 'sync_settings'\nfolders = [{ name = ' ' }]", "mobile.policy.folders"),
            ("type = 'sync_settings'\nlist = ['a']", "mobile.policy.list"),
            ("type = 'user'\nlist = ['a']\nfolders = [{ type = 'mail' }]", "mobile.policy.folders"),
            ("type = 'jailbroken'", "mobile.policy.type"),
            ("type = 'inactivity'", "mobile.policy.days"),
            ("type = 'inactivity'\ndays = 0", "mobile.policy.days"),
            ("type = 'inactivity'\ndays = 32768", "mobile.policy.days"),
            ("type = 'user'\ndays = 3\nlist = ['a']", "mobile.policy.days"),
            ("type = 'user'\nenabled = true", "mobile.policy.list"),
            ("type = 'user'\nlist = ['*@company.example']", "mobile.policy.list"),
            ("type = 'user'\nlist = [' ']", "mobile.policy.list"),
            ("type = 'user'\nlist = [{ platform = 'ios' }]", "mobile.policy.list"),
            ("type = 'compromised'\nlist = ['a']", "mobile.policy.list"),
            ("type = 'compromised'\naction = 'block'", "mobile.policy.list"),
            ("type = 'os'\nlist = ['ios 17']", "mobile.policy.list"),
            ("type = 'os'\nlist = [{ platform = 'ios', from = 'x' }]", "mobile.policy.list"),
            ("type = 'os'\nlist = [{ platform = '' }]", "mobile.policy.list"),
            ("type = 'encryption'\nlabels = ['a,b']", "mobile.policy.labels"),
        ] {
            let said = said(bad).unwrap_err();
            assert!(said.contains(what), "{bad}: {said}");
        }
    }

    #[test]
    fn g_11_facts_of_a_device_are_short_texts() {
        assert!(check_reported(&Reported { model: "iPhone".into(), labels: vec!["a".into()], ..Reported::default() }).is_ok());
        assert!(check_reported(&Reported { model: "a\nb".into(), ..Reported::default() }).is_err());
        assert!(check_reported(&Reported { labels: vec!["a b".into()], ..Reported::default() }).is_err());
    }
}
