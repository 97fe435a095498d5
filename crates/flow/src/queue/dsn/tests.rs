//! Reports, octet by octet.

use std::time::Duration;

use bytes::Bytes;
use model::{Language, Outcome, Recipient};

use super::super::pending::Fate;
use super::*;

const AT: Timestamp = Timestamp(1_795_297_474_000_000);
const CAME: &str = "From: a@company.example\r\nSubject: hello\r\n";
const ON_TOP: &str = "X-Sealgate-Encryption: none\r\nReceived: by gate.company.example\r\n";

fn refused() -> Outcome {
    Outcome::NotDone {
        temporary: false,
        status: "5.1.1".into(),
        reply: "550 5.1.1 no such\r\nX-Evil: user".into(),
        by: "dns; mx.partner.example [192.0.2.1]".into(),
    }
}

fn silent() -> Outcome {
    Outcome::NotDone {
        temporary: true,
        status: "4.4.1".into(),
        reply: "connecting to [192.0.2.9]:25 failed: no answer in time".into(),
        by: String::new(),
    }
}

fn greylisted() -> Outcome {
    Outcome::NotDone {
        temporary: true,
        status: "4.2.0".into(),
        reply: "450 4.2.0 greylisted".into(),
        by: "dns; mx.other.example [192.0.2.9]".into(),
    }
}

fn rcpt(address: &str, subject: Subject, last: Outcome) -> Rcpt {
    let notify = (subject == Subject::Relayed).then_some(Notify { success: true, failure: true, delay: true });
    let recipient = Recipient { original: Some(format!("rfc822;{address}")), notify, ..Recipient::plain(Address::parse(address).unwrap()) };
    let fate = match subject {
        Subject::Failed => Fate::Failing,
        Subject::Removed | Subject::Delayed => Fate::Waiting,
        Subject::Relayed => Fate::Relaying,
    };
    let last_try = Some(AT.after(Duration::from_secs(600)));
    Rcpt { fate, tries: 3, last: Some(last), last_try, tell: subject == Subject::Delayed, ..Rcpt::new(recipient, AT) }
}

/// The mail as it left, and its header as it came.
fn stored(on_top: &str, header: &str, body: &str) -> Stored {
    Stored { content: format!("{on_top}{header}\r\n{body}\r\n").into(), header: CAME.into() }
}

struct Case {
    opened: bool,
    ret: Option<Return>,
    language: Option<Language>,
    recipients: Vec<(Subject, Rcpt)>,
}

impl Case {
    /// All recipients have met the same.
    fn of(subject: Subject) -> Self {
        let recipients = vec![("gone@partner.example", refused()), ("late@other.example", silent())];
        let recipients = recipients.into_iter().map(|(address, last)| (subject, rcpt(address, subject, last))).collect();
        Self { opened: true, ret: None, language: Some(Language::En), recipients }
    }

    fn mixed() -> Self {
        let taken = Outcome::Done { reply: "250 2.6.0 queued as 4711".into() };
        let recipients = vec![
            (Subject::Relayed, rcpt("there@third.example", Subject::Relayed, taken)),
            (Subject::Delayed, rcpt("late@other.example", Subject::Delayed, greylisted())),
            (Subject::Failed, rcpt("gone@partner.example", Subject::Failed, refused())),
        ];
        Self { opened: false, ret: None, language: Some(Language::En), recipients }
    }

    fn only(mut self, subject: Subject) -> Self {
        self.recipients.retain(|(told, _)| *told == subject);
        self
    }

    fn write(self) -> String {
        self.write_on(&stored(ON_TOP, CAME, "the body"))
    }

    fn write_on(self, original: &Stored) -> String {
        let now = AT.after(Duration::from_secs(3600));
        let writer = Writer {
            host: "gate.company.example".into(),
            postmaster: "postmaster@company.example".into(),
            language: self.language,
            now,
            expires: now.after(Duration::from_secs(432_000)),
            whole_most: 1_000,
        };
        let report = Report {
            about: About::nothing(TraceId::from_u128(7), 0),
            received: AT,
            sender: Some(Address::parse("a@company.example").unwrap()),
            opened: self.opened,
            unproven: false,
            envelope_id: Some("QQ1".into()),
            ret: self.ret,
            recipients: self.recipients,
        };
        let to = Address::parse("a@company.example").unwrap();
        String::from_utf8(writer.write(&report, &to, TraceId::from_u128(9), Some(original)).to_vec()).unwrap()
    }
}

#[test]
fn m_t7_reports_read_as_the_golden_ones() {
    for (name, golden, case) in [
        ("bounce", include_str!("../golden/bounce.eml"), Case::of(Subject::Failed)),
        ("mixed", include_str!("../golden/mixed.eml"), Case::mixed()),
        ("delayed", include_str!("../golden/delayed.eml"), Case::mixed().only(Subject::Delayed)),
        ("relayed", include_str!("../golden/relayed.eml"), Case::mixed().only(Subject::Relayed)),
    ] {
        let written = case.write();
        if written != golden.replace('\n', "\r\n") {
            let place = std::env::temp_dir().join(format!("{name}.eml"));
            std::fs::write(&place, written.replace("\r\n", "\n")).unwrap();
            panic!("{name}.eml is another now: compare it with {}", place.display());
        }
    }
}

