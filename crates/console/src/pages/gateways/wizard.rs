//! A new configuration, step by step: kind, basic settings, profiles, summary.
//!
//! The page keeps nothing at the server: what was typed before is sent along unseen and read anew with each step, so "back" and "next"
//! lose nothing, and two wizards at once don't meet. Only the last step changes anything.

use admin::Record;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use minijinja::context;
use model::Fault;
use model::site::MobileGateway;
use store::Expect;
use web::guard::see_other;
use web::{Caller, Cell, Failed, Field, FieldKind, FormData, Kit};

use super::fields::{Group, field_of};
use super::test::{self, Shown};
use crate::say::Say;
use crate::state::ConsoleState;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Which kind of mail server.
    Kind,
    /// Id, name, addresses.
    Settings,
    /// Profiles for devices.
    Profiles,
    /// All of it, and the button that makes it.
    Summary,
}

impl Step {
    /// In their order.
    pub const ALL: [Self; 4] = [Self::Kind, Self::Settings, Self::Profiles, Self::Summary];

    /// The word in forms and in the ids of texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Settings => "settings",
            Self::Profiles => "profiles",
            Self::Summary => "summary",
        }
    }

    fn beside(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|step| *step == self).unwrap_or_default();
        at.checked_add_signed(by).and_then(|at| Self::ALL.get(at)).copied().unwrap_or(self)
    }

    fn fields(self, say: Say, one: &MobileGateway) -> Vec<Field> {
        match self {
            Self::Kind => Group::Kind.fields(say, one),
            Self::Settings => {
                let id =
                    Field::new("id", say.t("gateway-id"), FieldKind::Text).hint(say.t("gateway-id-hint")).value(one.id.clone()).required();
                std::iter::once(id).chain(Group::Basic.fields(say, one)).collect()
            }
            Self::Profiles => Group::Profiles.fields(say, one),
            Self::Summary => Vec::new(),
        }
    }

    /// The configuration with what this step's fields say; as it is where the step was not reached yet.
    fn read(self, before: MobileGateway, form: &FormData) -> Result<MobileGateway, Fault> {
        match self {
            Self::Kind => Group::Kind.read(before, form),
            Self::Settings => Group::Basic.read(MobileGateway { id: form.text("id").trim().to_owned(), ..before }, form),
            Self::Profiles => Group::Profiles.read(before, form),
            Self::Summary => Ok(before),
        }
    }
}

/// What was read of a form: the configuration as far as it goes, and the furthest step that was reached.
fn typed(form: &FormData) -> Result<(MobileGateway, Step), Fault> {
    let step = |name: &str| Step::ALL.into_iter().find(|step| step.word() == form.text(name)).unwrap_or(Step::Kind);
    let (here, reached) = (step("step"), step("reached"));
    let order = |step: Step| Step::ALL.iter().position(|known| *known == step).unwrap_or_default();
    let mut known = Step::ALL.into_iter().filter(|step| order(*step) <= order(reached).max(order(here)));
    let gateway = known.try_fold(MobileGateway::default(), |gateway, step| step.read(gateway, form))?;
    Ok((gateway, if order(here) > order(reached) { here } else { reached }))
}

/// `GET /gateways/+`: the first step.
///
/// # Errors
/// When a template fails.
pub async fn begin(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    draw_wizard(state.kit(), &caller, &MobileGateway::default(), (Step::Kind, Step::Kind), (None, None))
}

/// `POST /gateways/+`: `to` says `next`, `back`, `test` or `make`.
///
/// # Errors
/// When the store is away. What was typed wrong is shown again.
pub async fn go_on(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    let here = Step::ALL.into_iter().find(|step| step.word() == form.text("step")).unwrap_or(Step::Kind);
    let (gateway, reached) = typed(&form)?;
    let draw = |step: Step, wrong: Option<&Fault>, tested: Option<&[Shown]>| {
        draw_wizard(state.kit(), &caller, &gateway, (step, reached), (wrong, tested))
    };
    let refused = |step: Step, fault: &Fault| -> Result<Response, Failed> {
        Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(step, Some(fault), None)?).into_response())
    };
    match form.text("to") {
        "back" => draw(here.beside(-1), None, None),
        "test" => match state.admin().gateway_try(&caller.actor, &gateway).await {
            Ok(steps) => {
                let steps: Vec<Shown> = steps.into_iter().map(|step| test::shown(step, &caller)).collect();
                draw(Step::Summary, None, Some(&steps))
            }
            Err(fault) => refused(at(&gateway, &fault, caller.language), &fault),
        },
        "make" => match state.admin().put(&caller.actor, gateway.clone(), Expect::New).await {
            Ok(_) => Ok(see_other(&super::path(&gateway.id))),
            Err(fault) if matches!(fault.code, "bad-field" | "exists-already" | "not-available-yet") => {
                refused(at(&gateway, &fault, caller.language), &fault)
            }
            Err(fault) => Err(fault.into()),
        },
        _ => match wrong_here(&state, &caller, &gateway, here).await? {
            Some(fault) => refused(here, &fault),
            None => draw(here.beside(1), None, None),
        },
    }
}

