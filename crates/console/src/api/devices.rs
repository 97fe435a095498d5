//! Devices: list, show, rule for one or many, judge, enter, forget; CSV in and out.

use admin::compliance::{Run, Whom};
use admin::devices::DeviceName;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use model::device::{Override, Reported};
use model::{Access, Right, Timestamp};
use store::Expect;
use store::devices::{DeviceRow, Ordered};
use web::{Caller, Failed};

use crate::api::answer::{Content, bad_field, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::schema::{
    ComplianceAsked, ComplianceJob, ComplianceRun, Device, DeviceClass, DeviceDecision, DeviceNames, DeviceOrder, DeviceOrdered,
    DeviceRuling, DeviceUser, Ruled, Ruling,
};
use crate::csv;
use crate::device_query::DeviceQuery;
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    orders(changes(looks(api)))
}

/// A list that devices are filtered for.
fn filtered(op: Op) -> Op {
    op.query("q", "beginning of user, id, address, friendly name, phone number or IMEI")
        .query("user", "beginning of the user's name")
        .query("seen", "latest request within so many hours; the newest stand first then")
        .query("managed", "`true` or `false`")
        .query("status", "by the latest decision: `allowed`, `blocked` or `unseen`")
        .query("override", "only with this ruling: default, whitelist, blacklist")
        .query("reason", "only with this reason code")
        .query("gateway", "only those whose latest request came by this configuration")
}

fn looks(api: Api) -> Api {
    let (right, look) = (Right::MobileDashboard, Access::Read);
    api.route(
        filtered(Op::get("/devices", "device_list"))
            .needs(right, look)
            .says(
                "A page of devices, by user and id; a search by where it is found. A page may be short: only without `next` it is the last",
            )
            .pages()
            .answers("DeviceList"),
        list,
    )
    .route(
        filtered(Op::get("/devices/export", "device_export")).needs(right, look).says("Devices as CSV, all of them").answers("csv"),
        export,
    )
    .route(
        Op::get("/devices/counts", "device_counts")
            .needs(right, look)
            .says("How many devices there are, by all that lists are filtered by")
            .answers("DeviceClassList"),
        counts,
    )
    .route(
        Op::get("/devices/users", "device_users")
            .needs(right, look)
            .says("A page of users who have devices")
            .query("user", "beginning of the user's name")
            .pages()
            .answers("DeviceUserList"),
        users,
    )
    .route(
        Op::get("/devices/compliance", "compliance_state")
            .needs(right, look)
            .says("Compliance runs that wait, run, or were given up")
            .answers("ComplianceJobList"),
        compliance_state,
    )
    .route(Op::get("/devices/{user}/{id}", "device_show").needs(right, look).says("One device").answers("Device").versioned(), show)
    .route(
        Op::get("/devices/{user}/{id}/decisions", "device_decisions")
            .needs(right, look)
            .says("What was decided about one device, each time that it changed, the newest first")
            .query("limit", "items, 1 to 999, 100 if not said")
            .answers("DeviceDecisionList"),
        decisions,
    )
}

fn changes(api: Api) -> Api {
    let (right, change) = (Right::MobileDashboard, Access::Write);
    api.route(
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
    .route(
        Op::post("/devices/remove-unmanaged", "device_remove_unmanaged")
            .needs(right, change)
            .says("Forgets those of the devices that no management manages; each returns with its next request")
            .takes("DeviceNames")
            .answers("Ruled"),
        remove_unmanaged,
    )
    .route(
        Op::post("/devices/import", "device_import")
            .needs(right, change)
            .says("Takes in devices as CSV: the first line names the columns; every bad line is named, good lines go in")
            .takes("csv")
            .answers("DeviceImported"),
        import,
    )
    .route(
        Op::post("/devices/compliance", "compliance_run")
            .needs(right, change)
            .says("Judges devices by the policies as they are now: some at once, or those of a configuration, or all, by a job")
            .takes("ComplianceAsked")
            .answers("ComplianceRun"),
        compliance,
    )
}

fn orders(api: Api) -> Api {
    let (right, change) = (Right::MobileDashboard, Access::Write);
    api.route(
        Op::post("/devices/sync-again", "device_sync_again")
            .needs(right, change)
            .says("Orders devices to sync their folders anew: each is told when it asks next")
            .takes("DeviceOrder")
            .answers("DeviceOrdered"),
        sync_again,
    )
    .route(
        Op::post("/devices/renew-key", "device_renew_key")
            .needs(right, change)
            .says(
                "The same, and attachments are encrypted with another key from then on; files made before still open. For all it is a \
                 new data key of the site and needs `mobiledevicesadmin` too",
            )
            .takes("DeviceOrder")
            .answers("DeviceOrdered"),
        renew_key,
    )
}

async fn sync_again(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    order(&state, &caller, &content, Ordered::Resync).await
}

async fn renew_key(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    order(&state, &caller, &content, Ordered::Key).await
}

async fn order(state: &ConsoleState, caller: &Caller, content: &Content, ordered: Ordered) -> Result<Response, Failed> {
    let asked: DeviceOrder = content.json()?;
    let count = match (asked.devices, asked.all) {
        (Some(devices), false) => Some(state.admin().order_devices(&caller.actor, named(&devices)?, ordered, Expect::Any).await?),
        (None, true) => {
            state.admin().order_all(&caller.actor, ordered).await?;
            None
        }
        _ => return Err(bad_field("devices", "expected one of devices, or \"all\": true").into()),
    };
    value(&DeviceOrdered { count })
}

async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let filter = DeviceQuery::of(&asked).filter(state.kit().now())?;
    let found = state.admin().devices(&caller.actor, &filter, asked.text("after"), limit(&asked)).await?;
    let items: Vec<Device> = found.rows.into_iter().map(shown).collect();
    value(&serde_json::json!({ "items": items, "next": found.next, "total": found.total }))
}