#[test]
fn x_10_a_server_s_reply_begins_no_line_of_ours() {
    for subject in Subject::ALL {
        let mail = Case { opened: false, language: None, ..Case::of(subject) }.write();
        assert!(!mail.lines().any(|line| line.starts_with("X-Evil")), "{mail}");
        assert!(mail.is_ascii() && mail.lines().all(|line| line.len() <= 998));
    }
}

#[test]
fn m_t7_the_body_goes_back_only_if_we_did_not_open_it_and_it_is_final() {
    let body = |subject, opened| Case { opened, ..Case::of(subject) }.write().contains("the body");
    assert!(body(Subject::Failed, false) && body(Subject::Removed, false));
    assert!(!body(Subject::Failed, true) && !body(Subject::Delayed, false) && !body(Subject::Relayed, false));
    assert!(Case::mixed().write().contains("the body"), "one failure is enough (RFC 3461 §4.3)");
}

#[test]
fn x_3_no_next_hop_speaks_to_the_sender_of_what_a_key_was_used_on() {
    for (subject, status, words) in [
        (Subject::Failed, "5.0.0", true),
        (Subject::Delayed, "4.0.0", true),
        (Subject::Relayed, "2.0.0", false),
        (Subject::Removed, "5.7.1", false),
    ] {
        let told = |last: Outcome| {
            let recipients = vec![(subject, rcpt("gone@partner.example", subject, last))];
            Case { recipients, ..Case::of(subject) }.write_on(&stored(ON_TOP, CAME, "the body"))
        };
        let taken = Outcome::Done { reply: "250 2.6.0 read: the body".into() };
        let all = [told(refused()), told(silent()), told(greylisted()), told(taken)];
        assert!(all.iter().all(|mail| *mail == all[0]), "what it says makes no difference: {all:?}");
        assert!(all[0].contains(&format!("\r\nStatus: {status}\r\n")), "{}", all[0]);
        assert_eq!(all[0].contains("Reason: the next mail server did not take it"), words, "{}", all[0]);
        assert!(!all[0].contains("Diagnostic-Code") && !all[0].contains("Remote-MTA"), "{}", all[0]);
    }
}

#[test]
fn x_3_what_we_wrote_on_top_does_not_go_back() {
    for mail in [
        Case { opened: false, ..Case::of(Subject::Failed) }.write(),
        Case { opened: false, ret: Some(Return::Headers), ..Case::of(Subject::Failed) }.write(),
        Case::of(Subject::Delayed).write(),
    ] {
        assert!(mail.contains("\r\nFrom: a@company.example\r\nSubject: hello\r\n"), "{mail}");
        assert!(!mail.contains("X-Sealgate") && !mail.contains("Received: "), "{mail}");
    }
    let tagged = stored(ON_TOP, "From: a@company.example\r\nSubject: hello [secure]\r\n", "the body");
    let mail = Case { opened: false, ..Case::of(Subject::Failed) }.write_on(&tagged);
    assert!(mail.contains("Subject: hello\r\n") && !mail.contains("the body"), "changed by a rule: the header as it came\n{mail}");
    let older = Stored { header: Bytes::new(), ..tagged };
    let mail = Case::of(Subject::Failed).write_on(&older);
    assert!(!mail.contains("text/rfc822-headers") && !mail.contains("secure"), "queued by an older program\n{mail}");
}

#[test]
fn m_t7_ret_says_what_a_failure_brings_back_and_nothing_else() {
    let body = |ret, subject, opened| Case { ret: Some(ret), opened, ..Case::of(subject) }.write().contains("the body");
    assert!(!body(Return::Headers, Subject::Failed, false));
    assert!(body(Return::Full, Subject::Failed, false) && !body(Return::Full, Subject::Delayed, false));
    assert!(!body(Return::Full, Subject::Failed, true), "x_3: never of what we opened");
    let report = |ret| Report { ret, ..report_of(Case::of(Subject::Failed)) };
    assert!(report(Some(Return::Full)).returns_whole(1 << 20, 1_000), "asked for, also of a large mail");
    assert!(!report(None).returns_whole(1 << 20, 1_000));
}

fn report_of(case: Case) -> Report {
    let about = About::nothing(TraceId::from_u128(7), 0);
    Report {
        about,
        received: AT,
        sender: None,
        opened: false,
        unproven: false,
        envelope_id: None,
        ret: case.ret,
        recipients: case.recipients,
    }
}

#[test]
fn m_t7_the_next_hop_s_own_code_stands_with_what_was_passed_on() {
    for (reply, status) in [
        ("250 2.6.0 queued", "Status: 2.6.0"),
        ("250 ok", "Status: 2.0.0"),
        ("250 2.1.0.3 odd", "Status: 2.0.0"),
        ("250 4.2.0 odd", "Status: 2.0.0"),
        ("", "Status: 2.0.0"),
    ] {
        let rcpt = rcpt("there@third.example", Subject::Relayed, Outcome::Done { reply: reply.into() });
        let mail = Case { recipients: vec![(Subject::Relayed, rcpt)], ..Case::mixed() }.write();
        assert!(mail.contains(&format!("Action: relayed\r\n{status}\r\n")), "{reply}: {mail}");
    }
}

#[test]
fn m_r8_without_a_known_language_all_four_speak() {
    let german = Case { language: Some(Language::De), ..Case::of(Subject::Failed) }.write();
    let all = Case { language: None, ..Case::of(Subject::Failed) }.write();
    assert!(german.contains("konnte nicht") || german.contains("nicht zugestellt"), "{german}");
    assert!(all.len() > german.len() * 2);
}
