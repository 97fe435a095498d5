//! Story: mail, passwords and keys that bear a canary go every way that there is: delivered, opened, bounced, refused, scanned, queued when
//! the gateway is killed. Afterwards none is found in clear in what the gateway keeps or says: data directory, log, syslog, temporary
//! files (security.md X-21, X-22).

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sealgate_tests::scene::{GATE, cms_encrypt, mail_of, text};
use sealgate_tests::sink::Sink;
use sealgate_tests::smtp::Client;
use serde_json::Value;
use testkit::net::isolated;
use testkit::scanners::{Clamd, PATTERN};
use testkit::tools::{Ca, must, run, swaks};
use testkit::{Gateway, Room, wait};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";
const SCANNER: &str = "127.0.0.70:3310";
const SYSLOG: &str = "127.0.0.30:514";

// Octets of base64's alphabet only, so that no encoding but those looked for changes them.
const SUBJECT: &str = "Kanarie1SubjectQ7xW2pLmZ";
const FIELD: &str = "Kanarie2HeaderR8yV3qKnY";
const BODY: &str = "Kanarie3BodyS9zU4rJoX1";
const FILE: &str = "Kanarie4AttachmentT1aT5sIpW";
const PASSWORD: &str = "Kanarie5PasswordU2bS6tHqV";
const WRONG: &str = "Kanarie6WrongV3cR7uGrU";
const PHRASE: &str = "Kanarie7PassPhraseW4dQ8vFsT";
const PHONE: &str = "Kanarie8PhoneX5eP9wEtS";
const TOKEN: &str = "Kanarie9TokenY6fO1xDuR";

const NODE: &str = r#"
[smtp]
listen = ["127.0.0.1:2525"]
submission = ["127.0.0.1:2587"]
[times]
smtp_sign_in = "100ms"
[log]
format = "json"
level = "debug"
"#;

fn site(node: &str) -> String {
    format!(
        r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
relay_networks = ["127.0.0.10/32"]
smart_host = "[127.0.0.20]:25"
retry_first = "1s"
retry_max = "1s"
[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
[[domain]]
name = "refuses.example"
forward = "[127.0.0.22]:25"
[[domain]]
name = "away.example"
forward = "[127.0.0.23]:25"
[[user]]
address = "{ALICE}"
password = "{PASSWORD}"
[protection]
clamd = "{SCANNER}"
[rules.generator]
virus_check = true
virus_check_outgoing = true
[[mobile.gateway]]
id = "phones"
mail_server = "https://127.0.0.24:443"
verify_tls_mail = false
[[system]]
node = "{node}"
syslog = [{{ target = "udp://{SYSLOG}" }}]
"#
    )
}

/// A secret, in each form that is looked for.
struct Canary {
    name: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    fn new(name: &str, secret: &[u8]) -> Self {
        let hex: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
        // What stands before it shifts base64: without what the neighbours touch there are three forms.
        let shifted = (0..3_usize).map(|before| {
            let text = STANDARD_NO_PAD.encode([&vec![0; before], secret].concat());
            let (skip, whole) = ([0, 2, 3][before], (before + secret.len()) / 3 * 4);
            text.as_bytes()[skip..whole].to_vec()
        });
        let wide = secret.iter().flat_map(|octet| [*octet, 0]).collect();
        let forms = [secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), wide].into_iter().chain(shifted).collect();
        Self { name: name.to_owned(), forms }
    }

    fn is_in(&self, octets: &[u8]) -> bool {
        !found(std::slice::from_ref(self), octets).is_empty()
    }
}

/// Octets that are looked at together; what is set aside of a file and not yet written is zero.
const BLOCK: usize = 4_096;

/// The canaries that stand somewhere in these octets. One pass: a form is compared only where its first two octets stand.
fn found<'c>(canaries: &'c [Canary], octets: &[u8]) -> Vec<&'c str> {
    let forms: Vec<(&str, &[u8])> =
        canaries.iter().flat_map(|canary| canary.forms.iter().map(|form| (canary.name.as_str(), form.as_slice()))).collect();
    let mut begins = vec![false; 65_536];
    forms.iter().for_each(|(_, form)| begins[usize::from(form[0]) << 8 | usize::from(form[1])] = true);
    let mut seen = Vec::new();
    for start in (0..octets.len()).step_by(BLOCK) {
        let block = &octets[start..octets.len().min(start + BLOCK)];
        if *block == [0; BLOCK][..block.len()] {
            continue;
        }
        for at in start..(start + block.len()).min(octets.len() - 1) {
            if begins[usize::from(octets[at]) << 8 | usize::from(octets[at + 1])] {
                seen.extend(forms.iter().filter(|(_, form)| octets[at..].starts_with(form)).map(|(name, _)| *name));
            }
        }
    }
    seen
}

/// All files below a folder, with what is in them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&path)),
            Ok(kind) if kind.is_file() => found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default())),
            _ => {}
        }
    }
    found
}

/// A server that knows nobody.
fn refuses(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || refuse(&stream));
        }
    });
}

