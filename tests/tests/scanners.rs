//! Story: Debian's clamd and rspamd look at the mail between the partner and the company.

use base64::Engine;
use sealgate_tests::Scene;
use sealgate_tests::scene::{GATE, cms_encrypt, header, mail_of, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::scanners::{Clamd, EICAR, PATTERN, Rspamd};
use testkit::tools::{Ca, must};

const CLAMD: &str = "127.0.0.1:3310";
const RSPAMD: &str = "127.0.0.1:11333";
const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n[[user]]\naddress = \"carol@company.example\"\n";
const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";

fn site(protection: &str, switches: &str) -> String {
    format!("{USERS}[protection]\n{protection}\n[rules.generator]\n{switches}\n")
}

/// A multipart entity with a text and a file.
fn with_file(name: &str, content: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(content);
    let lines: Vec<&str> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"part\"\n\n--part\nContent-Type: text/plain\n\nplease look\n--part\n\
         Content-Type: application/octet-stream; name=\"{name}\"\nContent-Disposition: attachment; filename=\"{name}\"\n\
         Content-Transfer-Encoding: base64\n\n{}\n--part--\n",
        lines.join("\n")
    )
}

/// A ZIP of one file, by Python's zipfile.
fn zip(content: &[u8]) -> Vec<u8> {
    let script = "import sys,zipfile,io\nb=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\nz.writestr('inner.com',sys.stdin.buffer.read())\nz.close()\nsys.stdout.buffer.write(b.getvalue())";
    must("python3", &["-c", script], content)
}

/// The same with the mark of a password on its file.
fn locked(zip: &[u8]) -> Vec<u8> {
    let mut zip = zip.to_vec();
    for (start, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = zip.windows(4).position(|window| window == start).unwrap();
        zip[at + flags] |= 1;
    }
    zip
}

/// A stranger sends to the company; the reply to the final dot, or the refusal before it.
fn send(to: &str, subject: &str, entity: &str) -> String {
    let mut client = Client::connect(GATE, "127.0.0.20").unwrap();
    client.say("EHLO partner.example").unwrap();
    client.mail(BOB, &[to], mail_of(BOB, to, subject, entity).as_bytes()).unwrap()
}

fn plain(body: &str) -> String {
    format!("Content-Type: text/plain\n\n{body}\n")
}

#[test]
fn m_p4_a_virus_is_refused_in_clear_and_in_an_archive() {
    isolated(|| {
        let clamd = Clamd::start(CLAMD);
        let scene = Scene::start(&site(&format!("clamd = \"{}\"", clamd.address()), "virus_check = true\nvirus_check_outgoing = true"));
        let eicar = EICAR.concat();
        for (subject, entity) in [
            ("inclear", plain(&format!("look: {PATTERN}"))),
            ("attached", with_file("eicar.com", eicar.as_bytes())),
            ("zipped", with_file("eicar.zip", &zip(eicar.as_bytes()))),
        ] {
            let reply = send(ALICE, subject, &entity);
            assert!(reply.starts_with("550 5.7.1 A virus was found in this message: Test."), "{subject}: {reply}");
        }
        let _ = scene.gateway.events("mail.infected", 3, |event| event["virus"].as_str().is_some_and(|name| name.starts_with("Test.")));
        assert!(send(ALICE, "clean", &with_file("notes.zip", &zip(b"only notes"))).starts_with("250"));
        let mail = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!(header(&mail, "x-sealgate-scan"), "clean");
        assert_eq!(scene.company.mailbox("alice").len(), 1);

        // Outgoing: the company's own server is told at once; its user gets the bounce.
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Out", PATTERN)).ok);
        let both: Vec<String> = scene.company.wait_for("alice", 2).iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect();
        assert!(both.iter().any(|mail| mail.contains("A virus was found in this message")), "{both:?}");
        assert!(scene.partner.mailbox("bob").is_empty());

        // The same by its unix socket.
        scene.gateway.apply(&format!("[protection]\nclamd = \"{}\"\n", clamd.socket()));
        assert!(send(ALICE, "socket", &plain(PATTERN)).starts_with("550 5.7.1"));
    });
}

#[test]
fn m_p4_infected_mail_goes_to_the_given_address() {
    isolated(|| {
        let clamd = Clamd::start(CLAMD);
        let switches = "virus_check = true\nvirus_to = \"postmaster@company.example\"";
        let scene = Scene::start(&site(&format!("clamd = \"{}\"", clamd.address()), switches));
        assert!(send(ALICE, "aside", &plain(PATTERN)).starts_with("250"));
        let aside = scene.company.wait_for("postmaster", 1).remove(0);
        assert!(header(&aside, "x-sealgate-envelope").contains("to=<alice@company.example>"), "{}", String::from_utf8_lossy(&aside));
        assert!(scene.company.mailbox("alice").is_empty());
    });
}

