//! Story: start, reload, graceful stop.

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, NODE, text};
use sealgate_tests::smtp::Client;
use testkit::Gateway;
use testkit::gateway::signal;
use testkit::net::isolated;
use testkit::tools::run;

#[test]
fn an_empty_gateway_starts_is_ready_and_stops() {
    isolated(|| {
        let gateway = Gateway::start("empty", "");
        let metrics = gateway.address("metrics");
        assert_eq!(run("curl", &["-s", &format!("http://{metrics}/health/ready")], b"").text().trim(), "ready");
        assert!(run("curl", &["-s", &format!("http://{metrics}/metrics")], b"").text().contains("sealgate_"));
        let room = gateway.stop();
        assert!(!room.path().join("data/run/ready.json").exists());
    });
}

#[test]
fn a_graceful_stop_lets_a_running_data_finish() {
    isolated(|| {
        let scene = Scene::start("");
        let mut idle = Client::connect(GATE, "127.0.0.20").unwrap();
        idle.say("EHLO idle.example").unwrap();
        let mut busy = Client::connect(GATE, "127.0.0.20").unwrap();
        busy.say("EHLO busy.example").unwrap();
        for line in ["MAIL FROM:<bob@partner.example>", "RCPT TO:<alice@company.example>", "DATA"] {
            busy.say(line).unwrap();
        }
        busy.send(b"Subject: half\r\n").unwrap();
        signal(scene.gateway.id(), "TERM");
        assert!(idle.reply().unwrap().starts_with("421 4.3.2"), "an idle session is told");
        busy.send(b"From: bob@partner.example\r\n\r\nthe other half\r\n.\r\n").unwrap();
        let reply = busy.reply().unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        let room = scene.gateway.room();
        scene.gateway.stop();
        // What was accepted at the last moment is delivered, by this run or the next.
        let again = Gateway::start_in(room, NODE, &[]);
        assert!(String::from_utf8_lossy(&scene.company.wait_for("alice", 1)[0]).contains("the other half"));
        drop(again);
    });
}

#[test]
fn rules_and_certificates_change_without_a_restart() {
    isolated(|| {
        let scene = Scene::start("");
        let room = &scene.room;
        let cert = |name: &str| {
            let (cert, key) = (room.file("node.crt"), room.file("node.key"));
            let subject = format!("/CN={name}");
            let _ = testkit::tools::must(
                "openssl",
                &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", &subject, "-keyout", &key, "-out", &cert],
                b"",
            );
            (cert, key)
        };
        let (file, key) = cert("first.example");
        let gateway = Gateway::start_in(
            std::sync::Arc::new(testkit::Room::new("reload")),
            &format!(
                "[smtp]\nlisten = [\"127.0.0.1:2626\"]\n[console]\nlisten = []\n[mobile]\nlisten = []\n[metrics]\nlisten = \"127.0.0.1:0\"\n[certificate]\ncert = {file:?}\nkey = {key:?}\n"
            ),
            &[],
        );
        let shown = || run("openssl", &["s_client", "-connect", "127.0.0.1:2626", "-starttls", "smtp"], b"QUIT\r\n").text();
        assert!(shown().contains("first.example"));
        cert("second.example");
        signal(gateway.id(), "HUP");
        let _ = gateway.event("tls.reloaded", |_| true);
        assert!(shown().contains("second.example"));
        std::fs::write(&file, "nonsense").unwrap();
        signal(gateway.id(), "HUP");
        let _ = gateway.event("tls.kept", |_| true);
        assert!(shown().contains("second.example"), "a broken file leaves the running certificate in place");

        let rules = room.write("own.rules", "drop(550, \"5.7.1 closed today\");\n");
        scene.gateway.run(&["rules", "apply", &rules]);
        let refused = testkit::tools::swaks(
            GATE,
            "bob@partner.example",
            &["alice@company.example"],
            &text("bob@partner.example", "alice@company.example", "x", "x"),
            &["--local-interface", "127.0.0.20"],
        );
        assert!(refused.text().contains("550 5.7.1 closed today"), "{}", refused.text());
        let broken = room.write("broken.rules", "if (incoming() {\n  deliver();\n}\n");
        let out = scene.gateway.command(&["rules", "apply", &broken]);
        let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("1:") || said.contains("line 1"), "{said}");
        let later = room.write("later.rules", "encrypt_domain();\n");
        let out = scene.gateway.command(&["rules", "check", &later]);
        assert!(format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)).contains("not available yet"));
    });
}
