//! Versions of the rule set, and the tests that it carries.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, expect, refused, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::schema::{RulesReplay, RulesRollback, RulesTest, RulesTests};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (right, look, change) = (Right::MailProcessing, Access::Read, Access::Write);
    let api = api
        .route(
            Op::get("/rules/versions", "rules_versions")
                .needs(right, look)
                .says("Versions of the rules, newest first")
                .answers("RuleVersionList"),
            versions,
        )
        .route(
            Op::get("/rules/versions/{number}", "rules_version").needs(right, look).says("The text of one version").answers("Rules"),
            version,
        )
        .route(
            Op::get("/rules/diff", "rules_diff")
                .needs(right, look)
                .says("What changed between two versions, line by line")
                .query("from", "the older version")
                .query("to", "the newer version; without it the rules that run")
                .answers("RulesDiff"),
            diff,
        )
        .route(
            Op::post("/rules/rollback", "rules_rollback")
                .needs(right, change)
                .says("Puts an old version in force again, as a new one")
                .takes("RulesRollback")
                .answers("RulesApplied")
                .versioned(),
            rollback,
        );
    api.route(
        Op::get("/rules/tests", "rules_tests").needs(right, look).says("The tests that the rules carry").answers("RulesTests").versioned(),
        tests,
    )
    .route(
        Op::put("/rules/tests", "rules_tests_put")
            .needs(right, change)
            .says("Other tests, and whether rules must pass them")
            .takes("RulesTests")
            .answers("RulesApplied")
            .versioned(),
        put_tests,
    )
    .route(
        Op::post("/rules/test", "rules_test")
            .needs(right, look)
            .says("Runs tests; sends nothing")
            .takes("RulesTest")
            .answers("RulesTested"),
        test,
    )
    .route(
        Op::post("/rules/replay", "rules_replay")
            .needs(right, look)
            .says("A past decision of this node under another rule set")
            .takes("RulesReplay")
            .answers("any"),
        replay,
    )
}

async fn versions(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let all = state.admin().rules_versions(&caller.actor).await?;
    let shown: Vec<_> = all
        .into_iter()
        .map(|one| json!({ "number": one.number, "at": one.at.rfc3339(), "who": one.who, "in_force": one.in_force }))
        .collect();
    value(&json!({ "items": shown, "next": null }))
}

async fn version(State(state): State<ConsoleState>, caller: Caller, Path(number): Path<i64>) -> Result<Response, Failed> {
    let setting = state.admin().rules_version(&caller.actor, number).await.map_err(refused)?;
    value(&json!({ "version": number, "text": setting.text, "generator": setting.generator }))
}

async fn diff(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let number = |name: &str| asked.text(name).parse::<i64>().map_err(|_| bad_field(name, "expected the number of a version"));
    let from = number("from")?;
    let to = if asked.text("to").is_empty() { None } else { Some(number("to")?) };
    let diff = state.admin().rules_diff(&caller.actor, from, to).await.map_err(refused)?;
    value(&json!({ "diff": diff }))
}

async fn rollback(State(state): State<ConsoleState>, caller: Caller, headers: HeaderMap, content: Content) -> Result<Response, Failed> {
    let asked: RulesRollback = content.json()?;
    let done = state.admin().rules_rollback(&caller.actor, asked.number, expect(&headers)?).await.map_err(refused)?;
    versioned(done.version, &json!({ "version": done.version, "warnings": done.warnings, "left_out": done.left_out }))
}

async fn tests(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let kept = state.admin().rules_show(&caller.actor).await?;
    versioned(kept.version, &json!({ "tests": kept.record.tests, "require_tests": kept.record.require_tests }))
}

async fn put_tests(State(state): State<ConsoleState>, caller: Caller, headers: HeaderMap, content: Content) -> Result<Response, Failed> {
    let asked: RulesTests = content.json()?;
    let tests = read(asked.tests)?;
    let done = state.admin().rules_tests_put(&caller.actor, tests, asked.require_tests, expect(&headers)?).await.map_err(refused)?;
    versioned(done.version, &json!({ "version": done.version, "warnings": done.warnings, "left_out": done.left_out }))
}

async fn test(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: RulesTest = content.json()?;
    let name = if asked.name.is_empty() { "rules" } else { &asked.name };
    let (rules, tests) = (asked.rules.as_deref().map(|text| (name, text)), asked.tests.map(read).transpose()?);
    let results = state.admin().rules_test(&caller.actor, rules, tests).await.map_err(refused)?;
    let failed = results.iter().filter(|result| !result.passed).count();
    value(&json!({ "tests": results, "passed": results.len() - failed, "failed": failed }))
}

async fn replay(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: RulesReplay = content.json()?;
    let name = if asked.name.is_empty() { "rules" } else { &asked.name };
    let rules = asked.rules.as_deref().map(|text| (name, text));
    value(&json!(state.admin().rules_replay(&caller.actor, &asked.trace, rules).await.map_err(refused)?))
}

fn read(tests: Vec<serde_json::Value>) -> Result<Vec<model::site::RuleTest>, Failed> {
    let one = |test| serde_json::from_value(test).map_err(|error| bad_field("tests", &error.to_string()).into());
    tests.into_iter().map(one).collect()
}
