//! The rule set: show, check, apply, run, generate.

use admin::Simulation;
use admin::rule_sets::NewRules;
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use model::{Access, Address, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, expect, refused, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::schema::{RulesApply, RulesCheck, RulesGenerate, RulesRun};
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (right, look, change) = (Right::MailProcessing, Access::Read, Access::Write);
    api.route(Op::get("/rules", "rules_show").needs(right, look).says("The rule set that runs").answers("Rules").versioned(), show)
        .route(
            Op::put("/rules", "rules_apply")
                .needs(right, change)
                .says("Puts a rule set in force on all nodes")
                .takes("RulesApply")
                .answers("RulesApplied")
                .versioned(),
            apply,
        )
        .route(
            Op::post("/rules/check", "rules_check")
                .needs(right, look)
                .says("Looks at a rule text; changes nothing")
                .takes("RulesCheck")
                .answers("RulesChecked"),
            check,
        )
        .route(
            Op::post("/rules/run", "rules_run")
                .needs(right, look)
                .says("Runs a message through rules; sends nothing")
                .takes("RulesRun")
                .answers("any"),
            run,
        )
        .route(
            Op::post("/rules/generate", "rules_generate")
                .needs(right, look)
                .says("What the generator writes for switches")
                .takes("RulesGenerate")
                .answers("RulesGenerated"),
            generate,
        )
}

async fn show(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let kept = state.admin().rules_show(&caller.actor).await?;
    versioned(kept.version, &json!({ "version": kept.version, "text": kept.record.text, "generator": kept.record.generator }))
}

async fn check(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: RulesCheck = content.json()?;
    let name = if asked.name.is_empty() { "rules" } else { &asked.name };
    let warnings = state.admin().rules_check(&caller.actor, name, &asked.text).await.map_err(refused)?;
    value(&json!({ "warnings": warnings }))
}

async fn apply(State(state): State<ConsoleState>, caller: Caller, headers: HeaderMap, content: Content) -> Result<Response, Failed> {
    let asked: RulesApply = content.json()?;
    let new = match (asked.text, asked.generator) {
        (Some(text), None) => NewRules::Text(text),
        (None, Some(switches)) => NewRules::Switches(switches),
        _ => return Err(bad_field("text", "expected either text or generator").into()),
    };
    let done = state.admin().rules_apply(&caller.actor, new, expect(&headers)?).await.map_err(refused)?;
    versioned(done.version, &json!({ "version": done.version, "warnings": done.warnings, "left_out": done.left_out }))
}

async fn run(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: RulesRun = content.json()?;
    let message = STANDARD.decode(&asked.message).map_err(|_| bad_field("message", "expected the message as base64"))?;
    let from = match asked.from.as_str() {
        "" | "<>" => None,
        text => Some(address("from", text)?),
    };
    let to = asked.to.iter().map(|text| address("to", text)).collect::<Result<Vec<_>, _>>()?;
    let simulation = Simulation { rules: None, message: Bytes::from(message), from, to, authenticated: asked.authenticated };
    let name = if asked.name.is_empty() { "rules" } else { &asked.name };
    let rules = asked.rules.as_deref().map(|text| (name, text));
    value(&state.admin().rules_run(&caller.actor, rules, simulation).await.map_err(refused)?)
}

async fn generate(content: Content) -> Result<Response, Failed> {
    let asked: RulesGenerate = content.json()?;
    let made = rules::generate(&asked.generator).map_err(|found| refused(admin::AdminError::Rules(found)))?;
    value(&json!({ "text": made.text, "left_out": made.left_out }))
}

pub(super) fn address(field: &str, text: &str) -> Result<Address, Failed> {
    Address::parse(text).map_err(|error| bad_field(field, &error.to_string()).into())
}
