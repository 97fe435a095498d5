//! Tests of reader and writer: vectors and captures of the test material, round trips, any bytes.

use std::path::PathBuf;

use model::BudgetKind;
use proptest::prelude::*;

use super::*;

fn read_all(bytes: &[u8]) -> Result<usize, WbxmlError> {
    let budget = Budget::new(LIMITS);
    let mut reader = Reader::new(bytes, &budget)?;
    let mut events = 0;
    while reader.next()?.is_some() {
        events += 1;
    }
    Ok(events)
}

/// Reads and writes again, event by event.
fn again(bytes: &[u8]) -> Vec<u8> {
    let budget = Budget::new(LIMITS);
    let mut reader = Reader::new(bytes, &budget).unwrap();
    let mut writer = Writer::new();
    while let Some(event) = reader.next().unwrap() {
        match event {
            Event::Start { page, tag, empty: true } => writer.empty(page, tag),
            Event::Start { page, tag, empty: false } => writer.start(page, tag),
            Event::End => writer.end(),
            Event::Text(text) => writer.text(std::str::from_utf8(text).unwrap()),
            Event::Opaque(octets) => writer.opaque(octets),
        };
    }
    writer.finish()
}

fn files(folder: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let Some(root) = testkit::sogo::material() else { return Vec::new() };
    let folder: PathBuf = root.join("testdata/eas").join(folder);
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    assert!(found.len() > 20, "only {} files", found.len());
    found
}

#[test]
fn x_11_g_20_bad_vectors_are_refused_and_good_ones_are_read() {
    for (name, bytes) in files("vectors", ".wbxml") {
        let outcome = read_all(&bytes);
        match name.as_str() {
            "bad-unknown-tag.wbxml" => assert_eq!(outcome, Ok(1), "handed out by number"),
            "bad-deep-nesting.wbxml" => {
                assert!(matches!(outcome, Err(WbxmlError::Exhausted(e)) if e.kind == BudgetKind::Depth), "{outcome:?}");
            }
            "bad-switchpage-255.wbxml" => assert_eq!(outcome, Err(WbxmlError::Page(255))),
            "bad-attributes.wbxml" => assert_eq!(outcome, Err(WbxmlError::Token(0xD6))),
            "bad-opaque-overlong.wbxml" => assert_eq!(outcome, Err(WbxmlError::Truncated)),
            "wrong-version.wbxml" => assert_eq!(outcome, Err(WbxmlError::Header)),
            bad if bad.starts_with("bad-") => assert!(outcome.is_err(), "{bad} was read"),
            _ => assert!(outcome.is_ok(), "{name}: {outcome:?}"),
        }
    }
}

fn document(bytes: &[u8], unknown: UnknownTags) -> Result<Document, WbxmlError> {
    Document::parse(bytes::Bytes::copy_from_slice(bytes), unknown, &Budget::new(LIMITS))
}

/// Every body of the test material that is WBXML and good: vectors, requests and answers, the first part of those in parts.
fn good_bodies() -> Vec<(String, Vec<u8>)> {
    let mut all = files("vectors", ".wbxml");
    all.retain(|(name, _)| !name.starts_with("bad-") && !name.starts_with("wrong-"));
    for ending in [".req", ".resp"] {
        for (name, bytes) in files("captures-sogo", ending) {
            let parts = crate::multipart::Multipart::parse(bytes.clone().into(), &Budget::new(LIMITS));
            let body = parts.ok().and_then(|parts| parts.part(0)).map_or(bytes, |first| first.to_vec());
            if body.starts_with(&[VERSION, 1, 0x6A]) {
                all.push((name, body));
            }
        }
    }
    assert!(all.is_empty() || all.len() > 90, "only {} bodies", all.len());
    all
}

#[test]
fn g_20_every_good_body_comes_out_byte_for_byte_and_has_known_names() {
    for (name, bytes) in good_bodies() {
        let document = document(&bytes, UnknownTags::Refuse).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(Edits::new(&document).finish().into_bytes(), bytes, "{name}");
    }
}

