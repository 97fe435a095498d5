//! Story: unknown issuers wait for a decision, a trusted one lets certificates be learnt, the public list, and the master key that
//! changes while the site runs.

use std::process::{Command, Stdio};
use std::sync::Arc;

use sealgate_tests::Scene;
use sealgate_tests::scene::{NODE, cms_decrypt, cms_encrypt, header, mail_of, text};
use serde_json::Value;
use testkit::net::isolated;
use testkit::tools::{Ca, Person, fingerprint, must};
use testkit::{Gateway, Room};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";
const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";

fn json(gateway: &Gateway, args: &[&str]) -> Value {
    serde_json::from_str(&gateway.run(&[args, &["--json"]].concat())).unwrap()
}

/// Bob signs and sends; the verdict on what arrives as the `count`-th.
fn bob_signs(scene: &Scene, ca: &Ca<'_>, bob: &Person, count: usize, subject: &str) -> String {
    let plain = scene.room.write("plain.txt", "words");
    let chain = ca.cert();
    let args = ["cms", "-sign", "-in", &plain, "-signer", &bob.cert, "-inkey", &bob.key, "-certfile", &chain, "-text", "-crlfeol"];
    let entity = String::from_utf8(must("openssl", &args, b"")).unwrap();
    assert!(scene.partner_sends(BOB, &[ALICE], &mail_of(BOB, ALICE, subject, &entity)).ok);
    let mails = scene.company.wait_for("alice", count);
    let mail = mails.iter().find(|mail| header(mail, "subject").contains(subject)).unwrap();
    header(mail, "x-sealgate-signature")
}

#[test]
fn m_c3_m_c4_an_unknown_root_waits_and_a_trusted_one_teaches() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "strangers");
        let bob = ca.person(BOB);
        assert_eq!(bob_signs(&scene, &ca, &bob, 1, "first"), "untrusted");
        let met = scene.gateway.event("root.met", |event| event["sender"] == BOB);
        let sha256 = fingerprint(&ca.cert(), "-sha256").replace(':', "").to_lowercase();
        assert_eq!(met["sha256"], sha256.as_str());
        let root = &json(&scene.gateway, &["key", "list", "roots"])["items"][0];
        assert_eq!(
            (root["sha256"].as_str(), root["trust"].as_str(), root["origin"].as_str()),
            (Some(sha256.as_str()), Some("undefined"), Some("harvested"))
        );
        let shown = json(&scene.gateway, &["key", "show", &sha256, "--root"]);
        assert_eq!((shown["mails"][0]["from"].as_str(), shown["mails"].as_array().unwrap().len()), (Some(BOB), 1), "{shown}");
        assert!(shown["certificate"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
        assert_eq!(
            json(&scene.gateway, &["key", "list", "partners"])["items"].as_array().unwrap().len(),
            0,
            "nothing is learnt without trust"
        );
        // What mails brought is not the site file's to name.
        assert!(!scene.gateway.run(&["config", "export"]).contains("BEGIN CERTIFICATE"));

        let _ = scene.gateway.run(&["key", "trust", &fingerprint(&ca.cert(), "-sha256")]);
        assert_eq!(bob_signs(&scene, &ca, &bob, 2, "second"), "valid");
        let learnt = testkit::wait::until(std::time::Duration::from_secs(20), "the certificate", || {
            let listed = json(&scene.gateway, &["key", "list", "partners"]);
            listed["items"].get(0).cloned()
        });
        assert_eq!((learnt["owner"].as_str(), learnt["origin"].as_str()), (Some(BOB), Some("harvested")));
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Answer [secure]", "the price")).ok);
        let answer = scene.partner.wait_for("bob", 1).remove(0);
        assert!(String::from_utf8_lossy(&cms_decrypt(&scene.room, &answer, &bob)).contains("the price"));

        let _ = scene.gateway.run(&["key", "untrust", &sha256]);
        assert_eq!(bob_signs(&scene, &ca, &bob, 3, "third"), "untrusted");
        let mails = json(&scene.gateway, &["key", "show", &sha256, "--root"])["mails"].as_array().unwrap().len();
        assert!((1..=3).contains(&mails), "{mails}");
    });
}

