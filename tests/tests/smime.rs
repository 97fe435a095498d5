//! Story: S/MIME with the openssl command line on the other side.

use sealgate_tests::Scene;
use sealgate_tests::scene::{cms_decrypt, cms_encrypt, cms_sign_encrypt, cms_verify, header, mail_of, text};
use testkit::net::isolated;
use testkit::tools::Ca;

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n[[user]]\naddress = \"carol@company.example\"\n";

#[test]
fn m_c1_openssl_opens_and_verifies_what_leaves() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let (alice, bob) = (ca.person("alice@company.example"), ca.person("bob@partner.example"));
        scene.user_key(&alice);
        scene.partner_key(&bob);
        let message = text("alice@company.example", "bob@partner.example", "Offer [secure]", "The price is 42 €.");
        assert!(scene.company_sends("alice@company.example", &["bob@partner.example"], &message).ok);
        let mail = scene.partner.wait_for("bob", 1).remove(0);
        assert!(header(&mail, "content-type").contains("application/pkcs7-mime"), "{}", String::from_utf8_lossy(&mail));
        assert_eq!(header(&mail, "subject"), "Offer", "the tag is gone");
        assert!(!String::from_utf8_lossy(&mail).contains("price"));
        let signed = cms_decrypt(&scene.room, &mail, &bob);
        let content = cms_verify(&scene.room, &signed, &ca);
        let shown = String::from_utf8_lossy(&content);
        assert!(shown.contains("The price is 42 =E2=82=AC.") || shown.contains("VGhlIHByaWNl"), "{shown}");
    });
}

#[test]
fn m_c1_what_openssl_made_arrives_opened_with_its_verdict() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let (alice, bob, mallory) =
            (ca.person("alice@company.example"), ca.person("bob@partner.example"), ca.person("mallory@partner.example"));
        scene.user_key(&alice);
        let entity = cms_sign_encrypt(&scene.room, "for alice only", &bob, &[&alice], "-aes-256-cbc");
        let mail = mail_of("bob@partner.example", "alice@company.example", "one", &entity);
        assert!(scene.partner_sends("bob@partner.example", &["alice@company.example"], &mail).ok);
        let first = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!(header(&first, "x-sealgate-encryption"), "smime", "{}", String::from_utf8_lossy(&first));
        assert_eq!(header(&first, "x-sealgate-signature"), "untrusted");
        assert!(String::from_utf8_lossy(&first).contains("for alice only"));
        assert!(
            header(&first, "subject").contains("[secure]") && header(&first, "subject").contains("[signed INVALID]"),
            "{}",
            header(&first, "subject")
        );

        scene.trust(&ca);
        for (number, cipher) in [(2, "-aes-256-cbc"), (3, "-aes-256-gcm")] {
            let entity = cms_sign_encrypt(&scene.room, "for alice only", &bob, &[&alice], cipher);
            assert!(
                scene
                    .partner_sends(
                        "bob@partner.example",
                        &["alice@company.example"],
                        &mail_of("bob@partner.example", "alice@company.example", &format!("n{number}"), &entity)
                    )
                    .ok
            );
            let mail = newest(&scene, "alice", number, &format!("n{number}"));
            assert_eq!(header(&mail, "x-sealgate-signature"), "valid", "{cipher}: {}", String::from_utf8_lossy(&mail));
            assert!(header(&mail, "subject").contains("[signed OK]"));
        }
        // A good signature by somebody else than From says.
        let entity = cms_sign_encrypt(&scene.room, "for alice only", &mallory, &[&alice], "-aes-256-cbc");
        assert!(
            scene
                .partner_sends(
                    "bob@partner.example",
                    &["alice@company.example"],
                    &mail_of("bob@partner.example", "alice@company.example", "spoof", &entity)
                )
                .ok
        );
        assert_eq!(header(&newest(&scene, "alice", 4, "spoof"), "x-sealgate-signature"), "mismatch");
    });
}

/// The message with this word in its subject, when `count` messages are there.
fn newest(scene: &Scene, user: &str, count: usize, subject: &str) -> Vec<u8> {
    let mails = scene.company.wait_for(user, count);
    mails.into_iter().find(|mail| header(mail, "subject").contains(subject)).unwrap_or_else(|| panic!("no mail with subject {subject}"))
}

