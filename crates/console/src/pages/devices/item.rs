//! One device: what it is, what was decided about it and why, and what can be done.

use admin::devices::DeviceName;
use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::Timestamp;
use web::{Caller, Cell, Column, Failed, Kit, Table};

use super::{Act, item, path, reason, ruling, status, told};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::{DecisionItem, DeviceItem, TransactionItem};

/// Changes of the decision that the page shows.
const DECISIONS: u32 = 50;
/// Requests kept by diagnostics that the page shows.
const TRANSACTIONS: u32 = 100;

/// `GET /devices/{user}/{id}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show(State(state): State<ConsoleState>, caller: Caller, Path((user, id)): Path<(String, String)>) -> Result<Response, Failed> {
    let name = DeviceName::parse(&user, &id)?;
    let row = state.admin().device(&caller.actor, &name).await?;
    let decisions = state.admin().device_decisions(&caller.actor, &name, DECISIONS).await?;
    let decisions: Vec<_> = decisions
        .into_iter()
        .map(|one| DecisionItem {
            at: one.at,
            allowed: one.allowed,
            reason: one.reason,
            command: one.command,
            gateway: one.gateway,
            client: one.client,
        })
        .collect();
    let kept = state.admin().transactions(&caller.actor, &name, TRANSACTIONS).await?;
    let transactions: Vec<_> = kept.into_iter().map(|kept| transaction(kept.transaction)).collect();
    let mut item = item(row);
    item.diagnosed = state.admin().diagnosed_since(&caller.actor, &name).await?.unwrap_or_default();
    let test_mode = state.facts().site().mobile.test_mode;
    draw_item(state.kit(), &caller, &item, (&decisions, &transactions), test_mode)
}

fn transaction(one: model::Transaction) -> TransactionItem {
    let number = |octets: u64| i64::try_from(octets).unwrap_or(i64::MAX);
    TransactionItem {
        at: one.at,
        command: format!("{} {}", one.command, one.version).trim_end().to_owned(),
        allowed: one.decision.allowed,
        reason: one.decision.code().into_owned(),
        status: i64::from(one.status),
        took: one.took / 1_000,
        received: one.received.map(number),
        sent: number(one.sent),
        whole: one.whole,
        gateway: one.gateway,
        client: one.client,
    }
}

/// Draws one device.
///
/// # Errors
/// When a template fails.
pub fn draw_item(
    kit: &Kit,
    caller: &Caller,
    item: &DeviceItem,
    (decisions, transactions): (&[DecisionItem], &[TransactionItem]),
    test_mode: bool,
) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let acts: Vec<_> = Act::ALL
        .into_iter()
        .filter(|act| act.word() != item.ruling && !(*act == Act::Remove && item.reported.managed))
        .filter(|act| *act != Act::Diagnostics(item.diagnosed.0 > 0))
        .map(|act| (say.t(&act.text("")), format!("{}/{}", path(item), act.word()), act.is_danger()))
        .collect();
    let may_act = caller.actor.rights.allow(model::Right::MobileDashboard, model::Access::Write);
    let values = context! {
        user => item.user, acts, may_act, test_mode,
        state => state_facts(say, item), requests => request_facts(say, item), reported => reported_facts(say, item),
        decisions => decision_table(say, decisions),
        transactions => (item.diagnosed.0 > 0 || !transactions.is_empty()).then(|| transaction_table(say, transactions)),
    };
    kit.page(caller, "device.html", values)
}

type Facts = Vec<(String, Cell)>;

fn state_facts(say: Say, item: &DeviceItem) -> Facts {
    let why = if item.reason.is_empty() { told("") } else { Cell::text(reason(say, &item.reason)) };
    let code = if item.reason.is_empty() { told("") } else { Cell::code(item.reason.clone()) };
    vec![
        (say.t("device-status"), status(say, item.allowed)),
        (say.t("device-reason"), why),
        (say.t("device-code"), code),
        (say.t("device-state-since"), Cell::time(item.state_since)),
        (say.t("device-state-command"), told(&item.state_command)),
        (say.t("device-ruling"), ruling(say, &item.ruling)),
        (say.t("device-resync-ordered"), ordered(item.resync_ordered)),
        (say.t("device-key-renewed"), ordered(item.key_renewed)),
        (say.t("device-diagnosed"), if item.diagnosed.0 > 0 { Cell::time(item.diagnosed) } else { Cell::text(say.t("policy-off")) }),
    ]
}

