//! Published samples: RFC 4134, RFC 9216 and OpenSSL's malformed ones.

use std::path::Path;

use crypto::CryptoError;
use crypto::pki::issue::Made;
use crypto::pki::{Certificate, ChainVerdict, TrustStore};
use crypto::smime::{SignatureFinding, SignedContent, VerifyRequest, named_recipients, open, open_if, verify};
use message::{Message, Shape, shape};
use model::{SecretBytes, SignatureVerdict, TraceId};

use crate::kit::{NOW, Ring, address, budget, certificate, material};

fn file(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn pem_body(text: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    openssl::base64::decode_block(&body).unwrap()
}

fn finding(signed: SignedContent<'_>, known: &[Certificate]) -> SignatureFinding {
    let trust = TrustStore::new(Vec::new(), Vec::new());
    let request = VerifyRequest { signed, from: Ok(address("aliceDss@examples.com")), covers_whole: true, trust: &trust, known, now: NOW };
    verify(&request, &budget())
}

#[test]
fn rfc_4134_signatures_fit_though_their_digest_is_weak() {
    let Some(folder) = material("smime/rfc4134") else { return };
    let known: Vec<Certificate> = ["AliceDSSSignByCarlNoInherit.cer", "AliceRSASignByCarl.cer", "DianeRSASignByCarl.cer"]
        .iter()
        .map(|name| Certificate::from_der(&file(&folder, name)).unwrap())
        .collect();
    let content = file(&folder, "ExContent.bin");
    for name in ["4.1.bin", "4.2.bin", "4.3.bin", "4.4.bin", "4.10.bin"] {
        let cms = file(&folder, name);
        let signed =
            if name == "4.3.bin" { SignedContent::Detached { content: &content, signature: &cms } } else { SignedContent::Opaque(&cms) };
        let finding = finding(signed, &known);
        assert_eq!(finding.verdict, SignatureVerdict::Invalid, "{name}");
        let reason = |word: &str| finding.reasons.iter().any(|reason| reason == word);
        assert!(reason("weak-digest"), "{name}: {:?}", finding.reasons);
        for bad in
            ["signature-wrong", "content-changed", "signature-malformed", "signer-certificate-missing", "signature-algorithm-unknown"]
        {
            assert!(!reason(bad), "{name}: {:?}", finding.reasons);
        }
        if name != "4.3.bin" && name != "4.10.bin" {
            assert_eq!(finding.content.as_deref(), Some(content.as_slice()), "{name}");
        }
    }
}

#[test]
fn rfc_4134_every_sample_is_read_or_refused() {
    let Some(folder) = material("smime/rfc4134") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "bin") {
            let bytes = std::fs::read(&path).unwrap();
            let _ = named_recipients(&bytes, &budget());
            let _ = finding(SignedContent::Opaque(&bytes), &[]);
            count += 1;
        }
    }
    assert!(count >= 14, "{count}");
}

fn bob(folder: &Path) -> Made {
    Made {
        private_pkcs8: SecretBytes::new(file(folder, "BobPrivRSAEncrypt.pri")),
        certificate: Certificate::from_der(&file(folder, "BobRSASignByCarl.cer")).unwrap(),
    }
}

#[test]
fn rfc_4134_old_ciphers_are_opened() {
    let Some(folder) = material("smime/rfc4134") else { return };
    let bob = bob(&folder);
    let own = [bob.certificate.clone()];
    let ring = Ring::with(&[&bob]);
    for (name, word) in [("5.1.bin", "des-ede3-cbc"), ("5.2.bin", "rc2-cbc")] {
        let der = file(&folder, name);
        let opened = open_if(&der, &own, (&ring, TraceId::new()), &budget(), &|_, _| true).unwrap();
        assert_eq!((opened.entity.as_ref(), opened.cipher_word), (&file(&folder, "ExContent.bin")[..], word));
        // Their content is no MIME entity, so nothing of it is released as mail.
        assert!(matches!(open(&der, &own, &ring, TraceId::new(), &budget()), Err(CryptoError::CannotOpen)));
    }
    let mail = Message::parse(file(&folder, "5.3.eml").into(), &budget()).unwrap();
    let Shape::Cms { der, .. } = shape::of(&mail) else { panic!("{:?}", shape::of(&mail)) };
    assert!(open_if(&der, &own, (&ring, TraceId::new()), &budget(), &|_, _| true).is_ok());
}

