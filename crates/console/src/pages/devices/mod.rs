//! Devices: the list by device and by user, filtered and searched; one device; and what can be done with them.

mod acts;
mod item;
mod orders;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use model::Timestamp;
use model::device::{Override, Reason};
use store::devices::DeviceRow;
use web::form::encode;
use web::{Caller, Cell, Column, Failed, Field, FieldKind, Kit, Table, Tone};

use crate::csv;
use crate::device_query::{DeviceQuery, HOURS};
use crate::gather::{Asked, ROWS, page_of};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{DeviceItem, DeviceList, Page, UserDevices};

pub use acts::{Act, act, act_many, ask, ask_many, draw_confirm};
pub use item::{draw_item, show};
pub use orders::{ask_all, draw_confirm_all, order_all};

/// `GET /devices?q=BEGINNING&…&after=CURSOR`.
///
/// # Errors
/// When the store is away; for a word of the query that can't be understood.
pub async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (query, after) = (DeviceQuery::of(&asked), asked.text("after"));
    let site = state.facts().site();
    let mut list = DeviceList {
        detailed: asked.text("columns") == "all",
        gateways: site.gateways.values().map(|one| (one.id.clone(), one.name.clone())).collect(),
        test_mode: site.mobile.test_mode,
        ..DeviceList::default()
    };
    if asked.text("view") == "user" {
        let rows = state.admin().device_users(&caller.actor, &query.search, after, ROWS + 1).await?;
        list.users = Some(page_of(rows, after, |row| row.user.clone()).map(|row| UserDevices {
            user: row.user,
            devices: row.devices,
            managed: row.managed,
            allowed: row.allowed,
            blocked: row.blocked,
            last_seen: row.last_seen,
        }));
    } else {
        let found = state.admin().devices(&caller.actor, &query.filter(state.kit().now())?, after, ROWS).await?;
        list.total = found.total;
        list.page = Page { items: found.rows, here: (!after.is_empty()).then(|| after.to_owned()), next: found.next }.map(item);
    }
    list.query = query;
    draw_list(state.kit(), &caller, &list)
}

/// `GET /devices.csv?…`: the same devices as a file.
///
/// # Errors
/// As [`list`].
pub async fn export(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let filter = DeviceQuery::of(&asked).filter(state.kit().now())?;
    Ok(csv::devices(&state, &caller.actor, filter).await?)
}

pub(super) fn item(row: DeviceRow) -> DeviceItem {
    DeviceItem {
        reason: row.code(),
        id: row.device.id.as_str().to_owned(),
        user: row.device.user,
        ruling: row.device.override_.word().to_owned(),
        device_type: row.device.device_type,
        agent: row.device.agent,
        first_seen: row.first_seen,
        last_seen: row.device.last_seen,
        last_command: row.last_command,
        allowed: row.last_allowed,
        state_command: row.state_command,
        state_since: row.state_since,
        gateway: row.gateway,
        node: row.node,
        client: row.client,
        resync_ordered: Timestamp::from_seconds(row.device.orders.resync),
        key_renewed: Timestamp::from_seconds(row.device.orders.key),
        reported: row.device.reported.as_deref().cloned().unwrap_or_default(),
        diagnosed: model::Timestamp(0),
        version: row.version,
    }
}

/// Draws the list.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, list: &DeviceList) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let query = &list.query;
    let may_act = caller.actor.rights.allow(model::Right::MobileDashboard, model::Access::Write) && list.users.is_none();
    let (view, columns) = (if list.users.is_some() { "user" } else { "" }, if list.detailed { "all" } else { "" });
    let base = query.path("/devices", &[("view", view), ("columns", columns)]);
    let table = match &list.users {
        Some(users) => user_table(say, users).paged(&base, users.here.as_deref(), users.next.as_deref()),
        None => device_table(say, list, may_act).paged(&base, list.page.here.as_deref(), list.page.next.as_deref()),
    };
    let tabs = [
        ("devices-view-summary", query.path("/devices", &[]), list.users.is_none() && !list.detailed),
        ("devices-view-detailed", query.path("/devices", &[("columns", "all")]), list.users.is_none() && list.detailed),
        ("devices-view-user", query.path("/devices", &[("view", "user")]), list.users.is_some()),
    ]
    .map(|(id, href, current)| (say.t(id), href, current));
    let acts: Vec<_> =
        Act::ALL.into_iter().map(|act| (say.t(&act.text("")), format!("/device-actions/{}", act.word()), act.is_danger())).collect();
    let total = list.total.map(|total| say.with("devices-total", "count", web::kit::number_text(say.0, total)));
    let values = context! {
        table, tabs, acts, may_act, total, test_mode => list.test_mode, view, columns,
        search => search_field(say, query), filters => if list.users.is_some() { Vec::new() } else { filter_fields(say, list) },
        export => query.path("/devices.csv", &[]), filtered => !query.pairs().is_empty(),
    };
    kit.page(caller, "devices.html", values)
}