fn refuse(stream: &TcpStream) -> Option<()> {
    let (input, mut output) = (BufReader::new(stream), stream);
    output.write_all(b"220 server\r\n").ok()?;
    for line in input.lines() {
        let reply = if line.ok()?.starts_with("RCPT") { "550 5.1.1 nobody of that name\r\n" } else { "250 ok\r\n" };
        output.write_all(reply.as_bytes()).ok()?;
    }
    Some(())
}

struct Scene {
    room: Arc<Room>,
    gateway: Gateway,
    canaries: Vec<Canary>,
    syslog: Arc<Mutex<Vec<u8>>>,
    company: Sink,
    partner: Sink,
    _clamd: Clamd,
}

fn start(room: &Arc<Room>) -> Gateway {
    let temporary = format!("TMPDIR={}", room.file("tmp"));
    Gateway::start_in(room.clone(), NODE, &["env", &temporary])
}

impl Scene {
    fn start() -> Self {
        let (company, partner, clamd) = (Sink::start("127.0.0.10:25"), Sink::start("127.0.0.20:25"), Clamd::start(SCANNER));
        refuses("127.0.0.22:25");
        let (receiver, syslog) = (UdpSocket::bind(SYSLOG).unwrap(), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&syslog);
        std::thread::spawn(move || {
            let mut line = [0; 65_536];
            while let Ok(length) = receiver.recv(&mut line) {
                heard.lock().unwrap().extend_from_slice(&line[..length]);
            }
        });
        let room = Arc::new(Room::new("canary"));
        std::fs::create_dir_all(room.path().join("tmp")).unwrap();
        let gateway = start(&room);
        let status: Value = serde_json::from_str(&gateway.run(&["status", "--json"])).unwrap();
        gateway.apply(&site(status["node"].as_str().unwrap()));
        let all = [SUBJECT, FIELD, BODY, FILE, PASSWORD, WRONG, PHRASE, PHONE, TOKEN];
        let mut canaries: Vec<Canary> = all.into_iter().map(|secret| Canary::new(secret, secret.as_bytes())).collect();
        let master = std::fs::read(room.file("master.key")).unwrap();
        canaries.push(Canary::new("the master key's file", master.trim_ascii()));
        Self { room, gateway, canaries, syslog, company, partner, _clamd: clamd }
    }

