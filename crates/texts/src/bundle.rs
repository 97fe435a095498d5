//! One text by language, id and named values.
//!
//! The files `locales/LANGUAGE/*.ftl` are read once, at first use. Tests see to it that the four languages
//! have the same ids with the same variables, and that every fault code of the workspace has a text; so
//! at run time the fall-backs here are for codes of a newer node only. Values are put in as they are: who
//! writes HTML escapes the result (`web` does so for every template).

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use model::{Fault, Guilty, Language};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "locales/"]
pub(crate) struct Locales;

type Bundle = FluentBundle<FluentResource>;

struct Bundles {
    de: Bundle,
    en: Bundle,
    fr: Bundle,
    it: Bundle,
}

static BUNDLES: LazyLock<Bundles> =
    LazyLock::new(|| Bundles { de: load(Language::De), en: load(Language::En), fr: load(Language::Fr), it: load(Language::It) });

/// Why a text could not be made. Only a programming error leads here; the tests find it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is no such id in this language.
    #[error("no text {id:?} in {language:?}")]
    Missing {
        /// The language asked for.
        language: Language,
        /// The id asked for.
        id: String,
    },
    /// The text names a variable that was not given.
    #[error("text {id:?}: {cause}")]
    Values {
        /// The text.
        id: String,
        /// What Fluent says.
        cause: String,
    },
}

/// The text `id` in `language` with its variables filled. Falls back to English, then to the id itself: a
/// page with one odd word is better than none.
#[must_use]
pub fn text(language: Language, id: &str, args: &[(&str, String)]) -> String {
    match format(language, id, args) {
        Some((text, _)) => text,
        None => format(Language::En, id, args).map_or_else(|| id.to_owned(), |(text, _)| text),
    }
}

/// As [`text`], but strict: what templates and tests use.
///
/// # Errors
/// When the id is not in this language, or one of its variables is not in `args`.
pub fn try_text(language: Language, id: &str, args: &[(&str, String)]) -> Result<String, TextError> {
    match format(language, id, args) {
        None => Err(TextError::Missing { language, id: id.to_owned() }),
        Some((text, causes)) if causes.is_empty() => Ok(text),
        Some((_, causes)) => Err(TextError::Values { id: id.to_owned(), cause: causes.join("; ") }),
    }
}

/// True if this language has the text.
#[must_use]
pub fn has(language: Language, id: &str) -> bool {
    bundle(language).has_message(id)
}

/// The public text of a fault: what happened and what to do. Never its cause.
#[must_use]
pub fn fault(language: Language, fault: &Fault) -> String {
    let args: Vec<(&str, String)> = fault.args.iter().map(|(name, value)| (*name, value.clone())).collect();
    let id = format!("fault-{}", fault.code);
    if let Ok(text) = try_text(language, &id, &args) {
        return text;
    }
    let general = match fault.guilty {
        Guilty::Sender => "fault-unknown-sender",
        Guilty::NextHop => "fault-unknown-next-hop",
        Guilty::Configuration => "fault-unknown-configuration",
        Guilty::Ourselves => "fault-unknown-ourselves",
    };
    text(language, general, &args)
}

/// All ids of a language, sorted.
#[must_use]
pub fn ids(language: Language) -> Vec<String> {
    let mut all: Vec<String> = resources(language)
        .iter()
        .flat_map(|(_, source)| source.lines().filter_map(message_id).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    all.sort();
    all
}

/// The id that this line of a Fluent file defines, if it does.
fn message_id(line: &str) -> Option<&str> {
    let (id, _) = line.split_once('=')?;
    let id = id.trim_end();
    let fits = id.starts_with(|c: char| c.is_ascii_alphabetic()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    fits.then_some(id)
}

fn format(language: Language, id: &str, args: &[(&str, String)]) -> Option<(String, Vec<String>)> {
    let bundle = bundle(language);
    let pattern = bundle.get_message(id)?.value()?;
    let mut values = FluentArgs::with_capacity(args.len());
    for (name, value) in args {
        values.set((*name).to_owned(), number_or_text(value));
    }
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned();
    Some((text, errors.iter().map(ToString::to_string).collect()))
}

/// Plain whole numbers choose plural forms; everything else, and numbers that would not print as they were
/// given, is text.
fn number_or_text(value: &str) -> FluentValue<'_> {
    let plain = (1..=15).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()) && (value == "0" || !value.starts_with('0'));
    if plain { FluentValue::try_number(value) } else { FluentValue::String(Cow::Borrowed(value)) }
}

fn bundle(language: Language) -> &'static Bundle {
    match language {
        Language::De => &BUNDLES.de,
        Language::En => &BUNDLES.en,
        Language::Fr => &BUNDLES.fr,
        Language::It => &BUNDLES.it,
    }
}

fn load(language: Language) -> Bundle {
    let tag = match language {
        Language::De => unic_langid::langid!("de"),
        Language::En => unic_langid::langid!("en"),
        Language::Fr => unic_langid::langid!("fr"),
        Language::It => unic_langid::langid!("it"),
    };
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Isolation marks (U+2068) around values would end up in SMTP replies and subjects.
    bundle.set_use_isolating(false);
    for (_, source) in resources(language) {
        // A file with a fault gives what is readable of it; the tests refuse such a file.
        let resource = FluentResource::try_new(source).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// The files of one language: path and text.
fn resources(language: Language) -> Vec<(String, String)> {
    let folder = format!("{}/", language.tag());
    Locales::iter()
        .filter(|path| path.starts_with(&folder))
        .filter_map(|path| {
            let file = Locales::get(&path)?;
            Some((path.to_string(), String::from_utf8(file.data.into_owned()).ok()?))
        })
        .collect()
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
