//! Story: bad input has a clear message that says what to do; nothing is lost, nothing panics.

use std::process::Command;

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, text};
use sealgate_tests::smtp::Client;
use testkit::gateway::program;
use testkit::net::isolated;
use testkit::{Gateway, Room};

/// Runs `sealgate serve` with a configuration that must not start, and gives exit code and words.
fn serve_fails(room: &Room, config: &str) -> (i32, String) {
    let file = room.write("bad.toml", config);
    let out = Command::new(program()).args(["serve", "--config", &file]).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(!text.contains("panicked at"), "{text}");
    (out.status.code().unwrap_or(-1), text)
}

fn data(room: &Room) -> String {
    format!("data = {:?}\nmaster_key = {:?}\n", room.file("data"), format!("file:{}", room.file("master.key")))
}

#[test]
fn configuration_keys_are_never_ignored() {
    let room = Room::new("keys");
    let (code, text) = serve_fails(&room, &format!("{}[smtp]\nlisen = []\n", data(&room)));
    assert!(code == 1 && text.contains("smtp.lisen") && text.contains("smtp.listen"), "{code} {text}");
    let (code, text) = serve_fails(&room, &format!("{}[cluster]\nadvertise = \"x\"\n", data(&room)));
    assert!(code == 1 && text.contains("cluster.advertise") && text.contains("not available yet"), "{code} {text}");
    let (code, text) = serve_fails(&room, "data = ");
    assert!(code == 1 && text.contains("line 1"), "{code} {text}");
}

#[test]
fn a_port_in_use_is_named() {
    isolated(|| {
        let room = Room::new("port");
        let taken = std::net::TcpListener::bind("127.0.0.1:2525").unwrap();
        let (code, text) = serve_fails(&room, &data(&room));
        assert!(code == 1 && text.contains("127.0.0.1:2525") && text.contains("smtp"), "{code} {text}");
        drop(taken);
    });
}

#[test]
fn a_data_directory_that_cannot_be_used_is_explained() {
    let room = Room::new("place");
    std::fs::create_dir(room.path().join("theirs")).unwrap();
    assert!(Command::new("chown").args(["nobody", &room.file("theirs")]).status().unwrap().success());
    let (code, text) = serve_fails(&room, &format!("data = {:?}\n", room.file("theirs")));
    assert!(code == 1 && text.contains("theirs") && text.contains("65534"), "{code} {text}");

    std::fs::create_dir(room.path().join("mount")).unwrap();
    let script = format!("mount -t tmpfs -o ro none {0} && exec {1} serve --data {0}", room.file("mount"), program().display());
    let out = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(text.contains("mount") && text.to_lowercase().contains("read-only"), "{text}");
}

#[test]
fn s_2_a_broken_certificate_never_leads_to_plain_text() {
    isolated(|| {
        let room = std::sync::Arc::new(Room::new("cert"));
        let broken = room.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let gateway = Gateway::start_in(room, &format!("[certificate]\ncert = {broken:?}\nkey = {broken:?}\n"), &[]);
        let said = gateway.event("tls.fallback", |_| true);
        assert!(said.to_string().contains("broken.pem"), "{said}");
        let answer = testkit::tools::run("curl", &["-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://127.0.0.1:8443/"], b"");
        assert!(answer.ok, "the console is up with a self-signed certificate: {answer:?}");
        assert!(!testkit::tools::run("curl", &["-s", "-m", "5", "http://127.0.0.1:8443/"], b"").text().contains("<html"), "no plain HTTP");
    });
}

#[test]
fn a_wrong_pass_phrase_imports_nothing() {
    isolated(|| {
        let gateway = Gateway::start("pass", sealgate_tests::scene::NODE);
        gateway.apply(&format!("{}[[user]]\naddress = \"alice@company.example\"\n", sealgate_tests::scene::SITE));
        let room = Room::new("pass-files");
        let ca = testkit::tools::Ca::new(&room, "ca");
        let alice = ca.person("alice@company.example");
        let wrong = room.write("wrong", "not the secret");
        let out = gateway.command(&["key", "import", &alice.p12, "--user", &alice.address, "--passphrase-file", &wrong]);
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{text}");
        assert!(text.contains("pass phrase"), "{text}");
        let listed = gateway.run(&["key", "list", "--json"]);
        assert!(!listed.contains("alice@company.example"), "{listed}");
        let junk = room.write("junk.p12", [0u8; 300]);
        assert_eq!(
            gateway.command(&["key", "import", &junk, "--user", &alice.address, "--passphrase-file", &wrong]).status.code(),
            Some(1)
        );
    });
}

#[test]
fn m_t6_x_8_bad_smtp_is_answered_and_nothing_is_lost() {
    isolated(|| {
        let scene = Scene::start("");
        let hello = || {
            let mut client = Client::connect(GATE, "127.0.0.20").unwrap();
            assert!(client.say("EHLO partner.example").unwrap().contains("SIZE 50000000"));
            client
        };
        let mut client = hello();
        let unknown = client.say("FROBNICATE now").unwrap();
        assert!(unknown.starts_with("500 5.5.") || unknown.starts_with("502 5.5."), "{unknown}");
        let long = client.say(&format!("NOOP {}", "x".repeat(5_000))).unwrap();
        assert!(long.starts_with("500 5.5."), "{long}");
        let large = client.say("MAIL FROM:<bob@partner.example> SIZE=60000000").unwrap();
        assert!(large.starts_with("552 5.3.4"), "{large}");

        for (what, body) in [("bare LF", &b"one\ntwo"[..]), ("bare CR", b"one\rtwo"), ("NUL", b"a\0b")] {
            let mut client = hello();
            let mut message = text("bob@partner.example", "alice@company.example", "bad", "x").into_bytes();
            message.extend_from_slice(body);
            message.extend_from_slice(b"\r\n");
            let mut raw = message.clone();
            raw.extend_from_slice(b".\r\n");
            for line in ["MAIL FROM:<bob@partner.example>", "RCPT TO:<alice@company.example>", "DATA"] {
                client.say(line).unwrap();
            }
            client.send(&raw).unwrap();
            let reply = client.reply().unwrap();
            assert!(reply.starts_with('5'), "{what}: {reply}");
            // The session goes on, and the next mail is taken.
            let good = client
                .mail(
                    "bob@partner.example",
                    &["alice@company.example"],
                    text("bob@partner.example", "alice@company.example", what, "fine").as_bytes(),
                )
                .unwrap();
            assert!(good.starts_with("250"), "{what}: {good}");
        }
        let arrived = scene.company.wait_for("alice", 3);
        assert_eq!(arrived.len(), 3);
        assert!(arrived.iter().all(|mail| String::from_utf8_lossy(mail).contains("fine")));

        let mut client = hello();
        for line in ["MAIL FROM:<bob@partner.example>", "RCPT TO:<alice@company.example>", "DATA"] {
            client.say(line).unwrap();
        }
        let chunk = "y".repeat(70) + "\r\n";
        let mut last = Ok(());
        for _ in 0..(51_000_000 / chunk.len()) {
            last = client.send(chunk.as_bytes());
            if last.is_err() {
                break;
            }
        }
        let _ = last.and_then(|()| client.send(b".\r\n"));
        let reply = client.reply().unwrap();
        assert!(reply.starts_with("552 5.3.4"), "{reply}");
    });
}
