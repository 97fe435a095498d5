//! Signing in and the caller's own password (console.md A-1, security.md X-16).
//!
//! Whatever was wrong with a sign-in is said with the same words; it takes the same time, because the use case
//! hashes for unknown accounts too.

use axum::response::Response;
use minijinja::context;
use model::Language;
use web::form::own_path;
use web::{Caller, Failed, Field, FieldKind, Form, FormData, Kit};

use crate::say::Say;

/// Draws the sign-in form. `error` is what was said to the last try, `name` what was typed in it.
///
/// # Errors
/// When a template fails.
pub fn draw_sign_in(kit: &Kit, language: Language, csrf: &str, next: &str, name: &str, error: &str) -> Result<Response, Failed> {
    let say = Say(language);
    let mut form = Form::new("/sign-in", say.t("sign-in-submit"))
        .field(Field::new("name", say.t("sign-in-name"), FieldKind::Text).value(name).required().autocomplete("username"))
        .field(Field::new("password", say.t("sign-in-password"), FieldKind::Password).required().autocomplete("current-password"));
    form.error = error.to_owned();
    form.hidden = vec![("next".to_owned(), own_path(next).to_owned())];
    kit.open_page(language, csrf, "/sign-in", "sign_in.html", context! { form })
}

/// Draws the form for the caller's own password. `rejected` is what was typed, the field at fault, and why.
///
/// # Errors
/// When a template fails.
pub fn draw_password(kit: &Kit, caller: &Caller, rejected: Option<(&FormData, &str, String)>) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let hint = say.with("password-hint", "least", web::password::LEAST);
    let present = Field::new("present", say.t("password-present"), FieldKind::Password).required().autocomplete("current-password");
    let mut form = Form::new("/password", say.t("password-submit")).field(present).password_twice(
        "password",
        say.t("password-new"),
        say.t("password-again"),
        hint,
    );
    if let Some((typed, at, error)) = rejected {
        form = form.rejected(typed, at, error);
    }
    kit.page(caller, "password.html", context! { form, first => caller.must_change_password })
}