#[test]
fn g_20_every_single_changed_text_changes_only_its_own_bytes_and_length() {
    let mut texts = 0;
    for (name, bytes) in good_bodies() {
        let document = document(&bytes, UnknownTags::Refuse).unwrap();
        // A large answer has thousands of texts of one kind.
        for element in document.elements().filter(|e| !e.value().is_empty() && e.children().next().is_none()).take(60) {
            let (old, new) = (element.value(), [&element.value()[..], &b"+more"[..]].concat());
            let mut edits = Edits::new(&document);
            edits.set(element.id(), new.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
            let changed = edits.finish().into_bytes();
            // The octets before the text and its length, the length's own, those behind the text: nothing else differs.
            let same = bytes.iter().zip(&changed).take_while(|(a, b)| a == b).count();
            let behind = bytes.iter().rev().zip(changed.iter().rev()).take_while(|(a, b)| a == b).count();
            assert!(bytes.len() - same - behind.min(bytes.len() - same) <= old.len() + 5, "{name}: more than {} changed", element.tag());
            let again = self::document(&changed, UnknownTags::Refuse).unwrap();
            assert_eq!(again.element(element.id()).unwrap().value(), new, "{name}");
            let others = |d: &Document| d.elements().filter(|e| e.id() != element.id()).map(|e| e.value().into_owned()).collect::<Vec<_>>();
            assert_eq!(others(&again), others(&document), "{name}");
            texts += 1;
        }
    }
    assert!(texts == 0 || texts > 800, "only {texts} texts");
}

#[test]
fn x_11_g_20_every_bad_vector_gives_an_error_in_every_reader() {
    let mut seen = 0;
    for (name, bytes) in files("vectors", ".wbxml") {
        if !name.starts_with("bad-") && !name.starts_with("wrong-") {
            continue;
        }
        seen += 1;
        let error = document(&bytes, UnknownTags::Refuse).map(|_| ()).expect_err(&name);
        if name == "bad-unknown-tag.wbxml" {
            assert_eq!(error, WbxmlError::Tag { page: 0, tag: 0x3F });
            continue;
        }
        assert_eq!(document(&bytes, UnknownTags::Keep).map(|_| ()), Err(error), "{name}");
        let mut stream = Stream::new(&Budget::new(LIMITS));
        let mut read = || -> Result<(), WbxmlError> {
            for chunk in bytes.chunks(3) {
                stream.push(chunk)?;
                while stream.next()?.is_some() {}
            }
            stream.finish()
        };
        assert_eq!(read(), Err(error), "{name}");
    }
    assert!(seen == 0 || seen == 11, "{seen} bad vectors");
}

#[test]
fn captures_of_a_real_server_are_read_to_the_end_and_name_their_command() {
    let mut same = 0;
    let requests = files("captures-sogo", ".req");
    if requests.is_empty() {
        return;
    }
    for (name, bytes) in requests {
        if bytes.first() != Some(&VERSION) {
            continue;
        }
        let command = crate::Command::from_name(name.trim_end_matches(".req").rsplit('-').next().unwrap()).unwrap();
        let place = command.status_place().unwrap();
        assert_eq!(root(&bytes, &Budget::new(LIMITS)).unwrap(), (place.page, place.root), "{name}");
        assert!(read_all(&bytes).unwrap() > 1, "{name}");
        same += usize::from(again(&bytes) == bytes);
    }
    assert!(same > 20, "only {same} requests came out as they went in");
    let answers = files("captures-sogo", ".resp");
    let wbxml: Vec<_> = answers.iter().filter(|(_, bytes)| bytes.starts_with(&[VERSION, 1, 0x6A])).collect();
    assert!(wbxml.len() > 20, "only {} answers", wbxml.len());
    for (name, bytes) in wbxml {
        read_all(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn g_3_a_sync_says_whether_it_waits() {
    let budget = Budget::new(LIMITS);
    let mut plain = Writer::new();
    plain.start(0, 0x05).start(0, 0x1C).start(0, 0x0F).start(0, 0x24).text("no: not in the root");
    assert_eq!(sync_waits(&plain.finish(), &budget), Ok(false));
    let mut waiting = Writer::new();
    waiting.start(0, 0x05).start(0, 0x29).text("600");
    assert_eq!(sync_waits(&waiting.finish(), &budget), Ok(true));
    assert_eq!(sync_waits(b"", &budget), Ok(true));
    assert!(sync_waits(b"\x03", &budget).is_err());
}

#[test]
fn long_opaque_lengths_come_back() {
    for length in [0, 127, 128, 16_384, 2_097_152] {
        let octets = vec![b'x'; length];
        let mut writer = Writer::new();
        writer.start(17, 0x0B).opaque(&octets);
        let bytes = writer.finish();
        assert_eq!(again(&bytes), bytes, "{length}");
    }
}

proptest! {
    #[test]
    fn x_11_any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_all(&bytes);
        let headed: Vec<u8> = [&[3, 1, 0x6A, 0][..], &bytes].concat();
        let _ = read_all(&headed);
        let _ = sync_waits(&headed, &Budget::new(LIMITS));
    }
}
