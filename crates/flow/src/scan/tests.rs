//! Tests of [`super`] and of the commands over it, with a clamd and an rspamd of a few lines that answer as told: faults that
//! real ones can't be made to show. Stories with the real ones are in `tests/`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use message::Message;
use model::site::Section;
use model::{Budget, Limits, Plan, SiteRow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::decide::{Decision, decide};
use crate::kit_tests::{OURS, STRANGER, rule_set, state, work, world};
use crate::limits::Notices;
use crate::state::{MailState, Work};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@company.example";
const CAROL: &str = "carol@company.example";
const PAUL: &str = "paul@partner.example";
const PLAIN: &[u8] = b"Content-Type: text/plain\r\n\r\nhello\r\n";
const EVIL: &[u8] = b"Content-Type: text/plain\r\n\r\nEVIL bytes\r\n";

/// A clamd that finds `EVIL`; answers a scan only when `gate` lets it.
struct Fake {
    place: String,
    scans: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

async fn clamd(open: bool) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let (scans, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(if open { 1_000 } else { 0 })));
    let (counted, waits) = (scans.clone(), gate.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (counted, waits) = (counted.clone(), waits.clone());
            tokio::spawn(async move {
                let mut command = Vec::new();
                while !command.ends_with(b"\0") {
                    command.push(stream.read_u8().await.unwrap());
                }
                if command == b"zPING\0" {
                    stream.write_all(b"PONG\0").await.unwrap();
                    return;
                }
                let mut content = Vec::new();
                loop {
                    let length = stream.read_u32().await.unwrap() as usize;
                    if length == 0 {
                        break;
                    }
                    let mut chunk = vec![0; length];
                    stream.read_exact(&mut chunk).await.unwrap();
                    content.extend(chunk);
                }
                counted.fetch_add(1, Ordering::SeqCst);
                waits.acquire().await.unwrap().forget();
                let answer: &[u8] =
                    if memchr::memmem::find(&content, b"EVIL").is_some() { b"stream: Evil.Test FOUND\0" } else { b"stream: OK\0" };
                let _ = stream.write_all(answer).await;
            });
        }
    });
    Fake { place, scans, gate }
}

/// An rspamd that gives every mail this score.
async fn rspamd(score: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 << 10];
            let _ = stream.read(&mut request).await;
            let body = format!("{{\"score\":{score},\"action\":\"test\"}}");
            let answer = format!("HTTP/1.1 200 OK\r\nServer: rspamd/test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    place
}

fn scanning(client: &str, from: &str, to: &[&str], protection: serde_json::Value) -> Work {
    let mut work = work(client, from, to);
    let mut site = world().site.clone();
    site.apply(&SiteRow { section: Section::Protection, key: String::new(), version: 1, body: protection.to_string() }).unwrap();
    work.site = Arc::new(site);
    work
}

async fn run(work: &Work, rules: &str, entity: &[u8]) -> Result<Decision, model::Fault> {
    decide(work, rule_set(rules), state(work, "Subject: Hi\r\n", entity)).await
}

fn word(decision: &Decision) -> &str {
    decision.ends[0].1.scanned.as_deref().unwrap_or_default()
}

fn only(decision: &Decision) -> &MailState {
    &decision.ends[0].1
}

/// What the client is told, and what leaves.
fn planned(work: &Work, decision: Decision) -> (String, Option<Plan>) {
    let made = crate::assemble::plan(work, decision, "gate.company.example", &Notices::default(), String::new()).unwrap();
    (made.reply.to_string(), made.plan)
}

/// An entity inside an opaque signature.
fn opaque(entity: &[u8]) -> Vec<u8> {
    use openssl::cms::{CMSOptions, CmsContentInfo};
    let made = &world().people[PAUL];
    let certificate = openssl::x509::X509::from_der(made.certificate.der()).unwrap();
    let key = openssl::pkey::PKey::private_key_from_pkcs8(made.private_pkcs8.expose()).unwrap();
    let signed = CmsContentInfo::sign(Some(&certificate), Some(&key), None, Some(entity), CMSOptions::BINARY).unwrap();
    let text = data_encoding::BASE64.encode(&signed.to_der().unwrap());
    let lines: Vec<&str> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let head = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    format!("{head}{}\r\n", lines.join("\r\n")).into_bytes()
}

/// A port at which nobody listens.
fn nobody() -> String {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    place.local_addr().unwrap().to_string()
}

const DROP: &str = "if (vscan('info')) { drop(550, '5.7.1 virus $vscanresult'); } deliver();";

#[tokio::test]
async fn m_p4_infected_mail_is_refused_and_clean_mail_passes() {
    let fake = clamd(true).await;
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    let clean = run(&work, DROP, PLAIN).await.unwrap();
    assert_eq!(word(&clean), "clean");
    let delivered = planned(&work, clean).1.unwrap();
    assert!(String::from_utf8_lossy(&delivered.outputs[0].content).contains("\r\nX-Sealgate-Scan: clean\r\n"));
    let base64 = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nRVZJTA==\r\n";
    for entity in [EVIL, base64] {
        let found = run(&work, DROP, entity).await.unwrap();
        assert_eq!(word(&found), "Evil.Test");
        assert_eq!(planned(&work, found).0, "550 5.7.1 virus Evil.Test");
    }
}