    /// Alice's key and Bob's certificate; what of the key is secret becomes a canary.
    fn keys(&mut self, peers: &Room) -> testkit::tools::Person {
        let ca = Ca::new(peers, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        let (p12, phrase) = (peers.file("alice.p12"), format!("pass:{PHRASE}"));
        let _ = must("openssl", &["pkcs12", "-export", "-inkey", &alice.key, "-in", &alice.cert, "-passout", &phrase, "-out", &p12], b"");
        let phrase = peers.write("phrase", PHRASE);
        self.gateway.run(&["key", "import", &p12, "--user", ALICE, "--passphrase-file", &phrase]);
        self.gateway.run(&["key", "import", &bob.cert, "--partner", BOB]);
        let der = must("openssl", &["pkey", "-in", &alice.key, "-outform", "DER"], b"");
        // The last numbers of an RSA key are secret (RFC 8017 §A.1.2).
        self.canaries.push(Canary::new("a private key", &der[der.len() - 100..der.len() - 60]));
        alice
    }

    /// Looks through all that the gateway keeps and has said.
    fn look(&self, when: &str) {
        let mut all = files(&self.room.path().join("data"));
        all.extend(files(&self.room.path().join("tmp")));
        all.push(("the log".to_owned(), std::fs::read(self.room.file("gateway.log")).unwrap()));
        all.push(("syslog".to_owned(), self.syslog.lock().unwrap().clone()));
        for (what, octets) in &all {
            let found = found(&self.canaries, octets);
            assert!(found.is_empty(), "{when}: {found:?} in {what}");
        }
    }
}

/// A mail with canaries wherever there is room. Message ids are logged, and none of them.
fn mail(from: &str, to: &str, mark: &str, body: &str) -> String {
    let fields = format!("Subject: {mark}{SUBJECT}\r\nX-Note: {FIELD}\r\n");
    text(from, to, "plain", &format!("{body} {BODY}")).replacen("Subject: plain\r\n", &fields, 1)
}

/// Sends; gives the last reply.
fn send(local: &str, from: &str, to: &str, message: &str) -> String {
    let mut client = Client::connect(GATE, local).unwrap();
    client.say("EHLO client.example").unwrap();
    let reply = client.mail(from, &[to], message.as_bytes()).unwrap();
    client.say("QUIT").unwrap();
    reply
}

/// People and phones with passwords, right and wrong.
fn sign_in(room: &Room) {
    for (password, fits) in [(PASSWORD, true), (WRONG, false)] {
        let message = mail(ALICE, BOB, "", "signed in");
        let args = ["--local-interface", "127.0.0.99", "--tls", "--auth", "PLAIN", "--auth-user", ALICE, "--auth-password", password];
        assert_eq!(swaks("127.0.0.1:2587", ALICE, &[BOB], &message, &args).ok, fits);
    }
    let body = room.write("body", format!("{BODY} {PHONE}"));
    let (user, data, bearer) = (format!("alice:{PHONE}"), format!("@{body}"), format!("Authorization: Bearer {TOKEN}"));
    let (cookie, form) = (format!("Cookie: session={TOKEN}"), format!("name=admin&password={WRONG}"));
    let phone = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&DeviceId=dev1&DeviceType=iPhone";
    for line in [
        vec!["-u", &user, "--data-binary", &data, phone],
        vec!["-H", &bearer, "https://127.0.0.1:8443/api/v1/home"],
        vec!["-H", &cookie, "https://127.0.0.1:8443/"],
        vec!["--data", &form, "https://127.0.0.1:8443/sign-in"],
    ] {
        let answer = run("curl", &[&["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-m", "20"], &line[..]].concat(), b"");
        assert!(answer.text().len() == 3 && answer.text() != "000", "{line:?}: {}", answer.text());
    }
}

#[test]
fn x_21_no_canary_is_found_in_what_the_gateway_keeps_and_says() {
    isolated(|| {
        let (mut scene, peers) = (Scene::start(), Room::new("peers"));
        let alice = scene.keys(&peers);
        let control = Canary::new("control", BODY.as_bytes());
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{BODY}{before}");
            let shown: Vec<Vec<u8>> = vec![
                text.clone().into(),
                STANDARD_NO_PAD.encode(&text).into(),
                text.bytes().flat_map(|b| format!("{b:02X}").into_bytes()).collect(),
            ];
            assert!(shown.iter().all(|octets| control.is_in(octets)), "the look finds what is there: {text}");
        }

        // Delivered, opened, signed and encrypted.
        assert!(send("127.0.0.20", BOB, ALICE, &mail(BOB, ALICE, "", "hello")).starts_with("250"));
        let file = format!(
            "Content-Type: application/octet-stream; name=\"a.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            base64::engine::general_purpose::STANDARD.encode(FILE)
        );
        let closed = mail_of(BOB, ALICE, "closed", &cms_encrypt(&peers, file.as_bytes(), &[&alice], "-aes-256-cbc"));
        let closed = closed.replacen("Subject: closed", &format!("Subject: {SUBJECT}"), 1);
        assert!(send("127.0.0.20", BOB, ALICE, &closed).starts_with("250"));
        let opened = scene.company.wait_for(2);
        let arrived = |secret: &str| opened.iter().any(|mail| Canary::new("", secret.as_bytes()).is_in(&mail.content));
        assert!([SUBJECT, FIELD, BODY, FILE].into_iter().all(arrived), "all of it went through the gateway");
        assert!(send("127.0.0.10", ALICE, BOB, &mail(ALICE, BOB, "[secure] ", "hello")).starts_with("250"));
        let _ = scene.gateway.event("mail.delivered", |e| e["to"] == BOB);
        // Scanned and refused; bounced; queued.
        let infected = send("127.0.0.20", BOB, ALICE, &mail(BOB, ALICE, "", PATTERN));
        assert!(infected.starts_with("550"), "{infected}");
        assert!(send("127.0.0.10", ALICE, "bob@refuses.example", &mail(ALICE, "bob@refuses.example", "", "hello")).starts_with("250"));
        let _ = scene.gateway.event("mail.bounced", |_| true);
        assert!(send("127.0.0.10", ALICE, "bob@away.example", &mail(ALICE, "bob@away.example", "", "hello")).starts_with("250"));
        let _ = scene.gateway.events("mail.deferred", 2, |e| e["to"] == "bob@away.example");
        sign_in(&peers);
        for args in [&["queue", "list", "--json"][..], &["log", "search", "--json"], &["key", "list", "--json"], &["config", "export"]] {
            let said = scene.gateway.run(args);
            let found = found(&scene.canaries, said.as_bytes());
            assert!(found.is_empty(), "{found:?} in {args:?}");
        }
        wait::until(Duration::from_secs(30), "syslog", || {
            String::from_utf8_lossy(&scene.syslog.lock().unwrap()).contains("mail.deferred").then_some(())
        });
        scene.look("while it runs");
        let queued = files(&scene.room.path().join("data/queue"));
        assert!(queued.iter().any(|(_, octets)| octets.len() > BODY.len()), "there is a queue to look through");

        // Killed with mail in the queue, and come back.
        let Scene { room, gateway, canaries, syslog, company, partner, _clamd } = scene;
        gateway.kill();
        let mut scene = Scene { gateway: start(&room), room, canaries, syslog, company, partner, _clamd };
        scene.look("after the kill");
        let away = Sink::start("127.0.0.23:25");
        let _ = away.wait_for(1);
        let _ = scene.gateway.event("mail.delivered", |e| e["to"] == "bob@away.example");
        let _ = scene.partner.wait_for(2);
        scene.room = scene.gateway.stop();
        scene.gateway = start(&scene.room);
        scene.look("after a restart");
    });
}
