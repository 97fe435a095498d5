//! Messages that the project did not write: every file is read, and given back unchanged.
//!
//! Reads the folder that `SEALGATE_MATERIAL` names (default `../shared` beside the workspace) in place.
//! Without it the tests are skipped; with `CI=true` a skipped test is a failed one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use message::{AnomalyKind, HeaderLimits, Message, entity, shape};
use model::{Budget, Limits};

fn material(folder: &str) -> Option<PathBuf> {
    let named = std::env::var_os("SEALGATE_MATERIAL").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = named.unwrap_or(beside).join("testdata").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs the test material; {} is missing", path.display());
    println!("skipped: {} is missing", path.display());
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn interop_every_message_is_read_and_given_back() {
    let Some(folder) = material("mime") else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    assert!(found.len() > 500, "only {} files", found.len());
    for path in found {
        let bytes = Bytes::from(std::fs::read(&path).unwrap());
        let limits = HeaderLimits { bytes: 64 << 20, lines: 1 << 20 };
        let message =
            Message::parse_within(bytes.clone(), &Budget::default(), limits).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(message.edit().finish(), bytes, "{}", path.display());
        let mut edit = message.edit();
        edit.prepend("X-Top", "1");
        assert!(edit.finish().ends_with(&bytes), "{}", path.display());
        let budget = Budget::default();
        for part in message.parts() {
            part.text(&message, &budget).unwrap();
        }
        let _ = (message.anomalies(), message.sole_from(), shape::of(&message), shape::nested(&message));
        entity::seven_bit(&entity::of(&message), &Budget::default()).unwrap();
        let _ = entity::is_well_formed(&bytes, &Budget::default());
    }
}

/// The parse trees that come with the torture mails: count of leaves, for those that are no matter of taste.
#[test]
fn interop_the_trees_are_those_of_the_samples() {
    let Some(folder) = material("mime/mime4j") else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let (mut same, mut different) = (0, Vec::new());
    for path in found.iter().filter(|path| path.extension().is_some_and(|extension| extension == "msg")) {
        let Ok(tree) = std::fs::read_to_string(path.with_extension("xml")) else { continue };
        let bytes = Bytes::from(std::fs::read(path).unwrap());
        let message = Message::parse(bytes, &Budget::new(Limits::default())).unwrap();
        let leaves = message.parts().filter(|part| part.is_leaf()).count();
        let doubtful = message.anomalies().iter().any(|anomaly| {
            matches!(anomaly.kind, AnomalyKind::BoundaryUnused | AnomalyKind::BoundaryMissing | AnomalyKind::BrokenLine)
                || anomaly.kind.is_dangerous()
        });
        let expected = tree.matches("<body>").count();
        if leaves == expected {
            same += 1;
        } else if doubtful {
            // Where two readings are possible the anomaly says so, and the sample took the other one.
            println!("doubtful: {}: {leaves} leaves, the sample says {expected}", path.display());
        } else {
            different.push(format!("{}: {leaves} leaves, the sample says {expected}", path.display()));
        }
    }
    println!("{same} trees alike");
    assert!(same >= 60 && different.is_empty(), "{same} alike, different:\n{}", different.join("\n"));
}
