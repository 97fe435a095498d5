//! Attacks: what must never look good, and what must never open (security.md, CVE-2026-2748).

use std::time::Duration;

use crypto::CryptoError;
use crypto::pki::issue::{Made, issue_user, make_ca};
use crypto::pki::{Certificate, TrustStore};
use crypto::smime::{ContentCipher, SignatureFinding, SignedContent, encrypt, open, open_for, sign, verify};
use model::{KeyKind, SignatureVerdict, Timestamp, TraceId};
use openssl::asn1::{Asn1Object, Asn1OctetString};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509Extension};

use crate::kit::{Company, Desk, NOW, address, budget, cms_of, company, halves, identity, request};

const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nPay to account 1.\r\n";
const ALICE: &str = "alice@company.example";

fn signed(company: &Company) -> (Vec<u8>, Vec<u8>) {
    halves(&sign(ENTITY, &identity(&company.alice), &company.ring(), TraceId::new(), NOW).unwrap())
}

fn judged(content: &[u8], signature: &[u8], from: &str, trust: &TrustStore, now: Timestamp) -> SignatureFinding {
    let mut request = request(SignedContent::Detached { content, signature }, from, trust);
    request.now = now;
    verify(&request, &budget())
}

fn says(finding: &SignatureFinding, verdict: SignatureVerdict, reason: &str) {
    assert_eq!(finding.verdict, verdict, "{:?}", finding.reasons);
    assert!(finding.reasons.iter().any(|found| found.starts_with(reason)), "{reason} in {:?}", finding.reasons);
}

#[test]
fn x_2_each_lie_has_its_word() {
    let company = company();
    let trust = company.trust();
    let (content, cms) = signed(company);
    says(&judged(&content, &cms, ALICE, &trust, NOW), SignatureVerdict::Valid, "revocation-not-checked");
    says(&judged(&content, &cms, "ALICE@Company.Example", &trust, NOW), SignatureVerdict::Valid, "revocation-not-checked");
    let tampered = String::from_utf8(content.clone()).unwrap().replace("account 1", "account 2");
    says(&judged(tampered.as_bytes(), &cms, ALICE, &trust, NOW), SignatureVerdict::Invalid, "content-changed");
    says(&judged(&content, &cms, "eve@company.example", &trust, NOW), SignatureVerdict::Mismatch, "other-address: alice@company.example");
    let year = Duration::from_secs(86_400 * 366);
    says(&judged(&content, &cms, ALICE, &long_lived(company), NOW.after(year)), SignatureVerdict::Untrusted, "no-trusted-issuer");
    let early = Timestamp(NOW.0 - 3_600_000_000);
    assert!(judged(&content, &cms, ALICE, &trust, early).verdict >= SignatureVerdict::Expired);
    let nobody = TrustStore::new(Vec::new(), Vec::new());
    says(&judged(&content, &cms, ALICE, &nobody, NOW), SignatureVerdict::Untrusted, "no-trusted-issuer");
    let distrusted = TrustStore::new(vec![company.ca.certificate.clone()], vec![company.ca.certificate.clone()]);
    says(&judged(&content, &cms, ALICE, &distrusted, NOW), SignatureVerdict::Untrusted, "root-distrusted");
    says(&judged(&content, &cms[..cms.len() - 1], ALICE, &trust, NOW), SignatureVerdict::Invalid, "signature-malformed");
    says(&judged(&content, b"", ALICE, &trust, NOW), SignatureVerdict::Invalid, "signature-malformed");
    let mut broken = cms.clone();
    *broken.last_mut().unwrap() ^= 1;
    says(&judged(&content, &broken, ALICE, &trust, NOW), SignatureVerdict::Invalid, "signature-wrong");
    let mut part = request(SignedContent::Detached { content: &content, signature: &cms }, ALICE, &trust);
    part.covers_whole = false;
    says(&verify(&part, &budget()), SignatureVerdict::Partial, "covers-a-part");
    part.from = Err("from-several");
    says(&verify(&part, &budget()), SignatureVerdict::Mismatch, "from-several");
}

/// A store without the company's root, so that nothing holds in a year.
fn long_lived(company: &Company) -> TrustStore {
    TrustStore::new(vec![company.ca.certificate.clone()], Vec::new())
}

