//! Tests of the tree: what is where, what is refused, any bytes.

use model::{BudgetKind, Limits};
use proptest::prelude::*;

use super::*;
use crate::wbxml::LIMITS;

fn parse(octets: &[u8]) -> Result<Document, WbxmlError> {
    Document::parse(Bytes::copy_from_slice(octets), UnknownTags::Refuse, &Budget::new(LIMITS))
}

#[test]
fn g_20_elements_are_found_by_their_place() {
    // <FolderSync><Status>1</Status><Changes><Count>2</Count><Add/><Add/></Changes></FolderSync>, with a switch to the page
    // that is on already, and a text in two values.
    let octets = b"\x03\x01\x6a\x00\x00\x07\x56\x4c\x031\x00\x01\x00\x07\x4e\x57\x032\x00\xc3\x80\x010\x01\x0f\x0f\x01\x01";
    let document = parse(octets).unwrap();
    let root = document.root().unwrap();
    let tag = |token| Tag::new(7, token);
    assert_eq!(root.tag(), tag(0x16));
    assert!(root.parent().is_none());
    assert_eq!(root.children().map(|c| c.tag().token).collect::<Vec<_>>(), [0x0C, 0x0E]);
    assert_eq!(root.text_of(tag(0x0C)).unwrap(), "1");
    let changes = root.child(tag(0x0E)).unwrap();
    assert_eq!(changes.number_of(tag(0x17)), Some(20), "two values are one text");
    assert_eq!(changes.all(tag(0x0F)).count(), 2);
    assert_eq!(root.path(&[tag(0x0E), tag(0x17)]).unwrap().parent().unwrap().id(), changes.id());
    assert_eq!(root.descendants().count(), 5);
    assert_eq!(document.elements().count(), 6);
    assert!(changes.child(tag(0x0F)).unwrap().is_empty() && !changes.is_empty());
    assert_eq!(changes.value(), &b""[..]);
    assert_eq!(document.octets(), &octets[..]);
    assert!(document.element(NodeId(2)).is_none(), "a value is no element");
    assert!(document.element(NodeId(99)).is_none());
}

#[test]
fn g_20_unknown_elements_are_refused_or_kept() {
    let octets = Bytes::from_static(b"\x03\x01\x6a\x00\x45\x7f\x031\x00\x01\x01");
    assert_eq!(parse(&octets).unwrap_err(), WbxmlError::Tag { page: 0, tag: 0x3F });
    let kept = Document::parse(octets, UnknownTags::Keep, &Budget::new(LIMITS)).unwrap();
    assert_eq!(kept.root().unwrap().text_of(Tag::new(0, 0x3F)).unwrap(), "1");
}

#[test]
fn x_11_g_20_a_body_costs_no_more_than_its_budget() {
    let wide: Vec<u8> = [&b"\x03\x01\x6a\x00\x45"[..], &[0x07; 1_000], b"\x01"].concat();
    let limits = |limits: Limits| Document::parse(wide.clone().into(), UnknownTags::Refuse, &Budget::new(limits));
    let kind = |outcome: Result<Document, WbxmlError>| match outcome {
        Err(WbxmlError::Exhausted(exhausted)) => Some(exhausted.kind),
        _ => None,
    };
    assert_eq!(kind(limits(Limits { parts: 1_000, ..LIMITS })), Some(BudgetKind::Parts));
    assert_eq!(kind(limits(Limits { bytes: 1_000, ..LIMITS })), Some(BudgetKind::Bytes));
    assert_eq!(kind(limits(Limits { parts: 1_001, ..LIMITS })), None);
    let deep: Vec<u8> = [&b"\x03\x01\x6a\x00"[..], &[0x45; 33], &[0x01; 33]].concat();
    assert_eq!(kind(parse(&deep)), Some(BudgetKind::Depth));
    assert!(parse(b"").is_err() && parse(b"\x03\x01\x6a\x00").is_err());
}

proptest! {
    #[test]
    fn x_11_any_bytes_give_a_tree_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let headed: Vec<u8> = [&[3, 1, 0x6A, 0][..], &bytes].concat();
        for octets in [bytes, headed] {
            if let Ok(document) = Document::parse(octets.clone().into(), UnknownTags::Keep, &Budget::new(LIMITS)) {
                for element in document.elements() {
                    let _ = (element.value(), element.text(), element.number(), element.children().count());
                    prop_assert!(element.descendants().count() >= element.children().count());
                    prop_assert!(element.children().all(|child| child.parent().unwrap().id() == element.id()));
                }
                prop_assert_eq!(crate::wbxml::Edits::new(&document).finish().into_bytes(), octets);
            }
        }
    }
}
