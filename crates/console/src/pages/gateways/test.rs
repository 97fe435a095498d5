//! The connection test of one configuration, and its settings as a file.

use admin::gateway_test::Step;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use minijinja::context;
use model::site::MobileGateway;
use model::{Access, Right};
use web::{Caller, Cell, Column, Failed, Kit, Table, Tone};

use super::edit::tabs;
use super::{path, title};
use crate::say::Say;
use crate::state::ConsoleState;

/// One step of a test as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// What it looked at: the end of a text's id.
    pub way: String,
    /// Which.
    pub target: String,
    /// True if it is as it should be.
    pub ok: bool,
    /// What was found, or what is wrong, in the caller's language.
    pub said: String,
    /// What was seen, for who knows the protocols; may be empty.
    pub cause: String,
    /// Milliseconds.
    pub ms: i64,
}

/// A step for this caller.
#[must_use]
pub fn shown(step: Step, caller: &Caller) -> Shown {
    let ms = i64::try_from(step.took.as_millis()).unwrap_or(i64::MAX);
    let (ok, said, cause) = match step.outcome {
        Ok(found) => (true, found, String::new()),
        Err(fault) => (false, texts::fault(caller.language, &fault), fault.cause.into_owned()),
    };
    Shown { way: step.way.word().to_owned(), target: step.target, ok, said, cause, ms }
}

/// `GET /gateways/{id}/test`: offers it.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn test(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    draw_test(state.kit(), &caller, &kept.record, None)
}

/// `POST /gateways/{id}/test`: does it.
///
/// # Errors
/// `not-found`; when the store is away. What the test finds is no error.
pub async fn run_test(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    let steps = state.admin().gateway_test(&caller.actor, &id).await?;
    let steps: Vec<Shown> = steps.into_iter().map(|step| shown(step, &caller)).collect();
    draw_test(state.kit(), &caller, &kept.record, Some(&steps))
}

/// `GET /gateways/{id}/export`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn export(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let text = state.admin().gateway_export(&caller.actor, &id).await?;
    let headers = [(header::CONTENT_TYPE, "application/toml"), (header::CONTENT_DISPOSITION, "attachment; filename=\"gateway.toml\"")];
    Ok((headers, text).into_response())
}

/// The steps of a test.
pub(super) fn table(say: Say, steps: &[Shown]) -> Table {
    let columns = vec![
        Column::text(say.t("gateway-test-way")),
        Column::text(say.t("gateway-test-target")),
        Column::text(say.t("gateway-test-result")),
        Column::text(say.t("gateway-test-said")),
        Column::number(say.t("device-transaction-took")),
    ];
    let rows = steps.iter().map(|step| {
        let (word, tone) = if step.ok { ("gateway-test-ok", Tone::Good) } else { ("gateway-test-failed", Tone::Bad) };
        let way = format!("gateway-test-{}", step.way);
        let said = if step.ok && texts::has(say.0, &format!("{way}-found")) {
            say.with(&format!("{way}-found"), "found", &step.said)
        } else {
            step.said.clone()
        };
        let said = if step.cause.is_empty() { said } else { format!("{said} [{}]", step.cause) };
        vec![
            Cell::text(say.t(&way)),
            Cell::code(step.target.clone()),
            Cell::state(say.t(word), tone),
            Cell::text(said),
            Cell::number(step.ms),
        ]
    });
    Table::new(say.t("gateway-test-caption"), say.t("gateway-test-none"), columns).rows(rows)
}

/// Draws the page; `None`: nothing was tested yet.
///
/// # Errors
/// When a template fails.
pub fn draw_test(kit: &Kit, caller: &Caller, one: &MobileGateway, steps: Option<&[Shown]>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let here = path(&one.id);
    let may_act = caller.actor.rights.allow(Right::MobileGateways, Access::Write);
    let good = steps.map(|steps| steps.iter().all(|step| step.ok));
    let values = context! {
        title => title(one), id => one.id, tabs => tabs(say, &one.id, "/test"), may_act, good, action => format!("{here}/test"),
        table => steps.map(|steps| table(say, steps)),
    };
    kit.page(caller, "gateway_test.html", values)
}
