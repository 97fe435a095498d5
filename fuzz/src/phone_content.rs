//! An answer of the mail server on its way to a phone, and what a phone sends, through the policies on content.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use content::request::{carries, links_back, source, unwrapped};
use content::testing::Keys;
use content::{Asker, Plan, References, Work};
use model::device::Reported;
use model::site::{MobilePolicy, PolicyRule};
use model::{Language, Site};

/// All three kinds, with something to find.
const POLICIES: [&str; 3] = [
    r#"{"type":"attachments","enabled":true,"classes":{"managed":[{"types":"EXE","action":"block"},{"types":"*","action":"encrypt"}]}}"#,
    r#"{"type":"classification","enabled":true,"sources":["subject","header:X-Class","body"],"rows":[{"tag":"Confidential","action":"block"}]}"#,
    r#"{"type":"hyperlinks","enabled":true,"schemes":[{"http":"x","https":"xs"}]}"#,
];
/// Policies that name nothing that is there.
const IDLE: [&str; 1] =
    [r#"{"type":"hyperlinks","enabled":true,"mode":"include","domains":["nowhere.invalid"],"schemes":[{"http":"x","https":"xs"}]}"#];

fn plan(policies: &[&str]) -> Option<Plan> {
    let mut site = Site::default();
    for text in policies {
        let rule = PolicyRule::new(serde_json::from_str::<MobilePolicy>(text).ok()?)?;
        site.policies.insert((rule.kind, rule.policy.key()), Arc::new(rule));
    }
    let reported = Reported { managed: true, ..Reported::default() };
    Plan::of(&site, None, &Asker { reported: &reported, agent: "", language: Language::En })
}

static FULL: LazyLock<Plan> = LazyLock::new(|| plan(&POLICIES).expect("a plan"));
static NOTHING: LazyLock<Plan> = LazyLock::new(|| plan(&IDLE).expect("a plan"));
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new(1));

fn work<'a>(plan: &'a Plan, references: &'a References) -> Work<'a> {
    let deadline = Instant::now() + Duration::from_secs(10);
    Work { plan: Some(plan), keys: &*KEYS, user: "carol", device: "d1", key_number: 0, references, deadline }
}

/// The octets as an answer, whole and in parts, and as a request. What no policy names is the same octets; what was changed can
/// be read, and is not changed again by the policies on links.
pub fn phone_content(data: &[u8]) {
    let octets = Bytes::copy_from_slice(data);
    let none = References::new();
    let idle = work(&NOTHING, &none);
    assert_eq!(content::answer::wbxml(&idle, &octets).unwrap_or(None), None, "changed without a reason");
    assert_eq!(content::answer::multipart(&idle, &octets).unwrap_or(None), None, "changed without a reason");
    let full = work(&FULL, &none);
    if let Ok(Some(changed)) = content::answer::wbxml(&full, &octets) {
        assert!(content::answer::wbxml(&idle, &changed).is_ok(), "a changed answer can't be read");
    }
    if let Ok(Some(changed)) = content::answer::multipart(&full, &octets) {
        assert!(content::answer::multipart(&idle, &changed).is_ok(), "a changed answer can't be read");
    }
    let _ = content::answer::attachment(&full, None, None, Some(&octets));
    let _ = unwrapped(Some(&FULL), &*KEYS, "carol", &octets);
    if let Some(links) = &FULL.links {
        let _ = (links_back(links, &octets, true), links_back(links, &octets, false));
        let _ = (links.in_text(data), links.in_html(data));
    }
    let query = activesync::query::parse("Cmd=SmartForward&User=a&DeviceId=d&DeviceType=t&ItemId=1").expect("a query");
    if let Ok(Some(source)) = source(&query, &octets, false) {
        let _ = content::request::asking_for(&source);
        let _ = carries(&full, &FULL, &source, &octets);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(content::Reference::read(&*KEYS, "carol", text).is_none_or(|known| known.write(&*KEYS, "carol").is_some()));
    }
    let _ = crypto::attachment::about(data);
}
