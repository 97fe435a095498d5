//! Stories: S/MIME both ways between the gateway and other makers: the openssl command line, gpgsm 2.2, Python's cryptography.

use sealgate_tests::Scene;
use sealgate_tests::scene::{SITE, cms_decrypt, cms_verify, header, mail_of, text};
use testkit::Room;
use testkit::net::isolated;
use testkit::tools::{Ca, Person, must};

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";
const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";

/// The message with this word in its subject.
fn found(mails: &[Vec<u8>], subject: &str) -> Vec<u8> {
    mails.iter().find(|mail| header(mail, "subject").contains(subject)).unwrap_or_else(|| panic!("no mail {subject}")).clone()
}

/// Header and body of an entity, line feeds only.
fn halves(entity: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(entity).replace("\r\n", "\n");
    text.split_once("\n\n").map(|(head, body)| (head.to_owned(), body.to_owned())).expect("a header")
}

fn decoded(room: &Room, base64: &str) -> Vec<u8> {
    let file = room.write("base64", format!("{}\n", base64.trim()));
    must("openssl", &["base64", "-d", "-in", &file], b"")
}

fn base64(room: &Room, octets: &[u8]) -> String {
    let file = room.write("octets", octets);
    String::from_utf8(must("openssl", &["base64", "-in", &file], b"")).expect("text")
}

/// What is signed, with CRLF, and the signature (DER) of a multipart/signed entity.
fn signed_halves(room: &Room, entity: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let text = String::from_utf8_lossy(entity).replace("\r\n", "\n");
    let boundary = text.split("boundary=\"").nth(1).expect("a boundary").split('"').next().expect("its end").to_owned();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    let content = parts[1].strip_prefix('\n').and_then(|part| part.strip_suffix('\n')).expect("a part");
    (content.replace('\n', "\r\n").into_bytes(), decoded(room, parts[2].split_once("\n\n").expect("a header").1))
}

/// A detached signature as a whole mail.
fn clear_signed(room: &Room, from: &str, subject: &str, content: &str, cms: &[u8]) -> String {
    let entity = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=next\n\n--next\n{content}\n--next\n\
         Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\n{}--next--\n",
        base64(room, cms)
    );
    mail_of(from, ALICE, subject, &entity)
}

/// gpgsm in a home of its own, which trusts the CA and has Bob's key and Alice's certificate.
struct Gpgsm<'r> {
    room: &'r Room,
    home: String,
}

impl<'r> Gpgsm<'r> {
    fn new(room: &'r Room, ca: &Ca<'_>, bob: &Person, alice: &Person) -> Self {
        let home = room.file("gpg");
        std::fs::create_dir(&home).expect("a folder");
        let print = must("openssl", &["x509", "-in", &ca.cert(), "-noout", "-fingerprint", "-sha1"], b"");
        let print = String::from_utf8_lossy(&print).split('=').nth(1).expect("a digest").trim().replace(':', "");
        let write = |name: &str, text: &str| std::fs::write(format!("{home}/{name}"), text).expect("written");
        write("trustlist.txt", &format!("{print} S relax\n"));
        write("gpgsm.conf", "disable-crl-checks\nbatch\nyes\n");
        write("gpg-agent.conf", "allow-loopback-pinentry\n");
        let old = room.file("old.p12");
        let ciphers = ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"];
        let line = ["pkcs12", "-export", "-in", &bob.cert, "-inkey", &bob.key, "-passout", "pass:secret", "-out", &old];
        let _ = must("openssl", &[&line[..], &ciphers].concat(), b"");
        let gpgsm = Self { room, home };
        for file in [&ca.cert(), &alice.cert, &old] {
            let _ = gpgsm.run(&["--import", file]);
        }
        gpgsm
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let own = ["--homedir", &self.home, "--pinentry-mode", "loopback", "--passphrase-fd", "0"];
        must("gpgsm", &[&own[..], arguments].concat(), b"secret\n")
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        self.room.write(name, content)
    }
}

impl Drop for Gpgsm<'_> {
    fn drop(&mut self) {
        let _ = testkit::tools::run("gpgconf", &["--homedir", &self.home, "--kill", "gpg-agent"], b"");
    }
}

