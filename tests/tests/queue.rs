//! Story: the queue as an administrator and a client meet it: list, filter, take over, queueless, back to the server, poison.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealgate_tests::scene::{GATE, SITE, header, text};
use sealgate_tests::smtp::Client;
use serde_json::Value;
use testkit::net::isolated;
use testkit::{Gateway, wait};

const NODE: &str = "[console]\nlisten = []\n[mobile]\nlisten = []\n";
const ALICE: &str = "alice@company.example";
const OURS: &str = "127.0.0.10";

/// A server that refuses `gone@…` and takes everything else. Written from RFC 5321.
#[derive(Default)]
struct Server(Mutex<Vec<(String, Vec<u8>)>>);

impl Server {
    fn start(address: &str) -> Arc<Self> {
        let server = Arc::new(Self::default());
        let listener = TcpListener::bind(address).unwrap();
        let all = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = all.clone();
                std::thread::spawn(move || server.serve(&stream));
            }
        });
        server
    }

    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let (mut input, mut output) = (BufReader::new(stream), stream);
        let mut say = |text: &str| output.write_all(format!("{text}\r\n").as_bytes()).ok();
        say("220 server")?;
        let mut to = Vec::new();
        loop {
            let mut line = String::new();
            (input.read_line(&mut line).ok()? > 0).then_some(())?;
            match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
                "MAIL" => {
                    to.clear();
                    say("250 2.1.0 ok")?;
                }
                "RCPT" if line.contains("<gone@") => say("550 5.1.1 nobody of that name")?,
                "RCPT" => {
                    to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                    say("250 2.1.5 ok")?;
                }
                "DATA" if to.is_empty() => say("554 5.5.1 nobody")?,
                "DATA" => {
                    say("354 go")?;
                    let mut mail = Vec::new();
                    loop {
                        let mut line = Vec::new();
                        (input.read_until(b'\n', &mut line).ok()? > 0).then_some(())?;
                        if line == b".\r\n" {
                            break;
                        }
                        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    }
                    self.0.lock().unwrap().push((to.join(" "), mail));
                    say("250 2.0.0 taken")?;
                }
                "QUIT" => return say("221 bye"),
                _ => say("250 ok")?,
            }
        }
    }

    /// Waits until so many mails have come.
    fn mails(&self, count: usize) -> Vec<(String, Vec<u8>)> {
        wait::until(Duration::from_secs(60), "mail to come", || {
            let mails = self.0.lock().unwrap();
            (mails.len() >= count).then(|| mails.clone())
        })
    }
}

fn send(from: &str, to: &[&str], message: &[u8]) -> String {
    let mut client = Client::connect(GATE, OURS).unwrap();
    client.say("EHLO company.example").unwrap();
    client.mail(from, to, message).unwrap()
}

fn list(gateway: &Gateway, more: &[&str]) -> Value {
    let args: Vec<&str> = ["queue", "list", "--json"].iter().chain(more).copied().collect();
    serde_json::from_str(&gateway.run(&args)).unwrap()
}

fn receivers(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().flat_map(|item| item["to"].as_array().unwrap()).map(|to| to.as_str().unwrap().to_owned()).collect()
}

/// A gateway whose partner is away, with a mail for each of these.
fn with_waiting(name: &str, to: &[&str]) -> Gateway {
    let gateway = Gateway::start(name, NODE);
    gateway.apply(SITE);
    for to in to {
        let reply = send(ALICE, &[to], text(ALICE, to, to, "waits").as_bytes());
        assert!(reply.starts_with("250"), "{reply}");
    }
    let _ = gateway.events("mail.deferred", to.len(), |_| true);
    gateway
}

#[test]
fn m_t7_an_administrator_pages_and_searches_the_queue() {
    isolated(|| {
        let to = ["a@partner.example", "b@partner.example", "a@other.example"];
        let gateway = with_waiting("queue-list", &to);
        let first = list(&gateway, &["--limit", "2"]);
        assert_eq!(receivers(&first), to[..2]);
        let next = first["next"].as_str().unwrap();
        let second = list(&gateway, &["--limit", "2", "--after", next]);
        assert_eq!((receivers(&second), &second["next"]), (vec![to[2].to_owned()], &Value::Null));
        assert_eq!(receivers(&list(&gateway, &["--to", "A@partner.example"])), [to[0]]);
        assert_eq!(receivers(&list(&gateway, &["--domain", "partner.example"])), to[..2]);
        assert_eq!(receivers(&list(&gateway, &["--from", ALICE, "--domain", "other.example"])), [to[2]]);
        let trace = first["items"][1]["trace"].as_str().unwrap();
        assert_eq!(receivers(&list(&gateway, &["--trace", trace])), [to[1]]);
        assert_eq!(gateway.command(&["queue", "list", "--to", "nobody"]).status.code(), Some(1), "no address");
    });
}

