//! Configurations of the mobile gate: list, make by a wizard, change, test, export, turn on and off, remove. What a page does not
//! show stays as it was.

mod acts;
mod edit;
mod fields;
mod profiles;
mod test;
mod wizard;

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use model::site::MobileGateway;
use model::{Access, Right};
use web::form::encode;
use web::{Caller, Cell, Column, Failed, Kit, Table, Tone};

use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::GatewayState;

pub use acts::{Act, act, ask, draw_confirm};
pub use edit::{Part, advanced, draw_edit, edit, save, save_advanced};
pub use fields::Group;
pub(crate) use profiles::as_file;
pub use profiles::{all_profiles, draw_profiles, one_profile, profiles, save_profiles};
pub use test::{Shown, draw_test, export, run_test, shown, test};
pub use wizard::{Step, begin, draw_wizard, go_on};

/// Most configurations of the page.
const MOST: u32 = 1_000;

/// The path of a configuration's page.
fn path(id: &str) -> String {
    format!("/gateways/{}", encode(id))
}

/// What it is called where there is room for one word.
fn title(one: &MobileGateway) -> String {
    if one.name.is_empty() { one.id.clone() } else { one.name.clone() }
}

/// `GET /gateways`.
///
/// # Errors
/// When the store is away.
pub async fn list(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let kept = state.admin().list::<MobileGateway>(&caller.actor, "", "", MOST).await?;
    let all: Vec<MobileGateway> = kept.into_iter().map(|kept| kept.record).collect();
    let here = GatewayState { ready: state.admin().gateway_is_ready(), certificate_ends: state.admin().gateway_certificate_ends() };
    draw_list(state.kit(), &caller, &all, &here)
}

/// Draws the list.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, all: &[MobileGateway], here: &GatewayState) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = [
        "gateway-name",
        "policy-active",
        "gateway-kind",
        "gateway-external-url",
        "gateway-mail-server",
        "gateway-state",
        "gateway-certificate-ends",
    ];
    let rows = all.iter().map(|one| {
        let unchecked = if one.verify_tls_mail { String::new() } else { format!(" ({})", say.t("gateway-unchecked")) };
        vec![
            Cell::link(title(one), path(&one.id)),
            if one.enabled { Cell::state(say.t("policy-on"), Tone::Good) } else { Cell::state(say.t("policy-off"), Tone::Plain) },
            Cell::text(say.t(&format!("gateway-kind-{}", known_kind(&one.kind)))),
            Cell::code(if one.external_url.is_empty() { "\u{2013}" } else { one.external_url.as_str() }),
            Cell::text(format!("{}{unchecked}", one.mail_servers().collect::<Vec<_>>().join(", "))),
            state_of(say, one, here.ready),
            here.certificate_ends.map_or_else(|| Cell::text("\u{2013}"), Cell::time),
        ]
    });
    let columns = columns.map(|id| Column::text(say.t(id))).to_vec();
    let table = Table::new(say.t("nav-gateways"), say.t("gateways-empty"), columns).rows(rows);
    let may_act = caller.actor.rights.allow(Right::MobileGateways, Access::Write);
    kit.page(caller, "gateways.html", context! { table, may_act })
}

/// A kind that there is a text for.
fn known_kind(kind: &str) -> &str {
    admin::gateway::KINDS.into_iter().find(|known| *known == kind).unwrap_or("other")
}

fn state_of(say: Say, one: &MobileGateway, ready: Option<bool>) -> Cell {
    match (one.enabled, ready) {
        (false, _) => Cell::state(say.t("gateway-state-off"), Tone::Plain),
        (true, Some(true)) => Cell::state(say.t("gateway-state-ready"), Tone::Good),
        (true, Some(false)) => Cell::state(say.t("gateway-state-not-ready"), Tone::Bad),
        (true, None) => Cell::text(say.t("gateway-state-elsewhere")),
    }
}
