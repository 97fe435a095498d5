//! Story: a smart host that takes mail only from who signs in, and the addresses that connections come from (mail-gateway.md M-T3, M-T10).

use std::sync::Arc;

use sealgate_tests::scene::{GATE, NODE, text};
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::sasl::Sasl;
use testkit::tools::{self_signed, swaks};
use testkit::{Gateway, Postfix, Room};

const PASSWORD: &str = "smart-host-canary";

fn site(more: &str) -> String {
    format!(
        "[mail]\nhostname = \"gate.company.example\"\nrelay_networks = [\"127.0.0.10/32\"]\nretry_first = \"1s\"\nretry_max = \"1s\"\nsmart_host = \"[127.0.0.20]:25\"\n{more}\n[[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.10]:25\"\n"
    )
}

fn send(subject: &str) {
    let message = text("alice@company.example", "bob@partner.example", subject, "words");
    assert!(swaks(GATE, "alice@company.example", &["bob@partner.example"], &message, &["--local-interface", "127.0.0.10"]).ok);
}

#[test]
fn m_t3_the_gateway_signs_in_at_its_smart_host() {
    isolated(|| {
        let room = Arc::new(Room::new("tls"));
        let (cert, key) = self_signed(&room, "relay", "DNS:relay.partner.example");
        let sasl = Sasl::start("sasl", "gate", PASSWORD);
        let extra = format!("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n{}", sasl.main_cf());
        let relay = Postfix::start(&Setup { name: "relay", listen: "127.0.0.20:25", domain: "partner.example", relay: "", extra: &extra });
        let gateway = Gateway::start("gateway", NODE);

        // Without signing in the server refuses for good, and the sender hears of it.
        gateway.apply(&site(""));
        send("nobody");
        let event = gateway.event("mail.bounced", |e| e["to"] == "bob@partner.example");
        assert!(event["reply"].as_str().unwrap_or_default().contains("Access denied"), "{event}");
        // A wrong password is a setting that can be mended: the mail waits.
        gateway.apply(&site("smart_host_user = \"gate\"\nsmart_host_password = \"wrong\"\n"));
        send("wrong");
        let event = gateway.event("mail.deferred", |e| e["reply"].as_str().is_some_and(|reply| reply.contains("signing in")));
        assert!(event["reply"].as_str().unwrap_or_default().contains("535"), "{event}");

        gateway.apply(&site(&format!("smart_host_user = \"gate\"\nsmart_host_password = \"{PASSWORD}\"\n")));
        send("right");
        let mails = relay.wait_for("bob", 2);
        let all = String::from_utf8_lossy(&mails.concat()).into_owned();
        assert!(all.contains("(Authenticated sender: gate)"), "{all}");

        // Never shown, and kept by what an export says.
        let exported = gateway.run(&["config", "export"]);
        assert!(exported.contains("@secret(mail/smart_host_password)") && !exported.contains(PASSWORD), "{exported}");
        gateway.apply(&site("smart_host_user = \"gate\"\nsmart_host_password = \"@secret(mail/smart_host_password)\"\n"));
        send("kept");
        let _ = relay.wait_for("bob", 3);
        assert!(!gateway.log_text().contains(PASSWORD));
        drop(sasl);
    });
}

#[test]
fn m_t10_connections_come_from_the_address_that_is_set() {
    isolated(|| {
        let extra = "virtual_mailbox_maps = static:bob/\n";
        let hop = Postfix::start(&Setup { name: "hop", listen: "127.0.0.20:25", domain: "partner.example", relay: "", extra });
        let gateway = Gateway::start("gateway", &format!("{NODE}[smtp]\nsource_v4 = \"127.0.0.77\"\n"));
        gateway.apply(&site(""));
        send("from where");
        let mails = hop.wait_for("bob", 1);
        assert!(String::from_utf8_lossy(&mails[0]).contains("[127.0.0.77]"), "{}", String::from_utf8_lossy(&mails[0]));
    });
}
