//! Story: a thousand slow clients, and a flood of connections. Mail of others goes on, and none is lost (mail-gateway.md M-T6).

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sealgate_tests::scene::{GATE, NODE, text};
use sealgate_tests::sink::Sink;
use sealgate_tests::smtp::{Client, dial};
use testkit::Gateway;
use testkit::net::isolated;

const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
relay_networks = ["127.0.0.10/32"]
smart_host = "[127.0.0.20]:25"

[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
"#;

fn send(from: &str, number: usize, to: &str) -> std::io::Result<String> {
    let mut client = Client::connect(GATE, from)?;
    client.say("EHLO client.example")?;
    client.mail("alice@company.example", &[to], text("alice@company.example", to, &format!("Mail {number}"), "x").as_bytes())
}

/// A connection that says half a command and no more.
fn slow(peer: usize) -> TcpStream {
    let mut stream = dial(GATE.parse().unwrap(), format!("127.0.1.{}", 1 + peer % 20).parse().unwrap()).unwrap();
    let _ = std::io::Write::write_all(&mut stream, b"EHL");
    stream
}

#[test]
fn m_t6_a_thousand_slow_clients_keep_nobody_out_for_long() {
    isolated(|| {
        let (ours, theirs) = (Sink::start("127.0.0.10:25"), Sink::start("127.0.0.20:25"));
        let gateway = Gateway::start("slow", &format!("{NODE}[times]\nsmtp_idle = \"5s\"\n"));
        gateway.apply(SITE);
        let crowd: Vec<TcpStream> = (0..1_000).map(slow).collect();
        // Seats are kept for the company's own server.
        for number in 0..20 {
            let reply = send("127.0.0.10", number, "bob@partner.example").unwrap();
            assert!(reply.starts_with("250"), "{reply}");
        }
        assert_eq!(theirs.wait_for(20).len(), 20);
        // A stranger is told to come back, and gets in as the silent ones are shown out.
        let mut told = 0;
        let reply = loop {
            match send("127.0.0.99", 99, "alice@company.example") {
                Ok(reply) if reply.starts_with("421") => told += 1,
                Ok(reply) => break reply,
                Err(_) => told += 1,
            }
            assert!(told < 100_000, "never let in");
        };
        assert!(reply.starts_with("250"), "{reply}");
        assert_eq!(ours.wait_for(1).len(), 1);
        drop(crowd);
    });
}

#[test]
fn m_t6_a_flood_of_connections_loses_no_mail() {
    isolated(|| {
        let theirs = Sink::start("127.0.0.20:25");
        let gateway = Gateway::start("flood", NODE);
        gateway.apply(SITE);
        let (over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let (over, made) = (&over, &made);
                scope.spawn(move || {
                    // Bounded: so many connections and no more, dropped as soon as they are there.
                    for peer in 0..1_500_u16 {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let from = format!("127.0.{}.{}", 2 + thread, 1 + peer % 200);
                        made.fetch_add(usize::from(dial(GATE.parse().unwrap(), from.parse().unwrap()).is_ok()), Ordering::Relaxed);
                    }
                });
            }
            for number in 0..100 {
                let reply = send("127.0.0.10", number, "bob@partner.example").unwrap();
                assert!(reply.starts_with("250"), "{reply}");
            }
            over.store(true, Ordering::Relaxed);
        });
        let mails = theirs.wait_for(100);
        for number in 0..100 {
            let one = format!("Subject: Mail {number}\r\n");
            assert_eq!(mails.iter().filter(|mail| String::from_utf8_lossy(&mail.content).contains(&one)).count(), 1, "{one}");
        }
        assert!(made.load(Ordering::Relaxed) > 100, "that was no flood");
        drop(gateway);
    });
}
