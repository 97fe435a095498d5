//! Decisions about whole mails: whose keys open, what a stranger sees, who is named in what leaves.

use std::sync::Arc;
use std::time::Duration;

use model::{Budget, EncryptionWord, Limits, Plan};

use super::*;
use crate::assemble;
use crate::kit_tests::{OURS, PLAIN, STRANGER, forged_for_bob, rule_set, state, work, world};
use crate::limits::Notices;
use crate::simulate;

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";
const DECRYPT: &str = "if (decrypt_smime()) { tag_subject('[secure]'); } deliver();";

/// What the client is told, without the trace id, and what leaves.
fn planned(work: &Work, decision: Decision) -> (String, Option<Plan>) {
    let assemble::Assembled { plan, reply, .. } =
        assemble::plan(work, decision, "gate.company.example", &Notices::default(), String::new()).unwrap();
    (reply.to_string().replace(&work.trace.to_string(), "TRACE"), plan)
}

#[tokio::test]
async fn x_4_somebody_merely_named_gets_the_mail_as_it_came() {
    let world = world();
    let sealed = forged_for_bob(&world.sealed(PLAIN, &[ALICE, BOB]));
    let work = work(STRANGER, PAUL, &[ALICE, BOB]);
    let mail = state(&work, "Subject: x\r\n", &sealed);
    let decision = decide(&work, rule_set(DECRYPT), mail.clone()).await.unwrap();
    let [(alice, opened), (bob, closed)] = decision.ends.as_slice() else { panic!("{:?}", decision.ends.len()) };
    assert_eq!((&alice.recipients[..], &bob.recipients[..]), (&[0][..], &[1][..]));
    assert!(opened.opened && opened.message.body() == b"Good morning.\r\n");
    assert_eq!(closed.message.bytes(), mail.message.bytes(), "nothing of the plain text, and no tag");
    assert_eq!((closed.opened, closed.judgement.encryption), (false, EncryptionWord::Failed));
    assert!(closed.key_used && bob.key_used && alice.key_used, "what follows for Bob may not show either");
    assert_eq!(closed.judgement.reasons, ["could-not-be-opened"]);
}

#[tokio::test]
async fn cve_2026_27443_cve_2026_29143_fields_inside_what_was_encrypted_count_for_nothing() {
    let inside =
        b"From: boss@company.example\r\nSubject: [signed OK] pay\r\nX-Sealgate-Signature: valid\r\nSensitivity: Company-Confidential\r\n\
        Content-Type: text/plain\r\n\r\nGood morning.\r\n";
    let work = work(STRANGER, PAUL, &[BOB]);
    let header = "From: paul@partner.example\r\nSubject: outer\r\n";
    let decision = decide(&work, rule_set(DECRYPT), state(&work, header, &world().sealed(inside, &[BOB]))).await.unwrap();
    assert!(decision.ends[0].1.opened);
    let (_, plan) = planned(&work, decision);
    let content = plan.unwrap().outputs[0].content.clone();
    let text = std::str::from_utf8(&content).unwrap();
    let (fields, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "Good morning.\r\n");
    for once in ["From: paul@partner.example", "Subject: outer [secure]", "X-Sealgate-Signature: none"] {
        assert_eq!(fields.matches(once).count(), 1, "{fields}");
        let name = once.split(' ').next().unwrap();
        assert_eq!(fields.matches(&format!("\n{name}")).count() + usize::from(fields.starts_with(name)), 1, "{fields}");
    }
    assert!(!fields.contains("Sensitivity") && !fields.contains("boss@"), "{fields}");
}

#[tokio::test]
async fn x_4_bob_alone_does_not_open_what_is_only_alices() {
    let sealed = forged_for_bob(&world().sealed(PLAIN, &[ALICE, BOB]));
    let work = work(STRANGER, PAUL, &[BOB]);
    let decision = decide(&work, rule_set(DECRYPT), state(&work, "Subject: x\r\n", &sealed)).await.unwrap();
    assert!(!decision.ends[0].1.opened);
}

fn many_fields() -> Vec<u8> {
    let fields: String = (0..1_000).map(|n| format!("Content-F-{n}: x\r\n")).collect();
    format!("Content-Type: text/plain\r\n{fields}\r\nx\r\n").into_bytes()
}

fn many_folds() -> Vec<u8> {
    format!("Content-Type: text/plain;{}\r\n\r\nx\r\n", "\r\n a=b;".repeat(1_000)).into_bytes()
}