#[test]
fn m_c3_what_is_not_taken_teaches_nothing() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "strangers");
        let (bob, mallory) = (ca.person(BOB), ca.person("mallory@partner.example"));
        scene.trust(&ca);
        // Somebody else's signature, and one that is broken.
        let plain = scene.room.write("plain.txt", "words");
        let sign = |person: &Person| {
            let args = ["cms", "-sign", "-in", &plain, "-signer", &person.cert, "-inkey", &person.key, "-text", "-crlfeol"];
            String::from_utf8(must("openssl", &args, b"")).unwrap()
        };
        let mails = [("foreign", sign(&mallory)), ("broken", sign(&bob).replace("words", "other words"))];
        for (count, (subject, entity)) in mails.iter().enumerate() {
            assert!(scene.partner_sends(BOB, &[ALICE], &mail_of(BOB, ALICE, subject, entity)).ok);
            let _ = scene.company.wait_for("alice", count + 1);
        }
        // A recipient that does not exist: the mail is refused and nothing is kept of it.
        let good = mail_of(BOB, "nobody@company.example", "refused", &sign(&bob));
        let _ = scene.partner_sends(BOB, &["nobody@company.example"], &good);
        let _ = scene.partner.wait_for("bob", 1);
        assert_eq!(json(&scene.gateway, &["key", "list", "partners"])["items"].as_array().unwrap().len(), 0);
        let root = fingerprint(&ca.cert(), "-sha256").replace(':', "").to_lowercase();
        assert_eq!(json(&scene.gateway, &["key", "show", &root, "--root"])["mails"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn m_c4_a_new_site_begins_with_the_public_list() {
    isolated(|| {
        let gateway = Gateway::start("public", &format!("public_roots = \"/etc/ssl/certs/ca-certificates.crt\"\n{NODE}"));
        let listed = gateway.event("roots.listed", |_| true);
        assert!(listed["count"].as_u64().unwrap() > 50, "{listed}");
        let page = json(&gateway, &["key", "list", "roots"]);
        let first = &page["items"][0];
        assert_eq!((first["trust"].as_str(), first["origin"].as_str()), (Some("trusted"), Some("public")));
        let sha256 = first["sha256"].as_str().unwrap().to_owned();
        let _ = gateway.run(&["key", "untrust", &sha256]);
        let second = page["items"][1]["sha256"].as_str().unwrap().to_owned();
        let _ = gateway.run(&["key", "remove", &second, "--root"]);
        let again = Gateway::start_in(gateway.stop(), &format!("public_roots = \"/etc/ssl/certs/ca-certificates.crt\"\n{NODE}"), &[]);
        assert_eq!(json(&again, &["key", "show", &sha256, "--root"])["key"]["trust"], "untrusted", "the list is taken once");
        assert!(!again.command(&["key", "show", &second, "--root"]).status.success());
        // What was exported is the site.
        let file = again.room().write("export.toml", again.run(&["config", "export"]));
        assert_eq!(again.run(&["config", "diff", &file, "--json"]).matches("\"section\"").count(), 0);
    });
}

/// Orders the change and does not wait for its answer.
fn rotate(room: &Room) -> std::process::Child {
    let config = room.file("sealgate.toml");
    let mut command = Command::new(testkit::gateway::program());
    command.args(["--config", &config, "key", "master", "--rotate"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Alice's key opens and signs.
fn works(gateway: &Gateway, key: &str, pass: &str, message: &str) {
    assert!(gateway.command(&["key", "export", key, "--passphrase-file", pass]).status.success(), "{}", gateway.log_text());
    let verdict = json(gateway, &["message", "verify", message, "--to", ALICE]);
    assert_eq!(verdict["encryption"], "smime", "{verdict}");
}

#[test]
fn m_c12_the_master_key_changes_under_kills_and_nothing_is_lost() {
    isolated(|| {
        let files = Arc::new(Room::new("files"));
        let config = format!("{NODE}[times]\nhousekeeping = \"1s\"\n");
        let mut gateway = Gateway::start("master", &config);
        gateway.apply(&format!("{}{USERS}", sealgate_tests::scene::SITE));
        let key = json(&gateway, &["key", "generate", "--user", ALICE, "--kind", "p256"])["key"].as_str().unwrap().to_owned();
        let shown = json(&gateway, &["key", "show", &key]);
        let cert = files.write("alice.crt", shown["certificate"].as_str().unwrap());
        let alice = Person { address: ALICE.into(), cert, key: String::new(), p12: String::new() };
        let entity = cms_encrypt(&files, b"Content-Type: text/plain\r\n\r\nwords\r\n", &[&alice], "-aes-256-cbc");
        let message = files.write("message.eml", mail_of(BOB, ALICE, "closed", &entity));
        let pass = files.write("pass", "a long phrase");
        let stolen = std::fs::read(gateway.room().path().join("master.key")).unwrap();
        works(&gateway, &key, &pass, &message);
        // Killed at once, after the store has the change, and after the key was put in its place.
        for event in ["", "master_key.rotated", "job.done", ""] {
            let mut order = rotate(&gateway.room());
            if !event.is_empty() {
                let _ = gateway.event(event, |line| event != "job.done" || line["kind"] == "reseal");
            }
            let room = gateway.kill();
            let _ = order.wait();
            gateway = Gateway::start_in(room, &config, &[]);
            works(&gateway, &key, &pass, &message);
        }
        let state = json(&gateway, &["key", "master", "--rotate"]);
        assert_eq!(state["waiting"], 0, "{state}");
        assert!(state["epoch"].as_i64().unwrap() >= 3, "{state}");
        works(&gateway, &key, &pass, &message);
        let room = gateway.stop();
        assert!(!room.path().join("master.key.next").exists());
        let now = std::fs::read(room.path().join("master.key")).unwrap();
        assert_ne!(now, stolen);
        // The old key opens nothing any more, and says so.
        std::fs::write(room.path().join("master.key"), stolen).unwrap();
        let refused = testkit::gateway::cli(&room, &["key", "list"]);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && words.to_lowercase().contains("master key"), "{words}");
        std::fs::write(room.path().join("master.key"), now).unwrap();
        works(&Gateway::start_in(room, &config, &[]), &key, &pass, &message);
    });
}

#[test]
fn m_c12_each_use_of_a_key_is_listed_with_its_mail() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let key = json(&scene.gateway, &["key", "generate", "--user", ALICE, "--kind", "p256"])["key"].as_str().unwrap().to_owned();
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Signed", "words")).ok);
        let _ = scene.partner.wait_for("bob", 1);
        let used = scene.gateway.event("key.used", |event| event["key"] == key.as_str());
        let uses = testkit::wait::until(std::time::Duration::from_secs(20), "the use", || {
            Some(json(&scene.gateway, &["key", "uses", &key])).filter(|uses| uses["items"].get(0).is_some())
        });
        assert_eq!((uses["items"][0]["purpose"].as_str(), &uses["items"][0]["trace"]), (Some("sign-mail"), &used["trace"]), "{uses}");
    });
}
