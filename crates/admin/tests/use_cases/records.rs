//! Records of the site: versions, audit, validity, what others still need.

use admin::Expect;
use model::site::{Domain, MailSettings, MobileGateway, Source, Template, TlsDestination, User};
use model::{Address, settings::Span};

use super::{house, local, with_rights};

fn domain(name: &str, forward: &str) -> Domain {
    Domain {
        name: name.into(),
        forward: forward.into(),
        tls: "may".into(),
        fingerprints: Vec::new(),
        language: None,
        disclaimer: "[default]".into(),
        dkim_selector: String::new(),
        dkim_key: "auto".into(),
    }
}

#[tokio::test]
async fn a_record_is_made_changed_and_removed_with_versions_and_audit() {
    let house = house().await;
    let admin = &house.admin;
    let made = admin.put(&local(), domain("Company.Example", "[127.0.0.1]:2601"), Expect::New).await.unwrap();
    assert_eq!((made.key.as_str(), made.version), ("company.example", 1));

    let again = admin.put(&local(), domain("company.example", "[127.0.0.1]"), Expect::New).await.unwrap_err();
    assert_eq!(again.code, "exists-already");
    let changed = admin.put(&local(), domain("company.example", "[192.0.2.1]"), Expect::Version(1)).await.unwrap();
    assert_eq!(changed.version, 2);
    let stale = admin.put(&local(), domain("company.example", "[192.0.2.2]"), Expect::Version(1)).await.unwrap_err();
    assert_eq!(stale.code, "changed-meanwhile", "A-12: two people editing the same thing are told");
    assert_eq!(admin.show::<Domain>(&local(), "company.example").await.unwrap().record.forward, "[192.0.2.1]");

    let same = admin.put(&local(), domain("company.example", "[192.0.2.1]"), Expect::Any).await.unwrap();
    assert_eq!(same.version, 2, "nothing changed");
    assert_eq!(admin.remove::<Domain>(&local(), "company.example", Expect::Version(1), false).await.unwrap_err().code, "changed-meanwhile");
    admin.remove::<Domain>(&local(), "company.example", Expect::Version(2), false).await.unwrap();
    assert_eq!(admin.show::<Domain>(&local(), "company.example").await.unwrap_err().code, "not-found");
    assert_eq!(admin.remove::<Domain>(&local(), "company.example", Expect::Any, false).await.unwrap_err().code, "not-found");

    let body = |name: &str, forward: &str| format!(r#"{{"name":"{name}","forward":"{forward}","tls":"may"}}"#);
    let (one, two) = (body("Company.Example", "[127.0.0.1]:2601"), body("company.example", "[192.0.2.1]"));
    let who = "local administrator domain/company.example";
    assert_eq!(house.log().await, [format!("{who}  > {one}"), format!("{who} {one} > {two}"), format!("{who} {two} > ")]);
}

#[tokio::test]
async fn records_are_listed_in_pages() {
    let house = house().await;
    for name in ["a.example", "b.example", "c.example"] {
        house.admin.put(&local(), domain(name, "[127.0.0.1]"), Expect::New).await.unwrap();
    }
    let keys = |prefix, after, limit| {
        let admin = house.admin.clone();
        async move {
            let page = admin.list::<Domain>(&local(), prefix, after, limit).await.unwrap();
            page.into_iter().map(|kept| kept.key).collect::<Vec<_>>()
        }
    };
    assert_eq!(keys("", "", 2).await, ["a.example", "b.example"]);
    assert_eq!(keys("", "b.example", 2).await, ["c.example"]);
    assert_eq!(keys("b", "", 10).await, ["b.example"]);
}

#[tokio::test]
async fn what_can_not_be_used_is_refused_with_the_field() {
    let house = house().await;
    let refused = |fault: model::Fault| format!("{} {}", fault.code, fault.cause);
    let put_domain = |name: &'static str, forward: &'static str, tls: &'static str| {
        let admin = house.admin.clone();
        async move { refused(admin.put(&local(), Domain { tls: tls.into(), ..domain(name, forward) }, Expect::Any).await.unwrap_err()) }
    };
    assert!(put_domain("-", "[127.0.0.1]", "may").await.starts_with("bad-field domain.name"));
    assert!(put_domain("a.example", "192.0.2.1", "may").await.contains("brackets"));
    assert!(put_domain("a.example", "[192.0.2.1]", "fingerprint").await.contains("level fingerprint needs a digest"));
    assert!(put_domain("a.example", "[192.0.2.1]", "perhaps").await.starts_with("bad-field domain.tls"));

    let mail = |change: fn(&mut MailSettings)| {
        let mut settings = MailSettings::default();
        change(&mut settings);
        let admin = house.admin.clone();
        async move { refused(admin.put(&local(), settings, Expect::Any).await.unwrap_err()) }
    };
    assert!(mail(|m| m.hostname = "two words".into()).await.contains("mail.hostname"));
    assert!(mail(|m| m.postmaster = "nobody".into()).await.contains("mail.postmaster"));
    assert!(mail(|m| m.smart_host = "192.0.2.1:25".into()).await.contains("mail.smart_host"));
    assert!(mail(|m| m.tls_out = "fingerprint".into()).await.contains("write a [[tls]] row"));
    assert!(mail(|m| m.revocation = "never".into()).await.contains("mail.revocation"));
    assert!(mail(|m| m.retry_first = Span::seconds(999_999)).await.contains("retry_max"));
    assert!(mail(|m| m.max_recipients = 0).await.contains("max_recipients"));

    let template = Template { name: "mine".into(), text: "Subject: {{ nonsense }}\n\nx".into() };
    assert!(refused(house.admin.put(&local(), template, Expect::Any).await.unwrap_err()).contains("template.text"));
    let gateway: MobileGateway = serde_json::from_str(r#"{"id":"g1","mail_server":"ftp://x"}"#).unwrap();
    assert!(refused(house.admin.put(&local(), gateway, Expect::Any).await.unwrap_err()).contains("mail_server"));
    let source: Source = serde_json::from_str(r#"{"network":"10.0.0.0/8","speaks_for":["not a domain"]}"#).unwrap();
    assert!(refused(house.admin.put(&local(), source, Expect::Any).await.unwrap_err()).contains("speaks_for"));
    assert_eq!(house.log().await, Vec::<String>::new(), "what is refused leaves no entry");
}

#[tokio::test]
async fn m_t4_a_destination_is_refused_with_the_field() {
    let house = house().await;
    let put = |body: &'static str| {
        let admin = house.admin.clone();
        let row: TlsDestination = serde_json::from_str(&format!(r#"{{"domain":"partner.example",{body}}}"#)).unwrap();
        async move { admin.put(&local(), row, Expect::Any).await.map_err(|fault| format!("{} {}", fault.code, fault.cause)) }
    };
    for (body, why) in [
        (r#""level":"tls""#, "tls.level"),
        (r#""level":"fingerprint""#, "needs a digest"),
        (r#""level":"fingerprint","fingerprints":["C4:F8:39:9F:61:66:79:2B:4C:79:6C:32:1B:C2:56:D5"]"#, "MD5"),
        (r#""level":"may","fingerprints":["abc"]"#, "tls.fingerprints"),
        (r#""level":"may","server":"mx.partner.example:26""#, "tls.server"),
        (r#""level":"may","server":"mx.partner.example","port":0"#, "tls.port"),
    ] {
        let said = put(body).await.unwrap_err();
        assert!(said.contains(why), "{body}: {said}");
    }
    for level in ["none", "may", "encrypt", "verify", "secure", "dane"] {
        let row = TlsDestination {
            domain: "b.example".into(),
            server: "mx.b.example".into(),
            port: 25,
            level: level.into(),
            fingerprints: Vec::new(),
        };
        house.admin.put(&local(), row, Expect::Any).await.unwrap();
    }
    let sha1 = r#""level":"fingerprint","fingerprints":["a9993e364706816aba3e25717850c26c9cd0d89d | A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D"]"#;
    put(sha1).await.unwrap();
    assert_eq!(house.admin.show::<TlsDestination>(&local(), "partner.example").await.unwrap().record.port, 25);
}

#[tokio::test]
async fn settings_have_defaults_until_they_are_put() {
    let house = house().await;
    let unset = house.admin.settings::<MailSettings>(&local()).await.unwrap();
    assert_eq!((unset.version, unset.record), (0, MailSettings::default()));
    let hostname = "mail.company.example".to_owned();
    house.admin.put(&local(), MailSettings { hostname, ..MailSettings::default() }, Expect::New).await.unwrap();
    assert_eq!(house.admin.settings::<MailSettings>(&local()).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_template_that_the_rules_name_stays() {
    let house = house().await;
    let template = Template { name: "sorry".into(), text: "Subject: Sorry\n\nNot possible: $subject\n".into() };
    house.admin.put(&local(), template, Expect::New).await.unwrap();
    let rules = admin::rule_sets::NewRules::Text("bounce('sorry');".into());
    house.admin.rules_apply(&local(), rules, Expect::Any).await.unwrap();
    let fault = house.admin.remove::<Template>(&local(), "sorry", Expect::Any, false).await.unwrap_err();
    assert_eq!(fault.code, "still-used");
    let rules = admin::rule_sets::NewRules::Text("deliver();".into());
    house.admin.rules_apply(&local(), rules, Expect::Any).await.unwrap();
    house.admin.remove::<Template>(&local(), "sorry", Expect::Any, false).await.unwrap();
}

#[tokio::test]
async fn one_right_opens_one_menu() {
    let house = house().await;
    let carol = with_rights(&["usersadmin"]);
    let address = Address::parse("bob@company.example").unwrap();
    let user = User { user_id: String::new(), name: "Bob".into(), ..User::new(address) };
    house.admin.put(&carol, user, Expect::New).await.unwrap();
    assert_eq!(house.admin.put(&carol, domain("a.example", "[127.0.0.1]"), Expect::New).await.unwrap_err().code, "not-permitted");
    let reader = with_rights(&["usersadmin:read"]);
    assert_eq!(house.admin.show::<User>(&reader, "bob@company.example").await.unwrap().record.name, "Bob");
    assert_eq!(house.admin.remove::<User>(&reader, "bob@company.example", Expect::Any, true).await.unwrap_err().code, "not-permitted");
}