fn many_parts() -> Vec<u8> {
    format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(1_001)).into_bytes()
}

#[tokio::test]
async fn x_3_what_opens_and_cannot_be_read_looks_like_what_does_not_open() {
    let world = world();
    let mut replies = Vec::new();
    let broken = forged_for_bob(&world.sealed(PLAIN, &[BOB]));
    for sealed in [broken, world.sealed(&many_fields(), &[BOB]), world.sealed(&many_folds(), &[BOB]), world.sealed(&many_parts(), &[BOB])] {
        let work = work(STRANGER, PAUL, &[BOB]);
        let mail = state(&work, "Subject: x\r\n", &sealed);
        let decision = decide(&work, rule_set(DECRYPT), mail).await.unwrap();
        let (reply, plan) = planned(&work, decision);
        let outputs = plan.unwrap().outputs;
        assert_eq!(outputs.len(), 1);
        assert!(outputs[0].content.ends_with(&sealed[sealed.len() - 100..]), "as it came");
        replies.push(reply);
    }
    assert!(replies[0].starts_with("250"), "{replies:?}");
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
}

#[tokio::test]
async fn x_3_a_fault_after_opening_shows_to_known_senders_only() {
    let rules = "decrypt_smime(); archive('archive@elsewhere.example'); tag_subject('[x]'); deliver();";
    for (client, from) in [(STRANGER, PAUL), (OURS, ALICE)] {
        let work = work(client, from, &[BOB]);
        let mail = state(&work, "Subject: x\r\n", &world().sealed(PLAIN, &[BOB]));
        let decision = decide(&work, rule_set(rules), mail).await;
        if client == OURS {
            assert_eq!(decision.unwrap_err().code, "archive-unprotected");
        } else {
            let (_, state) = &decision.unwrap().ends[0];
            assert!(state.opened && state.extra.is_empty());
            assert_eq!(state.message.decoded("subject").as_deref(), Some("x [x]"), "the rules go on");
        }
    }
}

#[tokio::test]
async fn x_3_a_deadline_that_passes_while_a_key_is_used_does_not_show() {
    let rules = r"decrypt_smime(); compare('subject', 'substitute', '\[signed OK\]'); validate_smime_sig(); deliver();";
    for (client, from) in [(STRANGER, PAUL), (OURS, ALICE)] {
        let mut work = work(client, from, &[BOB]);
        work.budget = Budget::new(Limits { time: Duration::from_secs(1), ..Limits::default() });
        let mut ring = world().ring();
        ring.wait = Some(work.budget.clone());
        work.keys = Arc::new(ring);
        let mail = state(&work, "Subject: Hi [signed 0K]\r\n", &world().sealed(PLAIN, &[BOB]));
        let decision = decide(&work, rule_set(rules), mail).await;
        if client == OURS {
            assert_eq!(decision.unwrap_err().code, "mail-took-too-long");
        } else {
            let decision = decision.unwrap();
            assert_eq!(decision.ends[0].1.message.decoded("subject").as_deref(), Some("Hi"), "marks are stripped all the same");
            assert!(planned(&work, decision).0.starts_with("250"));
        }
    }
}

fn named_in(content: &bytes::Bytes) -> Vec<&'static str> {
    let message = message::Message::parse(content.clone(), &Budget::default()).unwrap();
    let message::shape::Shape::Cms { der, .. } = message::shape::of(&message) else { return Vec::new() };
    let named = crypto::smime::named_recipients(&der, &Budget::default()).unwrap();
    let mut people: Vec<&str> = world()
        .people
        .iter()
        .filter(|(_, made)| named.iter().any(|name| name.matches(&made.certificate)))
        .map(|(person, _)| *person)
        .collect();
    assert_eq!(people.len(), named.len(), "nobody else is named");
    people.sort_unstable();
    people
}

