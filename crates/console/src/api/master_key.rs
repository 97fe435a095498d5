//! The master key, and what keys were used for.

use admin::master_key::MasterState;
use axum::extract::{Path, State};
use axum::response::Response;
use model::{Access, Right};
use serde_json::json;
use web::{Caller, Failed};

use crate::api::answer::{limit, value};
use crate::api::doc::{Api, Op};
use crate::api::home::time;
use crate::api::schema::{KeyUsed, MasterKey};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    api.route(
        Op::get("/master-key", "master_key_show")
            .needs(Right::Administration, Access::Read)
            .says("How the site's keys are protected")
            .answers("MasterKey"),
        show,
    )
    .route(
        Op::post("/master-key/rotate", "master_key_rotate")
            .needs(Right::Administration, Access::Write)
            .says("Changes the master key while the site runs, and seals the keys anew. May be called again if it was cut short")
            .answers("MasterKey"),
        rotate,
    )
    .route(
        Op::get("/keys/{id}/uses", "key_uses")
            .needs(Right::Users, Access::Read)
            .says("What a key was used for on this node, and for which mail, newest first")
            .query("limit", "uses, 1 to 999, 100 if not said")
            .answers("KeyUsedList"),
        uses,
    )
}

async fn show(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    value(&shown(state.admin().master_state(&caller.actor).await?))
}

async fn rotate(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    value(&shown(state.admin().master_rotate(&caller.actor).await?))
}

async fn uses(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, asked: Asked) -> Result<Response, Failed> {
    let limit = usize::try_from(limit(&asked)).unwrap_or(1);
    let uses = state.admin().key_uses(&caller.actor, &id, limit).await?;
    let shown =
        |used: admin::key_uses::KeyUsed| KeyUsed { at: used.at, trace: used.trace, purpose: used.purpose, operation: used.operation };
    let items: Vec<KeyUsed> = uses.into_iter().map(shown).collect();
    value(&json!({ "items": items, "next": null }))
}

fn shown(state: MasterState) -> MasterKey {
    MasterKey {
        epoch: state.epoch,
        made: state.made.and_then(time),
        data_keys: state.data_keys as u64,
        rows: state.rows as u64,
        waiting: state.waiting as u64,
    }
}
