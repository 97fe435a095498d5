//! The mobile dashboard: how many devices there are and how they stand, as numbers and bars that lead to the list, and
//! compliance runs.

use std::collections::BTreeMap;

use admin::compliance::Whom;
use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::{Access, Right};
use store::devices::{Class, Status};
use web::guard::see_other;
use web::share::DrawnShare;
use web::{Caller, Confirm, Failed, FormData, Kit, Part, Share};

use crate::device_query::DeviceQuery;
use crate::pages::devices::reason;
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::Mobile;

/// `GET /mobile`.
///
/// # Errors
/// When the store is away.
pub async fn get(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let classes = state.admin().device_classes(&caller.actor).await?;
    let runs = state.admin().compliance_state(&caller.actor).await?;
    let site = state.facts().site();
    let mobile = Mobile {
        classes,
        gateways: site.gateways.values().map(|one| (one.id.clone(), one.name.clone())).collect(),
        test_mode: site.mobile.test_mode,
        runs: runs.iter().filter(|run| !run.failed).count(),
        run_failed: runs.iter().find(|run| run.failed).map(|run| run.last_error.clone()).unwrap_or_default(),
    };
    draw(state.kit(), &caller, &mobile)
}

/// `GET /compliance/{gateway}`: asks; `*` stands for all.
///
/// # Errors
/// When a template fails.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path(gateway): Path<String>) -> Result<Response, Failed> {
    draw_confirm(state.kit(), &caller, &gateway)
}

/// `POST /compliance/{gateway}`: orders the run.
///
/// # Errors
/// `bad-field` for a configuration that there is not; when the store is away.
pub async fn order(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(gateway): Path<String>,
    _: FormData,
) -> Result<Response, Failed> {
    let whom = if gateway == "*" { Whom::All } else { Whom::Gateway(gateway) };
    state.admin().compliance_run(&caller.actor, &whom).await?;
    Ok(see_other("/mobile"))
}

/// Draws the question.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm(kit: &Kit, caller: &Caller, gateway: &str) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let confirm = Confirm {
        question: say.t("compliance-question"),
        consequence: say.t("compliance-consequence"),
        subject: if gateway == "*" { say.t("mobile-all") } else { gateway.to_owned() },
        action: format!("/compliance/{}", web::form::encode(gateway)),
        submit: say.t("device-act-compliance"),
        cancel: "/mobile".to_owned(),
        danger: false,
        hidden: Vec::new(),
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}

/// Draws the dashboard.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, mobile: &Mobile) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let shares: Vec<DrawnShare> = [by_status(say, mobile), by_reason(say, mobile), by_management(say, mobile), by_gateway(say, mobile)]
        .iter()
        .enumerate()
        .map(|(n, share)| share.draw(&format!("share-{n}"), caller.language))
        .collect();
    let may_act = caller.actor.rights.allow(Right::MobileDashboard, Access::Write);
    let may_renew = may_act && caller.actor.rights.allow(Right::MobileDevices, Access::Write);
    let runs = (mobile.runs > 0).then(|| say.with("compliance-running", "count", mobile.runs));
    let failed = (!mobile.run_failed.is_empty()).then(|| say.with("compliance-failed", "error", &mobile.run_failed));
    let values = context! { counts => counts(say, mobile), shares, may_act, may_renew, runs, failed, test_mode => mobile.test_mode };
    kit.page(caller, "mobile.html", values)
}

fn sum(mobile: &Mobile, takes: impl Fn(&Class) -> bool) -> i64 {
    mobile.classes.iter().filter(|(class, _)| takes(class)).map(|(_, amount)| amount).sum()
}

/// A path to the list with one word.
fn list(set: impl FnOnce(&mut DeviceQuery)) -> String {
    let mut query = DeviceQuery::default();
    set(&mut query);
    query.path("/devices", &[])
}

fn status_of(status: Status) -> String {
    list(|query| status.word().clone_into(&mut query.status))
}