#[test]
fn expired_is_said_of_the_signer_alone() {
    let long = crypto::pki::issue::Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 3_650) };
    let ca = make_ca("Long CA", "", KeyKind::EcP256, long).unwrap();
    let short = crypto::pki::issue::Validity { now: NOW, lifetime: Duration::from_secs(86_400) };
    let alice = issue_user(&ca, &address(ALICE), "", KeyKind::EcP256, short).unwrap();
    let ring = crate::kit::Ring::with(&[&alice]);
    let (content, cms) = halves(&sign(ENTITY, &identity(&alice), &ring, TraceId::new(), NOW).unwrap());
    let trust = TrustStore::new(vec![ca.certificate.clone()], Vec::new());
    let later = NOW.after(Duration::from_secs(86_400 * 2));
    says(&judged(&content, &cms, ALICE, &trust, NOW), SignatureVerdict::Valid, "");
    says(&judged(&content, &cms, ALICE, &trust, later), SignatureVerdict::Expired, "certificate-out-of-time");
    // Worse words stand before it.
    says(&judged(&content, &cms, "eve@company.example", &trust, later), SignatureVerdict::Mismatch, "certificate-out-of-time");
    // The store was built for another day before: it must look again.
    says(&judged(&content, &cms, ALICE, &trust, NOW), SignatureVerdict::Valid, "");
}

#[test]
fn x_2_all_signers_must_be_good() {
    let (desk, company) = (Desk::new(), company());
    let trust = company.trust();
    for (name, made) in [("alice", &company.alice), ("bob", &company.bob)] {
        desk.put(name, made);
    }
    desk.write("entity", ENTITY);
    desk.openssl(
        "cms -sign -binary -in entity -signer alice.crt -inkey alice.key -signer bob.crt -inkey bob.key -outform DER -out cms -md sha256",
    )
    .unwrap();
    let finding = judged(ENTITY, &desk.read("cms"), ALICE, &trust, NOW);
    says(&finding, SignatureVerdict::Mismatch, "several-signers: 2");
    // Whichever of them comes first in the message.
    let finding = judged(ENTITY, &desk.read("cms"), "bob@company.example", &trust, NOW);
    says(&finding, SignatureVerdict::Mismatch, "several-signers: 2");
    let finding = judged(b"other", &desk.read("cms"), ALICE, &trust, NOW);
    says(&finding, SignatureVerdict::Invalid, "content-changed");
    // No signer at all.
    desk.openssl("crl2pkcs7 -nocrl -certfile alice.crt -outform DER -out none").unwrap();
    says(&judged(ENTITY, &desk.read("none"), ALICE, &trust, NOW), SignatureVerdict::Invalid, "no-signer");
    let none = desk.read("none");
    let finding = verify(&request(SignedContent::Opaque(&none), ALICE, &trust), &budget());
    says(&finding, SignatureVerdict::None, "certificates-only");
}

#[test]
fn x_2_one_consistent_content() {
    let (desk, company) = (Desk::new(), company());
    let trust = company.trust();
    desk.put("alice", &company.alice);
    desk.write("entity", ENTITY);
    let sign = "cms -sign -binary -in entity -signer alice.crt -inkey alice.key -outform DER -out cms -md sha256";
    desk.openssl(&format!("{sign} -nodetach")).unwrap();
    let opaque = desk.read("cms");
    says(
        &judged(b"Content-Type: text/plain\r\n\r\nPay to account 2.\r\n", &opaque, ALICE, &trust, NOW),
        SignatureVerdict::Invalid,
        "two-contents",
    );
    says(&judged(ENTITY, &opaque, ALICE, &trust, NOW), SignatureVerdict::Valid, "");
}

