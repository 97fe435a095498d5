//! Algorithms beyond the first ones: PSS and OAEP made and read, Ed25519 and X25519, old mail, two keys for one person.

use crypto::CryptoError;
use crypto::pki::import::{Imported, pkcs12_all};
use crypto::pki::issue::{Made, issue_user, make_ca};
use crypto::pki::{Certificate, TrustStore};
use crypto::smime::{
    ContentCipher, KeyTransport, SignStyle, SignatureFinding, SignedContent, SigningIdentity, encrypt, encrypt_by, open, sign, sign_by,
    verify,
};
use model::{KeyKind, SignatureVerdict, TraceId};

use crate::kit::{Desk, NOW, Ring, VALIDITY, address, budget, certificate, cms_of, company, halves, identity, material, python, request};

const ENTITY: &[u8] = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nGood morning.\r\n";

fn desk() -> Desk {
    let desk = Desk::new();
    let company = company();
    for (name, made) in [("ca", &company.ca), ("alice", &company.alice), ("bob", &company.bob), ("carol", &company.carol)] {
        desk.put(name, made);
    }
    desk.write("entity", ENTITY);
    desk
}

fn judged(entity: &[u8], from: &str, trust: &TrustStore) -> SignatureFinding {
    let (content, cms) = halves(entity);
    verify(&request(SignedContent::Detached { content: &content, signature: &cms }, from, trust), &budget())
}

#[test]
fn m_c1_pss_is_made_and_openssl_verifies_it() {
    let (desk, company) = (desk(), company());
    let ring = company.ring();
    let style = SignStyle { pss: true, encryption: None };
    for (signer, word) in [(&company.alice, "rsassaPss"), (&company.bob, "ecdsa-with-SHA256")] {
        let signed = sign_by(ENTITY, &identity(signer), (&ring, TraceId::new()), NOW, style).unwrap();
        desk.write("signed.eml", &signed);
        desk.openssl("cms -verify -in signed.eml -CAfile ca.crt -attime 1795297474 -out plain").unwrap();
        assert_eq!(desk.read("plain"), ENTITY);
        let text = String::from_utf8(desk.openssl("cms -cmsout -print -noout -in signed.eml").unwrap()).unwrap();
        assert!(text.contains(word), "{word} in {text}");
        let from = signer.certificate.addresses()[0].as_str();
        let finding = judged(&signed, from, &company.trust());
        assert_eq!(finding.verdict, SignatureVerdict::Valid, "{:?}", finding.reasons);
        let chain: Vec<String> = finding.chains[0].iter().map(Certificate::subject).collect();
        assert_eq!(chain.len(), 2, "the signer's and the root: {chain:?}");
    }
}

#[test]
fn m_c1_oaep_is_made_and_openssl_opens_it() {
    let (desk, company) = (desk(), company());
    let to = [company.alice.certificate.clone(), company.bob.certificate.clone()];
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        for (transport, word) in [(KeyTransport::Oaep, "rsaesOaep"), (KeyTransport::Pkcs1, "rsaEncryption")] {
            let sealed = encrypt_by(ENTITY, &to, cipher, transport).unwrap();
            desk.write("sealed.eml", &sealed);
            for name in ["alice", "bob"] {
                desk.openssl(&format!("cms -decrypt -in sealed.eml -recip {name}.crt -inkey {name}.key -out plain")).unwrap();
                assert_eq!(desk.read("plain"), ENTITY, "{name} {transport:?}");
            }
            let text = String::from_utf8(desk.openssl("cms -cmsout -print -noout -in sealed.eml").unwrap()).unwrap();
            assert!(text.contains(word), "{word} in {text}");
            let opened = open(&cms_of(&sealed), &to[..1], &company.ring(), TraceId::new(), &budget()).unwrap();
            assert_eq!(opened.entity, ENTITY);
        }
    }
}