/// What is wrong with this step, as far as it can be said before the others are filled in.
async fn wrong_here(state: &ConsoleState, caller: &Caller, gateway: &MobileGateway, here: Step) -> Result<Option<Fault>, Failed> {
    if let Err(fault) = gateway.check()
        && at(gateway, &fault, caller.language) == here
    {
        return Ok(Some(fault));
    }
    if here != Step::Settings {
        return Ok(None);
    }
    match state.admin().show::<MobileGateway>(&caller.actor, &gateway.id).await {
        Ok(_) => Ok(Some(Fault::permanent(model::Guilty::Sender, "exists-already", "there is one").with("name", &gateway.id))),
        Err(fault) if fault.code == "not-found" => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// The step whose field a fault is about; the summary if it is none's.
fn at(gateway: &MobileGateway, fault: &Fault, language: model::Language) -> Step {
    let (say, field) = (Say(language), field_of(fault));
    let holds = |step: &Step| step.fields(say, gateway).iter().any(|known| known.name == field);
    Step::ALL.into_iter().find(holds).unwrap_or(Step::Summary)
}

/// Draws a step: the present one and the furthest; what is wrong with what was typed; what a test found.
///
/// # Errors
/// When a template fails.
pub fn draw_wizard(
    kit: &Kit,
    caller: &Caller,
    one: &MobileGateway,
    (step, reached): (Step, Step),
    (wrong, tested): (Option<&Fault>, Option<&[Shown]>),
) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let mut fields = step.fields(say, one);
    let mut error = String::new();
    if let Some(fault) = wrong {
        let said = texts::fault(say.0, fault);
        match fields.iter_mut().find(|field| field.name == field_of(fault)) {
            Some(field) => field.error = said,
            None => error = said,
        }
    }
    // What the other steps have said, sent along unseen. A box that is not ticked says nothing.
    let order = |step: Step| Step::ALL.iter().position(|known| *known == step).unwrap_or_default();
    let others = Step::ALL.into_iter().filter(|other| *other != step && order(*other) <= order(reached).max(order(step)));
    let sent = others.flat_map(|other| other.fields(say, one)).filter(|field| !(field.kind == FieldKind::Check && field.value.is_empty()));
    let hidden: Vec<(String, String)> = sent.map(|field| (field.name, field.value)).collect();
    let steps: Vec<(String, bool)> = Step::ALL.map(|known| (say.t(&format!("gateway-step-{}", known.word())), known == step)).to_vec();
    let summary = (step == Step::Summary).then(|| facts(say, one));
    let furthest = if order(step) > order(reached) { step } else { reached };
    let values = context! {
        steps, fields, hidden, error, summary, step => step.word(), reached => furthest.word(), first => step == Step::Kind, last => step == Step::Summary,
        tested => tested.map(|steps| test::table(say, steps)),
    };
    kit.page(caller, "gateway_wizard.html", values)
}

fn facts(say: Say, one: &MobileGateway) -> Vec<(String, Cell)> {
    let yes = |truth: bool| Cell::text(say.t(if truth { "kit-yes" } else { "kit-no" }));
    let said = |text: &str| if text.is_empty() { Cell::text("\u{2013}") } else { Cell::text(text) };
    let profile = |(platform, client): (&str, &str)| say.t(&format!("gateway-profile-{platform}-{client}"));
    let profiles: Vec<String> =
        one.profiles.iter().map(|kept| format!("{}: {}", profile((&kept.platform, &kept.client)), kept.profile)).collect();
    vec![
        (say.t("gateway-id"), Cell::code(one.id.clone())),
        (say.t("gateway-name"), said(&one.name)),
        (say.t("gateway-enabled"), yes(one.enabled)),
        (say.t("gateway-kind"), Cell::text(say.t(&format!("gateway-kind-{}", super::known_kind(&one.kind))))),
        (say.t("gateway-external-url"), said(&one.external_url)),
        (say.t("gateway-mail-server"), said(&one.mail_servers().collect::<Vec<_>>().join(", "))),
        (say.t("gateway-verify"), yes(one.verify_tls_mail)),
        (say.t("gateway-tab-profiles"), said(&profiles.join("; "))),
    ]
}
