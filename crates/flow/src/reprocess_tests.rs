//! Attached messages come back to their user: open with the user's own keys, else as they were.

use super::*;
use crate::assemble;
use crate::kit_tests::{OURS, PLAIN, STRANGER, rule_set, state, work, world};
use crate::limits::Notices;

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const TO: &str = "reprocess@decrypt.reprocess";

/// The generator's text, with the switch on.
fn generated() -> Arc<RuleSet> {
    let on = std::collections::BTreeMap::from([("reprocess".to_owned(), serde_json::json!(true))]);
    rule_set(&rules::generate(&on).unwrap().text)
}

fn carrying(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n\r\nPlease open\r\n".to_vec();
    for message in messages {
        out.extend(b"--outer\r\nContent-Type: message/rfc822\r\n\r\n");
        out.extend(message);
        out.extend(b"\r\n");
    }
    out.extend(b"--outer--\r\n");
    out
}

fn old(subject: &str, entity: &[u8]) -> Vec<u8> {
    [
        format!("From: <paul@partner.example>\r\nTo: <{BOB}>\r\nMessage-ID: <old@x>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n")
            .as_bytes(),
        entity,
    ]
    .concat()
}

async fn sent(client: &str, from: &str, entity: &[u8]) -> (assemble::Assembled, Vec<String>) {
    let work = work(client, from, &[TO]);
    let rules = generated();
    let mut decision =
        decide::decide(&work, rules.clone(), state(&work, &format!("From: <{from}>\r\nSubject: x\r\n"), entity)).await.unwrap();
    run(&work, &rules, &mut decision).await.unwrap();
    let made = assemble::plan(&work, decision, "gate.company.example", &Notices::default(), "digest".into()).unwrap();
    let outputs = made.plan.iter().flat_map(|plan| &plan.outputs);
    let texts = outputs.map(|output| {
        assert!(output.sender.is_none() && output.recipients.len() == 1 && output.recipients[0].address.as_str() == from);
        String::from_utf8_lossy(&output.content).into_owned()
    });
    let texts = texts.collect();
    (made, texts)
}

#[tokio::test]
async fn m_r7a_attached_messages_come_back_open_or_as_they_were() {
    let (mine, others) = (old("mine", &world().sealed(PLAIN, &[ALICE])), old("others", &world().sealed(PLAIN, &[BOB])));
    let (made, back) = sent(OURS, ALICE, &carrying(&[mine, others.clone(), old("plain", PLAIN)])).await;
    assert_eq!((made.reply.code(), back.len()), (250, 3));
    assert!(
        back[0].contains("Good morning.") && back[0].contains("X-Sealgate-Encryption: smime") && !back[0].contains("<old@x>"),
        "{}",
        back[0]
    );
    assert!(back[0].contains("Subject: mine [secure]"));
    assert!(
        back[1].contains("Content-Type: message/rfc822") && back[1].contains(&String::from_utf8(others).unwrap()),
        "bob's key opens nothing for alice"
    );
    assert!(!back[1].contains("Good morning.") && back[1].contains("Auto-Submitted: auto-replied"));
    assert!(back[2].contains("Good morning."));
    assert!(made.plan.unwrap().effects.iter().all(|effect| !matches!(effect, model::Effect::LearnCertificate { .. })));
}

#[tokio::test]
async fn m_r7a_only_for_authenticated_senders_with_an_account() {
    let carried = carrying(&[old("mine", &world().sealed(PLAIN, &[ALICE]))]);
    for (client, from) in [(STRANGER, ALICE), (OURS, "nobody@company.example")] {
        let (made, back) = sent(client, from, &carried).await;
        assert_eq!((made.reply.code(), back.len(), made.plan.is_none()), (550, 0, true), "{client} {from}");
    }
    let (made, _) = sent(OURS, ALICE, PLAIN).await;
    assert_eq!(made.reply.code(), 550, "nothing is attached");
    let many: Vec<Vec<u8>> = (0..51).map(|n| old(&n.to_string(), PLAIN)).collect();
    assert_eq!(sent(OURS, ALICE, &carrying(&many)).await.0.reply.code(), 550);
}
