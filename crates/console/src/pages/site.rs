//! Managed domains and accounts, to look at; they are changed by `config apply` and by the API.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use model::site::{Domain, User};
use web::{Caller, Cell, Column, Failed, Kit, Table, Tone};

use crate::gather::{Asked, ROWS, page_of};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{DomainItem, Page, UserItem};

/// `GET /domains`.
///
/// # Errors
/// When the store is away.
pub async fn domains(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let after = asked.text("after");
    let rows = state.admin().list::<Domain>(&caller.actor, "", after, ROWS + 1).await?;
    let page = page_of(rows, after, |row| row.key.clone()).map(|row| DomainItem {
        dkim: row.record.dkim_selectors().into_iter().map(|(_, selector)| selector).next().unwrap_or_default(),
        name: row.record.name,
        forward: row.record.forward,
        tls: row.record.tls,
        language: row.record.language.map_or_else(String::new, |language| language.tag().to_owned()),
    });
    draw_domains(state.kit(), &caller, &page)
}

/// `GET /users`. The numbers of keys come from this node's memory.
///
/// # Errors
/// When the store is away.
pub async fn users(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let after = asked.text("after");
    let rows = state.admin().list::<User>(&caller.actor, "", after, ROWS + 1).await?;
    let site = state.facts().site();
    let page = page_of(rows, after, |row| row.key.clone()).map(|row| UserItem {
        smime_keys: site.keys_of.get(&row.record.address.key()).map_or(0, |keys| i64::try_from(keys.len()).unwrap_or(i64::MAX)),
        active: !(row.record.may_not_encrypt && row.record.may_not_sign),
        address: row.record.address.as_str().to_owned(),
        name: row.record.name,
    });
    draw_users(state.kit(), &caller, &page)
}

/// Draws the managed domains.
///
/// # Errors
/// When a template fails.
pub fn draw_domains(kit: &Kit, caller: &Caller, page: &Page<DomainItem>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns =
        ["domain-name", "domain-forward", "domain-tls", "domain-language", "domain-dkim"].map(|id| Column::text(say.t(id))).to_vec();
    let rows = page.items.iter().map(|domain| {
        let or_dash = |text: &str| if text.is_empty() { "\u{2013}".to_owned() } else { text.to_owned() };
        vec![
            Cell::text(domain.name.clone()),
            Cell::code(domain.forward.clone()),
            Cell::code(domain.tls.clone()),
            Cell::text(or_dash(&domain.language)),
            Cell::code(or_dash(&domain.dkim)),
        ]
    });
    let table = Table::new(say.t("domains-caption"), say.t("domains-empty"), columns).rows(rows);
    let table = table.paged("/domains", page.here.as_deref(), page.next.as_deref());
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
            Cell::link(user.address.clone(), format!("/users/{}", web::form::encode(&user.address))),
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
