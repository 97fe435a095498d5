//! Devices: list, show, rule for one or many, forget.

use admin::devices::DeviceName;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use model::device::{Override, Reported};
use model::{Access, Right};
use store::Expect;
use store::devices::{DeviceRow, Filter};
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::schema::{Device, DeviceRuling, Ruled, Ruling};
use crate::gather::Asked;
use crate::pages::devices::{cursor, split_cursor};
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (right, look, change) = (Right::MobileDashboard, Access::Read, Access::Write);
    api.route(
        Op::get("/devices", "device_list")
            .needs(right, look)
            .says("A page of devices, by user and id")
            .query("user", "beginning of the user's name")
            .query("override", "only with this ruling: default, whitelist, blacklist")
            .pages()
            .answers("DeviceList"),
        list,
    )
    .route(Op::get("/devices/{user}/{id}", "device_show").needs(right, look).says("One device").answers("Device").versioned(), show)
    .route(
        Op::put("/devices/{user}/{id}", "device_rule")
            .needs(right, change)
            .says("Rules for one device")
            .takes("Ruling")
            .answers("Device")
            .versioned(),
        rule,
    )
    .route(
        Op::put("/devices/{user}/{id}/report", "device_report")
            .needs(right, change)
            .says("Keeps what management reports of one device, all of it anew")
            .takes("DeviceReport")
            .answers("Device")
            .versioned(),
        report,
    )
    .route(Op::delete("/devices/{user}/{id}", "device_remove").needs(right, change).says("Forgets one device").versioned(), remove)
    .route(
        Op::post("/devices/rule", "device_rule_many")
            .needs(right, change)
            .says("Rules for many devices, all or none")
            .takes("DeviceRuling")
            .answers("Ruled"),
        rule_many,
    )
}

async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let ruling = match asked.text("override") {
        "" => None,
        word => Some(ruling(word)?),
    };
    let filter = Filter { user: asked.text("user").to_lowercase(), ruling };
    let rows = state.admin().devices(&caller.actor, &filter, split_cursor(asked.text("after")), limit + 1).await?;
    page(rows, limit, |row| cursor(&row.device.user, row.device.id.as_str()), shown)
}

async fn show(State(state): State<ConsoleState>, caller: Caller, Path((user, id)): Path<(String, String)>) -> Result<Response, Failed> {
    let row = state.admin().device(&caller.actor, &DeviceName::parse(&user, &id)?).await?;
    versioned(row.version, &shown(row))
}

async fn rule(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let name = DeviceName::parse(&user, &id)?;
    let to = ruling(&content.json::<Ruling>()?.ruling)?;
    state.admin().rule_devices(&caller.actor, vec![name.clone()], to, expect(&headers)?).await?;
    let row = state.admin().device(&caller.actor, &name).await?;
    versioned(row.version, &shown(row))
}

async fn report(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let name = DeviceName::parse(&user, &id)?;
    let reported: Reported = content.json()?;
    state.admin().report_device(&caller.actor, name.clone(), reported.given(), expect(&headers)?).await?;
    let row = state.admin().device(&caller.actor, &name).await?;
    versioned(row.version, &shown(row))
}

async fn remove(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    state.admin().remove_device(&caller.actor, DeviceName::parse(&user, &id)?, expect(&headers)?).await?;
    Ok(done())
}

async fn rule_many(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let wanted: DeviceRuling = content.json()?;
    let names = wanted.devices.iter().map(|one| DeviceName::parse(&one.user, &one.id)).collect::<Result<Vec<_>, _>>()?;
    let versions = state.admin().rule_devices(&caller.actor, names, ruling(&wanted.ruling)?, Expect::Any).await?;
    value(&Ruled { count: versions.len() as u64 })
}

fn ruling(word: &str) -> Result<Override, Failed> {
    Override::from_word(word).ok_or_else(|| bad_field("override", "expected default, whitelist or blacklist").into())
}

fn shown(row: DeviceRow) -> Device {
    Device {
        id: row.device.id.as_str().to_owned(),
        user: row.device.user,
        ruling: row.device.override_.word().to_owned(),
        device_type: row.device.device_type,
        agent: row.device.agent,
        first_seen: time(row.first_seen),
        last_seen: time(row.device.last_seen),
        last_command: row.last_command,
        allowed: row.last_allowed,
        reason: row.last_reason,
        reported: row.device.reported.map(|reported| Reported::clone(&reported)),
        version: row.version,
    }
}