#[tokio::test]
async fn m_p9_each_content_is_scanned_once_for_all_groups() {
    let fake = clamd(true).await;
    let work = scanning(STRANGER, PAUL, &[BOB, CAROL, ALICE], serde_json::json!({"clamd": fake.place}));
    let rules =
        "if (rmatchsplit('^bob')) { log(1, 'x'); } if (rmatchsplit('^carol')) { log(1, 'y'); } vscan('info'); vscan('info'); deliver();";
    let decision = run(&work, rules, PLAIN).await.unwrap();
    assert_eq!(decision.ends.len(), 3);
    assert_eq!(fake.scans.load(Ordering::SeqCst), 2, "the whole, and its one part");
    assert!(decision.ends.iter().all(|(_, state)| state.scanned.as_deref() == Some("clean")));
}

#[tokio::test]
async fn x_23_a_scanner_that_is_away_delays_the_mail_unless_the_administrator_chose_otherwise() {
    let away = nobody();
    for (client, from) in [(STRANGER, PAUL), (OURS, ALICE)] {
        let work = scanning(client, from, &[BOB], serde_json::json!({"clamd": away}));
        let fault = run(&work, DROP, PLAIN).await.unwrap_err();
        assert_eq!((fault.code, fault.temporary), ("scanner-down", true));
        let work = scanning(client, from, &[BOB], serde_json::json!({"clamd": away, "scanner_down": "pass"}));
        let passed = run(&work, DROP, PLAIN).await.unwrap();
        assert_eq!(word(&passed), "unscanned");
        let content = planned(&work, passed).1.unwrap().outputs[0].content.clone();
        assert!(String::from_utf8_lossy(&content).contains("X-Sealgate-Scan: unscanned\r\n"), "m_p7: marked");
    }
    let none = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"scanner_down": "pass"}));
    assert_eq!(run(&none, DROP, PLAIN).await.unwrap_err().code, "scanner-missing", "none is set: nobody chose that");
}

#[tokio::test]
async fn m_p7_a_slow_scanner_is_answered_in_time_and_serves_the_retry() {
    let fake = clamd(false).await;
    let mut work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    work.budget = Budget::new(Limits { time: Duration::from_millis(600), ..Limits::default() });
    assert_eq!(run(&work, DROP, PLAIN).await.unwrap_err().code, "mail-took-too-long");
    let free = work.memory.free();
    assert!(free < crate::kit_tests::MEMORY, "what the scan holds is counted");
    fake.gate.add_permits(1_000);
    work.budget = Budget::default();
    assert_eq!(word(&run(&work, DROP, PLAIN).await.unwrap()), "clean");
    assert_eq!(fake.scans.load(Ordering::SeqCst), 2, "the retry found the answer");
    assert_eq!(work.memory.free(), crate::kit_tests::MEMORY, "and it is given back");
}

#[tokio::test]
async fn x_5_encrypted_mail_is_scanned_after_opening() {
    let fake = clamd(true).await;
    let rules = "decrypt_smime(); if (vscan('info')) { drop(550, '5.7.1 virus'); } deliver();";
    let sealed = world().sealed(EVIL, &[BOB]);
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    let found = run(&work, rules, &sealed).await.unwrap();
    assert_eq!(word(&found), "Evil.Test");
    let (reply, plan) = planned(&work, found);
    assert!(reply.starts_with("250") && plan.is_none_or(|plan| plan.outputs.is_empty()), "discarded; x_3: {reply}");
    // What stays closed says so.
    let closed = scanning(STRANGER, PAUL, &[CAROL], serde_json::json!({"clamd": fake.place}));
    assert_eq!(word(&run(&closed, rules, &sealed).await.unwrap()), "unscanned");
    let zip =
        b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBBQAAQAAAAAAAAAAAAAAAQAAAAEAAAABAAAAYXhQSwECFAAUAAEAAAAAAAAAAAAAAAEAAAABAAAAAQAAAAAAAAAAAAAAAAAAAAAAYVBLBQYAAAAAAQABAC8AAAAgAAAAAAA=\r\n";
    let refuse = "vscan('info'); if (compareattr('vscanresult', 'equal', 'unscanned')) { drop(550, '5.7.1 closed'); } deliver();";
    let decision = run(&closed, refuse, zip).await.unwrap();
    assert_eq!(planned(&closed, decision).0, "550 5.7.1 closed", "an archive with a password");
}

#[tokio::test]
async fn x_5_the_content_of_an_opaque_signature_is_scanned() {
    let fake = clamd(true).await;
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    let inner = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nRVZJTA==\r\n";
    let signed = opaque(inner);
    assert_eq!(word(&run(&work, DROP, &signed).await.unwrap()), "Evil.Test");
}

