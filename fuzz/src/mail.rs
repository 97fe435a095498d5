//! The MIME scanner and all that reads what it found.

use bytes::Bytes;
use message::protected::{self, Form};
use message::{AnomalyKind, FromError, Message, address, entity, shape, subject};
use model::Budget;

/// Reads the octets as a mail, asks all questions, makes all edits.
pub fn mime(data: &[u8]) {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(data), &Budget::default()) else { return };
    questions(&message);
    tree(&message);
    edits(&message, data);
    signing(&message);
    protection(&message);
    let _ = entity::is_well_formed(data, &Budget::default());
}

/// Header protection: what is composed is read again, and what is read never brings more than whole fields into a header.
fn protection(message: &Message) {
    let budget = Budget::default();
    for (form, hidden) in [(Form::Clear, false), (Form::Cipher, true)] {
        let Some(composed) = protected::compose(message, form, hidden) else { continue };
        let Ok(payload) = Message::parse(composed, &budget) else { continue };
        let _ = protected::read(&payload).map(|fields| (fields.author(), fields.subject(), fields.outside("subject")));
    }
    let Some(fields) = protected::read(message) else { return };
    let outer = Message::parse(Bytes::from_static(b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\nbody\r\n"), &budget);
    let Ok(outer) = outer else { return };
    for all in [false, true] {
        let mut edit = outer.edit();
        fields.restore(&outer, &mut edit, all);
        let restored = edit.finish();
        assert!(restored.ends_with(b"\r\n\r\nbody\r\n"), "the body moved");
        let froms = Message::parse(restored, &budget).map(|restored| restored.fields_named("from").count());
        assert!(matches!(froms, Ok(1) | Err(_)), "another From came in");
    }
}

fn questions(message: &Message) {
    let froms = message.fields_named("from").count();
    match message.sole_from() {
        Ok(_) => assert_eq!(froms, 1, "one author out of {froms} From fields"),
        Err(FromError::Missing) => assert!(froms <= 1),
        Err(_) => {}
    }
    if froms > 1 {
        let known = message.anomalies().iter().any(|a| matches!(&a.kind, AnomalyKind::Duplicate(name) if name == "from"));
        assert!(known, "two From fields and no anomaly");
        assert!(message.refuse_ambiguous().is_err());
    }
    for field in message.fields() {
        assert!(!field.text().chars().any(char::is_control), "decoded text holds a control character");
        let _ = address::list(field.value);
    }
    let _ = (message.date(), message.message_id(), message.mailboxes("to"), shape::of(message), shape::nested(message));
}

fn tree(message: &Message) {
    let budget = Budget::default();
    let mut count = 0;
    for part in message.parts() {
        count += 1;
        assert_eq!(message.part(&part.id).map(|found| &found.id), Some(&part.id));
        let body = part.body_range();
        assert!(body.start <= body.end && body.end <= message.bytes().len());
        let mut at = body.start;
        for child in &part.children {
            assert!(at <= child.entity_range().start && child.entity_range().end <= body.end, "parts overlap");
            at = child.entity_range().end;
        }
        let _ = (part.fields(message), part.text(message, &budget));
    }
    assert!(count <= 1_000, "more parts than the budget allows");
}

fn edits(message: &Message, data: &[u8]) {
    assert_eq!(message.edit().finish(), data, "an unedited message changed");
    let mut edit = message.edit();
    let text = String::from_utf8_lossy(data.get(..data.len().min(300)).unwrap_or_default()).into_owned();
    edit.prepend("X-Top", &text);
    let out = edit.finish();
    assert!(out.ends_with(data), "what was below a new field changed");
    let top = Message::parse(out, &Budget::default());
    if let Ok(top) = top {
        let first = top.fields().next().map(|field| field.name.to_owned());
        assert_eq!(first.as_deref(), Some("X-Top"));
        assert_eq!(top.fields().count(), message.fields().count() + 1, "text became a field of its own");
    }
    let mut edit = message.edit();
    subject::strip_marks(&mut edit, &["[signed OK]", "[signed INVALID]"]);
    assert!(!subject::strip_marks(&mut edit, &["[signed OK]", "[signed INVALID]"]), "a mark survived its stripping");
    let find = |text: &str| text.match_indices("ok").map(|(at, found)| at..at + found.len()).collect();
    if let Some(kept) = subject::without_matches(&text, &find) {
        assert!(subject::without_matches(&kept, &find).is_none(), "an expression still fits");
    }
    edit.remove_starting_with("x-sealgate-");
    edit.set("Subject", &text);
    edit.replace_entity(bytes::Bytes::copy_from_slice(data));
    let _ = edit.finish();
}

fn signing(message: &Message) {
    let Ok(safe) = entity::seven_bit(&entity::of(message), &Budget::default()) else { return };
    assert!(entity::seven_bit_of(message, &Budget::default()).is_ok_and(|known| known == safe), "what was read already is made safe otherwise");
    let Ok(read) = Message::parse(safe, &Budget::default()) else { return };
    let _ = shape::of(&read);
}
