//! What we make the command line reads, and what it makes we read.

use crypto::smime::{ContentCipher, NamedRecipient, SignedContent, encrypt, named_recipients, open, sign, verify};
use crypto::{CryptoError, pki::issue::Made};
use model::{KeyPurpose, SignatureVerdict, TraceId};

use crate::kit::{Desk, budget, cms_of, company, halves, identity, request};

const ENTITY: &[u8] =
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nGood morning,\r\nthis is secret.\r\n";

fn desk() -> Desk {
    let desk = Desk::new();
    let company = company();
    for (name, made) in [("ca", &company.ca), ("alice", &company.alice), ("bob", &company.bob), ("carol", &company.carol)] {
        desk.put(name, made);
    }
    desk.write("entity", ENTITY);
    desk
}

#[test]
fn openssl_verifies_what_we_sign() {
    let (desk, company) = (desk(), company());
    for (signer, purpose) in [(&company.alice, "rsa"), (&company.bob, "p256"), (&company.carol, "p384")] {
        let ring = company.ring();
        let trace = TraceId::new();
        let signed = sign(ENTITY, &identity(signer), &ring, trace, crate::kit::NOW).unwrap();
        assert_eq!(*ring.log.lock().unwrap(), [(signer.certificate.key_id().clone(), trace, KeyPurpose::SignMail)]);
        desk.write("signed.eml", &signed);
        let out =
            desk.openssl("cms -verify -in signed.eml -CAfile ca.crt -attime 1795297474 -out plain").map_err(|e| format!("{purpose}: {e}"));
        out.unwrap();
        assert_eq!(desk.read("plain"), ENTITY, "{purpose}");
        let text = String::from_utf8(desk.openssl("cms -cmsout -print -noout -in signed.eml").unwrap()).unwrap();
        for attribute in ["contentType", "signingTime", "messageDigest", "S/MIME Capabilities", "signingCertificateV2", "aes-256-gcm"] {
            assert!(text.contains(attribute), "{attribute} in\n{text}");
        }
        desk.write("changed.eml", String::from_utf8(signed.to_vec()).unwrap().replace("secret", "public"));
        assert!(desk.openssl("cms -verify -in changed.eml -CAfile ca.crt -attime 1795297474 -out plain").is_err());
        let (content, cms) = halves(&signed);
        let trust = company.trust();
        let from = signer.certificate.addresses()[0].as_str();
        let detached = SignedContent::Detached { content: &content, signature: &cms };
        let finding = verify(&request(detached, from, &trust), &budget());
        assert_eq!(finding.verdict, SignatureVerdict::Valid, "{:?}", finding.reasons);
    }
}

#[test]
fn a_9b_openssl_verifies_a_signed_profile_and_gives_it_back() {
    let (desk, company) = (desk(), company());
    let profile = "<plist>é</plist>\n".repeat(500);
    for signer in [&company.alice, &company.bob] {
        let (ring, trace) = (company.ring(), TraceId::new());
        let way = (&ring as &dyn model::KeyUse, trace, KeyPurpose::SignProfile);
        let signed = crypto::smime::sign_inside(profile.as_bytes(), &identity(signer), way, crate::kit::NOW).unwrap();
        assert_eq!(*ring.log.lock().unwrap(), [(signer.certificate.key_id().clone(), trace, KeyPurpose::SignProfile)]);
        desk.write("profile", &signed);
        desk.openssl("cms -verify -inform DER -in profile -CAfile ca.crt -attime 1795297474 -binary -out plain").unwrap();
        assert_eq!(desk.read("plain"), profile.as_bytes());
        let mut changed = signed.clone();
        let at = changed.windows(7).position(|seven| seven == b"<plist>").unwrap();
        changed[at + 1] = b'P';
        desk.write("profile", &changed);
        assert!(desk.openssl("cms -verify -inform DER -in profile -CAfile ca.crt -attime 1795297474 -binary -out plain").is_err());
    }
}

#[test]
fn openssl_decrypts_what_we_encrypt() {
    let (desk, company) = (desk(), company());
    let everybody = [&company.alice, &company.bob, &company.carol].map(|made| made.certificate.clone());
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        let sealed = encrypt(ENTITY, &everybody, cipher).unwrap();
        assert!(sealed.split(|octet| *octet == b'\n').all(|line| line.len() <= 77 && !line.ends_with(b" \r")));
        desk.write("sealed.eml", &sealed);
        for name in ["alice", "bob", "carol"] {
            desk.openssl(&format!("cms -decrypt -in sealed.eml -recip {name}.crt -inkey {name}.key -out plain")).unwrap();
            assert_eq!(desk.read("plain"), ENTITY, "{name} {cipher:?}");
        }
        let der = cms_of(&sealed);
        for made in [&company.alice, &company.bob, &company.carol] {
            let opened = open(&der, std::slice::from_ref(&made.certificate), &company.ring(), TraceId::new(), &budget()).unwrap();
            assert_eq!(opened.entity, ENTITY);
            assert_eq!(opened.authenticated, cipher == ContentCipher::Aes256Gcm);
        }
    }
}