#[test]
fn x_2_signed_attributes_are_no_message() {
    // The signed attributes of a good signature, presented as a message that was signed without attributes: the
    // mathematics fit (OpenSSL 3.0 takes it), the guard does not.
    let (desk, company) = (Desk::new(), company());
    let trust = company.trust();
    desk.put("alice", &company.alice);
    desk.put("ca", &company.ca);
    for round in 0.. {
        desk.write("entity", format!("Content-Type: text/plain\r\n\r\nRound {round}\r\n"));
        let options = "-outform DER -out cms -md sha256 -nosmimecap";
        desk.openssl(&format!("cms -sign -binary -in entity -signer alice.crt -inkey alice.key {options}")).unwrap();
        let (attributes, forged) = without_attributes(&desk.read("cms"));
        // A bare line feed would be made CRLF, and the attack would fail of itself.
        if attributes.contains(&b'\n') {
            continue;
        }
        desk.write("content", &attributes);
        desk.write("forged", &forged);
        desk.openssl("cms -verify -binary -inform DER -in forged -content content -CAfile ca.crt -attime 1795297474 -out plain").unwrap();
        let finding = judged(&attributes, &forged, ALICE, &trust, NOW);
        assert_eq!(finding.verdict, SignatureVerdict::Invalid);
        assert_eq!(finding.reasons, ["signed-attributes-missing", "revocation-not-checked"]);
        return;
    }
}

/// Takes the signed attributes out of a detached signature: what was signed over them, and the rest.
fn without_attributes(cms: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // [0] with a content-type attribute at its start is found once, in the SignerInfo.
    let mark = b"\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
    let at = cms.windows(mark.len()).position(|window| window == mark).unwrap();
    let start = (0..at).rev().find(|start| cms[*start] == 0xa0 && at - start <= 4).unwrap();
    let length = match cms[start + 1] {
        0x81 => usize::from(cms[start + 2]),
        0x82 => usize::from(cms[start + 2]) << 8 | usize::from(cms[start + 3]),
        short => usize::from(short),
    };
    let whole = cms[start..at + length].to_vec();
    let removed = whole.len();
    let mut rest = [&cms[..start], &cms[at + length..]].concat();
    shorten(&mut rest, start, removed);
    let mut attributes = whole;
    attributes[0] = 0x31;
    (attributes, rest)
}

/// Takes `removed` off the length of each value that held the octets at `place`.
fn shorten(der: &mut [u8], place: usize, removed: usize) {
    let mut at = 0;
    while at < place {
        let (size, length) = match der[at + 1] {
            0x82 => (4, usize::from(der[at + 2]) << 8 | usize::from(der[at + 3])),
            0x81 => (3, usize::from(der[at + 2])),
            short => (2, usize::from(short)),
        };
        let holds = at + size + length >= place + removed && der[at] & 0x20 != 0;
        if holds {
            let shorter = length - removed;
            assert_eq!(size, 4, "long form");
            der[at + 2] = u8::try_from(shorter >> 8).unwrap();
            der[at + 3] = u8::try_from(shorter & 0xff).unwrap();
        }
        at += if holds { size } else { size + length };
    }
}

/// A certificate of the company's CA whose subjectAltName has these octets as rfc822Name.
fn with_name(company: &Company, name: &[u8]) -> Made {
    let ca_key = PKey::private_key_from_pkcs8(company.ca.private_pkcs8.expose()).unwrap();
    let bob = X509::from_der(company.bob.certificate.der()).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(bob.serial_number()).unwrap();
    builder.set_subject_name(bob.subject_name()).unwrap();
    builder.set_issuer_name(bob.issuer_name()).unwrap();
    builder.set_pubkey(&bob.public_key().unwrap()).unwrap();
    builder.set_not_before(bob.not_before()).unwrap();
    builder.set_not_after(bob.not_after()).unwrap();
    let length = u8::try_from(name.len()).unwrap();
    let der = [&[0x30, length + 2, 0x81, length], name].concat();
    let value = Asn1OctetString::new_from_bytes(&der).unwrap();
    builder.append_extension(X509Extension::new_from_der(&Asn1Object::from_str("2.5.29.17").unwrap(), false, &value).unwrap()).unwrap();
    builder.sign(&ca_key, MessageDigest::sha256()).unwrap();
    let certificate = Certificate::from_der(&builder.build().to_der().unwrap()).unwrap();
    Made { private_pkcs8: company.bob.private_pkcs8.clone(), certificate }
}