#[test]
fn m_c1_oaep_is_taken_where_the_certificate_announces_it() {
    let desk = desk();
    desk.write("announces.ext", "1.2.840.113549.1.9.15=DER:30:0d:30:0b:06:09:2a:86:48:86:f7:0d:01:01:07\nkeyUsage=keyEncipherment\n");
    desk.openssl("req -new -key alice.key -subj /CN=alice -out alice.csr").unwrap();
    desk.openssl("x509 -req -in alice.csr -CA ca.crt -CAkey ca.key -extfile announces.ext -days 20 -out announces.crt").unwrap();
    let announces = certificate(&desk.read("announces.crt"));
    assert!(announces.announces_oaep() && !company().alice.certificate.announces_oaep());
    desk.write("sealed.eml", encrypt(ENTITY, &[announces], ContentCipher::Aes256Cbc).unwrap());
    assert!(String::from_utf8(desk.openssl("cms -cmsout -print -noout -in sealed.eml").unwrap()).unwrap().contains("rsaesOaep"));
}

#[test]
fn m_c1_oaep_with_two_hashes_is_read() {
    let (desk, company) = (desk(), company());
    let own = [company.alice.certificate.clone()];
    for (md, mask) in [("sha256", "sha1"), ("sha1", "sha256"), ("sha512", "sha512"), ("sha384", "sha224")] {
        let options = format!("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:{md} -keyopt rsa_mgf1_md:{mask}");
        desk.openssl(&format!("cms -encrypt -binary -in entity -outform DER -out sealed -aes256 -recip alice.crt {options}")).unwrap();
        let opened = open(&desk.read("sealed"), &own, &company.ring(), TraceId::new(), &budget());
        assert_eq!(opened.unwrap_or_else(|error| panic!("{md} {mask}: {error}")).entity, ENTITY);
    }
}

#[test]
fn m_c1_old_ciphers_are_opened_and_never_made() {
    let (desk, company) = (desk(), company());
    for (flags, word) in [
        ("-des3", "des-ede3-cbc"),
        ("-provider legacy -provider default -rc2-40", "rc2-cbc"),
        ("-provider legacy -provider default -rc2-64", "rc2-cbc"),
        ("-provider legacy -provider default -rc2-128", "rc2-cbc"),
    ] {
        for (name, made) in [("alice", &company.alice), ("bob", &company.bob), ("carol", &company.carol)] {
            // OpenSSL has no way to wrap an RC2 key for an elliptic curve.
            if flags.contains("rc2") && name != "alice" {
                continue;
            }
            desk.openssl(&format!("cms -encrypt -binary -in entity -outform DER -out sealed {flags} {name}.crt")).unwrap();
            let opened = open(&desk.read("sealed"), std::slice::from_ref(&made.certificate), &company.ring(), TraceId::new(), &budget());
            let opened = opened.unwrap_or_else(|error| panic!("{flags} {name}: {error}"));
            assert_eq!((opened.entity.as_ref(), opened.cipher_word, opened.authenticated), (ENTITY, word, false), "{flags} {name}");
        }
    }
}

/// The samples of RFC 9216: for each name the key pair that signs and the one that opens.
fn samples(name: &str) -> Option<(Made, Made)> {
    let folder = material("smime/rfc9216")?;
    let file = std::fs::read(folder.join(format!("{name}.p12"))).unwrap();
    let made = |pair: Imported| Made { private_pkcs8: pair.private_pkcs8, certificate: pair.chain[0].clone() };
    let (mut signs, mut opens) = (None, None);
    for pair in pkcs12_all(&file, name).unwrap() {
        let place = if pair.chain[0].may_sign_mail() { &mut signs } else { &mut opens };
        *place = Some(made(pair));
    }
    signs.zip(opens)
}