#[test]
fn x_5_a_virus_inside_encrypted_mail_is_found_after_opening() {
    isolated(|| {
        let clamd = Clamd::start(CLAMD);
        let scene = Scene::start(&site(&format!("clamd = \"{}\"", clamd.address()), "virus_check = true\nvirus_unscanned = \"tag\""));
        let ca = Ca::new(&scene.room, "testca");
        let alice = ca.person(ALICE);
        scene.user_key(&alice);
        let evil = with_file("eicar.com", EICAR.concat().as_bytes()).replace('\n', "\r\n");
        let reply = send(ALICE, "sealed", &cms_encrypt(&scene.room, evil.as_bytes(), &[&alice], "-aes-256-cbc"));
        assert!(reply.starts_with("250"), "nothing on the wire shows what a key did (X-3): {reply}");
        let _ = scene.gateway.event("mail.infected", |event| event["virus"].as_str().is_some_and(|name| name.starts_with("Test.EICAR")));
        let _ = scene.gateway.event("mail.discarded", |_| true);

        let good = with_file("notes.txt", b"only notes").replace('\n', "\r\n");
        assert!(send(ALICE, "good", &cms_encrypt(&scene.room, good.as_bytes(), &[&alice], "-aes-256-cbc")).starts_with("250"));
        let mail = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!((header(&mail, "x-sealgate-scan"), header(&mail, "x-sealgate-encryption")), ("clean".into(), "smime".into()));
        assert!(!header(&mail, "subject").contains("unscanned"));

        // What stays closed is said, and ruled on.
        assert!(send(ALICE, "closed", &with_file("closed.zip", &locked(&zip(b"secret notes")))).starts_with("250"));
        let mails = scene.company.wait_for("alice", 2);
        let closed = mails.iter().find(|mail| header(mail, "subject").contains("closed")).unwrap();
        assert!(header(closed, "subject").ends_with("[unscanned]"), "{}", header(closed, "subject"));
        assert_eq!(header(closed, "x-sealgate-scan"), "unscanned");
        // The mark is ours alone.
        assert!(send(ALICE, "forged[unscanned]", &plain("x")).starts_with("250"));
        assert!(scene.company.wait_for("alice", 3).iter().any(|mail| header(mail, "subject") == "forged"));
        scene.gateway.apply("[rules.generator]\nvirus_check = true\nvirus_unscanned = \"refuse\"\n");
        assert!(send(ALICE, "again", &with_file("closed.zip", &locked(&zip(b"secret notes")))).starts_with("550 5.7.1 A part"));
    });
}

#[test]
fn x_23_without_its_scanner_mail_waits_and_arrives_afterwards() {
    isolated(|| {
        let mut clamd = Clamd::start(CLAMD);
        let scene = Scene::start(&site(&format!("clamd = \"{}\"", clamd.address()), "virus_check = true"));
        clamd.stop();
        let refused = send(ALICE, "direct", &plain("hello"));
        assert!(refused.starts_with("451 4."), "{refused}");
        // The partner's server keeps its mail and tries again.
        assert!(scene.partner_sends(BOB, &[ALICE], &text(BOB, ALICE, "Later", "good news")).ok);
        let _ = scene.gateway.events("mail.refused", 2, |event| event["code"] == "scanner-down");
        assert!(scene.company.mailbox("alice").is_empty());
        clamd.again();
        scene.partner.flush();
        let mail = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!(header(&mail, "x-sealgate-scan"), "clean");
        assert!(String::from_utf8_lossy(&mail).contains("good news"));

        // The administrator may choose otherwise; then it is marked (M-P7).
        scene.gateway.apply(&format!("[protection]\nclamd = \"{}\"\nscanner_down = \"pass\"\n", clamd.address()));
        clamd.stop();
        assert!(send(ALICE, "passes", &plain("hello")).starts_with("250"));
        let mails = scene.company.wait_for("alice", 2);
        assert_eq!(header(mails.iter().find(|mail| header(mail, "subject") == "passes").unwrap(), "x-sealgate-scan"), "unscanned");
    });
}

#[test]
fn m_p5_spam_is_tagged_put_aside_and_refused() {
    isolated(|| {
        let rspamd = Rspamd::start(RSPAMD);
        let scene = Scene::start(&site(&format!("rspamd = \"{}\"", rspamd.url()), "spam_check = true\nspam_redirect = true"));
        assert!(send(ALICE, "news", &plain("hello")).starts_with("250"));
        assert!(send(ALICE, "offer", &plain("this is spam-ten")).starts_with("250"));
        let refused = send(ALICE, "worse", &plain("this is spam-twenty"));
        assert!(refused.starts_with("550 5.7.1 This message looks like spam"), "{refused}");
        let subjects: Vec<String> = scene.company.wait_for("alice", 2).iter().map(|mail| header(mail, "subject")).collect();
        assert!(subjects.contains(&"news".to_owned()) && subjects.contains(&"offer [SPAM]".to_owned()), "{subjects:?}");
        let scored = scene.gateway.event("mail.scored", |event| event["score"] == 20.0);
        assert_eq!(scored["action"], "reject");
        scene.gateway.apply("[rules.generator]\nspam_check = true\nspam_redirect = true\nspam_to = \"postmaster@company.example\"\n");
        assert!(send(ALICE, "aside", &plain("this is spam-twenty, too")).starts_with("250"));
        assert!(header(&scene.company.wait_for("postmaster", 1)[0], "subject").starts_with("aside"));
        assert_eq!(scene.company.mailbox("alice").len(), 2);
    });
}

#[test]
fn m_p10_the_state_of_the_scanners_is_shown() {
    isolated(|| {
        let mut clamd = Clamd::start(CLAMD);
        let gateway = testkit::Gateway::start("gateway", &format!("{}[times]\nscanners = \"500ms\"\n", sealgate_tests::scene::NODE));
        gateway.apply(&format!("{}[protection]\nclamd = \"{}\"\n", sealgate_tests::scene::SITE, clamd.address()));
        let up = gateway.event("scanner.up", |event| event["engine"] == "clamd");
        assert!(up["version"].as_str().unwrap().starts_with("ClamAV "), "{up}");
        clamd.stop();
        let _ = gateway.event("scanner.down", |event| event["engine"] == "clamd");
        clamd.again();
        let _ = gateway.events("scanner.up", 2, |event| event["engine"] == "clamd");
    });
}
