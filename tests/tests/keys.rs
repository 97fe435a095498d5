//! Story: keys of our users and of partners by the command line, with openssl on the other side.

use sealgate_tests::Scene;
use sealgate_tests::scene::{cms_decrypt, cms_encrypt, header, mail_of, text};
use serde_json::Value;
use testkit::net::isolated;
use testkit::tools::{Ca, Person, fingerprint, must, run};

const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";
const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\nname = \"Alice Example\"\n";

fn json(scene: &Scene, args: &[&str]) -> Value {
    serde_json::from_str(&scene.gateway.run(&[args, &["--json"]].concat())).unwrap()
}

/// The certificate of a key, in a file.
fn certificate(scene: &Scene, id: &str, name: &str) -> String {
    let shown = json(scene, &["key", "show", id]);
    scene.room.write(name, shown["certificate"].as_str().unwrap())
}

/// Alice writes to the partner; what arrives there.
fn alice_sends(scene: &Scene, count: usize, subject: &str) -> Vec<u8> {
    assert!(scene.company_sends(ALICE, &["dave@partner.example"], &text(ALICE, "dave@partner.example", subject, "words")).ok);
    let mails = scene.partner.wait_for("dave", count);
    mails.into_iter().find(|mail| header(mail, "subject").contains(subject)).unwrap()
}

/// openssl says that this certificate signed it.
fn signed_by(scene: &Scene, mail: &[u8], cert: &str) -> bool {
    let file = scene.room.write("signed.eml", mail);
    let verified = run("openssl", &["cms", "-verify", "-in", &file, "-CAfile", cert, "-purpose", "smimesign", "-out", "/dev/null"], b"");
    verified.ok
}

#[test]
fn m_c5_m_c12_keys_are_made_used_retired_and_taken_along() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let first = json(&scene, &["key", "generate", "--user", ALICE]);
        assert_eq!(
            (first["origin"].as_str(), first["bits"].as_u64(), first["subject"].as_str()),
            (Some("generated"), Some(3072), Some("CN=Alice Example"))
        );
        let first = first["key"].as_str().unwrap().to_owned();
        let first_cert = certificate(&scene, &first, "first.crt");
        assert!(signed_by(&scene, &alice_sends(&scene, 1, "one"), &first_cert), "a key that was made here signs");

        let second =
            json(&scene, &["key", "generate", "--user", ALICE, "--kind", "p256", "--days", "30"])["key"].as_str().unwrap().to_owned();
        let second_cert = certificate(&scene, &second, "second.crt");
        assert!(signed_by(&scene, &alice_sends(&scene, 2, "two"), &second_cert), "the newest signs");
        let _ = scene.gateway.run(&["key", "expire", &second]);
        assert!(signed_by(&scene, &alice_sends(&scene, 3, "three"), &first_cert), "an expired one does not");
        let _ = scene.gateway.run(&["key", "revoke", &first]);
        assert!(!header(&alice_sends(&scene, 4, "four"), "content-type").contains("multipart/signed"), "no key is left to sign with");

        // What was encrypted to the old one still arrives opened.
        let old = Person { address: ALICE.into(), cert: first_cert, key: String::new(), p12: String::new() };
        let entity = cms_encrypt(&scene.room, b"Content-Type: text/plain\r\n\r\nfor the old key\r\n", &[&old], "-aes-256-cbc");
        assert!(scene.partner_sends(BOB, &[ALICE], &mail_of(BOB, ALICE, "old", &entity)).ok);
        let arrived = scene.company.wait_for("alice", 1).remove(0);
        assert!(String::from_utf8_lossy(&arrived).contains("for the old key"), "{}", String::from_utf8_lossy(&arrived));

        // Taken along under a pass phrase, and only so.
        let (short, long) = (scene.room.write("short", "1234567"), scene.room.write("long", "a long phrase"));
        let to = scene.room.file("alice.p12");
        let refused = scene.gateway.command(&["key", "export", &first, "--passphrase-file", &short, "--to", &to]);
        assert!(!refused.status.success() && !std::path::Path::new(&to).exists(), "{refused:?}");
        let _ = scene.gateway.run(&["key", "export", &first, "--passphrase-file", &long, "--to", &to]);
        let again = scene.gateway.command(&["key", "export", &first, "--passphrase-file", &long, "--to", &to]);
        assert!(!again.status.success(), "nothing is written over");
        let opened = must("openssl", &["pkcs12", "-in", &to, "-nodes", "-passin", "pass:a long phrase"], b"");
        let key = scene.room.write("opened.pem", &opened);
        assert!(String::from_utf8_lossy(&opened).contains("PRIVATE KEY"));
        assert!(!run("openssl", &["pkcs12", "-in", &to, "-nodes", "-passin", "pass:"], b"").ok);
        let closed = scene.room.write("closed.eml", entity.as_bytes());
        let plain = must("openssl", &["cms", "-decrypt", "-in", &closed, "-inkey", &key, "-recip", &old.cert], b"");
        assert!(String::from_utf8_lossy(&plain).contains("for the old key"));
        let refused = scene.gateway.command(&["key", "remove", &first]);
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--allow-delete"), "{refused:?}");
        let _ = scene.gateway.run(&["key", "remove", &first, "--allow-delete"]);
        assert_eq!(json(&scene, &["key", "list"])["items"].as_array().unwrap().len(), 1);
        assert!(!scene.gateway.log_text().contains("a long phrase"), "x_21");
    });
}

