//! What clients signed or encrypted, and what only looks so.

use data_encoding::BASE64;
use model::TraceId;

use crate::decide::decide;
use crate::kit_tests::{NOW, OURS, PLAIN, rule_set, state, work, world};
use crate::state::MailState;

const ALICE: &str = "alice@company.example";
const PAUL: &str = "paul@partner.example";
const HEADER: &str = "From: alice@company.example\r\nTo: paul@partner.example\r\nSubject: x\r\n";
/// The outgoing half as the generator writes it, with a demand and a disclaimer.
const RULES: &str = "if (smime_encrypted()) { log(1, 'encrypted'); deliver(); } disclaimer(); if (!smime_signed()) { sign_smime(); } \
    if (encrypt_smime()) { deliver(); } bounce('bounce_noenc');";

fn signed(entity: &[u8]) -> Vec<u8> {
    let made = &world().people[ALICE];
    let identity = crypto::smime::SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] };
    crypto::smime::sign(entity, &identity, &world().ring(), TraceId::new(), NOW).unwrap().to_vec()
}

/// What leaves for Paul.
async fn leaves(entity: &[u8]) -> (MailState, MailState) {
    let work = work(OURS, ALICE, &[PAUL]);
    let mail = state(&work, HEADER, entity);
    let decision = decide(&work, rule_set(RULES), mail.clone()).await.unwrap();
    let (end, left) = &decision.ends[0];
    assert!(matches!(end.end, rules::End::Deliver { .. }), "{:?}", end.end);
    (mail, left.clone())
}

fn opened(state: &MailState) -> Vec<u8> {
    let message::shape::Shape::Cms { der, .. } = state.shape() else { panic!("{:?}", state.shape()) };
    let own = [world().certificate(PAUL)];
    let opened = crypto::smime::open(der, &own, &world().ring(), TraceId::new(), &model::Budget::default()).unwrap();
    opened.entity.to_vec()
}

#[tokio::test]
async fn m_c14_what_the_client_signed_is_encrypted_as_a_whole() {
    let entity = signed(PLAIN);
    let (_, left) = leaves(&entity).await;
    assert!(left.encrypted && !left.signed);
    assert_eq!(opened(&left), [b"MIME-Version: 1.0\r\n", entity.as_slice()].concat(), "not one octet of it was touched");
    // OpenPGP: recognised by its armour.
    let pgp = "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n\r\n\
        --b\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\niHUEARYIAB0WIQ==\r\n-----END PGP SIGNATURE-----\r\n\r\n--b--\r\n";
    let (mail, left) = leaves(pgp.as_bytes()).await;
    if mail.shape().is_signed() {
        assert!(!left.signed && opened(&left).ends_with(pgp.as_bytes()));
    }
}

#[tokio::test]
async fn m_c14_what_the_client_encrypted_passes_untouched_whatever_it_is_called() {
    let sealed = String::from_utf8(world().sealed(PLAIN, &[PAUL])).unwrap();
    let body = sealed.split_once("\r\n\r\n").unwrap().1;
    for label in [
        "application/pkcs7-mime; smime-type=authEnveloped-data; name=smime.p7m",
        "application/x-pkcs7-mime",
        "application/octet-stream; name=data.bin",
        "application/pkcs7-mime; smime-type=signed-data",
    ] {
        let entity = format!("Content-Type: {label}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}");
        let (mail, left) = leaves(entity.as_bytes()).await;
        assert_eq!(left.message.bytes(), mail.message.bytes(), "{label}");
    }
}

#[tokio::test]
async fn m_c14_what_only_looks_protected_is_treated_as_plain() {
    let sealed = String::from_utf8(world().sealed(PLAIN, &[PAUL])).unwrap();
    let der = BASE64.decode(sealed.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "").as_bytes()).unwrap();
    let mut broken = der.clone();
    // Its recipients are of no kind.
    let set = broken.windows(3).position(|three| three == [0x02, 0x01, 0x00]).unwrap() + 3;
    broken[set + 4] = 0x13;
    let head =
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let of = |der: &[u8]| format!("{head}{}\r\n", BASE64.encode(der)).into_bytes();
    let truncated = [&der[..60], &vec![b'A'; der.len() - 60]].concat();
    let seeming = [
        of(b"this is no CMS at all"),
        of(&broken),
        of(&truncated),
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n\r\nMIIB\r\n".to_vec(),
        b"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\n\r\nVersion: 1\r\n--b\r\n\r\nhello\r\n--b--\r\n".to_vec(),
        b"Content-Type: text/plain\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhello\r\n-----END PGP MESSAGE-----\r\n".to_vec(),
        b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nMIIB\r\n--b--\r\n".to_vec(),
    ];
    for entity in seeming {
        let text = String::from_utf8_lossy(&entity).into_owned();
        let (_, left) = leaves(&entity).await;
        assert!(left.encrypted, "{text}");
        assert!(left.signed, "signed by us as any other: {text}");
    }
    // Truly encrypted, and by a cipher that we don't know: it is not ours to judge.
    let unknown = der.windows(9).position(|nine| nine == b"\x60\x86\x48\x01\x65\x03\x04\x01\x2e").unwrap();
    let mut other = der;
    other[unknown + 8] = 0x7e;
    let (mail, left) = leaves(&of(&other)).await;
    assert_eq!(left.message.bytes(), mail.message.bytes());
}