#[test]
fn m_c1_m_c5_dual_keys_of_rfc_9216_sign_and_open() {
    for (name, signs_with, opens_with, root) in [
        ("alice", KeyKind::Rsa(2048), KeyKind::Rsa(2048), "ca-rsa.crt"),
        ("carlos", KeyKind::Ed25519, KeyKind::X25519, "ca-ed25519.crt"),
        ("dana", KeyKind::Ed25519, KeyKind::X25519, "ca-ed25519.crt"),
    ] {
        let Some((signs, opens)) = samples(name) else { return };
        let folder = material("smime/rfc9216").unwrap();
        let root = certificate(&std::fs::read(folder.join(root)).unwrap());
        assert_eq!((signs.certificate.kind(), opens.certificate.kind()), (Some(signs_with), Some(opens_with)), "{name}");
        assert!(!opens.certificate.may_sign_mail() && opens.certificate.may_encrypt_mail() && !signs.certificate.may_encrypt_mail());
        let ring = Ring::with(&[&signs, &opens]);
        let style = SignStyle { pss: false, encryption: Some(&opens.certificate) };
        let signed = sign_by(ENTITY, &identity(&signs), (&ring, TraceId::new()), NOW, style).unwrap();
        let trust = TrustStore::new(vec![root.clone()], Vec::new());
        let from = format!("{name}@smime.example");
        let finding = judged(&signed, &from, &trust);
        assert_eq!(finding.verdict, SignatureVerdict::Valid, "{name}: {:?}", finding.reasons);
        assert_eq!(finding.certificate.as_ref(), Some(&signs.certificate));
        assert_eq!(finding.encryption.as_ref().map(|(other, _)| other), Some(&opens.certificate), "{name}: the other key is named");
        assert_eq!(judged(&signed, "eve@smime.example", &trust).encryption, None, "nothing is learnt of a mismatch");
        assert_eq!(judged(&signed, &from, &TrustStore::new(Vec::new(), vec![root])).encryption, None);
        let changed = String::from_utf8(signed.to_vec()).unwrap().replace("morning", "evening");
        assert_eq!(judged(changed.as_bytes(), &from, &trust).verdict, SignatureVerdict::Invalid);
        for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
            let sealed = cms_of(&encrypt(ENTITY, std::slice::from_ref(&opens.certificate), cipher).unwrap());
            let opened = open(&sealed, std::slice::from_ref(&opens.certificate), &ring, TraceId::new(), &budget()).unwrap();
            assert_eq!(opened.entity, ENTITY, "{name}");
        }
    }
}

#[test]
fn m_c1_python_opens_and_checks_what_we_make_with_curve25519_and_we_what_it_makes() {
    let Some((signs, opens)) = samples("carlos") else { return };
    let desk = Desk::new();
    let ring = Ring::with(&[&signs, &opens]);
    let style = SignStyle { pss: false, encryption: Some(&opens.certificate) };
    let (content, cms) = halves(&sign_by(ENTITY, &identity(&signs), (&ring, TraceId::new()), NOW, style).unwrap());
    desk.write("content", &content);
    desk.write("cms", &cms);
    desk.write("signer.der", signs.certificate.der());
    assert_eq!(python(&desk, "curve25519.py", "verify content cms signer.der").unwrap(), b"good");
    desk.write("content", [content.as_slice(), b"x"].concat());
    assert_eq!(python(&desk, "curve25519.py", "verify content cms signer.der").unwrap(), b"changed");
    let sealed = cms_of(&encrypt(ENTITY, std::slice::from_ref(&opens.certificate), ContentCipher::Aes256Cbc).unwrap());
    desk.write("sealed", &sealed);
    desk.write("key", opens.private_pkcs8.expose());
    assert_eq!(python(&desk, "curve25519.py", "open sealed key").unwrap(), ENTITY);
    desk.write("plain", ENTITY);
    desk.write("reader.der", opens.certificate.der());
    // HKDF without and with user keying material (RFC 8418 §2.2), and the X9.63 function (§2.1).
    for way in ["hkdf", "hkdf-ukm", "x963"] {
        desk.write("made", python(&desk, "curve25519.py", &format!("seal plain reader.der {way}")).unwrap());
        let opened = open(&desk.read("made"), std::slice::from_ref(&opens.certificate), &ring, TraceId::new(), &budget());
        assert_eq!(opened.unwrap_or_else(|error| panic!("{way}: {error}")).entity, ENTITY, "{way}");
    }
}