fn ordered(at: Timestamp) -> Cell {
    if at.0 == 0 { told("") } else { Cell::time(at) }
}

fn request_facts(say: Say, item: &DeviceItem) -> Facts {
    vec![
        (say.t("device-id"), Cell::code(item.id.clone())),
        (say.t("device-kind"), told(&item.device_type)),
        (say.t("device-agent"), told(&item.agent)),
        (say.t("device-last-seen"), Cell::time(item.last_seen)),
        (say.t("device-last-command"), told(&item.last_command)),
        (say.t("device-first-seen"), Cell::time(item.first_seen)),
        (say.t("device-gateway"), told(&item.gateway)),
        (say.t("device-node"), told(&item.node)),
        (say.t("device-client"), told(&item.client)),
    ]
}

fn reported_facts(say: Say, item: &DeviceItem) -> Facts {
    let known = &item.reported;
    let external = known.external.map(|external| reason(say, external.reason().code())).unwrap_or_default();
    let yes = |truth: bool| Cell::text(say.t(if truth { "kit-yes" } else { "kit-no" }));
    let maybe = |truth: Option<bool>| truth.map_or_else(|| Cell::text(say.t("device-not-reported")), yes);
    vec![
        (say.t("device-managed"), yes(known.managed)),
        (say.t("device-enrolled"), yes(known.enrolled)),
        (say.t("device-mdm-compliant"), maybe(known.mdm_compliant)),
        (say.t("device-compromised"), maybe(known.compromised)),
        (say.t("device-encrypted"), maybe(known.encrypted)),
        (say.t("device-eas-profile"), maybe(known.eas_profile)),
        (say.t("device-friendly-name"), told(&known.friendly_name)),
        (say.t("device-address"), told(&known.address)),
        (say.t("device-platform"), told(&known.platform)),
        (say.t("device-model"), told(&known.model)),
        (say.t("device-os"), told(&known.os)),
        (say.t("device-phone"), told(&known.phone)),
        (say.t("device-imei"), told(&known.imei)),
        (say.t("device-labels"), told(&known.labels.join(", "))),
        (say.t("device-external"), told(&external)),
        (say.t("device-reported-seen"), known.last_seen.map_or_else(|| told(""), Cell::time)),
    ]
}

fn decision_table(say: Say, decisions: &[DecisionItem]) -> Table {
    let columns = ["device-decided-at", "device-status", "device-reason", "device-decided-by", "device-gateway", "device-client"]
        .map(|id| Column::text(say.t(id)))
        .to_vec();
    let rows = decisions.iter().map(|one| {
        vec![
            Cell::time(one.at),
            status(say, Some(one.allowed)),
            Cell::text(reason(say, &one.reason)),
            Cell::text(if one.command.is_empty() { say.t("device-decided-here") } else { one.command.clone() }),
            told(&one.gateway),
            told(&one.client),
        ]
    });
    Table::new(say.t("device-decisions"), say.t("device-no-decisions"), columns).rows(rows)
}

fn transaction_table(say: Say, transactions: &[TransactionItem]) -> Table {
    let columns = [
        Column::text(say.t("device-transaction-at")),
        Column::text(say.t("device-transaction-command")),
        Column::text(say.t("device-status")),
        Column::text(say.t("device-reason")),
        Column::text(say.t("device-transaction-answer")),
        Column::number(say.t("device-transaction-took")),
        Column::number(say.t("device-transaction-received")),
        Column::number(say.t("device-transaction-sent")),
        Column::text(say.t("device-gateway")),
        Column::text(say.t("device-client")),
    ]
    .to_vec();
    let rows = transactions.iter().map(|one| {
        let answer = match (one.status, one.whole) {
            (0, _) => say.t("device-transaction-none"),
            (status, true) => status.to_string(),
            (status, false) => say.with("device-transaction-cut", "status", status),
        };
        vec![
            Cell::time(one.at),
            told(&one.command),
            status(say, Some(one.allowed)),
            Cell::text(reason(say, &one.reason)),
            Cell::text(answer),
            Cell::number(one.took),
            one.received.map_or_else(|| told(""), Cell::number),
            Cell::number(one.sent),
            told(&one.gateway),
            told(&one.client),
        ]
    });
    Table::new(say.t("device-transactions"), say.t("device-no-transactions"), columns).rows(rows)
}
