//! Certificates of partners, and their OpenPGP keys: list, one, import, remove. The two differ in their place, right and words only.

use admin::partner_keys::PartnerKind;
use axum::extract::{Path, State};
use axum::response::Response;
use model::{Address, Fault};
use store::Expect;
use web::guard::see_other;
use web::{Caller, Failed, FormData};

use super::{Shelf, import as incoming, item, public_file};
use crate::gather::{Asked, ROWS, not_found};
use crate::state::ConsoleState;
use crate::view::Page;

/// A kind of partners' keys, for pages that are alike.
pub trait OfPartners: Send + Sync + 'static {
    /// Which.
    const KIND: PartnerKind;
    /// Where they are.
    const SHELF: Shelf;
}

/// `/certificates`.
#[derive(Debug)]
pub struct Certificates;

impl OfPartners for Certificates {
    const KIND: PartnerKind = PartnerKind::Certificates;
    const SHELF: Shelf = Shelf::Partners;
}

/// `/pgp-keys`.
#[derive(Debug)]
pub struct PgpKeys;

impl OfPartners for PgpKeys {
    const KIND: PartnerKind = PartnerKind::PgpKeys;
    const SHELF: Shelf = Shelf::Pgp;
}

/// `GET /certificates?owner=ADDRESS&after=ADDRESS`.
///
/// # Errors
/// When the store is away.
pub async fn list_partners<K: OfPartners>(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (owner, after) = (asked.text("owner").trim(), asked.text("after"));
    let wanted = Address::parse(owner).ok();
    let mut partners = match (owner.is_empty(), &wanted) {
        (false, None) => Vec::new(),
        _ => state.admin().partner_key_list(&caller.actor, K::KIND, wanted.as_ref(), after, ROWS + 1).await?,
    };
    // A page holds whole partners: its cursor is an address.
    let full = partners.len() > ROWS as usize;
    partners.truncate(ROWS as usize);
    let next = partners.last().and_then(|of| of.first()).map(|last| last.owner.clone()).filter(|_| full);
    let page = Page { items: partners.concat(), here: (!after.is_empty()).then(|| after.to_owned()), next };
    super::draw_list(state.kit(), &caller, K::SHELF, &page, owner)
}

/// `GET /certificates/{address}/{id}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show_partner<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, id)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().partner_key_show(&caller.actor, K::KIND, &address(&owner)?, &id).await?;
    super::draw_item(state.kit(), &caller, K::SHELF, &detail, None)
}

/// `GET /certificates/{address}/{id}/certificate.pem`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn partner_certificate<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, id)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().partner_key_show(&caller.actor, K::KIND, &address(&owner)?, &id).await?;
    Ok(public_file(detail))
}

/// `GET /certificates/import`.
///
/// # Errors
/// When a template fails.
pub async fn partner_import<K: OfPartners>(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    super::draw_import(state.kit(), &caller, K::SHELF, asked.text("owner"), None)
}

/// `POST /certificates/import`.
///
/// # Errors
/// When the store is away. What is wrong with the file is shown in the form.
pub async fn partner_import_now<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    form: FormData,
) -> Result<Response, Failed> {
    incoming::take(&state, &caller, K::SHELF, &form).await
}

/// `GET /certificates/{address}/{id}/remove`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask_partner<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, id)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let detail = state.admin().partner_key_show(&caller.actor, K::KIND, &address(&owner)?, &id).await?;
    item::draw_confirm(state.kit(), &caller, K::SHELF, &detail, "remove")
}

/// `POST /certificates/{address}/{id}/remove`: does it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; when the store is away.
pub async fn remove_partner<K: OfPartners>(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((owner, id)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    state.admin().partner_key_remove(&caller.actor, K::KIND, &address(&owner)?, &id, expect).await?;
    Ok(see_other(K::SHELF.path()))
}

fn address(text: &str) -> Result<Address, Fault> {
    Address::parse(text).map_err(|_| not_found())
}