#[tokio::test]
async fn m_r9_blind_recipients_are_named_in_no_other_copy() {
    let all = [PAUL, "pia@partner.example", "pit@partner.example", "pat@partner.example", BOB];
    for (header, expected) in [
        ("To: <paul@partner.example>\r\nCc: Bob <bob@company.example>\r\n", vec![vec![BOB, PAUL], vec![all[1]], vec![all[2]]]),
        ("To: undisclosed-recipients:;\r\n", vec![vec![BOB], vec![PAUL], vec![all[1]], vec![all[2]]]),
        ("To: <paul@partner.example\r\n", vec![vec![BOB], vec![PAUL], vec![all[1]], vec![all[2]]]),
    ] {
        let work = work(OURS, ALICE, &all);
        let mail = state(&work, &format!("{header}Subject: x\r\n"), PLAIN);
        let decision = decide(&work, rule_set("if (encrypt_smime()) { deliver(); } deliver();"), mail).await.unwrap();
        let mut forms = Vec::new();
        for output in planned(&work, decision).1.unwrap().outputs {
            let named = named_in(&output.content);
            let mut to: Vec<&str> = output.recipients.iter().map(|to| to.address.as_str()).collect();
            to.sort_unstable();
            if named.is_empty() {
                assert_eq!(to, ["pat@partner.example"], "in clear goes only to whom there is no key for");
                continue;
            }
            assert!(to.iter().all(|to| named.contains(to)), "{to:?} {named:?}");
            forms.push(named);
        }
        forms.sort_unstable();
        forms.dedup();
        assert_eq!(forms, expected, "{header}");
        assert_eq!(work.memory.free(), crate::kit_tests::MEMORY, "the room is given back");
    }
}

#[tokio::test]
async fn m_r9_copies_beyond_the_memory_make_the_mail_wait() {
    let mut work = work(OURS, ALICE, &[PAUL, "pia@partner.example"]);
    work.memory = model::MemoryPool::new(10);
    let mail = state(&work, "Subject: x\r\n", PLAIN);
    assert_eq!(decide(&work, rule_set("encrypt_smime();"), mail).await.unwrap_err().code, "memory");
}

#[tokio::test]
async fn m_r6_only_a_strangers_look_alikes_are_taken_out() {
    let rules = r"if (compare('subject', 'substitute', '\s*\[noenc\]')) { setheader('x-fits', 'yes'); } deliver();";
    for (client, from, subject, fits) in [
        (OURS, ALICE, "Hi (noenc)", false),
        (OURS, ALICE, "Hi [n0enc]", false),
        (OURS, ALICE, "Hi [NoEnc]", true),
        (STRANGER, PAUL, "Hi [no\u{435}nc]", true),
        (STRANGER, PAUL, "Hi there", false),
    ] {
        let work = work(client, from, &[PAUL]);
        let decision = decide(&work, rule_set(rules), state(&work, &format!("Subject: {subject}\r\n"), PLAIN)).await.unwrap();
        let message = &decision.ends[0].1.message;
        assert_eq!(message.decoded("x-fits").is_some(), fits, "{subject}");
        assert_eq!(message.decoded("subject").as_deref(), Some(if fits { "Hi" } else { subject }));
    }
}

#[tokio::test]
async fn m_r7_user_mail_has_a_value_only_with_an_account() {
    let rules = "if (compareattr('user_mail', 'match', '@')) { drop(250); } deliver();";
    for (from, account) in [(ALICE, true), ("nobody@company.example", false)] {
        let work = work(OURS, from, &[PAUL]);
        let decision = decide(&work, rule_set(rules), state(&work, "Subject: x\r\n", PLAIN)).await.unwrap();
        assert_eq!(matches!(decision.ends[0].0.end, rules::End::Drop { .. }), account, "{from}");
    }
}

#[tokio::test]
async fn m_r4_a_simulation_uses_no_key_and_shows_the_whole_way() {
    let mut work = work(OURS, ALICE, &[BOB, PAUL]);
    (work.keys, work.rehearsal) = (Arc::new(simulate::NoKeys), true);
    let rules = "if (sign_smime()) { log(1, 'signed'); } if (incoming()) { decrypt_smime(); } deliver();";
    let plain = state(&work, "Subject: x\r\n", PLAIN).message;
    let way = simulate::run(&work, rule_set(rules), plain).await.unwrap();
    let commands = |group: usize| -> Vec<&str> { way.groups[group].trace.iter().map(|step| step.command).collect() };
    assert_eq!(commands(0), ["sign_smime", "log", "incoming", "decrypt_smime", "deliver"]);
    assert_eq!(commands(1), ["sign_smime", "log", "incoming", "deliver"], "also what came before the division");
    let sealed = state(&work, "Subject: x\r\n", &world().sealed(PLAIN, &[BOB])).message;
    let way = simulate::run(&work, rule_set("decrypt_smime(); deliver();"), sealed).await.unwrap();
    assert!(way.groups.iter().all(|group| group.trace[0].answer == "no"), "x_4: no decryption oracle");
}
