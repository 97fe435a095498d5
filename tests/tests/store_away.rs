//! Story: PostgreSQL is stopped; mail goes on, a restart works, and all is caught up when it is back (Promise 7).

use sealgate_tests::scene::{self, GATE, NODE, SITE, text};
use testkit::net::isolated;
use testkit::postgres::Postgres;
use testkit::tools::swaks;
use testkit::{Gateway, wait};

#[test]
fn promise_7_mail_goes_on_without_the_store() {
    isolated(|| {
        let mut database = Postgres::start("away");
        let company = scene::company();
        let config = format!("{NODE}[store]\nurl = {:?}\npoll = \"200ms\"\n", database.create_database("site"));
        let gateway = Gateway::start("away", &config);
        gateway.apply(SITE);
        // The node's own copy of the site follows a change within two seconds; a restart without the store starts from it.
        let copy = gateway.room().path().join("data/site.sealed");
        wait::until(std::time::Duration::from_secs(20), "the sealed copy to hold the change", || {
            std::fs::metadata(&copy).ok().filter(|file| file.len() > 600)
        });
        let send = |subject: &str| {
            let answer = swaks(
                GATE,
                "bob@partner.example",
                &["alice@company.example"],
                &text("bob@partner.example", "alice@company.example", subject, "x"),
                &["--local-interface", "127.0.0.20"],
            );
            assert!(answer.ok, "{}", answer.text());
        };
        send("before");
        let _ = company.wait_for("alice", 1);
        wait_count(&gateway, 1);
        database.stop();
        send("without");
        let _ = company.wait_for("alice", 2);
        let room = gateway.stop();
        let gateway = Gateway::start_in(room, &config, &[]);
        send("after a restart without the store");
        let _ = company.wait_for("alice", 3);
        database.start_again();
        wait_count(&gateway, 3);
    });
}

/// Waits until the shared count of received mail is `count`: each effect counted once, also those from before the restart.
fn wait_count(gateway: &Gateway, count: u64) {
    wait::until(std::time::Duration::from_secs(30), &format!("mail_received to be {count}"), || {
        let out = gateway.command(&["status", "--json"]);
        let value: serde_json::Value = serde_json::from_slice(&out.stdout).ok()?;
        (value["counts"]["mail_received"] == count).then_some(())
    });
}
