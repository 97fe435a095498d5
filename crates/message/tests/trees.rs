//! The torture mails of another project with their parse trees: structure, count of fields, and content of every leaf.
//!
//! Reads `testdata/mime/mime4j` in place (see `material.rs`). Where our reading differs the reason stands in
//! [`DIFFERENT`]; a difference that is not listed, or a listed one that is gone, fails.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use message::{HeaderLimits, Message, Part};
use model::Budget;

/// Mails that we read in another way, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("badbound", "a multipart without one delimiter has no parts: a leaf here, an empty list there"),
    ("frag_decoded_1_2_1_2_1_2_1_2.bin", "behind the base64 stands a broken delimiter, and its letters are decoded further here"),
    (
        "multi-2gifs-base64",
        "an encoded composite is no composite (RFC 2045 §6.4): one closed leaf, named as dangerous and refused at the door",
    ),
    ("multi-frag_decoded_1_3_2.bin", "behind the base64 stands a broken delimiter, and its letters are decoded further here"),
    (
        "bad-newlines-multiple-parts-base64",
        "an encoded composite is no composite (RFC 2045 §6.4): one closed leaf, named as dangerous and refused at the door",
    ),
    (
        "base64encoded-rfc822message-nested",
        "an encoded composite is no composite (RFC 2045 §6.4): one closed leaf, named as dangerous and refused at the door",
    ),
    (
        "base64encoded-rfc822message",
        "an encoded composite is no composite (RFC 2045 §6.4): one closed leaf, named as dangerous and refused at the door",
    ),
    (
        "ending-boundaries",
        "a delimiter with text behind it on its line is no delimiter (RFC 2046 §5.1.1): a look-alike, refused at the door",
    ),
    (
        "malformedHeaderStartsBody-nocrlfcrlf",
        "a line without a colon is no field and does not end the header (RFC 5322 §2.2): noted as broken, the field after it counts",
    ),
    (
        "malformedHeaderStartsBody-noheader_decoded_1.txt",
        "lines without a colon before the empty line are header, not body: noted as broken",
    ),
    ("missing-boundary", "a multipart without one delimiter has no parts: a leaf here, an empty list there"),
    ("missing-inner-boundary", "a multipart without one delimiter has no parts: a leaf here, an empty list there"),
    ("missing-inner-start-boundary", "a multipart without one delimiter has no parts: a leaf here, an empty list there"),
    ("multipartnopart", "a multipart without one delimiter has no parts: a leaf here, an empty list there"),
];

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

fn mails(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => mails(&path, found),
            false if path.extension().is_some_and(|extension| extension == "msg") => found.push(path),
            false => {}
        }
    }
}

/// A tree as the samples write it: structure and fields on one line, and the files of the leaves.
#[derive(Default)]
struct Tree {
    shape: String,
    leaves: Vec<String>,
}

fn sample(xml: &str) -> Tree {
    let mut tree = Tree::default();
    let mut rest = xml;
    let mut fields = 0;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        match tag {
            "message" => tree.shape.push('['),
            "/message" => tree.shape.push(']'),
            "header" => fields = 0,
            "field" => fields += 1,
            "/header" => tree.shape.push_str(&fields.to_string()),
            "multipart" => tree.shape.push('('),
            "/multipart" => tree.shape.push(')'),
            "body-part" => tree.shape.push(' '),
            _ if tag.starts_with("text-body") || tag.starts_with("binary-body") => {
                tree.shape.push('b');
                tree.leaves.push(tag.split('"').nth(1).unwrap().to_owned());
            }
            _ => {}
        }
    }
    tree
}

fn own(message: &Message) -> (String, Vec<Bytes>) {
    let (mut shape, mut leaves) = (format!("[{}", message.fields().count()), Vec::new());
    below(message, message.root(), &mut shape, &mut leaves);
    shape.push(']');
    (shape, leaves)
}

fn below(message: &Message, part: &Part, shape: &mut String, leaves: &mut Vec<Bytes>) {
    if part.is_leaf() {
        shape.push('b');
        leaves.push(part.decode(message, &Budget::default()).unwrap());
    } else if part.content_type.is_multipart() {
        shape.push('(');
        for child in &part.children {
            shape.push_str(&format!(" {}", child.fields(message).len()));
            below(message, child, shape, leaves);
        }
        shape.push(')');
    } else {
        let child = &part.children[0];
        shape.push_str(&format!("[{}", child.fields(message).len()));
        below(message, child, shape, leaves);
        shape.push(']');
    }
}

/// Texts are written with the line ends of the machine that made the samples.
fn lines(content: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(content).replace("\r\n", "\n").into_bytes()
}

#[test]
fn interop_trees_and_contents_are_those_of_the_samples() {
    let Some(folder) = material("mime/mime4j") else { return };
    let mut paths = Vec::new();
    mails(&folder, &mut paths);
    let (mut trees, mut leaves, mut wrong) = (0, 0, Vec::new());
    for path in &paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(xml) = std::fs::read(path.with_file_name(format!("{name}_decoded.xml"))) else { continue };
        let expected = sample(&String::from_utf8_lossy(&xml));
        let limits = HeaderLimits { bytes: 64 << 20, lines: 1 << 20 };
        let message = Message::parse_within(std::fs::read(path).unwrap().into(), &Budget::default(), limits).unwrap();
        let (shape, contents) = own(&message);
        let found: Vec<String> = message.anomalies().iter().map(|anomaly| anomaly.kind.word().to_owned()).collect();
        if shape != expected.shape {
            wrong.push((name, format!("tree {shape}, the sample says {} {found:?}", expected.shape)));
            continue;
        }
        trees += 1;
        for (leaf, content) in expected.leaves.iter().zip(contents) {
            let wanted = std::fs::read(path.with_file_name(leaf)).unwrap_or_default();
            if content == wanted || lines(&content) == lines(&wanted) {
                leaves += 1;
            } else {
                wrong.push((leaf.clone(), format!("{} octets, the sample has {} {found:?}", content.len(), wanted.len())));
            }
        }
    }
    println!("{trees} of {} trees and {leaves} contents alike", paths.len());
    for (name, what) in &wrong {
        println!("{name}: {what}: {}", reason(name).unwrap_or("?"));
    }
    let unexplained: Vec<_> = wrong.iter().filter(|(name, _)| reason(name).is_none()).collect();
    assert!(unexplained.is_empty(), "{} not explained", unexplained.len());
    for (name, _) in DIFFERENT {
        assert!(wrong.iter().any(|(found, _)| found == name), "{name} is alike now");
    }
}

fn reason(name: &str) -> Option<&'static str> {
    DIFFERENT.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}
