//! Policies: a table of all of them with what each does and how many devices it would block now, a page of choices for each, and
//! test mode.

mod edit;

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::device::Reason;
use model::site::{MobilePolicy, MobileSettings, PolicyAction, PolicyKind};
use model::{Access, Right};
use store::Expect;
use web::form::encode;
use web::guard::see_other;
use web::{Caller, Cell, Column, Confirm, Failed, FormData, Kit, Table, Tone};

use crate::gather::not_found;
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::PolicyItem;

pub use edit::{draw_edit, edit, save};

/// Most policies of a page: a kind has one for each set of labels and configurations.
const MOST: u32 = 1_000;

/// `GET /policies`.
///
/// # Errors
/// When the store is away.
pub async fn list(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let kept = state.admin().list::<MobilePolicy>(&caller.actor, "", "", MOST).await?;
    let effects = state.admin().policy_effects(&caller.actor).await?;
    let mut items: Vec<PolicyItem> = kept.into_iter().map(|kept| item(kept.record, kept.version)).collect();
    for kind in PolicyKind::ALL {
        if !items.iter().any(|item| item.kind == kind.word()) {
            items.push(item(MobilePolicy::of(kind), 0));
        }
    }
    let place = |item: &PolicyItem| PolicyKind::from_word(&item.kind);
    items.sort_by(|a, b| (place(a), &a.key).cmp(&(place(b), &b.key)));
    for item in &mut items {
        item.would_block = effects.get(&item.key).copied();
    }
    draw_list(state.kit(), &caller, &items, &state.facts().site().mobile)
}

pub(super) fn item(policy: MobilePolicy, version: i64) -> PolicyItem {
    let kind = PolicyKind::from_word(&policy.kind);
    PolicyItem {
        key: policy.key(),
        enabled: policy.enabled,
        strict: policy.strict,
        days: policy.days,
        blocks_listed: kind.filter(|kind| kind.has_list()).map(|_| policy.action == PolicyAction::Block),
        list: policy.list.iter().map(edit::written).collect(),
        link_mode: kind.filter(|kind| *kind == PolicyKind::Hyperlinks).map(|_| policy.mode),
        domains: policy.domains,
        kind: policy.kind,
        labels: policy.labels,
        gateways: policy.gateways,
        would_block: None,
        version,
    }
}

/// `GET /policies/{key}/{on|off}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path((key, to)): Path<(String, String)>) -> Result<Response, Failed> {
    let on = switch(&to)?;
    let (policy, version) = known(&state, &caller, &key).await?;
    let would_block = state.admin().policy_effects(&caller.actor).await?.get(&key).copied();
    draw_switch(state.kit(), &caller, &PolicyItem { would_block, ..item(policy, version) }, on)
}

/// `POST /policies/{key}/{on|off}`: does it.
///
/// # Errors
/// `changed-meanwhile`; `bad-field` if it can't be on as it is; when the store is away.
pub async fn act(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((key, to)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let on = switch(&to)?;
    let (policy, _) = known(&state, &caller, &key).await?;
    let expect = match form.text("version").parse() {
        Ok(0) => Expect::New,
        Ok(version) => Expect::Version(version),
        Err(_) => Expect::Any,
    };
    state.admin().put(&caller.actor, MobilePolicy { enabled: on, ..policy }, expect).await?;
    Ok(see_other("/policies"))
}

/// `GET /test-mode/{on|off}`: asks.
///
/// # Errors
/// `not-found`.
pub async fn ask_test_mode(State(state): State<ConsoleState>, caller: Caller, Path(to): Path<String>) -> Result<Response, Failed> {
    draw_test_mode(state.kit(), &caller, switch(&to)?)
}

/// `POST /test-mode/{on|off}`: does it. Devices that hang are judged at once; none has to be run anew.
///
/// # Errors
/// When the store is away.
pub async fn test_mode(State(state): State<ConsoleState>, caller: Caller, Path(to): Path<String>, _: FormData) -> Result<Response, Failed> {
    let on = switch(&to)?;
    let known = state.admin().settings::<MobileSettings>(&caller.actor).await?;
    let expect = if known.version == 0 { Expect::New } else { Expect::Version(known.version) };
    let mut settings = known.record;
    settings.test_mode = on;
    state.admin().put(&caller.actor, settings, expect).await?;
    Ok(see_other("/policies"))
}

fn switch(word: &str) -> Result<bool, Failed> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(not_found().into()),
    }
}

