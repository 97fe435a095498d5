//! Versions of the rule set, the way back, and the tests that it carries.

use std::sync::Arc;

use admin::rule_sets::NewRules;
use admin::{Admin, AdminError, Expect, Parts, Simulation, Simulator};
use model::Fault;
use model::site::{RuleTest, Template};
use serde_json::{Value, json};

use super::{house, local};

fn text(text: &str) -> NewRules {
    NewRules::Text(text.to_owned())
}

#[tokio::test]
async fn m_r2_each_change_is_a_version_with_who_and_when_and_can_be_taken_back() {
    let house = house().await;
    let admin = &house.admin;
    assert!(admin.rules_versions(&local()).await.unwrap().is_empty());
    for rules in ["log(1, 'one');\ndeliver();\n", "log(1, 'two');\ndeliver();\n"] {
        admin.rules_apply(&local(), text(rules), Expect::Any).await.unwrap();
    }
    let versions = admin.rules_versions(&local()).await.unwrap();
    let seen: Vec<_> = versions.iter().map(|one| (one.number, one.who.as_str(), one.in_force, one.at.0 > 0)).collect();
    let who = local().name;
    assert_eq!(seen, [(2, who.as_str(), true, true), (1, who.as_str(), false, true)]);
    let diff = admin.rules_diff(&local(), 1, None).await.unwrap();
    assert!(diff.contains("--- version 1\n+++ in force\n") && diff.contains("-log(1, 'one');\n+log(1, 'two');\n deliver();"), "{diff}");
    assert_eq!(admin.rules_diff(&local(), 2, Some(2)).await.unwrap(), "");
    let back = admin.rules_rollback(&local(), 1, Expect::Any).await.unwrap();
    assert_eq!((back.version, admin.rules_show(&local()).await.unwrap().record.text.as_str()), (3, "log(1, 'one');\ndeliver();\n"));
    assert_eq!(admin.rules_versions(&local()).await.unwrap()[0].number, 3, "going back is a version too");
    assert!(admin.rules_version(&local(), 0).await.unwrap().text.contains("rule generator"), "before the first one the defaults ran");
    let missing = Fault::from(admin.rules_rollback(&local(), 9, Expect::Any).await.unwrap_err());
    assert_eq!(missing.code, "not-found");
}

#[tokio::test]
async fn m_r2_an_old_version_that_names_what_is_gone_is_not_put_in_force() {
    let house = house().await;
    let template = Template { name: "mine".into(), text: "Subject: x\n\ny".into() };
    house.admin.put(&local(), template, Expect::Any).await.unwrap();
    house.admin.rules_apply(&local(), text("bounce('mine');"), Expect::Any).await.unwrap();
    house.admin.rules_apply(&local(), text("deliver();"), Expect::Any).await.unwrap();
    house.admin.remove::<Template>(&local(), "mine", Expect::Any, false).await.unwrap();
    let refused = house.admin.rules_rollback(&local(), 1, Expect::Any).await.unwrap_err();
    assert!(matches!(refused, AdminError::Rules(_)), "{refused}");
    assert_eq!(house.admin.rules_show(&local()).await.unwrap().record.text, "deliver();");
}

/// Delivers what a rule text delivers.
struct ByText;

#[async_trait::async_trait]
impl Simulator for ByText {
    async fn simulate(&self, simulation: Simulation) -> Result<Value, Fault> {
        assert!(simulation.message.ends_with(b"\r\n\r\nhello\r\n"));
        let drops = simulation.rules.is_some_and(|rules| rules.text().contains("drop"));
        let (outcome, code) = if drops { ("drop", 555) } else { ("deliver", 250) };
        Ok(json!({ "outcome": outcome, "code": code, "groups": [] }))
    }
}

fn test(outcome: &str) -> RuleTest {
    let test = json!({ "name": "passes", "message": "Subject: x\n\nhello\n", "from": "a@x.example", "to": ["b@x.example"],
        "expect": { "outcome": outcome } });
    serde_json::from_value(test).unwrap()
}

#[tokio::test]
async fn m_r4_rules_that_fail_their_required_tests_are_not_put_in_force() {
    let house = house().await;
    let admin = Admin::new(Parts { simulator: Some(Arc::new(ByText)), ..house.parts() });
    admin.rules_apply(&local(), text("deliver();"), Expect::Any).await.unwrap();
    admin.rules_tests_put(&local(), vec![test("deliver")], true, Expect::Any).await.unwrap();
    let results = admin.rules_test(&local(), None, None).await.unwrap();
    assert!(results.len() == 1 && results[0].passed);
    let refused = admin.rules_apply(&local(), text("drop();"), Expect::Any).await.unwrap_err();
    assert!(matches!(&refused, AdminError::Tests(failed) if failed[0].differences == ["outcome: expected deliver, got drop"]), "{refused}");
    assert_eq!(admin.rules_show(&local()).await.unwrap().record.text, "deliver();", "the running ones go on");
    let other = admin.rules_test(&local(), Some(("own.rules", "drop();")), Some(vec![test("drop")])).await.unwrap();
    assert!(other[0].passed, "other rules, other tests");
    admin.rules_apply(&local(), text("log(1, 'x'); deliver();"), Expect::Any).await.unwrap();
    assert_eq!(admin.rules_show(&local()).await.unwrap().record.tests.len(), 1, "tests stay with other rules");
    assert!(admin.rules_tests_put(&local(), vec![test("drop")], true, Expect::Any).await.is_err(), "tests that fail are no demand");
    for bad in [json!({}), json!({ "steps": ["x"] })] {
        let test = RuleTest { expect: serde_json::from_value(bad).unwrap(), ..test("x") };
        assert_eq!(Fault::from(admin.rules_test(&local(), None, Some(vec![test])).await.unwrap_err()).code, "bad-field");
    }
    let site = "[rules]\ntext = \"drop();\"\nrequire_tests = true\n[[rules.test]]\nname = \"a\"\nmessage = \"Subject: x\\n\\nhello\\n\"\nto = [\"b@x.example\"]\nexpect = { outcome = \"deliver\" }\n";
    assert!(matches!(admin.config_apply(&local(), site, false).await.unwrap_err(), AdminError::Tests(_)));
    admin.config_apply(&local(), &site.replace("require_tests = true", ""), false).await.unwrap();
    let exported = admin.config_export(&local()).await.unwrap();
    assert!(exported.contains("[[rules.test]]") && admin.config_diff(&local(), &exported).await.unwrap().changes.is_empty(), "{exported}");
}