#[test]
fn m_c1_addresses_beyond_ascii_are_signed_for_and_verified() {
    let company = company();
    for text in ["jürgen@company.example", "医生@大学.example.com"] {
        let made = issue_user(&company.ca, &address(text), "", KeyKind::EcP256, VALIDITY).unwrap();
        assert_eq!(made.certificate.addresses(), [address(text)], "{text}");
        let ring = Ring::with(&[&made]);
        let signed = sign(ENTITY, &identity(&made), &ring, TraceId::new(), NOW).unwrap();
        let finding = judged(&signed, text, &company.trust());
        assert_eq!(finding.verdict, SignatureVerdict::Valid, "{text}: {:?}", finding.reasons);
        assert_eq!(judged(&signed, "jurgen@company.example", &company.trust()).verdict, SignatureVerdict::Mismatch);
    }
    // A domain in its two spellings is one.
    let made = issue_user(&company.ca, &address("doctor@大学.example.com"), "", KeyKind::EcP256, VALIDITY).unwrap();
    let signed = sign(ENTITY, &identity(&made), &Ring::with(&[&made]), TraceId::new(), NOW).unwrap();
    assert_eq!(judged(&signed, "doctor@xn--pss25c.example.com", &company.trust()).verdict, SignatureVerdict::Valid);
}

#[test]
fn m_c1_short_keys_protect_nothing_made_today_and_still_open_old_mail() {
    let desk = desk();
    desk.openssl("req -new -newkey rsa:1024 -nodes -keyout short.key -subj /CN=short -out short.csr").unwrap();
    desk.write("short.ext", "subjectAltName=email:short@company.example\nkeyUsage=digitalSignature,keyEncipherment\n");
    desk.openssl("x509 -req -in short.csr -CA ca.crt -CAkey ca.key -extfile short.ext -days 20 -out short.crt").unwrap();
    let short = Made {
        private_pkcs8: model::SecretBytes::new(
            openssl::pkey::PKey::private_key_from_pem(&desk.read("short.key")).unwrap().private_key_to_pkcs8().unwrap(),
        ),
        certificate: certificate(&desk.read("short.crt")),
    };
    assert!(!short.certificate.is_strong());
    let ring = Ring::with(&[&short]);
    let signed = sign(ENTITY, &identity(&short), &ring, TraceId::new(), NOW).unwrap();
    let (content, cms) = halves(&signed);
    let trust = company().trust();
    let mut asked = request(SignedContent::Detached { content: &content, signature: &cms }, "short@company.example", &trust);
    asked.now = short.certificate.not_before().after(std::time::Duration::from_secs(60));
    let finding = verify(&asked, &budget());
    assert_eq!(finding.verdict, SignatureVerdict::Untrusted);
    assert!(finding.reasons.contains(&"certificate-too-weak".to_owned()), "{:?}", finding.reasons);
    let refused = encrypt(ENTITY, std::slice::from_ref(&short.certificate), ContentCipher::Aes256Cbc).unwrap_err();
    assert!(matches!(refused, CryptoError::Certificate { .. }), "{refused}");
    desk.openssl("cms -encrypt -binary -in entity -outform DER -out sealed -aes256 short.crt").unwrap();
    let opened = open(&desk.read("sealed"), std::slice::from_ref(&short.certificate), &ring, TraceId::new(), &budget()).unwrap();
    assert_eq!(opened.entity, ENTITY);
}

#[test]
fn m_c3_the_other_key_of_a_stranger_or_of_somebody_else_is_not_learnt() {
    let company = company();
    let ring = company.ring();
    let other_ca = make_ca("Other CA", "", KeyKind::EcP256, VALIDITY).unwrap();
    let untrusted = issue_user(&other_ca, &address("alice@company.example"), "", KeyKind::EcP256, VALIDITY).unwrap();
    let own = issue_user(&company.ca, &address("alice@company.example"), "", KeyKind::EcP384, VALIDITY).unwrap();
    for (named, learnt) in [(&own, true), (&untrusted, false), (&company.bob, false)] {
        let style = SignStyle { pss: false, encryption: Some(&named.certificate) };
        let signer = SigningIdentity { key: company.alice.certificate.key_id().clone(), chain: vec![company.alice.certificate.clone()] };
        let signed = sign_by(ENTITY, &signer, (&ring, TraceId::new()), NOW, style).unwrap();
        let finding = judged(&signed, "alice@company.example", &company.trust());
        assert_eq!(finding.verdict, SignatureVerdict::Valid, "{:?}", finding.reasons);
        assert_eq!(finding.encryption.is_some(), learnt, "{}", named.certificate.subject());
    }
}
