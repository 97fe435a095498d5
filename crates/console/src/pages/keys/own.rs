//! Keys of our users: list, one, import, make, export, retire, remove.

use admin::key_upkeep::KINDS;
use admin::keys::Summary;
use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::site::Retirement;
use model::{Address, Fault};
use store::Expect;
use web::guard::see_other;
use web::{Caller, Failed, Field, FieldKind, Form, FormData, Kit};

use super::import::field_of;
use super::{Shelf, file, import as incoming, item, public_file};
use crate::api::answer::bad_field;
use crate::gather::{Asked, ROWS, not_found, page_of};
use crate::say::Say;
use crate::state::ConsoleState;

/// Uses of a key that its page shows.
const USES: usize = 20;
/// How long a certificate that is made here is good, in days, unless somebody says otherwise.
const DAYS: &str = "1095";

/// `GET /keys?owner=ADDRESS&after=ID`.
///
/// # Errors
/// When the store is away.
pub async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (owner, after) = (asked.text("owner").trim(), asked.text("after"));
    let wanted = Address::parse(owner).ok();
    let rows = match (owner.is_empty(), &wanted) {
        (false, None) => Vec::new(),
        _ => state.admin().key_list(&caller.actor, wanted.as_ref(), after, ROWS + 1).await?,
    };
    super::draw_list(state.kit(), &caller, Shelf::Own, &page_of(rows, after, |key| key.key.clone()), owner)
}

/// `GET /keys/{id}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn show(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let detail = state.admin().key_show(&caller.actor, &id).await?;
    // A node that keeps no log shows the key without it.
    let uses = state.admin().key_uses(&caller.actor, &id, USES).await.ok();
    super::draw_item(state.kit(), &caller, Shelf::Own, &detail, uses.as_deref())
}

/// `GET /keys/{id}/certificate.pem`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn certificate(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    Ok(public_file(state.admin().key_show(&caller.actor, &id).await?))
}

/// `GET /keys/import?owner=ADDRESS`.
///
/// # Errors
/// When a template fails.
pub async fn import(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    super::draw_import(state.kit(), &caller, Shelf::Own, asked.text("owner"), None)
}

/// `POST /keys/import`.
///
/// # Errors
/// When the store is away. What is wrong with the file is shown in the form.
pub async fn import_now(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    incoming::take(&state, &caller, Shelf::Own, &form).await
}

/// `GET /keys/generate?owner=ADDRESS`.
///
/// # Errors
/// When a template fails.
pub async fn generate(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    draw_generate(state.kit(), &caller, asked.text("owner"), None)
}

/// `POST /keys/generate`.
///
/// # Errors
/// When the store is away. What was typed wrong is shown again.
pub async fn generate_now(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    let made = async || -> Result<String, Fault> {
        let owner = Address::parse(form.text("owner").trim()).map_err(|error| bad_field("owner", &error.to_string()))?;
        let days = form.text("days").trim().parse().unwrap_or(0);
        Ok(super::path(Shelf::Own, &state.admin().key_generate(&caller.actor, &owner, form.text("kind"), days).await?))
    };
    match made().await {
        Ok(place) => Ok(see_other(&place)),
        Err(fault) if fault.code == "bad-field" => draw_generate(state.kit(), &caller, form.text("owner"), Some((&form, &fault))),
        Err(fault) => Err(fault.into()),
    }
}

