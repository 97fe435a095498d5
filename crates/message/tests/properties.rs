//! Properties that hold for any octets: reading never panics, edits keep what they don't touch.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bytes::Bytes;
use message::{Message, entity, shape};
use model::Budget;
use proptest::collection::vec;
use proptest::prelude::*;

/// What matters to the scanner.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"--a",
    b"\r\n--a\r\n",
    b"\r\n--a--\r\n",
    b"\r\n--b\r\n",
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: multipart/signed; boundary=\"b\"\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/plain; charset*0*=utf-8''%C3; charset*1=x\r\n",
    b"Content-Type: application/pkcs7-mime\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"From: \"a\\\" (b <c@d.example>, e:;<\r\n",
    b"Subject: =?utf-8?Q?[secure=5D_=C3?= =?x?B?\r\n",
    b"X-Sealgate-Trace: forged\r\n",
    b" folded\r\n",
    b"=C3=\r\n",
    b"-----BEGIN PGP MESSAGE-----\r\n",
    b"MIAGCSqGSIb3DQEHA6CA",
];

/// Octets that look like mail: pieces that matter to the scanner, in any order.
fn mailish() -> impl Strategy<Value = Vec<u8>> {
    let noise = vec(any::<u8>(), 0..12);
    vec(prop_oneof![4 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec), 1 => noise], 0..40).prop_map(|pieces| pieces.concat())
}

fn read(bytes: &[u8]) -> Option<Message> {
    Message::parse(Bytes::copy_from_slice(bytes), &Budget::default()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("CI").is_some() { 2_000 } else { 400 }))]

    #[test]
    fn reading_is_total(bytes in mailish()) {
        let Some(message) = read(&bytes) else { return Ok(()) };
        let budget = Budget::default();
        let _ = (message.sole_from(), message.anomalies(), shape::of(&message), shape::nested(&message), message.date());
        for part in message.parts() {
            prop_assert_eq!(message.part(&part.id).map(|found| &found.id), Some(&part.id));
            prop_assert!(part.body_range().end <= bytes.len() && part.entity_range().start <= part.body_range().start);
            let _ = (part.text(&message, &budget), part.fields(&message));
        }
        let _ = entity::is_well_formed(&bytes, &Budget::default());
    }

    #[test]
    fn parts_lie_inside_each_other_and_in_order(bytes in mailish()) {
        let Some(message) = read(&bytes) else { return Ok(()) };
        for part in message.parts() {
            let mut at = part.body_range().start;
            for child in &part.children {
                prop_assert!(at <= child.entity_range().start && child.entity_range().end <= part.body_range().end);
                at = child.entity_range().end;
            }
        }
    }

    #[test]
    fn nothing_touched_is_nothing_changed(bytes in mailish()) {
        let Some(message) = read(&bytes) else { return Ok(()) };
        prop_assert_eq!(message.edit().finish(), bytes.clone());
        let mut same = message.edit();
        same.remove("no-such-field");
        prop_assert_eq!(same.finish(), bytes);
    }

    #[test]
    fn x_10_a_field_on_top_leaves_the_rest(bytes in mailish(), value in ".{0,200}") {
        let Some(message) = read(&bytes) else { return Ok(()) };
        let mut edit = message.edit();
        edit.prepend("X-Top", &value);
        let out = edit.finish();
        prop_assert!(out.ends_with(&bytes));
        let added = &out[..out.len() - bytes.len()];
        prop_assert!(added.starts_with(b"X-Top:") && added.ends_with(b"\r\n"));
        let lines: Vec<&[u8]> = added.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        for (place, line) in lines.iter().enumerate() {
            prop_assert!(line.ends_with(b"\r") && !line[..line.len() - 1].contains(&b'\r') && !line.contains(&0));
            prop_assert!(place == 0 || (line[0] == b' ' && line.len() > 2), "a continuation");
        }
    }

    #[test]
    fn removing_fields_keeps_all_other_lines(bytes in mailish()) {
        let Some(message) = read(&bytes) else { return Ok(()) };
        let mut edit = message.edit();
        edit.remove_starting_with("x-sealgate-");
        let mut expected = Vec::new();
        let mut at = 0;
        for field in message.fields().filter(|field| field.name.to_ascii_lowercase().starts_with("x-sealgate-")) {
            expected.extend_from_slice(&bytes[at..field.range.start]);
            at = field.range.end;
        }
        expected.extend_from_slice(&bytes[at..]);
        prop_assert_eq!(edit.finish(), expected);
    }

    #[test]
    fn signing_keeps_what_parts_hold(text in "([ -~\u{e4}\u{20ac}]|\r\n|\t){0,300}", blob in vec(any::<u8>(), 0..300)) {
        let head = "Content-Type: multipart/mixed; boundary=\"=_b_\"\r\nContent-Transfer-Encoding: binary\r\n\r\n";
        let first = "--=_b_\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
        let second = "\r\n--=_b_\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n";
        let whole = [head.as_bytes(), first.as_bytes(), text.as_bytes(), second.as_bytes(), &blob, b"\r\n--=_b_--\r\n"].concat();
        let safe = entity::seven_bit(&Bytes::from(whole), &Budget::default()).unwrap();
        for line in safe.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            prop_assert!(line.len() <= 76 && line.is_ascii() && !line.ends_with(b" ") && !line.ends_with(b"\t"));
            prop_assert!(!line.starts_with(b"From ") && !line.contains(&b'\r') && !line.contains(&0));
        }
        let read = read(&safe).unwrap();
        let content = |id: &str| read.part(id).unwrap().decode(&read, &Budget::default()).unwrap();
        prop_assert_eq!(content("1.1"), text.as_bytes());
        prop_assert_eq!(content("1.2"), blob);
    }

    #[test]
    fn what_is_signed_is_stable(bytes in mailish()) {
        let Some(message) = read(&bytes) else { return Ok(()) };
        let Ok(once) = entity::seven_bit(&entity::of(&message), &Budget::default()) else { return Ok(()) };
        let Ok(twice) = entity::seven_bit(&once, &Budget::default()) else { return Ok(()) };
        prop_assert!(read(&once).is_some() && read(&twice).is_some());
    }
}
