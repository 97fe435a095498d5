//! Story: names of the site's own, short names, dead DNS servers and the built-in recursive resolver (M-T3, M-T10).

use sealgate_tests::scene::{GATE, text};
use testkit::knot::{Knot, Signing, Zone};
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::tools::swaks;
use testkit::{Gateway, Postfix};

fn site(smart_host: &str, more: &str) -> String {
    format!(
        "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\nrelay_networks = [\"127.0.0.10/32\"]\nretry_first = \"1s\"\nretry_max = \"1s\"\nsmart_host = \"{smart_host}\"\n{more}\n[[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.10]:25\"\n"
    )
}

fn hop() -> Postfix {
    let extra = "virtual_mailbox_maps = static:bob/\n";
    Postfix::start(&Setup { name: "hop", listen: "127.0.0.20:25", domain: "partner.example", relay: "", extra })
}

fn dns(signing: Signing) -> Knot {
    let records = "@ MX 10 mx\nmx A 127.0.0.20";
    Knot::start("127.0.0.53:53", &[Zone { name: "partner.example", signing, records }])
}

fn send(gateway: &Gateway, to: &str) {
    let message = text("alice@company.example", to, to, "words");
    assert!(swaks(GATE, "alice@company.example", &[to], &message, &["--local-interface", "127.0.0.10"]).ok);
    let _ = gateway.event("mail.delivered", |e| e["to"] == to);
}

#[test]
fn m_t10_local_zones_hosts_and_search_domains_lead_to_our_own_servers() {
    isolated(|| {
        let (_hop, dns) = (hop(), dns(Signing::None));
        let node = format!("roles = [\"mail\", \"console\"]\n[dns]\nservers = [\"{}\"]\nsearch = [\"inside.example\"]\n", dns.address());
        let gateway = Gateway::start("gateway", &node);
        // The first MX host of the zone is dead: the second takes over.
        let zones = r#"zones = [{ domain = "relays.local", host = "a.relays.local", mx = 10, ip = "127.0.0.21" }, { domain = "relays.local", host = "b.relays.local", mx = 20, ip = "127.0.0.20" }]
hosts = [{ ip = "127.0.0.20", name = "relay.inside.example" }]"#;
        gateway.apply(&site("relays.local", zones));
        send(&gateway, "zone@partner.example");
        gateway.apply(&site("[relay.inside.example]", zones));
        send(&gateway, "host@partner.example");
        gateway.apply(&site("[relay]", zones));
        send(&gateway, "short@partner.example");
        // A recipient's domain is never completed.
        gateway.apply(&site("", "hosts = [{ ip = \"127.0.0.20\", name = \"relay.inside.example\" }]"));
        let message = text("alice@company.example", "bob@relay", "no", "words");
        assert!(swaks(GATE, "alice@company.example", &["bob@relay"], &message, &["--local-interface", "127.0.0.10"]).ok);
        let event = gateway.event("mail.bounced", |e| e["to"] == "bob@relay");
        assert!(event["reply"].as_str().unwrap_or_default().contains("does not exist"), "{event}");
    });
}

#[test]
fn m_t10_a_dead_dns_server_is_passed_over() {
    isolated(|| {
        let (_hop, dns) = (hop(), dns(Signing::None));
        // Nobody answers at the first: its port takes questions and stays silent.
        let silent = std::net::UdpSocket::bind("127.0.0.52:53").expect("a silent server");
        let node =
            format!("roles = [\"mail\", \"console\"]\n[dns]\nservers = [\"127.0.0.52:53\", \"{}\"]\ntimeout = \"200ms\"\n", dns.address());
        let gateway = Gateway::start("gateway", &node);
        gateway.apply(&site("", ""));
        send(&gateway, "one@partner.example");
        drop(silent);
    });
}

#[test]
fn m_t10_the_built_in_resolver_walks_down_from_the_root() {
    isolated(|| {
        let (_hop, dns) = (hop(), dns(Signing::Good));
        let node = format!(
            "roles = [\"mail\", \"console\"]\n[dns]\nrecursive = true\nroots = [\"127.0.0.53\"]\ntrust_anchor = {:?}\n",
            dns.anchor()
        );
        let gateway = Gateway::start("gateway", &node);
        gateway.apply(&site("", ""));
        send(&gateway, "walked@partner.example");
    });
}