#[test]
fn rfc_9216_people_stand_under_their_roots() {
    let Some(folder) = material("smime/rfc9216") else { return };
    let read = |name: &str| certificate(&file(&folder, name));
    let (rsa, ed) = (read("ca-rsa.crt"), read("ca-ed25519.crt"));
    let (crossed_rsa, crossed_ed) = (read("ca-rsa-crosssigned.crt"), read("ca-ed25519-crosssigned.crt"));
    let rsa_store = TrustStore::new(vec![rsa], Vec::new());
    let ed_store = TrustStore::new(vec![ed.clone()], Vec::new());
    for (name, own, other, crossed) in [
        ("alice", &rsa_store, &ed_store, &crossed_rsa),
        ("bob", &rsa_store, &ed_store, &crossed_rsa),
        ("carlos", &ed_store, &rsa_store, &crossed_ed),
        ("dana", &ed_store, &rsa_store, &crossed_ed),
    ] {
        let leaf = read(&format!("{name}.sign.crt"));
        assert_eq!(own.judge(&leaf, &[], NOW).unwrap(), ChainVerdict::Trusted, "{name}");
        assert_eq!(other.judge(&leaf, &[], NOW).unwrap(), ChainVerdict::Untrusted("no-trusted-issuer"), "{name}");
        assert_eq!(other.judge(&leaf, std::slice::from_ref(crossed), NOW).unwrap(), ChainVerdict::Trusted, "{name} crossed");
        let encryption = read(&format!("{name}.encrypt.crt"));
        assert_eq!(own.judge(&encryption, &[], NOW).unwrap(), ChainVerdict::Untrusted("certificate-not-for-signing-mail"));
        assert_eq!(leaf.addresses()[0].as_str(), format!("{name}@smime.example"));
        assert!(encryption.may_encrypt_mail());
    }
}

#[test]
fn openssl_malformed_attributes_are_invalid() {
    let Some(folder) = material("smime/openssl/80-test_cms_data") else { return };
    for (name, word) in [
        ("no_ct_attr.cms", "content-type-attribute-missing"),
        ("no_md_attr.cms", "message-digest-attribute-missing"),
        ("ct_multiple_attr.cms", "signed-attribute-repeated"),
        ("bad_signtime_attr.cms", "attribute-not-signed"),
    ] {
        let cms = file(&folder, name);
        let signer = certificate(&file(folder.parent().unwrap(), "smime-certs/smrsa1.pem"));
        let finding = finding(SignedContent::Opaque(&cms), &[signer]);
        assert_eq!(finding.verdict, SignatureVerdict::Invalid, "{name}");
        assert!(finding.reasons.iter().any(|reason| reason == word), "{name}: {:?}", finding.reasons);
    }
    let md4 = pem_body(&file(&folder, "pkcs7-md4.pem"));
    assert_eq!(finding(SignedContent::Opaque(&md4), &[]).verdict, SignatureVerdict::Invalid);
}

#[test]
fn openssl_malformed_recipients_are_refused() {
    let Some(folder) = material("smime/openssl") else { return };
    let data = folder.join("80-test_cms_data");
    let key = openssl::pkey::PKey::private_key_from_pem(&file(&data, "ecdh-key.pem")).unwrap();
    let ecdh = Made {
        private_pkcs8: SecretBytes::new(key.private_key_to_pkcs8().unwrap()),
        certificate: certificate(&file(&data, "ecdh-cert.pem")),
    };
    let rsa_key = openssl::pkey::PKey::private_key_from_pem(&file(&folder, "smime-certs/smrsa1.pem")).unwrap();
    let rsa = Made {
        private_pkcs8: SecretBytes::new(rsa_key.private_key_to_pkcs8().unwrap()),
        certificate: certificate(&file(&folder, "smime-certs/smrsa1.pem")),
    };
    let ring = Ring::with(&[&ecdh, &rsa]);
    let own = [ecdh.certificate.clone(), rsa.certificate.clone(), certificate(&file(&data, "dh-cert.pem"))];
    let samples = ["rsa-malformed.der", "ecdh-malformed.der", "dh-malformed.der"].map(|name| (name, file(&data, name)));
    let more = [
        ("missing-kdf.der", file(&folder, "cms-msg/missing-kdf.der")),
        ("enveloped-content-type-for-aes-gcm.pem", pem_body(&file(&folder, "cms-msg/enveloped-content-type-for-aes-gcm.pem"))),
    ];
    for (name, der) in samples.into_iter().chain(more) {
        let result = open_if(&der, &own, (&ring, TraceId::new()), &budget(), &|_, _| true);
        assert!(result.is_err(), "{name}");
    }
}

#[test]
fn openssl_sample_mails_are_not_valid() {
    let Some(folder) = material("smime/openssl/smime-eml") else { return };
    for name in ["pkcs7-empty-digest-set.eml", "SignedInvalidMappingFromanyPolicyTest7.eml"] {
        let mail = Message::parse(file(&folder, name).into(), &budget()).unwrap();
        if let Shape::ClearSigned { content, signature, .. } = shape::of(&mail) {
            let finding = finding(SignedContent::Detached { content: &mail.bytes()[content], signature: &signature }, &[]);
            assert!(finding.verdict > SignatureVerdict::Partial, "{name}: {finding:?}");
        }
    }
}

#[test]
fn rfc_8398_addresses_beyond_ascii() {
    let Some(folder) = material("smime/openssl/25-test_eai_data") else { return };
    let leaf = certificate(&file(&folder, "utf8_leaf.pem"));
    assert_eq!(leaf.addresses()[0].key(), address("医生@大学.example.com").key());
    let leaf = certificate(&file(&folder, "ascii_leaf.pem"));
    assert_eq!(leaf.addresses()[0].key(), address("学生@elementary.school.example.com").key());
}
