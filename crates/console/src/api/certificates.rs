//! Certificates of others: partners', and the trust store of roots.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{Content, done, expect, limit, page, value, versioned};
use crate::api::doc::{Api, Op};
use crate::api::keys::{detailed, read_trust, shown};
use crate::api::rules::address;
use crate::api::schema::{Key, TrustBody};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let (look, change) = (Access::Read, Access::Write);
    api.route(
        Op::get("/certificates", "certificate_list")
            .needs(Right::X509Certificates, look)
            .says("Certificates of partners, by address, newest first. `limit` counts partners")
            .query("owner", "only of this address")
            .pages()
            .answers("KeyList"),
        list,
    )
    .route(
        Op::get("/certificates/{key}/{id}", "certificate_show")
            .needs(Right::X509Certificates, look)
            .says("One certificate of a partner")
            .answers("KeyDetail")
            .versioned(),
        show,
    )
    .route(
        Op::delete("/certificates/{key}/{id}", "certificate_remove")
            .needs(Right::X509Certificates, change)
            .says("Removes one certificate of a partner")
            .versioned(),
        remove,
    )
    .route(
        Op::get("/trust-store", "trust_store_list")
            .needs(Right::X509Roots, look)
            .says("Roots and intermediates with the decision about each")
            .query("trust", "only `trusted`, `untrusted` or `undefined` ones")
            .pages()
            .answers("KeyList"),
        roots,
    )
    .route(
        Op::get("/trust-store/{key}", "trust_store_show")
            .needs(Right::X509Roots, look)
            .says("One root or intermediate")
            .answers("KeyDetail")
            .versioned(),
        root,
    )
    .route(
        Op::put("/roots/{key}/trust", "root_trust")
            .needs(Right::X509Roots, change)
            .says("Decides about a root")
            .takes("Trust")
            .answers("Trust")
            .versioned(),
        trust,
    )
}

async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let owner = match asked.text("owner") {
        "" => None,
        text => Some(address("owner", text)?),
    };
    let mut partners = state.admin().certificate_list(&caller.actor, owner.as_ref(), asked.text("after"), limit + 1).await?;
    let full = partners.len() > limit as usize;
    partners.truncate(limit as usize);
    let next = partners.last().and_then(|of| of.first()).map(|last| last.owner.clone()).filter(|_| full);
    let items: Vec<Key> = partners.into_iter().flatten().map(shown).collect();
    value(&json!({ "items": items, "next": next }))
}

async fn show(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, sha256)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let owner = address("owner", &owner)?;
    let detail = state.admin().certificate_show(&caller.actor, &owner, &sha256.to_ascii_lowercase()).await?;
    versioned(detail.summary.version, &detailed(detail))
}

async fn remove(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, sha256)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let owner = address("owner", &owner)?;
    state.admin().certificate_remove(&caller.actor, &owner, &sha256.to_ascii_lowercase(), expect(&headers)?).await?;
    Ok(done())
}

async fn roots(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let limit = limit(&asked);
    let trust = match asked.text("trust") {
        "" => None,
        word => Some(read_trust(word)?),
    };
    let rows = state.admin().root_list(&caller.actor, trust, asked.text("after"), limit + 1).await?;
    page(rows, limit, |row| row.key.clone(), shown)
}

async fn root(State(state): State<ConsoleState>, caller: Caller, Path(sha256): Path<String>) -> Result<Response, Failed> {
    let detail = state.admin().root_show(&caller.actor, &sha256.to_ascii_lowercase()).await?;
    versioned(detail.summary.version, &detailed(detail))
}

async fn trust(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(key): Path<String>,
    headers: HeaderMap,
    content: Content,
) -> Result<Response, Failed> {
    let wanted: TrustBody = content.json()?;
    let version = state.admin().root_trust(&caller.actor, &key.to_ascii_lowercase(), read_trust(&wanted.trust)?, expect(&headers)?).await?;
    versioned(version, &wanted)
}