/// Draws the form; `wrong` is what was typed and what is wrong with it.
///
/// # Errors
/// When a template fails.
pub fn draw_generate(kit: &Kit, caller: &Caller, owner: &str, wrong: Option<(&FormData, &Fault)>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let words = KINDS.map(|(word, _)| word).into_iter().chain(admin::pgp_keys::KINDS.map(|(word, _)| word));
    let options = words.map(|word| (word.to_owned(), say.t(&format!("key-kind-{word}")))).collect();
    let mut form = Form::new("/keys/generate", say.t("key-generate"))
        .field(Field::new("owner", say.t("keys-import-owner"), FieldKind::Email).required().value(owner))
        .field(Field::new("kind", say.t("key-algorithm"), FieldKind::Select { options }).hint(say.t("key-kind-hint")))
        .field(Field::new("days", say.t("key-days"), FieldKind::Text).required().value(DAYS));
    Shelf::Own.path().clone_into(&mut form.cancel);
    if let Some((typed, fault)) = wrong {
        form = form.rejected(typed, field_of(fault), texts::fault(say.0, fault));
    }
    kit.page(caller, "key_form.html", context! { title => say.t("key-generate-title"), intro => say.t("key-generate-intro"), form })
}

/// `GET /keys/{id}/export`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn export(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let detail = state.admin().key_show(&caller.actor, &id).await?;
    draw_export(state.kit(), &caller, &detail.summary, None)
}

/// `POST /keys/{id}/export`: the file.
///
/// # Errors
/// `not-found`; when the store is away. A pass phrase that is too short, or typed differently, is asked for again.
pub async fn export_now(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(id): Path<String>,
    form: FormData,
) -> Result<Response, Failed> {
    let pass = form.secret("passphrase");
    let differs = form.text("passphrase") != form.text("passphrase_again");
    let exported = match differs {
        true => Err(bad_field("passphrase", texts::text(caller.language, "key-passphrase-differs", &[]).as_str())),
        false => state.admin().key_export(&caller.actor, &id, &pass).await,
    };
    match exported {
        Ok(key) if key.expose().starts_with(b"-----BEGIN PGP") => Ok(file("key.asc", "application/pgp-keys", key.expose().to_vec())),
        Ok(key) => Ok(file("key.p12", "application/x-pkcs12", key.expose().to_vec())),
        Err(fault) if fault.code == "bad-field" => {
            let detail = state.admin().key_show(&caller.actor, &id).await?;
            draw_export(state.kit(), &caller, &detail.summary, Some(&fault))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Draws the form for an export.
///
/// # Errors
/// When a template fails.
pub fn draw_export(kit: &Kit, caller: &Caller, key: &Summary, wrong: Option<&Fault>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let here = super::path(Shelf::Own, key);
    let mut form = Form::new(format!("{here}/export"), say.t("keys-act-export")).password_twice(
        "passphrase",
        say.t("key-passphrase"),
        say.t("key-passphrase-again"),
        say.t("key-export-hint"),
    );
    form.cancel = here;
    if let Some(fault) = wrong {
        form = form.rejected(&FormData::default(), field_of(fault), texts::fault(say.0, fault));
    }
    kit.page(
        caller,
        "key_form.html",
        context! { title => say.with("key-export-title", "owner", &key.owner), intro => item::said(say, "key-export-intro", key), form },
    )
}

/// `GET /keys/{id}/{act}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path((id, act)): Path<(String, String)>) -> Result<Response, Failed> {
    let detail = state.admin().key_show(&caller.actor, &id).await?;
    let act = ["expire", "revoke", "remove"].into_iter().find(|known| *known == act).ok_or_else(not_found)?;
    item::draw_confirm(state.kit(), &caller, Shelf::Own, &detail, act)
}

/// `POST /keys/{id}/{act}`: does it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; when the store is away.
pub async fn act(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((id, act)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    let here = format!("{}/{}", Shelf::Own.path(), web::form::encode(&id));
    let admin = state.admin();
    match act.as_str() {
        "expire" => admin.key_retire(&caller.actor, &id, Retirement::Expired, expect).await.map(drop)?,
        "revoke" => admin.key_retire(&caller.actor, &id, Retirement::Revoked, expect).await.map(drop)?,
        "remove" => {
            admin.key_remove(&caller.actor, &id, expect).await?;
            return Ok(see_other(Shelf::Own.path()));
        }
        _ => return Err(not_found().into()),
    }
    Ok(see_other(&here))
}
