//! Story: events reach a real rsyslog over UDP, TCP and TLS; mail never waits for it.

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, text};
use serde_json::Value;
use testkit::net::isolated;
use testkit::tools::swaks;
use testkit::{Gateway, Rsyslog};

const LOG: &str = "127.0.0.30";

fn node(gateway: &Gateway) -> String {
    let status: Value = serde_json::from_str(&gateway.run(&["status", "--json"])).unwrap();
    status["node"].as_str().unwrap().to_owned()
}

/// `[[system]]` of this node with these receivers, each with a CA's file or none.
fn receivers(gateway: &Gateway, all: &[(&str, Option<&str>)]) -> String {
    let list: Vec<String> = all
        .iter()
        .map(|(target, ca)| {
            let ca = ca.map_or_else(String::new, |file| format!(", ca = '''{}'''", std::fs::read_to_string(file).unwrap()));
            format!("{{ target = \"{target}\"{ca} }}")
        })
        .collect();
    format!("[[system]]\nnode = \"{}\"\nsyslog = [{}]\n", node(gateway), list.join(", "))
}

fn send(subject: &str) {
    let message = text("bob@partner.example", "alice@company.example", subject, "hello");
    let sent = swaks(GATE, "bob@partner.example", &["alice@company.example"], &message, &["--local-interface", "127.0.0.20"]);
    assert!(sent.ok, "{}", sent.text());
}

#[test]
fn s_1_syslog_reaches_rsyslog_over_udp_tcp_and_tls() {
    isolated(|| {
        let room = Rsyslog::room("rsyslog", LOG);
        let rsyslog = Rsyslog::start(room.clone(), LOG);
        let scene = Scene::start("");
        let rules = scene.room.write("own.rules", "log(5, 'of the fifth level');\nlog(2, 'a \"notice\"');\ndeliver();\n");
        scene.gateway.run(&["rules", "apply", &rules]);
        let ca = room.file("ca.crt");
        let (udp, tcp, tls) = (format!("udp://{LOG}"), format!("tcp://{LOG}:514"), format!("tls://{LOG}:6514"));
        scene.gateway.apply(&receivers(&scene.gateway, &[(&udp, None), (&tcp, None), (&tls, Some(&ca))]));
        send("one");
        let delivered = scene.gateway.event("mail.delivered", |_| true);
        let trace = delivered["trace"].as_str().unwrap();
        for input in ["imudp", "imtcp"] {
            let copies = if input == "imtcp" { 2 } else { 1 };
            let _ = rsyslog.message(&format!("mail.delivered by {input}"), |_| {
                rsyslog.messages().iter().filter(|line| line.starts_with(input) && line.contains(" mail.delivered ")).count() == copies
            });
        }
        // Facility 2 (mail), informational: 22; level 5 of a rule is severity 2: 18; level 2 is severity 5: 21.
        let line = rsyslog.message("mail.delivered", |line| line.contains(" mail.delivered "));
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words[1], words[2], words[4], words[5]), ("22", "1", "gate.company.example", "sealgate"), "{line}");
        assert!(line.contains(&format!("[{trace}] to=alice@company.example")), "{line}");
        let rule = |text: &str| rsyslog.message(text, |line| line.contains(text));
        assert_eq!(rule("of the fifth level").split(' ').nth(1), Some("18"));
        assert_eq!(rule("text=\"a \\\"notice\\\"\"").split(' ').nth(1), Some("21"));
        drop(rsyslog);

        // The receiver is gone: mail goes on, and what was said meanwhile comes when it is back.
        let _ = scene.gateway.event("syslog.away", |e| e["receiver"] == tcp.as_str());
        send("two");
        let _ = scene.gateway.events("mail.delivered", 2, |_| true);
        let again = Rsyslog::start(room, LOG);
        let _ = scene.gateway.event("syslog.there", |e| e["receiver"] == tcp.as_str());
        let second = scene.gateway.events("mail.delivered", 2, |_| true).swap_remove(1);
        let _ = again.message("what waited", |line| {
            line.starts_with("imtcp") && line.contains(second["trace"].as_str().unwrap()) && line.contains("mail.delivered")
        });
    });
}

#[test]
fn x_23_syslog_goes_to_no_receiver_with_a_strangers_certificate() {
    isolated(|| {
        let room = Rsyslog::room("rsyslog", LOG);
        let other = Rsyslog::room("other", LOG);
        let rsyslog = Rsyslog::start(room.clone(), LOG);
        let scene = Scene::start("");
        let (tls, named) = (format!("tls://{LOG}:6514"), "tls://localhost:6514".to_owned());
        // Another CA; then the right CA, under a name that the certificate does not bear; then the system's roots.
        for ca in [Some(other.file("ca.crt")), None] {
            scene.gateway.apply(&receivers(&scene.gateway, &[(&tls, ca.as_deref()), (&named, None)]));
            let _ = scene.gateway.event("syslog.away", |e| e["receiver"] == tls.as_str());
            send("secret");
        }
        let _ = scene.gateway.events("mail.delivered", 2, |_| true);
        // The right one comes after them, so anything sent before would be there.
        scene.gateway.apply(&receivers(&scene.gateway, &[(&tls, Some(&room.file("ca.crt")))]));
        send("last");
        let last = scene.gateway.events("mail.delivered", 3, |_| true).swap_remove(2);
        let _ = rsyslog.message("the last one", |line| line.contains(last["trace"].as_str().unwrap()));
        let before = scene.gateway.events("mail.accepted", 3, |_| true);
        for mail in &before[..2] {
            assert!(!rsyslog.messages().iter().any(|line| line.contains(mail["trace"].as_str().unwrap())), "{:?}", rsyslog.messages());
        }
    });
}
