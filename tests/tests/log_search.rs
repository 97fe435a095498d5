//! Stories: what became of a mail is found again, with a running node and without.

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, SITE, text};
use sealgate_tests::smtp::Client;
use serde_json::Value;
use testkit::net::isolated;

fn found(scene: &Scene, args: &[&str]) -> Value {
    let all: Vec<&str> = ["log", "search", "--json"].into_iter().chain(args.iter().copied()).collect();
    serde_json::from_str(&scene.gateway.run(&all)).unwrap()
}

fn traces(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["trace"].as_str().unwrap()).collect()
}

#[test]
fn s_6_a_mails_story_is_found_by_whatever_is_known_of_it() {
    isolated(|| {
        let scene = Scene::start("\n[logs]\nrotate = \"1s\"\n");
        for n in 0..3 {
            let message = text("alice@company.example", "bob@partner.example", &format!("Mail {n}"), "hello");
            let sent = scene.company_sends("alice@company.example", &["bob@partner.example", "nobody@partner.example"], &message);
            assert!(sent.ok, "{}", sent.text());
            // The next file begins, and what was rotated is put away while mail goes on.
            let _ = scene.gateway.events("mail.bounced", n + 1, |_| true);
            let _ = scene.gateway.event("log.kept", |_| true);
        }
        let mut stranger = Client::connect(GATE, "127.0.0.99").unwrap();
        stranger.say("EHLO stranger.example").unwrap();
        stranger.say("MAIL FROM:<eve@elsewhere.example>").unwrap();
        assert!(stranger.say("RCPT TO:<zoe@other.example>").unwrap().starts_with("550"));
        let accepted = scene.gateway.events("mail.accepted", 3, |e| e["from"] == "alice@company.example");
        let newest = accepted[2]["trace"].as_str().unwrap();

        let story = found(&scene, &["--trace", newest]);
        let item = &story["items"][0];
        assert_eq!((item["from"].as_str(), item["outcome"].as_str()), (Some("alice@company.example"), Some("bounced")), "{item:#}");
        assert_eq!(item["message_id"], "Mail2@test.example");
        let fates: Vec<(&str, &str)> = item["recipients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (r["address"].as_str().unwrap(), r["outcome"].as_str().unwrap()))
            .collect();
        assert_eq!(fates, [("bob@partner.example", "delivered"), ("nobody@partner.example", "bounced")]);
        assert!(item["events"].as_array().unwrap().len() >= 3);

        for args in [
            &["--to", "bob@partner.example"][..],
            &["--from", "Alice@COMPANY.example"],
            &["--domain", "partner.example", "--outcome", "bounced"],
            &["--text", "mail.accepted", "--since", "1h"],
            &["--peer", "127.0.0.10", "--from", "company.example"],
        ] {
            let answer = found(&scene, args);
            assert_eq!(traces(&answer).first(), Some(&newest), "{args:?}: {answer:#}");
            assert_eq!(traces(&answer).len(), 3, "{args:?}");
        }
        let refused = found(&scene, &["--from", "eve@elsewhere.example"]);
        assert_eq!((refused["items"][0]["outcome"].as_str(), refused["items"][0]["peer"].as_str()), (Some("refused"), Some("127.0.0.99")));
        assert_eq!(found(&scene, &["--address", "nobody@nowhere.example"])["items"], Value::Array(Vec::new()));
        let page = found(&scene, &["--from", "company.example", "--limit", "2"]);
        let rest = found(&scene, &["--from", "company.example", "--limit", "2", "--after", page["next"].as_str().unwrap()]);
        assert_eq!((traces(&page).len(), traces(&rest).len()), (2, 1));
        let shown = scene.gateway.run(&["log", "search", "--trace", newest]);
        assert!(shown.contains(&format!("[{newest}] from=alice@company.example")) && shown.contains("mail.delivered"), "{shown}");
        let wrong = scene.gateway.command(&["log", "search", "--outcome", "lost"]);
        assert_eq!(wrong.status.code(), Some(1));

        let newest = newest.to_owned();
        let room = scene.gateway.stop();
        let out = testkit::gateway::cli(&room, &["log", "search", "--json", "--trace", &newest]);
        let without: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(
            without["items"][0]["events"].as_array().unwrap()[0],
            story["items"][0]["events"].as_array().unwrap()[0],
            "the same without a node"
        );
        let archives =
            std::fs::read_dir(room.path().join("data/log")).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|x| x == "zst"));
        assert!(archives.count() > 0, "what was rotated was put away");
    });
}

#[test]
fn x_10_a_recipient_s_quotes_forge_no_search_result() {
    isolated(|| {
        let scene = Scene::start("");
        // The company's server need not know whom the stranger makes up.
        scene.gateway.apply(&SITE.replace("retry_first", "verify_recipients = false\nretry_first"));
        let forged = "\"x, boss@company.example, y\"@company.example";
        let mut stranger = Client::connect(GATE, "127.0.0.99").unwrap();
        for line in ["EHLO stranger.example", "MAIL FROM:<eve@elsewhere.example>"] {
            stranger.say(line).unwrap();
        }
        let taken = stranger.say(&format!("RCPT TO:<{forged}>")).unwrap();
        assert!(taken.starts_with("250"), "{taken}");
        assert!(stranger.say("DATA").unwrap().starts_with("354"));
        stranger.say("From: <eve@elsewhere.example>\r\nSubject: x\r\n\r\nhello\r\n.").unwrap();
        let _ = scene.gateway.event("mail.accepted", |event| event["from"] == "eve@elsewhere.example");
        let item = &found(&scene, &["--from", "eve@elsewhere.example"])["items"][0];
        assert_eq!(
            (item["recipients"].as_array().unwrap().len(), item["recipients"][0]["address"].as_str()),
            (1, Some(forged)),
            "{item:#}"
        );
        assert_eq!(found(&scene, &["--address", "boss@company.example"])["items"], Value::Array(Vec::new()));
    });
}
