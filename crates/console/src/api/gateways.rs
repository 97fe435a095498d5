//! What can be done with configurations of the mobile gate beside making and changing them: test, export; and the redirects that this
//! node's gate remembers.

use admin::gateway_test::Step;
use admin::profiles::Whom;
use admin::redirects::RedirectAsk;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use model::{Access, Right};
use web::{Caller, Failed};

use crate::api::answer::{bad_field, value};
use crate::api::doc::{Api, Op};
use crate::api::schema::{GatewayStep, GatewayTest, MobileRedirect, Ruled};
use crate::gather::Asked;
use crate::pages::gateways::as_file;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (right, look, change) = (Right::MobileGateways, Access::Read, Access::Write);
    api.route(
        Op::post("/gateways/{key}/test", "gateway_test")
            .needs(right, change)
            .says("Tests the connections of one: gateway and store, console and gateway, other nodes, mail servers by a 401 probe")
            .answers("GatewayTest"),
        test,
    )
    .route(
        Op::get("/gateways/{key}/export", "gateway_export")
            .needs(right, look)
            .says("Its settings as a section of a site file (TOML), secrets by name")
            .answers("text"),
        export,
    )
    .route(
        Op::get("/gateways/{key}/profiles/{platform}/{client}", "gateway_profile")
            .needs(right, look)
            .says("A profile for devices as a file; without a query its variables are left in. For users it needs the right to users too")
            .query("address", "for the user with this address")
            .query("all", "`true`: a zip with one for each user")
            .answers("octets"),
        profile,
    )
    .route(
        asks(Op::get("/mobile/redirects", "redirect_list"))
            .needs(right, look)
            .says("Where this node sends requests because the mail server said so, at most 1,000")
            .answers("MobileRedirectList"),
        redirects,
    )
    .route(
        asks(Op::delete("/mobile/redirects", "redirect_clear"))
            .needs(right, change)
            .says("Forgets redirects of this node; without a query all of them")
            .answers("Ruled"),
        clear,
    )
}

fn asks(op: Op) -> Op {
    op.query("gateway", "only of this configuration").query("user", "only of this user").query("device", "only of this device id")
}

async fn test(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>) -> Result<Response, Failed> {
    let steps: Vec<GatewayStep> =
        state.admin().gateway_test(&caller.actor, &key).await?.into_iter().map(|step| shown(step, caller.language)).collect();
    value(&GatewayTest { ok: steps.iter().all(|step| step.ok), steps })
}

fn shown(step: Step, language: model::Language) -> GatewayStep {
    let (ok, found, code, message, cause) = match step.outcome {
        Ok(found) => (true, found, String::new(), String::new(), String::new()),
        Err(fault) => (false, String::new(), fault.code.to_owned(), texts::fault(language, &fault), fault.cause.into_owned()),
    };
    let ms = u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX);
    GatewayStep { way: step.way.word().to_owned(), target: step.target, ok, found, code, message, cause, ms }
}

async fn export(State(state): State<ConsoleState>, caller: Caller, Path(key): Path<String>) -> Result<Response, Failed> {
    let text = state.admin().gateway_export(&caller.actor, &key).await?;
    Ok(([(header::CONTENT_TYPE, "application/toml")], text).into_response())
}

async fn profile(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((key, platform, client)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Failed> {
    let whom = match (asked.text("address"), asked.flag("all")) {
        ("", true) => Whom::All,
        ("", false) => Whom::Nobody,
        (address, false) => Whom::One(address.to_owned()),
        (_, true) => return Err(bad_field("address", "expected an address or `all`, not both").into()),
    };
    Ok(as_file(state.admin().profile(&caller.actor, &key, (&platform, &client), &whom).await?))
}

fn ask(asked: &Asked) -> RedirectAsk {
    let word = |name: &str| Some(asked.text(name).to_owned()).filter(|word| !word.is_empty());
    RedirectAsk { gateway: word("gateway"), user: word("user"), device: word("device") }
}

async fn redirects(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (found, total) = state.admin().redirects(&caller.actor, &ask(&asked))?;
    let items: Vec<MobileRedirect> = found
        .into_iter()
        .map(|one| MobileRedirect {
            gateway: one.gateway,
            user: one.user,
            device: one.device.map_or_else(String::new, |device| device.as_str().to_owned()),
            url: one.url,
        })
        .collect();
    value(&serde_json::json!({ "items": items, "next": null, "total": total }))
}

async fn clear(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    value(&Ruled { count: state.admin().clear_redirects(&caller.actor, &ask(&asked)).await? })
}
