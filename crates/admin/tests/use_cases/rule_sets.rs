//! Rule sets: shown, checked, put in force; a faulty one leaves the running one alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use admin::rule_sets::NewRules;
use admin::{Admin, AdminError, Expect, Parts, Simulation, Simulator};
use model::{Address, Fault};
use serde_json::{Value, json};

use super::{house, local};

#[tokio::test]
async fn m_r2_the_running_rules_go_on_when_new_ones_are_faulty() {
    let house = house().await;
    let admin = &house.admin;
    let shown = admin.rules_show(&local()).await.unwrap();
    assert!(shown.version == 0 && shown.record.text.contains("encrypt_smime()"), "the generator's default runs");

    let applied = admin.rules_apply(&local(), NewRules::Text("log(1, '$froom');".into()), Expect::Any).await.unwrap();
    assert_eq!((applied.version, applied.warnings.len()), (1, 1));
    let faulty = admin.rules_apply(&local(), NewRules::Text("deliver(;".into()), Expect::Any).await.unwrap_err();
    let AdminError::Rules(found) = faulty else { panic!("{faulty}") };
    assert_eq!((found[0].line, found[0].column), (1, 9));
    assert_eq!(admin.rules_show(&local()).await.unwrap().record.text, "log(1, '$froom');");

    let switches = BTreeMap::from([("out_always_keys".to_owned(), json!(false))]);
    let applied = admin.rules_apply(&local(), NewRules::Switches(switches), Expect::Version(1)).await.unwrap();
    assert!(applied.version == 2 && applied.left_out.contains(&"out_webmail_tag".to_owned()));
    let later = NewRules::Switches(BTreeMap::from([("new_user_smime".to_owned(), json!(true))]));
    let fault = Fault::from(admin.rules_apply(&local(), later, Expect::Any).await.unwrap_err());
    assert!(fault.code == "configuration-refused" && fault.cause.contains("new_user_smime is not available yet"), "{fault}");
    assert!(admin.rules_check(&local(), "t", "encrypt_domain();").await.is_err());
    assert_eq!(house.log().await.len(), 2);
}

struct Noting(Mutex<Vec<bool>>);

#[async_trait::async_trait]
impl Simulator for Noting {
    async fn simulate(&self, simulation: Simulation) -> Result<Value, Fault> {
        self.0.lock().unwrap().push(simulation.rules.is_some());
        Ok(json!({ "outcome": "deliver" }))
    }
}

#[tokio::test]
async fn m_r4_a_message_runs_through_given_rules_or_those_in_force() {
    let house = house().await;
    let simulation = |to: &[&str]| Simulation {
        rules: None,
        message: bytes::Bytes::from_static(b"Subject: x\r\n\r\ny\r\n"),
        from: None,
        to: to.iter().map(|a| Address::parse(a).unwrap()).collect(),
        authenticated: false,
    };
    let fault = Fault::from(house.admin.rules_run(&local(), None, simulation(&["b@x.example"])).await.unwrap_err());
    assert_eq!(fault.code, "not-available-yet", "no mail gate here");

    let simulator = Arc::new(Noting(Mutex::default()));
    let admin = Admin::new(Parts { simulator: Some(simulator.clone()), ..house.parts() });
    assert!(admin.rules_run(&local(), None, simulation(&["b@x.example"])).await.unwrap()["outcome"] == "deliver");
    admin.rules_run(&local(), Some(("own.rules", "deliver();")), simulation(&["b@x.example"])).await.unwrap();
    assert!(admin.rules_run(&local(), Some(("own.rules", "nonsense")), simulation(&["b@x.example"])).await.is_err());
    assert!(admin.rules_run(&local(), None, simulation(&[])).await.is_err());
    assert_eq!(*simulator.0.lock().unwrap(), [false, true]);
}

#[tokio::test]
async fn x_22_passwords_of_directories_in_rules_are_sealed_and_shown_nowhere() {
    let house = house().await;
    let admin = &house.admin;
    let rule = |server: &str, password: &str| {
        format!("ldap_read('ldaps://{server};cn=gate;{password};dc=x;(mail=$from)', 'title', 'v');\ndeliver();\n")
    };
    let put = async |text: String| admin.rules_apply(&local(), NewRules::Text(text), Expect::Any).await.map_err(Fault::from);
    put(rule("a.example", "hunter2")).await.unwrap();
    let shown = admin.rules_show(&local()).await.unwrap().record.text;
    let name = shown.split("@secret(").nth(1).and_then(|rest| rest.split(')').next()).unwrap().to_owned();
    assert_eq!(shown, rule("a.example", &format!("@secret({name})")));
    // The text as it is shown can be put again; a new password is a new secret under the same name.
    put(shown.clone()).await.unwrap();
    let sealed = async || store::site::get(&house.store, model::site::Section::Secret, &name).await.unwrap().unwrap();
    let before = sealed().await;
    put(rule("a.example", "hunter3")).await.unwrap();
    assert!(sealed().await.body != before.body && !sealed().await.body.contains("hunter"));
    // A stored password is nobody else's, and what is not stored can't be named.
    let fault = put(shown.replace("a.example", "evil.example")).await.unwrap_err();
    assert!(fault.cause.contains("another directory"), "{fault}");
    let two = format!("{}{}", rule("a.example", "one").replace("deliver();\n", ""), rule("a.example", "two"));
    assert_eq!(put(two).await.unwrap_err().code, "bad-field");
    let switches = BTreeMap::from([("custom_incoming".to_owned(), json!(rule("b.example", "hunter4").replace("deliver();\n", "")))]);
    admin.rules_apply(&local(), NewRules::Switches(switches), Expect::Any).await.unwrap();
    let setting = admin.rules_show(&local()).await.unwrap().record;
    assert!(setting.generator.unwrap()["custom_incoming"].as_str().unwrap().contains("@secret(rules/ldap-"));
    let export = admin.config_export(&local()).await.unwrap();
    let mut all = vec![setting.text, export.clone(), house.log().await.join("\n"), admin.rules_diff(&local(), 1, None).await.unwrap()];
    for number in 1..=2 {
        all.push(format!("{:?}", admin.rules_version(&local(), number).await.unwrap()));
    }
    assert!(all.iter().all(|text| !text.contains("hunter")), "x_21: {all:#?}");
    assert!(admin.config_apply(&local(), &export, false).await.unwrap().changes.is_empty(), "an export has names, and they are kept");
    let file = "[rules.generator]\ncustom_incoming = \"ldap_read('ldaps://c.example;u;hunter5;dc=x;(a=b)', 'cn', 'v');\"\n";
    let applied = format!("{:?}", admin.config_apply(&local(), file, true).await.unwrap().changes);
    assert!(!applied.contains("hunter") && applied.contains("rules/ldap-"), "{applied}");
}
