//! Plans: own header fields, effects, notices, archive copies, and their limits.

use std::time::Duration;

use mailauth::Verdict;

use super::*;
use crate::decide;
use crate::kit_tests::{NOW, OURS, PLAIN, STRANGER, rule_set, state, work, world};
use crate::limits::NoticeSettings;

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const PAUL: &str = "paul@partner.example";

async fn run_with(notices: &Notices, (client, from, to): (&str, &str, &[&str]), rules: &str, entity: &[u8]) -> (Option<Plan>, Reply) {
    let work = work(client, from, to);
    let mail = state(&work, &format!("From: <{from}>\r\nSubject: x\r\n"), entity);
    let decision = decide::decide(&work, rule_set(rules), mail).await.unwrap();
    let made = plan(&work, decision, "gate.company.example", notices, "digest".into()).unwrap();
    let own = |output: &Output| output.sender.is_none() && has(output, "From: <postmaster@company.example>");
    let outputs = made.plan.iter().flat_map(|plan| &plan.outputs).enumerate();
    let ours: Vec<usize> = outputs.filter(|(_, output)| own(output)).map(|(place, _)| place).collect();
    assert_eq!(made.own, ours, "what we have written ourselves is known");
    (made.plan, made.reply)
}

async fn run(case: (&str, &str, &[&str]), rules: &str, entity: &[u8]) -> (Option<Plan>, Reply) {
    run_with(&Notices::default(), case, rules, entity).await
}

fn has(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.content).contains(text)
}

fn receivers(outputs: &[Output]) -> Vec<&str> {
    outputs.iter().flat_map(|output| &output.recipients).map(|to| to.address.as_str()).collect()
}

#[tokio::test]
async fn m_r10_own_fields_stand_on_mail_to_managed_domains_only() {
    let (plan, reply) = run((OURS, ALICE, &[BOB, PAUL]), "deliver();", PLAIN).await;
    assert_eq!(reply.code(), 250);
    let outputs = plan.unwrap().outputs;
    assert_eq!(receivers(&outputs), [BOB, PAUL], "one form for each side");
    for field in ["X-Sealgate-Trace: ", "X-Sealgate-Signature: none", "X-Sealgate-Encryption: none"] {
        assert!(has(&outputs[0], field) && !has(&outputs[1], "X-Sealgate"), "{field}");
    }
    assert!(
        outputs
            .iter()
            .all(|output| has(output, "Received: from client.example ([192.0.2.1])\r\n") || has(output, "Received: from client.example"))
    );
    assert!(outputs[0].content.starts_with(b"X-Sealgate-Trace: "), "above all others");
}

#[tokio::test]
async fn effects_are_counted_once_a_message() {
    let signed = crypto::smime::sign(
        PLAIN,
        &crypto::smime::SigningIdentity { key: world().certificate(PAUL).key_id().clone(), chain: vec![world().certificate(PAUL)] },
        &world().ring(),
        model::TraceId::new(),
        NOW,
    )
    .unwrap();
    let rules =
        "if (rmatchsplit('alice')) { log(1, 'a'); } createaccount(); validate_smime_sig(); archive('archive@company.example'); deliver();";
    let (plan, _) = run((OURS, ALICE, &[ALICE, BOB, PAUL]), rules, &signed).await;
    let plan = plan.unwrap();
    let counted: Vec<Counter> =
        plan.effects.iter().filter_map(|e| if let Effect::Count { counter, .. } = e { Some(*counter) } else { None }).collect();
    let mut once = counted.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!((counted.len(), counted.contains(&Counter::SmimeNotValid)), (once.len(), true), "{counted:?}");
    assert_eq!(plan.effects.iter().filter(|e| matches!(e, Effect::CreateAccount { .. })).count(), 1);
    assert_eq!(plan.outputs.iter().filter(|output| has(output, "X-Sealgate-Envelope: ")).count(), 1, "one archive copy for two groups");
}

