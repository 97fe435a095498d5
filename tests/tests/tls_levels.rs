//! Story: each TLS level against servers whose certificate is good, self-signed, misnamed, expired, or that offer no TLS at all.
//! The servers are Postfixes; what they write into Received says whether TLS was used.

use sealgate_tests::scene::{GATE, NODE, header, text};
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::tools::{Ca, fingerprint, self_signed, swaks};
use testkit::{Gateway, Postfix, Room};

/// Domain and address of each server, in the order of the table.
const SERVERS: [(&str, &str); 5] =
    [("good", "127.0.0.21"), ("selfsigned", "127.0.0.22"), ("misnamed", "127.0.0.23"), ("expired", "127.0.0.24"), ("clear", "127.0.0.25")];

/// Level, and whether mail goes to each of [`SERVERS`].
const TABLE: [(&str, [bool; 5]); 6] = [
    ("none", [true, true, true, true, true]),
    ("may", [true, true, true, true, true]),
    ("encrypt", [true, true, true, true, false]),
    ("verify", [true, false, true, false, false]),
    ("secure", [true, false, false, false, false]),
    ("fingerprint", [true, false, false, false, false]),
];

/// Why each server does not meet what is asked, at the levels at which it does not.
const WHY: [(&str, &str); 3] = [("verify", "is not trusted"), ("secure", "its certificate"), ("fingerprint", "none of the digests")];

struct World {
    servers: Vec<Postfix>,
    gateway: Gateway,
    /// The certificate of the first server.
    good: String,
    _room: Room,
}

impl World {
    fn start() -> Self {
        let room = Room::new("certificates");
        let ca = Ca::new(&room, "root");
        let certificates = [
            Some(ca.server("good", "IP:127.0.0.21", "20")),
            Some(self_signed(&room, "selfsigned", "IP:127.0.0.22")),
            Some(ca.server("misnamed", "IP:127.0.0.99,DNS:elsewhere.example", "20")),
            Some(ca.server("expired", "IP:127.0.0.24", "-1")),
            None,
        ];
        let server = |((name, ip), certificate): (&(&str, &str), &Option<(String, String)>)| {
            let tls = certificate.as_ref().map_or_else(String::new, |(cert, key)| {
                format!(
                    "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\nsmtpd_tls_received_header = yes\n"
                )
            });
            Postfix::start(&Setup { name, listen: &format!("{ip}:25"), domain: &format!("{name}.example"), relay: "", extra: &tls })
        };
        let servers = SERVERS.iter().zip(&certificates).map(server).collect();
        let gateway = Gateway::start("gateway", NODE);
        gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);
        let good = certificates[0].clone().expect("it has one").0;
        Self { servers, gateway, good, _room: room }
    }

    fn site(&self, mail: &str, level: &str) {
        let digests = format!("{} | {}", fingerprint(&self.good, "-sha256"), fingerprint(&self.good, "-sha1"));
        let row = |(name, ip): &(&str, &str)| {
            let digests = if level == "fingerprint" { format!("fingerprints = [\"{digests}\"]\n") } else { String::new() };
            format!("[[tls]]\ndomain = \"{name}.example\"\nserver = \"{ip}\"\nlevel = \"{level}\"\n{digests}\n")
        };
        let rows: String = SERVERS.iter().map(row).collect();
        self.gateway.apply(&format!(
            "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\nrelay_networks = [\"127.0.0.10/32\"]\n{mail}\n\
             [[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.10]:25\"\n{rows}"
        ));
    }

    /// One mail to all servers; its trace.
    fn send(&self, subject: &str) -> String {
        let to: Vec<String> = SERVERS.iter().map(|(name, _)| format!("bob@{name}.example")).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let before = self.gateway.log_text().matches("\"mail.accepted\"").count();
        let message = text("alice@company.example", to[0], subject, "x");
        let sent = swaks(GATE, "alice@company.example", &to, &message, &["--local-interface", "127.0.0.10"]);
        assert!(sent.ok, "{}", sent.text());
        let accepted = self.gateway.events("mail.accepted", before + 1, |_| true);
        accepted.last().expect("one more")["trace"].as_str().expect("a trace").to_owned()
    }
}

#[test]
fn m_t4_each_level_against_each_kind_of_server() {
    isolated(|| {
        let world = World::start();
        for (level, goes) in TABLE {
            world.site("retry_first = \"1h\"", level);
            let trace = world.send(level);
            for ((name, _), goes) in SERVERS.iter().zip(goes) {
                let this = |event: &serde_json::Value| event["trace"] == *trace && event["to"] == format!("bob@{name}.example");
                if goes {
                    let _ = world.gateway.event("mail.delivered", this);
                    continue;
                }
                let said = world.gateway.event("mail.deferred", this)["reply"].as_str().unwrap_or_default().to_owned();
                let why = if *name == "clear" { "does not offer STARTTLS" } else { WHY.iter().find(|(at, _)| *at == level).unwrap().1 };
                assert!(said.contains(why), "{level} {name}: {said}");
            }
        }
        for (place, server) in world.servers.iter().enumerate() {
            let due: Vec<&str> = TABLE.iter().filter(|(_, goes)| goes[place]).map(|(level, _)| *level).collect();
            let mails = server.wait_for("bob", due.len());
            assert_eq!(mails.len(), due.len(), "x_23: {} got what was to go there and nothing else", server.address());
            for mail in mails {
                let (subject, received) = (header(&mail, "subject"), header(&mail, "received"));
                let wanted = subject != "none" && SERVERS[place].0 != "clear";
                assert_eq!(received.contains("using TLSv1.3"), wanted, "{subject}: {received}");
            }
        }
    });
}

#[test]
fn x_23_a_level_that_is_not_met_ends_in_a_dsn_and_hard_revocation_defers() {
    isolated(|| {
        let world = World::start();
        let company = sealgate_tests::scene::company();
        world.site("retry_first = \"1h\"\nrevocation = \"hard\"", "verify");
        let trace = world.send("hard");
        let said = world.gateway.event("mail.deferred", |e| e["trace"] == *trace && e["to"] == "bob@good.example");
        assert!(said["reply"].as_str().unwrap().contains("whether its certificate was revoked is not known"), "{said}");
        world.site("retry_first = \"1s\"\nretry_max = \"1s\"\nexpire = \"2s\"", "secure");
        let trace = world.send("expires");
        let _ = world.gateway.event("tls.revocation_unknown", |_| true);
        let _ = world.gateway.event("mail.delivered", |e| e["trace"] == *trace && e["to"] == "bob@good.example");
        for (name, _) in &SERVERS[1..] {
            let _ = world.gateway.event("mail.bounced", |e| e["trace"] == *trace && e["to"] == format!("bob@{name}.example"));
        }
        let told = String::from_utf8_lossy(&company.wait_for("alice", 1).concat()).into_owned();
        assert!(told.contains("Action: failed") && told.contains("Status: 5.4.7"), "{told}");
        assert!(world.servers[1..].iter().all(|server| server.mailbox("bob").is_empty()), "nothing went there");
    });
}