#[tokio::test]
async fn x_23_nothing_that_was_opened_leaves_unscanned() {
    let rules = "decrypt_smime(); vscan('info'); tag_subject('[x]'); deliver();";
    let sealed = world().sealed(PLAIN, &[BOB]);
    // The scanner is away before any key is used: everybody gets the same temporary answer.
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": nobody()}));
    assert_eq!(run(&work, rules, &sealed).await.unwrap_err().code, "scanner-down");
    // It is there, and never answers: that may not show, so the mail goes on as it came.
    let fake = clamd(false).await;
    let mut work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    work.budget = Budget::new(Limits { time: Duration::from_millis(900), ..Limits::default() });
    let decision = run(&work, rules, &sealed).await.unwrap();
    let mail = only(&decision);
    assert_eq!((mail.scanned.as_deref(), mail.judgement.encryption.word(), mail.opened), (Some("unscanned"), "failed", false));
    assert_eq!(mail.message.decoded("subject").as_deref(), Some("Hi [x]"), "the rules go on");
    let (reply, plan) = planned(&work, decision);
    let content = plan.unwrap().outputs[0].content.clone();
    assert!(reply.starts_with("250") && content.ends_with(&sealed[sealed.len() - 100..]), "closed, as it came");
    assert!(memchr::memmem::find(&content, b"hello").is_none());
}

#[tokio::test]
async fn m_p4_delete_puts_a_notice_in_the_place_of_the_virus() {
    let fake = clamd(true).await;
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    let mixed =
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nread me\r\n--b\r\n\
        Content-Type: application/octet-stream; name=\"tool.exe\"\r\nContent-Transfer-Encoding: base64\r\n\r\nRVZJTA==\r\n--b--\r\n";
    for rules in ["if (vscan('delete')) { deliver(); } drop();", "if (vscan('clean')) { deliver(); } drop();"] {
        let decision = run(&work, rules, mixed).await.unwrap();
        let text = String::from_utf8_lossy(only(&decision).message.bytes()).into_owned();
        assert!(text.contains("read me") && !text.contains("RVZJTA=="), "{text}");
        let part = Message::parse(only(&decision).message.bytes().clone(), &Budget::default()).unwrap();
        let notice = part.part("1.2").unwrap().text(&part, &Budget::default()).unwrap();
        assert!(
            notice.starts_with("A virus (Evil.Test) was found in the attachment \"tool.exe\""),
            "in the recipients' language: {notice}"
        );
        assert!(!notice.contains("Virus gefunden"), "and in no other");
        assert_eq!(word(&decision), "Evil.Test");
    }
    let whole = run(&work, "vscan('delete'); deliver();", EVIL).await.unwrap();
    let text = String::from_utf8_lossy(only(&whole).message.bytes()).into_owned();
    assert!(text.contains("A virus was found") && !text.contains("EVIL") && text.contains("Subject: Hi"), "{text}");
}

#[tokio::test]
async fn m_p5_the_score_tags_and_refuses() {
    let rules = "if (isspam(6, '[SPAM]', 15)) { drop(550, '5.7.1 spam'); } deliver();";
    for (score, subject, dropped) in
        [("5.99", "Hi", false), ("6", "Hi [SPAM]", false), ("14.9", "Hi [SPAM]", false), ("15", "Hi [SPAM]", true)]
    {
        let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"rspamd": rspamd(score).await}));
        let decision = run(&work, rules, PLAIN).await.unwrap();
        assert_eq!(only(&decision).message.decoded("subject").as_deref(), Some(subject), "{score}");
        assert_eq!(planned(&work, decision).0.starts_with("550"), dropped, "{score}");
    }
    let away = format!("http://{}", nobody());
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"rspamd": away}));
    assert_eq!(run(&work, rules, PLAIN).await.unwrap_err().code, "scanner-down");
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"rspamd": away, "scanner_down": "pass"}));
    assert!(matches!(run(&work, rules, PLAIN).await.unwrap().ends[0].0.end, rules::End::Deliver { .. }));
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"rspamd": rspamd("null").await}));
    assert_eq!(run(&work, rules, PLAIN).await.unwrap_err().code, "scanner-down", "x_23: no score is no score of 0");
}

#[tokio::test]
async fn m_p9_an_archive_is_left_alone_where_the_rule_says_so() {
    let fake = clamd(true).await;
    let work = scanning(STRANGER, PAUL, &[BOB], serde_json::json!({"clamd": fake.place}));
    let zip = b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBBQAAAAIAEVWSUw=\r\n";
    assert_eq!(word(&run(&work, "vscan('info'); deliver();", zip).await.unwrap()), "Evil.Test");
    assert_eq!(word(&run(&work, "vscan('info', 'no'); deliver();", zip).await.unwrap()), "clean");
    assert_eq!(word(&run(&work, "vscan('info', 'no'); deliver();", EVIL).await.unwrap()), "Evil.Test");
}
