//! Certificates of partners: list, one, import, remove.

use axum::extract::{Path, State};
use axum::response::Response;
use model::{Address, Fault};
use store::Expect;
use web::guard::see_other;
use web::{Caller, Failed, FormData};

use super::{Shelf, import as incoming, item, pem_file};
use crate::gather::{Asked, ROWS, not_found};
use crate::state::ConsoleState;
use crate::view::Page;

/// `GET /certificates?owner=ADDRESS&after=ADDRESS`.
///
/// # Errors
/// When the store is away.
pub async fn list_partners(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (owner, after) = (asked.text("owner").trim(), asked.text("after"));
    let wanted = Address::parse(owner).ok();
    let mut partners = match (owner.is_empty(), &wanted) {
        (false, None) => Vec::new(),
        _ => state.admin().certificate_list(&caller.actor, wanted.as_ref(), after, ROWS + 1).await?,
    };
    // A page holds whole partners: its cursor is an address.
    let full = partners.len() > ROWS as usize;
    partners.truncate(ROWS as usize);
    let next = partners.last().and_then(|of| of.first()).map(|last| last.owner.clone()).filter(|_| full);
    let page = Page { items: partners.concat(), here: (!after.is_empty()).then(|| after.to_owned()), next };
    super::draw_list(state.kit(), &caller, Shelf::Partners, &page, owner)
}

/// `GET /certificates/{address}/{sha256}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show_partner(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, sha256)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().certificate_show(&caller.actor, &address(&owner)?, &sha256).await?;
    super::draw_item(state.kit(), &caller, Shelf::Partners, &detail, None)
}

/// `GET /certificates/{address}/{sha256}/certificate.pem`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn partner_certificate(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, sha256)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().certificate_show(&caller.actor, &address(&owner)?, &sha256).await?;
    Ok(pem_file("certificate.pem", detail.certificate))
}

/// `GET /certificates/import`.
///
/// # Errors
/// When a template fails.
pub async fn partner_import(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    super::draw_import(state.kit(), &caller, Shelf::Partners, asked.text("owner"), None)
}

/// `POST /certificates/import`.
///
/// # Errors
/// When the store is away. What is wrong with the file is shown in the form.
pub async fn partner_import_now(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    incoming::take(&state, &caller, Shelf::Partners, &form).await
}

/// `GET /certificates/{address}/{sha256}/remove`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask_partner(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, sha256)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().certificate_show(&caller.actor, &address(&owner)?, &sha256).await?;
    item::draw_confirm(state.kit(), &caller, Shelf::Partners, &detail, "remove")
}

/// `POST /certificates/{address}/{sha256}/remove`: does it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; when the store is away.
pub async fn remove_partner(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, sha256)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    state.admin().certificate_remove(&caller.actor, &address(&owner)?, &sha256, expect).await?;
    Ok(see_other(Shelf::Partners.path()))
}

fn address(text: &str) -> Result<Address, Fault> {
    Address::parse(text).map_err(|_| not_found())
}
