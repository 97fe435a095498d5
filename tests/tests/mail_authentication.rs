//! Story: mail of ours is signed, and others' eyes (dkimpy) find the signatures good; mail from outside is checked against
//! records in a real name server (Knot), marked, refused where the site wishes it, and sealed where we changed it.

use std::fmt::Write as _;

use sealgate_tests::scene::{self, header, text};
use sealgate_tests::smtp::Client;
use serde_json::Value;
use testkit::net::isolated;
use testkit::tools::must;
use testkit::{Gateway, Postfix, Room, Server, wait};

const DNS: &str = "127.0.0.53";
const STRANGER: &str = "127.0.0.66";

/// Checks each DKIM signature and the ARC chain of a mail on standard input, with records from our name server.
const DKIMPY: &str = r#"
import sys, dkim, dns.resolver
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["127.0.0.53"]
def txt(name, timeout=5):
    try:
        answer = resolver.resolve(name.decode().rstrip("."), "TXT")
        return b"".join(answer[0].strings)
    except Exception as error:
        return None
mail = sys.stdin.buffer.read()
count = len([1 for name, _ in dkim.rfc822_parse(mail)[0] if name.lower() == b"dkim-signature"])
print(*["pass" if dkim.DKIM(mail).verify(idx=at, dnsfunc=txt) else "fail" for at in range(count)])
print(dkim.ARC(mail).verify(dnsfunc=txt)[0].decode())
"#;

/// Signs a mail for partner.example with the key in the file that is named first.
const SIGN: &str = r#"
import sys, dkim
mail = sys.stdin.buffer.read()
key = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(dkim.sign(mail, b"p1", b"partner.example", key, canonicalize=(b"relaxed", b"relaxed")) + mail)
"#;

struct Scene {
    company: Postfix,
    partner: Postfix,
    gateway: Gateway,
    _knot: Server,
    room: Room,
}

fn site(more_mail: &str, rest: &str) -> String {
    let site = scene::SITE.replace("[[domain]]\n", &format!("{more_mail}\n[[domain]]\ndkim_selector = \"s1\"\n"));
    format!("{site}{rest}")
}

/// A TXT record as zone files write long ones.
fn record(name: &str, text: &str) -> String {
    let strings: Vec<String> = text.as_bytes().chunks(200).map(|part| format!("\"{}\"", String::from_utf8_lossy(part))).collect();
    format!("{name}. TXT ( {} )\n", strings.join(" "))
}

