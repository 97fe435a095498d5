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