#[test]
fn m_t7_held_mail_is_released_and_removed_mail_told_from_the_command_line() {
    isolated(|| {
        let gateway = with_waiting("queue-release", &["held@partner.example", "gone-too@partner.example"]);
        let id = |to: &str| list(&gateway, &["--to", to])["items"][0]["id"].as_str().unwrap().to_owned();
        let (held, removed) = (id("held@partner.example"), id("gone-too@partner.example"));
        let _ = gateway.run(&["queue", "hold", &held]);
        let (company, partner) = (Server::start("127.0.0.10:25"), Server::start("127.0.0.20:25"));
        let _ = gateway.run(&["queue", "remove", &removed, "--tell"]);
        let (to, report) = company.mails(1).remove(0);
        let report = String::from_utf8(report).unwrap();
        assert!(to == ALICE && report.contains("Action: failed\r\nStatus: 5.7.1"), "{report}");
        let _ = gateway.run(&["queue", "retry", "all"]);
        let shown: Value = serde_json::from_str(&gateway.run(&["queue", "show", &held, "--json"])).unwrap();
        assert_eq!(shown["held"], true, "a retry lets nothing go that is held");
        let _ = gateway.run(&["queue", "release", &held]);
        assert_eq!(partner.mails(1)[0].0, "held@partner.example");
        assert_eq!(gateway.command(&["queue", "release", &removed]).status.code(), Some(1), "it is gone");
    });
}

#[test]
fn m_t7_a_dead_node_s_queue_is_adopted_once() {
    isolated(|| {
        let gateway = with_waiting("queue-adopt", &["a@partner.example", "b@partner.example"]);
        let room = gateway.kill();
        // The dead node's disk; what is left is a node of the same site with an empty queue.
        let dead = room.path().join("dead");
        std::fs::create_dir(&dead).unwrap();
        std::fs::rename(room.path().join("data/queue"), dead.join("queue")).unwrap();
        let gateway = Gateway::start_in(room, NODE, &[]);
        assert_eq!(receivers(&list(&gateway, &[])), Vec::<String>::new());
        let adopt = || serde_json::from_str::<Value>(&gateway.run(&["queue", "adopt", dead.to_str().unwrap(), "--json"])).unwrap();
        assert_eq!(adopt(), serde_json::json!({ "mails": 2, "known": 0, "unreadable": 0 }));
        assert_eq!(adopt(), serde_json::json!({ "mails": 0, "known": 0, "unreadable": 0 }));
        assert_eq!(receivers(&list(&gateway, &[])), ["a@partner.example", "b@partner.example"]);
        let partner = Server::start("127.0.0.20:25");
        let mut got: Vec<String> = partner.mails(2).into_iter().map(|(to, _)| to).collect();
        got.sort();
        assert_eq!(got, ["a@partner.example", "b@partner.example"]);
        let running = gateway.room().path().join("data");
        assert_eq!(
            gateway.command(&["queue", "adopt", running.to_str().unwrap()]).status.code(),
            Some(1),
            "a node that runs keeps its mail"
        );
    });
}

#[test]
fn m_t7_queueless_mail_gets_its_next_hop_s_answer() {
    isolated(|| {
        let partner = Server::start("127.0.0.20:25");
        let gateway = Gateway::start("queueless", NODE);
        gateway.apply(&format!("{SITE}[rules.generator]\nqueueless = true\nout_sign_all = false\n"));
        let mail = |to: &str| text(ALICE, to, "now", "x");
        let refused = send(ALICE, &["gone@partner.example"], mail("gone@partner.example").as_bytes());
        assert!(refused.starts_with("550 5.1.1") && refused.contains("nobody of that name"), "{refused}");
        assert_eq!(receivers(&list(&gateway, &[])), Vec::<String>::new());
        let taken = send(ALICE, &["b@partner.example"], mail("b@partner.example").as_bytes());
        assert!(taken.starts_with("250") && partner.0.lock().unwrap().len() == 1, "it was delivered before the answer: {taken}");
        let mixed = send(ALICE, &["c@partner.example", "gone@partner.example"], mail("c@partner.example").as_bytes());
        assert!(mixed.starts_with("250"), "{mixed}");
        let _ = gateway.event("mail.bounced", |event| event["to"] == "gone@partner.example");
    });
}

