//! Story: rules that add, rename, answer and remember, between real mail servers; and what an administrator does with them: versions, the way
//! back, tests, and a past decision under other rules (mail-gateway.md M-R1, M-R2, M-R4, M-R5, M-C10).

use sealgate_tests::scene::{Scene, text};
use serde_json::Value;
use testkit::Postfix;
use testkit::net::isolated;
use testkit::tools::Ca;

const RULES: &str = r#"
if (incoming()) {
    if (autoreply("away", "X-Reply: yes")) { tag_subject("[reply]"); }
    add_report("report.txt", "auto");
    deliver();
}
if (replace_rcpt("\@old\.example$", "\@partner.example")) { setheader("X-Moved", "$to"); }
if (member_of("sales")) { disclaimer("sales"); } else { disclaimer(); }
attach("note.txt", "", "text/plain");
setuserattr("title", "Dr");
if (!sign_smime("signature@company.example", "Company AG:")) { setheader("X-Unsigned", "yes"); }
deliver();
"#;

const MORE: &str = r#"
[[template]]
name = "away"
text = "Subject: Away: $subject\n\nI am away.\n"

[[disclaimer]]
name = "[default]"
text = "Grüße der Firma"

[[disclaimer]]
name = "sales"
text = "Sales of $from"

[[group]]
name = "sales"
members = ["alice@company.example"]

[[user]]
address = "alice@company.example"
name = "Alice"

[[file]]
name = "note.txt"
path = "note.txt"
"#;

fn read(server: &Postfix, user: &str, count: usize) -> Vec<String> {
    server.wait_for(user, count).iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect()
}

fn json(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap_or_else(|e| panic!("{e}: {answer}"))
}

#[test]
fn m_r1_m_r5_m_c10_rules_add_rename_sign_and_answer_between_real_servers() {
    isolated(|| {
        let scene = Scene::start("");
        let ca = Ca::new(&scene.room, "Company CA");
        scene.room.write("note.txt", "a note\n");
        let site = scene.room.write("more.toml", MORE);
        scene.gateway.run(&["config", "apply", &site]);
        scene.user_key(&ca.person("signature@company.example"));
        scene.gateway.run(&["rules", "apply", &scene.room.write("own.rules", RULES)]);

        let sent = scene.company_sends(
            "alice@company.example",
            &["bob@old.example"],
            &text("alice@company.example", "bob@old.example", "Offer", "hello"),
        );
        assert!(sent.ok, "{}{}", sent.text(), sent.err);
        let mail = read(&scene.partner, "bob", 1).remove(0);
        for part in [
            "Sales of alice@company.example",
            "note.txt",
            "Company AG: ",
            "<signature@company.example>",
            "multipart/signed",
            "X-Moved: bob@partner.example",
        ] {
            assert!(mail.contains(part), "{part}: {mail}");
        }
        assert!(!mail.contains("X-Unsigned"), "{mail}");
        let alice = json(&scene.gateway.run(&["user", "show", "alice@company.example", "--json"]));
        assert_eq!(alice["attributes"]["title"], "Dr", "{alice}");

        let sent = scene.partner_sends(
            "bob@partner.example",
            &["alice@company.example"],
            &text("bob@partner.example", "alice@company.example", "Question", "when?"),
        );
        assert!(sent.ok, "{}{}", sent.text(), sent.err);
        let mail = read(&scene.company, "alice", 1).remove(0);
        assert!(mail.contains("report.txt") && mail.contains("when?") && !mail.contains("[reply]"), "{mail}");
        let reply = read(&scene.partner, "bob", 2).into_iter().find(|mail| mail.contains("I am away.")).unwrap();
        for part in [
            "Subject: Away: Question [reply]",
            "From: alice@company.example",
            "Auto-Submitted: auto-replied",
            "X-Reply: yes",
            "In-Reply-To: ",
        ] {
            assert!(reply.contains(part), "{part}: {reply}");
        }
    });
}

#[test]
fn m_r2_m_r4_versions_tests_and_replay_on_the_command_line() {
    isolated(|| {
        let scene = Scene::start("");
        let (gateway, room) = (&scene.gateway, &scene.room);
        for (name, rules) in [("one.rules", "log(1, 'one');\ndeliver();\n"), ("two.rules", "log(1, 'two');\ndeliver();\n")] {
            gateway.run(&["rules", "apply", &room.write(name, rules)]);
        }
        let versions = json(&gateway.run(&["rules", "versions", "--json"]));
        let newest = versions["items"][0]["number"].as_i64().unwrap();
        assert!(newest >= 2 && versions["items"][0]["in_force"] == true && versions["items"][0]["who"].is_string(), "{versions}");
        let (old, new) = ((newest - 1).to_string(), newest.to_string());
        let diff = gateway.run(&["rules", "diff", &old, &new]);
        assert!(diff.contains("-log(1, 'one');\n+log(1, 'two');"), "{diff}");
        gateway.run(&["rules", "rollback", &old]);
        assert!(gateway.run(&["rules", "show"]).contains("'one'"));

        let sent = scene.partner_sends(
            "bob@partner.example",
            &["alice@company.example"],
            &text("bob@partner.example", "alice@company.example", "x", "y"),
        );
        assert!(sent.ok, "{}{}", sent.text(), sent.err);
        let trace = gateway.event("mail.accepted", |event| event["from"] == "bob@partner.example")["trace"].as_str().unwrap().to_owned();
        let strict = room.write("strict.rules", "log(1, 'one');\nif (iscalendar()) { deliver(); }\ndrop(550, 'no');\n");
        let replayed = json(&gateway.run(&["rules", "replay", &trace, "--rules", &strict, "--json"]));
        assert_eq!(
            (replayed["outcome"].as_str(), replayed["code"].as_u64(), replayed["unknown"].as_u64()),
            (Some("drop"), Some(550), Some(1)),
            "{replayed}"
        );

        let tests = "[[test]]\nname = \"mail for us is delivered\"\nmessage = \"Subject: x\\n\\nhello\\n\"\nfrom = \"bob@partner.example\"\nto = [\"alice@company.example\"]\nexpect = { outcome = \"deliver\", steps = [\"log=yes\"] }\n";
        let tests = room.write("tests.toml", tests);
        let passed = json(&gateway.run(&["rules", "test", "--tests", &tests, "--json"]));
        assert_eq!((passed["passed"].as_u64(), passed["failed"].as_u64()), (Some(1), Some(0)), "{passed}");
        let failed = gateway.command(&["rules", "test", "--rules", &strict, "--tests", &tests]);
        let said = String::from_utf8_lossy(&failed.stdout);
        assert!(!failed.status.success() && said.contains("expected deliver, got drop"), "{said}");
    });
}
