//! Story: OpenPGP with GnuPG on the other side, Postfix on both.

use sealgate_tests::Scene;
use sealgate_tests::copies::armour;
use sealgate_tests::scene::{GATE, cms_decrypt, header, mail_of, text};
use sealgate_tests::smtp::Client;
use testkit::gpg::Gpg;
use testkit::net::isolated;
use testkit::tools::Ca;

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\nname = \"Alice\"\n[[user]]\naddress = \"carol@company.example\"\n";
const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";

/// A scene, Alice's key in the gateway and Bob's with the partner, and GnuPG with both.
fn scene(more: &str) -> (Scene, Gpg) {
    let scene = Scene::start(&format!("{USERS}{more}"));
    let gpg = Gpg::new();
    gpg.person("Alice <alice@company.example>", "future-default", "never");
    gpg.person("Bob <bob@partner.example>", "rsa2048", "never");
    let secret = gpg.must(&["--passphrase", "pass word", "--armor", "--export-secret-keys", ALICE], b"");
    let (file, pass) = (scene.room.write("alice.asc", secret), scene.room.write("pass", "pass word\n"));
    scene.gateway.run(&["key", "import", &file, "--user", ALICE, "--passphrase-file", &pass]);
    let file = scene.room.write("bob.asc", gpg.public(BOB));
    scene.gateway.run(&["key", "import", &file, "--partner", BOB]);
    (scene, gpg)
}

fn envelope(armour: &[u8]) -> String {
    let armour = String::from_utf8_lossy(armour);
    format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=enc\r\n\r\n--enc\r\n\
         Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--enc\r\nContent-Type: application/octet-stream\r\n\r\n{armour}\r\n--enc--\r\n"
    )
}

fn send(scene: &Scene, from: &str, subject: &str, entity: &str) -> Vec<u8> {
    let before = scene.company.mailbox("alice").len();
    assert!(scene.partner_sends(from, &[ALICE], &mail_of(from, ALICE, subject, entity)).ok, "{subject}");
    let mails = scene.company.wait_for("alice", before + 1);
    mails.into_iter().find(|mail| header(mail, "subject").contains(subject)).unwrap_or_else(|| panic!("no mail with subject {subject}"))
}

#[test]
fn m_c2_gnupg_opens_and_verifies_what_leaves() {
    isolated(|| {
        let (scene, gpg) = scene("");
        let message = text(ALICE, BOB, "Offer [secure]", "The price is 42 €.");
        assert!(scene.company_sends(ALICE, &[BOB], &message).ok);
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        assert!(header(&mail, "content-type").contains("multipart/encrypted"), "{}", String::from_utf8_lossy(&mail));
        assert_eq!(header(&mail, "subject"), "Offer", "the tag is gone");
        let answer = gpg.run(&["--status-fd", "2", "--decrypt"], &armour(&mail));
        let inside = String::from_utf8_lossy(&answer.out).into_owned();
        assert!(answer.ok && answer.err.contains("GOODSIG") && answer.err.contains(ALICE), "{}", answer.err);
        assert!(inside.contains("The price is 42 =E2=82=AC.") || inside.contains("VGhlIHByaWNl"), "{inside}");
        let listed = scene.gateway.run(&["key", "list"]);
        assert!(listed.contains("Alice <alice@company.example>") && listed.contains("OpenPGP 4"), "{listed}");
    });
}

#[test]
fn m_c2_m_c13_what_gnupg_made_arrives_opened_with_its_verdict() {
    isolated(|| {
        let (scene, gpg) = scene("");
        let entity = "Content-Type: text/plain; charset=utf-8\r\n\r\nfor alice only\r\n";
        let closed = |more: &[&str]| envelope(&gpg.must(&[&["--armor", "--encrypt"][..], more].concat(), entity.as_bytes()));
        let mail = send(&scene, BOB, "one", &closed(&["-r", ALICE, "--sign", "-u", BOB]));
        let shown = String::from_utf8_lossy(&mail).into_owned();
        assert_eq!(
            (header(&mail, "x-sealgate-encryption").as_str(), header(&mail, "x-sealgate-signature").as_str()),
            ("pgp", "valid"),
            "{shown}"
        );
        assert!(shown.contains("for alice only") && header(&mail, "subject").contains("[secure]"), "{shown}");
        assert!(header(&mail, "subject").contains("[signed OK]"), "{shown}");
        let mail = send(&scene, BOB, "hidden", &closed(&["-R", ALICE]));
        assert_eq!((header(&mail, "x-sealgate-encryption").as_str(), header(&mail, "x-sealgate-signature").as_str()), ("pgp", "none"));
        assert!(!header(&mail, "subject").contains("signed"));
        // Somebody else's signature under Bob's name, one under nobody's known key, and one that is revoked by then.
        gpg.person("Mallory <bob@partner.example>", "default", "never");
        let mallory = gpg.must(&["--list-keys", "--with-colons", "Mallory"], b"");
        let mallory =
            String::from_utf8_lossy(&mallory).lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
        let mail = send(&scene, BOB, "forged", &closed(&["-r", ALICE, "--sign", "-u", &mallory]));
        assert_eq!(header(&mail, "x-sealgate-signature"), "unchecked");
        assert!(header(&mail, "subject").contains("[signed INVALID]"));
        let mail = send(&scene, "eve@partner.example", "spoof", &closed(&["-r", ALICE, "--sign", "-u", BOB]));
        assert_eq!(header(&mail, "x-sealgate-signature"), "mismatch");
        let revocations = std::fs::read_dir(gpg.home().join("openpgp-revocs.d"))
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let revocation = revocations.into_iter().find(|text| text.contains("Bob <bob@")).unwrap();
        let file = scene.room.write("bob.rev", revocation);
        scene.gateway.run(&["key", "import", &file, "--partner", BOB]);
        let mail = send(&scene, BOB, "late", &closed(&["-r", ALICE, "--sign", "-u", BOB]));
        assert_eq!(header(&mail, "x-sealgate-signature"), "revoked");
    });
}

