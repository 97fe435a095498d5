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
