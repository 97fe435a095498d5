//! What asks first: turning a configuration on or off, and removing it.

use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use model::site::MobileGateway;
use store::Expect;
use web::guard::see_other;
use web::{Caller, Confirm, Failed, FormData, Kit};

use super::path;
use crate::gather::not_found;
use crate::say::Say;
use crate::state::ConsoleState;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Requests are answered again.
    On,
    /// Requests are answered with 503.
    Off,
    /// It is gone.
    Remove,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::On, Self::Off, Self::Remove];

    /// The word in paths and in the ids of texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Remove => "remove",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }

    /// Takes something from somebody.
    #[must_use]
    pub const fn is_danger(self) -> bool {
        !matches!(self, Self::On)
    }
}

/// `GET /gateways/{id}/{act}`: asks.
///
/// # Errors
/// `not-found`; when the store is away.
pub async fn ask(State(state): State<ConsoleState>, caller: Caller, Path((id, act)): Path<(String, String)>) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    draw_confirm(state.kit(), &caller, &kept.record, kept.version, act)
}

/// `POST /gateways/{id}/{act}`: does it.
///
/// # Errors
/// `not-found`, `changed-meanwhile`; when the store is away.
pub async fn act(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path((id, act)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, Failed> {
    let act = Act::from_word(&act).ok_or_else(not_found)?;
    let expect = form.text("version").parse().map_or(Expect::Any, Expect::Version);
    if act == Act::Remove {
        state.admin().remove::<MobileGateway>(&caller.actor, &id, expect, false).await?;
        return Ok(see_other("/gateways"));
    }
    let kept = state.admin().show::<MobileGateway>(&caller.actor, &id).await?;
    let switched = MobileGateway { enabled: act == Act::On, ..kept.record };
    // Whatever the page knew: nothing but the switch changes between reading and writing.
    let expect = if expect == Expect::Any { Expect::Version(kept.version) } else { expect };
    state.admin().put(&caller.actor, switched, expect).await?;
    Ok(see_other("/gateways"))
}

/// Draws the question.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm(kit: &Kit, caller: &Caller, one: &MobileGateway, version: i64, act: Act) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let word = act.word();
    let text = |part: &str| say.t(&if part.is_empty() { format!("gateway-{word}") } else { format!("gateway-{word}-{part}") });
    let confirm = Confirm {
        question: text("question"),
        consequence: text("consequence"),
        subject: format!("{} · {}", one.name, one.id),
        action: format!("{}/{word}", path(&one.id)),
        submit: text(""),
        cancel: path(&one.id),
        danger: act.is_danger(),
        hidden: vec![("version".to_owned(), version.to_string())],
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}
