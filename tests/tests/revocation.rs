//! Story: servers whose certificates, or whose CA's, were revoked; the lists lie on a web server on loopback, as a CA's would on the
//! Internet. Certificates and lists are made by openssl, the servers are Postfixes.

use sealgate_tests::scene::{GATE, NODE, text};
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::tools::{Ca, swaks};
use testkit::{Gateway, Postfix, Room, Server, wait};

const WEB: &str = "127.0.0.70:8000";
const OPEN: &str = "[egress]\nallow = [{ purpose = \"crl\", net = \"127.0.0.70/32\" }]\n";

/// Name, last number of the address, and why mail does not go there with `soft` and with `hard`; empty: it goes.
const SERVERS: [(&str, &str, &str, &str); 5] = [
    ("good", "21", "", ""),
    ("revoked", "22", "its certificate was revoked", "its certificate was revoked"),
    ("fallen", "23", "the certificate of its CA fallen-ca was revoked", "the certificate of its CA fallen-ca was revoked"),
    ("lost", "24", "", "its revocation list can't be had: status 404"),
    ("bare", "25", "", "it names no revocation list"),
];

struct World {
    gateway: Gateway,
    servers: Vec<Postfix>,
    _web: Server,
    room: Room,
}

impl World {
    fn start(node: &str) -> Self {
        let room = Room::new("certificates");
        let root = Ca::new(&room, "root");
        let list = |name: &str| format!("http://{WEB}/{name}.crl");
        let between = root.below("between-ca", &list("root"));
        let fallen = root.below("fallen-ca", &list("root"));
        let mut servers = Vec::new();
        for (name, number, _, _) in SERVERS {
            let (ip, issuer) = (format!("127.0.0.{number}"), if name == "fallen" { &fallen } else { &between });
            let (cert, key) = match name {
                "bare" => issuer.server(name, &format!("IP:{ip}"), "20"),
                "lost" => issuer.server_listed(name, &format!("IP:{ip}"), &list("lost")),
                "fallen" => issuer.server_listed(name, &format!("IP:{ip}"), &list("fallen")),
                _ => issuer.server_listed(name, &format!("IP:{ip}"), &list("between")),
            };
            let chain = [cert, issuer.cert()].map(|file| std::fs::read_to_string(file).expect("a certificate")).concat();
            let chain = room.write(&format!("{name}.chain"), chain);
            let tls = format!("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {chain}\nsmtpd_tls_key_file = {key}\n");
            let (listen, domain) = (format!("{ip}:25"), format!("{name}.example"));
            servers.push(Postfix::start(&Setup { name, listen: &listen, domain: &domain, relay: "", extra: &tls }));
        }
        let served = room.path().join("served");
        std::fs::create_dir(&served).expect("folder");
        for (name, octets) in [
            ("root", root.revocation_list(&[&fallen.cert()])),
            ("between", between.revocation_list(&[&room.file("revoked.crt")])),
            ("fallen", fallen.revocation_list(&[])),
        ] {
            std::fs::write(served.join(format!("{name}.crl")), octets).expect("a list");
        }
        let (address, port) = WEB.split_once(':').expect("address:port");
        let line = ["-u", "-m", "http.server", port, "--bind", address, "--directory", &served.display().to_string()];
        let web = Server::start("python3", &line, &room.path().join("requests.log"));
        wait::port(WEB);
        let gateway = Gateway::start("gateway", &format!("{NODE}{node}"));
        gateway.run(&["key", "import", &root.cert(), "--root", "--trust"]);
        Self { gateway, servers, _web: web, room }
    }

    fn site(&self, level: &str, mail: &str) {
        let row = |(name, number, _, _): &(&str, &str, &str, &str)| {
            format!("[[tls]]\ndomain = \"{name}.example\"\nserver = \"127.0.0.{number}\"\nlevel = \"{level}\"\n")
        };
        let rows: String = SERVERS.iter().map(row).collect();
        self.gateway.apply(&format!(
            "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\nrelay_networks = [\"127.0.0.10/32\"]\n{mail}\n\
             [[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.10]:25\"\n{rows}"
        ));
    }

