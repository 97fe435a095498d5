//! Story: at RCPT the gateway asks the company's server whether there is such a recipient (mail-gateway.md M-T9; security.md X-12).

use sealgate_tests::scene::{GATE, NODE, SITE, Scene, company, partner, text};
use testkit::Gateway;
use testkit::net::isolated;
use testkit::tools::{Answer, swaks};

fn stranger_sends(to: &str) -> Answer {
    let message = text("eve@elsewhere.example", to, to, "words");
    swaks(GATE, "eve@elsewhere.example", &[to], &message, &["--local-interface", "127.0.0.66"])
}

#[test]
fn m_t9_the_companys_server_says_who_is_there() {
    isolated(|| {
        let (server, _partner) = (company(), partner());
        let node = format!("{NODE}[times]\nrecipient_no = \"1ms\"\n");
        let gateway = Gateway::start("gateway", &node);
        gateway.apply(SITE);
        let known = stranger_sends("bob@company.example");
        assert!(known.ok, "{}", known.text());
        let _ = server.wait_for("bob", 1);
        let unknown = stranger_sends("nobody@company.example");
        assert!(!unknown.ok && unknown.text().contains("550 5.1.1"), "{}", unknown.text());
        let event = gateway.event("mail.refused", |e| e["code"] == "no-such-recipient");
        assert!(event["cause"].as_str().unwrap_or_default().contains("nobody@company.example"), "the server's own words: {event}");
        // No bounce went anywhere: nothing but the one mail was ever queued.
        assert_eq!(gateway.events("mail.accepted", 1, |_| true).len(), 1);

        // Away: who is known to be there gets mail all the same, about others nobody is told anything for good.
        drop(server);
        let known = stranger_sends("bob@company.example");
        assert!(known.ok, "{}", known.text());
        let other = stranger_sends("carol@company.example");
        assert!(!other.ok && other.text().contains("450 4.4.1"), "{}", other.text());
        // The company itself is not held up.
        let own = swaks(
            GATE,
            "alice@company.example",
            &["carol@company.example"],
            &text("alice@company.example", "carol@company.example", "own", "words"),
            &["--local-interface", "127.0.0.10"],
        );
        assert!(own.ok, "{}", own.text());

        // Back: everything that was taken arrives, and the others are known again.
        let server = company();
        gateway.run(&["queue", "retry", "all"]);
        let _ = server.wait_for("carol", 1);
        let _ = server.wait_for("bob", 1);
        let dave = stranger_sends("dave@company.example");
        assert!(dave.ok, "{}", dave.text());
        let _ = server.wait_for("dave", 1);
    });
}

#[test]
fn m_t9_it_can_be_switched_off() {
    isolated(|| {
        let scene = Scene::start("");
        scene.gateway.apply(&SITE.replace("[[domain]]", "verify_recipients = false\n[[domain]]"));
        let taken = stranger_sends("nobody@company.example");
        assert!(taken.ok, "{}", taken.text());
        let bounced = scene.gateway.event("mail.bounced", |e| e["to"] == "nobody@company.example");
        assert!(bounced["reply"].as_str().unwrap_or_default().contains("550"), "{bounced}");
    });
}
