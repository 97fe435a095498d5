//! What can be ordered for all devices: each order asks first.

use axum::extract::{Path, State};
use axum::response::Response;
use minijinja::context;
use store::devices::Ordered;
use web::guard::see_other;
use web::{Caller, Confirm, Failed, FormData, Kit};

use super::Act;
use crate::gather::not_found;
use crate::say::Say;
use crate::state::ConsoleState;

/// `GET /device-orders/{act}`: asks.
///
/// # Errors
/// `not-found` for what can't be ordered for all.
pub async fn ask_all(State(state): State<ConsoleState>, caller: Caller, Path(act): Path<String>) -> Result<Response, Failed> {
    draw_confirm_all(state.kit(), &caller, ordered(&act)?)
}

/// `POST /device-orders/{act}`: orders it.
///
/// # Errors
/// Without the right; when the store is away.
pub async fn order_all(
    State(state): State<ConsoleState>,
    caller: Caller,
    Path(act): Path<String>,
    _: FormData,
) -> Result<Response, Failed> {
    state.admin().order_all(&caller.actor, ordered(&act)?).await?;
    Ok(see_other("/mobile"))
}

fn ordered(word: &str) -> Result<Ordered, Failed> {
    match Act::from_word(word) {
        Some(Act::Order(ordered)) => Ok(ordered),
        _ => Err(not_found().into()),
    }
}

/// Draws the question.
///
/// # Errors
/// When a template fails.
pub fn draw_confirm_all(kit: &Kit, caller: &Caller, ordered: Ordered) -> Result<Response, Failed> {
    let (say, word) = (Say(caller.language), Act::Order(ordered).word());
    let confirm = Confirm {
        question: say.t(&format!("orders-{word}-question")),
        consequence: say.t(&format!("orders-{word}-consequence")),
        subject: say.t("mobile-all"),
        action: format!("/device-orders/{word}"),
        submit: say.t(&format!("device-act-{word}")),
        cancel: "/mobile".to_owned(),
        danger: false,
        hidden: Vec::new(),
    };
    kit.page(caller, "kit/confirm.html", context! { confirm })
}
