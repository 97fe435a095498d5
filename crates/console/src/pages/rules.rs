//! The rules that run, as text.

use axum::response::Response;
use minijinja::context;
use web::{Caller, Failed, Kit};

use crate::view::Rules;

/// Draws the page.
///
/// # Errors
/// When a template fails.
pub fn draw(kit: &Kit, caller: &Caller, rules: &Rules) -> Result<Response, Failed> {
    kit.page(caller, "rules.html", context! { text => rules.text, generated => rules.generated, left_out => rules.left_out })
}
