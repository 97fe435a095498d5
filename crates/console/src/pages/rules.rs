//! The rules that run, as text.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use web::{Caller, Failed, Kit};

use crate::state::ConsoleState;
use crate::view::Rules;

/// `GET /rules`.
///
/// # Errors
/// When the store is away.
pub async fn get(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    let kept = state.admin().rules_show(&caller.actor).await?;
    // What the generator left out is not stored; the same switches leave out the same.
    let left_out =
        kept.record.generator.as_ref().and_then(|switches| rules::generate(switches).ok()).map_or_else(Vec::new, |made| made.left_out);
    let rules = Rules { text: kept.record.text, generated: kept.record.generator.is_some(), left_out };
    draw(state.kit(), &caller, &rules)
}

/// Draws the page.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, rules: &Rules) -> Result<Response, Failed> {
    kit.page(caller, "rules.html", context! { text => rules.text, generated => rules.generated, left_out => rules.left_out })
}
