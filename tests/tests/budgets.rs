//! Story: what takes too long or comes too often. A mail is answered within its time, what was begun for it goes on, its retry is quick,
//! and small mail goes on beside it.

use std::net::Ipv4Addr;
use std::time::Duration;

use sealgate_tests::dying_hop::DyingHop;
use sealgate_tests::late_scanner::LateScanner;
use sealgate_tests::scene::{GATE, text};
use sealgate_tests::sink::Sink;
use sealgate_tests::smtp::{Client, first_line, stuffed};
use testkit::lying_dns::{Answer, LyingDns};
use testkit::net::isolated;
use testkit::{Gateway, wait};

const DNS: &str = "127.0.0.40:53";
const SCANNER: &str = "127.0.0.70:3310";
const STRANGER: &str = "127.0.0.20";
const ALICE: &str = "alice@company.example";

const NODE: &str = "roles = [\"mail\", \"console\"]\n[dns]\nservers = [\"127.0.0.40:53\"]\ntimeout = \"60s\"\n";

const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
relay_networks = ["127.0.0.10/32"]
smart_host = "[127.0.0.21]:25"

[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
"#;

/// A stranger at `domain` writes to Alice.
fn writes(domain: &str, subject: &str, body: &str) -> String {
    let from = format!("bob@{domain}");
    let mut client = Client::connect(GATE, STRANGER).unwrap();
    client.say(&format!("EHLO {domain}")).unwrap();
    client.mail(&from, &[ALICE], text(&from, ALICE, subject, body).as_bytes()).unwrap()
}

/// What SPF said of the `count`-th mail that was checked of this author.
fn spf(gateway: &Gateway, domain: &str, count: usize) -> String {
    let checked = gateway.events("mail.checked", count, |e| e["author"] == domain).swap_remove(count - 1);
    checked["spf"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn m_t11_look_ups_that_hang_cost_no_mail_and_serve_the_next_one() {
    isolated(|| {
        let (_company, dns) = (Sink::start("127.0.0.10:25"), LyingDns::start(DNS));
        let stranger: Ipv4Addr = STRANGER.parse().unwrap();
        dns.says("slow.example", Answer::Held(stranger));
        dns.says("quick.example", Answer::True(stranger));
        let gateway = Gateway::start("gateway", &format!("{NODE}[limits]\nmail_budget = \"4s\"\n"));
        gateway.apply(SITE);
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| writes("slow.example", "first", "words"));
            wait::until(Duration::from_secs(30), "the question", || {
                dns.asked().iter().any(|asked| asked.starts_with("slow.example/16")).then_some(())
            });
            assert!(writes("quick.example", "beside", "words").starts_with("250"));
            assert_eq!(spf(&gateway, "quick.example", 1), "pass");
            // Nobody answers the question; the mail is answered all the same.
            assert!(slow.join().unwrap().starts_with("250"));
        });
        assert_eq!(spf(&gateway, "slow.example", 1), "temperror");
        // Whoever asked anew from now on would hear another answer.
        dns.says("slow.example", Answer::NoSuchNameBySoa);
        dns.release();
        assert!(writes("slow.example", "second", "words").starts_with("250"));
        assert_eq!(spf(&gateway, "slow.example", 2), "pass", "the first question went on");
    });
}

#[test]
fn m_p7_a_scanner_that_takes_too_long_is_waited_for_by_the_retry() {
    isolated(|| {
        let (company, dns) = (Sink::start("127.0.0.10:25"), LyingDns::start(DNS));
        dns.says("", Answer::NoSuchNameBySoa);
        let scanner = LateScanner::start(SCANNER, "takes long");
        let gateway = Gateway::start("gateway", &format!("{NODE}[limits]\nmail_budget = \"3s\"\n"));
        gateway.apply(&format!("{SITE}[protection]\nclamd = \"{SCANNER}\"\n[rules.generator]\nvirus_check = true\n"));
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| writes("partner.example", "slow", "this takes long"));
            wait::until(Duration::from_secs(30), "the scan", || (scanner.seen() > 0).then_some(()));
            assert!(writes("partner.example", "beside", "this does not").starts_with("250"));
            let reply = slow.join().unwrap();
            assert!(reply.starts_with("451 4."), "{reply}");
        });
        let refused = gateway.event("mail.refused", |e| e["code"] == "mail-took-too-long");
        let scanned = |e: &serde_json::Value| e["trace"] == refused["trace"];
        // Nobody waits any more, and the scan goes on.
        scanner.release();
        let _ = gateway.event("mail.scanned", |e| scanned(e) && e["result"] == "clean");
        let seen = scanner.seen();
        assert!(writes("partner.example", "slow", "this takes long").starts_with("250"));
        assert_eq!(scanner.seen(), seen, "its answer was remembered");
        let _ = company.wait_for(2);
    });
}