impl Scene {
    fn start(rest: &str) -> Self {
        let room = Room::new("files");
        let node = format!("{}[dns]\nservers = [\"{DNS}:53\"]\n", scene::NODE);
        let (company, partner, gateway) = (scene::company(), scene::partner(), Gateway::start("gateway", &node));
        gateway.apply(&site("", rest));
        let keys: Value = serde_json::from_str(&gateway.run(&["key", "list", "dkim", "--json"])).unwrap();
        let published: String = keys["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| record(key["name"].as_str().unwrap(), key["record"].as_str().unwrap()))
            .collect();
        assert_eq!(published.matches("v=DKIM1").count(), 2, "RSA and Ed25519: {keys}");
        let _ = must("openssl", &["genrsa", "-traditional", "-out", &room.file("partner.key"), "2048"], b"");
        let public = must("openssl", &["rsa", "-in", &room.file("partner.key"), "-pubout"], b"");
        let public: String = String::from_utf8(public).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
        let partner_zone = [
            record("partner.example", "v=spf1 ip4:127.0.0.20 -all"),
            record("_dmarc.partner.example", "v=DMARC1; p=reject"),
            record("p1._domainkey.partner.example", &format!("v=DKIM1; k=rsa; p={public}")),
        ];
        let bank = [record("bank.example", "v=spf1 -all"), record("_dmarc.bank.example", "v=DMARC1; p=reject")];
        let knot = knot(
            &room,
            &[
                ("company.example", published),
                ("partner.example", partner_zone.concat()),
                ("bank.example", bank.concat()),
                ("example", String::new()),
            ],
        );
        Self { company, partner, gateway, _knot: knot, room }
    }

    /// What dkimpy says: a word for each signature, and the chain's.
    fn others_say(&self, mail: &[u8]) -> (String, String) {
        let mail = String::from_utf8_lossy(mail).replace("\r\n", "\n").replace('\n', "\r\n");
        let script = self.room.write("check.py", DKIMPY);
        let said = String::from_utf8(must("/usr/bin/python3", &[&script], mail.as_bytes())).unwrap();
        let mut lines = said.lines().map(ToOwned::to_owned);
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
    }

    fn spoofed(&self, subject: &str) -> String {
        let mut client = Client::connect(scene::GATE, STRANGER).unwrap();
        client.say("EHLO evil.example").unwrap();
        let mail = format!(
            "Authentication-Results: GATE.company.example; dkim=pass header.d=bank.example\r\n{}",
            text("info@bank.example", "alice@company.example", subject, "Your account")
        );
        client.mail("eve@evil.example", &["alice@company.example"], mail.as_bytes()).unwrap()
    }
}

fn knot(room: &Room, zones: &[(&str, String)]) -> Server {
    let mut config = format!(
        "server:\n    rundir: {run}\n    listen: {DNS}@53\n    user: root\ndatabase:\n    storage: {run}\nzone:\n",
        run = room.path().display()
    );
    for (name, records) in zones {
        let head = format!("$ORIGIN {name}.\n$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A {DNS}\n");
        let file = room.write(&format!("{name}.zone"), format!("{head}{records}"));
        writeln!(config, "  - domain: {name}\n    file: {file}").unwrap();
    }
    let config = room.write("knot.conf", config);
    let server = Server::start("/usr/sbin/knotd", &["-c", &config], &room.path().join("knot.log"));
    wait::port(&format!("{DNS}:53"));
    server
}

#[test]
fn m_t11_what_leaves_is_signed_for_its_domain() {
    isolated(|| {
        let scene = Scene::start("");
        let sent = testkit::tools::swaks(
            scene.company.address(),
            "alice@company.example",
            &["bob@partner.example"],
            &text("alice@company.example", "bob@partner.example", "Signed", "Grüße"),
            &["--local-interface", "127.0.0.10"],
        );
        assert!(sent.ok, "{}", sent.text());
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        let shown = String::from_utf8_lossy(&mail).into_owned();
        assert_eq!(scene.others_say(&mail), ("pass pass".to_owned(), "none".to_owned()), "{shown}");
        for part in ["a=rsa-sha256", "a=ed25519-sha256", "d=company.example", "s=s1;", "s=s1-ed25519;"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let changed = shown.replace("Subject: Signed", "Subject: Changed");
        assert_eq!(scene.others_say(changed.as_bytes()).0, "fail fail");
        let accepted = scene.gateway.event("mail.accepted", |_| true);
        let uses = scene.gateway.events("key.used", 2, |e| e["purpose"] == "sign-domain");
        assert!(uses.iter().all(|used| used["trace"] == accepted["trace"]), "{uses:?}");
    });
}

#[test]
fn m_t11_what_the_gate_writes_itself_is_signed_too() {
    isolated(|| {
        let scene = Scene::start("");
        // Nobody is there, and mail is not kept for long.
        let away = site("expire = \"1s\"\nverify_recipients = false", "")
            .replace("forward = \"[127.0.0.10]:25\"", "forward = \"[127.0.0.99]:25\"");
        scene.gateway.apply(&away);
        let lost = text("bob@partner.example", "alice@company.example", "Lost", "hi");
        let local = ["--local-interface", "127.0.0.20"];
        let sent = testkit::tools::swaks(scene::GATE, "bob@partner.example", &["alice@company.example"], &lost, &local);
        assert!(sent.ok, "{}", sent.text());
        let report = scene.partner.wait_for("bob", 1).remove(0);
        let shown = String::from_utf8_lossy(&report).into_owned();
        assert_eq!(scene.others_say(&report), ("pass pass".to_owned(), "none".to_owned()), "{shown}");
        assert!(header(&report, "from").contains("postmaster@company.example") && shown.contains("Action: failed"), "{shown}");
        assert!(header(&report, "return-path").contains("<>"), "the null sender: {shown}");
        let report = scene.gateway.event("mail.reported", |_| true)["report"].clone();
        let _ = scene.gateway.events("key.used", 2, |e| e["purpose"] == "sign-domain" && e["trace"] == report);
        let changed = shown.replace("From: <postmaster@", "From: <director@");
        assert_eq!(scene.others_say(changed.as_bytes()).0, "fail fail");
    });
}

#[test]
fn m_t11_mail_from_outside_is_checked_and_a_spoofed_one_marked_or_refused() {
    isolated(|| {
        let scene = Scene::start("");
        let good = text("bob@partner.example", "alice@company.example", "Good", "hi");
        assert!(
            testkit::tools::swaks(
                scene.partner.address(),
                "bob@partner.example",
                &["alice@company.example"],
                &good,
                &["--local-interface", "127.0.0.20"]
            )
            .ok
        );
        let mail = scene.company.wait_for("alice", 1).remove(0);
        let results = header(&mail, "authentication-results");
        for part in [
            "gate.company.example;",
            "spf=pass smtp.mailfrom=bob@partner.example",
            "dkim=none",
            "dmarc=pass",
            "header.from=partner.example",
        ] {
            assert!(results.contains(part), "{part}: {results}");
        }
        assert!(scene.spoofed("Spoofed").starts_with("250"), "mark is the default");
        let mails = scene.company.wait_for("alice", 2);
        let mail = mails.iter().find(|mail| header(mail, "subject") == "Spoofed").unwrap();
        let shown = String::from_utf8_lossy(mail);
        assert_eq!(shown.to_lowercase().matches("authentication-results:").count(), 1, "the forged one is gone: {shown}");
        assert!(header(mail, "authentication-results").contains("dmarc=fail (p=reject) header.from=bank.example"), "{shown}");
        scene.gateway.apply(&site("dmarc = \"refuse\"", ""));
        let reply = scene.spoofed("Spoofed again");
        assert!(reply.starts_with("550 5.7.1 ") && reply.contains("bank.example"), "{reply}");
        let refused = scene.gateway.event("mail.refused", |e| e["code"] == "dmarc-refused");
        assert!(refused["cause"].as_str().unwrap().contains("bank.example"));
    });
}

#[test]
fn m_t11_a_signed_mail_that_rules_change_is_sealed() {
    isolated(|| {
        let rules = "[rules]\ntext = 'setheader(\"Subject\", \"Changed\"); deliver();'\n";
        let scene = Scene::start(rules);
        let plain = text("bob@partner.example", "alice@company.example", "Before", "hi");
        let script = scene.room.write("sign.py", SIGN);
        let signed = must("/usr/bin/python3", &[&script, &scene.room.file("partner.key")], plain.as_bytes());
        let mut client = Client::connect(scene::GATE, STRANGER).unwrap();
        client.say("EHLO relay.example").unwrap();
        let reply = client.mail("bob@partner.example", &["alice@company.example"], &signed).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        let mail = scene.company.wait_for("alice", 1).remove(0);
        let shown = String::from_utf8_lossy(&mail).into_owned();
        assert_eq!(header(&mail, "subject"), "Changed");
        let results = header(&mail, "authentication-results");
        assert!(results.contains("spf=fail") && results.contains("dkim=pass") && results.contains("dmarc=pass"), "{results}");
        assert_eq!(scene.others_say(&mail), ("fail".to_owned(), "pass".to_owned()), "{shown}");
        assert!(header(&mail, "arc-authentication-results").contains("dkim=pass"), "{shown}");
    });
}

#[test]
fn m_t11_without_a_name_server_mail_goes_on() {
    isolated(|| {
        let (company, gateway) =
            (scene::company(), Gateway::start("gateway", &format!("{}[dns]\nservers = [\"{DNS}:53\"]\n", scene::NODE)));
        gateway.apply(&site("dmarc = \"refuse\"", ""));
        let mut client = Client::connect(scene::GATE, STRANGER).unwrap();
        client.say("EHLO relay.example").unwrap();
        let mail = text("bob@partner.example", "alice@company.example", "No names", "hi");
        let reply = client.mail("bob@partner.example", &["alice@company.example"], mail.as_bytes()).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        let mail = company.wait_for("alice", 1).remove(0);
        let results = header(&mail, "authentication-results");
        assert!(results.contains("spf=temperror") && results.contains("dmarc=temperror"), "{results}");
    });
}
