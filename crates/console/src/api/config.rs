//! The whole site as one file: export, check, diff, apply.

use admin::config::Allow;
use admin::domain_removal::Remains;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, refused, value};
use crate::api::doc::{Api, Op};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (right, look, change) = (Right::Administration, Access::Read, Access::Write);
    api.route(
        Op::get("/config", "config_export").needs(right, look).says("The site as a file (TOML), secrets by name").answers("text"),
        export,
    )
    .route(
        Op::post("/config/check", "config_check")
            .needs(right, look)
            .says("Looks at a site file by itself")
            .takes("text")
            .answers("Applied"),
        check,
    )
    .route(
        Op::post("/config/diff", "config_diff")
            .needs(right, look)
            .says("What applying a site file would change")
            .takes("text")
            .answers("Applied"),
        diff,
    )
    .route(
        Op::post("/config/apply", "config_apply")
            .needs(right, change)
            .says("Makes the site what the file says, all or nothing")
            .query("allow_delete", "`true`: rows with keys may go")
            .query(
                "users",
                "`keep`, `disable` or `delete`: what becomes of users and keys of domains that go, where the file does not name its users",
            )
            .takes("text")
            .answers("Applied"),
        apply,
    )
}

async fn export(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let text = state.admin().config_export(&caller.actor).await?;
    Ok(([(header::CONTENT_TYPE, "application/toml")], text).into_response())
}

async fn check(content: Content) -> Result<Response, Failed> {
    let file = admin::config::check(content.text()?).map_err(refused)?;
    value(&json!({ "changes": [], "left_out": file.left_out, "warnings": [] }))
}

async fn diff(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    value(&state.admin().config_diff(&caller.actor, content.text()?).await.map_err(refused)?)
}

async fn apply(State(state): State<ConsoleState>, caller: Caller, asked: Asked, content: Content) -> Result<Response, Failed> {
    let allow = Allow { delete: asked.flag("allow_delete"), users: Remains::read(asked.text("users"))? };
    value(&state.admin().config_apply(&caller.actor, content.text()?, allow).await.map_err(refused)?)
}
