//! Managed domains and accounts, to look at; they are changed by `config apply` and by the API.

use axum::response::Response;
use minijinja::context;
use web::{Caller, Cell, Column, Failed, Kit, Table, Tone};

use crate::say::Say;
use crate::view::{DomainItem, Page, UserItem};

/// Draws the managed domains.
///
/// # Errors
/// When a template fails.
pub fn draw_domains(kit: &Kit, caller: &Caller, domains: &[DomainItem]) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = ["domain-name", "domain-forward", "domain-tls", "domain-language"].map(|id| Column::text(say.t(id))).to_vec();
    let rows = domains.iter().map(|domain| {
        let language = if domain.language.is_empty() { "\u{2013}" } else { &domain.language };
        vec![Cell::text(domain.name.clone()), Cell::code(domain.forward.clone()), Cell::code(domain.tls.clone()), Cell::text(language)]
    });
    let table = Table::new(say.t("domains-caption"), say.t("domains-empty"), columns).rows(rows);
    let (title, intro) = (say.t("nav-domains"), say.t("domains-intro"));
    kit.page(caller, "list.html", context! { title, intro, table })
}

/// Draws a page of the accounts.
///
/// # Errors
/// When a template fails.
pub fn draw_users(kit: &Kit, caller: &Caller, page: &Page<UserItem>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = vec![
        Column::text(say.t("user-address")),
        Column::text(say.t("user-name")),
        Column::number(say.t("user-smime-keys")),
        Column::text(say.t("user-state")),
    ];
    let rows = page.items.iter().map(|user| {
        let state = if user.active { ("user-active", Tone::Good) } else { ("user-inactive", Tone::Plain) };
        vec![
            Cell::text(user.address.clone()),
            Cell::text(user.name.clone()),
            Cell::number(user.smime_keys),
            Cell::state(say.t(state.0), state.1),
        ]
    });
    let table = Table::new(say.t("users-caption"), say.t("users-empty"), columns).rows(rows);
    let table = table.paged("/users", page.here.as_deref(), page.next.as_deref());
    let (title, intro) = (say.t("nav-users"), say.t("users-intro"));
    kit.page(caller, "list.html", context! { title, intro, table })
}