fn opens(der: &[u8], made: &Made) -> Result<(Vec<u8>, &'static str), CryptoError> {
    open(der, std::slice::from_ref(&made.certificate), &company().ring(), TraceId::new(), &budget())
        .map(|opened| (opened.entity.to_vec(), opened.cipher_word))
}

#[test]
fn we_open_what_openssl_encrypts() {
    let (desk, company) = (desk(), company());
    for (flags, word) in [
        ("-aes-256-cbc", "aes256-cbc"),
        ("-aes-128-cbc", "aes128-cbc"),
        ("-des3", "des-ede3-cbc"),
        ("-aes-256-gcm", "aes256-gcm"),
        ("-aes-128-gcm", "aes128-gcm"),
        ("-aes-256-cbc -stream", "aes256-cbc"),
        ("-aes-256-gcm -stream", "aes256-gcm"),
        ("-aes-256-cbc -keyid", "aes256-cbc"),
    ] {
        for (name, made) in [("alice", &company.alice), ("bob", &company.bob)] {
            desk.openssl(&format!("cms -encrypt -binary -in entity -outform DER -out sealed {flags} {name}.crt")).unwrap();
            let der = desk.read("sealed");
            assert_eq!(opens(&der, made).unwrap(), (ENTITY.to_vec(), word), "{flags} {name}");
            let named = named_recipients(&der, &budget()).unwrap();
            assert!(named.iter().any(|recipient: &NamedRecipient| recipient.matches(&made.certificate)));
            assert!(!named.iter().any(|recipient| recipient.matches(&company.carol.certificate)));
            assert!(matches!(opens(&der, &company.carol), Err(CryptoError::NoKey)));
        }
    }
}

#[test]
fn we_open_oaep_and_the_other_key_derivations() {
    let (desk, company) = (desk(), company());
    for options in ["-keyopt rsa_padding_mode:oaep", "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"] {
        desk.openssl(&format!("cms -encrypt -binary -in entity -outform DER -out sealed -aes256 -recip alice.crt {options}")).unwrap();
        assert_eq!(opens(&desk.read("sealed"), &company.alice).unwrap().0, ENTITY, "{options}");
    }
    for options in ["-keyopt ecdh_kdf_md:sha1", "-keyopt ecdh_kdf_md:sha256", "-keyopt ecdh_kdf_md:sha384", "-keyopt ecdh_cofactor_mode:1"]
    {
        desk.openssl(&format!("cms -encrypt -binary -in entity -outform DER -out sealed -aes256 -recip carol.crt {options}")).unwrap();
        assert_eq!(opens(&desk.read("sealed"), &company.carol).unwrap().0, ENTITY, "{options}");
    }
}

#[test]
fn we_verify_what_openssl_signs() {
    let (desk, company) = (desk(), company());
    let trust = company.trust();
    for (name, flags) in [
        ("alice", "-md sha256"),
        ("alice", "-md sha512"),
        ("alice", "-md sha384 -keyopt rsa_padding_mode:pss"),
        ("alice", "-md sha256 -noattr"),
        ("alice", "-md sha256 -keyid"),
        ("alice", "-md sha256 -cades"),
        ("bob", "-md sha256"),
        ("carol", "-md sha384"),
    ] {
        let from = format!("{name}@company.example");
        // OpenSSL 3.0 can't stream a PSS signature.
        let streams: &[&str] = if flags.contains("pss") { &[""] } else { &["", "-stream"] };
        for stream in streams {
            // A streamed detached DER holds its content all the same: then both must be equal.
            let run = format!("cms -sign -binary -in entity -signer {name}.crt -inkey {name}.key -outform DER -out cms {flags} {stream}");
            desk.openssl(&run).unwrap();
            let cms = desk.read("cms");
            let detached = SignedContent::Detached { content: ENTITY, signature: &cms };
            let finding = verify(&request(detached, &from, &trust), &budget());
            assert_eq!(finding.verdict, SignatureVerdict::Valid, "{name} {flags} {stream}: {:?}", finding.reasons);
            assert_eq!(finding.signer.as_deref(), Some(from.as_str()));
            assert!(finding.reasons.contains(&"revocation-not-checked".to_owned()));
            desk.openssl(&format!("{run} -nodetach")).unwrap();
            let cms = desk.read("cms");
            let finding = verify(&request(SignedContent::Opaque(&cms), &from, &trust), &budget());
            assert_eq!(finding.verdict, SignatureVerdict::Valid, "opaque {name} {flags} {stream}: {:?}", finding.reasons);
            assert_eq!(finding.content.as_deref(), Some(ENTITY));
        }
    }
}

#[test]
fn weak_digests_are_invalid_and_say_so() {
    let (desk, company) = (desk(), company());
    let trust = company.trust();
    for md in ["sha1", "md5"] {
        desk.openssl(&format!("cms -sign -binary -in entity -signer alice.crt -inkey alice.key -outform DER -out cms -md {md}")).unwrap();
        let cms = desk.read("cms");
        let detached = SignedContent::Detached { content: ENTITY, signature: &cms };
        let finding = verify(&request(detached, "alice@company.example", &trust), &budget());
        assert_eq!(finding.verdict, SignatureVerdict::Invalid);
        assert_eq!(finding.reasons, ["weak-digest", "revocation-not-checked"]);
    }
}
