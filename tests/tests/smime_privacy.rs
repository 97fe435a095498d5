//! Stories: what copies tell of others, and what replies tell of keys. Messages are made and read by the openssl command line.

use sealgate_tests::Scene;
use sealgate_tests::copies::{serial, smime_names};
use sealgate_tests::oracle::replies_tell_nothing;
use sealgate_tests::scene::{cms_encrypt, text};
use testkit::Room;
use testkit::net::isolated;
use testkit::tools::{Ca, Person, must};

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";

#[test]
fn m_r9_m_c1_blind_recipients_stand_in_no_recipient_info_but_their_own() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let people: Vec<Person> =
            ["bob", "carol", "dave", "eve"].iter().map(|name| ca.person(&format!("{name}@partner.example"))).collect();
        for person in &people {
            scene.partner_key(person);
        }
        // To Bob, Cc Carol, blind Dave and Eve.
        let message = text("alice@company.example", "bob@partner.example", "Plan", "the plan")
            .replace("Subject:", "Cc: <carol@partner.example>\r\nSubject:");
        let to: Vec<&str> = people.iter().map(|person| person.address.as_str()).collect();
        assert!(scene.company_sends("alice@company.example", &to, &message).ok);
        let mut open = vec![serial(&people[0]), serial(&people[1])];
        open.sort_unstable();
        for (name, expected) in
            [("bob", open.clone()), ("carol", open), ("dave", vec![serial(&people[2])]), ("eve", vec![serial(&people[3])])]
        {
            let mails = scene.partner.wait_for(name, 1);
            assert_eq!(mails.len(), 1);
            assert_eq!(smime_names(&scene.room, &mails[0]), expected, "{name}");
            assert!(!String::from_utf8_lossy(&mails[0]).contains("dave@") || name == "dave", "{name}");
        }
    });
}

/// A raw RSA block in the place of the wrapped key: `02` and a key of right length and no meaning, or a wrong type.
fn rewrapped(room: &Room, entity: &str, person: &Person, good_padding: bool) -> String {
    let (head, body) =
        entity.replace("\r\n", "\n").split_once("\n\n").map(|(head, body)| (head.to_owned(), body.to_owned())).expect("header");
    let base64 = room.write("base64", body);
    let mut der = must("openssl", &["base64", "-d", "-in", &base64], b"");
    let place = der.windows(4).position(|four| four == b"\x04\x82\x01\x00").expect("a wrapped key") + 4;
    let mut block = vec![0xaa; 256];
    (block[0], block[1], block[223]) = (0, if good_padding { 2 } else { 1 }, 0);
    let plain = room.write("block", &block);
    let line = ["pkeyutl", "-encrypt", "-certin", "-inkey", &person.cert, "-pkeyopt", "rsa_padding_mode:none", "-in", &plain];
    let wrapped = must("openssl", &line, b"");
    der[place..place + 256].copy_from_slice(&wrapped);
    let file = room.write("der", &der);
    let body = String::from_utf8(must("openssl", &["base64", "-in", &file], b"")).expect("text");
    format!("{head}\n\n{body}")
}

#[test]
fn x_3_replies_tell_nothing_of_what_a_key_did() {
    isolated(|| {
        let scene = Scene::start(USERS);
        let ca = Ca::new(&scene.room, "testca");
        let (alice, other) = (ca.person("alice@company.example"), ca.person("other@elsewhere.example"));
        scene.user_key(&alice);
        let plain = b"Content-Type: text/plain\r\n\r\nfor alice alone\r\n";
        let good = cms_encrypt(&scene.room, plain, &[&alice], "-aes-256-cbc");
        let kinds = [
            ("good", good.clone()),
            ("right padding, wrong key", rewrapped(&scene.room, &good, &alice, true)),
            ("wrong padding", rewrapped(&scene.room, &good, &alice, false)),
            // Wrapped by another's key, under Alice's name.
            ("foreign", rewrapped(&scene.room, &good, &other, true)),
        ];
        replies_tell_nothing(&scene, 60, &kinds);
    });
}