#[test]
fn m_c15_who_may_not_encrypt_gets_a_bounce_and_still_reads() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        scene.user_key(&alice);
        scene.partner_key(&bob);
        let refused = scene.gateway.command(&["user", "remove", ALICE]);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && words.contains("--users disable") && words.contains("can't be opened"), "{words}");
        let _ = scene.gateway.run(&["user", "remove", ALICE, "--users", "disable"]);
        let user = json(&scene, &["user", "show", ALICE]);
        assert_eq!((user["may_not_encrypt"].as_bool(), user["may_not_sign"].as_bool()), (Some(true), Some(true)));

        // Demanded encryption is never answered by clear text.
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Plan [secure]", "top secret words")).ok);
        let bounce = scene.company.wait_for("alice", 1).remove(0);
        assert!(header(&bounce, "return-path").contains("<>"), "{}", String::from_utf8_lossy(&bounce));
        assert!(scene.partner.mailbox("bob").is_empty(), "nothing leaves in clear");
        // Without a demand it goes as it is, unsigned.
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Lunch", "at noon")).ok);
        let sent = scene.partner.wait_for("bob", 1).remove(0);
        assert!(header(&sent, "content-type").starts_with("text/plain"), "{}", String::from_utf8_lossy(&sent));
        // What comes in is opened.
        let entity = cms_encrypt(&scene.room, b"Content-Type: text/plain\r\n\r\nfor the leaver\r\n", &[&alice], "-aes-256-cbc");
        assert!(scene.partner_sends(BOB, &[ALICE], &mail_of(BOB, ALICE, "in", &entity)).ok);
        let arrived = scene.company.wait_for("alice", 2);
        assert!(arrived.iter().any(|mail| String::from_utf8_lossy(mail).contains("for the leaver")));
    });
}

