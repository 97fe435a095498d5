//! Golden cases: what each mail in `cases/` is read as.
//!
//! `NAME.eml` is the mail, `NAME.txt` the reading: author, subject, shape, tree, findings. With
//! `UPDATE_CASES=1` the readings are written; a change of one is a commit of its own that says why.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::Path;

use message::{Message, Part, Shape, shape};
use model::Budget;

fn reading(bytes: Vec<u8>) -> String {
    let message = Message::parse(bytes.into(), &Budget::default()).unwrap();
    let mut out = String::new();
    match message.sole_from() {
        Ok(address) => writeln!(out, "from     {address}").unwrap(),
        Err(error) => writeln!(out, "from     - ({error})").unwrap(),
    }
    writeln!(out, "subject  {}", message.decoded("subject").unwrap_or_default()).unwrap();
    writeln!(out, "shape    {}", name(&shape::of(&message))).unwrap();
    for part in message.parts() {
        writeln!(out, "part     {}", line(&message, part)).unwrap();
    }
    for anomaly in message.anomalies() {
        let weight = if anomaly.kind.is_dangerous() { "danger" } else { "note  " };
        writeln!(out, "{weight}   {anomaly}").unwrap();
    }
    out
}

fn line(message: &Message, part: &Part) -> String {
    let content = part.decode(message, &Budget::default()).unwrap();
    let name = part.name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
    let id = part.content_id.as_ref().map(|id| format!(" <{id}>")).unwrap_or_default();
    let shown = if part.is_leaf() { format!(" {:?}", String::from_utf8_lossy(&content)) } else { String::new() };
    format!("{} {} {}{name}{id}{shown}", part.id, part.content_type, part.encoding.word())
}

fn name(shape: &Shape) -> String {
    match shape {
        Shape::Plain => "plain".into(),
        Shape::ClearSigned { whole, .. } => format!("clear-signed whole={whole}"),
        Shape::Cms { kind, .. } => format!("cms {kind:?}"),
        Shape::PgpEncrypted => "pgp-encrypted".into(),
        Shape::PgpSigned => "pgp-signed".into(),
    }
}

#[test]
fn x_9_each_case_is_read_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        seen += 1;
        let now = reading(std::fs::read(&path).unwrap());
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_CASES").is_some() {
            std::fs::write(&golden, &now).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if now != expected {
            wrong.push(format!("{}\nexpected:\n{expected}\nread:\n{now}", path.display()));
        }
    }
    assert!(seen >= 15, "only {seen} cases found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