#[tokio::test]
async fn x_12_a_known_sender_is_told_whom_a_rule_dropped() {
    let rules = "if (rmatchsplit('paul')) { drop(550, 'no'); } deliver();";
    let (plan, reply) = run((OURS, ALICE, &[BOB, PAUL]), rules, PLAIN).await;
    let outputs = plan.unwrap().outputs;
    assert_eq!((reply.code(), receivers(&outputs)), (250, vec![BOB, ALICE]));
    assert!(outputs[1].sender.is_none() && has(&outputs[1], PAUL) && has(&outputs[1], "Auto-Submitted: "));
    let (plan, _) =
        run((STRANGER, "eve@elsewhere.example", &[BOB, ALICE]), "if (rmatchsplit('bob')) { drop(550, 'no'); } deliver();", PLAIN).await;
    assert_eq!(receivers(&plan.unwrap().outputs), [ALICE], "a stranger is told nothing");
}

#[tokio::test]
async fn x_13_an_archive_stays_in_the_house() {
    let work = work(OURS, ALICE, &[PAUL]);
    let mail = state(&work, "Subject: x\r\n", PLAIN);
    let fault = decide::decide(&work, rule_set("archive('archive@elsewhere.example'); deliver();"), mail).await.unwrap_err();
    assert_eq!((fault.code, fault.temporary, fault.guilty), ("archive-unprotected", true, model::Guilty::Configuration));
    for language in model::Language::ALL {
        assert!(!texts::fault(language, &fault).contains("archive-unprotected"), "{language:?} has words for it");
    }
}

#[tokio::test]
async fn m_r7_what_bounces_is_not_archived() {
    let rules = "archive('archive@company.example'); if (rmatchsplit('paul')) { bounce('bounce_noenc'); } deliver();";
    let (plan, _) = run((OURS, ALICE, &[PAUL]), rules, PLAIN).await;
    assert_eq!(receivers(&plan.unwrap().outputs), [ALICE], "the bounce alone");
    let (plan, _) = run((OURS, ALICE, &[PAUL, BOB]), rules, PLAIN).await;
    let plan = plan.unwrap();
    let mut to = receivers(&plan.outputs);
    to.sort_unstable();
    assert_eq!(to, [ALICE, "archive@company.example", BOB], "what is delivered is archived");
}

#[tokio::test]
async fn x_12_bounces_and_notices_are_limited_per_receiver() {
    let notices = Notices::new(NoticeSettings { most: 2, per: Duration::from_secs(3_600), receivers: 10 });
    let bounce = "bounce('bounce_noenc');";
    for expected in [250, 250, 550] {
        let (plan, reply) = run_with(&notices, (OURS, ALICE, &[PAUL]), bounce, PLAIN).await;
        assert_eq!((reply.code(), plan.is_some()), (expected, expected == 250), "never silence for what does not leave");
    }
    let mixed = "if (rmatchsplit('paul')) { bounce('bounce_noenc'); } notify('sender', 'bounce_noenc'); archive('archive@company.example'); deliver();";
    let (plan, _) = run_with(&notices, (OURS, ALICE, &[PAUL, BOB]), mixed, PLAIN).await;
    let plan = plan.unwrap();
    let mut to = receivers(&plan.outputs);
    to.sort_unstable();
    assert_eq!(to, ["archive@company.example", BOB], "neither bounce nor notice; delivery and archive go on");
    let (plan, _) = run_with(&notices, (OURS, BOB, &[PAUL]), bounce, PLAIN).await;
    assert_eq!(receivers(&plan.unwrap().outputs), [BOB], "another receiver has a limit of his own");
}

#[tokio::test]
async fn x_3_bounces_and_notices_of_rules_show_the_header_as_it_came() {
    let sealed = world().sealed(PLAIN, &[BOB]);
    for rules in [
        "decrypt_smime(); tag_subject('[secure]'); bounce('bounce_noenc', 'true');",
        "decrypt_smime(); tag_subject('[secure]'); notify('sender', 'bounce_noenc', 'true'); deliver();",
    ] {
        let mut told = Vec::new();
        for entity in [sealed.clone(), crate::kit_tests::forged_for_bob(&sealed)] {
            let (plan, _) = run((OURS, ALICE, &[BOB]), rules, &entity).await;
            let outputs = plan.unwrap().outputs;
            let notice = outputs.iter().find(|output| output.sender.is_none()).unwrap();
            let text = String::from_utf8(notice.content.to_vec()).unwrap();
            told.push(text.lines().filter(|line| !line.starts_with("Message-ID: ")).collect::<Vec<_>>().join("\n"));
        }
        assert!(told[0].contains("\nSubject: x\n") && !told[0].contains("secure"), "{}", told[0]);
        assert_eq!(told[0], told[1], "{rules}");
    }
}

