//! Signatures that are taken off: what was signed stays, octet by octet where it is an entity.

use super::good::entities;
use super::*;

fn stripped(mail: &str) -> Option<String> {
    let message = Message::parse(Bytes::from(mail.to_owned()), &Budget::default()).unwrap();
    let bytes = without_signatures(&message, &Budget::default()).unwrap()?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn m_r2_signatures_in_sight_are_taken_off() {
    let town = town();
    for (name, entity) in entities() {
        let signed = stripped(&mail(PAUL, &town.signed("paul@partner.example", &[], &entity))).unwrap();
        assert!(signed.starts_with("From: Paul") && signed.contains("Subject: x\r\n"), "{name}: {signed}");
        let (fields, body) = entity.split_once("\r\n\r\n").unwrap();
        let kept = signed.ends_with(&format!("\r\n\r\n{body}")) && fields.split("\r\n").all(|field| signed.contains(field));
        assert!(kept && !signed.contains("PGP") && !signed.contains("multipart/signed"), "{name}: {signed}");
    }
    // Of somebody unknown, and one that does not fit: nothing is judged.
    let unknown = town.signed("mallory@evil.example", &[], &entities()[0].1).replace("42", "43");
    assert!(stripped(&mail(PAUL, &unknown)).unwrap().ends_with("The price is 43.\r\n"));
    let footer = "Content-Type: text/plain\r\n\r\n-- \r\nlist";
    let mixed_mail = stripped(&mail(PAUL, &mixed(&[&town.signed("paul@partner.example", &[], &entities()[0].1), footer]))).unwrap();
    assert!(!mixed_mail.contains("PGP") && mixed_mail.contains("The price is 42.") && mixed_mail.contains(footer), "{mixed_mail}");
    assert_eq!(town.judged(&mixed_mail).signature, SignatureVerdict::None);
}

#[test]
fn m_r2_signed_texts_are_left_as_they_read() {
    let town = town();
    let body = "Grüße\r\n- a dash\r\nFrom here\r\n";
    let clear = town.sign("paul@partner.example", &["--clear-sign"], body.as_bytes());
    let opaque = town.sign("paul@partner.example", &["--sign"], body.as_bytes());
    for block in [&clear, &opaque] {
        let made = stripped(&mail(PAUL, &text(&format!("Above.\r\n{block}Below.\r\n")))).unwrap();
        let message = Message::parse(Bytes::from(made.clone()), &Budget::default()).unwrap();
        let read = message.root().text(&message, &Budget::default()).unwrap();
        assert!(!made.contains("-----") && read.contains("Above.\r\nGrüße\r\n- a dash\r\nFrom here\r\nBelow."), "{read}");
    }
}

#[test]
fn m_r2_what_is_not_signed_in_sight_stays() {
    let town = town();
    for entity in [text("Hello"), town.closed(Some("paul@partner.example"), &[], &entities()[0].1)] {
        assert_eq!(stripped(&mail(PAUL, &entity)), None);
    }
    let attached =
        format!("Content-Type: message/rfc822\r\n\r\n{}", mail(PAUL, &town.signed("paul@partner.example", &[], &entities()[0].1)));
    assert_eq!(stripped(&mail(PAUL, &mixed(&["\r\nSee below.", &attached]))), None, "somebody else's mail");
}

#[test]
fn x_3_whom_a_piece_names_is_read_without_a_key() {
    let town = town();
    let known = |entity: &str| {
        let message = Message::parse(Bytes::from(mail(PAUL, entity)), &Budget::default()).unwrap();
        let names: Vec<String> = message::shape::pgp::pieces(&message, &Budget::default()).unwrap().iter().flat_map(named).collect();
        [ALICE, "bob@company.example"].map(|who| own(&town.site, &[key(who)]).iter().any(|own| is_named(own, &names)))
    };
    let entity = &entities()[0].1;
    assert_eq!(known(&town.closed(None, &[], entity)), [true, false]);
    assert_eq!(known(&town.closed(None, &["-R", "pia@partner.example"], entity)), [true, true], "anybody's");
    assert_eq!(known(&envelope(&town.gpg(&["--armor", "--encrypt", "-r", "pia@partner.example"], b"x"))), [false, false]);
    assert_eq!(known(&envelope(&town.gpg(&["--armor", "--symmetric", "--passphrase", "x"], b"x"))), [false, false]);
    assert_eq!(known(&text(&format!("Hi,\r\n{}", town.gpg(&["--armor", "--encrypt", "-r", ALICE], b"x")))), [true, false]);
    assert_eq!(known(&town.signed("paul@partner.example", &[], entity)), [false, false]);
}
