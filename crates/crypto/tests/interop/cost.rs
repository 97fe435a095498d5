//! What a message may cost: structures that are huge or repeated (security.md X-11). Written octet by octet: no program makes them.

use crypto::CryptoError;
use crypto::smime::{named_recipients, signers};

use crate::kit::{budget, company, request};
use crypto::smime::{SignedContent, verify};
use model::SignatureVerdict;

const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const SIGNED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const SHA256: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const ZERO: &[u8] = b"\x02\x01\x00";

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], &body].concat()
}

fn message(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[kind, &tlv(0xa0, &[&tlv(0x30, parts)])])
}

/// One key agreement for so many, with so much keying material.
fn agreed(recipients: usize, material: usize) -> Vec<u8> {
    let key = tlv(0x30, &[&tlv(0x30, &[b"\x30\x00", ZERO]), b"\x04\x08ABCDEFGH"]);
    let wrap = tlv(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d"]);
    let info = tlv(
        0xa1,
        &[
            b"\x02\x01\x03",
            &tlv(0xa0, &[&tlv(0xa1, &[b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", b"\x03\x02\x00\x04"])]),
            &tlv(0xa1, &[&tlv(0x04, &[&vec![7; material]])]),
            &tlv(0x30, &[b"\x06\x06\x2b\x81\x04\x01\x0b\x01", &wrap]),
            &tlv(0x30, &[&key.repeat(recipients)]),
        ],
    );
    let cipher = tlv(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a", &tlv(0x04, &[&[0; 16]])]);
    message(ENVELOPED, &[b"\x02\x01\x02", &tlv(0x31, &[&info]), &tlv(0x30, &[DATA, &cipher, &tlv(0x80, &[&[0; 16]])])])
}

#[test]
fn x_11_recipients_share_one_key_agreement_and_are_counted() {
    assert_eq!(named_recipients(&agreed(4_000, 64), &budget()).unwrap().len(), 4_000);
    let refused = |der: &[u8]| matches!(named_recipients(der, &budget()), Err(CryptoError::Malformed(_)));
    assert!(refused(&agreed(10_000, 64)), "so many recipients");
    assert!(refused(&agreed(2, 1 << 20)), "keying material of a megabyte");
}

#[test]
fn x_11_signers_and_certificates_are_counted() {
    let company = company();
    let certificate = company.alice.certificate.der();
    let signer = tlv(0x30, &[b"\x02\x01\x01", &tlv(0x30, &[b"\x30\x00", ZERO]), SHA256, SHA256, b"\x04\x01x"]);
    let signed = |certificates: usize, infos: usize| {
        message(
            SIGNED,
            &[
                b"\x02\x01\x01",
                &tlv(0x31, &[SHA256]),
                &tlv(0x30, &[DATA]),
                &tlv(0xa0, &[&certificate.repeat(certificates)]),
                &tlv(0x31, &[&signer.repeat(infos)]),
            ],
        )
    };
    assert_eq!(signers(&signed(10_000, 20), &budget()).unwrap(), 20);
    assert_eq!(crypto::smime::carried(&signed(10_000, 1), &budget()).len(), 60);
    assert!(signers(&signed(1, 10_000), &budget()).is_err());
    let trust = company.trust();
    let many = signed(1, 10_000);
    let finding = verify(&request(SignedContent::Detached { content: b"x", signature: &many }, "alice@company.example", &trust), &budget());
    assert_eq!(finding.verdict, SignatureVerdict::Invalid);
}
