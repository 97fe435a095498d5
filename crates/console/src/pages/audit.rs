//! The audit log: who changed what, before and after (console.md A-1). Secrets were masked before they were written.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use web::{Caller, Cell, Column, Failed, Kit, Table};

use crate::gather::{Asked, ROWS, page_of};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{AuditItem, Page};

/// `GET /audit?after=CURSOR`.
///
/// # Errors
/// When the store is away.
pub async fn get(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let after = asked.text("after");
    let rows = state.admin().audit_log(&caller.actor, after, ROWS + 1).await?;
    let page = page_of(rows, after, |row| row.id.clone()).map(|row| AuditItem {
        at: row.at,
        who: row.who,
        what: row.what,
        before: row.before.unwrap_or_default(),
        after: row.after.unwrap_or_default(),
    });
    draw(state.kit(), &caller, &page)
}

/// Draws a page of it, newest first.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, page: &Page<AuditItem>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = ["audit-when", "audit-who", "audit-what", "audit-before", "audit-after"].map(|id| Column::text(say.t(id))).to_vec();
    let rows = page.items.iter().map(|item| {
        vec![Cell::time(item.at), Cell::text(item.who.clone()), Cell::code(item.what.clone()), json(&item.before), json(&item.after)]
    });
    let table = Table::new(say.t("audit-caption"), say.t("audit-empty"), columns).rows(rows);
    let table = table.paged("/audit", page.here.as_deref(), page.next.as_deref());
    let (title, intro) = (say.t("nav-audit"), say.t("audit-intro"));
    kit.page(caller, "list.html", context! { title, intro, table })
}

/// Shown part of a long value; the whole is in the API.
const SHOWN: usize = 300;

fn json(text: &str) -> Cell {
    match text.char_indices().nth(SHOWN) {
        _ if text.is_empty() => Cell::text("\u{2013}"),
        Some((end, _)) => Cell::code(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cell::code(text),
    }
}
