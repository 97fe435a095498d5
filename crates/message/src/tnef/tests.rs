//! Streams made by hand; those of others are in `tests/material.rs`.

use super::*;
use model::{BudgetKind, Limits};

fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let sum = data.iter().fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let length = u32::try_from(data.len()).unwrap();
    [&[level][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &sum.to_le_bytes()].concat()
}

fn stream(attributes: &[Vec<u8>]) -> Bytes {
    [SIGNATURE.to_vec(), vec![1, 0], attributes.concat()].concat().into()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    [attribute(2, RENDDATA, &[0; 14]), attribute(2, TITLE, format!("{name}\0").as_bytes()), attribute(2, DATA, content)].concat()
}

fn read(bytes: &Bytes) -> Tnef {
    parse(bytes, &Budget::default()).unwrap().unwrap()
}

#[test]
fn m_p6_attachments_with_name_and_content() {
    let bytes = stream(&[attribute(1, 0x0002_800c, b"text\0"), file("a.txt", b"one"), file("b.exe", b"MZ")]);
    let tnef = read(&bytes);
    let seen: Vec<_> = tnef.attachments.iter().map(|a| (a.name.as_deref().unwrap(), &bytes[a.content.clone()])).collect();
    assert_eq!(seen, [("a.txt", b"one".as_slice()), ("b.exe", b"MZ")]);
    assert!(!tnef.damaged);
}

#[test]
fn m_p6_what_stays_keeps_its_octets() {
    let (message, a, b, c) = (attribute(1, 0x0002_800c, b"text\0"), file("a", b"1"), file("b", b"2"), file("c", b"3"));
    let bytes = stream(&[message.clone(), a.clone(), b, c.clone()]);
    let kept = without(&bytes, &read(&bytes), &|place| place == 1);
    assert_eq!(kept, stream(&[message, a, c]));
}

#[test]
fn m_p6_long_names_and_embedded_messages_come_from_properties() {
    let long = "Übersicht 2026.docx".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let inner = stream(&[file("inner.txt", b"x")]);
    let object = [&[0u8; 16][..], &inner].concat();
    let mut properties = 3u32.to_le_bytes().to_vec();
    // A named property before them is passed over.
    properties.extend(
        [&0x0003u16.to_le_bytes()[..], &0x8001u16.to_le_bytes(), &[0; 16], &1u32.to_le_bytes(), &4u32.to_le_bytes(), b"n\0\0\0"].concat(),
    );
    properties.extend(7u32.to_le_bytes());
    for (kind, id, value) in [(props::UNICODE, props::LONG_NAME, long), (props::OBJECT, props::ATTACH_DATA, object)] {
        properties.extend([&kind.to_le_bytes()[..], &id.to_le_bytes(), &1u32.to_le_bytes()].concat());
        properties.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        properties.extend(&value);
        properties.resize(properties.len().next_multiple_of(4), 0);
    }
    let head = [attribute(2, RENDDATA, &[0; 14]), attribute(2, TITLE, b"UBERSI~1.DOC\0")].concat();
    let bytes = stream(&[head, attribute(2, ATTACHMENT, &properties)]);
    let tnef = read(&bytes);
    let attachment = &tnef.attachments[0];
    assert_eq!(attachment.name.as_deref(), Some("Übersicht 2026.docx"));
    let inner = read(&bytes.slice(attachment.content.clone()));
    assert_eq!(inner.attachments[0].name.as_deref(), Some("inner.txt"));
}

#[test]
fn x_9_an_object_beside_a_content_is_seen_too() {
    let inner = stream(&[file("inner.exe", b"MZ")]);
    let object = [&[0u8; 16][..], &inner].concat();
    let mut properties =
        [&1u32.to_le_bytes()[..], &props::OBJECT.to_le_bytes(), &props::ATTACH_DATA.to_le_bytes(), &1u32.to_le_bytes()].concat();
    properties.extend(u32::try_from(object.len()).unwrap().to_le_bytes());
    properties.extend(object);
    let both = [file("a.txt", b"harmless"), attribute(2, ATTACHMENT, &properties)].concat();
    let bytes = stream(&[file("b", b"1"), both, file("c", b"3")]);
    let tnef = read(&bytes);
    assert_eq!(tnef.attachments.len(), 4);
    assert!(bytes[tnef.attachments[2].content.clone()] == inner);
    for gone in [1, 2] {
        assert_eq!(without(&bytes, &tnef, &|place| place == gone), stream(&[file("b", b"1"), file("c", b"3")]), "both go");
    }
}

#[test]
fn x_11_a_stream_cut_anywhere_gives_what_is_there() {
    let bytes = stream(&[file("a", b"1"), file("b", b"2")]);
    for end in 0..bytes.len() {
        let cut = parse(&bytes.slice(..end), &Budget::default()).unwrap();
        assert_eq!(cut.is_some(), end >= SIGNATURE.len());
        assert!(cut.is_none_or(|tnef| tnef.attachments.len() <= 2));
    }
    let bounded = Budget::new(Limits { parts: 3, ..Limits::default() });
    assert_eq!(parse(&bytes, &bounded).unwrap_err().kind, BudgetKind::Parts);
}

#[test]
fn x_11_counts_that_lie_end_the_reading() {
    let lying = [&u32::MAX.to_le_bytes()[..], &0x1003u16.to_le_bytes(), &0x3001u16.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    let nothing = [&u32::MAX.to_le_bytes()[..], &0x1001u16.to_le_bytes(), &0x3001u16.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    for properties in [lying, nothing] {
        let tnef = read(&stream(&[attribute(1, MAPI_PROPS, &properties)]));
        assert!(tnef.damaged && tnef.attachments.is_empty());
    }
}

#[test]
fn compressed_rtf_by_the_sample_of_the_standard() {
    // MS-OXRTFCP §3.1.1.
    let data = [
        0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63,
        0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64,
        0x7d, 0x0a, 0x80, 0x0f, 0xa0,
    ];
    let text = rtf::decompress(&Bytes::copy_from_slice(&data), &Budget::default()).unwrap().unwrap();
    assert_eq!(text.as_ref(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
}