/// The policy of a key; a kind that nobody has written yet stands as its plain form, with version 0.
pub(super) async fn known(state: &ConsoleState, caller: &Caller, key: &str) -> Result<(MobilePolicy, i64), Failed> {
    match state.admin().show::<MobilePolicy>(&caller.actor, key).await {
        Ok(kept) => Ok((kept.record, kept.version)),
        Err(fault) if fault.code == "not-found" => {
            let kind = PolicyKind::from_word(key).ok_or(fault)?;
            Ok((MobilePolicy::of(kind), 0))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Draws the table.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, items: &[PolicyItem], settings: &MobileSettings) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let may_act = caller.actor.rights.allow(Right::MobilePolicies, Access::Write);
    let columns = vec![
        Column::text(say.t("policy-name")),
        Column::text(say.t("policy-active")),
        Column::text(say.t("policy-does")),
        Column::text(say.t("policy-concerns")),
        Column::number(say.t("policy-would-block")),
        Column::text(say.t("policy-switch")),
    ];
    let rows = items.iter().map(|item| {
        let switch = if item.enabled { ("policy-turn-off", "off") } else { ("policy-turn-on", "on") };
        vec![
            Cell::link(title(say, item), path(item)),
            if item.enabled { Cell::state(say.t("policy-on"), Tone::Good) } else { Cell::state(say.t("policy-off"), Tone::Plain) },
            Cell::text(does(say, item)),
            Cell::text(concerns(say, item)),
            item.would_block.map_or_else(|| Cell::text("\u{2013}"), |count| Cell::number(i64::try_from(count).unwrap_or(i64::MAX))),
            if may_act { Cell::link(say.t(switch.0), format!("{}/{}", path(item), switch.1)) } else { Cell::text("\u{2013}") },
        ]
    });
    let table = Table::new(say.t("policies-caption"), say.t("devices-empty"), columns).rows(rows);
    let active = items.iter().filter(|item| item.enabled).count();
    let others = [Reason::ExternalGlobal, Reason::ExternalIndividual]
        .map(|reason| (super::devices::reason(say, reason.code()), format!("/devices?reason={}", reason.code())));
    let (test_mode, closed) = (settings.test_mode, settings.external_block);
    let values = context! { table, test_mode, closed, others, may_act, active => say.with("policies-active", "count", active) };
    kit.page(caller, "policies.html", values)
}

/// Draws the question about a switch.
///
/// # Errors
/// When a template fails.
pub fn draw_switch(kit: &Kit, caller: &Caller, item: &PolicyItem, on: bool) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let consequence = match (on, item.would_block) {
        (true, Some(count)) => {
            say.with("policy-on-consequence", "count", web::kit::number_text(say.0, i64::try_from(count).unwrap_or(i64::MAX)))
        }
        (true, None) => say.t("policy-on-consequence-unknown"),
        (false, _) => say.t("policy-off-consequence"),
    };
    let confirm = Confirm {
        question: say.t(if on { "policy-on-question" } else { "policy-off-question" }),
        consequence,
        subject: format!("{}\n{}", title(say, item), does(say, item)),
        action: format!("{}/{}", path(item), if on { "on" } else { "off" }),
        submit: say.t(if on { "policy-turn-on" } else { "policy-turn-off" }),
        cancel: "/policies".to_owned(),
        danger: on,
        hidden: vec![("version".to_owned(), item.version.to_string())],
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}

/// Draws the question about test mode.
///
/// # Errors
/// When a template fails.
pub fn draw_test_mode(kit: &Kit, caller: &Caller, on: bool) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let confirm = Confirm {
        question: say.t(if on { "test-mode-on-question" } else { "test-mode-off-question" }),
        consequence: say.t(if on { "test-mode-on-consequence" } else { "test-mode-off-consequence" }),
        subject: say.t("test-mode"),
        action: format!("/test-mode/{}", if on { "on" } else { "off" }),
        submit: say.t(if on { "test-mode-on" } else { "test-mode-off" }),
        cancel: "/policies".to_owned(),
        danger: true,
        hidden: Vec::new(),
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}

pub(super) fn path(item: &PolicyItem) -> String {
    format!("/policies/{}", encode(&item.key))
}

/// Name of the kind, and what it is limited to.
pub(super) fn title(say: Say, item: &PolicyItem) -> String {
    let mut title = kind_text(say, &item.kind, "");
    let limits: Vec<&str> = item.labels.iter().chain(&item.gateways).map(String::as_str).collect();
    if !limits.is_empty() {
        title.push_str(&format!(" ({})", limits.join(", ")));
    }
    title
}

/// A text of a kind; the kind's word where a newer version knows one that this one doesn't.
pub(super) fn kind_text(say: Say, kind: &str, part: &str) -> String {
    let id = format!("policy-{}{part}", kind.replace('_', "-"));
    if texts::has(say.0, &id) { say.t(&id) } else { kind.to_owned() }
}

/// What it does, with what was chosen.
fn does(say: Say, item: &PolicyItem) -> String {
    let plain = kind_text(say, &item.kind, "-does");
    let mut parts = vec![plain];
    if let Some(days) = item.days {
        parts.push(say.with("policy-days", "days", days));
    }
    if let Some(blocks) = item.blocks_listed {
        let id = if blocks { "policy-blocks-listed" } else { "policy-allows-listed" };
        let shown = item.list.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if item.list.len() > 3 { format!("{shown}, … ({})", item.list.len()) } else { shown };
        parts.push(say.with(id, "list", if more.is_empty() { "\u{2013}".to_owned() } else { more }));
    }
    if item.strict {
        parts.push(say.t("policy-strict-short"));
    }
    parts.join(" ")
}

fn concerns(say: Say, item: &PolicyItem) -> String {
    let mut limits = BTreeMap::new();
    if !item.labels.is_empty() {
        limits.insert(0, say.with("policy-with-labels", "labels", item.labels.join(", ")));
    }
    if !item.gateways.is_empty() {
        limits.insert(1, say.with("policy-at-gateways", "gateways", item.gateways.join(", ")));
    }
    if limits.is_empty() { say.t("policy-for-all") } else { limits.into_values().collect::<Vec<_>>().join("; ") }
}
