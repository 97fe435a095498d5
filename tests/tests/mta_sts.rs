//! Story: MTA-STS (RFC 8461): policies from an HTTPS host of the test's own, a Knot for DNS, a Postfix as the next hop.

use std::sync::Arc;

use sealgate_tests::scene::{BY_MX as SITE, GATE, text};
use testkit::knot::{Knot, Signing, Zone};
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::tools::{Ca, swaks};
use testkit::{Gateway, PolicyHost, Postfix, Room};

/// All have one MX host, `mx.` before their name, on the same machine, whose certificate names `mx.named.example` only.
const DOMAINS: [&str; 6] = ["named.example", "other.example", "none.example", "moved.example", "lost.example", "bare.example"];

struct Scene {
    hop: Postfix,
    host: PolicyHost,
    dns: Knot,
    gateway: Gateway,
    node: String,
    _room: Arc<Room>,
}

fn records(domain: &str, id: &str) -> String {
    let record = if id.is_empty() { String::new() } else { format!("_mta-sts TXT \"v=STSv1; id={id};\"\n") };
    format!("@ MX 10 mx.{domain}.\nmx A 127.0.0.20\nmta-sts A 127.0.0.60\n{record}")
}

impl Scene {
    fn start(allow: &str) -> Self {
        let room = Arc::new(Room::new("files"));
        let ca = Ca::new(&room, "web-ca");
        let (cert, key) = ca.server("hop", "DNS:mx.named.example", "20");
        let extra = format!(
            "virtual_mailbox_domains = {}\nvirtual_mailbox_maps = static:bob/\nsmtpd_tls_security_level = may\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n",
            DOMAINS.join(" ")
        );
        let hop = Postfix::start(&Setup { name: "hop", listen: "127.0.0.20:25", domain: "named.example", relay: "", extra: &extra });
        let ids = ["1", "1", "1", "1", "1", ""];
        let zones: Vec<(&str, String)> = DOMAINS.iter().zip(ids).map(|(domain, id)| (*domain, records(domain, id))).collect();
        let zones: Vec<Zone<'_>> = zones.iter().map(|(name, records)| Zone { name, signing: Signing::None, records }).collect();
        let dns = Knot::start("127.0.0.53:53", &zones);
        let host = PolicyHost::start("127.0.0.60:443", &ca, &DOMAINS);
        let node = format!(
            "roles = [\"mail\", \"console\"]\n[dns]\nservers = [\"{}\"]\ntrust_anchor = {:?}\n[egress]\nallow = [{allow}]\n",
            dns.address(),
            dns.anchor()
        );
        let gateway = Gateway::start("gateway", &node);
        gateway.apply(SITE);
        gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);
        Self { hop, host, dns, gateway, node, _room: room }
    }

    fn send(&self, to: &str) {
        let message = text("alice@company.example", to, to, "words");
        assert!(swaks(GATE, "alice@company.example", &[to], &message, &["--local-interface", "127.0.0.10"]).ok);
    }

    fn delivered(&self, to: &str) {
        self.send(to);
        let _ = self.gateway.event("mail.delivered", |e| e["to"] == to);
    }

    fn deferred(&self, to: &str, why: &str) {
        self.send(to);
        let event = self.gateway.event("mail.deferred", |e| e["to"] == to);
        assert!(event["reply"].as_str().unwrap_or_default().contains(why), "{event}");
        let arrived = self.hop.mailbox("bob").iter().any(|mail| String::from_utf8_lossy(mail).contains(to));
        assert!(!arrived, "mail for {to} must wait");
    }
}

fn policy(mode: &str, mx: &str) -> String {
    format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n")
}

const OPEN: &str = "{ purpose = \"mta-sts\", net = \"127.0.0.0/8\" }";

#[test]
fn m_t4_mta_sts_enforced_tested_off_and_unreachable() {
    isolated(|| {
        let mut scene = Scene::start(OPEN);
        scene.host.publish("named.example", &policy("enforce", "*.named.example"));
        scene.delivered("good@named.example");
        let _ = scene.gateway.event("sts.policy", |e| e["domain"] == "named.example" && e["mode"] == "enforce");

        // The policy names the host, but its certificate names another: enforced, mail waits.
        scene.host.publish("other.example", &policy("enforce", "mx.other.example"));
        scene.deferred("strict@other.example", "does not name");
        // A new id brings a new policy, and testing lets it go.
        scene.host.publish("other.example", &policy("testing", "mx.other.example"));
        scene.dns.replace("other.example", &records("other.example", "2"));
        let _ = scene.gateway.event("mail.delivered", |e| e["to"] == "strict@other.example");
        let _ = scene.gateway.event("sts.policy", |e| e["domain"] == "other.example" && e["mode"] == "testing");

        scene.host.publish("none.example", "version: STSv1\nmode: none\nmax_age: 86400\n");
        scene.delivered("any@none.example");
        let _ = scene.gateway.event("sts.policy", |e| e["domain"] == "none.example" && e["mode"] == "none");

        // The policy names other hosts than the MX record.
        scene.host.publish("moved.example", &policy("enforce", "mx.elsewhere.example"));
        scene.deferred("moved@moved.example", "by its MTA-STS policy");

        // Nothing to fetch: as if there were no policy. No record: nobody is asked.
        scene.delivered("any@lost.example");
        let _ = scene.gateway.event("sts.failed", |e| e["domain"] == "lost.example");
        scene.delivered("any@bare.example");
        assert_eq!(scene.host.asked("bare.example"), 0);

        // Whoever takes record and policy away, and waits for a restart, gains nothing: what is kept stays in force.
        scene.host.withdraw("moved.example");
        scene.dns.replace("moved.example", &records("moved.example", ""));
        let asked = scene.host.asked("moved.example");
        let room = scene.gateway.stop();
        scene.gateway = Gateway::start_in(room, &scene.node, &[]);
        scene.deferred("later@moved.example", "by its MTA-STS policy");
        // Also where the administrator set a level that looks at no names.
        scene.gateway.apply(&format!("{SITE}[[tls]]\ndomain = \"moved.example\"\nlevel = \"verify\"\n"));
        scene.deferred("verified@moved.example", "by its MTA-STS policy");
        assert_eq!(scene.host.asked("moved.example"), asked);
    });
}

#[test]
fn x_23_a_new_policy_counts_for_a_connection_that_is_kept() {
    isolated(|| {
        let scene = Scene::start(OPEN);
        scene.host.publish("other.example", "version: STSv1\nmode: none\nmax_age: 86400\n");
        scene.delivered("before@other.example");
        // The connection is still there; the certificate at its end does not name the host.
        scene.host.publish("other.example", &policy("enforce", "mx.other.example"));
        scene.dns.replace("other.example", &records("other.example", "2"));
        scene.deferred("after@other.example", "does not name");
    });
}

#[test]
fn x_17_a_policy_host_in_a_private_network_is_not_asked() {
    isolated(|| {
        let scene = Scene::start("");
        scene.host.publish("other.example", &policy("enforce", "mx.other.example"));
        scene.delivered("bob@other.example");
        let _ = scene.gateway.event("egress.closed", |e| e["host"] == "mta-sts.other.example" && e["purpose"] == "mta-sts");
        assert_eq!(scene.host.asked("other.example"), 0);
    });
}
