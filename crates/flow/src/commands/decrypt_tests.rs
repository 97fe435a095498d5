//! What does not open: delivered as it came, with not one octet of the plain text (contract.md "Verdict words", X-1).

use crypto::smime::{ContentCipher, KeyTransport, encrypt_by};
use data_encoding::BASE64;
use model::EncryptionWord;

use crate::decide::decide;
use crate::kit_tests::{STRANGER, rule_set, state, work, world};

const PAUL: &str = "paul@partner.example";
const ENTITY: &[u8] = b"Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nThe secret word is xylophone, and nobody else may know it.\r\n\
    It stands here again: xylophone, so that it is in several blocks.\r\n";
const RULES: &str = "if (decrypt_smime()) { tag_subject('[secure]'); } if (smime_signed()) { validate_smime_sig(); } deliver();";

fn entity(der: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = BASE64.encode(der).as_bytes().chunks(76).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    let head =
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    format!("{head}{}\r\n", lines.join("\r\n")).into_bytes()
}

/// True if it was released.
async fn released(der: &[u8], to: &str, what: &str) -> bool {
    let work = work(STRANGER, PAUL, &[to]);
    let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", &entity(der));
    let decision = decide(&work, rule_set(RULES), mail.clone()).await.unwrap();
    let state = &decision.ends[0].1;
    let text = String::from_utf8_lossy(state.message.bytes()).into_owned();
    if state.judgement.encryption == EncryptionWord::Smime {
        assert!(state.opened);
        return true;
    }
    assert!(!state.opened && !text.contains("xylophone") && !text.contains("[secure]"), "{what}: {text}");
    assert_eq!(state.message.bytes(), mail.message.bytes(), "{what}: as it came");
    let reasons = &state.judgement.reasons;
    assert!(reasons.iter().all(|reason| !reason.contains("padding") && !reason.contains("tag")), "x_3: {reasons:?}");
    false
}

#[tokio::test]
async fn x_1_m_c13_nothing_is_released_of_what_does_not_open() {
    let mut closed = 0;
    for (name, transport) in [
        ("alice@company.example", KeyTransport::Pkcs1),
        ("alice@company.example", KeyTransport::Oaep),
        ("bob@company.example", KeyTransport::Pkcs1),
    ] {
        for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
            let sealed = encrypt_by(ENTITY, &[world().certificate(name)], cipher, transport).unwrap();
            let text = std::str::from_utf8(&sealed).unwrap().split_once("\r\n\r\n").unwrap().1.replace("\r\n", "");
            let der = BASE64.decode(text.as_bytes()).unwrap();
            assert!(released(&der, name, "whole").await);
            // From the first recipient to the last octet, in steps that meet every element.
            for at in (30..der.len()).step_by(7) {
                let mut bad = der.clone();
                bad[at] ^= 0x10;
                let what = format!("{name} {cipher:?} {transport:?} octet {at}");
                let open = released(&bad, name, &what).await;
                assert!(!open || cipher == ContentCipher::Aes256Cbc || at < 300, "{what}: GCM gives nothing that was changed");
                closed += usize::from(!open);
            }
            for length in [der.len() - 1, der.len() - 16, der.len() - 33, der.len() / 2, 40] {
                assert!(!released(&der[..length], name, &format!("cut to {length}")).await);
            }
            // Blocks in another order, twice, and those of another mail behind (EFAIL's gadgets).
            let end = der.len() - if cipher == ContentCipher::Aes256Gcm { 18 } else { 0 };
            let (first, second) = (der[end - 64..end - 48].to_vec(), der[end - 48..end - 32].to_vec());
            let mut swapped = der.clone();
            swapped[end - 64..end - 48].copy_from_slice(&second);
            swapped[end - 48..end - 32].copy_from_slice(&first);
            assert!(!released(&swapped, name, "swapped").await);
            let mut twice = der.clone();
            twice[end - 48..end - 32].copy_from_slice(&first);
            assert!(!released(&twice, name, "twice").await);
        }
    }
    assert!(closed >= 100, "{closed}");
}

#[tokio::test]
async fn x_3_what_was_inside_can_be_sent_on_or_stays_closed() {
    // Else the mail would come back as a report, and only if it was opened.
    let signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\na\0b\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n";
    for (content, opens) in [
        ("Content-Type: text/plain\n\nline feeds\nalone\n", true),
        ("Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n%PDF\0\r\r\n\n", true),
        ("Content-Type: text/plain; name=\"Plän\"\r\n\r\nx\r\n", true),
        (signed, false),
    ] {
        let sealed = world().sealed(content.as_bytes(), &["bob@company.example"]);
        let work = work(STRANGER, PAUL, &["bob@company.example"]);
        let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", &sealed);
        let decision = decide(&work, rule_set(RULES), mail.clone()).await.unwrap();
        let state = &decision.ends[0].1;
        let content_out = smtp::outbound::Content::new(state.message.bytes().clone());
        assert_eq!((state.opened, content_out.is_ok_and(|content| !content.has_utf8_header())), (opens, true), "{content}");
        assert!(opens || state.message.bytes() == mail.message.bytes());
    }
}

#[tokio::test]
async fn x_9_x_5_what_was_inside_is_read_in_one_way_or_stays_closed() {
    let two = "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n\r\nharmless\r\n--b\r\n\r\nnot\r\n--b--\r\n--a--\r\n";
    for (content, opens) in [
        ("Content-Type: text/plain\r\n\r\nGood morning.\r\n", true),
        ("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<b>Good morning.</b>\r\n", false),
        (two, false),
    ] {
        let sealed = world().sealed(content.as_bytes(), &["bob@company.example"]);
        for (client, sender) in [(STRANGER, PAUL), (crate::kit_tests::OURS, "alice@company.example")] {
            let work = work(client, sender, &["bob@company.example"]);
            let mail = state(&work, &format!("From: {sender}\r\nSubject: x\r\n"), &sealed);
            let decision = decide(&work, rule_set(RULES), mail).await.unwrap();
            assert_eq!(decision.ends[0].1.opened, opens || client != STRANGER, "{content}");
        }
    }
    // The same in an opaque signature whose content is to take its place.
    let made = &world().people[PAUL];
    let identity = crypto::smime::SigningIdentity { key: made.certificate.key_id().clone(), chain: vec![made.certificate.clone()] };
    let (ring, trace) = (world().ring(), model::TraceId::new());
    let opaque =
        crypto::smime::sign_inside(two.as_bytes(), &identity, (&ring, trace, model::KeyPurpose::SignMail), crate::kit_tests::NOW).unwrap();
    let work = work(STRANGER, PAUL, &["bob@company.example"]);
    let mail = state(&work, "From: paul@partner.example\r\nSubject: x\r\n", &entity(&opaque));
    let decision = decide(&work, rule_set("if (delete_smime_sig()) { tag_subject('[gone]'); } deliver();"), mail.clone()).await.unwrap();
    assert_eq!(decision.ends[0].1.message.bytes(), mail.message.bytes());
}
