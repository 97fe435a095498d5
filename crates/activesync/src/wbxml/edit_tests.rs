//! Tests of changes: what they touch, and nothing else.

use model::Budget;
use proptest::prelude::*;

use super::*;
use crate::code_pages::Tag;
use crate::wbxml::{Element, LIMITS, UnknownTags, Writer};

fn parse(octets: &[u8]) -> Document {
    Document::parse(Bytes::copy_from_slice(octets), UnknownTags::Keep, &Budget::new(LIMITS)).unwrap()
}

/// `<Sync><SyncKey>1</SyncKey><base:Body><base:Data>…</base:Data></base:Body><Wait/><email:To>x</email:To></Sync>`
fn sample() -> Vec<u8> {
    let mut writer = Writer::new();
    writer.start(0, 0x05).start(0, 0x0B).text("1").end();
    writer.start(17, 0x0A).start(17, 0x0B).opaque(b"opaque").end().end();
    writer.empty(0, 0x24).start(2, 0x16).text("x").end().end();
    writer.finish()
}

fn find(document: &Document, tag: Tag) -> Element<'_> {
    document.elements().find(|element| element.tag() == tag).unwrap()
}

/// The tree as text, without what only the bytes show.
fn shape(octets: &[u8]) -> String {
    fn show(element: Element<'_>, out: &mut String) {
        out.push_str(&format!("<{}:{:x} {:?}", element.tag().page, element.tag().token, element.text()));
        element.children().for_each(|child| show(child, out));
        out.push('>');
    }
    let mut out = String::new();
    show(parse(octets).root().unwrap(), &mut out);
    out
}

const KEY: Tag = Tag::new(0, 0x0B);
const BODY: Tag = Tag::new(17, 0x0A);
const DATA: Tag = Tag::new(17, 0x0B);
const WAIT: Tag = Tag::new(0, 0x24);
const TO: Tag = Tag::new(2, 0x16);

#[test]
fn g_20_one_changed_value_changes_its_own_bytes_and_length() {
    let octets = sample();
    let document = parse(&octets);
    let mut edits = Edits::new(&document);
    edits.set(find(&document, KEY).id(), "12").unwrap();
    let changed = edits.finish().into_bytes();
    let at = octets.iter().position(|o| *o == b'1').unwrap();
    assert_eq!(changed, [&octets[..=at], b"2", &octets[at + 1..]].concat());

    let mut edits = Edits::new(&document);
    let long = vec![b'y'; 200];
    edits.set(find(&document, DATA).id(), "dropped: the last change counts").unwrap();
    edits.set(find(&document, DATA).id(), long.clone()).unwrap();
    let rope = edits.finish();
    let at = octets.windows(6).position(|w| w == b"opaque").unwrap();
    let expected = [&octets[..at - 1], &[0x81, 0x48], &long, &octets[at + 6..]].concat();
    assert_eq!(rope.len(), expected.len());
    assert_eq!(rope.into_bytes(), expected);
}

#[test]
fn g_20_untouched_octets_are_no_copies() {
    let document = parse(&sample());
    let same = Edits::new(&document).finish().into_bytes();
    assert_eq!(same.as_ptr(), document.octets().as_ptr());
    let mut edits = Edits::new(&document);
    edits.set(find(&document, TO).id(), "z").unwrap();
    let pieces = edits.finish().into_pieces();
    assert_eq!(pieces[0].as_ptr(), document.octets().as_ptr());
}

#[test]
fn g_20_an_element_taken_out_leaves_the_page_that_follows_needs() {
    let document = parse(&sample());
    for (tag, gone) in [(BODY, "<17:a \"\"<17:b \"opaque\">>"), (WAIT, "<0:24 \"\">"), (TO, "<2:16 \"x\">"), (KEY, "<0:b \"1\">")] {
        let mut edits = Edits::new(&document);
        edits.set(find(&document, DATA).id(), "opaque").unwrap();
        edits.remove(find(&document, tag).id()).unwrap();
        let out = edits.finish().into_bytes();
        assert_eq!(shape(&out), shape(&sample()).replace(gone, ""), "{tag}");
    }
    // An element that ends on another page than it began on.
    let odd = b"\x03\x01\x6a\x00\x45\x47\x00\x11\x0a\x01\x0b\x01";
    let document = parse(odd);
    let mut edits = Edits::new(&document);
    edits.remove(find(&document, Tag::new(0, 0x07)).id()).unwrap();
    assert_eq!(edits.finish().into_bytes(), &b"\x03\x01\x6a\x00\x45\x00\x11\x0b\x01"[..]);
}

