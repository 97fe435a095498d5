//! The whole of a bounce, octet by octet.

use std::time::Duration;

use model::Recipient;

use super::super::pending::Fate;
use super::*;

fn rcpt(address: &str, last: Outcome) -> Rcpt {
    let recipient = Recipient { original: Some(format!("rfc822;{address}")), ..Recipient::plain(Address::parse(address).unwrap()) };
    let received = Timestamp(1_795_297_474_000_000);
    Rcpt {
        fate: Fate::Failing,
        tries: 3,
        last: Some(last),
        last_try: Some(received.after(Duration::from_secs(600))),
        ..Rcpt::new(recipient, received)
    }
}

fn report(subject: Subject, opened: bool) -> Report {
    let refused = Outcome::NotDone {
        temporary: false,
        status: "5.1.1".into(),
        reply: "550 5.1.1 no such\r\nX-Evil: user".into(),
        by: "dns; mx.partner.example [192.0.2.1]".into(),
    };
    let silent = Outcome::NotDone {
        temporary: true,
        status: "4.4.1".into(),
        reply: "connecting to [192.0.2.9]:25 failed: no answer in time".into(),
        by: String::new(),
    };
    Report {
        about: About { trace: TraceId::from_u128(7), output: 0, recipients: vec![0, 1], failed: subject != Subject::Delayed },
        subject,
        received: Timestamp(1_795_297_474_000_000),
        sender: Some(Address::parse("a@company.example").unwrap()),
        opened,
        envelope_id: Some("QQ1".into()),
        recipients: vec![rcpt("gone@partner.example", refused), rcpt("late@other.example", silent)],
    }
}

fn write(subject: Subject, opened: bool, language: Option<Language>) -> String {
    let now = Timestamp(1_795_297_474_000_000).after(Duration::from_secs(3600));
    let writer = Writer {
        host: "gate.company.example".into(),
        postmaster: "postmaster@company.example".into(),
        language,
        now,
        expires: now.after(Duration::from_secs(432_000)),
        whole_most: 1_000,
    };
    let original = Bytes::from_static(b"From: a@company.example\r\nSubject: hello\r\n\r\nthe body\r\n");
    let to = Address::parse("a@company.example").unwrap();
    String::from_utf8(writer.write(&report(subject, opened), &to, TraceId::from_u128(9), Some(original)).to_vec()).unwrap()
}

#[test]
fn m_t7_a_bounce_reads_as_the_golden_one() {
    let expected = include_str!("golden/bounce.eml").replace('\n', "\r\n");
    assert_eq!(write(Subject::Failed, true, Some(Language::En)), expected);
}

#[test]
fn x_10_a_server_s_reply_begins_no_line_of_ours() {
    for subject in [Subject::Failed, Subject::Delayed, Subject::Removed] {
        let mail = write(subject, true, None);
        assert!(!mail.lines().any(|line| line.starts_with("X-Evil")), "{mail}");
        assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998));
    }
}

#[test]
fn m_t7_the_body_goes_back_only_if_we_did_not_open_it_and_it_is_final() {
    assert!(write(Subject::Failed, false, None).contains("the body"));
    assert!(write(Subject::Removed, false, None).contains("the body"));
    assert!(!write(Subject::Failed, true, None).contains("the body"));
    assert!(!write(Subject::Delayed, false, None).contains("the body"));
}

#[test]
fn m_r8_without_a_known_language_all_four_speak() {
    let german = write(Subject::Failed, true, Some(Language::De));
    let all = write(Subject::Failed, true, None);
    assert!(german.contains("konnte nicht") || german.contains("nicht zugestellt"), "{german}");
    assert!(all.len() > german.len() * 2);
}
