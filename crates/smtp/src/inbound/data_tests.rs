//! Tests of [`super::Reader`]: ends that are none, splits at every octet, limits, and a slow twin.

use proptest::prelude::*;

use super::*;
use crate::outbound::Content;

const LIMITS: DataLimits = DataLimits { size: 1_000_000, line: 65_536, bare_newline: BareNewline::Refuse };
const NORMALISE: DataLimits = DataLimits { bare_newline: BareNewline::Normalise, ..LIMITS };

type Read = (Result<Vec<u8>, DataFault>, Vec<u8>);

/// What came of it: the content, and what follows the end of data; `None` if there was no end.
fn read(limits: DataLimits, wire: &[u8]) -> Option<Read> {
    let mut reader = Reader::new(limits);
    if !reader.feed(wire) {
        return None;
    }
    let (content, rest) = reader.finish();
    Some((content.map(|bytes| bytes.to_vec()), rest.to_vec()))
}

fn content(wire: &[u8]) -> Result<Vec<u8>, DataFault> {
    let (content, rest) = read(LIMITS, wire).expect("no end of data");
    assert!(rest.is_empty(), "left over: {rest:?}");
    content
}

#[test]
fn content_is_unstuffed() {
    assert_eq!(content(b".\r\n").unwrap(), b"");
    assert_eq!(content(b"\r\n.\r\n").unwrap(), b"\r\n");
    assert_eq!(content(b"a\r\nb\r\n.\r\n").unwrap(), b"a\r\nb\r\n");
    assert_eq!(content(b"..\r\n...\r\n.a\r\n.\r\n").unwrap(), b".\r\n..\r\na\r\n");
    assert_eq!(content(b"a.\r\nb..c\r\n.\r\n").unwrap(), b"a.\r\nb..c\r\n");
    assert_eq!(content(b"8bit \xff\xfe\r\n.\r\n").unwrap(), b"8bit \xff\xfe\r\n");
}

#[test]
fn what_follows_the_end_stays() {
    let (content, rest) = read(LIMITS, b"a\r\n.\r\nMAIL FROM:<>\r\n").unwrap();
    assert_eq!((content.unwrap().as_slice(), rest.as_slice()), (&b"a\r\n"[..], &b"MAIL FROM:<>\r\n"[..]));
}

/// The vectors of SMTP smuggling: each is an end of data to some server. None is to us, and a mail with one
/// of them is refused, or is one mail with clean line ends.
#[test]
fn x_8_in_no_other_sequence_ends_the_data() {
    for inner in [
        &b"\n.\n"[..],
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\n.\r\r\n",
        b"\r\r\n.\r\r\n",
        b"\r\n\n.\r\n",
        b"\r\n.\n\r\n",
        b"\n\r.\r\n",
        b"\n\n.\n\n",
        b"\r\n\r.\r\n",
    ] {
        let wire = [b"Subject: a\r\n\r\nb", inner, b"MAIL FROM:<x@y.example>\r\nx\r\n.\r\n"].concat();
        let (refused, rest) = read(LIMITS, &wire).expect("the real end");
        assert_eq!(refused, Err(DataFault::BareNewline), "{inner:?}");
        assert!(rest.is_empty(), "{inner:?} ended the data");
        let (clean, rest) = read(NORMALISE, &wire).unwrap();
        let clean = clean.unwrap();
        assert!(rest.is_empty() && clean.ends_with(b"MAIL FROM:<x@y.example>\r\nx\r\n"), "{inner:?}");
        assert!(Content::new(clean.into()).is_ok(), "normalised content may be sent on");
    }
}

#[test]
fn x_8_a_stuffed_dot_never_ends_the_data() {
    for wire in [&b"a\r\n..\r\n"[..], b"..\r\n", b"a\r\n. \r\n", b"a\r\n.\x0b\r\n", b"a\r\n.\0\r\n", b"a.\r\n", b" .\r\n"] {
        assert_eq!(read(LIMITS, wire), None, "{wire:?}");
    }
}

#[test]
fn nul_is_refused() {
    assert_eq!(content(b"a\0b\r\n.\r\n"), Err(DataFault::Nul));
    assert_eq!(read(NORMALISE, b"a\0b\n\r\n.\r\n").unwrap().0, Err(DataFault::Nul));
}

#[test]
fn every_split_gives_the_same() {
    let wires: [&[u8]; 6] = [
        b"a\r\n..b\r\n\r\n.\r\nQUIT\r\n",
        b".\r\nX",
        b"..\r\n.\r\n",
        b"a\nb\r\n.\r\nQ",
        b"a\r\n.\rb\r\n.\r\n",
        b"0123456789\r\n.x\r\n.\r\nRSET\r\n",
    ];
    for limits in [LIMITS, NORMALISE, DataLimits { size: 5, ..LIMITS }, DataLimits { line: 3, ..LIMITS }] {
        for wire in wires {
            let whole = read(limits, wire).unwrap();
            for first in 0..=wire.len() {
                for second in first..=wire.len() {
                    let mut reader = Reader::new(limits);
                    let mut ended = false;
                    for piece in [&wire[..first], &wire[first..second], &wire[second..]] {
                        ended = reader.feed(piece);
                    }
                    assert!(ended);
                    let (content, rest) = reader.finish();
                    assert_eq!((content.map(|bytes| bytes.to_vec()), rest.to_vec()), whole, "{wire:?} at {first}, {second}");
                }
            }
        }
    }
}

