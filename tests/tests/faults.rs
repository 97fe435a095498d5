//! Faults around a running gateway: next hops that die, more mail than fits into memory, more clients than seats. Mail is neither lost nor
//! doubled beyond what SMTP allows.

use std::sync::atomic::{AtomicUsize, Ordering};

use sealgate_tests::dying_hop::{DyingHop, Phase};
use sealgate_tests::memory::peak;
use sealgate_tests::scene::{GATE, NODE, SITE, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::{Gateway, wait};

const HOP: &str = "127.0.0.20:25";

fn client() -> Client {
    let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
    client.say("EHLO company.example").unwrap();
    client
}

/// The company sends `subject` to the partner; the gateway has to take it.
fn send(subject: &str, body: &str) {
    let message = text("alice@company.example", "bob@partner.example", subject, body);
    let reply = client().mail("alice@company.example", &["bob@partner.example"], message.as_bytes()).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

/// Waits until nothing is queued any more.
fn queue_is_empty(gateway: &Gateway) {
    wait::until(std::time::Duration::from_secs(60), "the queue to be empty", || {
        gateway.run(&["queue", "list", "--json"]).contains(r#""items":[]"#).then_some(())
    });
}

#[test]
fn m_t6_a_hundred_large_mails_at_once_wait_their_turn_and_small_mail_goes_on() {
    isolated(|| {
        const SIZE: usize = 40_000_000;
        let hop = DyingHop::start(HOP);
        let node = format!("{NODE}[limits]\nmemory = \"1GB\"\nsessions_per_peer = 400\n");
        let gateway = Gateway::start("large", &node);
        gateway.apply(SITE);
        let line = format!("{}\r\n", "x".repeat(998));
        let body = line.repeat(SIZE / line.len());
        let (taken, later) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for n in 0..100 {
                let (body, taken, later) = (&body, &taken, &later);
                scope.spawn(move || {
                    let message = text("alice@company.example", "bob@partner.example", &format!("large {n}"), body);
                    let mut client = client();
                    client.say(&format!("MAIL FROM:<alice@company.example> SIZE={}", message.len())).unwrap();
                    client.say("RCPT TO:<bob@partner.example>").unwrap();
                    let mut reply = client.say("DATA").unwrap();
                    if reply.starts_with("354") {
                        client.send(message.as_bytes()).unwrap();
                        client.send(b".\r\n").unwrap();
                        reply = client.reply().unwrap();
                    }
                    match reply.get(..3) {
                        Some("250") => taken.fetch_add(1, Ordering::SeqCst),
                        Some("452" | "451") => later.fetch_add(1, Ordering::SeqCst),
                        _ => panic!("large {n}: {reply}"),
                    };
                });
            }
            for n in 0..50 {
                send(&format!("small {n}"), "x");
            }
        });
        let (taken, later) = (taken.into_inner(), later.into_inner());
        assert!(taken > 0 && taken + later == 100, "{taken} taken, {later} told to come later");
        queue_is_empty(&gateway);
        let large: usize = (0..100).map(|n| hop.copies(&format!("large {n}"))).sum();
        assert_eq!(large, taken, "what was taken was delivered, once");
        assert!((0..50).all(|n| hop.copies(&format!("small {n}")) == 1));
        let peak = peak(&gateway);
        assert!(peak < 1_400, "{peak} MiB with a budget of 1 GB");
        println!("{taken} of 100 taken at once, {later} told to come later; {peak} MiB at most");
    });
}

#[test]
fn m_t6_who_drips_holds_little_and_mail_goes_on() {
    isolated(|| {
        let (ours, theirs) = (DyingHop::start("127.0.0.10:25"), DyingHop::start(HOP));
        let gateway = Gateway::start("drips", &format!("{NODE}[limits]\nmemory = \"1GB\"\n"));
        gateway.apply(SITE);
        // The whole need of each would be the memory of the node.
        let sizes = [None, None, Some(24_000_000)].into_iter().chain(std::iter::repeat_n(Some(1_000_000), 42));
        let drips: Vec<Client> = sizes
            .map(|size| {
                let mut client = Client::connect(GATE, "127.0.0.66").unwrap();
                client.say("EHLO stranger.example").unwrap();
                let size = size.map(|size| format!(" SIZE={size}")).unwrap_or_default();
                client.say(&format!("MAIL FROM:<x@stranger.example>{size}")).unwrap();
                client.say("RCPT TO:<alice@company.example>").unwrap();
                let reply = client.say("DATA").unwrap();
                assert!(reply.starts_with("354"), "{reply}");
                client.send("x\r\n".repeat(22_000).as_bytes()).unwrap();
                client
            })
            .collect();
        let body = format!("{}\r\n", "x".repeat(998)).repeat(20_000);
        for (client, from, to) in [
            ("127.0.0.77", "y@other.example", "alice@company.example"),
            ("127.0.0.66", "x@stranger.example", "alice@company.example"),
            ("127.0.0.10", "alice@company.example", "bob@partner.example"),
        ] {
            let message = text(from, to, &format!("large from {client}"), &body);
            let mut client = Client::connect(GATE, client).unwrap();
            client.say("EHLO client.example").unwrap();
            let reply = client.mail(from, &[to], message.as_bytes()).unwrap();
            assert!(reply.starts_with("250"), "{reply}");
        }
        drop(drips);
        queue_is_empty(&gateway);
        assert_eq!((ours.copies("large from 127.0.0.77"), theirs.copies("large from 127.0.0.10")), (1, 1));
    });
}

/// A managed domain of its own for each phase, so that no connection is shared.
fn domain(number: usize, tls: &str) -> String {
    format!("[[domain]]\nname = \"d{number}.example\"\nforward = \"[127.0.0.{}]:25\"\ntls = \"{tls}\"\n", 100 + number)
}

/// The company sends to a domain.
fn send_to(number: usize, subject: &str) -> String {
    let to = format!("bob@d{number}.example");
    let message = text("alice@company.example", &to, subject, &"x".repeat(70).repeat(100));
    let reply = client().mail("alice@company.example", &[&to], message.as_bytes()).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    to
}

#[test]
fn m_t7_a_next_hop_dies_in_each_phase() {
    isolated(|| {
        let hops: Vec<(Phase, DyingHop)> = Phase::ALL.into_iter().enumerate().map(|(n, phase)| (phase, hop(n, phase))).collect();
        let gateway = Gateway::start("phases", NODE);
        let domains: String = (0..hops.len()).map(|n| domain(n, "may")).collect();
        gateway.apply(&format!("{SITE}{domains}"));
        for number in 0..hops.len() {
            let _ = send_to(number, "first");
        }
        queue_is_empty(&gateway);
        for (phase, hop) in &hops {
            assert!(hop.has_died(), "{phase:?} never came");
            // What was lost after the dot is known to nobody: it comes again (RFC 1047, RFC 5321 §4.5.5), and only that.
            let twice = matches!(phase, Phase::Dot | Phase::HalfLine | Phase::HalfReply);
            assert_eq!(hop.copies("first"), if twice { 2 } else { 1 }, "{phase:?}");
        }
        // The hop took the first and hung up: the second finds a connection that is none, and is not late for it.
        let number = Phase::ALL.iter().position(|phase| *phase == Phase::Reply).unwrap();
        let to = send_to(number, "second");
        let _ = gateway.events("mail.delivered", 2, |e| e["to"] == to.as_str());
        assert_eq!(hops[number].1.copies("second"), 1);
        let log = gateway.log_text();
        assert!(!log.contains("mail.bounced"), "{log}");
        for (number, (phase, _)) in hops.iter().enumerate() {
            let to = format!("bob@d{number}.example");
            let deferred = gateway.events("mail.deferred", 0, |e| e["to"] == to.as_str());
            // At this level a handshake that fails is followed by one try in clear.
            let at_once = matches!(phase, Phase::Reply | Phase::StartTls | Phase::Handshake);
            assert_eq!(deferred.len(), usize::from(!at_once), "{phase:?}: {deferred:?}");
            let unknown = matches!(phase, Phase::Content | Phase::Dot | Phase::HalfLine | Phase::HalfReply);
            assert!(deferred.iter().all(|e| e["unknown"] == unknown), "{phase:?}: {deferred:?}");
        }
    });
}

fn hop(number: usize, phase: Phase) -> DyingHop {
    let hop = DyingHop::start(&format!("127.0.0.{}:25", 100 + number));
    hop.dies_once(phase);
    hop
}

#[test]
fn m_t7_a_next_hop_that_refuses_the_connection_gets_the_mail_when_it_is_back() {
    isolated(|| {
        let gateway = Gateway::start("refused", NODE);
        gateway.apply(&format!("{SITE}{}", domain(0, "may")));
        let to = send_to(0, "first");
        let seen = gateway.event("mail.deferred", |e| e["to"] == to.as_str());
        assert!(seen["reply"].as_str().unwrap_or_default().contains("refused"), "{seen}");
        let hop = DyingHop::start("127.0.0.100:25");
        queue_is_empty(&gateway);
        assert_eq!(hop.copies("first"), 1);
        assert!(!gateway.log_text().contains("mail.bounced"));
    });
}

#[test]
fn x_23_a_next_hop_that_dies_in_its_handshake_gets_nothing_in_clear_where_tls_is_demanded() {
    isolated(|| {
        let hops = [hop(0, Phase::StartTls), hop(1, Phase::Handshake)];
        let gateway = Gateway::start("demanded", NODE);
        gateway.apply(&format!("{SITE}{}{}", domain(0, "encrypt"), domain(1, "encrypt")));
        for (number, hop) in hops.iter().enumerate() {
            let to = send_to(number, "first");
            // After its death it does not offer TLS any more.
            let seen = gateway.events("mail.deferred", 3, |e| e["to"] == to.as_str());
            assert!(seen.iter().any(|e| e["reply"].as_str().is_some_and(|reply| reply.contains("STARTTLS"))), "{seen:?}");
            assert!(hop.has_died() && hop.copies("first") == 0);
        }
    });
}
