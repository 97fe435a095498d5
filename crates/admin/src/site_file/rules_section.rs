//! `[rules]` of the site file: the generator's switches, or rule text, or a file with it.

use std::collections::BTreeMap;

use model::site::{RuleTest, RulesSetting};
use rules::Diagnostic;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::keys;
use super::read::Reader;
use crate::error::AdminError;
use crate::rule_sets::{NewRules, setting};

/// `[rules]` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    generator: Generator,
    file: Option<String>,
    text: Option<String>,
    custom_incoming: Option<String>,
    custom_outgoing: Option<String>,
    custom_user_creation: Option<String>,
    require_tests: bool,
    /// `[[rules.test]]`.
    test: Vec<RuleTest>,
}

/// `generator = true`, or `[rules.generator]` with switches.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Generator {
    On(bool),
    Switches(BTreeMap<String, serde_json::Value>),
}

impl Default for Generator {
    fn default() -> Self {
        Self::On(false)
    }
}

/// Reads the section: what is to be stored, and what the generator left out.
pub(super) fn read(reader: &mut Reader<'_>, value: Spanned<DeValue<'_>>) -> Option<(RulesSetting, Vec<String>)> {
    let span = value.span();
    let places = key_places(&value);
    let written: Written = reader.value(&keys::RULES, "rules", value)?;
    let custom = [
        ("custom_incoming", written.custom_incoming),
        ("custom_outgoing", written.custom_outgoing),
        ("custom_user_creation", written.custom_user_creation),
    ];
    let mut say = |key: &str, message: String| {
        let place = places.get(key).cloned().unwrap_or_else(|| span.clone());
        reader.findings.add(&place, &format!("rules.{key}"), message);
    };
    if written.file.is_some() {
        say("file", "rules.file: the file's content must be sent along as rules.text".to_owned());
        return None;
    }
    let has_custom = custom.iter().any(|(_, text)| text.is_some());
    let new = match (written.generator, written.text) {
        (Generator::On(false), Some(text)) if !has_custom => NewRules::Text(text),
        (Generator::On(false), Some(_)) => {
            say("text", "rules: custom_… belong to the generator, and there is a rule text".to_owned());
            return None;
        }
        (Generator::On(false), None) if !has_custom => {
            say("", "rules: expected generator = true, [rules.generator], or file = \"own.rules\"".to_owned());
            return None;
        }
        (_, Some(_)) => {
            say("text", "rules: either the generator or a rule text, not both".to_owned());
            return None;
        }
        (generator, None) => {
            let mut switches = if let Generator::Switches(switches) = generator { switches } else { BTreeMap::new() };
            for (key, text) in custom {
                let Some(text) = text.map(serde_json::Value::from) else { continue };
                if switches.insert(key.to_owned(), text.clone()).is_some_and(|other| other != text) {
                    say(key, format!("rules.{key} and rules.generator.{key} are one setting, and differ"));
                    return None;
                }
            }
            NewRules::Switches(switches)
        }
    };
    if let Err(fault) = crate::rule_tests::check(&written.test) {
        say("test", fault.cause.into_owned());
        return None;
    }
    match setting(new) {
        Ok((made, left_out)) => Some((RulesSetting { tests: written.test, require_tests: written.require_tests, ..made }, left_out)),
        Err(AdminError::Rules(found)) => {
            for diagnostic in found {
                say(&key_of(&diagnostic), said(&diagnostic));
            }
            None
        }
        Err(other) => {
            say("text", other.to_string());
            None
        }
    }
}

/// The switch that a diagnostic of the generator speaks of: `key = value`, or the name of a custom text.
fn key_of(diagnostic: &Diagnostic) -> String {
    if diagnostic.file.starts_with("custom_") {
        return diagnostic.file.clone();
    }
    diagnostic.source.split(" = ").next().unwrap_or_default().to_owned()
}

fn said(diagnostic: &Diagnostic) -> String {
    if let Some(name) = diagnostic.message.strip_suffix(" is not available yet") {
        return format!("not available yet: rules.generator.{name}");
    }
    if diagnostic.file.starts_with("custom_") {
        return diagnostic.one_line();
    }
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
    format!("rules.generator: {}{hint}", diagnostic.message)
}

/// Where each key of the section, and of the generator inside it, stands.
fn key_places(value: &Spanned<DeValue<'_>>) -> BTreeMap<String, std::ops::Range<usize>> {
    let mut places = BTreeMap::new();
    let mut tables = vec![value.get_ref()];
    while let Some(DeValue::Table(table)) = tables.pop() {
        for (key, value) in table {
            places.entry(key.get_ref().to_string()).or_insert_with(|| key.span());
            if matches!(value.get_ref(), DeValue::Table(_)) {
                tables.push(value.get_ref());
            }
        }
    }
    places
}
