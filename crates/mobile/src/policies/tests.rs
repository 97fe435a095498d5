//! Each row of the policy table: what it blocks, what it lets pass, what it makes of a fact that was not reported.

use std::sync::Arc;

use model::device::{DeviceId, Override};
use model::site::{MobileGateway, MobilePolicy};
use serde_json::json;

use super::*;

const DAY: i64 = 86_400_000_000;
const NOW: Timestamp = Timestamp(1_000 * DAY);

/// A site with these policies, each as in the site file; all are on.
fn site(policies: &[serde_json::Value]) -> Site {
    let mut site = Site::default();
    for written in policies {
        let mut policy: MobilePolicy = serde_json::from_value(written.clone()).unwrap();
        policy.enabled = true;
        let key = policy.key();
        let rule = PolicyRule::new(policy).unwrap();
        site.policies.insert((rule.kind, key), Arc::new(rule));
    }
    let gateway = |id: &str, enabled| MobileGateway { id: id.into(), enabled, ..MobileGateway::default() };
    site.gateways.insert("east".into(), Arc::new(gateway("east", false)));
    site.gateways.insert("west".into(), Arc::new(gateway("west", true)));
    site
}

fn device(reported: serde_json::Value) -> Device {
    Device {
        id: DeviceId::parse("d1").unwrap(),
        user: "carol".into(),
        override_: Override::Default,
        device_type: String::new(),
        agent: String::new(),
        last_seen: NOW,
        reported: Some(Arc::new(serde_json::from_value(reported).unwrap())),
        orders: model::device::Orders::default(),
    }
}

const PHONE: Subject<'static> = Subject {
    user: "carol",
    device: None,
    device_type: "iPhone",
    agent: "Apple-iPhone12C1/1402",
    command: None,
    version: None,
    gateway: Some("west"),
    place: SubjectPlace::ActiveSync,
};

#[test]
fn g_6_web_services_are_judged_as_a_device_of_which_nothing_is_known() {
    let asked = |policy: serde_json::Value, place, user| {
        let subject = Subject { place, user, device_type: "", ..PHONE };
        blocks(&subject, None, &site(&[policy]), NOW).map_or("", Reason::code)
    };
    let (ews, web) = (SubjectPlace::Ews, SubjectPlace::Web);
    assert_eq!(asked(json!({ "type": "managed_device" }), ews, "carol"), "not_managed");
    assert_eq!(asked(json!({ "type": "encryption", "strict": true }), ews, "carol"), "not_encrypted");
    assert_eq!(asked(json!({ "type": "encryption" }), ews, "carol"), "");
    assert_eq!(asked(json!({ "type": "eas_device_type", "list": ["iphone"] }), ews, "carol"), "", "it has no such type");
    assert_eq!(asked(json!({ "type": "user", "list": ["bob"] }), ews, "carol"), "user");
    assert_eq!(asked(json!({ "type": "managed_device" }), web, "carol"), "");
    assert_eq!(asked(json!({ "type": "user", "list": ["bob"] }), web, "carol"), "user");
    assert_eq!(asked(json!({ "type": "user", "list": ["bob"] }), web, ""), "", "nobody has signed in yet");
}

/// The code for which one policy blocks a device of which this was reported; empty if it passes.
fn code(policy: serde_json::Value, reported: serde_json::Value) -> &'static str {
    let id = DeviceId::parse("d1").unwrap();
    let subject = Subject { device: Some(&id), ..PHONE };
    blocks(&subject, Some(&device(reported)), &site(&[policy]), NOW).map_or("", Reason::code)
}