#[test]
fn m_c6_partners_certificates_by_file_and_by_paste() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let bob = ca.person(BOB);
        let bundle = scene.room.file("bob.p7c");
        let _ = must(
            "openssl",
            &["crl2pkcs7", "-nocrl", "-certfile", &bob.cert, "-certfile", &ca.cert(), "-outform", "DER", "-out", &bundle],
            b"",
        );
        let _ = scene.gateway.run(&["key", "import", &bundle, "--partner", BOB]);
        let listed = json(&scene, &["key", "list", "partners"]);
        let sha256 = listed["items"][0]["sha256"].as_str().unwrap().to_owned();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
        assert_eq!(fingerprint(&bob.cert, "-sha256").replace(':', "").to_lowercase(), sha256);
        assert_eq!(fingerprint(&bob.cert, "-sha1").replace(':', "").to_lowercase(), listed["items"][0]["sha1"]);
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Offer [secure]", "the price")).ok);
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        assert!(String::from_utf8_lossy(&cms_decrypt(&scene.room, &mail, &bob)).contains("the price"));

        let junk = scene.room.write("junk.p12", [0_u8; 300]);
        for (file, owner, word) in [(&junk, "--user", "PKCS#12"), (&junk, "--partner", "certificate"), (&bob.cert, "--user", "private key")]
        {
            let who = if owner == "--user" { ALICE } else { BOB };
            let refused = scene.gateway.command(&["key", "import", file, owner, who]);
            let words = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(refused.status.code() == Some(1) && words.contains(word), "{owner}: {words}");
        }
        assert_eq!(json(&scene, &["key", "list"])["items"].as_array().unwrap().len(), 0, "nothing is half imported");
        let _ = scene.gateway.run(&["key", "remove", &sha256, "--partner", BOB]);
        assert_eq!(json(&scene, &["key", "list", "partners"])["items"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn m_c5_m_c12_key_files_of_and_for_other_makers() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let alice = ca.person(ALICE);
        let pass = scene.room.write("pass", "secret");
        // gpgsm 2.2 reads the old algorithms only; what it writes is its own.
        let (old, own, home) = (scene.room.file("old.p12"), scene.room.file("gpgsm.p12"), scene.room.file("gpgsm"));
        let export = ["pkcs12", "-export", "-legacy", "-in", &alice.cert, "-inkey", &alice.key, "-out", &old, "-passout", "pass:secret"];
        let _ = must("openssl", &export, b"");
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let gpgsm = |args: &[&str]| {
            let common = ["--homedir", &home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"];
            run("gpgsm", &[&common[..], args].concat(), b"secret\n")
        };
        let taken = gpgsm(&["--import", &old]);
        assert!(taken.err.contains("secret keys imported: 1"), "{taken:?}");
        let given = gpgsm(&["--output", &own, "--export-secret-key-p12", ALICE]);
        assert!(std::fs::metadata(&own).is_ok_and(|file| file.len() > 1_000), "{given:?}");
        let _ = run("gpgconf", &["--homedir", &home, "--kill", "all"], b"");
        for file in [&old, &own] {
            let _ = scene.gateway.run(&["key", "import", file, "--user", ALICE, "--passphrase-file", &pass]);
            let listed = json(&scene, &["key", "list"]);
            let sha256 = fingerprint(&alice.cert, "-sha256").replace(':', "").to_lowercase();
            assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["sha256"]), (1, &Value::from(sha256)), "{file}");
            let id = listed["items"][0]["key"].as_str().unwrap().to_owned();
            let _ = scene.gateway.run(&["key", "remove", &id, "--allow-delete"]);
        }
        // What leaves, Python's cryptography reads with the pass phrase alone.
        scene.user_key(&alice);
        let id = json(&scene, &["key", "list"])["items"][0]["key"].as_str().unwrap().to_owned();
        let (long, out) = (scene.room.write("long", "a long phrase"), scene.room.file("out.p12"));
        let _ = scene.gateway.run(&["key", "export", &id, "--passphrase-file", &long, "--to", &out]);
        let script = "import sys\nfrom cryptography.hazmat.primitives.serialization import pkcs12\n\
                      key, cert, more = pkcs12.load_key_and_certificates(open(sys.argv[1], 'rb').read(), sys.argv[2].encode())\n\
                      print(cert.fingerprint(cert.signature_hash_algorithm).hex(), key.key_size)";
        let read = run("/usr/bin/python3", &["-c", script, &out, "a long phrase"], b"");
        let sha256 = fingerprint(&alice.cert, "-sha256").replace(':', "").to_lowercase();
        assert_eq!(read.text().trim(), format!("{sha256} 2048"), "{}", read.err);
        assert!(!run("/usr/bin/python3", &["-c", script, &out, "another phrase"], b"").ok);
    });
}