#[tokio::test]
async fn x_12_only_proven_senders_hear_of_success_and_delay() {
    let all = model::Notify { success: true, failure: true, delay: true };
    for (client, spf, proven) in
        [(OURS, None, true), (STRANGER, None, false), (STRANGER, Some(Verdict::SoftFail), false), (STRANGER, Some(Verdict::Pass), true)]
    {
        let mut work = work(client, ALICE, &[BOB]);
        work.envelope.recipients[0].notify = Some(all);
        let mail = state(&work, "Subject: x\r\n", PLAIN);
        if let Some(verdict) = spf {
            let spf = mailauth::spf::SpfResult { verdict, domain: String::new(), by_helo: false, explanation: None };
            let findings = mailauth::results::Findings { spf, ..mailauth::results::Findings::default() };
            work.checks =
                Some(std::sync::Arc::new(crate::origin_checks::Checks { findings, original: mail.message.clone(), was_signed: false }));
        }
        let decision = decide::decide(&work, rule_set("deliver();"), mail).await.unwrap();
        let plan = plan(&work, decision, "gate.company.example", &Notices::default(), "d".into()).unwrap().plan;
        let output = &plan.unwrap().outputs[0];
        let told = if proven { all } else { model::Notify::FAILURE };
        assert_eq!((output.unproven, output.recipients[0].notify), (!proven, Some(told)), "{client} {spf:?}");
    }
}

#[tokio::test]
async fn x_12_a_stranger_causes_no_bounce() {
    let rules = "if (rmatchsplit('bob')) { bounce('bounce_noenc'); } deliver();";
    let (plan, reply) = run((STRANGER, "victim@elsewhere.example", &[BOB, ALICE]), rules, PLAIN).await;
    assert_eq!((reply.code(), receivers(&plan.unwrap().outputs)), (250, vec![ALICE]));
    let (plan, reply) = run((STRANGER, "victim@elsewhere.example", &[BOB]), rules, PLAIN).await;
    assert_eq!((reply.code(), plan.is_none()), (550, true), "the client itself is told");
}

/// A key that is a hash.
struct Hash;

impl crate::reinject::MarkKey for Hash {
    fn mac(&self, octets: &[u8]) -> Option<Vec<u8>> {
        Some(openssl::sha::sha256(octets).to_vec())
    }

    fn fits(&self, octets: &[u8], mac: &[u8]) -> bool {
        self.mac(octets).is_some_and(|own| own == mac)
    }
}

async fn back(client: &str, head: &str) -> Result<(Option<Plan>, Reply), Fault> {
    let mut work = work(client, ALICE, &[BOB, PAUL]);
    work.marks = crate::reinject::Marks(std::sync::Arc::new(Hash));
    let mail = state(&work, &format!("From: <{ALICE}>\r\n{head}"), PLAIN);
    let decision = decide::decide(&work, rule_set("deliver('loop');"), mail).await?;
    plan(&work, decision, "gate.company.example", &Notices::default(), "digest".into()).map(|made| (made.plan, made.reply))
}

