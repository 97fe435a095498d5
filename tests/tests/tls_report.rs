//! Story: a domain asks for TLS reports (RFC 8460) by mail and by HTTPS, and gets what happened in the last period.

use std::time::Duration;

use sealgate_tests::scene::{GATE, header, text};
use testkit::knot::{Knot, Signing, Zone};
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::tools::{Ca, must, swaks};
use testkit::{Gateway, PolicyHost, Postfix, Room, wait};

const SITE: &str = "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\nrelay_networks = [\"127.0.0.10/32\"]\ntls_reports = true\n[[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.10]:25\"\n";

fn node(period: &str) -> String {
    format!(
        "roles = [\"mail\", \"console\"]\n[times]\ntls_report = \"{period}\"\n[dns]\nservers = [\"127.0.0.53:53\"]\n[egress]\nallow = [{{ purpose = \"mta-sts\", net = \"127.0.0.60/32\" }}, {{ purpose = \"tls-report\", net = \"127.0.0.60/32\" }}]\n"
    )
}

#[test]
fn m_t4_what_was_counted_survives_a_kill() {
    isolated(|| {
        let room = Room::new("files");
        let ca = Ca::new(&room, "web-ca");
        let (cert, key) = ca.server("hop", "DNS:mx.named.example", "20");
        let extra = format!(
            "virtual_mailbox_domains = named.example\nvirtual_mailbox_maps = static:bob/\nsmtpd_tls_security_level = may\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n"
        );
        let _hop = Postfix::start(&Setup { name: "hop", listen: "127.0.0.20:25", domain: "named.example", relay: "", extra: &extra });
        let asks =
            "@ MX 10 mx\nmx A 127.0.0.20\nmta-sts A 127.0.0.60\n_smtp._tls TXT \"v=TLSRPTv1; rua=https://mta-sts.named.example/tls\"\n";
        let _dns = Knot::start("127.0.0.53:53", &[Zone { name: "named.example", signing: Signing::None, records: asks }]);
        let host = PolicyHost::start("127.0.0.60:443", &ca, &["named.example"]);
        // Nothing is over while it counts.
        let gateway = Gateway::start("gateway", &node("1d"));
        gateway.apply(SITE);
        gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);
        let message = text("alice@company.example", "bob@named.example", "Hello", "words");
        let sent = swaks(GATE, "alice@company.example", &["bob@named.example"], &message, &["--local-interface", "127.0.0.10"]);
        assert!(sent.ok, "{}", sent.text());
        let _ = gateway.event("mail.delivered", |e| e["to"] == "bob@named.example");
        let file = gateway.room().path().join("data/tls-results");
        let holds = || std::fs::read_to_string(&file).is_ok_and(|text| text.contains("named.example"));
        wait::until(Duration::from_secs(30), "the counts to be kept", || holds().then_some(()));
        let home = gateway.kill();
        assert!(host.posted().is_none());

        // The next process finds the day, which is over by a shorter measure, and reports it.
        let gateway = Gateway::start_in(home, &node("1s"), &[]);
        let _ = gateway.event("tls.report", |e| e["domain"] == "named.example");
        let posted = host.posted().expect("a report by HTTPS");
        let report: serde_json::Value = serde_json::from_slice(&must("gzip", &["-dc"], &posted)).expect("JSON");
        assert_eq!(report["policies"][0]["summary"]["total-successful-session-count"], 1, "{report}");
        wait::until(Duration::from_secs(30), "what was told to be forgotten", || (!holds()).then_some(()));
    });
}

#[test]
fn m_t4_a_report_says_how_sessions_went_to_who_asks_for_it() {
    isolated(|| {
        let room = Room::new("files");
        let ca = Ca::new(&room, "web-ca");
        let (cert, key) = ca.server("hop", "DNS:mx.named.example", "20");
        let extra = format!(
            "virtual_mailbox_domains = named.example other.example\nvirtual_mailbox_maps = static:bob/\nsmtpd_tls_security_level = may\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n"
        );
        let hop = Postfix::start(&Setup { name: "hop", listen: "127.0.0.20:25", domain: "named.example", relay: "", extra: &extra });
        let records = "@ MX 10 mx\nmx A 127.0.0.20\nmta-sts A 127.0.0.60\n_mta-sts TXT \"v=STSv1; id=1;\"\n";
        let asks = format!("{records}_smtp._tls TXT \"v=TLSRPTv1; rua=mailto:reports@named.example,https://mta-sts.named.example/tls\"\n");
        let zones = [
            Zone { name: "named.example", signing: Signing::None, records: &asks },
            Zone { name: "other.example", signing: Signing::None, records },
        ];
        let dns = Knot::start("127.0.0.53:53", &zones);
        let host = PolicyHost::start("127.0.0.60:443", &ca, &["named.example", "other.example"]);
        for domain in ["named.example", "other.example"] {
            host.publish(domain, &format!("version: STSv1\nmode: testing\nmx: mx.{domain}\nmax_age: 86400\n"));
        }
        let node = format!(
            "roles = [\"mail\", \"console\"]\n[times]\ntls_report = \"3s\"\n[dns]\nservers = [\"{}\"]\n[egress]\nallow = [{{ purpose = \"mta-sts\", net = \"127.0.0.60/32\" }}, {{ purpose = \"tls-report\", net = \"127.0.0.60/32\" }}]\n",
            dns.address()
        );
        let gateway = Gateway::start("gateway", &node);
        gateway.apply(
            "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\nrelay_networks = [\"127.0.0.10/32\"]\ntls_reports = true\n[[domain]]\nname = \"company.example\"\ndkim_selector = \"s1\"\nforward = \"[127.0.0.10]:25\"\n",
        );
        gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);
        for to in ["bob@named.example", "bob@other.example"] {
            let message = text("alice@company.example", to, "Hello", "words");
            assert!(swaks(GATE, "alice@company.example", &[to], &message, &["--local-interface", "127.0.0.10"]).ok);
            let _ = gateway.event("mail.delivered", |e| e["to"] == to);
        }
        let _ = gateway.events("tls.report", 2, |e| e["domain"] == "named.example");
        let posted = host.posted().expect("a report by HTTPS");
        let report: serde_json::Value = serde_json::from_slice(&must("gzip", &["-dc"], &posted)).expect("JSON");
        let first = &report["policies"][0];
        assert_eq!(report["organization-name"], "gate.company.example");
        assert_eq!(
            (&first["policy"]["policy-type"], &first["policy"]["policy-domain"]),
            (&"sts".into(), &"named.example".into()),
            "{report}"
        );
        assert!(first["summary"]["total-successful-session-count"].as_u64() >= Some(1), "{report}");
        assert!(!report.to_string().contains("alice"), "no sender, no recipient");

        let _ = gateway.event("mail.delivered", |e| e["to"] == "reports@named.example");
        // The hop said 250; its own delivery into the mailbox comes after that.
        let reported = |mail: &Vec<u8>| header(mail, "tls-report-domain") == "named.example";
        let mail = &wait::until(Duration::from_secs(30), "a report by mail", || hop.mailbox("bob").into_iter().find(reported));
        assert!(header(mail, "content-type").contains("tlsrpt") && header(mail, "from").contains("postmaster@company.example"));
        assert!(header(mail, "dkim-signature").contains("d=company.example"), "m_t11: signed like all that leaves");
        // `other.example` asks for none: what failed there was tested, delivered, and told to nobody.
        let told = |line: &str| line.contains("\"tls.report\"") && line.contains("other.example");
        assert!(!gateway.log_text().lines().any(told), "{}", gateway.log_text());
    });
}
