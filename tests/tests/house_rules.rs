//! Rules of the house that a compiler does not check: directions between rooms, file sizes, file headers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Level of each room; imports go to a lower level only. Rooms on one level never import each other.
fn level(room: &str) -> Option<u8> {
    Some(match room {
        "sealgate" => 8,
        "console" | "portal" | "peer" => 7,
        "admin" => 6,
        "flow" | "mobile" => 5,
        "keyring" | "content" => 4,
        "crypto" | "mailauth" | "rules" | "smtp" | "activesync" | "store" | "segments" | "logs" | "outside" => 3,
        "web" => 3,
        "texts" | "files" | "sheets" => 2,
        "message" => 1,
        "model" => 0,
        _ => return None,
    })
}

#[test]
fn rooms_import_downwards_only() {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec()
        .unwrap();
    let mut seen = 0;
    for package in &metadata.packages {
        let room = package.name.trim_start_matches("sealgate-");
        let Some(own) = level(room) else {
            assert!(["testkit", "tests"].contains(&room), "{room} has no place in the order of rooms (ARCHITECTURE.md)");
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.path.is_some() && d.kind == cargo_metadata::DependencyKind::Normal) {
            let other = dependency.name.trim_start_matches("sealgate-");
            let lower = level(other).unwrap_or_else(|| panic!("{room} imports {other}, which is for tests"));
            assert!(lower < own, "{room} must not import {other}");
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} imports were looked at");
}

fn sources() -> BTreeMap<PathBuf, String> {
    let out = std::process::Command::new("git").args(["ls-files", "*.rs"]).current_dir(root()).output().unwrap();
    let names = String::from_utf8(out.stdout).unwrap();
    names.lines().map(|name| root().join(name)).filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text))).collect()
}

#[test]
fn files_say_what_they_are_and_stay_small() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            wrong.push(format!("{}: does not open with //!", path.display()));
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let in_tests = path.components().any(|c| c.as_os_str() == "tests") || path.ends_with("tests.rs");
        if code.lines().count() > 600 && !in_tests {
            wrong.push(format!("{}: {} lines", path.display(), code.lines().count()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The program starts one other process: itself, for the demonstration. No shell, nothing that evaluates text as code; what
/// people write is read by our rule language and by templates that have no functions of their own.
#[test]
fn cve_2026_27441_cve_2026_44128_no_shell_and_no_evaluation() {
    let allowed = [("crates/sealgate/src/demo/scene.rs", "Command::new(program)")];
    let words = ["Command::new", "CommandExt", "posix_spawn", "libc::system", "libc::exec", "dlopen", "libloading", "compile_expression"];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let product = name.starts_with("crates/") && !name.starts_with("crates/testkit/") && name.contains("/src/");
        let tests = name.ends_with("_tests.rs") || name.ends_with("/tests.rs") || name.contains("/tests/");
        if !product || tests {
            continue;
        }
        for line in text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines() {
            let found = words.iter().any(|word| line.contains(word));
            if found && !allowed.iter().any(|(file, call)| name == *file && line.contains(call)) {
                wrong.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_room_is_a_drawer() {
    for drawer in ["common", "core", "util", "utils", "helpers", "misc"] {
        assert!(!root().join("crates").join(drawer).exists(), "a room called {drawer} says nothing");
    }
}

/// `make guards` takes each of them away; here only that they are where their patches say.
#[test]
fn every_guard_can_still_be_taken_away() {
    let mut patches = 0;
    for entry in std::fs::read_dir(root().join("tests/guards")).unwrap() {
        let path = entry.unwrap().path();
        let out = std::process::Command::new("git").args(["apply", "--check"]).arg(&path).current_dir(root()).output().unwrap();
        assert!(out.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&out.stderr));
        patches += 1;
    }
    assert!(patches > 100, "only {patches} patches were looked at");
}
