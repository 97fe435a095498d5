//! Tests of edits: what changes, and what must not.

use super::*;
use model::Budget;

const MAIL: &str = "Received: x\r\nbroken line\r\nSubject: a\r\n b\r\nX-Sealgate-Trace: forged\r\nsubject: second\r\n\r\nBody\0\r\n";

fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), &Budget::default()).unwrap()
}

fn text(edit: &Edit) -> String {
    String::from_utf8(edit.finish().to_vec()).unwrap()
}

#[test]
fn nothing_touched_is_the_same_memory() {
    let message = message(MAIL);
    let out = message.edit().finish();
    assert_eq!(out.as_ptr(), message.bytes().as_ptr());
}

#[test]
fn untouched_lines_stay() {
    let mut edit = message(MAIL).edit();
    edit.remove_starting_with("X-SEALGATE-").prepend("X-New", "1").set("Subject", "neu ü");
    let expected = "X-New: 1\r\nReceived: x\r\nbroken line\r\nSubject: neu =?utf-8?B?w7w=?=\r\n\r\nBody\0\r\n";
    assert_eq!(text(&edit), expected);
    assert_eq!(edit.decoded("SUBJECT").as_deref(), Some("neu ü"));
}

#[test]
fn m_r6_mapping_edits_only_its_own_line() {
    let mut edit = message("A:  odd \r\nSUBJECT: x\r\nb : c\r\n\r\n").edit();
    assert!(!edit.map("subject", |_| None) && !edit.is_touched());
    assert!(edit.map("subject", |old| Some(format!("{old}!"))));
    assert_eq!(text(&edit), "A:  odd \r\nSUBJECT: x!\r\nb : c\r\n\r\n");
}

#[test]
fn an_entity_replaces_content_fields_and_body_only() {
    let mail = "From: a@b.example\r\nContent-Type: text/plain\r\nMIME-Version: 1.0\r\nTo: c@d.example\r\n\r\nold";
    let mut edit = message(mail).edit();
    edit.replace_entity(&b"Content-Type: text/html\r\nFrom: eve@evil.example\r\n\r\n<p>new"[..]);
    let expected = "From: a@b.example\r\nTo: c@d.example\r\nContent-Type: text/html\r\nMIME-Version: 1.0\r\n\r\n<p>new";
    assert_eq!(text(&edit), expected, "cve_2026_27443: an inner From does not count");
}

#[test]
fn a_header_without_an_end_gets_one_when_needed() {
    let mut edit = message("A: 1").edit();
    edit.append("B", "2");
    assert_eq!(text(&edit), "A: 1\r\nB: 2\r\n");
    edit.replace_entity(&b"Content-Type: text/plain\r\n\r\nhi"[..]);
    assert_eq!(text(&edit), "A: 1\r\nB: 2\r\nContent-Type: text/plain\r\nMIME-Version: 1.0\r\n\r\nhi");
}

#[test]
fn splices_keep_what_is_around_them() {
    let mut edit = message("A: 1\r\n\r\n0123456789").edit();
    assert!(edit.splice(10..12, Bytes::from_static(b"xx")) && edit.splice(15..16, Bytes::new()));
    assert!(!edit.splice(11..13, Bytes::new()), "overlaps a change");
    assert!(!edit.splice(0..4, Bytes::new()), "the header is not the body");
    assert_eq!(text(&edit), "A: 1\r\n\r\n01xx45689");
}

#[test]
fn x_10_raw_fields_are_one_field() {
    let mut edit = message(MAIL).edit();
    edit.prepend_raw(b"Received: from a\r\n\tby b\r\n").unwrap();
    for bad in ["A: 1", "A: 1\r\nB: 2\r\n", "A: 1\r\n\r\n", "no field\r\n", "A: 1\n", "A: \0\r\n", "A: a\rb\r\n", ""] {
        assert!(edit.prepend_raw(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(text(&edit).starts_with("Received: from a\r\n\tby b\r\nReceived: x\r\n"));
}
