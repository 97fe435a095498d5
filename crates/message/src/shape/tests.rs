//! Tests of telling what is protected from what only looks so.

use super::*;
use base64::Engine;
use model::Budget;

fn shape(text: &str) -> Shape {
    of(&message(text))
}

fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.to_owned()), &Budget::default()).unwrap()
}

/// ContentInfo of `oid` with a version and an element of `tag` around `inner`.
fn cms(oid: &[u8], tag: u8, inner: &[u8]) -> Vec<u8> {
    let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let data = wrap(0x30, &[&[2, 1, 0][..], &wrap(tag, inner)].concat());
    wrap(0x30, &[wrap(6, oid), wrap(0xa0, &data)].concat())
}

const SIGNED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const ENVELOPED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn p7m(content_type: &str, der: &[u8]) -> String {
    format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n", base64(der))
}

#[test]
fn m_c14_cms_is_known_by_its_octets() {
    let enveloped = cms(ENVELOPED, 0x31, &[0x30, 0]);
    for name in
        ["application/pkcs7-mime; smime-type=enveloped-data", "application/x-pkcs7-mime", "application/octet-stream; name=smime.p7m"]
    {
        assert!(matches!(shape(&p7m(name, &enveloped)), Shape::Cms { kind: CmsKind::Enveloped, .. }), "{name}");
    }
    let lying = p7m("application/pkcs7-mime; smime-type=enveloped-data", &cms(SIGNED, 0x31, &[]));
    assert!(matches!(shape(&lying), Shape::Cms { kind: CmsKind::Signed, .. }), "the octets decide");
    let indefinite =
        [0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3, 0xa0, 0x80, 0x30, 0x80, 2, 1, 0, 0x31, 0x80, 0x30, 0, 0, 0];
    assert!(matches!(shape(&p7m("application/pkcs7-mime", &indefinite)), Shape::Cms { kind: CmsKind::Enveloped, .. }));
}

#[test]
fn m_c14_what_only_looks_encrypted_is_plain() {
    for (why, der) in [
        ("no CMS", b"hello".to_vec()),
        ("plain data", cms(DATA, 0x31, &[0x30, 0])),
        ("nobody can open it", cms(ENVELOPED, 0x31, &[])),
        ("no recipients", cms(ENVELOPED, 0x30, &[0x30, 0])),
        ("cut", cms(ENVELOPED, 0x31, &[0x30, 0])[..20].to_vec()),
        ("something behind it", [cms(ENVELOPED, 0x31, &[0x30, 0]), b"more".to_vec()].concat()),
    ] {
        assert_eq!(shape(&p7m("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", &der)), Shape::Plain, "{why}");
    }
    assert_eq!(
        shape("Subject: x\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\naGVsbG8gd29ybGQh\r\n-----END PGP MESSAGE-----\r\n"),
        Shape::Plain
    );
}

#[test]
fn clear_signed_mail_gives_the_signed_octets() {
    let inner = "Content-Type: text/plain\r\n\r\nHi\r\n";
    let signature = base64(&cms(SIGNED, 0x31, &[]));
    let part = format!("Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n{signature}");
    let mail = |more: &str| format!("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n{inner}\r\n--b\r\n{part}\r\n{more}--b--\r\n");
    let one = message(&mail(""));
    let Shape::ClearSigned { content, signature, whole } = of(&one) else { panic!("not clear-signed") };
    assert_eq!(&one.bytes()[content], inner.as_bytes());
    assert!(whole && signature.starts_with(&[0x30]));
    for kind in ["text/html", "text/plain", "application/pdf", "application/octet-stream; name=a.pdf", "image/png"] {
        let shown = shape(&mail("").replace("application/pkcs7-signature", kind));
        assert!(matches!(shown, Shape::ClearSigned { whole: false, .. }), "x_2: what is in {kind} is shown");
    }
    let named = shape(&mail("").replace("application/pkcs7-signature", "application/octet-stream; name=smime.p7s"));
    assert!(matches!(named, Shape::ClearSigned { whole: true, .. }));
    let more = shape(&mail("--b\r\n\r\nunsigned\r\n"));
    assert!(matches!(more, Shape::ClearSigned { whole: false, .. }), "x_2: a third part is not covered");
    let wrapped = message(&format!("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n{}\r\n--o--\r\n", mail("")));
    assert_eq!(of(&wrapped), Shape::Plain, "x_2: only the root counts");
    assert_eq!(nested(&wrapped).iter().map(|(id, shape)| (id.as_str(), shape.is_signed())).collect::<Vec<_>>(), [("1.1", true)]);
}

#[test]
fn openpgp_mime_and_inline() {
    let armour = |label: &str, tag: u8| {
        format!("-----BEGIN PGP {label}-----\r\nVersion: 1\r\n\r\n{}\r\n-----END PGP {label}-----\r\n", base64(&[tag, 4, 3, 3, 4, 5]))
    };
    let encrypted = armour("MESSAGE", 0xc1);
    let mime = |control: &str, data: &str| {
        format!(
            "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n{control}\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n{data}\r\n--b--\r\n"
        )
    };
    assert_eq!(shape(&mime("Version: 1", &encrypted)), Shape::PgpEncrypted);
    assert_eq!(shape(&mime("Version: 1", "hello")), Shape::Plain);
    assert_eq!(shape(&mime("", &encrypted)), Shape::Plain);
    assert_eq!(shape(&format!("Subject: x\r\n\r\n\r\n{encrypted}")), Shape::PgpEncrypted);
    assert_eq!(shape(&format!("Subject: x\r\n\r\nHello\r\n{encrypted}")), Shape::Plain, "x_1: text before it is not encrypted");
    assert_eq!(shape(&format!("Subject: x\r\n\r\n{}", armour("MESSAGE", 0xc4))), Shape::PgpSigned);
    let signature = armour("SIGNATURE", 0x88);
    assert_eq!(shape(&format!("Subject: x\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nHi\r\n{signature}")), Shape::PgpSigned);
    let signed = format!(
        "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--b--\r\n"
    );
    assert_eq!(shape(&signed), Shape::PgpSigned);
}