async fn export(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let filter = DeviceQuery::of(&asked).filter(state.kit().now())?;
    Ok(csv::devices(&state, &caller.actor, filter).await?)
}

async fn counts(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let classes = state.admin().device_classes(&caller.actor).await?;
    let items: Vec<DeviceClass> = classes
        .into_iter()
        .map(|(class, count)| DeviceClass {
            reason: class.code(),
            gateway: class.gateway,
            managed: class.managed,
            ruling: class.ruling,
            allowed: class.allowed,
            count,
        })
        .collect();
    value(&serde_json::json!({ "items": items, "next": null }))
}

async fn users(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let rows = state.admin().device_users(&caller.actor, asked.text("user"), asked.text("after"), limit + 1).await?;
    page(
        rows,
        limit,
        |row| row.user.clone(),
        |row| DeviceUser {
            last_seen: time(row.last_seen),
            user: row.user,
            devices: row.devices,
            allowed: row.allowed,
            blocked: row.blocked,
            managed: row.managed,
        },
    )
}

async fn compliance_state(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let jobs = state.admin().compliance_state(&caller.actor).await?;
    let items: Vec<ComplianceJob> = jobs
        .into_iter()
        .map(|job| ComplianceJob {
            gateway: if job.key == "*" { String::new() } else { job.key },
            running_until: time(job.lease_until),
            tries: job.tries,
            failed: job.failed,
            last_error: job.last_error,
        })
        .collect();
    value(&serde_json::json!({ "items": items, "next": null }))
}

async fn decisions(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Failed> {
    let rows = state.admin().device_decisions(&caller.actor, &DeviceName::parse(&user, &id)?, limit(&asked)).await?;
    let items: Vec<DeviceDecision> = rows
        .into_iter()
        .map(|row| DeviceDecision {
            at: time(row.at),
            allowed: row.allowed,
            reason: row.reason,
            command: row.command,
            gateway: row.gateway,
            node: row.node,
            client: row.client,
            agent: row.agent,
        })
        .collect();
    value(&serde_json::json!({ "items": items, "next": null }))
}

async fn remove_unmanaged(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let names = named(&content.json::<DeviceNames>()?.devices)?;
    value(&Ruled { count: state.admin().remove_unmanaged(&caller.actor, names).await? })
}

async fn import(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    value(&state.admin().device_import(&caller.actor, &content.0).await?)
}

async fn compliance(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: ComplianceAsked = content.json()?;
    let whom = match (asked.devices, asked.gateway, asked.all) {
        (Some(devices), None, false) => Whom::Devices(named(&devices)?),
        (None, Some(gateway), false) => Whom::Gateway(gateway),
        (None, None, true) => Whom::All,
        _ => return Err(bad_field("devices", "expected one of devices, gateway, or \"all\": true").into()),
    };
    let (ordered, changed) = match state.admin().compliance_run(&caller.actor, &whom).await? {
        Run::Done(changed) => (false, changed),
        Run::Ordered => (true, 0),
    };
    value(&ComplianceRun { ordered, changed })
}

pub(super) fn named(devices: &[crate::api::schema::DeviceRef]) -> Result<Vec<DeviceName>, Failed> {
    devices.iter().map(|one| DeviceName::parse(&one.user, &one.id).map_err(Failed::from)).collect()
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
    let names = named(&wanted.devices)?;
    let versions = state.admin().rule_devices(&caller.actor, names, ruling(&wanted.ruling)?, Expect::Any).await?;
    value(&Ruled { count: versions.len() as u64 })
}

fn ruling(word: &str) -> Result<Override, Failed> {
    Override::from_word(word).ok_or_else(|| bad_field("override", "expected default, whitelist or blacklist").into())
}

fn shown(row: DeviceRow) -> Device {
    let reason = row.code();
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
        reason,
        gateway: row.gateway,
        node: row.node,
        client: row.client,
        state_command: row.state_command,
        state_since: time(row.state_since),
        resync_ordered: time(Timestamp::from_seconds(row.device.orders.resync)),
        key_renewed: time(Timestamp::from_seconds(row.device.orders.key)),
        reported: row.device.reported.map(|reported| Reported::clone(&reported)),
        version: row.version,
    }
}