#[test]
fn m_t8_processed_mail_goes_back_to_its_server_and_out_when_it_comes_again() {
    isolated(|| {
        let (company, partner) = (Server::start("127.0.0.10:25"), Server::start("127.0.0.20:25"));
        let gateway = Gateway::start("reinject", NODE);
        gateway.apply(&format!("{SITE}[rules.generator]\nreinject = true\nout_sign_all = false\n"));
        assert!(send(ALICE, &["bob@partner.example"], text(ALICE, "bob@partner.example", "round", "x").as_bytes()).starts_with("250"));
        let (to, back) = company.mails(1).remove(0);
        assert_eq!((to.as_str(), header(&back, "x-sealgate-reinjected").starts_with("v1 ")), ("bob@partner.example", true));
        assert!(send(ALICE, &["bob@partner.example"], &back).starts_with("250"));
        let (_, out) = partner.mails(1).remove(0);
        assert_eq!((header(&out, "subject").as_str(), header(&out, "x-sealgate-reinjected").as_str()), ("round", ""));
        let _ = gateway.event("mail.reinjected", |_| true);
        // The same mark on another mail counts for nothing: that mail is processed and goes back.
        let forged = String::from_utf8(back).unwrap().replace("round@test.example", "other@test.example");
        assert!(send(ALICE, &["bob@partner.example"], forged.as_bytes()).starts_with("250"));
        assert_eq!(company.mails(2).len(), 2);
    });
}

/// True if a mail is in work: a slot of the guard's file says so.
fn in_work(gateway: &Gateway) -> bool {
    let file = std::fs::read(gateway.room().path().join("data/queue.in-work")).unwrap_or_default();
    file.get(8..).unwrap_or_default().chunks(42).any(|slot| slot.first() == Some(&1))
}

#[test]
fn promise_8_a_mail_that_ends_the_process_does_so_twice_at_most() {
    isolated(|| {
        let _partner = Server::start("127.0.0.20:25");
        // Large enough to be in work for a while; the process is ended meanwhile, as a fault in a parser would.
        let poison = Arc::new(text(ALICE, "bob@partner.example", "poison", &format!("{}\r\n", "0123456789".repeat(7)).repeat(400_000)));
        let mut gateway = Gateway::start("poison", NODE);
        gateway.apply(SITE);
        for death in 1..=2 {
            let mail = poison.clone();
            let sender = std::thread::spawn(move || {
                let mut client = Client::connect(GATE, OURS).unwrap();
                client.say("EHLO company.example").unwrap();
                client.mail(ALICE, &["bob@partner.example"], mail.as_bytes())
            });
            wait::until(Duration::from_secs(60), "the mail to be in work", || in_work(&gateway).then_some(()));
            if death == 2 {
                let _ = gateway.event("mail.alone", |_| true);
            }
            let room = gateway.kill();
            assert!(sender.join().unwrap().is_err(), "no answer");
            gateway = Gateway::start_in(room, NODE, &[]);
            let _ = gateway.event("mail.suspected", |event| event["deaths"] == death);
        }
        let refused = send(ALICE, &["bob@partner.example"], poison.as_bytes());
        assert!(refused.starts_with("554 "), "{refused}");
        let _ = gateway.event("mail.poison", |_| true);
        assert!(send(ALICE, &["bob@partner.example"], text(ALICE, "bob@partner.example", "fine", "x").as_bytes()).starts_with("250"));
    });
}

#[test]
fn m_t7_a_full_disk_refuses_with_452_loses_nothing_and_takes_mail_again_when_there_is_room() {
    isolated(|| {
        let room = Arc::new(testkit::Room::new("full"));
        let queue = room.file("data/queue");
        std::fs::create_dir_all(&queue).unwrap();
        // A small disk that only the gateway sees; it goes with it.
        let mount = format!("mkdir -p {queue} && mount -t tmpfs -o size=150m,mode=0700 none {queue} && exec \"$@\"");
        // No alarm: its mail would wait there as well.
        let gateway =
            Gateway::start_in(room, &format!("{NODE}[limits]\ndisk_free = \"0\"\n"), &["unshare", "-m", "sh", "-c", &mount, "sh"]);
        gateway.apply(SITE);
        let body = format!("{}\r\n", "0123456789".repeat(7)).repeat(280_000);
        let mail = |n: usize| text(ALICE, "bob@partner.example", &format!("m{n}"), &body);
        let mut accepted = Vec::new();
        let refusal = (0..12).find_map(|n| {
            let reply = send(ALICE, &["bob@partner.example"], mail(n).as_bytes());
            if reply.starts_with("250") {
                accepted.push(format!("m{n}"));
                return None;
            }
            Some(reply)
        });
        assert!(
            refusal.as_deref().is_some_and(|reply| reply.starts_with("452 4.3.1")) && accepted.len() > 2,
            "{refusal:?} after {accepted:?}"
        );
        let partner = Server::start("127.0.0.20:25");
        let mut got: Vec<String> = partner.mails(accepted.len()).iter().map(|(_, mail)| header(mail, "subject")).collect();
        got.sort();
        assert_eq!(got, accepted);
        assert!(partner.0.lock().unwrap().iter().all(|(_, mail)| String::from_utf8_lossy(mail).contains(&body)), "undamaged");
        wait::until(Duration::from_secs(60), "room on the disk", || {
            send(ALICE, &["bob@partner.example"], mail(99).as_bytes()).starts_with("250").then_some(())
        });
    });
}