#[tokio::test]
async fn m_t8_processed_mail_goes_back_marked_and_comes_through_untouched() {
    let (plan, _) = back(OURS, "Message-ID: <1@company.example>\r\n").await.unwrap();
    let outputs = plan.unwrap().outputs;
    assert!(outputs.iter().all(|output| output.route == Route::Server { server: format!("[{OURS}]") }), "to the server it came from");
    assert!(outputs.iter().all(|output| has(output, "X-Sealgate-Reinjected: v1 ")), "so that it knows that it was here");
    let budget = model::Budget::default();
    let marked = Message::parse(outputs[1].content.clone(), &budget).unwrap();
    let mut work = work(OURS, ALICE, &[BOB, PAUL]);
    work.marks = crate::reinject::Marks(std::sync::Arc::new(Hash));
    let Origin::Smtp { peer } = work.origin.clone() else { panic!() };
    assert!(work.marks.is_ours(&work.site, &peer, &marked, work.envelope.sender.as_ref(), NOW));
    let clean = crate::authenticate::strip_own_marks(marked, &budget).unwrap();
    let passed = untouched(&work, clean.clone(), "gate.company.example", "d".into());
    assert_eq!((passed.outputs.len(), &passed.outputs[0].route, passed.outputs[0].recipients.len()), (1, &Route::Usual, 2));
    assert!(passed.outputs[0].content.ends_with(clean.bytes()) && !has(&passed.outputs[0], "X-Sealgate"), "but for our Received");
}

#[tokio::test]
async fn m_t8_a_stranger_s_mail_does_not_go_back_to_the_stranger() {
    let (plan, _) = back(STRANGER, "Message-ID: <1@company.example>\r\n").await.unwrap();
    for output in plan.unwrap().outputs {
        assert!(output.route == Route::Usual && !has(&output, "X-Sealgate-Reinjected"));
    }
}

#[tokio::test]
async fn m_t8_x_12_what_has_passed_too_often_and_what_can_t_be_marked_does_not_go_back() {
    let ours = "Received: from a by gate.company.example with ESMTP id x; Sat, 21 Nov 2026 21:44:34 +0000\r\n";
    let looping = back(OURS, &format!("{}Message-ID: <1@company.example>\r\n", ours.repeat(4))).await.unwrap_err();
    assert_eq!((looping.code, looping.temporary), ("mail-loop", false));
    assert!(back(OURS, &format!("{}Message-ID: <1@company.example>\r\n", ours.repeat(3))).await.is_ok());
    assert_eq!(back(OURS, "").await.unwrap_err().code, "reinject-unmarked");
}

#[tokio::test]
async fn m_t7_queueless_is_a_way_and_x_3_not_for_what_a_key_opened_for_a_stranger() {
    let (plan, _) = run((STRANGER, PAUL, &[BOB]), "deliver('QueueLess');", PLAIN).await;
    assert_eq!(plan.unwrap().outputs[0].route, Route::Queueless);
    let work = work(STRANGER, PAUL, &[BOB]);
    let mail = MailState { key_used: true, ..state(&work, "Subject: x\r\n", PLAIN) };
    let decision = decide::decide(&work, rule_set("deliver('queueless');"), mail).await.unwrap();
    let opened = super::plan(&work, decision, "gate.company.example", &Notices::default(), "d".into()).unwrap();
    assert_eq!(opened.plan.unwrap().outputs[0].route, Route::Usual);
}

#[tokio::test]
async fn m_r1_notices_are_sent_when_the_answer_is_final_and_not_with_a_4xx() {
    let rules = |code: u16| format!("notify('admin', 'bounce_noenc'); notify('sender', 'bounce_noenc'); drop({code}, 'no');");
    let (plan, reply) = run((OURS, ALICE, &[BOB]), &rules(550), PLAIN).await;
    let plan = plan.unwrap();
    assert_eq!((reply.code(), receivers(&plan.outputs)), (550, vec![ALICE, "postmaster@company.example"]));
    assert!(plan.digest.is_empty() && plan.effects.is_empty(), "a retry is no known mail");
    let (plan, reply) = run((OURS, ALICE, &[BOB]), &rules(451), PLAIN).await;
    assert_eq!((reply.code(), plan.is_none()), (451, true));
    let (plan, reply) = run((STRANGER, "eve@elsewhere.example", &[BOB]), &rules(550), PLAIN).await;
    assert_eq!((reply.code(), receivers(&plan.unwrap().outputs)), (550, vec!["postmaster@company.example"]), "X-12: no backscatter");
}

