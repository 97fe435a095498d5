//! Templates of the mails that the gateway writes: built in ones in four languages, and an administrator's own.
//!
//! A template is header lines, an empty line, and the text (`[[template]]` of the site configuration).
//! Values are written `{{ to }}` or, as rules write them, `$to`. A name that is not in [`VARIABLES`] is an
//! error, at saving ([`check`]) as at rendering, so that no mail ever shows a hole. Before it come the rule commands
//! that send mail (`bounce`, `notify`), after it the builder of messages. Values never become header
//! lines or template code (security.md X-10): CR, LF, NUL and other controls are taken out of header values.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use model::Language;
use rust_embed::RustEmbed;

/// Names of the templates that are built in.
pub const BUILT_IN: [&str; 2] = ["bounce_noenc", "new_pgp_key"];

/// The variables that templates may name: those of the rule language, `hostname`, and of a new key its `fingerprint`.
pub const VARIABLES: [&str; 20] = [
    "admin",
    "connect_from",
    "date",
    "dkim",
    "dmarc",
    "fingerprint",
    "from",
    "header_cc",
    "header_from",
    "header_to",
    "hostname",
    "mailid",
    "recipients",
    "sender",
    "spf",
    "subject",
    "to",
    "user_mail",
    "user_name",
    "vscanresult",
];

/// A template is at most this long; it is written by administrators, so this only keeps mistakes small.
const LONGEST: usize = 256 * 1024;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Files;

/// Why a template can't be used. The message says what is expected and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is no template, or names what does not exist.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It names a variable that there is not.
    #[error("unknown variable {name:?}; known are {known}")]
    Variable {
        /// As written.
        name: String,
        /// All that may be written.
        known: String,
    },
    /// A header line that a template may not set.
    #[error("line {line}: a template may set Subject, Reply-To and X-… only, written as \"Subject: text\"")]
    Header {
        /// Line, from 1.
        line: usize,
    },
    /// Over 256 KiB.
    #[error("a template may have at most 256 KiB")]
    TooLong,
}

/// A mail's own words, ready for the message builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// Header fields in the template's order; decoded text without controls, never folded.
    pub headers: Vec<(String, String)>,
    /// The text, LF line ends.
    pub text: String,
}

impl RenderedMail {
    /// The Subject; empty if the template sets none.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("subject")).map_or("", |(_, value)| value)
    }
}

/// Source of a built in template in a language, if there is one of this name.
#[must_use]
pub fn mail_template(language: Language, name: &str) -> Option<String> {
    let known = BUILT_IN.into_iter().find(|built_in| *built_in == name)?;
    let file = Files::get(&format!("{}/{known}.txt", language.tag()))?;
    String::from_utf8(file.data.into_owned()).ok()
}

/// Fills a template. Names of [`VARIABLES`] that `values` lacks are empty; values of other names (what rules set
/// with `setvar`) may be given and are then known too.
///
/// # Errors
/// [`TemplateError`] when the template is faulty or names something unknown.
pub fn render(source: &str, values: &BTreeMap<String, String>) -> Result<RenderedMail, TemplateError> {
    if source.len() > LONGEST {
        return Err(TemplateError::TooLong);
    }
    let source = source.replace("\r\n", "\n");
    let (head, body) = split(&source);
    let mut all: BTreeMap<&str, String> = VARIABLES.into_iter().map(|name| (name, String::new())).collect();
    all.extend(values.iter().map(|(name, value)| (name.as_str(), clean_text(value))));
    let text = fill(body, &all, head.map_or(0, |head| head.lines().count() + 1))?;

    let one_line: BTreeMap<&str, String> = all.iter().map(|(name, value)| (*name, clean_header(value))).collect();
    let mut headers = Vec::new();
    for (index, line) in head.unwrap_or_default().lines().enumerate() {
        let (name, value) = header(line).ok_or(TemplateError::Header { line: index + 1 })?;
        headers.push((name.to_owned(), clean_header(&fill(value, &one_line, index)?)));
    }
    Ok(RenderedMail { headers, text })
}

/// Checks a template as it is saved: renders it with sample values.
///
/// # Errors
/// As [`render`].
pub fn check(source: &str) -> Result<(), TemplateError> {
    let sample = VARIABLES.into_iter().map(|name| (name.to_owned(), "sample".to_owned())).collect();
    render(source, &sample).map(drop)
}

fn split(source: &str) -> (Option<&str>, &str) {
    let first = source.lines().next().unwrap_or_default();
    if header(first).is_none() {
        return (None, source);
    }
    source.split_once("\n\n").map_or((Some(source), ""), |(head, body)| (Some(head), body))
}

/// Name and value of a header line that templates may set.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let lower = name.to_ascii_lowercase();
    let token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let allowed = matches!(lower.as_str(), "subject" | "reply-to") || (lower.starts_with("x-") && !lower.starts_with("x-sealgate-"));
    (token && allowed).then(|| (name, value.trim()))
}

fn fill(source: &str, values: &BTreeMap<&str, String>, lines_before: usize) -> Result<String, TemplateError> {
    // Nothing but plain syntax: no loader, no functions, no filters that could be made expensive.
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_keep_trailing_newline(true);
    let source = rule_variables(source, values);
    let explain = |error: &minijinja::Error| TemplateError::Syntax {
        line: lines_before + error.line().unwrap_or(1),
        message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    };
    let template = environment.template_from_str(&source).map_err(|error| explain(&error))?;
    let mut unknown: Vec<String> =
        template.undeclared_variables(false).into_iter().filter(|name| !values.contains_key(name.as_str())).collect();
    unknown.sort();
    if let Some(name) = unknown.into_iter().next() {
        return Err(TemplateError::Variable { name, known: values.keys().copied().collect::<Vec<_>>().join(", ") });
    }
    template.render(values).map_err(|error| explain(&error))
}

/// Writes `$to` as `{{ to }}`; a `$` before anything else stays. Works on the source, so a value that holds `$to` or
/// `{{` is never looked at.
fn rule_variables(source: &str, values: &BTreeMap<&str, String>) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, behind) = after.split_at(end);
        if values.contains_key(name) {
            out.push_str("{{ ");
            out.push_str(name);
            out.push_str(" }}");
        } else {
            out.push('$');
            out.push_str(name);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn clean_header(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

fn clean_text(value: &str) -> String {
    value.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
