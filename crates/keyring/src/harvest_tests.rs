//! What signed mails teach: by hand-made findings on mails that openssl's library signed.

use crypto::pki::issue::{Made, issue_user, make_ca};
use model::KeyKind;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::X509;

use super::*;
use crate::judge;
use crate::testing::{NOW, address, pair, validity, world};

/// A mail that `signer` signed, with these certificates beside the signer's own.
fn signed(signer: &Made, from: &str, beside: &[&Certificate]) -> Message {
    let key = PKey::private_key_from_pkcs8(signer.private_pkcs8.expose()).unwrap();
    let mut others = Stack::new().unwrap();
    for certificate in beside {
        others.push(X509::from_der(certificate.der()).unwrap()).unwrap();
    }
    let content = "Content-Type: text/plain\r\n\r\nwords\r\n";
    let leaf = X509::from_der(signer.certificate.der()).unwrap();
    let cms = Pkcs7::sign(&leaf, &key, &others, content.as_bytes(), Pkcs7Flags::BINARY).unwrap().to_der().unwrap();
    let body = openssl::base64::encode_block(&cms);
    let lines: Vec<String> = body.as_bytes().chunks(76).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    let head = format!("From: <{from}>\r\nTo: <alice@company.example>\r\nSubject: s\r\nMIME-Version: 1.0\r\n");
    let kind = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    Message::parse(bytes::Bytes::from(format!("{head}{kind}{}\r\n", lines.join("\r\n"))), &Budget::default()).unwrap()
}

fn taught(message: &Message, site: &Site) -> (SignatureVerdict, Harvest) {
    let finding = judge::verify(message, message, site, NOW, &Budget::default());
    let harvest = of(message, &finding, site, &Budget::default());
    (finding.verdict, harvest)
}

fn fingerprints(harvest: &Harvest) -> Vec<(String, bool)> {
    let issuers = harvest.met.iter().flat_map(|(_, issuers)| issuers);
    issuers.map(|issuer| (issuer.sha256.clone(), issuer.certificate.is_empty())).collect()
}

#[test]
fn m_c3_a_valid_signature_teaches_the_signers_certificate_and_names_its_root() {
    let world = world();
    let (verdict, harvest) = taught(&signed(&world.paul, "paul@partner.example", &[]), &world.site);
    assert_eq!(verdict, SignatureVerdict::Valid);
    assert_eq!(harvest.certificate.as_ref().unwrap(), &(address("paul@partner.example"), world.paul.certificate.clone()));
    let root = &fingerprints(&harvest)[0];
    assert!(world.site.roots.contains_key(&root.0) && root.1, "known here: only its name goes along");
}

#[test]
fn m_c3_an_unknown_root_is_carried_along_and_teaches_no_certificate() {
    let world = world();
    let ca = make_ca("Stranger CA", "", KeyKind::EcP256, validity()).unwrap();
    let eve = issue_user(&ca, &address("eve@stranger.example"), "", KeyKind::EcP256, validity()).unwrap();
    let decoy = make_ca("Decoy", "", KeyKind::EcP256, validity()).unwrap();
    let namesake = make_ca("Stranger CA", "", KeyKind::EcP256, validity()).unwrap();
    let mail = signed(&eve, "eve@stranger.example", &[&decoy.certificate, &namesake.certificate, &ca.certificate]);
    let (verdict, harvest) = taught(&mail, &world.site);
    assert_eq!((verdict, harvest.certificate.is_none()), (SignatureVerdict::Untrusted, true));
    assert_eq!(fingerprints(&harvest), [(ca.certificate.fingerprint_sha256().to_owned(), false)], "who signed below, by no name");
    let issuer = &harvest.met.unwrap().1[0];
    assert_eq!(Certificate::from_der(&issuer.certificate).unwrap(), ca.certificate);
}

#[test]
fn cve_2026_29140_nothing_is_learnt_from_a_signature_that_is_somebody_elses_or_broken() {
    let world = world();
    let foreign = signed(&world.paul, "eve@partner.example", &[]);
    let (verdict, harvest) = taught(&foreign, &world.site);
    assert_eq!(verdict, SignatureVerdict::Mismatch);
    assert!(harvest.certificate.is_none() && harvest.met.is_none());
    let good = signed(&world.paul, "paul@partner.example", &[]);
    let text = String::from_utf8(good.bytes().to_vec()).unwrap();
    // The last octets are the signature's.
    let at = text.trim_end().rfind(|c: char| c.is_ascii_alphanumeric()).unwrap() - 8;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let broken = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    let (verdict, harvest) = taught(&Message::parse(bytes::Bytes::from(broken), &Budget::default()).unwrap(), &world.site);
    assert_eq!(verdict, SignatureVerdict::Invalid);
    assert!(harvest.certificate.is_none() && harvest.met.is_none());
}

#[test]
fn m_c3_a_certificate_that_only_signs_is_not_encrypted_to() {
    let world = world();
    let mut finding = judge::verify(
        &signed(&world.paul, "paul@partner.example", &[]),
        &signed(&world.paul, "paul@partner.example", &[]),
        &world.site,
        NOW,
        &Budget::default(),
    );
    // The CA's own certificate may sign and may not be encrypted to.
    finding.certificate = Some(world.ca.certificate.clone());
    let harvest = of(&signed(&world.paul, "paul@partner.example", &[]), &finding, &world.site, &Budget::default());
    assert!(harvest.certificate.is_none());
    assert!(!pair(&world.ca).chain[0].may_encrypt_mail());
}
