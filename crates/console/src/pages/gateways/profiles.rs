//! Profiles for devices of one configuration (A-9b): which there are, and each as a file for one user, for all, or with its variables left in.

use admin::profiles::{File, Whom};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;
use minijinja::context;
use model::Fault;
use model::site::MobileGateway;
use web::form::encode;
use web::{Caller, Failed, Field, FieldKind, Form, FormData, Kit};

use super::edit::{Part, keep, tabs};
use super::fields::Group;
use super::{path, title};
use crate::gather::Asked;
use crate::say::Say;
use crate::state::ConsoleState;

/// `GET /gateways/{id}/profiles`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn profiles(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    draw_profiles(state.kit(), &caller, &kept.record, kept.version, None)
}

/// `POST /gateways/{id}/profiles`.
///
/// # Errors
/// `changed-meanwhile`; when the store is away. What was typed wrong is shown again.
pub async fn save_profiles(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(id): Path<String>,
    form: FormData,
) -> Result<Response, Failed> {
    keep(&state, &caller, &id, &form, Part::Profiles).await
}

/// `GET /gateways/{id}/profiles/{platform}/{client}?address=ADDRESS`: a file for one user; without an address with its variables left in.
///
/// # Errors
/// `not-found`; `bad-field` for an address that is no user's; when the store is away.
pub async fn one_profile(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((id, platform, client)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Failed> {
    let typed = [asked.text("address"), asked.text(&format!("{platform}_{client}_address"))];
    let whom = match typed.concat().trim() {
        "" => Whom::Nobody,
        address => Whom::One(address.to_owned()),
    };
    Ok(as_file(state.admin().profile(&caller.actor, &id, (&platform, &client), &whom).await?))
}

/// `GET /gateways/{id}/profiles/{platform}/{client}/all`: a zip with a file for each user.
///
/// # Errors
/// As [`one_profile`].
pub async fn all_profiles(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((id, platform, client)): Path<(String, String, String)>,
) -> Result<Response, Failed> {
    Ok(as_file(state.admin().profile(&caller.actor, &id, (&platform, &client), &Whom::All).await?))
}

/// An answer that browsers save. The name of a file holds letters, digits, `.`, `_`, `-`, `@` only.
pub(crate) fn as_file(file: File) -> Response {
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    ([(header::CONTENT_TYPE, file.content_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)], file.content).into_response()
}

/// Draws the page; `wrong` is what was typed and what is wrong with it.
///
/// # Errors
/// When a template fails.
pub fn draw_profiles(
    kit: &Kit,
    caller: &Caller,
    one: &MobileGateway,
    version: i64,
    wrong: Option<(&FormData, &Fault)>,
) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let here = format!("{}/profiles", path(&one.id));
    let made: Vec<_> = one
        .profiles
        .iter()
        .map(|kept| {
            let pair = format!("gateway-profile-{}-{}", kept.platform, kept.client);
            let name = if texts::has(say.0, &pair) { say.t(&pair) } else { format!("{} {}", kept.platform, kept.client) };
            let file = format!("{here}/{}/{}", encode(&kept.platform), encode(&kept.client));
            let label = say.with("gateway-profile-address", "client", &name);
            // The field's id is made of its name, and several forms stand on the page.
            let address = Field::new(&format!("{}_{}_address", kept.platform, kept.client), label, FieldKind::Email).required();
            context! {
                title => name, says => format!("{} · {}", kept.profile, say.t(&format!("gateway-profile-{}", kept.assignment.word()))),
                all => format!("{file}/all"), path => file, address,
            }
        })
        .collect();
    let mut form = Form::new(&here, say.t("policy-save"));
    form.cancel = path(&one.id);
    form.hidden = vec![("version".to_owned(), version.to_string())];
    form.fields = Group::Profiles.fields(say, one);
    if let Some((typed, fault)) = wrong {
        form = form.rejected(typed, super::fields::field_of(fault), texts::fault(say.0, fault));
    }
    kit.page(
        caller,
        "gateway_profiles.html",
        context! { title => title(one), id => one.id, tabs => tabs(say, &one.id, "/profiles"), made, form },
    )
}
