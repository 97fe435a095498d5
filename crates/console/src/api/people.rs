//! Administrators, tokens, and the audit log.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, done, expect, limit, page, value};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::schema::{Administrator, AdministratorAdd, AuditEntry, OneTimePassword, RightsBody, Token, TokenAdd, TokenMade};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (right, look, change) = (Right::Administration, Access::Read, Access::Write);
    api.route(Op::get("/tokens", "token_list").needs(right, look).says("All tokens, without their secrets").answers("TokenList"), tokens)
        .route(
            Op::post("/tokens", "token_add")
                .needs(right, change)
                .says("Makes a token; its text is given this once")
                .takes("TokenAdd")
                .answers("TokenMade"),
            token_add,
        )
        .route(Op::delete("/tokens/{id}", "token_remove").needs(right, change).says("Removes a token"), token_remove)
        .route(
            Op::get("/administrators", "administrator_list").needs(right, look).says("Who may sign in").answers("AdministratorList"),
            administrators,
        )
        .route(
            Op::post("/administrators", "administrator_add")
                .needs(right, change)
                .says("Makes an administrator with a one-time password")
                .takes("AdministratorAdd")
                .answers("OneTimePassword"),
            administrator_add,
        )
        .route(
            Op::put("/administrators/{name}/rights", "administrator_rights")
                .needs(right, change)
                .says("Gives an administrator these rights")
                .takes("Rights")
                .versioned(),
            administrator_rights,
        )
        .route(
            Op::post("/administrators/{name}/reset", "administrator_reset")
                .needs(right, change)
                .says("Gives a new one-time password")
                .answers("OneTimePassword"),
            administrator_reset,
        )
        .route(
            Op::delete("/administrators/{name}", "administrator_remove").needs(right, change).says("Removes an administrator").versioned(),
            administrator_remove,
        )
}

async fn tokens(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let items: Vec<Token> = state.admin().token_list(&caller.actor).await?.into_iter().map(token).collect();
    value(&json!({ "items": items, "next": null }))
}

async fn token_add(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: TokenAdd = content.json()?;
    let lifetime = asked.lifetime_seconds.map(Duration::from_secs);
    let (made, secret) = state.admin().token_add(&caller.actor, &asked.name, &asked.scopes, lifetime).await?;
    value(&TokenMade { info: token(made), token: secret.expose().to_owned() })
}

async fn token_remove(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    state.admin().token_remove(&caller.actor, &id).await?;
    Ok(done())
}

async fn administrators(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let shown = |who: admin::administrators::Shown| Administrator {
        name: who.name,
        rights: who.rights,
        must_change: who.must_change,
        version: who.version,
    };
    let items: Vec<Administrator> = state.admin().administrators(&caller.actor).await?.into_iter().map(shown).collect();
    value(&json!({ "items": items, "next": null }))
}

async fn administrator_add(State(state): State<ConsoleState>, caller: Caller, content: Content) -> Result<Response, Failed> {
    let asked: AdministratorAdd = content.json()?;
    let password = state.admin().administrator_add(&caller.actor, &asked.name, &asked.rights).await?;
    value(&OneTimePassword { name: asked.name, one_time_password: password.expose().to_owned() })
}

async fn administrator_rights(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let asked: RightsBody = content.json()?;
    state.admin().administrator_rights(&caller.actor, &name, &asked.rights, expect(&headers)?).await?;
    Ok(done())
}

async fn administrator_reset(State(state): State<ConsoleState>, caller: Caller, Path(name): Path<String>) -> Result<Response, Failed> {
    let password = state.admin().administrator_reset(&caller.actor, &name).await?;
    state.kit().sessions().end_others(&name, None);
    value(&OneTimePassword { name, one_time_password: password.expose().to_owned() })
}

async fn administrator_remove(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    state.admin().administrator_remove(&caller.actor, &name, expect(&headers)?).await?;
    state.kit().sessions().end_others(&name, None);
    Ok(done())
}

pub(super) async fn audit(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let rows = state.admin().audit_log(&caller.actor, asked.text("after"), limit + 1).await?;
    let shown = |row: store::audit::Kept| AuditEntry {
        id: row.id,
        at: row.at.rfc3339(),
        who: row.who,
        what: row.what,
        before: row.before,
        after: row.after,
    };
    page(rows, limit, |row| row.id.clone(), shown)
}

fn token(shown: admin::tokens::Shown) -> Token {
    let expires = shown.expires.and_then(time);
    Token { id: shown.id, name: shown.name, owner: shown.owner, scopes: shown.scopes, created: shown.created.rfc3339(), expires }
}
