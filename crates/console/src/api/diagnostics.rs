//! Diagnostics of single devices: on, off, and what they kept (mobile-gateway.md G-31).

use admin::devices::DeviceName;
use axum::extract::{Path, State};
use axum::response::Response;
use model::{Access, Right};
use store::diagnostics::Kept;
use web::{Caller, Failed};

use crate::api::answer::{Content, limit, value};
use crate::api::devices::named;
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::schema::{DeviceDiagnosis, DeviceTransaction, DiagnosedDevice, Ruled};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    api.route(
        Op::get("/devices/diagnostics", "device_diagnosed")
            .needs(Right::MobileDiagnostics, Access::Read)
            .says("Devices whose diagnostics are on")
            .answers("DiagnosedDeviceList"),
        list,
    )
    .route(
        Op::post("/devices/diagnostics", "device_diagnose")
            .needs(Right::MobileDashboard, Access::Write)
            .says("Turns the diagnostics of devices on or off, of all or of none; says how many were otherwise before")
            .takes("DeviceDiagnosis")
            .answers("Ruled"),
        turn,
    )
    .route(
        Op::get("/devices/{user}/{id}/transactions", "device_transactions")
            .needs(Right::MobileDashboard, Access::Read)
            .says("Requests that diagnostics kept of one device, the newest first: facts of the protocol, no secrets and no contents")
            .query("limit", "items, 1 to 999, 100 if not said")
            .answers("DeviceTransactionList"),
        transactions,
    )
}

async fn list(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let all = state.admin().diagnosed(&caller.actor).await?;
    let items: Vec<DiagnosedDevice> = all
        .into_iter()
        .map(|one| DiagnosedDevice { user: one.user, id: one.id.as_str().to_owned(), since: time(one.since), kept: one.kept })
        .collect();
    value(&serde_json::json!({ "items": items, "next": null }))
}

async fn turn(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let wanted: DeviceDiagnosis = content.json()?;
    value(&Ruled { count: state.admin().diagnose_devices(&caller.actor, named(&wanted.devices)?, wanted.on).await? })
}

async fn transactions(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Failed> {
    let kept = state.admin().transactions(&caller.actor, &DeviceName::parse(&user, &id)?, limit(&asked)).await?;
    let items: Vec<DeviceTransaction> = kept.into_iter().map(shown).collect();
    value(&serde_json::json!({ "items": items, "next": null }))
}

fn shown(kept: Kept) -> DeviceTransaction {
    let Kept { transaction: one, node } = kept;
    DeviceTransaction {
        trace: one.trace.to_string(),
        at: time(one.at),
        command: one.command,
        version: one.version,
        allowed: one.decision.allowed,
        reason: one.decision.code().into_owned(),
        status: one.status,
        took: one.took as f64 / 1_000.0,
        received: one.received,
        sent: one.sent,
        whole: one.whole,
        gateway: one.gateway,
        node,
        client: one.client,
        agent: one.agent,
    }
}