#[test]
fn m_c2_texts_and_files_are_opened_in_their_places() {
    isolated(|| {
        let (scene, gpg) = scene("");
        let inline = String::from_utf8(gpg.must(&["--armor", "--encrypt", "-r", ALICE], "Grüße\r\n".as_bytes())).unwrap();
        let file = String::from_utf8(gpg.must(&["--armor", "--encrypt", "-r", ALICE], b"%PDF-1.7 plan")).unwrap();
        let entity = format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello,\r\n{inline}\r\nBye\r\n\
             --mix\r\nContent-Type: application/octet-stream; name=\"plan.pdf.asc\"\r\nContent-Disposition: attachment; filename=\"plan.pdf.asc\"\r\n\r\n{file}\r\n--mix--\r\n"
        );
        let mail = send(&scene, BOB, "parts", &entity);
        let shown = String::from_utf8_lossy(&mail).into_owned();
        assert_eq!(header(&mail, "x-sealgate-encryption"), "pgp", "{shown}");
        assert!(shown.contains("Hello,") && shown.contains("Gr=C3=BC=C3=9Fe") && shown.contains("plan.pdf\""), "{shown}");
        assert!(shown.contains("JVBERi0xLjcgcGxhbg==") && !shown.contains("BEGIN PGP"), "{shown}");
        let clear = String::from_utf8(gpg.must(&["--clear-sign", "-u", BOB], b"Pay 1.\r\n")).unwrap();
        let plain = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n";
        let mail = send(&scene, BOB, "clear", &format!("{plain}{clear}"));
        assert_eq!(header(&mail, "x-sealgate-signature"), "valid");
        assert!(String::from_utf8_lossy(&mail).replace("\r\n", "\n").contains(clear.replace("\r\n", "\n").trim_end()), "as it came");
        let mail = send(&scene, BOB, "more", &format!("{plain}Pay to account 7.\r\n{clear}"));
        assert_eq!(header(&mail, "x-sealgate-signature"), "partial");
    });
}

#[test]
fn x_1_x_3_what_does_not_open_is_delivered_as_it_came() {
    isolated(|| {
        let (scene, gpg) = scene("[rules.generator]\nin_reject_undecryptable = false\n");
        let entity = "Content-Type: text/plain\r\n\r\ntop secret words\r\n";
        let good = String::from_utf8(gpg.must(&["--armor", "--encrypt", "-r", ALICE], entity.as_bytes())).unwrap();
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        let at = lines.len() - 4;
        let octet = if lines[at].as_bytes()[5] == b'A' { "B" } else { "A" };
        lines[at].replace_range(5..6, octet);
        gpg.person("Zoe <zoe@partner.example>", "future-default", "never");
        let other = gpg.must(&["--armor", "--encrypt", "-r", "zoe@partner.example"], entity.as_bytes());
        for (subject, armour) in [("changed", lines.join("\r\n").into_bytes()), ("for somebody else", other)] {
            let mail = send(&scene, BOB, subject, &envelope(&armour));
            let shown = String::from_utf8_lossy(&mail).replace("\r\n", "\n");
            assert_eq!(header(&mail, "x-sealgate-encryption"), "failed", "{shown}");
            assert!(
                !shown.contains("top secret") && shown.contains(String::from_utf8_lossy(&armour).replace("\r\n", "\n").trim_end()),
                "{shown}"
            );
            assert!(!header(&mail, "subject").contains("[secure]"));
        }
    });
}

