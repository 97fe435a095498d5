//! TNEF streams that the project did not write, with the lists of what is in them.
//!
//! Reads `testdata/mime/mimekit/tnef` in place (see `material.rs`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use message::tnef;
use model::Budget;

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

/// Names as the lists have them: files first, then the bodies; what has no name is called so there.
fn names(found: &tnef::Tnef) -> Vec<String> {
    let files = found.attachments.iter().map(|a| a.name.clone().unwrap_or_else(|| "Untitled Attachment".to_owned()));
    files.chain(found.bodies.iter().map(|body| body.name.to_owned())).collect()
}

#[test]
fn m_p6_interop_every_stream_holds_what_its_list_says() {
    let Some(folder) = material("mime/mimekit/tnef") else { return };
    let (mut alike, mut different) = (0, Vec::new());
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "tnef")) {
        let bytes = Bytes::from(std::fs::read(path).unwrap());
        let found = tnef::parse(&bytes, &Budget::default()).unwrap().unwrap_or_else(|| panic!("{} is no stream", path.display()));
        let list = std::fs::read_to_string(path.with_extension("list")).unwrap();
        // The lists come from a tool that knows no display names: what it calls untitled we may call by one.
        let same = |name: &str| name.replace('_', " ");
        let listed: Vec<String> = list.lines().filter(|line| !line.is_empty()).map(same).collect();
        let expected: Vec<&String> = listed.iter().filter(|name| *name != "Untitled Attachment").collect();
        let seen: Vec<String> = names(&found).iter().map(|name| same(name)).collect();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if seen.len() >= listed.len() && expected.iter().all(|name| seen.contains(name)) {
            alike += 1;
        } else {
            different.push(format!("{name}: {seen:?}, the list says {listed:?}{}", if found.damaged { " (damaged)" } else { "" }));
        }
        contents(&path.with_extension(""), &bytes, &found);
    }
    println!("{alike} streams as their lists say\n{}", different.join("\n"));
    assert!(alike + different.len() == 19, "{} streams", alike + different.len());
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn lines(content: &[u8]) -> Vec<u8> {
    content.iter().copied().filter(|byte| *byte != b'\r').collect()
}

/// Where the samples have the files too, they are the same to the octet.
fn contents(folder: &Path, stream: &Bytes, found: &tnef::Tnef) {
    for attachment in &found.attachments {
        let Some(name) = attachment.name.as_deref().filter(|name| !name.contains('/')) else { continue };
        if let Ok(expected) = std::fs::read(folder.join(name)) {
            let content = &stream[attachment.content.clone()];
            // Texts came into the samples with the line ends of another system.
            let same = content == expected.as_slice() || lines(content) == lines(&expected);
            // Of an embedded object the sample keeps the id of its interface, which is no part of it.
            let same = same || expected.get(16..).is_some_and(|object| object == content);
            assert!(same, "{}: {name} differs", folder.display());
        }
    }
    for body in found.bodies.iter().filter(|body| body.name == "body.rtf") {
        if let Ok(expected) = std::fs::read(folder.join("message.rtf")) {
            assert!(lines(&body.content) == lines(&expected), "{}: the text differs", folder.display());
        }
    }
}
