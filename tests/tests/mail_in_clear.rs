//! Story: ordinary mail passes both ways between two Postfixes, unchanged but for our own fields.

use sealgate_tests::Scene;
use sealgate_tests::scene::{header, text};
use testkit::net::isolated;

#[test]
fn m_t2_m_t3_mail_passes_both_ways() {
    isolated(|| {
        let scene = Scene::start("");
        let sent = scene.company_sends(
            "alice@company.example",
            &["bob@partner.example"],
            &text("alice@company.example", "bob@partner.example", "Hello", "Grüße"),
        );
        assert!(sent.ok, "{}", sent.text());
        let out = scene.partner.wait_for("bob", 1).remove(0);
        let unfolded: String = String::from_utf8_lossy(&out).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unfolded.contains("by gate.company.example with ESMTP"), "{unfolded}");
        assert!(!String::from_utf8_lossy(&out).contains("X-Sealgate"), "outgoing mail carries none of our fields");
        assert!(String::from_utf8_lossy(&out).contains("Grüße"));

        let forged = format!("X-Sealgate-Signature: valid\r\n{}", text("bob@partner.example", "alice@company.example", "Answer", "hi"));
        assert!(scene.partner_sends("bob@partner.example", &["alice@company.example"], &forged).ok);
        let back = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!(header(&back, "x-sealgate-signature"), "none");
        assert_eq!(header(&back, "x-sealgate-encryption"), "none");
        let accepted = scene.gateway.event("mail.accepted", |e| e["trace"] == header(&back, "x-sealgate-trace").as_str());
        let _ = scene.gateway.event("mail.delivered", |e| e["trace"] == accepted["trace"]);
        assert_eq!(String::from_utf8_lossy(&back).matches("X-Sealgate-Signature").count(), 1);
    });
}

#[test]
fn m_t5_strangers_do_not_relay() {
    isolated(|| {
        let scene = Scene::start("");
        let mut client = sealgate_tests::smtp::Client::connect(sealgate_tests::scene::GATE, "127.0.0.99").unwrap();
        client.say("EHLO stranger.example").unwrap();
        client.say("MAIL FROM:<eve@elsewhere.example>").unwrap();
        let reply = client.say("RCPT TO:<bob@partner.example>").unwrap();
        assert!(reply.starts_with("550 5.7.1"), "{reply}");
        assert!(client.say("RCPT TO:<alice@company.example>").unwrap().starts_with("250"));
        drop(scene);
    });
}

#[test]
fn m_t7_a_dead_next_hop_is_tried_again_and_ends_in_a_dsn() {
    isolated(|| {
        let company = sealgate_tests::scene::company();
        let gateway = testkit::Gateway::start("gateway", sealgate_tests::scene::NODE);
        gateway.apply(&format!("{}\n", sealgate_tests::scene::SITE.replace("retry_max = \"2s\"", "retry_max = \"1s\"\nexpire = \"3s\"")));
        let sent = testkit::tools::swaks(
            company.address(),
            "alice@company.example",
            &["bob@partner.example"],
            &text("alice@company.example", "bob@partner.example", "Nobody there", "secret words"),
            &["--local-interface", "127.0.0.10"],
        );
        assert!(sent.ok);
        let _ = gateway.event("mail.deferred", |_| true);
        let dsn = company.wait_for("alice", 1).remove(0);
        let shown = String::from_utf8_lossy(&dsn);
        assert!(header(&dsn, "content-type").contains("multipart/report"), "{shown}");
        assert!(
            shown.contains("Final-Recipient: rfc822; bob@partner.example") || shown.contains("Final-Recipient: rfc822;bob@partner.example"),
            "{shown}"
        );
        assert!(shown.contains("Action: failed") && header(&dsn, "return-path").contains("<>"), "{shown}");
    });
}
