//! Triple-wrapped mail, and signatures around what was encrypted.

use std::sync::Arc;

use model::{EncryptionWord, Judgement, TraceId};

use super::*;
use crate::decide::decide;
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, rule_set, state, work, world};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";
const PIA: &str = "pia@partner.example";
/// As the generator writes it.
const RULES: &str =
    "if (smime_encrypted()) { if (!smime_key_known()) { drop(550); } if (decrypt_smime()) { decrypt_smime(); tag_subject('[secure]'); } }
    if (smime_signed()) { if (validate_smime_sig()) { tag_subject('[ok]'); } else { tag_subject('[bad]'); } } deliver();";

fn signed(entity: &[u8], by: &str) -> Vec<u8> {
    let made = &world().people[by];
    let identity = crypto::smime::SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] };
    crypto::smime::sign(entity, &identity, &world().ring(), TraceId::new(), NOW).unwrap().to_vec()
}

/// What becomes of a mail from Paul to Bob.
async fn became(entity: &[u8]) -> (Judgement, String, String) {
    let mut work = work(STRANGER, PAUL, &[BOB]);
    work.site = Arc::new(world().trusting());
    let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", entity);
    let decision = decide(&work, rule_set(RULES), mail).await.unwrap();
    let state = &decision.ends[0].1;
    let text = String::from_utf8_lossy(state.message.body()).into_owned();
    (state.judgement.clone(), state.message.decoded("subject").unwrap(), text)
}

#[tokio::test]
async fn m_c1_triple_wrapped_mail_is_opened_and_both_signatures_count() {
    let inner = |by| world().sealed(&signed(PLAIN, by), &[BOB]);
    let (judgement, subject, text) = became(&signed(&inner(PAUL), PAUL)).await;
    assert_eq!((judgement.signature, judgement.encryption), (SignatureVerdict::Valid, EncryptionWord::Smime), "{:?}", judgement.reasons);
    assert_eq!(judgement.layers, ["signed-smime", "encrypted-aes256-gcm", "signed-smime"]);
    assert_eq!(subject, "x [secure] [ok]");
    assert!(text.contains("Good morning."));
    // One of the two by somebody else.
    for (inner_by, outer_by) in [(PAUL, PIA), (PIA, PAUL)] {
        let (judgement, subject, _) = became(&signed(&inner(inner_by), outer_by)).await;
        assert_eq!(judgement.signature, SignatureVerdict::Mismatch, "{inner_by} {outer_by}");
        assert_eq!(subject, "x [secure] [bad]");
    }
    // The outer one does not fit any more.
    let text = String::from_utf8(signed(&inner(PAUL), PAUL)).unwrap();
    let (judgement, ..) = became(text.replacen("name=\"smime.p7m\"", "name=\"smime.p7n\"", 1).as_bytes()).await;
    assert_eq!((judgement.signature, judgement.encryption), (SignatureVerdict::Invalid, EncryptionWord::Smime));
    // Signed, and twice encrypted and signed.
    let (judgement, subject, _) = became(&signed(&world().sealed(&signed(&inner(PAUL), PAUL), &[BOB]), PAUL)).await;
    assert_eq!((judgement.signature, subject.as_str()), (SignatureVerdict::Valid, "x [secure] [ok]"), "{judgement:?}");
}

#[tokio::test]
async fn x_2_a_signature_around_what_was_encrypted_says_nothing_about_what_is_inside() {
    let (judgement, subject, text) = became(&signed(&world().sealed(PLAIN, &[BOB]), PAUL)).await;
    assert_eq!(judgement.signature, SignatureVerdict::Partial, "{:?}", judgement.reasons);
    assert!(judgement.reasons.contains(&OVER_CIPHERTEXT.to_owned()));
    assert_eq!(subject, "x [secure]");
    assert!(text.contains("Good morning."));
}

#[tokio::test]
async fn x_4_what_is_not_for_the_recipient_stays_closed_below_a_signature_too() {
    let wrapped = signed(&world().sealed(PLAIN, &[ALICE]), PAUL);
    let mut work = work(STRANGER, PAUL, &[BOB]);
    work.site = Arc::new(world().trusting());
    let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", &wrapped);
    let decision = decide(&work, rule_set("decrypt_smime(); deliver();"), mail.clone()).await.unwrap();
    let state = &decision.ends[0].1;
    assert_eq!((state.judgement.encryption, state.key_used), (EncryptionWord::Failed, false));
    assert_eq!(state.message.bytes(), mail.message.bytes());
}

#[tokio::test]
async fn m_c14_what_the_client_wrapped_counts_as_encrypted() {
    let wrapped = signed(&world().sealed(PLAIN, &[PAUL]), ALICE);
    let work = work(OURS, ALICE, &[PAUL]);
    let mail = state(&work, "From: alice@company.example\r\nTo: paul@partner.example\r\nSubject: x\r\n", &wrapped);
    let rules = "if (!smime_encrypted()) { drop(550); } sign_smime(); if (encrypt_smime()) { deliver(); } drop(551);";
    let decision = decide(&work, rule_set(rules), mail.clone()).await.unwrap();
    let (end, state) = &decision.ends[0];
    assert!(matches!(end.end, rules::End::Deliver { .. }), "{:?}", end.end);
    assert!(state.encrypted && state.message.bytes() == mail.message.bytes());
}