fn search_field(say: Say, query: &DeviceQuery) -> Field {
    Field::new("q", say.t("devices-search"), FieldKind::Search).value(query.search.clone())
}

fn filter_fields(say: Say, list: &DeviceList) -> Vec<Field> {
    let any = || (String::new(), say.t("devices-any"));
    let select = |name: &str, id: &str, value: &str, options: Vec<(String, String)>| {
        let mut all = vec![any()];
        all.extend(options);
        // A word that no choice has (of a bookmark, of a newer version) stays visible.
        if !value.is_empty() && !all.iter().any(|(known, _)| known == value) {
            all.push((value.to_owned(), value.to_owned()));
        }
        Field::new(name, say.t(id), FieldKind::Select { options: all }).value(value)
    };
    let words = |pairs: &[(&str, &str)]| pairs.iter().map(|(word, id)| ((*word).to_owned(), say.t(id))).collect::<Vec<_>>();
    let hours = HOURS.iter().map(|hours| ((*hours).to_owned(), say.with("devices-hours", "hours", hours))).collect();
    let mut reasons = Vec::new();
    for one in Reason::ALL {
        reasons.push((one.code().to_owned(), reason(say, one.code())));
    }
    for one in Reason::ALL.into_iter().filter(|one| one.blocks()) {
        let code = format!("test_mode:{}", one.code());
        reasons.push((code.clone(), reason(say, &code)));
    }
    let gateways = list.gateways.iter().map(|(id, name)| (id.clone(), if name.is_empty() { id.clone() } else { name.clone() })).collect();
    let query = &list.query;
    vec![
        select("seen", "device-last-seen-within", &query.seen, hours),
        select("managed", "device-managed", &query.managed, words(&[("true", "kit-yes"), ("false", "kit-no")])),
        select(
            "status",
            "device-status",
            &query.status,
            words(&[("allowed", "device-allowed"), ("blocked", "device-blocked"), ("unseen", "device-unseen")]),
        ),
        select(
            "override",
            "device-ruling",
            &query.ruling,
            words(&[("default", "ruling-default"), ("whitelist", "ruling-whitelist"), ("blacklist", "ruling-blacklist")]),
        ),
        select("reason", "device-reason", &query.reason, reasons),
        select("gateway", "device-gateway", &query.gateway, gateways),
    ]
}

fn user_table(say: Say, users: &Page<UserDevices>) -> Table {
    let columns = vec![
        Column::text(say.t("device-user")),
        Column::number(say.t("nav-devices")),
        Column::number(say.t("device-managed")),
        Column::number(say.t("home-devices-allowed")),
        Column::number(say.t("home-devices-blocked")),
        Column::text(say.t("device-last-seen")),
    ];
    let rows = users.items.iter().map(|one| {
        vec![
            Cell::link(one.user.clone(), format!("/devices?user={}", encode(&one.user))),
            Cell::number(one.devices),
            Cell::number(one.managed),
            Cell::number(one.allowed),
            Cell::number(one.blocked),
            Cell::time(one.last_seen),
        ]
    });
    Table::new(say.t("devices-by-user"), say.t("devices-empty"), columns).rows(rows)
}