/// The same for a request of this subject; nothing was reported.
fn asked(policy: serde_json::Value, subject: Subject<'_>) -> &'static str {
    let id = DeviceId::parse("d1").unwrap();
    blocks(&Subject { device: Some(&id), ..subject }, None, &site(&[policy]), NOW).map_or("", Reason::code)
}

#[test]
fn g_10_managed_device_asks_for_management_and_enrolment() {
    let policy = json!({ "type": "managed_device" });
    assert_eq!(code(policy.clone(), json!({})), "not_managed", "not reported is not managed");
    assert_eq!(code(policy.clone(), json!({ "enrolled": true })), "not_managed");
    assert_eq!(code(policy.clone(), json!({ "managed": true })), "not_enrolled", "pending, or ended");
    assert_eq!(code(policy.clone(), json!({ "managed": true, "enrolled": true })), "");
    assert_eq!(asked(policy, PHONE), "not_managed", "nobody knows it");
}

#[test]
fn g_11_facts_that_were_not_reported_block_only_where_a_policy_is_strict() {
    for (kind, good, bad, reason) in [
        ("mdm_compliance", json!({ "mdm_compliant": true }), json!({ "mdm_compliant": false }), "not_mdm_compliant"),
        ("compromised", json!({ "compromised": false }), json!({ "compromised": true }), "compromised"),
        ("encryption", json!({ "encrypted": true }), json!({ "encrypted": false }), "not_encrypted"),
        (
            "eas_profile",
            json!({ "managed": true, "eas_profile": true }),
            json!({ "managed": true, "eas_profile": false }),
            "no_eas_profile",
        ),
        ("model", json!({ "model": "SM-1" }), json!({ "model": "X-1" }), "model"),
        ("os", json!({ "platform": "ios", "os": "17.2" }), json!({ "platform": "ios", "os": "15" }), "os"),
    ] {
        let list = if kind == "os" { json!([{ "platform": "ios", "from": "16" }]) } else { json!(["sm-*"]) };
        let mild = json!({ "type": kind, "list": list });
        let mut strict = mild.clone();
        strict["strict"] = json!(true);
        for policy in [&mild, &strict] {
            assert_eq!(code(policy.clone(), good.clone()), "", "{kind}: good");
            assert_eq!(code(policy.clone(), bad.clone()), reason, "{kind}: bad");
        }
        let nothing = json!({ "managed": true });
        assert_eq!(code(mild, nothing.clone()), "", "{kind}: not reported");
        assert_eq!(code(strict, nothing), reason, "{kind}: not reported, strict");
    }
}

#[test]
fn g_11_inactivity_counts_days_from_the_last_sight_or_from_enrolment() {
    let policy = json!({ "type": "inactivity", "days": 30 });
    let at = |days: i64| Timestamp(NOW.0 - days * DAY).rfc3339();
    assert_eq!(code(policy.clone(), json!({ "last_seen": at(30) })), "", "exactly 30 days is not more");
    assert_eq!(code(policy.clone(), json!({ "last_seen": at(31) })), "inactive");
    assert_eq!(code(policy.clone(), json!({ "enrolled_at": at(31) })), "inactive", "never seen");
    assert_eq!(code(policy.clone(), json!({ "enrolled_at": at(31), "last_seen": at(1) })), "");
    assert_eq!(code(policy.clone(), json!({})), "");
    assert_eq!(code(json!({ "type": "inactivity", "days": 30, "strict": true }), json!({})), "inactive");
    assert_eq!(code(json!({ "type": "inactivity", "days": 32_767 }), json!({ "last_seen": at(999) })), "");
}

#[test]
fn g_11_a_profile_is_asked_of_managed_devices_only() {
    let policy = json!({ "type": "eas_profile", "strict": true });
    assert_eq!(code(policy.clone(), json!({ "eas_profile": false })), "");
    assert_eq!(code(policy, json!({ "managed": true })), "no_eas_profile");
}

#[test]
fn g_11_models_and_versions_by_allow_and_block_list() {
    let android = json!([{ "platform": "android", "model": "SM-*" }]);
    let block = json!({ "type": "model", "action": "block", "list": android });
    assert_eq!(code(block.clone(), json!({ "platform": "Android", "model": "sm-9" })), "model");
    assert_eq!(code(block.clone(), json!({ "platform": "ios", "model": "SM-9" })), "", "another platform");
    assert_eq!(code(block, json!({ "platform": "android" })), "", "not reported");
    let allow = json!({ "type": "os", "list": [{ "platform": "ios", "from": "16", "to": "17" }] });
    assert_eq!(code(allow.clone(), json!({ "platform": "ios", "os": "17.9" })), "");
    assert_eq!(code(allow.clone(), json!({ "platform": "ios", "os": "18" })), "os");
    assert_eq!(code(allow.clone(), json!({ "platform": "android", "os": "14" })), "os", "no entry for it");
    assert_eq!(code(allow, json!({ "platform": "ios", "os": "beta" })), "", "can't be read: not reported");
    let block = json!({ "type": "os", "action": "block", "list": [{ "platform": "android", "to": "9" }] });
    assert_eq!(code(block.clone(), json!({ "platform": "android", "os": "9.1" })), "os");
    assert_eq!(code(block, json!({ "platform": "android", "os": "10" })), "");
}

#[test]
fn g_10_users_mail_clients_and_device_types_by_allow_and_block_list() {
    let rows: [(&str, &str, &str, Subject<'_>); 3] = [
        ("user", "car*", "EX\\bob", Subject { user: "", ..PHONE }),
        ("mail_client", "apple-iphone*", "Outlook*", Subject { agent: "", ..PHONE }),
        ("eas_device_type", "IPHONE", "android", Subject { device_type: "", ..PHONE }),
    ];
    for (kind, mine, other, silent) in rows {
        let policy = |action: &str, list: &[&str]| json!({ "type": kind, "action": action, "list": list });
        assert_eq!(asked(policy("allow", &[other, mine]), PHONE), "", "{kind}");
        assert_eq!(asked(policy("allow", &[other]), PHONE), kind);
        assert_eq!(asked(policy("block", &[other, mine]), PHONE), kind);
        assert_eq!(asked(policy("block", &[other]), PHONE), "", "{kind}");
        assert_eq!(asked(policy("allow", &["*"]), silent), kind, "not reported: an allow list blocks it");
        assert_eq!(asked(policy("block", &["*"]), silent), "", "{kind}: not reported");
        let mut strict = policy("block", &[other]);
        strict["strict"] = json!(true);
        assert_eq!(asked(strict, silent), kind, "not reported, and the policy is strict");
    }
}

#[test]
fn g_10_the_mail_client_of_a_windows_phone_is_not_asked() {
    let policy = json!({ "type": "mail_client", "list": ["Outlook*"] });
    for kind in ["WP", "wp8", "WindowsPhone8"] {
        assert_eq!(asked(policy.clone(), Subject { device_type: kind, ..PHONE }), "", "{kind}");
    }
    assert_eq!(asked(policy, Subject { device_type: "WPhone", ..PHONE }), "mail_client");
}

#[test]
fn g_12_the_first_in_the_table_decides_whatever_the_order_they_came_in() {
    let mut policies = vec![
        json!({ "type": "eas_device_type", "list": ["x"] }),
        json!({ "type": "mail_client", "list": ["x"] }),
        json!({ "type": "user", "list": ["x"] }),
        json!({ "type": "os", "strict": true, "list": ["x"] }),
        json!({ "type": "model", "strict": true, "list": ["x"] }),
        json!({ "type": "eas_profile" }),
        json!({ "type": "inactivity", "strict": true, "days": 1 }),
        json!({ "type": "encryption", "strict": true }),
        json!({ "type": "compromised", "strict": true }),
        json!({ "type": "mdm_compliance", "strict": true }),
        json!({ "type": "managed_device" }),
    ];
    let reported = device(json!({ "managed": true, "eas_profile": false }));
    let id = DeviceId::parse("d1").unwrap();
    let subject = Subject { device: Some(&id), ..PHONE };
    let mut codes = Vec::new();
    while !policies.is_empty() {
        codes.push(blocks(&subject, Some(&reported), &site(&policies), NOW).map_or("", Reason::code));
        policies.pop();
    }
    let table = [
        "not_enrolled",
        "not_mdm_compliant",
        "compromised",
        "not_encrypted",
        "inactive",
        "no_eas_profile",
        "model",
        "os",
        "user",
        "mail_client",
        "eas_device_type",
    ];
    assert_eq!(codes, table);
}

#[test]
fn g_12_a_policy_that_is_off_is_not_asked() {
    let id = DeviceId::parse("d1").unwrap();
    let subject = Subject { device: Some(&id), ..PHONE };
    let mut site = site(&[json!({ "type": "managed_device" })]);
    assert_eq!(blocks(&subject, None, &site, NOW), Some(Reason::NotManaged));
    for rule in site.policies.values_mut() {
        Arc::make_mut(rule).policy.enabled = false;
    }
    assert_eq!(blocks(&subject, None, &site, NOW), None, "a device that nobody knows is judged like any other");
}

#[test]
fn g_38_a_policy_may_be_for_some_labels_and_some_gateways() {
    let labelled = json!({ "type": "encryption", "strict": true, "labels": ["sales", "board"] });
    assert_eq!(code(labelled.clone(), json!({ "labels": ["board"] })), "not_encrypted");
    assert_eq!(code(labelled.clone(), json!({ "labels": ["other"] })), "");
    assert_eq!(code(labelled, json!({})), "");
    assert_eq!(code(json!({ "type": "managed_device", "gateways": ["west"] }), json!({})), "not_managed");
    assert_eq!(code(json!({ "type": "managed_device", "gateways": ["east"] }), json!({})), "", "another gateway's");
}

#[test]
fn g_12_a_question_before_any_device_is_judged_by_who_asks() {
    let site = site(&[
        json!({ "type": "managed_device" }),
        json!({ "type": "eas_device_type", "list": ["x"] }),
        json!({ "type": "os", "strict": true, "list": ["x"] }),
    ]);
    assert_eq!(blocks(&PHONE, None, &site, NOW), None, "OPTIONS names no device");
    assert_eq!(
        blocks(&PHONE, None, &self::site(&[json!({ "type": "user", "action": "block", "list": ["carol"] })]), NOW),
        Some(Reason::User)
    );
}