    /// One mail to all servers; its trace.
    fn send(&self, subject: &str) -> String {
        let to: Vec<String> = SERVERS.iter().map(|(name, ..)| format!("bob@{name}.example")).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let before = self.gateway.log_text().matches("\"mail.accepted\"").count();
        let message = text("alice@company.example", to[0], subject, "x");
        let sent = swaks(GATE, "alice@company.example", &to, &message, &["--local-interface", "127.0.0.10"]);
        assert!(sent.ok, "{}", sent.text());
        let accepted = self.gateway.events("mail.accepted", before + 1, |_| true);
        accepted.last().expect("one more")["trace"].as_str().expect("a trace").to_owned()
    }

    /// What became of it at one server: empty if it was delivered, else the reason.
    fn became(&self, trace: &str, name: &str, goes: bool) -> String {
        let this = |event: &serde_json::Value| event["trace"] == *trace && event["to"] == format!("bob@{name}.example");
        if goes {
            let _ = self.gateway.event("mail.delivered", this);
            return String::new();
        }
        self.gateway.event("mail.deferred", this)["reply"].as_str().unwrap_or_default().to_owned()
    }

    fn asked(&self, list: &str) -> usize {
        let log = std::fs::read_to_string(self.room.path().join("requests.log")).unwrap_or_default();
        log.matches(&format!("GET /{list}.crl ")).count()
    }
}

#[test]
fn m_t4_revoked_certificates_and_cas_keep_mail_back() {
    isolated(|| {
        let world = World::start(OPEN);
        let quick = "retry_first = \"1s\"\nretry_max = \"1s\"";
        world.site("verify", &format!("{quick}\nexpire = \"2s\""));
        let trace = world.send("expires");
        for (name, _, soft, _) in SERVERS {
            if soft.is_empty() {
                let _ = world.became(&trace, name, true);
                continue;
            }
            let ended = world.gateway.event("mail.bounced", |e| e["trace"] == *trace && e["to"] == format!("bob@{name}.example"));
            assert_eq!(ended["status"], "4.7.5", "{ended}");
        }
        for level in ["verify", "secure"] {
            let mut waiting = String::new();
            for revocation in ["hard", "soft"] {
                world.site(level, &format!("{quick}\nrevocation = \"{revocation}\""));
                let trace = world.send(&format!("{level} {revocation}"));
                for (name, _, soft, hard) in SERVERS {
                    let why = if revocation == "soft" { soft } else { hard };
                    let said = world.became(&trace, name, why.is_empty());
                    assert!(said.contains(why), "{level} {revocation} {name}: {said}");
                    if revocation == "soft" && soft.is_empty() {
                        // What waited for a list goes now.
                        let _ = world.became(&waiting, name, true);
                    }
                }
                waiting = trace;
            }
        }
        for name in ["lost", "bare"] {
            let host = format!("127.0.0.{}", SERVERS.iter().find(|(known, ..)| *known == name).expect("it is there").1);
            let _ = world.gateway.event("tls.revocation_unknown", |e| e["host"] == host);
        }
        let _ = world.gateway.event("crl.fetched", |e| e["url"] == format!("http://{WEB}/between.crl") && e["names"] == 1);
        let _ = world.gateway.event("crl.failed", |e| e["url"] == format!("http://{WEB}/lost.crl"));
        assert_eq!((world.asked("root"), world.asked("between"), world.asked("lost")), (1, 1, 1), "kept, and left alone");
        for (server, (name, _, soft, _)) in world.servers.iter().zip(SERVERS) {
            let wanted = if soft.is_empty() { 5 } else { 0 };
            let got = if wanted > 0 { server.wait_for("bob", wanted) } else { server.mailbox("bob") };
            assert_eq!(got.len(), wanted, "x_23: what {name} got");
        }
    });
}

#[test]
fn x_17_lists_inside_are_not_fetched_and_hard_waits() {
    isolated(|| {
        let world = World::start("");
        world.site("verify", "retry_first = \"1h\"\nrevocation = \"hard\"");
        let trace = world.send("closed");
        let said = world.became(&trace, "good", false);
        assert!(said.contains("closed for this purpose"), "{said}");
        let _ = world.gateway.event("egress.closed", |e| e["purpose"] == "crl");
        assert_eq!(world.asked("between"), 0);
    });
}