#[test]
fn x_3_m_r2_mail_that_names_no_openpgp_key_of_its_recipient_is_refused_by_default() {
    isolated(|| {
        let (scene, gpg) = scene("");
        gpg.person("Zoe <zoe@partner.example>", "future-default", "never");
        let closed =
            |to: &[&str]| envelope(&gpg.must(&[&["--armor", "--encrypt"], to].concat(), b"Content-Type: text/plain\r\n\r\nwords\r\n"));
        let mut client = Client::connect(GATE, "127.0.0.20").unwrap();
        client.say("EHLO partner.example").unwrap();
        let mut reply = |to: &str, entity: &str| client.mail(BOB, &[to], mail_of(BOB, to, "x", entity).as_bytes()).unwrap();
        let (alices, zoes) = (closed(&["-r", ALICE]), closed(&["-r", "zoe@partner.example"]));
        for (to, entity, code) in [
            (ALICE, &zoes, "550 5.7.5"),
            // Carol has no key here.
            ("carol@company.example", &alices, "550 5.7.5"),
            (ALICE, &alices, "250"),
            // Nobody can say whose it is, and no key was asked: it is delivered, and does not open.
            (ALICE, &closed(&["-R", "zoe@partner.example"]), "250"),
            ("carol@company.example", &closed(&["-R", ALICE]), "550 5.7.5"),
        ] {
            let said = reply(to, entity);
            assert!(said.starts_with(code), "{to}: {said}");
        }
        // Damaged, but addressed to a key of hers: the answer tells nothing about what the key did.
        let mut lines: Vec<String> = alices.lines().map(str::to_owned).collect();
        let at = lines.iter().position(|line| line.starts_with("-----END PGP")).unwrap() - 2;
        let octet = if lines[at].starts_with('A') { "B" } else { "A" };
        lines[at].replace_range(0..1, octet);
        assert!(reply(ALICE, &lines.join("\r\n")).starts_with("250"));
        let words: Vec<String> = scene.company.wait_for("alice", 3).iter().map(|mail| header(mail, "x-sealgate-encryption")).collect();
        assert_eq!((words.iter().filter(|word| *word == "pgp").count(), words.iter().filter(|word| *word == "failed").count()), (1, 2));
        assert!(scene.company.mailbox("carol").is_empty());
    });
}

#[test]
fn m_r2_signatures_are_taken_off_where_the_switches_say_so() {
    isolated(|| {
        let (scene, gpg) = scene("[rules.generator]\nin_strip_sig_ok = true\nin_strip_sig_bad = true\n");
        let entity = "Content-Type: text/plain; charset=utf-8\r\n\r\nThe price is 42.\r\n";
        let signature = String::from_utf8(gpg.must(&["--armor", "--detach-sign", "-u", BOB], entity.as_bytes())).unwrap();
        let signed = format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=sig\r\n\r\n\
             --sig\r\n{entity}\r\n--sig\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--sig--\r\n"
        );
        let clear = String::from_utf8(gpg.must(&["--clear-sign", "-u", BOB], b"The price is 42.\r\n")).unwrap();
        let clear = format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{clear}");
        let closed = envelope(&gpg.must(&["--armor", "--encrypt", "-r", ALICE], signed.as_bytes()));
        for (subject, entity, verdict) in [
            ("good", signed.clone(), "valid"),
            ("forged", signed.replace("42", "43"), "invalid"),
            ("text", clear.clone(), "valid"),
            ("more", clear.replace("-----BEGIN PGP SIGNED", "Pay to account 7.\r\n-----BEGIN PGP SIGNED"), "partial"),
            ("closed", closed, "valid"),
        ] {
            let mail = send(&scene, BOB, subject, &entity);
            let shown = String::from_utf8_lossy(&mail).into_owned();
            let tag = if verdict == "valid" { "[signed OK]" } else { "[signed INVALID]" };
            assert_eq!(header(&mail, "x-sealgate-signature"), verdict, "{shown}");
            assert!(header(&mail, "subject").contains(tag) && shown.contains("The price is 4"), "{shown}");
            assert!(!shown.contains("PGP") && !header(&mail, "content-type").contains("signed"), "{subject}: {shown}");
        }
    });
}

