//! Which class a device has, which policies apply to it, and that nothing changes where nothing is set.

use model::site::{MobilePolicy, MobileSettings, Template};

use super::*;

/// A site with these policies, each as in the site file; all are on.
pub(crate) fn site(policies: &[&str]) -> Site {
    let mut site = Site::default();
    for written in policies {
        let mut policy: MobilePolicy = toml::from_str(written).unwrap();
        policy.enabled = true;
        let rule = PolicyRule::new(policy).unwrap();
        site.policies.insert((rule.kind, rule.policy.key()), Arc::new(rule));
    }
    site
}

pub(crate) fn reported(toml: &str) -> Reported {
    toml::from_str(toml).unwrap()
}

pub(crate) fn plan(site: &Site, facts: &str) -> Option<Plan> {
    Plan::of(site, None, &Asker { reported: &reported(facts), agent: "Phone/1", language: Language::En })
}

#[test]
fn g_21_a_device_is_of_one_of_three_classes() {
    let of = |facts: &str, readers: &[&str]| {
        let readers: Vec<String> = readers.iter().map(|name| (*name).to_owned()).collect();
        DeviceClass::of(&reported(facts), &readers).word()
    };
    assert_eq!(of("managed = true\nplatform = 'iOS'", &[]), "managed_reader");
    assert_eq!(of("managed = true\nplatform = 'android'", &[]), "managed_reader");
    assert_eq!(of("managed = true\nplatform = 'windows'", &[]), "managed");
    assert_eq!(of("managed = true\nplatform = 'ios'", &["Windows"]), "managed");
    assert_eq!(of("managed = true\nplatform = 'windows'", &["Windows"]), "managed_reader");
    assert_eq!(of("managed = true", &[""]), "managed", "a platform that was not reported has no reader");
    assert_eq!(of("platform = 'ios'", &[]), "unmanaged");
    assert_eq!(of("", &[]), "unmanaged", "nobody knows it");
}

#[test]
fn g_21_rows_are_those_of_the_class_and_limited_policies_come_first() {
    let site = site(&[
        "type = 'attachments'\nclasses = { unmanaged = [{ types = '*', action = 'block' }], managed = [{ types = 'PDF', action = 'encrypt' }] }",
        "type = 'attachments'\nlabels = ['board']\nclasses = { managed = [{ types = 'PDF', action = 'allow' }, { types = 'EXE', action = 'block' }] }",
    ]);
    let pdf = |facts: &str| plan(&site, facts).and_then(|plan| plan.attachments.map(|rows| rows.by_name("a.pdf", None).action.word()));
    assert_eq!(pdf("managed = true"), Some("encrypt"));
    assert_eq!(pdf("managed = true\nlabels = ['board']"), Some("allow"));
    assert_eq!(pdf(""), Some("block"));
    assert_eq!(pdf("managed = true\nplatform = 'ios'"), None, "no row for readers: nothing changes");
}

#[test]
fn g_22_links_are_for_managed_devices_whose_profile_has_a_scheme() {
    let site =
        site(&["type = 'hyperlinks'\nschemes = [{ profile = 'board', http = 'edge' }, { profile = 'ios', http = 'x', https = 'xs' }]"]);
    let shown =
        |facts: &str| plan(&site, facts).and_then(|plan| plan.links?.in_text(b"http://a")).map(|text| String::from_utf8(text).unwrap());
    assert_eq!(shown("managed = true\nplatform = 'iOS'").as_deref(), Some("x://a"));
    assert_eq!(shown("managed = true\nplatform = 'ios'\nlabels = ['board']").as_deref(), Some("microsoft-edge-http://a"));
    assert_eq!(shown("platform = 'ios'"), None, "not managed");
    assert_eq!(shown("managed = true\nplatform = 'android'"), None, "no scheme for it");
}

#[test]
fn g_23_a_template_is_named_or_is_the_text() {
    let mut site = site(&[
        "type = 'classification'\nrows = [{ tag = 'Public', action = 'block', template = 'gone' }, { tag = 'Internal', action = 'block', template = 'Not here.' }, { tag = 'Restricted', action = 'block' }]",
    ]);
    let template = Template { name: "gone".into(), text: "Subject: x\r\n\r\nAsk the office.\r\n".into() };
    site.templates.insert("gone".into(), Arc::new(template));
    let rows = plan(&site, "").unwrap().classification.unwrap();
    assert_eq!(rows.blocks(Some("Public")), Some("Ask the office."));
    assert_eq!(rows.blocks(Some("Internal")), Some("Not here."));
    assert!(rows.blocks(Some("Restricted")).is_some_and(|text| text.contains("administrator")), "a text of ours");
}

#[test]
fn g_12_g_38_policies_that_do_not_apply_change_nothing() {
    let block = "type = 'attachments'\nclasses = { unmanaged = [{ types = '*', action = 'block' }] }";
    assert!(plan(&site(&[block]), "").is_some());
    assert!(plan(&site(&[]), "").is_none());
    let mut off = site(&[block]);
    off.policies.values_mut().for_each(|rule| Arc::make_mut(rule).policy.enabled = false);
    assert!(plan(&off, "").is_none());
    let mut test_mode = site(&[block]);
    test_mode.mobile = Arc::new(MobileSettings { test_mode: true, ..Default::default() });
    assert!(plan(&test_mode, "").is_none(), "test mode changes nothing");
    let elsewhere = format!("{block}\ngateways = ['west']");
    assert!(plan(&site(&[&elsewhere]), "").is_none());
    let idle = "type = 'attachments'\nclasses = { unmanaged = [{ types = '*', action = 'allow' }] }";
    assert!(plan(&site(&[idle]), "").is_none());
}

#[test]
fn g_26_what_cannot_be_judged_is_blocked_or_as_set() {
    let site = site(&[
        "type = 'attachments'\nclasses = { unmanaged = [{ types = 'EXE', action = 'block' }, { types = 'PDF', action = 'encrypt' }] }",
    ]);
    let mut gateway: MobileGateway = toml::from_str("id = 'one'\nmail_server = 'https://x'").unwrap();
    let made = |gateway: &MobileGateway| {
        Plan::of(&site, Some(gateway), &Asker { reported: &Reported::default(), agent: "", language: Language::De }).unwrap()
    };
    assert!(made(&gateway).unjudged().is_some() && made(&gateway).skip_smime);
    gateway.blocked_text = "Fragen Sie uns.".into();
    assert_eq!(made(&gateway).unjudged(), Some("Fragen Sie uns."));
    let plan = made(&gateway);
    let rows = plan.attachments.as_ref().unwrap();
    assert_eq!(plan.blocked(rows.by_name("a.exe", None)), "Fragen Sie uns.");
    assert!(plan.holds_back(&rows.by_name("a.exe", None)) && plan.holds_back(&rows.by_name("a.pdf", None)));
    assert!(!plan.holds_back(&rows.by_name("a.txt", None)));
    gateway.attachments_without_policy = WithoutPolicy::Allow;
    assert_eq!(made(&gateway).unjudged(), None);
}
