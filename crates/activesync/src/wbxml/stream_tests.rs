//! Tests of the stream: the same as the reader in any chunks, and little memory.

use proptest::prelude::*;

use super::*;
use crate::wbxml::{Event, LIMITS, Reader, Writer};

/// All pieces of a body that comes in chunks of this size.
fn pieces(octets: &[u8], chunk: usize) -> Result<Vec<Piece>, WbxmlError> {
    let mut stream = Stream::new(&Budget::new(LIMITS));
    let mut all = Vec::new();
    for chunk in octets.chunks(chunk.max(1)) {
        stream.push(chunk)?;
        while let Some(piece) = stream.next()? {
            assert!(stream.held.len() <= SHORT + chunk.len() + 8);
            all.push(piece);
        }
    }
    stream.finish().map(|()| all)
}

fn joined(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.raw().to_vec()).collect()
}

/// Pieces and events in one form: each element and each whole value.
fn told(pieces: &[Piece]) -> Vec<String> {
    let mut out = Vec::new();
    let mut long = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Header(_) | Piece::Page(_) => {}
            Piece::Start { tag, empty, .. } => out.push(format!("{tag} {empty}")),
            Piece::End(_) => out.push("end".into()),
            Piece::Value { opaque, part, octets, .. } => {
                long.extend_from_slice(octets);
                if matches!(part, Part::Whole | Part::Last) {
                    out.push(format!("{opaque} {:?}", std::mem::take(&mut long)));
                }
            }
        }
    }
    out
}

fn events(octets: &[u8]) -> Result<Vec<String>, WbxmlError> {
    let mut reader = Reader::new(octets, &Budget::new(LIMITS))?;
    let mut out = Vec::new();
    while let Some(event) = reader.next()? {
        out.push(match event {
            Event::Start { page, tag, empty } => format!("{} {empty}", Tag::new(page, tag)),
            Event::End => "end".into(),
            Event::Text(text) => format!("false {text:?}"),
            Event::Opaque(octets) => format!("true {octets:?}"),
        });
    }
    Ok(out)
}

#[test]
fn g_20_long_values_come_in_parts_and_short_ones_whole() {
    let long = vec![b'x'; 3 * SHORT];
    let text = "y".repeat(2 * SHORT);
    let mut writer = Writer::new();
    writer.start(20, 0x05).start(20, 0x0C).opaque(&long).end().start(20, 0x0B).text(&text).end().start(20, 0x0D).text("1").end();
    let octets = writer.finish();
    for chunk in [1, 7, 1_000, SHORT, octets.len()] {
        let pieces = pieces(&octets, chunk).unwrap();
        assert_eq!(joined(&pieces), octets, "{chunk}");
        assert_eq!(told(&pieces), events(&octets).unwrap());
        let firsts = pieces.iter().filter(|piece| matches!(piece, Piece::Value { part: Part::First, .. })).count();
        assert_eq!(firsts, if chunk == octets.len() { 0 } else { 2 }, "{chunk}");
    }
}

#[test]
fn g_20_a_large_attachment_is_never_held() {
    let mut stream = Stream::new(&Budget::new(LIMITS));
    let length = 50_000_000;
    let mut head = Writer::new();
    head.start(20, 0x05).start(20, 0x0C);
    let mut octets = head.finish();
    octets.truncate(octets.len() - 2);
    octets.push(OPAQUE);
    super::super::writer::number(&mut octets, length);
    stream.push(&octets).unwrap();
    let chunk = vec![b'a'; 16 << 10];
    let mut seen = 0;
    let mut left = length as usize;
    while left > 0 {
        let now = left.min(chunk.len());
        left -= now;
        stream.push(&chunk[..now]).unwrap();
        while let Some(piece) = stream.next().unwrap() {
            if let Piece::Value { octets, .. } = piece {
                seen += octets.len();
            }
        }
        assert!(stream.held.is_empty());
    }
    stream.push(&[END, END]).unwrap();
    while stream.next().unwrap().is_some() {}
    stream.finish().unwrap();
    assert_eq!(seen, length as usize);
}

#[test]
fn x_11_g_20_what_the_reader_refuses_the_stream_refuses() {
    let opaque: &[u8] = b"\x03\x01\x6a\x00\x45\xc3\x8f\xff\xff\xff\x7fA";
    assert_eq!(pieces(opaque, 3), Err(WbxmlError::Truncated));
    assert_eq!(pieces(b"\x02\x01\x6a\x00", 1), Err(WbxmlError::Header));
    assert_eq!(pieces(b"\x03\x01\x04\x00", 1), Err(WbxmlError::Header));
    assert_eq!(pieces(b"\x03\x01\x6a\x8f\xff\xff\xff\x7f", 1), Err(WbxmlError::Header), "no table of 4 GiB");
    assert_eq!(pieces(b"\x03\x01\x6a\x00\x00\xff\x45", 1), Err(WbxmlError::Page(255)));
    assert_eq!(pieces(b"\x03\x01\x6a\x00\xd6", 1), Err(WbxmlError::Token(0xD6)));
    assert_eq!(pieces(b"\x03\x01\x6a\x00\x45\x01\x05", 1), Err(WbxmlError::Outside));
    assert_eq!(pieces(b"\x03\x01\x6a\x00\x01", 1), Err(WbxmlError::Outside));
    assert_eq!(pieces(b"\x03\x01\x6a\x00\x031\x00", 1), Err(WbxmlError::Outside));
    let deep: Vec<u8> = [&b"\x03\x01\x6a\x00"[..], &[0x45; 33]].concat();
    assert!(matches!(pieces(&deep, 5), Err(WbxmlError::Exhausted(_))));
}

proptest! {
    #[test]
    fn x_11_any_bytes_read_as_the_reader_reads_them(
        bytes in proptest::collection::vec(prop_oneof![Just(1u8), Just(0x45), Just(0x4B), Just(0), Just(3), Just(0xC3), any::<u8>()], 0..200),
        chunk in 1usize..20,
    ) {
        let headed: Vec<u8> = [&[3, 1, 0x6A, 0][..], &bytes].concat();
        for octets in [bytes, headed] {
            match (pieces(&octets, chunk), events(&octets)) {
                (Ok(pieces), Ok(events)) => {
                    prop_assert_eq!(told(&pieces), events);
                    prop_assert_eq!(joined(&pieces), octets);
                }
                (Err(_), Err(_)) => {}
                (one, other) => prop_assert!(false, "{:?} against {:?}", one, other),
            }
        }
    }
}
