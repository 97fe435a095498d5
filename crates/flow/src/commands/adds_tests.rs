//! `attach`, `add_report` and `disclaimer` in whole mails.

use std::sync::Arc;

use model::site::{Section, SiteRow};

use super::*;
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, rules_for, state, work, world};

const PAUL: &str = "paul@partner.example";
const ALICE: &str = "alice@company.example";

/// Alice writes to Paul through a site with a disclaimer and a file.
fn house() -> Work {
    let mut work = work(OURS, ALICE, &[PAUL]);
    let mut site = (*work.site).clone();
    for (section, key, body) in [
        (Section::Disclaimer, "[default]", r#"{"name":"[default]","text":"Sent by $from\nto you <b>"}"#),
        (Section::Disclaimer, "legal", r#"{"name":"legal","text":"Legal","html":"<i>$subject</i>"}"#),
        (Section::File, "logo.png", r#"{"name":"logo.png","content":"UE5H"}"#),
    ] {
        site.apply(&SiteRow { section, key: key.into(), version: 1, body: body.into() }).unwrap();
    }
    work.site = Arc::new(site);
    work
}

async fn after(work: &Work, rules: &str, header: &str, entity: &[u8]) -> Message {
    let mail = state(work, header, entity);
    decide::decide(work, rules_for(work, rules), mail).await.unwrap().ends[0].1.message.clone()
}

fn signed(entity: &[u8]) -> Vec<u8> {
    let certificate = world().certificate(ALICE);
    let signer = crypto::smime::SigningIdentity { key: certificate.key_id().clone(), chain: vec![certificate] };
    crypto::smime::sign(entity, &signer, &world().ring(), model::TraceId::new(), NOW).unwrap().to_vec()
}

#[tokio::test]
async fn m_r5_the_disclaimer_of_the_senders_domain_is_added_with_its_variables() {
    let work = house();
    let html = b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>x</body></html>\r\n";
    let plain = after(&work, "disclaimer();", "Subject: x\r\n", PLAIN).await;
    assert!(plain.bytes().ends_with(b"Good morning.\r\nSent by alice@company.example\r\nto you <b>\r\n"), "{plain:?}");
    let text = |message: &Message| message.root().text(message, &work.budget).unwrap();
    let default = text(&after(&work, "disclaimer();", "Subject: x\r\n", html).await);
    assert!(default.contains("Sent by alice@company.example<br>\r\nto you &lt;b&gt;\r\n</body>"), "{default}");
    let legal = text(&after(&work, "disclaimer('legal', 'top');", "Subject: <script>x\r\n", html).await);
    assert!(legal.contains("<body>\r\n<i>&lt;script&gt;x</i>"), "X-10: {legal}");
}

#[tokio::test]
async fn m_r5_nothing_is_added_to_signed_encrypted_and_calendar_mail() {
    let work = house();
    let calendar = b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: text/calendar\r\n\r\ny\r\n--b--\r\n".to_vec();
    let part = [b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n".as_slice(), &signed(PLAIN), b"\r\n--q--\r\n"].concat();
    for entity in [signed(PLAIN), world().sealed(PLAIN, &[PAUL]), calendar, part] {
        let before = state(&work, "Subject: x\r\n", &entity);
        let message = after(&work, "disclaimer(); attach('logo.png'); deliver();", "Subject: x\r\n", &entity).await;
        assert!(message.bytes() == before.message.bytes() || before.message.root().content_type.subtype == "alternative");
        assert!(!String::from_utf8_lossy(message.bytes()).contains("Sent by"));
    }
}

#[tokio::test]
async fn m_r1_attach_appends_a_file_of_the_site() {
    let message = after(&house(), "attach('logo.png', 'logo@x', 'image/png');", "Subject: x\r\n", PLAIN).await;
    let file = message.part("1.2").unwrap();
    assert_eq!(
        (file.content_type.to_string().as_str(), file.name.as_deref(), file.content_id.as_deref()),
        ("image/png", Some("logo.png"), Some("logo@x"))
    );
    assert_eq!(file.decode(&message, &model::Budget::default()).unwrap().as_ref(), b"PNG");
    assert_eq!(message.part("1.1").unwrap().text(&message, &model::Budget::default()).unwrap().trim(), "Good morning.");
    let said = |rules: &str| rules::compile("t", rules, &crate::ruleset::SiteNames(&house().site)).unwrap_err()[0].one_line();
    assert!(said("attach('/etc/passwd');").contains("never read from a path"), "{}", said("attach('/etc/passwd');"));
    assert!(said("attach('logo.pgn');").contains("did you mean 'logo.png'") || said("attach('logo.pgn');").contains("upload"));
}

#[tokio::test]
async fn m_r1_add_report_says_the_results_so_far_in_the_recipients_language() {
    let work = work(STRANGER, PAUL, &[ALICE]);
    let rules = "validate_smime_sig(); add_report('report.txt', 'auto'); deliver();";
    let message = after(&work, rules, "From: <alice@company.example>\r\nSubject: x\r\n", &signed(PLAIN)).await;
    let part = message.part("1.2").unwrap();
    let text = part.text(&message, &work.budget).unwrap();
    assert_eq!(part.name.as_deref(), Some("report.txt"));
    assert!(text.contains("Signature: ") && !text.contains("Unterschrift"), "English only: {text}");
    assert!(message::shape::nested(&message).iter().any(|(_, shape)| shape.is_signed()), "the signature stays whole beside it");
    let own = after(&work, "add_report('note.txt', 'Checked for $to'); deliver();", "Subject: x\r\n", PLAIN).await;
    assert_eq!(own.part("1.2").unwrap().text(&own, &work.budget).unwrap(), "Checked for alice@company.example");
}