#[test]
fn m_c1_gpgsm_signs_encrypts_opens_and_verifies() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let room = &scene.room;
        let ca = Ca::new(room, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        scene.user_key(&alice);
        scene.partner_key(&bob);
        scene.trust(&ca);
        let gpgsm = Gpgsm::new(room, &ca, &bob, &alice);
        // What gpgsm signed, and what it signed and encrypted.
        let content = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße von gpgsm\r\n";
        let signature = gpgsm.run(&["--digest-algo", "SHA256", "-u", BOB, "--detach-sign", &gpgsm.file("content", content.as_bytes())]);
        let mail = clear_signed(room, BOB, "alpha", &content.replace("\r\n", "\n"), &signature);
        assert!(scene.partner_sends(BOB, &[ALICE], &mail).ok);
        let entity = mail.split_once("MIME-Version").map(|(_, rest)| format!("MIME-Version{rest}")).expect("an entity");
        let sealed = gpgsm.run(&["--cipher-algo", "AES256", "-r", ALICE, "--encrypt", &gpgsm.file("entity", entity.as_bytes())]);
        let head = "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n";
        let mail = mail_of(BOB, ALICE, "omega", &format!("{head}{}", base64(room, &sealed)));
        assert!(scene.partner_sends(BOB, &[ALICE], &mail).ok);
        let mails = scene.company.wait_for("alice", 2);
        for (subject, encryption) in [("alpha", "none"), ("omega", "smime")] {
            let mail = found(&mails, subject);
            let shown = String::from_utf8_lossy(&mail).into_owned();
            assert_eq!(header(&mail, "x-sealgate-signature"), "valid", "{shown}");
            assert_eq!(header(&mail, "x-sealgate-encryption"), encryption, "{shown}");
            assert!(shown.contains("von gpgsm"), "{shown}");
        }
        // What leaves for Bob, who reads with gpgsm: CBC and PKCS #1, since his certificate announces nothing more.
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Answer", "for gpgsm alone")).ok);
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        let closed = gpgsm.file("closed", &decoded(room, &halves(&mail).1));
        let opened = gpgsm.run(&["--decrypt", &closed]);
        let (content, signature) = signed_halves(room, &opened);
        assert!(String::from_utf8_lossy(&content).contains("for gpgsm alone"));
        let (content, signature) = (gpgsm.file("plain", &content), gpgsm.file("plain.p7s", &signature));
        let _ = gpgsm.run(&["--verify", &signature, &content]);
        let changed = gpgsm.file("plain", b"Content-Type: text/plain\r\n\r\nanother\r\n");
        assert!(
            !testkit::tools::run("gpgsm", &["--homedir", &gpgsm.home, "--verify", &signature, &changed], b"").ok,
            "a test that can fail"
        );
    });
}

#[test]
fn m_c1_openssl_reads_pss_and_oaep_and_protected_fields() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let room = &scene.room;
        let ca = Ca::new(room, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        scene.user_key(&alice);
        scene.partner_key(&bob);
        let settings = "smime_signature = \"pss\"\nsmime_key_transport = \"oaep\"\nheader_protection = \"hidden\"\n";
        scene.gateway.apply(&format!("{}{USERS}", SITE.replace("[mail]\n", &format!("[mail]\n{settings}"))));
        assert!(scene.company_sends(ALICE, &[BOB], &text(ALICE, BOB, "Price list", "42")).ok);
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        assert_eq!(header(&mail, "subject"), "[...]", "{}", String::from_utf8_lossy(&mail));
        let file = room.write("closed.eml", &mail);
        let print =
            |file: &str| String::from_utf8_lossy(&must("openssl", &["cms", "-cmsout", "-print", "-noout", "-in", file], b"")).into_owned();
        assert!(print(&file).contains("rsaesOaep"));
        let signed = cms_decrypt(room, &mail, &bob);
        let inner = room.write("inner.eml", &signed);
        assert!(print(&inner).contains("rsassaPss"));
        let content = String::from_utf8_lossy(&cms_verify(room, &signed, &ca)).replace("\r\n", "\n");
        for there in ["Subject: Price list\n", "HP-Outer: Subject: [...]\n", "From: <alice@company.example>\n", "hp=\"cipher\""] {
            assert!(content.contains(there), "{there} in {content}");
        }
        // The same form back: the subject stands outside again, once the signature was found good.
        scene.trust(&ca);
        let content =
            content.replace("alice@company.example", "x@x").replace(BOB, ALICE).replace("x@x", BOB).replace("Price list", "Order");
        let plain = room.write("back", content);
        let signed = must("openssl", &["cms", "-sign", "-in", &plain, "-signer", &bob.cert, "-inkey", &bob.key, "-md", "sha256"], b"");
        let entity = sealgate_tests::scene::cms_encrypt(room, &signed, &[&alice], "-aes-256-gcm");
        assert!(scene.partner_sends(BOB, &[ALICE], &mail_of(BOB, ALICE, "[...]", &entity).replace("<[...]@", "<back@")).ok);
        let mail = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!(header(&mail, "x-sealgate-signature"), "valid", "{}", String::from_utf8_lossy(&mail));
        assert_eq!(header(&mail, "subject"), "Order [secure] [signed OK]");
    });
}

