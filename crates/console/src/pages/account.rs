//! Signing in and the caller's own password (console.md A-1, security.md X-16).
//!
//! Whatever was wrong with a sign-in is said with the same words; it takes the same time, because the use case
//! hashes for unknown accounts too.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use minijinja::context;
use model::{Fault, Guilty, Language};
use web::form::own_path;
use web::guard::{Spoken, see_other};
use web::session::{COOKIE, LANGUAGE_COOKIE, VISIT_COOKIE, cookie, random_text, set_cookie};
use web::{Caller, ClientAddress, Failed, Field, FieldKind, Form, FormData, Kit, Via};

use crate::gather::Asked;
use crate::say::Say;
use crate::state::ConsoleState;

/// `GET /sign-in?next=PATH`.
///
/// # Errors
/// When the system gives no randomness.
pub async fn sign_in(
    State(state): State<ConsoleState>,
    Spoken(language): Spoken,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Failed> {
    let old = cookie(&headers, VISIT_COOKIE).filter(|visit| visit.len() == 43);
    let visit = old.map_or_else(|| random_text().map_err(|error| internal(&error)), Ok)?;
    let mut response = draw_sign_in(state.kit(), language, &visit, asked.text("next"), "", "")?;
    add_cookie(&mut response, VISIT_COOKIE, Some(&visit));
    Ok(response)
}

/// `POST /sign-in`.
///
/// # Errors
/// When the store is away: nobody signs in then.
pub async fn sign_in_now(
    State(state): State<ConsoleState>,
    Spoken(language): Spoken,
    client: ClientAddress,
    headers: HeaderMap,
    form: FormData,
) -> Result<Response, Failed> {
    let name = form.text("name");
    let tried = if state.guesses().attempt(Some(name), client.0, state.kit().now()) {
        state.admin().sign_in(name, form.secret("password"), client.0).await
    } else {
        // The same work as for a wrong password, so that the time tells nothing.
        let password = form.secret("password");
        let _ = tokio::task::spawn_blocking(move || web::password::verify(&password, None)).await;
        Err(Fault::permanent(Guilty::Sender, "sign-in-failed", "too many attempts at once"))
    };
    match tried {
        Ok(account) => {
            state.guesses().succeeded(name, client.0, state.kit().now());
            let id = state.kit().sessions().start(&account.name, state.kit().now()).map_err(|error| internal(&error))?;
            let next = if account.must_change_password { "/password" } else { own_path(form.text("next")) };
            let mut response = see_other(next);
            add_cookie(&mut response, COOKIE, Some(&id.to_text()));
            add_cookie(&mut response, VISIT_COOKIE, None);
            Ok(response)
        }
        Err(fault) if fault.code == "sign-in-failed" => {
            let visit = cookie(&headers, VISIT_COOKIE).unwrap_or_default();
            let mut response = draw_sign_in(state.kit(), language, &visit, form.text("next"), name, &texts::fault(language, &fault))?;
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(response)
        }
        Err(fault) => Err(fault.into()),
    }
}

/// `POST /sign-out`.
///
/// # Errors
/// None.
pub async fn sign_out(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    if let Via::Session(id) = &caller.via {
        state.kit().sessions().end(id);
    }
    let mut response = see_other("/sign-in");
    add_cookie(&mut response, COOKIE, None);
    Ok(response)
}

/// `GET /password`.
///
/// # Errors
/// When a template fails.
pub async fn password(State(state): State<ConsoleState>, caller: Caller) -> Result<Response, Failed> {
    draw_password(state.kit(), &caller, None)
}

/// `POST /password`: the other sessions of the account end.
///
/// # Errors
/// When the store is away.
pub async fn password_now(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    let Via::Session(id) = &caller.via else { return Err(crate::gather::not_found().into()) };
    let changed = state.admin().change_own_password(
        &caller.actor.name,
        form.secret("present"),
        form.secret("password"),
        form.secret("password_again"),
    );
    match changed.await {
        Ok(()) => {
            state.kit().sessions().end_others(&caller.actor.name, Some(id));
            Ok(see_other("/"))
        }
        Err(fault) if fault.code.starts_with("password-") => {
            let at = match fault.code {
                "password-wrong" => "present",
                "password-differs" => "password_again",
                _ => "password",
            };
            let mut response = draw_password(state.kit(), &caller, Some((&form, at, texts::fault(caller.language, &fault))))?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(fault) => Err(fault.into()),
    }
}

/// `POST /language`: for a signed-in caller.
///
/// # Errors
/// None.
pub async fn language(State(state): State<ConsoleState>, caller: Caller, form: FormData) -> Result<Response, Failed> {
    let chosen = Language::from_tag(form.text("language")).unwrap_or(caller.language);
    if let Via::Session(id) = &caller.via {
        state.kit().sessions().set_language(id, chosen);
    }
    Ok(in_language(chosen, form.text("next")))
}

/// `POST /sign-in/language`: before sign-in.
///
/// # Errors
/// None.
pub async fn language_before(Spoken(language): Spoken, form: FormData) -> Result<Response, Failed> {
    Ok(in_language(Language::from_tag(form.text("language")).unwrap_or(language), "/sign-in"))
}

fn in_language(language: Language, next: &str) -> Response {
    let mut response = see_other(own_path(next));
    add_cookie(&mut response, LANGUAGE_COOKIE, Some(language.tag()));
    response
}

fn add_cookie(response: &mut Response, name: &str, value: Option<&str>) {
    if let Ok(field) = HeaderValue::from_str(&set_cookie(name, value)) {
        response.headers_mut().append(header::SET_COOKIE, field);
    }
}

fn internal(cause: &impl ToString) -> Fault {
    Fault::temporary(Guilty::Ourselves, "internal", cause.to_string())
}

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