#[tokio::test]
async fn x_3_a_stranger_gets_no_notice_after_a_key_was_used() {
    let sealed = world().sealed(PLAIN, &[BOB]);
    let rules = "if (decrypt_smime()) { notify('sender', 'bounce_noenc'); notify('admin', 'bounce_noenc'); } deliver();";
    let (plan, _) = run((STRANGER, PAUL, &[BOB]), rules, &sealed).await;
    assert_eq!(receivers(&plan.unwrap().outputs), [BOB, "postmaster@company.example"]);
    let (plan, _) = run((OURS, ALICE, &[BOB]), rules, &sealed).await;
    assert!(receivers(&plan.unwrap().outputs).contains(&ALICE));
}

#[tokio::test]
async fn m_c10_the_company_signs_in_the_users_name() {
    let rules = format!("if (sign_smime('{BOB}', 'Company AG:', '(secured)')) {{ deliver(); }} drop(550);");
    let work = work(OURS, ALICE, &[PAUL]);
    let from = format!("From: =?utf-8?q?Alice_M=C3=BCller?= <{ALICE}>\r\nSubject: x\r\n");
    let signed = |header: String| {
        let (work, rules) = (&work, rule_set(&rules));
        async move { decide::decide(work, rules, state(work, &header, PLAIN)).await.unwrap().ends.remove(0).1 }
    };
    let mail = signed(from.clone()).await;
    let author = mail.message.mailboxes("from").remove(0);
    assert_eq!((author.address.as_str(), author.name.as_deref()), (BOB, Some("Company AG: Alice M\u{fc}ller (secured)")));
    assert_eq!(mail.message.mailboxes("reply-to").remove(0).address.as_str(), ALICE);
    assert!(mail.signed && mail.shape().is_signed() && mail.author.as_ref().unwrap().as_str() == ALICE);
    let finding = keyring::judge::verify(&mail.message, &mail.message, &work.site, NOW, &work.budget);
    assert_eq!(finding.signer.as_deref(), Some(BOB), "the technical address signed");
    let mail = signed(format!("{from}Reply-To: <desk@company.example>\r\n")).await;
    assert_eq!(mail.message.mailboxes("reply-to").remove(0).address.as_str(), "desk@company.example", "a Reply-To of the sender's stays");
    for (client, certificate, entity) in [
        (STRANGER, BOB, PLAIN.to_vec()),
        (OURS, "carol@company.example", PLAIN.to_vec()),
        (OURS, PAUL, PLAIN.to_vec()),
        (OURS, BOB, world().sealed(PLAIN, &[PAUL])),
    ] {
        let (_, reply) =
            run((client, ALICE, &[PAUL]), &format!("if (sign_smime('{certificate}')) {{ deliver(); }} drop(555);"), &entity).await;
        assert_eq!(reply.code(), 555, "{client} {certificate}");
    }
}

#[tokio::test]
async fn m_r7_an_archive_outside_needs_a_key_or_sure_tls() {
    let archived = |to: &str| format!("archive('{to}'); deliver();");
    let (plan, _) = run((OURS, ALICE, &[BOB]), &archived(PAUL), PLAIN).await;
    let outputs = plan.unwrap().outputs;
    let copy = outputs.iter().find(|output| receivers(std::slice::from_ref(output)) == [PAUL]).unwrap();
    assert!(has(copy, "application/pkcs7-mime") && has(copy, "X-Sealgate-Envelope: ") && !has(copy, "Good morning") && !copy.inside);
    let mut work = work(OURS, ALICE, &[BOB]);
    let in_clear = |work: &Work| {
        let (work, rules) = (work.clone(), rule_set(&archived("vault@elsewhere.example")));
        async move { decide::decide(&work, rules, state(&work, "Subject: x\r\n", PLAIN)).await.map(drop).map_err(|fault| fault.code) }
    };
    assert_eq!(in_clear(&work).await, Err("archive-unprotected"));
    let mut site = (*work.site).clone();
    let row = r#"{"domain":"elsewhere.example","level":"verify"}"#;
    site.apply(&model::SiteRow { section: model::site::Section::Tls, key: "elsewhere.example".into(), version: 1, body: row.into() })
        .unwrap();
    work.site = std::sync::Arc::new(site);
    assert_eq!(in_clear(&work).await, Ok(()));
}
