//! Deny by default: no use case does anything for who has no right.

use admin::devices::DeviceName;
use admin::keys::Owner;
use admin::partner_keys::PartnerKind;
use admin::rule_sets::NewRules;
use admin::{Expect, Simulation};
use model::device::Override;
use model::site::{Domain, MailSettings, MobileGateway, MobileSettings, Partner, ProtectionSettings, Root, Source, Template, Trust, User};
use model::{Address, Fault, SecretBytes};

use super::{house, with_rights};

/// The code that a use case refuses with.
fn code<T, E: Into<Fault>>(result: Result<T, E>) -> &'static str {
    result.map(drop).map_err(Into::into).map_or_else(|fault: Fault| fault.code, |()| "done")
}

#[tokio::test]
async fn cve_2026_44125_every_use_case_is_denied_by_default() {
    let house = house().await;
    let admin = &house.admin;
    let nobody = with_rights(&[]);
    let address = || Address::parse("bob@company.example").unwrap();
    let device = || DeviceName::parse("bob", "abc").unwrap();
    let words = || vec!["homeadmin".to_owned()];
    let simulation = Simulation { rules: None, message: bytes::Bytes::new(), from: None, to: vec![address()], authenticated: false };
    let file = || SecretBytes::new(b"x".to_vec());
    let mut codes = vec![
        code(admin.audit_log(&nobody, "", 1).await),
        code(admin.counts(&nobody).await),
        code(admin.devices(&nobody, &store::devices::Filter::default(), "", 1).await),
        code(admin.device_users(&nobody, "", "", 1).await),
        code(admin.device_classes(&nobody).await),
        code(admin.device_decisions(&nobody, &device(), 1).await),
        code(admin.remove_unmanaged(&nobody, vec![device()]).await),
        code(admin.device_export(&nobody, &store::devices::Filter::default(), "").await),
        code(admin.device_import(&nobody, b"user,id\n").await),
        code(admin.compliance_run(&nobody, &admin::compliance::Whom::All).await),
        code(admin.compliance_state(&nobody).await),
        code(admin.policy_effects(&nobody).await),
        code(admin.device(&nobody, &device()).await),
        code(admin.device_tally(&nobody).await),
        code(admin.rule_devices(&nobody, vec![device()], Override::Whitelist, Expect::Any).await),
        code(admin.remove_device(&nobody, device(), Expect::Any).await),
        code(admin.rules_show(&nobody).await),
        code(admin.rules_check(&nobody, "t", "deliver();").await),
        code(admin.rules_apply(&nobody, NewRules::Text("deliver();".into()), Expect::Any).await),
        code(admin.rules_run(&nobody, Some(("t", "deliver();")), simulation).await),
        code(admin.config_diff(&nobody, "").await),
        code(admin.config_apply(&nobody, "", false).await),
        code(admin.config_export(&nobody).await),
        code(admin.key_list(&nobody, None, "", 1).await),
        code(admin.key_show(&nobody, "x").await),
        code(admin.key_generate(&nobody, &address(), "p256", 1).await),
        code(admin.key_retire(&nobody, "x", model::site::Retirement::Revoked, Expect::Any).await),
        code(admin.key_export(&nobody, "x", &model::SecretText::new("long enough".into())).await),
        code(admin.key_uses(&nobody, "x", 1).await),
        code(admin.master_state(&nobody).await),
        code(admin.master_rotate(&nobody).await),
        code(admin.user_deactivate(&nobody, "x", Expect::Any).await),
        code(admin.partner_key_list(&nobody, PartnerKind::Certificates, None, "", 1).await),
        code(admin.partner_key_show(&nobody, PartnerKind::PgpKeys, &address(), "x").await),
        code(admin.partner_key_remove(&nobody, PartnerKind::PgpKeys, &address(), "x", Expect::Any).await),
        code(admin.root_list(&nobody, None, "", 1).await),
        code(admin.root_show(&nobody, "x").await),
        code(admin.key_remove(&nobody, "x", Expect::Any).await),
        code(admin.root_trust(&nobody, "x", Trust::Trusted, Expect::Any).await),
        code(admin.administrators(&nobody).await),
        code(admin.administrator_add(&nobody, "dave", &words()).await),
        code(admin.administrator_rights(&nobody, "dave", &words(), Expect::Any).await),
        code(admin.administrator_reset(&nobody, "dave").await),
        code(admin.administrator_remove(&nobody, "dave", Expect::Any).await),
        code(admin.token_add(&nobody, "t", &words(), None).await),
        code(admin.token_list(&nobody).await),
        code(admin.token_remove(&nobody, "x").await),
        code(admin.queue_list(&nobody, &admin::QueueAsk::default(), "", 1).await),
        code(admin.queue_show(&nobody, "x").await),
        code(admin.queue_adopt(&nobody, "/x").await),
        code(admin.queue_retry(&nobody, None).await),
        code(admin.queue_hold(&nobody, "x", true).await),
        code(admin.queue_remove(&nobody, "x", false).await),
    ];
    for owner in [Owner::User(address()), Owner::Partner(address()), Owner::Root(Trust::Trusted), Owner::Domain("company.example".into())] {
        codes.push(code(admin.key_import(&nobody, owner, file(), None).await));
    }
    macro_rules! records {
        ($($record:ty: $json:expr),*) => {$(
            codes.push(code(admin.list::<$record>(&nobody, "", "", 1).await));
            codes.push(code(admin.show::<$record>(&nobody, "x").await));
            codes.push(code(admin.put::<$record>(&nobody, serde_json::from_str($json).unwrap(), Expect::Any).await));
            codes.push(code(admin.remove::<$record>(&nobody, "x", Expect::Any, true).await));
        )*};
    }
    records!(
        MailSettings: "{}",
        MobileSettings: "{}",
        ProtectionSettings: "{}",
        Domain: r#"{"name":"a.example","forward":"[127.0.0.1]"}"#,
        Source: r#"{"network":"10.0.0.0/8"}"#,
        User: r#"{"address":"bob@company.example"}"#,
        Partner: r#"{"address":"p@partner.example","certificates":[]}"#,
        Root: r#"{"certificate":""}"#,
        Template: r#"{"name":"t","text":"Subject: x\n\ny"}"#,
        MobileGateway: r#"{"id":"g","mail_server":"https://mail.company.example"}"#
    );
    assert_eq!(codes.len(), 97);
    for (number, code) in codes.iter().enumerate() {
        assert_eq!(*code, "not-permitted", "use case {number}");
    }
    assert_eq!(house.log().await, Vec::<String>::new());
}

#[tokio::test]
async fn cve_2026_29132_applying_a_file_takes_the_right_to_each_section_in_it() {
    let house = house().await;
    let carol = with_rights(&["administrationadmin", "usersadmin"]);
    let users = "[[user]]\naddress = \"bob@company.example\"\n";
    assert_eq!(house.admin.config_apply(&carol, users, false).await.unwrap().changes.len(), 1);
    let both = format!("{users}[[domain]]\nname = \"evil.example\"\nforward = \"[192.0.2.66]\"\n");
    let fault = Fault::from(house.admin.config_apply(&carol, &both, false).await.unwrap_err());
    assert_eq!((fault.code, fault.args[0].1.as_str()), ("not-permitted", "mailsystemadmin"));
}
