//! Bounces and notices of delay.

use message::Message;
use model::Budget;

use super::*;
use crate::kit_tests;

fn text(data: &[u8]) -> String {
    String::from_utf8(data.to_vec()).unwrap()
}

#[tokio::test]
async fn m_t7_a_permanent_failure_is_reported_once_with_the_null_sender() {
    let world = World::new().await;
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    let queue = world.open();
    let mut out = output(&["b@partner.example", "gone@partner.example", "quiet@partner.example"], body("x"));
    out.recipients[2].notify = Some(model::Notify::NEVER);
    out.recipients[1].original = Some("rfc822;gone@partner.example".to_owned());
    out.envelope_id = Some("QQ1".to_owned());
    world.hop.refuse("quiet@partner.example", "550 5.1.1 no such user");
    queue.commit(plan(vec![out])).await.unwrap();
    until(|| is_empty(&queue)).await;
    let taken = world.hop.taken();
    let report = taken.iter().find(|mail| mail.from.is_empty()).expect("a report with the null sender");
    assert_eq!((taken.len(), report.to.as_slice()), (2, ["a@company.example".to_owned()].as_slice()));
    let mail = Message::parse(report.data.clone().into(), &Budget::default()).unwrap();
    assert_eq!(mail.decoded("auto-submitted").as_deref(), Some("auto-replied"));
    assert_eq!(mail.decoded("from").as_deref(), Some("<postmaster@company.example>"));
    let types: Vec<String> = mail.parts().map(|part| part.content_type.to_string()).collect();
    assert_eq!(types[..3], ["multipart/report", "text/plain", "message/delivery-status"]);
    let status = text(mail.part("1.2").unwrap().body(&mail));
    for line in [
        "Reporting-MTA: dns; gate.company.example",
        "Original-Envelope-Id: QQ1",
        "Original-Recipient: rfc822;gone@partner.example",
        "Final-Recipient: rfc822; gone@partner.example",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user",
    ] {
        assert!(status.contains(line), "{line} is missing in\n{status}");
    }
    assert!(!status.contains("quiet@"), "NOTIFY=NEVER (RFC 3461 §4.1)");
    queue.stop().await;
}

#[tokio::test]
async fn x_3_of_a_mail_that_we_opened_only_the_header_goes_back() {
    for opened in [true, false] {
        let world = World::new().await;
        world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
        let queue = world.open();
        let content = Bytes::from_static(b"Subject: s\r\n\r\nsecret\r\n");
        let header = Bytes::from_static(b"Subject: s\r\n");
        queue.commit(plan(vec![Output { opened, header, ..output(&["gone@partner.example"], content) }])).await.unwrap();
        until(|| is_empty(&queue)).await;
        let report = text(&world.hop.taken()[0].data);
        assert_eq!(report.contains("secret"), !opened);
        assert!(report.contains("Subject: s"));
        queue.stop().await;
    }
}

/// What became of a stranger's encrypted mail to Bob, as it goes into the queue.
async fn decided(entity: &[u8]) -> Plan {
    let work = kit_tests::work(kit_tests::STRANGER, "paul@partner.example", &["bob@company.example"]);
    let mail = kit_tests::state(&work, "From: <paul@partner.example>\r\nSubject: x\r\n", entity);
    let rules = kit_tests::rule_set("if (decrypt_smime()) { tag_subject('[secure]'); } deliver();");
    let decision = crate::decide::decide(&work, rules, mail).await.unwrap();
    crate::assemble::plan(&work, decision, "gate.company.example", &crate::limits::Notices::default(), String::new()).unwrap().plan.unwrap()
}

