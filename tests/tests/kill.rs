//! Story: kill -9 at random moments under load. Every message that got 250 is delivered at least once and undamaged, effects are
//! applied once, what got no 250 was tried again by its client, and the store opens without repair.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealgate_tests::scene::{GATE, SITE, header, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::{Gateway, Room, wait};

const NODE: &str = "[limits]\nsessions_per_peer = 400\n[console]\nlisten = []\n[mobile]\nlisten = []\n";

/// A next hop that takes everything: what it got, by subject. Written from RFC 5321, so that the test sees each copy at once.
#[derive(Default)]
struct Sink(Mutex<BTreeMap<String, Vec<Vec<u8>>>>);

impl Sink {
    fn start(address: &str) -> Arc<Self> {
        let sink = Arc::new(Self::default());
        let listener = TcpListener::bind(address).unwrap();
        let all = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sink = all.clone();
                std::thread::spawn(move || sink.serve(&stream));
            }
        });
        sink
    }

    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let (mut input, mut output) = (BufReader::new(stream), stream);
        let mut say = |text: &str| output.write_all(text.as_bytes()).ok();
        say("220 sink\r\n")?;
        loop {
            let mut line = String::new();
            (input.read_line(&mut line).ok()? > 0).then_some(())?;
            match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
                "DATA" => {
                    say("354 go\r\n")?;
                    let mut mail = Vec::new();
                    loop {
                        let mut line = Vec::new();
                        (input.read_until(b'\n', &mut line).ok()? > 0).then_some(())?;
                        if line == b".\r\n" {
                            break;
                        }
                        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    }
                    self.0.lock().unwrap().entry(header(&mail, "subject")).or_default().push(mail);
                    say("250 taken\r\n")?;
                }
                "QUIT" => return say("221 bye\r\n"),
                _ => say("250 ok\r\n")?,
            }
        }
    }

    fn copies(&self, subject: &str) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().get(subject).cloned().unwrap_or_default()
    }
}

/// One client: sends numbered mails, each again until it has a 250, as a mail server does.
fn client(number: usize, stop: &AtomicBool, accepted: &Mutex<BTreeSet<String>>, tries: &AtomicUsize) {
    let mut next = 0;
    let mut connection: Option<Client> = None;
    while !stop.load(Ordering::Relaxed) {
        let subject = format!("m{number}x{next}");
        let message = text("alice@company.example", "bob@partner.example", &subject, &format!("{subject} {}", "0123456789".repeat(200)));
        let reply = match connection.take().map_or_else(|| hello(number), Ok) {
            Ok(mut client) => {
                client.mail("alice@company.example", &["bob@partner.example"], message.as_bytes()).map(|reply| (client, reply))
            }
            Err(error) => Err(error),
        };
        tries.fetch_add(1, Ordering::Relaxed);
        match reply {
            Ok((client, reply)) if reply.starts_with("250") => {
                accepted.lock().unwrap().insert(subject);
                next += 1;
                connection = Some(client);
            }
            Ok((client, _)) => connection = Some(client),
            Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
        }
    }
}

fn hello(number: usize) -> std::io::Result<Client> {
    let mut client = Client::connect(GATE, "127.0.0.10")?;
    client.say(&format!("EHLO client{number}.example"))?;
    Ok(client)
}

#[test]
fn m_t7_kill_at_any_moment_loses_and_damages_nothing() {
    isolated(|| {
        let rounds: usize = std::env::var("SEALGATE_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
        let sink = Sink::start("127.0.0.20:25");
        let room = Arc::new(Room::new("kill"));
        let gateway = Gateway::start_in(room.clone(), NODE, &[]);
        gateway.apply(SITE);
        drop(gateway);
        let (stop, accepted, tries) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (stop, accepted, tries) = (&stop, &accepted, &tries);
                scope.spawn(move || client(number, stop, accepted, tries));
            }
            for round in 0..rounds {
                let gateway = Gateway::start_in(room.clone(), NODE, &[]);
                let before = accepted.lock().unwrap().len();
                // A moment that no step of the gateway has a part in: after a number of further 250s that differs each time.
                let more = 1 + (round * 37 + 11) % 60;
                wait::until(Duration::from_secs(30), "mail to be accepted", || {
                    (accepted.lock().unwrap().len() >= before + more).then_some(())
                });
                gateway.kill();
            }
            stop.store(true, Ordering::Relaxed);
        });
        let gateway = Gateway::start_in(room, NODE, &[]);
        let accepted = accepted.into_inner().unwrap();
        for subject in &accepted {
            let copies = wait::until(Duration::from_secs(60), &format!("{subject} to be delivered"), || {
                Some(sink.copies(subject)).filter(|c| !c.is_empty())
            });
            for copy in &copies {
                let body = format!("{subject} {}", "0123456789".repeat(200));
                assert!(String::from_utf8_lossy(copy).contains(&body), "{subject} is damaged");
            }
        }
        wait::until(Duration::from_secs(60), "the queue to be empty", || {
            gateway.run(&["queue", "list", "--json"]).contains(r#""items":[]"#).then_some(())
        });
        // Each committed message counts once: all that were accepted, and those whose 250 was lost and whose client was stopped
        // before its retry (at most one a client).
        let sent = wait::until(Duration::from_secs(30), "the count to stand still", || {
            let status: serde_json::Value = serde_json::from_str(&gateway.run(&["status", "--json"])).ok()?;
            status["counts"]["mail_sent"].as_u64().filter(|sent| *sent >= accepted.len() as u64)
        });
        assert!(sent <= accepted.len() as u64 + 8, "{sent} counted for {} accepted", accepted.len());
        println!("{rounds} kills, {} accepted in {} tries, {sent} counted", accepted.len(), tries.load(Ordering::Relaxed));
        drop(gateway);
    });
}

#[test]
fn promise_8_a_lost_reply_does_not_double_a_mail() {
    isolated(|| {
        let sink = Sink::start("127.0.0.20:25");
        let gateway = Gateway::start("lost", NODE);
        gateway.apply(SITE);
        let message = text("alice@company.example", "bob@partner.example", "once", "only once");
        let mut client = hello(1).unwrap();
        for line in ["MAIL FROM:<alice@company.example>", "RCPT TO:<bob@partner.example>", "DATA"] {
            client.say(line).unwrap();
        }
        client.send(&sealgate_tests::smtp::stuffed(message.as_bytes())).unwrap();
        // The connection is cut before the client reads the reply.
        let first = gateway.event("mail.accepted", |_| true);
        drop(client);
        let _ = gateway.event("mail.unconfirmed", |e| e["trace"] == first["trace"]);
        let _ = gateway.event("mail.delivered", |e| e["trace"] == first["trace"]);
        let room = gateway.stop();
        let gateway = Gateway::start_in(room, NODE, &[]);
        let reply = hello(1).unwrap().mail("alice@company.example", &["bob@partner.example"], message.as_bytes()).unwrap();
        assert!(reply.starts_with("250") && reply.contains(first["trace"].as_str().unwrap()), "the same 250: {reply}");
        let _ = gateway.event("mail.repeated", |_| true);
        // A further mail goes through, so anything queued before it would have been delivered too.
        let after = text("alice@company.example", "bob@partner.example", "after", "x");
        assert!(hello(1).unwrap().mail("alice@company.example", &["bob@partner.example"], after.as_bytes()).unwrap().starts_with("250"));
        wait::until(Duration::from_secs(30), "the later mail", || (!sink.copies("after").is_empty()).then_some(()));
        assert_eq!(sink.copies("once").len(), 1);
    });
}
