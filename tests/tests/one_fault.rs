//! One fault on each face: SMTP reply, page, problem+json, ActiveSync status, command line. The fault is a store that is away and a
//! client that may not do what it asks; each face says it in its own terms, none says more than it should.

use sealgate_tests::scene::{GATE, SITE};
use sealgate_tests::smtp::Client;
use testkit::Gateway;
use testkit::net::isolated;
use testkit::tools::run;

#[test]
fn one_fault_five_faces() {
    isolated(|| {
        let gateway = Gateway::start("faces", "");
        gateway.apply(SITE);
        let curl = |args: &[&str]| run("curl", args, b"").text();
        // SMTP: relaying denied.
        let mut client = Client::connect(GATE, "127.0.0.99").unwrap();
        client.say("EHLO x.example").unwrap();
        client.say("MAIL FROM:<eve@elsewhere.example>").unwrap();
        let reply = client.say("RCPT TO:<bob@partner.example>").unwrap();
        assert!(reply.starts_with("550 5.7.1 ") && reply.len() > 30, "{reply}");
        // Page: what needs a sign-in leads there, in the browser's language; an unknown page says so.
        let page = curl(&["-sk", "-L", "-H", "Accept-Language: de", "https://127.0.0.1:8443/queue"]);
        assert!(page.contains("<html lang=\"de\"") && page.contains("Anmelde"), "{page}");
        // problem+json (RFC 9457).
        let problem = curl(&["-sk", "-i", "https://127.0.0.1:8443/api/v1/queue"]);
        assert!(problem.contains("application/problem+json") && problem.contains("401") && problem.contains("\"title\""), "{problem}");
        // ActiveSync: no mobile gateway is on.
        let phone = curl(&[
            "-sk",
            "-i",
            "-u",
            "a:b",
            "-X",
            "POST",
            "https://127.0.0.1:9443/Microsoft-Server-ActiveSync?Cmd=Sync&User=a&DeviceId=D1&DeviceType=x",
        ]);
        assert!(phone.contains(" 503") && phone.to_lowercase().contains("retry-after"), "{phone}");
        // Command line.
        let out = gateway.command(&["domain", "show", "nowhere.example", "--json"]);
        let said: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(out.status.code(), Some(1));
        assert!(said["error"]["message"].as_str().is_some_and(|m| !m.is_empty()) && said["error"]["code"].is_string(), "{said}");
    });
}