/// Name, number, path.
fn counts(say: Say, mobile: &Mobile) -> Vec<(String, i64, String)> {
    let managed = |managed: bool| sum(mobile, |class| class.managed == managed);
    let of_status = |status: Status| sum(mobile, |class| Status::of(class.allowed) == status);
    let of_reason = |code: &str| sum(mobile, |class| class.code() == code);
    let word = |word: &'static str| move |query: &mut DeviceQuery| word.clone_into(&mut query.managed);
    let reason = |code: &'static str| list(|query| code.clone_into(&mut query.reason));
    vec![
        (say.t("mobile-all"), sum(mobile, |_| true), "/devices".to_owned()),
        (say.t("mobile-managed"), managed(true), list(word("true"))),
        (say.t("mobile-unmanaged"), managed(false), list(word("false"))),
        (say.t("mobile-allowed"), of_status(Status::Allowed), status_of(Status::Allowed)),
        (say.t("mobile-blocked"), of_status(Status::Blocked), status_of(Status::Blocked)),
        (say.t("mobile-compliant"), of_reason("compliant"), reason("compliant")),
        (say.t("mobile-whitelisted"), of_reason("whitelisted"), reason("whitelisted")),
        (say.t("mobile-blacklisted"), of_reason("blacklisted"), reason("blacklisted")),
    ]
}

fn share(say: Say, title: &str, head: &str, parts: Vec<Part>) -> Share {
    Share { title: say.t(title), label_head: say.t(head), value_head: say.t("nav-devices"), parts }
}

fn by_status(say: Say, mobile: &Mobile) -> Share {
    let words = [("device-allowed", Status::Allowed), ("device-blocked", Status::Blocked), ("device-unseen", Status::Unseen)];
    let part = |(n, (id, status)): (usize, (&str, Status))| Part {
        label: say.t(id),
        value: sum(mobile, |class| Status::of(class.allowed) == status),
        href: status_of(status),
        colour: n,
    };
    share(say, "mobile-by-status", "device-status", words.into_iter().enumerate().map(part).collect())
}

/// Every reason that there are devices for, the most frequent first.
fn by_reason(say: Say, mobile: &Mobile) -> Share {
    let mut codes: BTreeMap<String, i64> = BTreeMap::new();
    for (class, amount) in mobile.classes.iter().filter(|(class, _)| !class.reason.is_empty() && class.code() != "compliant") {
        *codes.entry(class.code()).or_default() += amount;
    }
    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_by_key(|(_, amount)| -amount);
    let part = |(code, value): (String, i64)| Part {
        label: reason(say, &code),
        value,
        colour: usize::from(code != "whitelisted" && !code.starts_with("test_mode:")),
        href: list(|query| query.reason = code),
    };
    share(say, "mobile-by-reason", "device-reason", codes.into_iter().map(part).collect())
}

fn by_management(say: Say, mobile: &Mobile) -> Share {
    let part = |(n, (id, word, managed)): (usize, (&str, &str, bool))| Part {
        label: say.t(id),
        value: sum(mobile, |class| class.managed == managed),
        href: list(|query| word.clone_into(&mut query.managed)),
        colour: n,
    };
    let words = [("mobile-managed", "true", true), ("mobile-unmanaged", "false", false)];
    share(say, "mobile-by-management", "device-managed", words.into_iter().enumerate().map(part).collect())
}

fn by_gateway(say: Say, mobile: &Mobile) -> Share {
    let mut ids: Vec<String> = mobile.gateways.iter().map(|(id, _)| id.clone()).collect();
    // Configurations that are gone, but by which devices came.
    ids.extend(mobile.classes.iter().map(|(class, _)| class.gateway.clone()).filter(|id| !id.is_empty()));
    ids.sort();
    ids.dedup();
    let part = |id: String| {
        let name = mobile.gateways.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name.as_str());
        Part {
            label: if name.is_empty() { id.clone() } else { name.to_owned() },
            value: sum(mobile, |class| class.gateway == id),
            href: list(|query| query.gateway = id),
            colour: 2,
        }
    };
    share(say, "mobile-by-gateway", "device-gateway", ids.into_iter().map(part).collect())
}