/// Columns of both layouts, then those of the detailed one.
const SUMMARY: [&str; 6] = ["device-user", "device-friendly-name", "device-agent", "device-last-seen", "device-status", "device-reason"];
const DETAILS: [&str; 14] = [
    "device-gateway",
    "device-address",
    "device-id",
    "device-state-command",
    "device-node",
    "device-platform",
    "device-model",
    "device-os",
    "device-phone",
    "device-imei",
    "device-kind",
    "device-client",
    "device-ruling",
    "device-labels",
];

fn device_table(say: Say, list: &DeviceList, may_act: bool) -> Table {
    let details: &[&str] = if list.detailed { &DETAILS } else { &[] };
    let columns = SUMMARY.iter().chain(details).map(|id| Column::text(say.t(id))).collect();
    let rows = list.page.items.iter().enumerate().map(|(n, item)| {
        let mut row = vec![
            if may_act { pick(say, n, item) } else { Cell::link(item.user.clone(), path(item)) },
            told(&item.reported.friendly_name),
            told(&item.agent),
            Cell::time(item.last_seen),
            status(say, item.allowed),
            if item.reason.is_empty() { told("") } else { Cell::text(reason(say, &item.reason)) },
        ];
        if list.detailed {
            row.extend([
                told(&item.gateway),
                told(&item.reported.address),
                Cell::code(item.id.clone()),
                told(&item.state_command),
                told(&item.node),
                told(&item.reported.platform),
                told(&item.reported.model),
                told(&item.reported.os),
                told(&item.reported.phone),
                told(&item.reported.imei),
                told(&item.device_type),
                told(&item.client),
                ruling(say, &item.ruling),
                told(&item.reported.labels.join(", ")),
            ]);
        }
        row
    });
    let empty = if list.page.next.is_some() { say.t("devices-empty-so-far") } else { say.t("devices-empty") };
    Table::new(say.t("devices-caption"), empty, columns).rows(rows)
}

fn pick(say: Say, n: usize, item: &DeviceItem) -> Cell {
    Cell::Pick {
        text: item.user.clone(),
        href: path(item),
        id: format!("pick-{n}"),
        value: format!("{}/{}", item.user, item.id),
        label: say.with("devices-pick", "device", format!("{} · {}", item.user, item.id)),
    }
}

pub(super) fn told(text: &str) -> Cell {
    Cell::text(if text.is_empty() { "\u{2013}" } else { text })
}

pub(super) fn path(item: &DeviceItem) -> String {
    format!("/devices/{}/{}", encode(&item.user), encode(&item.id))
}

pub(super) fn status(say: Say, allowed: Option<bool>) -> Cell {
    match allowed {
        Some(true) => Cell::state(say.t("device-allowed"), Tone::Good),
        Some(false) => Cell::state(say.t("device-blocked"), Tone::Bad),
        None => Cell::state(say.t("device-unseen"), Tone::Plain),
    }
}

pub(super) fn ruling(say: Say, word: &str) -> Cell {
    match Override::from_word(word) {
        Some(Override::Whitelist) => Cell::state(say.t("ruling-whitelist"), Tone::Good),
        Some(Override::Blacklist) => Cell::state(say.t("ruling-blacklist"), Tone::Bad),
        Some(Override::Default) | None => Cell::text(say.t("ruling-default")),
    }
}

/// A reason's words; the code itself where a newer node knows a reason that this one doesn't.
pub(crate) fn reason(say: Say, code: &str) -> String {
    if let Some(tested) = code.strip_prefix("test_mode:") {
        return say.with("reason-test-mode", "reason", reason(say, tested));
    }
    let id = format!("reason-{}", code.replace('_', "-"));
    if texts::has(say.0, &id) { say.t(&id) } else { code.to_owned() }
}

#[cfg(test)]
mod tests {
    use model::Language;

    use super::*;

    #[test]
    fn g_12a_every_reason_has_words_in_every_language() {
        for language in Language::ALL {
            for code in Reason::ALL.map(Reason::code) {
                let say = Say(language);
                assert_ne!(reason(say, code), code, "{language:?}");
                let tested = reason(say, &format!("test_mode:{code}"));
                assert!(tested.contains(&reason(say, code)) && tested != reason(say, code), "{language:?}");
            }
        }
    }
}
