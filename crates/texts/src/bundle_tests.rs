//! The four languages say the same things, and every fault code of the workspace has its text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast;

use super::*;

/// Names of the variables in each message of a language.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (path, source) in resources(language) {
        let resource = FluentResource::try_new(source).unwrap_or_else(|(_, errors)| panic!("{path}: {errors:?}"));
        for entry in resource.entries() {
            match entry {
                ast::Entry::Message(message) => {
                    let mut names = BTreeSet::new();
                    pattern_variables(message.value.as_ref().unwrap_or_else(|| panic!("{path}: {} is empty", message.id.name)), &mut names);
                    let old = found.insert(message.id.name.to_owned(), names);
                    assert!(old.is_none(), "{path}: {} is there twice", message.id.name);
                }
                ast::Entry::Junk { content } => panic!("{path}: unreadable: {content}"),
                _ => {}
            }
        }
    }
    found
}

fn pattern_variables(pattern: &ast::Pattern<&str>, names: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let ast::PatternElement::Placeable { expression } = element {
            match expression {
                ast::Expression::Inline(inline) => inline_variables(inline, names),
                ast::Expression::Select { selector, variants } => {
                    inline_variables(selector, names);
                    for variant in variants {
                        pattern_variables(&variant.value, names);
                    }
                }
            }
        }
    }
}

fn inline_variables(inline: &ast::InlineExpression<&str>, names: &mut BTreeSet<String>) {
    if let ast::InlineExpression::VariableReference { id } = inline {
        names.insert(id.name.to_owned());
    }
}

#[test]
fn every_id_is_in_all_languages_with_the_same_variables() {
    let english = messages(Language::En);
    assert!(english.len() > 30, "the files were not found");
    for language in Language::ALL {
        let other = messages(language);
        let missing: Vec<_> = english.keys().filter(|id| !other.contains_key(*id)).collect();
        let extra: Vec<_> = other.keys().filter(|id| !english.contains_key(*id)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{language:?} lacks {missing:?} and has too much {extra:?}");
        for (id, names) in &english {
            assert_eq!(names, &other[id], "{language:?} {id}");
        }
    }
}

#[test]
fn every_text_renders_in_every_language() {
    for language in Language::ALL {
        for (id, names) in messages(language) {
            let args: Vec<_> = names.iter().map(|name| (name.as_str(), "7".to_owned())).collect();
            let text = try_text(language, &id, &args).unwrap();
            assert!(!text.trim().is_empty() && !text.contains('{'), "{language:?} {id}: {text:?}");
        }
        assert_eq!(ids(language), messages(language).into_keys().collect::<Vec<_>>());
    }
}

#[test]
fn languages_differ() {
    // Words that are rightly the same in two languages are short; whole sentences are not.
    let english = messages(Language::En);
    for language in [Language::De, Language::Fr, Language::It] {
        for (id, names) in &english {
            let args: Vec<_> = names.iter().map(|name| (name.as_str(), "x".to_owned())).collect();
            let (ours, theirs) = (text(Language::En, id, &args), text(language, id, &args));
            assert!(ours != theirs || ours.split(' ').count() < 4, "{language:?} {id} is not translated");
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.to_string_lossy().ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// All sources of the workspace without their tests, with the file that each is.
fn all_sources() -> Vec<(PathBuf, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for room in std::fs::read_dir(crates).unwrap().flatten() {
        let src = room.path().join("src");
        if src.is_dir() {
            sources(&src, &mut files);
        }
    }
    let read = |file: PathBuf| {
        let all = std::fs::read_to_string(&file).unwrap();
        let text = all.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        (file, text)
    };
    files.into_iter().map(read).collect()
}

/// Every fault code in the workspace's sources, with the file that has it.
fn fault_codes() -> BTreeMap<String, PathBuf> {
    let call = regex::Regex::new(r#"(?:permanent|temporary)\(\s*[\w:.]+\s*,\s*"([a-z0-9-]+)""#).unwrap();
    let literal = regex::Regex::new(r#"\bcode(?::|\s=)[^;"]*"([a-z][a-z0-9-]+)""#).unwrap();
    let mut codes = BTreeMap::new();
    for (file, text) in all_sources() {
        let found =
            call.captures_iter(&text).chain(literal.captures_iter(&text).filter(|_| text.contains("Fault {") || text.contains("Fault::")));
        codes.extend(found.map(|hit| (hit[1].to_owned(), file.clone())));
    }
    codes
}

#[test]
fn every_text_that_a_room_asks_for_is_there() {
    let call = regex::Regex::new(r#"texts::(?:text|try_text)\([^";]*,\s*"([a-z0-9-]+)""#).unwrap();
    let asked: Vec<(String, PathBuf)> = all_sources()
        .into_iter()
        .flat_map(|(file, text)| call.captures_iter(&text).map(|hit| (hit[1].to_owned(), file.clone())).collect::<Vec<_>>())
        .collect();
    let missing: Vec<_> = asked.iter().filter(|(id, _)| !has(Language::En, id)).collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
}

#[test]
fn english_texts_of_faults_fit_an_smtp_reply() {
    // RFC 5321 §4.2: a reply's text is printable US-ASCII; §4.5.3.1.5: 512 octets a line.
    for (id, names) in messages(Language::En).into_iter().filter(|(id, _)| id.starts_with("fault-")) {
        let args: Vec<_> = names.iter().map(|name| (name.as_str(), "x".repeat(60))).collect();
        let text = text(Language::En, &id, &args);
        assert!(text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text.len() < 490, "{id}: {text}");
    }
}

#[test]
fn every_fault_code_of_the_workspace_has_a_text_in_every_language() {
    let codes = fault_codes();
    assert!(codes.contains_key("site-row-unreadable"), "the scan finds nothing");
    for language in Language::ALL {
        let missing: Vec<_> = codes.iter().filter(|(code, _)| !has(language, &format!("fault-{code}"))).collect();
        assert!(missing.is_empty(), "{language:?} has no text for {missing:?}: add fault-CODE to locales/*/faults*.ftl");
    }
}

#[test]
fn a_fault_never_shows_its_cause() {
    let known = Fault::permanent(Guilty::Sender, "not-found", "SELECT failed on /var/lib");
    assert_eq!(fault(Language::Fr, &known), text(Language::Fr, "fault-not-found", &[]));
    let unknown = Fault::temporary(Guilty::NextHop, "from-a-newer-node", "secret cause");
    assert_eq!(fault(Language::De, &unknown), text(Language::De, "fault-unknown-next-hop", &[]));
    let lacks_its_value = Fault::permanent(Guilty::Sender, "still-used", "x");
    assert!(!fault(Language::En, &lacks_its_value).contains('$'), "a variable's name is never shown");
}

#[test]
fn values_print_as_they_were_given() {
    for value in ["0", "12", "007", "1e3", "-5", "999999999999999", "1234567890123456789", ""] {
        let got = text(Language::En, "fault-too-large", &[("limit", value.to_owned())]);
        assert!(got.contains(&format!("At most {value} are")), "{got}");
    }
}
