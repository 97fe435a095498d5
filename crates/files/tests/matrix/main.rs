//! Files of most types, disguises, closed archives, traps and bombs that the project did not write.
//!
//! Reads `testdata/attachments` of the folder that `SEALGATE_MATERIAL` names (default `../shared` beside the workspace)
//! in place. Without it the tests are skipped; with `CI=true` a skipped test is a failed one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bombs;
mod traps;
mod types;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use files::{Found, Looked, State};
use model::{Budget, Limits};

/// The folder, or `None` where it is missing and may be.
pub fn material(folder: &str) -> Option<PathBuf> {
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

/// One file of the matrix.
pub fn read(name: &str) -> Option<Bytes> {
    material("attachments/matrix").map(|folder| std::fs::read(folder.join(name)).unwrap().into())
}

/// Looks into it as a rule with `archives` does.
pub fn look(content: &Bytes, name: Option<&str>) -> Looked {
    files::look(content, name, true, &Budget::new(files::limits(Limits::default().time)))
}

/// Types and how far it was read, member by member, indented.
pub fn tree(found: &Found) -> String {
    let mut out = String::new();
    write(found, 0, &mut out);
    out
}

fn write(found: &Found, depth: usize, out: &mut String) {
    let state = match found.state {
        State::Whole => String::new(),
        other => format!(" {other:?}"),
    };
    let by_name = if found.by_name { " by name" } else { "" };
    out.push_str(&format!("{}{} {:?}{by_name}{state}\n", "  ".repeat(depth), found.name.as_deref().unwrap_or("-"), found.types));
    found.members.iter().for_each(|member| write(member, depth + 1, out));
}

/// A ZIP of one deflated member.
pub fn zipped(name: &str, content: &[u8]) -> Bytes {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    let packed = encoder.finish().unwrap();
    let (length, size) = (u32::try_from(packed.len()).unwrap().to_le_bytes(), u32::try_from(content.len()).unwrap().to_le_bytes());
    let sum = crc32fast::hash(content).to_le_bytes();
    let title = u16::try_from(name.len()).unwrap().to_le_bytes();
    let common = [&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0][..], &sum, &length, &size, &title, &[0, 0]].concat();
    let local = [b"PK\x03\x04", &common[..], name.as_bytes(), &packed].concat();
    let record = [b"PK\x01\x02\x14\0", &common[..], &[0; 14], name.as_bytes()].concat();
    let (records, start) = (u32::try_from(record.len()).unwrap().to_le_bytes(), u32::try_from(local.len()).unwrap().to_le_bytes());
    [&local[..], &record, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &records, &start, &[0, 0]].concat().into()
}
