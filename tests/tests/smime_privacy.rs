//! Stories: what copies tell of others, and what replies tell of keys. Messages are made and read by the openssl command line.

use std::time::Instant;

use sealgate_tests::Scene;
use sealgate_tests::scene::{cms_encrypt, header, mail_of, text};
use sealgate_tests::smtp::Client;
use testkit::Room;
use testkit::net::isolated;
use testkit::tools::{Ca, Person, must};

const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";

/// Serial numbers of the RecipientInfos, as openssl prints the ASN.1.
fn named(room: &Room, mail: &[u8]) -> Vec<String> {
    let file = room.write("copy.eml", mail);
    let print = String::from_utf8(must("openssl", &["cms", "-cmsout", "-print", "-noout", "-in", &file], b"")).expect("text");
    let mut serials: Vec<String> = print
        .lines()
        .filter_map(|line| line.trim().strip_prefix("serialNumber: "))
        .map(|serial| serial.to_uppercase().replace("0X", ""))
        .collect();
    serials.sort_unstable();
    serials
}

fn serial(person: &Person) -> String {
    let said = must("openssl", &["x509", "-in", &person.cert, "-noout", "-serial"], b"");
    String::from_utf8_lossy(&said).trim().replace("serial=", "")
}

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
            let shown: Vec<String> = named(&scene.room, &mails[0]);
            assert_eq!(shown.len(), expected.len(), "{name}: {shown:?}");
            for (shown, expected) in shown.iter().zip(&expected) {
                // openssl prints small numbers in decimal; these are long, and in hexadecimal.
                assert!(
                    expected.ends_with(shown.trim_start_matches('0')) || shown.ends_with(expected.trim_start_matches('0')),
                    "{shown} {expected}"
                );
            }
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

/// Mann-Whitney: how far the ranks of two samples are from those of one, in standard deviations.
fn rank_distance(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let wins: f64 = a
        .iter()
        .map(|x| {
            b.iter()
                .map(|y| {
                    if x > y {
                        1.0
                    } else if x < y {
                        0.0
                    } else {
                        0.5
                    }
                })
                .sum::<f64>()
        })
        .sum();
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

#[test]
fn x_3_replies_tell_nothing_of_what_a_key_did() {
    const ROUNDS: usize = 60;
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
        let mut client = Client::connect(sealgate_tests::scene::GATE, "127.0.0.20").expect("a connection");
        let _ = client.say("EHLO partner.example").expect("a reply");
        let mut times = vec![Vec::new(); kinds.len()];
        let mut replies = Vec::new();
        for round in 0..ROUNDS {
            // In another order each time, so that what the machine does beside meets all alike.
            for turn in 0..kinds.len() {
                let which = (turn * 3 + round) % kinds.len();
                let mail = mail_of("bob@partner.example", "alice@company.example", &format!("m{round}-{which}"), &kinds[which].1);
                let before = Instant::now();
                let reply = client.mail("bob@partner.example", &["alice@company.example"], mail.as_bytes()).expect("a reply");
                times[which].push(before.elapsed().as_secs_f64());
                // Without the trace id, which is another for each mail.
                let words: Vec<&str> = reply.split_whitespace().filter(|word| word.len() < 20).collect();
                replies.push(words.join(" "));
            }
        }
        replies.sort_unstable();
        replies.dedup();
        assert_eq!(replies, ["250 2.0.0 Accepted as"], "one reply for all");
        // By ranks, which no single slow reply moves. Under the hypothesis "alike" 4.5 is met once in a hundred thousand runs.
        for (at, (name, _)) in kinds.iter().enumerate().skip(1) {
            for (beside, (other, _)) in kinds.iter().enumerate().skip(at + 1) {
                let distance = rank_distance(&times[at], &times[beside]);
                assert!(distance.abs() < 4.5, "{name} and {other}: {distance}");
            }
        }
        let mails = scene.company.wait_for("alice", ROUNDS * kinds.len());
        let failed = mails.iter().filter(|mail| header(mail, "x-sealgate-encryption") == "failed").count();
        assert_eq!(failed, ROUNDS * (kinds.len() - 1), "all of them were tried");
    });
}
