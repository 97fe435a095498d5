//! Devices: a table that pages by cursor at a million rows, a search by beginning, and the three rulings.

use admin::devices::DeviceName;
use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::device::Override;
use store::Expect;
use store::devices::{DeviceRow, Filter};
use web::form::encode;
use web::guard::see_other;
use web::{Caller, Cell, Column, Confirm, Failed, Field, FieldKind, FormData, Kit, Table, Tone};

use crate::gather::{Asked, ROWS, not_found, page_of};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{DeviceItem, Page};

/// `GET /devices?q=BEGINNING&after=CURSOR`.
///
/// # Errors
/// When the store is away.
pub async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let search = asked.text("q").trim().to_lowercase();
    let filter = Filter { user: search.clone(), ruling: None };
    let after = asked.text("after");
    let rows = state.admin().devices(&caller.actor, &filter, split_cursor(after), ROWS + 1).await?;
    let page = page_of(rows, after, |row| cursor(&row.device.user, row.device.id.as_str()));
    let test_mode = state.facts().site().mobile.test_mode;
    draw_list(state.kit(), &caller, &page.map(item), &search, test_mode)
}

/// `GET /devices/{user}/{id}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show(State(state): State<ConsoleState>, caller: Caller, Path((user, id)): Path<(String, String)>) -> Result<Response, Failed> {
    let row = state.admin().device(&caller.actor, &DeviceName::parse(&user, &id)?).await?;
    draw_item(state.kit(), &caller, &item(row))
}

/// `GET /devices/{user}/{id}/{ruling}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id, to)): Path<(String, String, String)>,
) -> Result<Response, Failed> {
    let to = Override::from_word(&to).ok_or_else(not_found)?;
    let row = state.admin().device(&caller.actor, &DeviceName::parse(&user, &id)?).await?;
    draw_confirm(state.kit(), &caller, &item(row), to)
}

/// `POST /devices/{user}/{id}/{ruling}`: rules.
///
/// # Errors
/// `changed-meanwhile` if somebody else has ruled since the page was drawn; when the store is away.
pub async fn act(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id, to)): Path<(String, String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let to = Override::from_word(&to).ok_or_else(not_found)?;
    let name = DeviceName::parse(&user, &id)?;
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    let back = format!("/devices/{}/{}", encode(&name.user), encode(name.id.as_str()));
    state.admin().rule_devices(&caller.actor, vec![name], to, expect).await?;
    Ok(see_other(&back))
}

/// A device's place in the list. The id can't hold a slash, so the last one parts the two.
#[must_use]
pub fn cursor(user: &str, id: &str) -> String {
    format!("{user}/{id}")
}

/// Parts a cursor; `None` starts at the first.
#[must_use]
pub fn split_cursor(cursor: &str) -> Option<(&str, &str)> {
    cursor.rsplit_once('/')
}

fn item(row: DeviceRow) -> DeviceItem {
    DeviceItem {
        id: row.device.id.as_str().to_owned(),
        user: row.device.user,
        ruling: row.device.override_.word().to_owned(),
        device_type: row.device.device_type,
        agent: row.device.agent,
        last_seen: row.device.last_seen,
        allowed: row.last_allowed,
        reason: row.last_reason,
        version: row.version,
    }
}

/// Draws the list. `search` is what the user's name begins with.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, page: &Page<DeviceItem>, search: &str, test_mode: bool) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = vec![
        Column::text(say.t("device-user")),
        Column::text(say.t("device-kind")),
        Column::text(say.t("device-id")),
        Column::text(say.t("device-last-seen")),
        Column::text(say.t("device-status")),
        Column::text(say.t("device-reason")),
        Column::text(say.t("device-ruling")),
    ];
    let rows = page.items.iter().map(|item| {
        vec![
            Cell::link(item.user.clone(), path(item)),
            Cell::text(item.device_type.clone()),
            Cell::code(item.id.clone()),
            Cell::time(item.last_seen),
            status(say, item),
            if item.reason.is_empty() { Cell::text("\u{2013}") } else { Cell::text(reason(say, &item.reason)) },
            ruling(say, &item.ruling),
        ]
    });
    let base = if search.is_empty() { "/devices".to_owned() } else { format!("/devices?q={}", encode(search)) };
    let table = Table::new(say.t("devices-caption"), say.t("devices-empty"), columns).rows(rows);
    let table = table.paged(&base, page.here.as_deref(), page.next.as_deref());
    let field = Field::new("q", say.t("devices-search"), FieldKind::Search).value(search);
    kit.page(caller, "devices.html", context! { table, field, test_mode })
}

/// Draws one device.
///
/// # Errors
/// When a template fails.
pub fn draw_item(kit: &Kit, caller: &Caller, item: &DeviceItem) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let acts: Vec<_> = [Override::Whitelist, Override::Blacklist, Override::Default]
        .into_iter()
        .filter(|ruling| ruling.word() != item.ruling)
        .map(|ruling| {
            (say.t(&format!("device-act-{}", ruling.word())), format!("{}/{}", path(item), ruling.word()), ruling == Override::Blacklist)
        })
        .collect();
    let may_act = caller.actor.rights.allow(model::Right::MobileDashboard, model::Access::Write);
    let values = context! {
        id => item.id, user => item.user, device_type => item.device_type, agent => item.agent, last_seen => item.last_seen.0,
        status => status(say, item), reason => reason(say, &item.reason), ruling => ruling(say, &item.ruling), acts, may_act,
    };
    kit.page(caller, "device.html", values)
}

/// Draws the confirmation of a ruling.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm(kit: &Kit, caller: &Caller, item: &DeviceItem, to: Override) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let confirm = Confirm {
        question: say.t(&format!("device-{}-question", to.word())),
        consequence: say.t(&format!("device-{}-consequence", to.word())),
        subject: format!("{} · {} · {}", item.user, item.device_type, item.id),
        action: format!("{}/{}", path(item), to.word()),
        submit: say.t(&format!("device-act-{}", to.word())),
        cancel: path(item),
        danger: to == Override::Blacklist,
        hidden: vec![("version".to_owned(), item.version.to_string())],
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}

fn path(item: &DeviceItem) -> String {
    format!("/devices/{}/{}", encode(&item.user), encode(&item.id))
}

fn status(say: Say, item: &DeviceItem) -> Cell {
    match item.allowed {
        Some(true) => Cell::state(say.t("device-allowed"), Tone::Good),
        Some(false) => Cell::state(say.t("device-blocked"), Tone::Bad),
        None => Cell::state(say.t("device-unseen"), Tone::Plain),
    }
}

fn ruling(say: Say, word: &str) -> Cell {
    match Override::from_word(word) {
        Some(Override::Whitelist) => Cell::state(say.t("ruling-whitelist"), Tone::Good),
        Some(Override::Blacklist) => Cell::state(say.t("ruling-blacklist"), Tone::Bad),
        Some(Override::Default) | None => Cell::text(say.t("ruling-default")),
    }
}

/// A reason's words; the code itself where a newer node knows a reason that this one doesn't.
fn reason(say: Say, code: &str) -> String {
    let id = format!("reason-{}", code.replace('_', "-"));
    if texts::has(say.0, &id) { say.t(&id) } else { code.to_owned() }
}

#[cfg(test)]
mod tests {
    use model::Language;
    use model::device::Reason;

    use super::*;

    #[test]
    fn g_12a_every_reason_has_words_in_every_language() {
        for language in Language::ALL {
            for code in Reason::ALL.map(Reason::code) {
                assert_ne!(reason(Say(language), code), code, "{language:?}");
            }
        }
    }
}