#[test]
fn cve_2026_2748_a_certificate_address_is_strict() {
    let company = company();
    let trust = company.trust();
    let good = with_name(company, b"bob@company.example");
    assert_eq!(good.certificate.addresses(), [address("bob@company.example")]);
    for name in [
        &b"bob@company.example "[..],
        b" bob@company.example",
        b"bob @company.example",
        b"bob@company.example\0.evil.example",
        b"bob@company.example\r\n",
        b"<bob@company.example>",
        b"bob@company.example,eve@evil.example",
        b"b\xc3\xb6b@company.example",
        b"",
    ] {
        let made = with_name(company, name);
        assert!(made.certificate.addresses().is_empty(), "{name:?}");
        let ring = crate::kit::Ring::with(&[&made]);
        let (content, cms) = halves(&sign(ENTITY, &identity(&made), &ring, TraceId::new(), NOW).unwrap());
        says(&judged(&content, &cms, "bob@company.example", &trust, NOW), SignatureVerdict::Mismatch, "certificate-without-address");
    }
}

#[test]
fn x_1_no_plain_text_without_integrity() {
    let company = company();
    let own = [company.bob.certificate.clone()];
    let try_open = |der: &[u8]| open(der, &own, &company.ring(), TraceId::new(), &budget());
    let gcm = cms_of(&encrypt(ENTITY, &own, ContentCipher::Aes256Gcm).unwrap());
    for from_end in [1usize, 16, 20, 40] {
        let mut changed = gcm.clone();
        let at = changed.len() - from_end;
        changed[at] ^= 1;
        assert!(matches!(try_open(&changed), Err(CryptoError::CannotOpen)), "{from_end}");
    }
    assert!(try_open(&gcm).unwrap().authenticated);
    // CBC: a gadget block in the middle turns two blocks to noise; the rest would read well.
    let cbc = cms_of(&encrypt(ENTITY, &own, ContentCipher::Aes256Cbc).unwrap());
    let mut gadget = cbc.clone();
    let end = gadget.len();
    let block: Vec<u8> = gadget[end - 48..end - 32].iter().map(|octet| octet ^ 0x55).collect();
    gadget[end - 48..end - 32].copy_from_slice(&block);
    assert!(matches!(try_open(&gadget), Err(CryptoError::CannotOpen)));
    let opened = try_open(&cbc).unwrap();
    assert!(!opened.authenticated);
}

#[test]
fn x_3_wrong_padding_wrong_key_and_wrong_content_look_alike() {
    let company = company();
    let own = [company.alice.certificate.clone()];
    let der = cms_of(&encrypt(ENTITY, &own, ContentCipher::Aes256Cbc).unwrap());
    let ring = company.ring();
    let try_open = |der: &[u8]| open(der, &own, &ring, TraceId::new(), &budget()).unwrap_err();
    // The wrapped key (256 octets) stands before the content; its first octet follows 04 82 01 00.
    let wrapped = der.windows(4).position(|window| window == b"\x04\x82\x01\x00").unwrap() + 4;
    let public = openssl::x509::X509::from_der(own[0].der()).unwrap().public_key().unwrap().rsa().unwrap();
    let with_block = |block: &[u8]| {
        let mut changed = der.clone();
        public.public_encrypt(block, &mut changed[wrapped..wrapped + 256], openssl::rsa::Padding::NONE).unwrap();
        changed
    };
    let mut block = vec![0xaa; 256];
    (block[0], block[1], block[223]) = (0, 2, 0);
    let wrong_key = with_block(&block);
    block[1] = 1;
    let wrong_type = with_block(&block);
    (block[1], block[100]) = (2, 0);
    let wrong_length = with_block(&block);
    let mut wrong_content = der.clone();
    *wrong_content.last_mut().unwrap() ^= 1;
    for (what, message) in [("key", wrong_key), ("type", wrong_type), ("length", wrong_length), ("content", wrong_content)] {
        assert!(matches!(try_open(&message), CryptoError::CannotOpen), "{what}");
        assert_eq!(try_open(&message).to_string(), CryptoError::CannotOpen.to_string());
    }
    assert!(matches!(
        open(&der, std::slice::from_ref(&company.bob.certificate), &ring, TraceId::new(), &budget()),
        Err(CryptoError::NoKey)
    ));
    let before = ring.log.lock().unwrap().len();
    let _ = open(&der, std::slice::from_ref(&company.bob.certificate), &ring, TraceId::new(), &budget());
    assert_eq!(ring.log.lock().unwrap().len(), before, "no key was used for somebody else's mail");
}

