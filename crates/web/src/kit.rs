//! The page kit: templates in four languages with forced escaping, and what every page shows around its content.
//!
//! One environment a language, so that `t("id")` in a template, also inside macros, speaks the caller's language. Every
//! template is escaped as HTML whatever its name (minijinja decides by name otherwise), undefined values are
//! errors, and a text id or variable that is missing is one too: tests render every page in each language.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context};
use model::{Clock, Fault, Guilty, Language, Timestamp};
use rust_embed::RustEmbed;

use crate::caller::{Caller, Identity, Via};
use crate::guard::Failed;
use crate::navigation::{self, Entry};
use crate::session::{SessionSettings, Sessions};

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// What a kit is made of.
pub struct KitParts {
    /// The owner's templates: name and source. A name of the kit's own (`kit/…`) may not be taken.
    pub templates: Vec<(String, String)>,
    /// The menus.
    pub navigation: &'static [Entry],
    /// Accounts and tokens.
    pub identity: Arc<dyn Identity>,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// How long sessions last.
    pub sessions: SessionSettings,
}

/// The kit. Cheap to clone.
#[derive(Clone)]
pub struct Kit(Arc<Inner>);

struct Inner {
    environments: [(Language, Environment<'static>); 4],
    navigation: &'static [Entry],
    identity: Arc<dyn Identity>,
    clock: Arc<dyn Clock>,
    sessions: Sessions,
}

/// Pages without accounts, sessions and menus: templates and texts alone, for who serves a page of its own elsewhere.
#[derive(Debug)]
pub struct Pages([(Language, Environment<'static>); 4]);

impl Pages {
    /// Compiles these templates: name and source.
    ///
    /// # Errors
    /// When one has a fault.
    pub fn new(templates: &[(String, String)]) -> Result<Self, KitError> {
        Ok(Self(environments(templates)?))
    }

    /// A page as HTML, in this language.
    ///
    /// # Errors
    /// When the template fails.
    pub fn html(&self, language: Language, template: &str, values: &Value) -> Result<String, KitError> {
        rendered(&self.0, language, template, values)
    }
}

fn environments(templates: &[(String, String)]) -> Result<[(Language, Environment<'static>); 4], KitError> {
    let [de, en, fr, it] = Language::ALL.map(|language| environment(language, templates).map(|made| (language, made)));
    Ok([de?, en?, fr?, it?])
}

fn rendered(
    environments: &[(Language, Environment<'static>); 4],
    language: Language,
    template: &str,
    values: &Value,
) -> Result<String, KitError> {
    let [first, ..] = environments;
    let (_, environment) = environments.iter().find(|(of, _)| *of == language).unwrap_or(first);
    Ok(environment.get_template(template)?.render(values)?)
}

/// A template that can't be used; only a programming error leads here.
#[derive(Debug, thiserror::Error)]
#[error("template: {0:#}")]
pub struct KitError(#[from] Error);

impl Kit {
    /// Compiles all templates.
    ///
    /// # Errors
    /// When a template has a fault.
    pub fn new(parts: KitParts) -> Result<Self, KitError> {
        Ok(Self(Arc::new(Inner {
            environments: environments(&parts.templates)?,
            navigation: parts.navigation,
            identity: parts.identity,
            clock: parts.clock,
            sessions: Sessions::new(parts.sessions),
        })))
    }

    /// The sessions of this node.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Now, by the kit's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn identity(&self) -> &dyn Identity {
        self.0.identity.as_ref()
    }

    /// A page for a caller: `values` are `page` in the template.
    ///
    /// # Errors
    /// `internal` when the template fails.
    pub fn page(&self, caller: &Caller, template: &str, values: Value) -> Result<Response, Failed> {
        let frame = context! {
            language => caller.language.tag(),
            account => caller.actor.name,
            signed_in => matches!(caller.via, Via::Session(_)),
            csrf => caller.csrf,
            menus => navigation::menus(self.0.navigation, caller, &caller.path),
            path => caller.path,
        };
        self.render(caller.language, template, &context! { frame, page => values })
    }

    /// A page before sign-in. `csrf` is the token of the visit.
    ///
    /// # Errors
    /// `internal` when the template fails.
    pub fn open_page(&self, language: Language, csrf: &str, path: &str, template: &str, values: Value) -> Result<Response, Failed> {
        let menus: [(); 0] = [];
        let frame = context! { language => language.tag(), account => "", signed_in => false, csrf, menus, path };
        self.render(language, template, &context! { frame, page => values })
    }

    /// The page that says a fault. Can't fail: without its template it is one line of text.
    #[must_use]
    pub fn error_page(&self, language: Language, caller: Option<&Caller>, fault: &Fault) -> Response {
        let status = crate::problem::status(fault);
        let values = context! {
            status => status.as_u16(),
            code => fault.code,
            temporary => fault.temporary,
            message => texts::fault(language, fault),
        };
        let page = match caller {
            Some(caller) => self.page(caller, "kit/error.html", values),
            None => self.open_page(language, "", "/", "kit/error.html", values),
        };
        let mut response = page.unwrap_or_else(|_| texts::fault(language, fault).into_response());
        *response.status_mut() = status;
        response
    }

    fn render(&self, language: Language, template: &str, values: &Value) -> Result<Response, Failed> {
        let text = self.render_text(language, template, values).map_err(|error| {
            tracing::error!(event = "page.failed", template, cause = %error);
            Fault::permanent(Guilty::Ourselves, "internal", error.to_string())
        })?;
        let mut response = (StatusCode::OK, text).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        Ok(response)
    }

    fn render_text(&self, language: Language, template: &str, values: &Value) -> Result<String, KitError> {
        rendered(&self.0.environments, language, template, values)
    }
}

fn environment(language: Language, own: &[(String, String)]) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    for (name, source) in own {
        environment.add_template_owned(name.clone(), source.clone())?;
    }
    for name in Templates::iter() {
        let source = Templates::get(&name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default();
        environment.add_template_owned(name.to_string(), source)?;
    }
    environment.add_function("t", move |id: &str, values: Kwargs| text(language, id, &values));
    environment.add_function("asset", |name: &str| {
        crate::assets::path(name)
            .map(Value::from_safe_string)
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no asset {name}")))
    });
    environment.add_filter("num", move |value: i64| number_text(language, value));
    environment.add_filter("time", time_text);
    environment.add_filter("minute", |at: i64| time_text(at).chars().take(16).collect::<String>());
    environment.add_filter("rfc3339", |at: i64| Timestamp(at).rfc3339());
    environment.add_filter("size", move |bytes: u64| size_text(language, bytes));
    environment.add_filter("duration", move |seconds: i64| duration_text(language, seconds));
    environment.add_filter("url", |value: &str| crate::form::encode(value));
    Ok(environment)
}

fn text(language: Language, id: &str, values: &Kwargs) -> Result<String, Error> {
    let mut args = Vec::new();
    for name in values.args() {
        args.push((name, values.get::<Value>(name)?.to_string()));
    }
    texts::try_text(language, id, &args).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// A number with groups of three, as the language writes it.
#[must_use]
pub fn number_text(language: Language, value: i64) -> String {
    let mark = match language {
        Language::De | Language::It => '.',
        Language::En => ',',
        Language::Fr => '\u{202f}',
    };
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "\u{2212}" } else { "" });
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// A point in time, UTC, the same in every language: `2026-11-21 21:44:34`.
#[must_use]
pub fn time_text(at: i64) -> String {
    Timestamp(at).rfc3339().replace('T', " ").replace('Z', "")
}

/// A size in powers of 1000 with one decimal where it matters.
#[must_use]
pub fn size_text(language: Language, bytes: u64) -> String {
    let point = if language == Language::En { '.' } else { ',' };
    for (unit, name) in [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")] {
        if bytes >= unit {
            let tenths = (bytes / (unit / 10)).min(i64::MAX as u64);
            let whole = number_text(language, i64::try_from(tenths / 10).unwrap_or(i64::MAX));
            return if tenths >= 1_000 { format!("{whole}\u{a0}{name}") } else { format!("{whole}{point}{}\u{a0}{name}", tenths % 10) };
        }
    }
    format!("{bytes}\u{a0}B")
}

/// A duration in its largest fitting unit: "5 minutes".
#[must_use]
pub fn duration_text(language: Language, seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (id, count) = match seconds {
        0..120 => ("duration-seconds", seconds),
        120..7_200 => ("duration-minutes", seconds / 60),
        7_200..172_800 => ("duration-hours", seconds / 3_600),
        _ => ("duration-days", seconds / 86_400),
    };
    texts::text(language, id, &[("count", count.to_string())])
}

#[cfg(test)]
#[path = "kit_tests.rs"]
mod tests;