#[test]
fn m_c14_what_the_client_protected_passes_as_it_is() {
    isolated(|| {
        let scene = Scene::start(&format!("{USERS}[rules.generator]\ndisclaimer_outgoing = true\n"));
        let room = &scene.room;
        let ca = Ca::new(room, "testca");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        scene.user_key(&alice);
        let plain = room.write("plain.txt", "Content-Type: text/plain\r\n\r\nby the client\r\n");
        let signed =
            String::from_utf8(must("openssl", &["cms", "-sign", "-in", &plain, "-signer", &alice.cert, "-inkey", &alice.key], b""))
                .expect("text");
        let sealed =
            sealgate_tests::scene::cms_encrypt(room, b"Content-Type: text/plain\r\n\r\nby the client\r\n", &[&bob], "-aes-256-cbc");
        let send = |subject: &str, entity: &str| {
            let mail = mail_of(ALICE, BOB, subject, entity);
            assert!(scene.company_sends(ALICE, &[BOB], &mail).ok);
            mail
        };
        // Signed: not signed again, no disclaimer, octet for octet. Encrypted: the same, also where encryption is demanded.
        let (first, second) = (send("one", &signed), send("two [secure]", &sealed));
        let mails = scene.partner.wait_for("bob", 2);
        for (subject, sent) in [("one", &first), ("two", &second)] {
            let mail = found(&mails, subject);
            assert_eq!(halves(&mail).1.trim_end(), halves(sent.as_bytes()).1.trim_end(), "{subject}");
        }
        let event = scene.gateway.event("mail.client_signed", |_| true);
        assert_eq!((event["kind"].as_str(), event["verdict"].as_str()), (Some("smime"), Some("untrusted")), "{event}");
        let event = scene.gateway.event("mail.client_encrypted", |_| true);
        assert_eq!(event["kind"], "smime");
        // With a key for Bob what the client signed is encrypted as a whole: its signature is there when he opens it.
        scene.partner_key(&bob);
        let third = send("three", &signed);
        let mail = found(&scene.partner.wait_for("bob", 3), "three");
        assert!(header(&mail, "content-type").contains("pkcs7-mime"));
        let opened = cms_decrypt(room, &mail, &bob);
        assert_eq!(halves(&opened).1.trim_end(), halves(third.as_bytes()).1.trim_end());
        assert!(String::from_utf8_lossy(&cms_verify(room, &opened, &ca)).contains("by the client"));
        // What only looks encrypted is not: it gets the signature and the encryption that any mail gets.
        let seeming = "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nTm90IGVuY3J5cHRlZCBhdCBhbGw=\n";
        let _ = send("four [secure]", seeming);
        let mail = found(&scene.partner.wait_for("bob", 4), "four");
        let opened = String::from_utf8_lossy(&cms_decrypt(room, &mail, &bob)).into_owned();
        assert!(opened.contains("multipart/signed") && opened.contains("Tm90IGVuY3J5cHRlZCBhdCBhbGw="), "{opened}");
    });
}
