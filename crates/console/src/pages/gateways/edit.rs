//! The settings of one configuration, on two pages: what everybody needs, and the rest (A-12: a normal and an advanced view).

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use minijinja::context;
use model::site::MobileGateway;
use model::{Access, Fault, Right};
use store::Expect;
use web::guard::see_other;
use web::{Caller, Failed, Form, FormData, Kit};

use super::fields::{Group, field_of};
use super::{Act, path, title};
use crate::say::Say;
use crate::state::ConsoleState;

/// One of the pages of a configuration that change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `/gateways/{id}`
    Basic,
    /// `/gateways/{id}/advanced`
    Advanced,
    /// `/gateways/{id}/profiles`
    Profiles,
}

impl Part {
    /// The pages of a configuration, in the order of the tabs; `test` has its own file.
    const TABS: [(&'static str, &'static str); 4] = [
        ("gateway-tab-basic", ""),
        ("gateway-tab-advanced", "/advanced"),
        ("gateway-tab-profiles", "/profiles"),
        ("gateway-tab-test", "/test"),
    ];

    pub(super) const fn end(self) -> &'static str {
        match self {
            Self::Basic => "",
            Self::Advanced => "/advanced",
            Self::Profiles => "/profiles",
        }
    }

    const fn groups(self) -> &'static [Group] {
        match self {
            Self::Basic => &[Group::Kind, Group::Basic],
            Self::Advanced => &[Group::Advanced, Group::Reports],
            Self::Profiles => &[Group::Profiles],
        }
    }
}

/// Links to the pages of a configuration: text, path, whether this is it.
pub(super) fn tabs(say: Say, id: &str, here: &str) -> Vec<(String, String, bool)> {
    Part::TABS.into_iter().map(|(text, end)| (say.t(text), format!("{}{end}", path(id)), end == here)).collect()
}

/// `GET /gateways/{id}`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn edit(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    draw_edit(state.kit(), &caller, &kept.record, (kept.version, Part::Basic), None)
}

/// `GET /gateways/{id}/advanced`.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn advanced(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    draw_edit(state.kit(), &caller, &kept.record, (kept.version, Part::Advanced), None)
}

/// `POST /gateways/{id}`.
///
/// # Errors
/// `changed-meanwhile`; when the store is away. What was typed wrong is shown again.
pub async fn save(State(state): State<ConsoleState>, caller: Caller, Path(id): Path<String>, form: FormData) -> Result<Response, Failed> {
    keep(&state, &caller, &id, &form, Part::Basic).await
}

/// `POST /gateways/{id}/advanced`.
///
/// # Errors
/// As [`save`].
pub async fn save_advanced(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(id): Path<String>,
    form: FormData,
) -> Result<Response, Failed> {
    keep(&state, &caller, &id, &form, Part::Advanced).await
}

/// Reads what the page asked about, and keeps it.
pub(super) async fn keep(state: &ConsoleState, caller: &Caller, id: &str, form: &FormData, part: Part) -> Result<Response, Failed> {
    let kept = state.admin().show::<MobileGateway>(&caller.actor, id).await?;
    let wrong = |fault: &Fault| -> Result<Response, Failed> {
        let page = match part {
            Part::Profiles => super::draw_profiles(state.kit(), caller, &kept.record, kept.version, Some((form, fault)))?,
            _ => draw_edit(state.kit(), caller, &kept.record, (kept.version, part), Some((form, fault)))?,
        };
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let read = part.groups().iter().try_fold(kept.record.clone(), |gateway, group| group.read(gateway, form));
    let gateway = match read {
        Ok(gateway) => gateway,
        Err(fault) => return wrong(&fault),
    };
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    match state.admin().put(&caller.actor, gateway, expect).await {
        Ok(_) => Ok(see_other(&format!("{}{}", path(id), part.end()))),
        Err(fault) if matches!(fault.code, "bad-field" | "not-available-yet") => wrong(&fault),
        Err(fault) => Err(fault.into()),
    }
}

/// Draws a page of settings; `wrong` is what was typed and what is wrong with it.
///
/// # Errors
/// When a template fails.
pub fn draw_edit(
    kit: &Kit,
    caller: &Caller,
    one: &MobileGateway,
    (version, part): (i64, Part),
    wrong: Option<(&FormData, &Fault)>,
) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let here = path(&one.id);
    let mut form = Form::new(format!("{here}{}", part.end()), say.t("policy-save"));
    form.cancel = "/gateways".to_owned();
    form.hidden = vec![("version".to_owned(), version.to_string())];
    form.fields = part.groups().iter().flat_map(|group| group.fields(say, one)).collect();
    if let Some((typed, fault)) = wrong {
        form = form.rejected(typed, field_of(fault), texts::fault(say.0, fault));
    }
    let may_act = caller.actor.rights.allow(Right::MobileGateways, Access::Write);
    let acts: Vec<_> = [if one.enabled { Act::Off } else { Act::On }, Act::Remove]
        .map(|act| (say.t(&format!("gateway-{}", act.word())), format!("{here}/{}", act.word()), act.is_danger()))
        .to_vec();
    let values = context! {
        title => title(one), id => one.id, form, may_act, acts, tabs => tabs(say, &one.id, part.end()), export => format!("{here}/export"),
    };
    kit.page(caller, "gateway.html", values)
}