#[test]
fn a_certificate_that_may_not_encrypt_is_refused_by_name() {
    let company = company();
    let error = encrypt(ENTITY, std::slice::from_ref(&company.ca.certificate), ContentCipher::Aes256Gcm).unwrap_err();
    assert!(error.to_string().contains("Test CA"), "{error}");
    assert!(matches!(encrypt(ENTITY, &[], ContentCipher::Aes256Gcm), Err(CryptoError::NoKey)));
}

/// The message with octets of no meaning as this person's wrapped key. `before` is how the octets begin in DER.
fn forged(der: &[u8], victim: &Made, before: &[u8]) -> Vec<u8> {
    let place = |part: &[u8], from: usize| from + der[from..].windows(part.len()).position(|window| window == part).unwrap();
    let serial = place(&openssl::bn::BigNum::from_hex_str(&victim.certificate.serial_hex()).unwrap().to_vec(), 0);
    let mut forged = der.to_vec();
    let start = place(before, serial) + before.len();
    // The first octet stays, so that an RSA block is still under the modulus.
    forged[start + 1..start + 40].fill(0x5a);
    forged
}

#[test]
fn x_4_somebody_merely_named_gets_nothing_that_anothers_key_opened() {
    let company = company();
    let owner = |made: &Made| vec![made.certificate.clone()];
    let (alice, bob, carol) = (owner(&company.alice), owner(&company.bob), owner(&company.carol));
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        let der = cms_of(&encrypt(ENTITY, &[alice[0].clone(), bob[0].clone()], cipher).unwrap());
        let opens = |der: &[u8], owners: &[Vec<Certificate>]| {
            open_for(der, owners, &company.ring(), TraceId::new(), &budget()).map(|(opened, yes)| (opened.entity.to_vec(), yes))
        };
        let everybody = [alice.clone(), bob.clone(), carol.clone(), Vec::new()];
        assert_eq!(opens(&der, &everybody).unwrap(), (ENTITY.to_vec(), vec![true, true, false, false]));
        let for_bob = forged(&der, &company.bob, &[0x04, 0x28]);
        assert_eq!(opens(&for_bob, &everybody).unwrap(), (ENTITY.to_vec(), vec![true, false, false, false]), "{cipher:?}");
        assert!(matches!(opens(&for_bob, std::slice::from_ref(&bob)), Err(CryptoError::CannotOpen)));
        let for_alice = forged(&der, &company.alice, &[0x04, 0x82, 0x01, 0x00]);
        assert_eq!(opens(&for_alice, &everybody).unwrap(), (ENTITY.to_vec(), vec![false, true, false, false]), "{cipher:?}");
        let ring = crate::kit::Ring::with(&[&company.bob]);
        let (_, yes) = open_for(&der, &[alice.clone(), bob.clone()], &ring, TraceId::new(), &budget()).unwrap();
        assert_eq!(yes, [false, true], "a key that is not here opens nothing");
    }
}

#[test]
fn x_4_the_tries_of_one_owner_do_not_use_up_anothers() {
    let company = company();
    let strangers: Vec<Vec<Certificate>> = (0..12)
        .map(|n| {
            vec![
                issue_user(&company.ca, &address(&format!("u{n}@company.example")), "", KeyKind::EcP256, crate::kit::VALIDITY)
                    .unwrap()
                    .certificate,
            ]
        })
        .collect();
    let mut to: Vec<Certificate> = strangers.concat();
    to.push(company.bob.certificate.clone());
    let der = cms_of(&encrypt(ENTITY, &to, ContentCipher::Aes256Gcm).unwrap());
    let mut owners = strangers;
    owners.push(vec![company.bob.certificate.clone()]);
    let (_, yes) = open_for(&der, &owners, &company.ring(), TraceId::new(), &budget()).unwrap();
    assert_eq!(yes.iter().filter(|yes| **yes).count(), 1);
    assert!(yes[12]);
}
