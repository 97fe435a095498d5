//! Devices: a table that pages by cursor at a million rows, a search by beginning, and the three rulings.

use axum::response::Response;
use minijinja::context;
use model::device::Override;
use web::form::encode;
use web::{Caller, Cell, Column, Confirm, Failed, Field, FieldKind, Kit, Table, Tone};

use crate::say::Say;
use crate::view::{DeviceItem, Page};

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
        hidden: Vec::new(),
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
