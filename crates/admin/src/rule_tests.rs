//! Tests that a rule set carries: a sample message with its envelope, and the way that it must take (ruleset-language.md "Running it").
//!
//! They run in the simulator: nothing is sent, no private key is used. With `require_tests` a rule set whose tests fail is not put in
//! force; the running one goes on.

use std::sync::Arc;

use bytes::Bytes;
use model::site::{Expected, RuleTest, RulesSetting};
use model::{Access, Actor, Address, Right};
use rules::RuleSet;
use serde_json::Value;
use store::Expect;

use crate::authorise::need;
use crate::error::{AdminError, bad_field, not_available};
use crate::rule_sets::InForce;
use crate::{Admin, Simulation};

/// Most tests of a rule set.
pub const TESTS_MAX: usize = 500;

/// How one test ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// The mail took the way that was expected.
    pub passed: bool,
    /// What was otherwise.
    pub differences: Vec<String>,
}

impl Admin {
    /// Runs tests (`None`: those that the rules in force carry) against a rule text (`None`: the rules in force).
    ///
    /// # Errors
    /// [`AdminError::Rules`]; `bad-field`; without the right; when the store is away.
    pub async fn rules_test(
        &self,
        actor: &Actor,
        rules: Option<(&str, &str)>,
        tests: Option<Vec<RuleTest>>,
    ) -> Result<Vec<TestResult>, AdminError> {
        need(actor, Right::MailProcessing, Access::Read)?;
        let tests = match tests {
            Some(tests) => tests,
            None => self.rules_stored().await?.record.tests,
        };
        check(&tests)?;
        let rules = match rules {
            Some((name, text)) => Some(self.compile(actor, name, text).await?.0),
            None => None,
        };
        self.run_tests(rules, &tests).await
    }

    /// Other tests for the rules in force, and whether rules must pass them. A new version, as they are part of the setting.
    ///
    /// # Errors
    /// As [`Admin::rules_test`]; [`AdminError::Tests`] when they are required and fail; `changed-meanwhile`.
    pub async fn rules_tests_put(&self, actor: &Actor, tests: Vec<RuleTest>, require: bool, expect: Expect) -> Result<InForce, AdminError> {
        need(actor, Right::MailProcessing, Access::Write)?;
        check(&tests)?;
        let stored = self.rules_stored().await?.record;
        self.put_rules(actor, RulesSetting { tests, require_tests: require, ..stored }, Vec::new(), expect).await
    }

    /// Do these rules take the ways that their own tests expect, where that is required?
    pub(crate) async fn rules_pass(&self, actor: &Actor, setting: &RulesSetting) -> Result<(), AdminError> {
        if !setting.require_tests || setting.tests.is_empty() {
            return Ok(());
        }
        let (rules, _) = self.compile(actor, "rules", &crate::rule_sets::text(setting)?).await?;
        let failed: Vec<TestResult> = self.run_tests(Some(rules), &setting.tests).await?.into_iter().filter(|test| !test.passed).collect();
        if failed.is_empty() { Ok(()) } else { Err(AdminError::Tests(failed)) }
    }

    async fn run_tests(&self, rules: Option<Arc<RuleSet>>, tests: &[RuleTest]) -> Result<Vec<TestResult>, AdminError> {
        let simulator = self.0.simulator.as_ref().ok_or_else(|| not_available("rules test without a mail gate"))?;
        let mut results = Vec::with_capacity(tests.len());
        for test in tests {
            let simulation = Simulation {
                rules: rules.clone(),
                message: Bytes::from(test.message.replace("\r\n", "\n").replace('\n', "\r\n")),
                from: if test.from.is_empty() { None } else { Address::parse(&test.from).ok() },
                to: test.to.clone(),
                authenticated: test.authenticated,
            };
            let differences = match simulator.simulate(simulation).await {
                Ok(way) => differences(&test.expect, &way),
                Err(fault) if fault.code == test.expect.outcome => Vec::new(),
                Err(fault) => vec![format!("the mail ends in a fault: {} ({})", fault.code, fault.cause)],
            };
            results.push(TestResult { name: test.name.clone(), passed: differences.is_empty(), differences });
        }
        Ok(results)
    }
}

/// Each has a name of its own, recipients, and something that it expects.
///
/// # Errors
/// `bad-field`.
pub(crate) fn check(tests: &[RuleTest]) -> Result<(), model::Fault> {
    if tests.len() > TESTS_MAX {
        return Err(bad_field("rules.test", format!("expected at most {TESTS_MAX} tests")));
    }
    for (place, test) in tests.iter().enumerate() {
        let say = |what: &str| Err(bad_field("rules.test", format!("{:?}: {what}", test.name)));
        if test.name.trim().is_empty() || tests.iter().take(place).any(|other| other.name == test.name) {
            return say("expected a name of its own");
        }
        if test.to.is_empty() {
            return say("expected at least one recipient in to");
        }
        if !test.from.is_empty() && Address::parse(&test.from).is_err() {
            return say("expected an address, or nothing, in from");
        }
        if test.expect == Expected::default() {
            return say("expected something in expect: outcome, code, ways or steps");
        }
        if test.expect.steps.iter().any(|step| step.split_once('=').is_none()) {
            return say("expected steps as in \"smime_encrypted=no\"");
        }
    }
    Ok(())
}

/// What the simulator says otherwise than expected (the JSON of contract.md `rules run`).
fn differences(expect: &Expected, way: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let outcome = word(way, "outcome");
    if !expect.outcome.is_empty() && expect.outcome != outcome {
        found.push(format!("outcome: expected {}, got {outcome}", expect.outcome));
    }
    let code = way.get("code").and_then(Value::as_u64).unwrap_or_default();
    if let Some(wanted) = expect.code.filter(|wanted| u64::from(*wanted) != code) {
        found.push(format!("code: expected {wanted}, got {code}"));
    }
    let groups = list(way, "groups");
    for (recipient, wanted) in &expect.ways {
        let group = groups.iter().find(|group| list(group, "recipients").iter().any(|one| one.as_str() == Some(recipient)));
        let got = group.map_or("no such recipient", |group| word(group, "outcome"));
        if wanted != got {
            found.push(format!("{recipient}: expected {wanted}, got {got}"));
        }
    }
    let said = |step: &Value| format!("{}={}", word(step, "command"), word(step, "answer"));
    let steps: Vec<String> = groups.iter().flat_map(|group| list(group, "trace")).map(said).collect();
    for wanted in expect.steps.iter().filter(|wanted| !steps.contains(wanted)) {
        found.push(format!("step: expected {wanted}, and it is not on the way"));
    }
    found
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_r4_a_way_is_compared_with_what_was_expected() {
        let way = serde_json::json!({ "outcome": "deliver", "code": 250, "groups": [
            { "recipients": ["a@x.example"], "outcome": "bounce", "trace": [{ "command": "incoming", "answer": "no" }] }
        ] });
        let expect = |json: Value| serde_json::from_value::<Expected>(json).unwrap();
        let good =
            expect(serde_json::json!({ "outcome": "deliver", "code": 250, "ways": { "a@x.example": "bounce" }, "steps": ["incoming=no"] }));
        assert_eq!(differences(&good, &way), Vec::<String>::new());
        let bad =
            expect(serde_json::json!({ "outcome": "drop", "code": 550, "ways": { "b@x.example": "bounce" }, "steps": ["incoming=yes"] }));
        assert_eq!(differences(&bad, &way).len(), 4);
    }
}
