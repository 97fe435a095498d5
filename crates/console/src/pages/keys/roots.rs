//! The trust store: list, one with the mails that met it, import, trust, distrust, remove.

use axum::extract::{Path, State};
use axum::response::Response;
use model::site::{Root, Trust};
use store::Expect;
use web::guard::see_other;
use web::{Caller, Failed, FormData};

use super::{Shelf, import as incoming, item, public_file};
use crate::gather::{Asked, ROWS, not_found, page_of};
use crate::state::ConsoleState;

/// `GET /roots?trust=WORD&after=SHA256`.
///
/// # Errors
/// When the store is away.
pub async fn list_roots(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (word, after) = (asked.text("trust"), asked.text("after"));
    let trust = Trust::from_word(word);
    let rows = state.admin().root_list(&caller.actor, trust, after, ROWS + 1).await?;
    let asked = trust.map_or("", Trust::word);
    super::draw_list(state.kit(), &caller, Shelf::Roots, &page_of(rows, after, |root| root.key.clone()), asked)
}

/// `GET /roots/{sha256}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show_root(State(state): State<ConsoleState>, caller: Caller, Path(sha256): Path<String>) -> Result<Response, Failed> {
    let detail = state.admin().root_show(&caller.actor, &sha256).await?;
    super::draw_item(state.kit(), &caller, Shelf::Roots, &detail, None)
}

/// `GET /roots/{sha256}/certificate.pem`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn root_certificate(State(state): State<ConsoleState>, caller: Caller, Path(sha256): Path<String>) -> Result<Response, Failed> {
    Ok(public_file(state.admin().root_show(&caller.actor, &sha256).await?))
}

/// `GET /roots/import`.
///
/// # Errors
/// When a template fails.
pub async fn root_import(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    super::draw_import(state.kit(), &caller, Shelf::Roots, "", None)
}

/// `POST /roots/import`.
///
/// # Errors
/// When the store is away. What is wrong with the file is shown in the form.
pub async fn root_import_now(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    incoming::take(&state, &caller, Shelf::Roots, &form).await
}

/// `GET /roots/{sha256}/{act}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask_root(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((sha256, act)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().root_show(&caller.actor, &sha256).await?;
    let act = ["trust", "distrust", "remove"].into_iter().find(|known| *known == act).ok_or_else(not_found)?;
    item::draw_confirm(state.kit(), &caller, Shelf::Roots, &detail, act)
}

/// `POST /roots/{sha256}/{act}`: does it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; when the store is away.
pub async fn act_root(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((sha256, act)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    let (admin, actor) = (state.admin(), &caller.actor);
    match act.as_str() {
        "trust" => admin.root_trust(actor, &sha256, Trust::Trusted, expect).await.map(drop)?,
        "distrust" => admin.root_trust(actor, &sha256, Trust::Untrusted, expect).await.map(drop)?,
        "remove" => {
            admin.remove::<Root>(actor, &sha256, expect, false).await?;
            return Ok(see_other(Shelf::Roots.path()));
        }
        _ => return Err(not_found().into()),
    }
    Ok(see_other(&format!("{}/{}", Shelf::Roots.path(), web::form::encode(&sha256))))
}
