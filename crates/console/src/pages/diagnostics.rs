//! Devices whose diagnostics are on (mobile-gateway.md G-31); what was kept of one stands on its own page.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use web::form::encode;
use web::{Caller, Cell, Column, Failed, Kit, Table};

use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::DiagnosedItem;

/// `GET /diagnostics`.
///
/// # Errors
/// When the store is away.
pub async fn list(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let all = state.admin().diagnosed(&caller.actor).await?;
    let all: Vec<_> = all
        .into_iter()
        .map(|one| DiagnosedItem { user: one.user, id: one.id.as_str().to_owned(), since: one.since, kept: one.kept })
        .collect();
    let test_mode = state.facts().site().mobile.test_mode;
    draw(state.kit(), &caller, &all, test_mode)
}

/// Draws the list.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, all: &[DiagnosedItem], test_mode: bool) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = vec![
        Column::text(say.t("device-id")),
        Column::text(say.t("device-user")),
        Column::text(say.t("device-diagnosed")),
        Column::number(say.t("diagnostics-kept")),
    ];
    let rows = all.iter().map(|one| {
        vec![
            Cell::link(one.id.clone(), format!("/devices/{}/{}", encode(&one.user), encode(&one.id))),
            Cell::text(one.user.clone()),
            Cell::time(one.since),
            Cell::number(one.kept),
        ]
    });
    let table = Table::new(say.t("diagnostics-caption"), say.t("diagnostics-empty"), columns).rows(rows);
    kit.page(caller, "diagnostics.html", context! { table, test_mode })
}
