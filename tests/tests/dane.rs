//! Story: DANE (RFC 7672) between the gateway, a Knot that signs a root of its own, and a Postfix as the next hop.

use sealgate_tests::scene::{BY_MX as SITE, GATE, text};
use testkit::knot::{Knot, Signing, Zone};
use testkit::net::isolated;
use testkit::policy_host::tlsa_311;
use testkit::postfix::Setup;
use testkit::tools::{Ca, swaks};
use testkit::{Gateway, Postfix, Room};

const DOMAINS: [&str; 4] = ["good.example", "wrong.example", "expired.example", "plain.example"];

/// The next hop of all four domains, with one certificate; every recipient's mail lies in `bob`'s Maildir.
fn next_hop(cert: &str, key: &str) -> Postfix {
    let extra = format!(
        "virtual_mailbox_domains = {}\nvirtual_mailbox_maps = static:bob/\nsmtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n",
        DOMAINS.join(" ")
    );
    Postfix::start(&Setup { name: "hop", listen: "127.0.0.20:25", domain: "good.example", relay: "", extra: &extra })
}

fn dns(cert: &str) -> Knot {
    let records = |tlsa: &str| format!("@ MX 10 mx\nmx A 127.0.0.20\n_25._tcp.mx TLSA {tlsa}");
    let (right, wrong) = (records(&tlsa_311(cert)), records(&format!("3 1 1 {}", "00".repeat(32))));
    Knot::start(
        "127.0.0.53:53",
        &[
            Zone { name: "good.example", signing: Signing::Good, records: &right },
            Zone { name: "wrong.example", signing: Signing::Good, records: &wrong },
            Zone { name: "expired.example", signing: Signing::Expired, records: &right },
            // Its TLSA record is wrong too, but nobody vouches for it.
            Zone { name: "plain.example", signing: Signing::None, records: &wrong },
        ],
    )
}

struct Scene {
    hop: Postfix,
    gateway: Gateway,
    _dns: Knot,
    _room: Room,
}

impl Scene {
    fn start(node: &str) -> Self {
        let room = Room::new("files");
        let ca = Ca::new(&room, "hop-ca");
        let (cert, key) = ca.server("hop", "DNS:mx.good.example", "20");
        let (hop, dns) = (next_hop(&cert, &key), dns(&cert));
        let node =
            format!("roles = [\"mail\", \"console\"]\n[dns]\n{node}servers = [\"{}\"]\ntrust_anchor = {:?}\n", dns.address(), dns.anchor());
        let gateway = Gateway::start("gateway", &node);
        gateway.apply(SITE);
        Self { hop, gateway, _dns: dns, _room: room }
    }

    fn send(&self, to: &str) {
        let message = text("alice@company.example", to, to, "words");
        assert!(swaks(GATE, "alice@company.example", &[to], &message, &["--local-interface", "127.0.0.10"]).ok);
    }

    fn delivered(&self, to: &str) {
        let _ = self.gateway.event("mail.delivered", |e| e["to"] == to);
    }

    /// It was deferred with these words, and nothing reached the next hop.
    fn deferred(&self, to: &str, why: &str) {
        let event = self.gateway.event("mail.deferred", |e| e["to"] == to);
        assert!(event["reply"].as_str().unwrap_or_default().contains(why), "{event}");
        let arrived = self.hop.mailbox("bob").iter().any(|mail| String::from_utf8_lossy(mail).contains(to));
        assert!(!arrived, "mail for {to} must wait");
    }
}

#[test]
fn m_t4_dane_raises_may_where_records_are_proven() {
    isolated(|| {
        let scene = Scene::start("");
        for to in ["may@good.example", "may@wrong.example", "may@expired.example", "may@plain.example"] {
            scene.send(to);
        }
        scene.delivered("may@good.example");
        scene.delivered("may@plain.example");
        scene.deferred("may@wrong.example", "TLSA");
        scene.deferred("may@expired.example", "DNSSEC");
        assert!(scene.hop.log().contains("TLS connection established from"), "{}", scene.hop.log());
    });
}

#[test]
fn m_t4_level_dane_takes_nothing_less() {
    isolated(|| {
        let scene = Scene::start("");
        let rows: String = DOMAINS.iter().map(|domain| format!("[[tls]]\ndomain = \"{domain}\"\nlevel = \"dane\"\n")).collect();
        scene.gateway.apply(&format!("{SITE}{rows}"));
        for to in ["dane@good.example", "dane@wrong.example", "dane@expired.example", "dane@plain.example"] {
            scene.send(to);
        }
        scene.delivered("dane@good.example");
        scene.deferred("dane@wrong.example", "TLSA");
        scene.deferred("dane@expired.example", "DNSSEC");
        scene.deferred("dane@plain.example", "TLSA");
    });
}

#[test]
fn x_23_level_dane_is_not_met_without_validation() {
    isolated(|| {
        let scene = Scene::start("dnssec = \"off\"\n");
        scene.gateway.apply(&format!("{SITE}[[tls]]\ndomain = \"good.example\"\nlevel = \"dane\"\n"));
        scene.send("off@good.example");
        scene.deferred("off@good.example", "TLSA");
    });
}