#[test]
fn m_t6_when_all_seats_are_taken_strangers_wait_and_the_company_does_not() {
    isolated(|| {
        let (hop, _dns) = (Sink::start("127.0.0.21:25"), LyingDns::start(DNS));
        let gateway = Gateway::start("gateway", &format!("{NODE}[limits]\nsessions = 20\n"));
        gateway.apply(SITE);
        // A tenth is kept for the company.
        let mut seated: Vec<Client> = (0..18).map(|_| Client::connect(GATE, STRANGER).unwrap()).collect();
        let turned_away = first_line(GATE, STRANGER).unwrap();
        assert!(turned_away.starts_with("421 4.3.2"), "{turned_away}");
        let mut ours = Client::connect(GATE, "127.0.0.10").unwrap();
        ours.say("EHLO company.example").unwrap();
        let message = text(ALICE, "bob@partner.example", "beside", "words");
        assert!(ours.mail(ALICE, &["bob@partner.example"], message.as_bytes()).unwrap().starts_with("250"));
        let _ = hop.wait_for(1);
        seated.truncate(10);
        wait::until(Duration::from_secs(30), "a seat", || first_line(GATE, STRANGER).unwrap().starts_with("220").then_some(()));
    });
}

#[test]
fn m_t6_when_memory_is_used_up_large_mail_waits_and_small_mail_does_not() {
    isolated(|| {
        let (hop, _dns) = (DyingHop::start("127.0.0.21:25"), LyingDns::start(DNS));
        let gateway = Gateway::start("gateway", &format!("{NODE}[limits]\nmemory = \"256MB\"\n"));
        gateway.apply(SITE);
        let line = format!("{}\r\n", "x".repeat(998));
        let large = |subject| text(ALICE, "bob@partner.example", subject, &line.repeat(20_000));
        let begin = |message: &str| {
            let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
            client.say("EHLO company.example").unwrap();
            client.say(&format!("MAIL FROM:<{ALICE}> SIZE={}", message.len())).unwrap();
            client.say("RCPT TO:<bob@partner.example>").unwrap();
            assert!(client.say("DATA").unwrap().starts_with("354"));
            client
        };
        // Far more than all buffers between us hold (some machines' are larger than a mail): what it needs is taken when the last of
        // this is sent.
        for buffers in ["rmem", "wmem"] {
            std::fs::write(format!("/proc/sys/net/ipv4/tcp_{buffers}"), "4096 65536 262144").unwrap();
        }
        let message = large("first");
        let octets = stuffed(message.as_bytes());
        let (most, dot) = octets.split_at(octets.len() - 3);
        let mut first = begin(&message);
        first.send(most).unwrap();
        let message = large("second");
        let mut second = begin(&message);
        second.send(&stuffed(message.as_bytes())).unwrap();
        let refused = second.reply().unwrap();
        assert!(refused.starts_with("452 4.3.1"), "{refused}");
        let small = text(ALICE, "bob@partner.example", "small", "words");
        let mut client = begin(&small);
        client.send(&stuffed(small.as_bytes())).unwrap();
        assert!(client.reply().unwrap().starts_with("250"));
        first.send(dot).unwrap();
        assert!(first.reply().unwrap().starts_with("250"));
        // And now there is room again.
        let mut again = begin(&message);
        again.send(&stuffed(message.as_bytes())).unwrap();
        assert!(again.reply().unwrap().starts_with("250"));
        for subject in ["first", "small", "second"] {
            wait::until(Duration::from_secs(60), subject, || (hop.copies(subject) == 1).then_some(()));
        }
    });
}