#[test]
fn m_r9_each_recipient_gets_the_method_that_he_has() {
    isolated(|| {
        let (scene, gpg) = scene("");
        let ca = Ca::new(&scene.room, "testca");
        let pia = ca.person("carol@partner.example");
        scene.partner_key(&pia);
        let to = [BOB, "carol@partner.example", "dave@partner.example"];
        let message = text(ALICE, &to.join(">, <"), "To all", "to all of you");
        assert!(scene.company_sends(ALICE, &to, &message).ok);
        let (bob, pia_mail, dave) = (
            scene.partner.wait_for("bob", 1).remove(0),
            scene.partner.wait_for("carol", 1).remove(0),
            scene.partner.wait_for("dave", 1).remove(0),
        );
        assert!(String::from_utf8_lossy(&gpg.must(&["--decrypt"], &armour(&bob))).contains("to all of you"));
        assert!(String::from_utf8_lossy(&cms_decrypt(&scene.room, &pia_mail, &pia)).contains("to all of you"));
        assert!(String::from_utf8_lossy(&dave).contains("to all of you"));
        // Demanded: the one without a key gets nothing, and the sender is told (X-13).
        assert!(scene.company_sends(ALICE, &[BOB, "dave@partner.example"], &text(ALICE, BOB, "Plan [secure]", "hush")).ok);
        let bounce = scene.company.wait_for("alice", 1).remove(0);
        assert!(String::from_utf8_lossy(&bounce).contains("dave@partner.example"));
        let mails = scene.partner.wait_for("bob", 2);
        let plan = mails.iter().find(|mail| header(mail, "subject").contains("Plan")).unwrap();
        assert!(String::from_utf8_lossy(&gpg.must(&["--decrypt"], &armour(plan))).contains("hush"));
        assert_eq!(scene.partner.mailbox("dave").len(), 1, "nothing leaves in clear");
    });
}

#[test]
fn m_c5_m_c12_a_key_made_here_goes_to_gnupg_and_is_revoked() {
    isolated(|| {
        let (scene, _) = scene("");
        let made = scene.gateway.run(&["--json", "key", "generate", "--user", "carol@company.example", "--kind", "pgp"]);
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let id = made["key"].as_str().unwrap();
        let pass = scene.room.write("export-pass", "correct horse");
        let file = scene.room.file("carol.asc");
        scene.gateway.run(&["key", "export", id, "--passphrase-file", &pass, "--to", &file]);
        let carol = Gpg::new();
        let _ = carol.must(&["--passphrase", "correct horse", "--import"], &std::fs::read(&file).unwrap());
        let secrets = String::from_utf8_lossy(&carol.must(&["--list-secret-keys", "--with-colons"], b"")).into_owned();
        assert!(secrets.contains(&id.to_uppercase()) && secrets.contains("carol@company.example"), "{secrets}");
        let sealed = carol.must(&["--armor", "--encrypt", "-r", "carol@company.example"], b"Content-Type: text/plain\r\n\r\nfor carol\r\n");
        let mail = mail_of(BOB, "carol@company.example", "made", &envelope(&sealed));
        assert!(scene.partner_sends(BOB, &["carol@company.example"], &mail).ok);
        let arrived = scene.company.wait_for("carol", 1).remove(0);
        assert_eq!(header(&arrived, "x-sealgate-encryption"), "pgp");
        scene.gateway.run(&["key", "revoke", id]);
        let shown: serde_json::Value = serde_json::from_str(&scene.gateway.run(&["--json", "key", "show", id])).unwrap();
        assert_eq!(shown["key"]["state"], "revoked", "{shown}");
        carol.import(shown["certificate"].as_str().unwrap().as_bytes());
        let refused = carol.run(&["--armor", "--encrypt", "-r", "carol@company.example"], b"x");
        assert!(!refused.ok, "GnuPG knows the revocation: {}", refused.err);
        // What was sealed for it before still opens here.
        assert!(scene.partner_sends(BOB, &["carol@company.example"], &mail.replace("made", "again")).ok);
        assert_eq!(header(&scene.company.wait_for("carol", 2)[1], "x-sealgate-encryption"), "pgp");
    });
}

#[test]
fn m_c2_the_senders_key_goes_along_where_a_rule_says_so() {
    isolated(|| {
        let (scene, _) = scene("[rules.generator]\ncustom_outgoing = 'attachpgpkey();'\n");
        assert!(scene.company_sends(ALICE, &["dave@partner.example"], &text(ALICE, "dave@partner.example", "Key", "see the file")).ok);
        let mail = scene.partner.wait_for("dave", 1).remove(0);
        let shown = String::from_utf8_lossy(&mail).into_owned();
        let file = shown.split("application/pgp-keys").nth(1).unwrap_or_else(|| panic!("no key in {shown}"));
        let body: String =
            file.split("\r\n\r\n").nth(1).or(file.split("\n\n").nth(1)).unwrap().split("--").next().unwrap().split_whitespace().collect();
        let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
        let dave = Gpg::new();
        dave.import(&key);
        assert!(String::from_utf8_lossy(&dave.must(&["--list-keys"], b"")).contains(ALICE));
    });
}
