//! What we write ourselves is signed, for our postmaster only.

use mailauth::Verdict;
use message::build::Builder;
use model::{KeyPurpose, Output, Recipient, Route};

use super::*;
use crate::domain_signatures::tests::{case, verdicts};
use crate::kit_tests::{NOW, STRANGER, address};

const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";

fn written_by(author: &str) -> Plan {
    let content = Builder::new().header("From", &format!("<{author}>")).header("Subject", "x").text("words").finish();
    let output = Output {
        sender: None,
        recipients: vec![Recipient::plain(address(PAUL))],
        route: Route::Usual,
        content,
        eight_bit: false,
        header: bytes::Bytes::new(),
        opened: true,
        inside: false,
        unproven: false,
        envelope_id: None,
        ret: None,
        smtputf8: false,
        waits_for: None,
    };
    Plan { trace: model::TraceId::new(), received: NOW, outputs: vec![output.clone(), output], effects: Vec::new(), digest: String::new() }
}

#[tokio::test]
async fn m_t11_our_own_mail_is_signed_with_both_keys_and_others_mail_beside_it_is_not() {
    let (work, ring, zone) = case(STRANGER, PAUL, &[BOB], false);
    let mut plan = written_by("postmaster@company.example");
    OwnMail::new(work.keys.clone(), work.pool.clone()).sign(&work.site, &mut plan, &[1]).await;
    let read = |place: usize| Message::parse(plan.outputs[place].content.clone(), &Budget::default()).unwrap();
    assert_eq!(verdicts(&zone, &read(1)).await, [Verdict::Pass, Verdict::Pass]);
    assert!(verdicts(&zone, &read(0)).await.is_empty(), "the first was not ours");
    let uses = ring.uses.lock().unwrap().clone();
    assert_eq!(uses, [(plan.trace, KeyPurpose::SignDomain); 2], "logged with the mail");
}

#[tokio::test]
async fn x_7_a_notice_with_another_author_is_not_signed() {
    for author in ["director@company.example", "director@elsewhere.example"] {
        let (work, ring, _) = case(STRANGER, PAUL, &[BOB], false);
        let mut plan = written_by(author);
        let before = plan.clone();
        OwnMail::new(work.keys.clone(), work.pool.clone()).sign(&work.site, &mut plan, &[0, 1]).await;
        assert_eq!(plan, before);
        assert!(ring.uses.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn x_3_a_key_that_fails_stops_no_report() {
    let (work, _, _) = case(STRANGER, PAUL, &[BOB], true);
    let mut plan = written_by("postmaster@company.example");
    let before = plan.clone();
    OwnMail::new(work.keys.clone(), work.pool.clone()).sign(&work.site, &mut plan, &[0]).await;
    assert_eq!(plan, before);
}
