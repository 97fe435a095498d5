//! `[rules] file` and `[[file]] path` as content, for whoever sends the site file elsewhere: the node that applies it reads no disk for it.

use std::ops::Range;

use data_encoding::BASE64;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Findings};

/// Something of the text, and what stands in its place.
type Change = (Range<usize>, String);

/// Puts `text = …` in the place of `[rules] file`, and `content = …` (base64) in that of each `[[file]] path`. `content` reads a file by
/// the name that is written.
///
/// # Errors
/// When the text is no TOML, or a file can't be read.
pub fn inline_files(text: &str, content: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Result<String, Vec<Finding>> {
    let mut findings = Findings::new(text);
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            findings.add(&error.span().unwrap_or_default(), "", error.message());
            return Err(findings.found);
        }
    };
    let mut changes: Vec<Change> = Vec::new();
    if let Some(DeValue::Table(rules)) = find(&table, "rules").map(|(_, value)| value.into_inner()) {
        let as_text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned());
        let read = |name: &str| content(name).and_then(as_text).map(|text| ("text", text));
        changes.extend(replaced(&rules, "file", "rules.file", &read, &mut findings));
    }
    if let Some(DeValue::Array(files)) = find(&table, "file").map(|(_, value)| value.into_inner()) {
        let read = |name: &str| content(name).map(|bytes| ("content", BASE64.encode(&bytes)));
        for (number, file) in files.iter().enumerate() {
            let DeValue::Table(file) = file.get_ref() else { continue };
            changes.extend(replaced(file, "path", &format!("file[{}].path", number + 1), &read, &mut findings));
        }
    }
    if !findings.found.is_empty() {
        return Err(findings.found);
    }
    changes.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut whole = text.to_owned();
    for (place, new) in changes {
        whole.replace_range(place, &new);
    }
    Ok(whole)
}

/// A file by its name: the key that holds its content, and the content.
type Reading<'r> = &'r dyn Fn(&str) -> Result<(&'static str, String), String>;

/// The change for one key that names a file.
fn replaced(table: &DeTable<'_>, key: &str, path: &str, read: Reading<'_>, findings: &mut Findings<'_>) -> Option<Change> {
    let (place, value) = find(table, key)?;
    let end = value.span().end;
    let DeValue::String(name) = value.into_inner() else { return None };
    match read(name.as_ref()) {
        Ok((key, text)) => Some((place.start..end, format!("{key} = {}", toml::Value::String(text)))),
        Err(cause) => {
            findings.add(&place, path, format!("{path}: {name} can't be read: {cause}"));
            None
        }
    }
}

/// A key of a table: where it stands, and its value.
fn find<'i>(table: &DeTable<'i>, name: &str) -> Option<(Range<usize>, Spanned<DeValue<'i>>)> {
    table.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(key, value)| (key.span(), value.clone()))
}
