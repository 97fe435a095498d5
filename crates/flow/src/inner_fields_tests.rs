//! Mails with protected fields, on their way out and in.

use std::sync::Arc;

use model::site::MailSettings;
use model::{EncryptionWord, SignatureVerdict, TraceId};

use super::*;
use crate::decide::decide;
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, rule_set, state, work, world};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";
const IN: &str = r"compare('subject', 'substitute', '\s*\[signed OK\]'); if (decrypt_smime()) { tag_subject('[secure]'); }
    if (validate_smime_sig()) { tag_subject('[signed OK]'); } deliver();";

fn signed_by(entity: &[u8], by: &str) -> Vec<u8> {
    let made = &world().people[by];
    let identity = crypto::smime::SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] };
    crypto::smime::sign(entity, &identity, &world().ring(), TraceId::new(), NOW).unwrap().to_vec()
}

/// A mail from Paul to Bob as it arrives.
async fn arrives(header: &str, entity: &[u8]) -> MailState {
    let mut work = work(STRANGER, PAUL, &[BOB]);
    work.site = Arc::new(world().trusting());
    let mail = state(&work, header, entity);
    let decision = decide(&work, rule_set(IN), mail).await.unwrap();
    decision.ends[0].1.clone()
}

/// A mail from Alice to Paul as it leaves by these rules.
async fn leaves(protection: &str, rules: &str, header: &str, entity: &[u8]) -> MailState {
    let mut work = work(OURS, ALICE, &[PAUL]);
    let mut site = world().trusting();
    site.mail = Arc::new(MailSettings { header_protection: protection.into(), ..(*site.mail).clone() });
    work.site = Arc::new(site);
    let decision = decide(&work, rule_set(rules), state(&work, header, entity)).await.unwrap();
    decision.ends[0].1.clone()
}

fn opened(state: &MailState) -> Message {
    let Shape::Cms { der, .. } = state.shape() else { panic!("{:?}", state.shape()) };
    let own = [world().certificate(PAUL)];
    let opened = crypto::smime::open(der, &own, &world().ring(), TraceId::new(), &Budget::default()).unwrap();
    Message::parse(opened.entity, &Budget::default()).unwrap()
}

fn subject(state: &MailState) -> String {
    state.message.decoded("subject").unwrap()
}

const OUT: &str = "From: Alice <alice@company.example>\r\nTo: paul@partner.example\r\nSubject: Price list\r\nKeywords: prices\r\n";

#[tokio::test]
async fn m_c1_what_we_sign_has_its_fields_inside() {
    for (protection, inside) in [("signed", true), ("hidden", true), ("off", false)] {
        let state = leaves(protection, "sign_smime(); deliver();", OUT, PLAIN).await;
        let payload = signed_payload(&state, None, &Budget::default()).unwrap();
        assert_eq!(payload.decoded("subject").is_some(), inside, "{protection}");
        assert_eq!(payload.root().content_type.param("hp"), inside.then_some("clear"));
        assert_eq!(subject(&state), "Price list");
    }
}

#[tokio::test]
async fn m_c1_a_subject_is_hidden_in_encrypted_mail_where_the_site_wants_it() {
    for rules in ["sign_smime(); encrypt_smime(); deliver();", "encrypt_smime(); deliver();"] {
        let state = leaves("hidden", rules, OUT, PLAIN).await;
        let shown = String::from_utf8_lossy(state.message.bytes()).into_owned();
        assert!(!shown.contains("Price") && !shown.contains("prices"), "{shown}");
        assert_eq!(subject(&state), "[...]");
        let inside = opened(&state);
        let payload = match message::shape::of(&inside) {
            Shape::ClearSigned { content, .. } => Message::parse(inside.bytes().slice(content), &Budget::default()).unwrap(),
            _ => inside,
        };
        let fields = protected::read(&payload).unwrap();
        assert_eq!((fields.form, fields.subject().as_deref()), (Form::Cipher, Some("Price list")), "{rules}");
        assert_eq!(fields.outside("subject"), ["[...]"]);
        let read = String::from_utf8_lossy(payload.body()).into_owned();
        assert!(read.starts_with("Subject: Price list\r\n\r\nGood morning."), "{read}");
        assert_eq!(payload.root().content_type.param("hp-legacy-display"), Some("1"));
        let state = leaves("signed", rules, OUT, PLAIN).await;
        assert_eq!(subject(&state), "Price list", "not where it does not");
    }
    // What the client signed is not ours to hide.
    let state = leaves("hidden", "encrypt_smime(); deliver();", OUT, &signed_by(PLAIN, ALICE)).await;
    assert_eq!(subject(&state), "Price list");
}

fn protected_entity(header: &str, form: Form, hidden: bool) -> Bytes {
    let whole = [header.as_bytes(), b"MIME-Version: 1.0\r\n", PLAIN].concat();
    protected::compose(&Message::parse(whole.into(), &Budget::default()).unwrap(), form, hidden).unwrap()
}

const FROM_PAUL: &str = "From: paul@partner.example\r\nTo: bob@company.example\r\nSubject: Real subject\r\n";
const OUTSIDE: &str = "From: paul@partner.example\r\nTo: bob@company.example\r\nSubject: [...]\r\n";