#[test]
fn g_20_elements_are_put_in_on_their_page_and_leave_the_other() {
    let document = parse(&sample());
    let mut edits = Edits::new(&document);
    let notice = Fragment::new().start(BODY).text(Tag::new(17, 0x06), "1").opaque(DATA, "n").end().empty(TO);
    edits.before(find(&document, WAIT).id(), &notice).unwrap();
    edits.append(find(&document, WAIT).id(), &Fragment::new().text(KEY, "in")).unwrap();
    edits.append(find(&document, WAIT).id(), &Fragment::new().text(TO, "two")).unwrap();
    edits.append(document.root().unwrap().id(), &Fragment::new().empty(KEY)).unwrap();
    edits.append(document.root().unwrap().id(), &Fragment::new().empty(DATA)).unwrap();
    let added = "<17:a \"\"<17:6 \"1\"><17:b \"n\">><2:16 \"\"><0:24 \"\"<0:b \"in\"><2:16 \"two\">>";
    let expected = shape(&sample()).replace("<0:24 \"\">", added).replace("\"x\">>", "\"x\"><0:b \"\"><17:b \"\">>");
    assert_eq!(shape(&edits.finish().into_bytes()), expected);
}

#[test]
fn g_20_values_come_where_none_was() {
    // <SyncKey/>, then <SyncKey></SyncKey>, then one of two values.
    let octets = b"\x03\x01\x6a\x00\x45\x0b\x4b\x01\x4b\x03a\x00\xc3\x01b\x01\x01";
    let document = parse(octets);
    let mut edits = Edits::new(&document);
    let root = document.root().unwrap();
    for (element, value) in root.children().zip(["one", "two", "three"]) {
        edits.set(element.id(), value).unwrap();
    }
    assert_eq!(edits.finish().into_bytes(), &b"\x03\x01\x6a\x00\x45\x4b\x03one\x00\x01\x4b\x03two\x00\x01\x4b\x03three\x00\x01\x01"[..]);
}

#[test]
fn g_20_what_can_not_be_is_said() {
    let document = parse(&sample());
    let root = document.root().unwrap().id();
    let mut edits = Edits::new(&document);
    assert_eq!(edits.set(root, "x"), Err(EditError::Elements));
    assert_eq!(edits.set(find(&document, KEY).id(), "a\0b"), Err(EditError::Nul));
    assert_eq!(edits.set(find(&document, WAIT).id(), "a\0b"), Err(EditError::Nul));
    assert_eq!(edits.remove(root), Err(EditError::Root));
    assert_eq!(edits.before(root, &Fragment::new()), Err(EditError::Root));
    assert_eq!(edits.remove(NodeId(77)), Err(EditError::Nowhere));
    assert!(edits.is_empty());
    assert_eq!(edits.set(find(&document, DATA).id(), "a\0b"), Ok(()), "opaque octets hold NUL");
}

proptest! {
    /// Any changes to any tree give a body that can be read, and changes inside what is taken out are no harm.
    #[test]
    fn x_11_changes_keep_a_body_readable(
        bytes in proptest::collection::vec(prop_oneof![Just(1u8), Just(0x45), Just(0x4B), Just(0x0B), Just(0), Just(17), Just(3), 0u8..0x50], 0..200),
        acts in proptest::collection::vec((0usize..40, 0u8..4), 0..12),
    ) {
        let octets: Vec<u8> = [&[3, 1, 0x6A, 0, 0x45][..], &bytes, &[1; 40]].concat();
        let ends = (5..=octets.len()).find_map(|end| {
            Document::parse(Bytes::copy_from_slice(&octets[..end]), UnknownTags::Keep, &Budget::new(LIMITS)).ok()
        });
        let Some(document) = ends else { return Ok(()) };
        let mut edits = Edits::new(&document);
        let ids: Vec<_> = document.elements().map(|element| element.id()).collect();
        let fragment = Fragment::new().start(TO).text(KEY, "new");
        for (which, act) in acts {
            let id = ids[which % ids.len()];
            let _ = match act {
                0 => edits.set(id, "changed"),
                1 => edits.remove(id),
                2 => edits.before(id, &fragment),
                _ => edits.append(id, &fragment),
            };
        }
        let rope = edits.finish();
        let (length, out) = (rope.len(), rope.into_bytes());
        prop_assert_eq!(length, out.len());
        let limits = model::Limits { depth: 64, ..LIMITS };
        prop_assert!(Document::parse(out, UnknownTags::Keep, &Budget::new(limits)).is_ok());
    }
}
