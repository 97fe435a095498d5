//! Tests of taking entities out of messages and making them safe to sign.

use super::*;
use crate::bytes_of::{lines, trim_end};

fn message(text: &[u8]) -> Message {
    Message::parse(Bytes::copy_from_slice(text), &Budget::default()).unwrap()
}

fn safe(entity: &[u8]) -> Bytes {
    let out = seven_bit(&Bytes::copy_from_slice(entity), &Budget::default()).unwrap();
    for line in lines(&out) {
        let content = slice(&out, line.start..line.content);
        assert!(content.is_ascii() && trim_end(content).len() == content.len(), "{:?}", String::from_utf8_lossy(content));
        assert!(line.end == line.content || line.end - line.content == 2, "bare LF");
    }
    out
}

/// Decoded contents of all leaves.
fn contents(entity: &[u8]) -> Vec<Bytes> {
    let message = message(entity);
    message.parts().filter(|part| part.is_leaf()).map(|part| part.decode(&message, &Budget::default()).unwrap()).collect()
}

#[test]
fn an_entity_is_content_fields_and_body() {
    let mail =
        message(b"From: a@b.example\r\ncontent-TYPE: text/html;\r\n charset=utf-8\r\nMIME-Version: 1.0\r\nSubject: s\r\n\r\n<p>\r\n");
    assert_eq!(of(&mail), &b"content-TYPE: text/html;\r\n charset=utf-8\r\nMIME-Version: 1.0\r\n\r\n<p>\r\n"[..]);
    assert_eq!(of(&message(b"From: a@b.example\r\n\r\nhi")), &b"Content-Type: text/plain; charset=us-ascii\r\n\r\nhi"[..]);
}

#[test]
fn what_is_safe_stays_the_same_memory() {
    let entity = Bytes::from_static(b"Content-Type: text/plain\r\n\r\nshort\r\n");
    assert_eq!(seven_bit(&entity, &Budget::default()).unwrap().as_ptr(), entity.as_ptr());
}

#[test]
fn a_cr_alone_is_never_safe_and_what_was_read_is_made_safe_alike() {
    for body in ["a\r\r\n", "a\r", "\rb\r\n", "a\r\nb\r"] {
        let entity = Bytes::from(format!("Content-Type: text/plain\r\n\r\n{body}"));
        assert_ne!(seven_bit(&entity, &Budget::default()).unwrap(), entity, "{body:?}");
    }
    for text in ["Subject: x\r\n\r\nplain\r\n", "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n", "A: b\r\n\r\nGrüße \r\n"]
    {
        let message = message(text.as_bytes());
        let known = seven_bit_of(&message, &Budget::default()).unwrap();
        assert_eq!(known, seven_bit(&of(&message), &Budget::default()).unwrap(), "{text:?}");
    }
}

#[test]
fn text_becomes_quoted_printable_and_means_the_same() {
    let entity = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße  \r\nFrom here\r\n".as_bytes();
    let out = safe(entity);
    assert!(out.windows(16).any(|w| w == b"quoted-printable"));
    assert_eq!(contents(&out), contents(entity));
    let unsaid = safe(&[&b"Content-Type: text/plain\r\n\r\n"[..], &[b'x'; 500]].concat());
    assert_eq!(contents(&unsaid)[0], vec![b'x'; 500]);
}

#[test]
fn bytes_become_base64_and_long_base64_is_wrapped() {
    let raw = [b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n".as_slice(), &[0, 13, 10, 10, 255]].concat();
    assert_eq!(contents(&safe(&raw))[0].as_ref(), [0, 13, 10, 10, 255]);
    let long = format!("Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n{}", "QUJD".repeat(100));
    let wrapped = safe(long.as_bytes());
    assert!(lines(&wrapped).all(|line| line.content - line.start <= 76));
    assert_eq!(contents(&wrapped), contents(long.as_bytes()));
}

#[test]
fn a_multipart_keeps_its_parts_and_protected_ones_byte_for_byte() {
    let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nsigned text with blank \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--";
    let entity = format!(
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\npreamble ü\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n--b\r\n{signed}\r\n--b--\r\nepilogue\r\n"
    );
    let out = seven_bit(&Bytes::from(entity.clone()), &Budget::default()).unwrap();
    assert!(memchr::memmem::find(&out, signed.as_bytes()).is_some(), "{}", String::from_utf8_lossy(&out));
    assert_eq!(contents(&out), contents(entity.as_bytes()));
    assert!(out.is_ascii() && out.ends_with(b"--b--\r\nepilogue\r\n"));
    assert!(memchr::memmem::find(&out, b"Content-Transfer-Encoding: 8bit").is_none());
}

#[test]
fn an_attached_message_is_never_encoded_as_a_whole() {
    let entity = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n";
    let out = safe(entity.as_bytes());
    let inner = message(&out);
    assert_eq!(inner.root().encoding, crate::Encoding::SevenBit);
    let child = inner.part("1.1").unwrap();
    assert_eq!(child.text(&inner, &Budget::default()).unwrap(), "Grüße\r\n");
    assert!(memchr::memmem::find(&out, b"Subject: =?utf-8?").is_some());
}

#[test]
fn raw_names_become_encoded_parameters() {
    let entity = "Content-Type: application/pdf; name=\"Plän.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n";
    assert_eq!(message(&safe(entity.as_bytes())).root().name.as_deref(), Some("Plän.pdf"));
}

#[test]
fn blanks_in_headers_and_bare_line_feeds_go() {
    let out = safe(b"Content-Type: text/plain; \n \n charset=utf-8\n\nhi\n");
    assert_eq!(out, &b"Content-Type: text/plain;\r\n charset=utf-8\r\n\r\nhi\r\n"[..]);
}

#[test]
fn labels_that_a_server_would_convert_go() {
    let out = safe(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\nonly ascii\r\n");
    assert_eq!(out, &b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nonly ascii\r\n"[..]);
}

#[test]
fn x_3_x_8_what_was_inside_is_made_fit_for_the_wire_or_is_not_released() {
    let made = |entity: &[u8]| sendable(&Bytes::copy_from_slice(entity), &Budget::default()).unwrap();
    for fits in
        ["Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße \r\n", "Content-Type: a/b\r\n\r\n"]
    {
        assert_eq!(made(fits.as_bytes()).unwrap(), fits, "as it came");
    }
    let signed = |content: &str| {
        format!(
            "Content-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: text/plain\n\n{content}\n--b\nContent-Type: application/pkcs7-signature\n\nx\n--b--\n"
        )
    };
    let octets = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n%PDF\0\r\n\n\r".to_vec();
    let name = "Content-Type: a/b; name=\"Plän\"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n".as_bytes().to_vec();
    for entity in
        [b"Content-Type: text/plain\n\none \n\ntwo\n".to_vec(), octets, name, b"Content-Type: text/plain\r\n\r\na\rb\r\n".to_vec()]
    {
        let out = made(&entity).unwrap();
        assert!(lines_fit(&out) && out.is_ascii());
        let read = |entity: &[u8]| String::from_utf8(contents(entity).concat()).unwrap().replace('\r', "").replace(" \n", "\n");
        assert_eq!(read(&out), read(&entity), "{}", String::from_utf8_lossy(&out));
    }
    assert_eq!(
        made(signed("one \ntwo").as_bytes()).unwrap(),
        signed("one \ntwo").replace('\n', "\r\n"),
        "its own octets, with the line ends of mail"
    );
    assert_eq!(made(signed("a\0b").as_bytes()), None);
}