/// A report without what names it.
fn anonymous(report: &hop::Taken) -> String {
    text(&report.data).lines().filter(|line| !line.starts_with("Message-ID: ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn x_3_reports_on_mail_that_opens_and_on_mail_that_does_not_are_alike() {
    let sealed = kit_tests::world().sealed(kit_tests::PLAIN, &["bob@company.example"]);
    for refusal in ["550 5.1.1 no such user", "451 4.3.0 later"] {
        let mut reports = Vec::new();
        for (entity, words) in [(sealed.clone(), "of the content"), (kit_tests::forged_for_bob(&sealed), "it is closed")] {
            let world = World::new().await;
            world.hop.refuse("bob@company.example", &format!("{refusal}: {words}"));
            let queue = world.open();
            let mut plan = decided(&entity).await;
            for rcpt in plan.outputs.iter_mut().flat_map(|out| &mut out.recipients) {
                // Of a stranger whose SPF passes: others hear of failures only.
                rcpt.notify = None;
            }
            let opened = !plan.outputs[0].content.ends_with(&entity[entity.len() - 100..]);
            queue.commit(plan).await.unwrap();
            if refusal.starts_with('4') {
                until(|| queue.list(None, 1, &QueueFilter::default()).iter().any(|mail| mail.tries == 1 && mail.next_try.is_some())).await;
                world.later(&queue, Duration::from_secs(4 * 3_600));
            }
            until(|| !world.hop.taken().is_empty()).await;
            reports.push((opened, anonymous(&world.hop.taken()[0])));
            queue.stop().await;
        }
        let [(first, opens), (second, fails)] = reports.as_slice() else { panic!("two reports") };
        assert!(*first && !*second, "one was opened, the other not");
        assert_eq!(opens, fails);
        assert!(opens.contains("\nSubject: x\n") && !opens.contains("X-Sealgate") && !opens.contains("secure"), "{opens}");
    }
}

#[tokio::test]
async fn x_3_the_next_hop_reports_no_success_of_what_a_key_was_used_on() {
    for opened in [true, false] {
        let world = World::new().await;
        world.hop.offer_dsn();
        let queue = world.open();
        let asked = Output { opened, ret: Some(model::Return::Full), ..with_notify(&[("asked@partner.example", Some(SUCCESS))]) };
        queue.commit(plan(vec![asked])).await.unwrap();
        until(|| is_empty(&queue)).await;
        let taken = world.hop.taken();
        let (ret, notify) = if opened { ("RET=HDRS", "NOTIFY=FAILURE") } else { ("RET=FULL", "NOTIFY=SUCCESS,FAILURE") };
        assert!(taken[0].envelope[0].ends_with(ret) && taken[0].envelope[1].ends_with(notify), "{:?}", taken[0].envelope);
        let own: Vec<String> = taken.iter().filter(|mail| mail.from.is_empty()).map(status_of).collect();
        assert_eq!(own.iter().filter(|report| report.contains("Action: relayed")).count(), usize::from(opened), "we say so ourselves");
        queue.stop().await;
    }
}

#[tokio::test]
async fn x_12_reports_to_senders_that_nothing_proves_are_limited() {
    let world = World::new().await;
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    let notices = crate::limits::NoticeSettings { most: 2, ..crate::limits::NoticeSettings::default() };
    let queue = world.open_with(Settings { notices, ..World::settings() });
    queue.run();
    for unproven in [true, false] {
        for _ in 0..5 {
            queue.commit(plan(vec![Output { unproven, ..output(&["gone@partner.example"], body("x")) }])).await.unwrap();
        }
        until(|| is_empty(&queue)).await;
        let reports = world.hop.taken().len();
        assert_eq!(reports, if unproven { 2 } else { 2 + 5 }, "whom we know hears of each mail");
    }
    assert!(!queue.notices().take(&address("a@company.example").key(), NOW), "one count for the gate and the queue");
    queue.stop().await;
}

#[tokio::test]
async fn x_12_no_bounce_to_a_bounce() {
    let world = World::new().await;
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    world.hop.refuse("postmaster@company.example", "550 5.1.1 no such user");
    let queue = world.open();
    queue.commit(plan(vec![Output { sender: None, ..output(&["gone@partner.example"], body("a bounce")) }])).await.unwrap();
    until(|| is_empty(&queue)).await;
    assert!(world.hop.taken().is_empty(), "the postmaster's own failure ends it");
    world.hop.take_all();
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    queue.commit(plan(vec![Output { sender: None, ..output(&["gone@partner.example"], body("a bounce")) }])).await.unwrap();
    until(|| is_empty(&queue)).await;
    let taken = world.hop.taken();
    assert_eq!((taken.len(), taken[0].to.join(" ").as_str()), (1, "postmaster@company.example"), "double bounce (M-T10)");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_late_mail_is_announced_after_4_hours_and_given_up_after_5_days() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = plan(vec![output(&["late@partner.example"], body("x"))]);
    queue.commit(mail.clone()).await.unwrap();
    let mut tries = 0;
    let mut notices = Vec::new();
    while queue.show(mail.trace).is_some() {
        tries += 1;
        until(|| queue.show(mail.trace).is_none_or(|mail| mail.row.tries == tries && mail.row.next_try.is_some())).await;
        until(|| queue.counts().mails <= 1).await;
        let age = model::Clock::now(&*world.clock).since(NOW);
        notices.resize(world.hop.taken().len(), age);
        let Some(row) = queue.show(mail.trace) else { break };
        let next = row.row.next_try.unwrap();
        let wait = (1..=16_200).find(|s| model::Clock::now(&*world.clock).after(Duration::from_secs(*s)).rfc3339() == next).unwrap();
        world.later(&queue, Duration::from_secs(wait));
    }
    until(|| is_empty(&queue)).await;
    let reports: Vec<String> = world.hop.taken().iter().map(|mail| text(&mail.data)).collect();
    assert_eq!(reports.len(), 2, "one notice, one bounce");
    assert!(reports[0].contains("Action: delayed") && reports[0].contains("Will-Retry-Until: "), "{}", reports[0]);
    assert!(reports[1].contains("Action: failed") && reports[1].contains("Status: 5.4.7"), "{}", reports[1]);
    assert_eq!(notices[0], Duration::from_secs(4 * 3600));
    assert_eq!(model::Clock::now(&*world.clock).since(NOW), Duration::from_secs(5 * 86_400));
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_report_is_not_repeated_after_a_crash_between_it_and_the_mark() {
    let world = World::new().await;
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    // The report's own way is closed: it stays in the queue, and so do both records.
    world.hop.refuse("a@company.example", "451 4.3.0 later");
    let lazy = segments::Settings { lazy_after: Duration::from_secs(600), ..World::settings().segments };
    let queue = world.open_with(Settings { segments: lazy, ..World::settings() });
    queue.run();
    let mail = plan(vec![output(&["gone@partner.example"], body("x"))]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| {
        queue.show(mail.trace).is_none() && queue.list(None, 9, &QueueFilter::default()).first().is_some_and(|report| report.tries == 1)
    })
    .await;
    drop(queue);
    // The release of the mail was never written: only the report itself says that it was made.
    let world = world.after_kill();
    world.hop.take_all();
    let queue = world.open();
    assert_eq!(queue.show(mail.trace), None);
    until(|| is_empty(&queue)).await;
    assert_eq!(world.hop.taken().len(), 1, "one report");
    queue.stop().await;
}

/// The status part of a report.
fn status_of(report: &hop::Taken) -> String {
    let mail = Message::parse(report.data.clone().into(), &Budget::default()).unwrap();
    text(mail.part("1.2").unwrap().body(&mail))
}

fn with_notify(to: &[(&str, Option<model::Notify>)]) -> Output {
    let mut out = output(&to.iter().map(|(to, _)| *to).collect::<Vec<_>>(), body("x"));
    out.recipients.iter_mut().zip(to).for_each(|(rcpt, (_, notify))| rcpt.notify = *notify);
    out
}

const SUCCESS: model::Notify = model::Notify { success: true, failure: true, delay: false };

#[tokio::test]
async fn m_t7_success_is_told_to_who_asked_for_it_and_nobody_else() {
    let world = World::new().await;
    let queue = world.open();
    let asked = with_notify(&[
        ("asked@partner.example", Some(SUCCESS)),
        ("b@partner.example", None),
        ("n@partner.example", Some(model::Notify::NEVER)),
    ]);
    let nobody = Output { sender: None, ..with_notify(&[("asked@partner.example", Some(SUCCESS))]) };
    queue.commit(plan(vec![asked, nobody])).await.unwrap();
    until(|| is_empty(&queue)).await;
    let reports: Vec<hop::Taken> = world.hop.taken().into_iter().filter(|mail| mail.to == ["a@company.example"]).collect();
    assert_eq!((reports.len(), reports[0].from.as_str()), (1, ""), "a mail without a sender is not reported on");
    let status = status_of(&reports[0]);
    assert!(status.contains("Final-Recipient: rfc822; asked@partner.example\r\nAction: relayed\r\nStatus: 2.0.0"), "{status}");
    assert_eq!(status.matches("Final-Recipient").count(), 1, "{status}");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_mixed_outcomes_are_one_report_and_what_comes_later_is_another() {
    let world = World::new().await;
    world.hop.refuse("gone@partner.example", "550 5.1.1 no such user");
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let out =
        with_notify(&[("there@partner.example", Some(SUCCESS)), ("late@partner.example", Some(SUCCESS)), ("gone@partner.example", None)]);
    let mail = plan(vec![out]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.counts().mails == 1 && queue.list(None, 1, &QueueFilter::default())[0].to == ["late@partner.example"]).await;
    world.hop.take_all();
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    let reports: Vec<String> = world.hop.taken().iter().filter(|mail| mail.from.is_empty()).map(status_of).collect();
    let told: Vec<Vec<&str>> =
        reports.iter().map(|report| report.lines().filter_map(|line| line.strip_prefix("Action: ")).collect()).collect();
    assert_eq!(told, [vec!["relayed", "failed"], vec!["relayed"]]);
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_delay_is_told_only_if_it_is_wanted() {
    let world = World::new().await;
    world.hop.refuse("late@partner.example", "451 4.3.0 later");
    world.hop.refuse("quiet@partner.example", "451 4.3.0 later");
    let queue = world.open();
    let mail = plan(vec![with_notify(&[("late@partner.example", None), ("quiet@partner.example", Some(SUCCESS))])]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.tries == 1 && mail.row.next_try.is_some())).await;
    world.later(&queue, Duration::from_secs(4 * 3600));
    until(|| world.hop.taken().len() == 1).await;
    let status = status_of(&world.hop.taken()[0]);
    assert!(status.contains("late@partner.example") && !status.contains("quiet@"), "{status}");
    queue.stop().await;
}

#[tokio::test]
async fn m_t7_a_success_report_that_could_not_be_written_is_written_later_and_the_mail_is_not_sent_again() {
    let world = World::new().await;
    let queue = world.open();
    world.hop.hang(true);
    let mail = plan(vec![with_notify(&[("asked@partner.example", Some(SUCCESS))])]);
    queue.commit(mail.clone()).await.unwrap();
    until(|| world.hop.taken().len() == 1).await;
    world.disk.fail_from_now(std::io::ErrorKind::StorageFull, 1);
    world.hop.hang(false);
    until(|| queue.show(mail.trace).is_some_and(|mail| mail.row.next_try.is_some())).await;
    assert_eq!(queue.show(mail.trace).unwrap().recipients[0].state, "delivered");
    queue.core.segments.flush().await.unwrap();
    drop(queue);
    let world = world.after_kill();
    let queue = world.open();
    world.later(&queue, Duration::from_secs(300));
    until(|| is_empty(&queue)).await;
    let taken = world.hop.taken();
    assert_eq!(taken.len(), 2, "the mail once, the report once");
    assert!(status_of(&taken[1]).contains("Action: relayed"));
    queue.stop().await;
}
