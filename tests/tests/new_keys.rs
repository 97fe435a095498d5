//! Story: a new user's first mail makes an account and a key, once, and is signed by it (M-R7b).

use std::sync::Arc;
use std::time::Duration;

use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, NODE, SITE, header, text};
use sealgate_tests::smtp::Client;
use serde_json::Value;
use testkit::gpg::Gpg;
use testkit::net::isolated;
use testkit::{Gateway, Room, wait};

const NINA: &str = "nina@company.example";
const DAVE: &str = "dave@company.example";
const BOB: &str = "bob@partner.example";
const RULES: &str = "[rules.generator]\nuser_creation = \"all\"\nnew_user_pgp = true\n";

/// A scene whose new users get keys, and Bob with GnuPG, whose key the gateway knows.
fn scene() -> (Scene, Gpg) {
    let scene = Scene::start(RULES);
    let bob = Gpg::new();
    bob.person("Bob <bob@partner.example>", "rsa2048", "never");
    let file = scene.room.write("bob.asc", bob.public(BOB));
    scene.gateway.run(&["key", "import", &file, "--partner", BOB]);
    (scene, bob)
}

/// The keys of this address: fingerprint and certificate.
fn keys(gateway: &Gateway, owner: &str) -> Vec<(String, String)> {
    let listed: Value = serde_json::from_str(&gateway.run(&["--json", "key", "list", "--owner", owner])).unwrap();
    let items = listed["items"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
    let one = |item: &Value| {
        let id = item["key"].as_str().unwrap().to_owned();
        let shown: Value = serde_json::from_str(&gateway.run(&["--json", "key", "show", &id])).unwrap();
        (id, shown["certificate"].as_str().unwrap().to_owned())
    };
    items.iter().map(one).collect()
}

/// What GnuPG says of a mail that it opens.
fn opened(bob: &Gpg, mail: &[u8]) -> String {
    let shown = String::from_utf8_lossy(mail).into_owned();
    let start = shown.find("-----BEGIN PGP MESSAGE-----").unwrap_or_else(|| panic!("not encrypted: {shown}"));
    bob.run(&["--status-fd", "2", "--decrypt"], &mail[start..]).err
}

#[test]
fn m_r7b_a_new_users_first_mail_is_signed_by_a_key_made_for_it() {
    isolated(|| {
        let (scene, bob) = scene();
        assert!(keys(&scene.gateway, NINA).is_empty());
        assert!(scene.company_sends(NINA, &[BOB], &text(NINA, BOB, "First", "Good morning")).ok);
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        let made = keys(&scene.gateway, NINA);
        assert_eq!(made.len(), 1, "one key");
        bob.import(made[0].1.as_bytes());
        let said = opened(&bob, &mail);
        assert!(said.contains("GOODSIG") && said.contains(NINA), "{said}");
        assert!(scene.gateway.run(&["user", "show", NINA]).contains(NINA), "and an account");
        // The second mail needs nothing any more.
        let orders = scene.gateway.log_text().matches("keys.ordered").count();
        assert!(scene.company_sends(NINA, &[BOB], &text(NINA, BOB, "Second", "Good night")).ok);
        assert!(opened(&bob, &scene.partner.wait_for("bob", 2)[1]).contains("GOODSIG"));
        assert_eq!((scene.gateway.log_text().matches("keys.ordered").count(), keys(&scene.gateway, NINA).len()), (orders, 1));
        // What comes from outside in her colleague's name makes nothing.
        let forged = "otto@company.example";
        let _ = scene.partner_sends(forged, &["nina@company.example"], &text(forged, NINA, "Forged", "x"));
        assert!(keys(&scene.gateway, forged).is_empty(), "x_7");
    });
}

#[test]
fn m_r7b_mails_at_once_of_one_new_user_make_one_key() {
    isolated(|| {
        let (scene, bob) = scene();
        let send = |number: usize| {
            let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
            client.say("EHLO company.example").unwrap();
            client.mail(NINA, &[BOB], text(NINA, BOB, &format!("At once {number}"), "hello").as_bytes()).unwrap()
        };
        let replies: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|number| scope.spawn(move || send(number))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
        let made = keys(&scene.gateway, NINA);
        assert_eq!(made.len(), 1, "never two keys");
        bob.import(made[0].1.as_bytes());
        for mail in scene.partner.wait_for("bob", 6) {
            let said = opened(&bob, &mail);
            assert!(said.contains("GOODSIG"), "{}: {said}", header(&mail, "subject"));
        }
    });
}

#[test]
fn m_r7b_a_kill_after_the_order_leaves_one_key_after_the_start() {
    isolated(|| {
        let room = Arc::new(Room::new("new-keys"));
        let gateway = Gateway::start_in(room.clone(), NODE, &[]);
        gateway.apply(&format!("{SITE}{RULES}"));
        let mut gateway = Some(gateway);
        for round in 0..4 {
            let user = format!("user{round}@company.example");
            let running = gateway.take().unwrap();
            let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
            client.say("EHLO company.example").unwrap();
            let mail = text(&user, BOB, "Killed", "x");
            let (from, sent) = (user.clone(), mail.clone());
            let sending = std::thread::spawn(move || client.mail(&from, &[BOB], sent.as_bytes()));
            let _ = running.event("keys.ordered", |event| event["user"] == user.as_str());
            drop(running.kill());
            drop(sending.join());
            let started = Gateway::start_in(room.clone(), NODE, &[]);
            // Nobody asks again: the order stands by itself. Done before the kill, or now.
            wait::until(Duration::from_secs(30), "the job to be done", || (keys(&started, &user).len() == 1).then_some(()));
            let mut client = Client::connect(GATE, "127.0.0.10").unwrap();
            client.say("EHLO company.example").unwrap();
            let reply = client.mail(&user, &[BOB], mail.as_bytes()).unwrap();
            assert!(reply.starts_with("250"), "the retry finds the key: {reply}");
            assert_eq!(keys(&started, &user).len(), 1, "round {round}");
            gateway = Some(started);
        }
    });
}

#[test]
fn m_c2_a_new_keys_owner_gets_its_public_part_by_mail() {
    isolated(|| {
        let scene =
            Scene::start(&format!("{RULES}[[user]]\naddress = \"carol@company.example\"\nattributes = {{ preferredLanguage = \"de\" }}\n"));
        scene.gateway.run(&["key", "generate", "--user", "carol@company.example", "--kind", "pgp"]);
        assert!(scene.company.mailbox("carol").is_empty(), "off by default");
        let on = SITE.replace("[mail]\n", "[mail]\nsend_new_pgp_keys = true\n");
        scene.gateway.apply(&on);
        assert!(scene.company_sends(DAVE, &[BOB], &text(DAVE, BOB, "First", "Good morning")).ok);
        scene.gateway.run(&["key", "generate", "--user", "carol@company.example", "--kind", "pgp"]);
        for (who, subject) in [("dave", "Your new OpenPGP key"), ("carol", "Ihr neuer OpenPGP")] {
            let mail = scene.company.wait_for(who, 1).remove(0);
            let shown = String::from_utf8_lossy(&mail).into_owned();
            let said = header(&mail, "subject");
            assert!(said.contains(subject) || said.contains("=?utf-8?"), "{shown}");
            let file = shown.split("application/pgp-keys").nth(1).unwrap_or_else(|| panic!("no key in {shown}"));
            let body: String =
                file.replace("\r\n", "\n").split("\n\n").nth(1).unwrap().split("--").next().unwrap().split_whitespace().collect();
            let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
            let gpg = Gpg::new();
            gpg.import(&key);
            let listed = String::from_utf8_lossy(&gpg.must(&["--list-keys", "--with-colons"], b"")).into_owned();
            assert!(listed.contains(&format!("{who}@company.example")), "{listed}");
            let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
            let grouped: Vec<String> = fingerprint.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect();
            assert!(shown.contains(&grouped.join(" ")), "{shown}");
        }
        assert_eq!(scene.company.mailbox("carol").len(), 1, "the key from before was not sent");
    });
}