#[tokio::test]
async fn m_c1_a_hidden_subject_comes_back_when_a_signature_vouches_for_it() {
    let entity = protected_entity(FROM_PAUL, Form::Cipher, true);
    let state = arrives(OUTSIDE, &world().sealed(&signed_by(&entity, PAUL), &[BOB])).await;
    assert_eq!(
        (state.judgement.signature, state.judgement.encryption),
        (SignatureVerdict::Valid, EncryptionWord::Smime),
        "{:?}",
        state.judgement
    );
    assert_eq!(subject(&state), "Real subject [secure] [signed OK]");
    // In a signed mail whose subject somebody has changed on the way, and to which an address for answers was added.
    let entity = protected_entity(FROM_PAUL, Form::Clear, false);
    let changed = "From: paul@partner.example\r\nTo: bob@company.example\r\nReply-To: eve@evil.example\r\nSubject: Other\r\n";
    let state = arrives(changed, &signed_by(&entity, PAUL)).await;
    assert_eq!(subject(&state), "Real subject [signed OK]");
    assert!(state.message.decoded("reply-to").is_none());
    let same = arrives(FROM_PAUL, &signed_by(&entity, PAUL)).await;
    assert!(!same.judgement.reasons.contains(&"protected-fields-restored".to_owned()), "what is alike is not touched");
}

#[tokio::test]
async fn cve_2026_27443_fields_inside_count_only_when_they_are_protected_and_vouched_for() {
    let entity = protected_entity(FROM_PAUL, Form::Clear, false);
    // By somebody else's signature, or by one that does not fit.
    for sealed in [
        signed_by(&entity, "pia@partner.example"),
        String::from_utf8(signed_by(&entity, PAUL)).unwrap().replace("morning", "evening").into_bytes(),
    ] {
        let state = arrives(&OUTSIDE.replace("[...]", "Outer"), &sealed).await;
        assert!(state.judgement.signature > SignatureVerdict::Valid);
        assert_eq!(subject(&state), "Outer");
    }
    // Without the word for it they are nothing.
    let plain = [FROM_PAUL.as_bytes(), PLAIN].concat();
    let state = arrives(&OUTSIDE.replace("[...]", "Outer"), &signed_by(&plain, PAUL)).await;
    assert_eq!((state.judgement.signature, subject(&state).as_str()), (SignatureVerdict::Valid, "Outer [signed OK]"));
    // A good signature under another From than the one that was signed.
    let other = protected_entity(&FROM_PAUL.replace("paul@", "boss@"), Form::Clear, false);
    let state = arrives(OUTSIDE, &signed_by(&other, PAUL)).await;
    assert_eq!(state.judgement.signature, SignatureVerdict::Mismatch);
    assert!(state.judgement.reasons.contains(&"protected-from-differs".to_owned()), "{:?}", state.judgement.reasons);
}

#[tokio::test]
async fn cve_2026_29143_without_a_signature_only_a_hidden_subject_comes_back_and_no_mark() {
    let forged = FROM_PAUL.replace("Real subject", "Real [signed OK]").replace("To: bob", "X-Sealgate-Signature: valid\r\nTo: eve");
    let entity = protected_entity(&forged, Form::Cipher, true);
    let state = arrives(OUTSIDE, &world().sealed(&entity, &[BOB])).await;
    assert_eq!(subject(&state), "Real [secure]", "the mark is taken out here too");
    assert_eq!(state.message.decoded("to").as_deref(), Some("bob@company.example"));
    assert!(state.message.decoded("x-sealgate-signature").is_none());
    // Nothing was hidden: the outer one stands. And a cipher that proves nothing brings nothing.
    let state = arrives(&OUTSIDE.replace("[...]", "Outer"), &world().sealed(&entity, &[BOB])).await;
    assert_eq!(subject(&state), "Outer [secure]");
    let to = [world().certificate(BOB)];
    let cbc = crypto::smime::encrypt(&entity, &to, crypto::smime::ContentCipher::Aes256Cbc).unwrap();
    let state = arrives(OUTSIDE, &cbc).await;
    assert!(state.opened);
    assert_eq!(subject(&state), "[...] [secure]");
    let clear = protected_entity(FROM_PAUL, Form::Clear, false);
    let state = arrives(OUTSIDE, &world().sealed(&clear, &[BOB])).await;
    assert_eq!(subject(&state), "[...] [secure]");
}

#[tokio::test]
async fn m_r6_a_text_stays_in_a_subject_that_the_client_signed() {
    let rules = r"if (compare('subject', 'substitute', '\s*\[secure\]')) { encrypt_smime(); } deliver();";
    let header = OUT.replace("Price list", "Price [secure]");
    let state = leaves("signed", rules, &header, &signed_by(&protected_entity(&header, Form::Clear, false), ALICE)).await;
    assert!(state.encrypted, "the text commands all the same");
    assert_eq!(subject(&state), "Price [secure]");
    let state = leaves("signed", rules, &header, &signed_by(PLAIN, ALICE)).await;
    assert_eq!((state.encrypted, subject(&state).as_str()), (true, "Price"), "without protected fields it goes as ever");
}