#[test]
fn m_t6_too_large_is_thrown_away_up_to_the_end() {
    let limits = DataLimits { size: 100, ..LIMITS };
    let exact = [&b"x".repeat(98)[..], b"\r\n.\r\n"].concat();
    assert_eq!(read(limits, &exact).unwrap().0.unwrap().len(), 100);
    let over = [&b"x".repeat(99)[..], b"\r\n.\r\n"].concat();
    assert_eq!(read(limits, &over).unwrap().0, Err(DataFault::TooLarge));
    let dots = [&b"..\r\n".repeat(33)[..], b".\r\n"].concat();
    assert_eq!(read(limits, &dots).unwrap().0.unwrap().len(), 99, "stuffed dots don't count");

    let mut reader = Reader::new(limits);
    for _ in 0..1_000 {
        assert!(!reader.feed(b"0123456789012345678901234567890123456789\r\n.stuffed\r\n"));
        assert!(reader.held() <= 200, "{} octets held", reader.held());
    }
    assert!(reader.dropped() > 40_000);
    assert!(reader.feed(b"end\r\n.\r\nNOOP\r\n"));
    let (content, rest) = reader.finish();
    assert_eq!((content, rest.as_ref()), (Err(DataFault::TooLarge), &b"NOOP\r\n"[..]));
}

#[test]
fn over_long_lines_are_refused() {
    let limits = DataLimits { line: 998, ..LIMITS };
    assert!(read(limits, &[&b"x".repeat(998)[..], b"\r\n.\r\n"].concat()).unwrap().0.is_ok());
    assert_eq!(read(limits, &[&b"x".repeat(1_000)[..], b"\r\n.\r\n"].concat()).unwrap().0, Err(DataFault::LineTooLong));
    let mut endless = Reader::new(limits);
    for _ in 0..10_000 {
        endless.feed(&[b'x'; 100]);
        assert!(endless.held() < 2_000, "an endless line is not kept");
    }
    let many = [&b"x\n".repeat(2_000)[..], b"\r\n.\r\n"].concat();
    let normalising = DataLimits { line: 998, ..NORMALISE };
    assert!(read(normalising, &many).unwrap().0.is_ok(), "a line ends at its LF when line ends are normalised");
}

/// The same by the book, octet by octet.
fn slow(wire: &[u8]) -> Option<(Vec<u8>, bool)> {
    let whole = [b"\r\n", wire].concat();
    let end = (0..whole.len()).find(|at| whole[*at..].starts_with(b"\r\n.\r\n"))?;
    let content = &whole[..end + 2];
    let mut out = Vec::new();
    let mut at = 2;
    while at < content.len() {
        at += usize::from(content[at] == b'.' && content[..at].ends_with(b"\r\n"));
        out.push(content[at]);
        at += 1;
    }
    let clean = String::from_utf8_lossy(&content[2..]).replace("\r\n", "");
    Some((out, clean.contains('\r') || clean.contains('\n')))
}

proptest! {
    #[test]
    fn the_reader_agrees_with_its_slow_twin(wire in "[ab.\r\n]{0,40}", cuts in proptest::collection::vec(0usize..41, 0..4)) {
        let wire = wire.into_bytes();
        let mut reader = Reader::new(LIMITS);
        for (number, byte) in wire.iter().enumerate() {
            if cuts.contains(&number) {
                reader.scan();
            }
            reader.buffer().extend_from_slice(&[*byte]);
        }
        let ended = reader.scan();
        match slow(&wire) {
            None => prop_assert!(!ended),
            Some((expected, bare)) => {
                prop_assert!(ended);
                let (content, _) = reader.finish();
                match content {
                    Ok(bytes) => { prop_assert!(!bare); prop_assert_eq!(bytes.as_ref(), expected.as_slice()); }
                    Err(fault) => { prop_assert!(bare); prop_assert_eq!(fault, DataFault::BareNewline); }
                }
            }
        }
    }

    #[test]
    fn stuffing_and_unstuffing_are_one(lines in proptest::collection::vec("[.a\u{e9}]{0,5}", 0..20), last in proptest::bool::ANY) {
        let mut text = lines.join("\r\n").into_bytes();
        if last || text.is_empty() {
            text.extend_from_slice(b"\r\n");
        }
        let sent = Content::new(text.clone().into()).unwrap();
        let wire: Vec<u8> = sent.stuffed().chain([sent.end()]).flatten().collect();
        if !text.ends_with(b"\r\n") {
            text.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(content(&wire), Ok(text));
    }

    #[test]
    fn the_reader_never_panics(wire in proptest::collection::vec(any::<u8>(), 0..200), size in 0u64..50, line in 0usize..20, bare in proptest::bool::ANY) {
        let bare_newline = if bare { BareNewline::Normalise } else { BareNewline::Refuse };
        let mut reader = Reader::new(DataLimits { size, line, bare_newline });
        for piece in wire.chunks(7) {
            reader.feed(piece);
        }
        let _ = reader.finish();
    }
}