#[test]
fn m_r9_two_recipients_of_which_one_has_a_key_split() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let bob = ca.person("bob@partner.example");
        scene.partner_key(&bob);
        let message = text("alice@company.example", "bob@partner.example", "Both", "to both of you");
        assert!(scene.company_sends("alice@company.example", &["bob@partner.example", "dave@partner.example"], &message).ok);
        let closed = scene.partner.wait_for("bob", 1).remove(0);
        let open = scene.partner.wait_for("dave", 1).remove(0);
        assert!(String::from_utf8_lossy(&cms_decrypt(&scene.room, &closed, &bob)).contains("to both of you"));
        assert!(String::from_utf8_lossy(&open).contains("to both of you"));
        assert_eq!((scene.partner.mailbox("bob").len(), scene.partner.mailbox("dave").len()), (1, 1));
    });
}

#[test]
fn x_13_no_key_no_mail_the_sender_gets_the_bounce() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let bob = ca.person("bob@partner.example");
        scene.partner_key(&bob);
        let message = text("alice@company.example", "bob@partner.example", "Plan [secure]", "top secret words");
        assert!(scene.company_sends("alice@company.example", &["bob@partner.example", "dave@partner.example"], &message).ok);
        let bounce = scene.company.wait_for("alice", 1).remove(0);
        let shown = String::from_utf8_lossy(&bounce);
        assert!(shown.contains("dave@partner.example") && !shown.contains("bob@partner.example\n"), "{shown}");
        assert!(!shown.contains("top secret words"), "never the body");
        assert!(header(&bounce, "auto-submitted").contains("auto-replied") && header(&bounce, "return-path").contains("<>"), "{shown}");
        let closed = scene.partner.wait_for("bob", 1).remove(0);
        assert!(String::from_utf8_lossy(&cms_decrypt(&scene.room, &closed, &bob)).contains("top secret words"));
        assert!(scene.partner.mailbox("dave").is_empty(), "nothing leaves in clear");
    });
}

#[test]
fn x_4_a_ciphertext_to_a_colleague_is_not_opened_for_another() {
    isolated(|| {
        let scene = Scene::start(&format!("{USERS}[rules.generator]\nin_reject_undecryptable = false\n"));
        let ca = Ca::new(&scene.room, "testca");
        let (alice, carol) = (ca.person("alice@company.example"), ca.person("carol@company.example"));
        scene.user_key(&alice);
        scene.user_key(&carol);
        let entity = cms_encrypt(&scene.room, b"Content-Type: text/plain\r\n\r\nfor alice, not for carol\r\n", &[&alice], "-aes-256-cbc");
        let mail = mail_of("bob@partner.example", "carol@company.example", "forwarded", &entity);
        assert!(scene.partner_sends("bob@partner.example", &["carol@company.example"], &mail).ok);
        let arrived = scene.company.wait_for("carol", 1).remove(0);
        let shown = String::from_utf8_lossy(&arrived).replace("\r\n", "\n");
        assert_eq!(header(&arrived, "x-sealgate-encryption"), "failed");
        assert!(shown.contains(entity.replace("\r\n", "\n").trim_end()), "as it came");
        assert!(!shown.contains("not for carol"));
    });
}

#[test]
fn x_3_mail_that_names_no_key_of_its_recipient_is_refused_by_default() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let (alice, carol) = (ca.person("alice@company.example"), ca.person("carol@company.example"));
        scene.user_key(&alice);
        scene.user_key(&carol);
        let entity = cms_encrypt(&scene.room, b"Content-Type: text/plain\r\n\r\nfor alice\r\n", &[&alice], "-aes-256-cbc");
        let mut client = sealgate_tests::smtp::Client::connect(sealgate_tests::scene::GATE, "127.0.0.20").unwrap();
        client.say("EHLO partner.example").unwrap();
        let refused = client
            .mail(
                "bob@partner.example",
                &["carol@company.example"],
                mail_of("bob@partner.example", "carol@company.example", "x", &entity).as_bytes(),
            )
            .unwrap();
        assert!(refused.starts_with("550 5.7.5"), "{refused}");
        // Damaged, but addressed to a key of hers: the answer tells nothing about what the key did.
        let mut lines: Vec<String> = entity.lines().map(str::to_owned).collect();
        let last = lines.iter().rposition(|line| line.len() > 8).unwrap();
        lines[last] = format!("{}{}", if lines[last].starts_with('A') { 'B' } else { 'A' }, &lines[last][1..]);
        let damaged = mail_of("bob@partner.example", "alice@company.example", "damaged", &lines.join("\n"));
        let accepted = client.mail("bob@partner.example", &["alice@company.example"], damaged.as_bytes()).unwrap();
        assert!(accepted.starts_with("250"), "{accepted}");
        let arrived = scene.company.wait_for("alice", 1).remove(0);
        assert_eq!(header(&arrived, "x-sealgate-encryption"), "failed", "{}", String::from_utf8_lossy(&arrived));
    });
}
