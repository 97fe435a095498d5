//! Story: signers whose certificates were revoked, by list and by OCSP; lists lie on a web server on loopback, made by openssl.

use std::sync::Arc;

use sealgate_tests::Scene;
use sealgate_tests::scene::{NODE, SITE, company, header, mail_of, partner};
use testkit::net::isolated;
use testkit::tools::{Ca, Person, must};
use testkit::{Gateway, Room, Server, wait};

const WEB: &str = "127.0.0.70:8000";
const RESPONDER: u16 = 8_001;
const OPEN: &str = "[egress]\nallow = [{ purpose = \"crl\", net = \"127.0.0.70/32\" }, { purpose = \"ocsp\", net = \"127.0.0.0/8\" }]\n";
const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n";

/// Name, and the word for its mail with `soft` and with `hard`.
const SIGNERS: [(&str, &str, &str); 6] = [
    ("good", "valid", "valid"),
    ("revoked", "revoked", "revoked"),
    ("fallen", "revoked", "revoked"),
    ("lost", "valid", "unchecked"),
    ("bare", "valid", "unchecked"),
    ("answered", "revoked", "revoked"),
];

fn scene(node: &str) -> Scene {
    let gateway = Gateway::start("gateway", &format!("{NODE}{node}"));
    gateway.apply(&format!("{SITE}{USERS}"));
    Scene { company: company(), partner: partner(), gateway, room: Arc::new(Room::new("files")) }
}

/// The signed mail of this person, as the openssl command line makes it, with the CAs between.
fn signed(room: &Room, person: &Person, subject: &str, between: &str) -> String {
    let plain = room.write("plain.txt", "Content-Type: text/plain\r\n\r\nGood morning.\r\n");
    let line = ["cms", "-sign", "-in", &plain, "-signer", &person.cert, "-inkey", &person.key, "-certfile", between];
    let entity = String::from_utf8(must("openssl", &line, b"")).expect("text");
    mail_of(&person.address, "alice@company.example", subject, &entity)
}

/// What the gateway said of the mail with this subject.
fn said(scene: &Scene, count: usize, subject: &str) -> (String, String) {
    let mails = scene.company.wait_for("alice", count);
    let mail = mails.iter().find(|mail| header(mail, "subject").contains(subject)).unwrap_or_else(|| panic!("no mail {subject}"));
    (header(mail, "x-sealgate-signature"), header(mail, "subject"))
}

#[test]
fn m_c1_signers_whose_certificates_were_revoked_are_not_valid() {
    isolated(|| {
        let scene = scene(OPEN);
        let room = &scene.room;
        let root = Ca::new(room, "root");
        let list = |name: &str| format!("http://{WEB}/{name}.crl");
        let (between, fallen) = (root.below("between-ca", &list("root")), root.below("fallen-ca", &list("root")));
        let chain = room
            .write("chain.pem", [between.cert(), fallen.cert()].map(|file| std::fs::read_to_string(file).expect("a certificate")).concat());
        let listed = |name: &str| format!("crlDistributionPoints=URI:{}\n", list(name));
        let people: Vec<Person> = SIGNERS
            .iter()
            .map(|(name, ..)| {
                let address = format!("{name}@partner.example");
                match *name {
                    "fallen" => fallen.person_with(&address, &listed("fallen")),
                    "lost" => between.person_with(&address, &listed("lost")),
                    "bare" => between.person(&address),
                    "answered" => between.person_with(&address, &format!("authorityInfoAccess=OCSP;URI:http://127.0.0.1:{RESPONDER}\n")),
                    _ => between.person_with(&address, &listed("between")),
                }
            })
            .collect();
        let served = room.path().join("served");
        std::fs::create_dir(&served).expect("folder");
        for (name, octets) in [
            ("root", root.revocation_list(&[&fallen.cert()])),
            ("between", between.revocation_list(&[&people[1].cert])),
            ("fallen", fallen.revocation_list(&[])),
        ] {
            std::fs::write(served.join(format!("{name}.crl")), octets).expect("a list");
        }
        let (address, port) = WEB.split_once(':').expect("address:port");
        let line = ["-u", "-m", "http.server", port, "--bind", address, "--directory", &served.display().to_string()];
        let _web = Server::start("python3", &line, &room.path().join("requests.log"));
        wait::port(WEB);
        let _responder = between.responder(RESPONDER, &[&people[5].cert], true);
        scene.trust(&root);
        let mut count = 0;
        for revocation in ["soft", "hard"] {
            scene.gateway.apply(&format!("{}{USERS}", SITE.replace("[mail]\n", &format!("[mail]\nrevocation = \"{revocation}\"\n"))));
            for (person, (name, soft, hard)) in people.iter().zip(SIGNERS) {
                let subject = format!("{revocation}-{name}");
                let mail = signed(room, person, &subject, &chain);
                assert!(scene.partner_sends(&person.address, &["alice@company.example"], &mail).ok);
                count += 1;
                let wanted = if revocation == "soft" { soft } else { hard };
                let (word, shown) = said(&scene, count, &subject);
                assert_eq!(word, wanted, "{subject}");
                assert_eq!(shown.contains("[signed OK]"), wanted == "valid", "{shown}");
                assert_eq!(shown.contains("[signed INVALID]"), wanted != "valid", "{shown}");
            }
        }
        let log = std::fs::read_to_string(room.path().join("requests.log")).unwrap_or_default();
        for name in ["root", "between", "lost"] {
            assert_eq!(log.matches(&format!("GET /{name}.crl ")).count(), 1, "kept, and left alone: {name}\n{log}");
        }
        let _ = scene.gateway.event("ocsp.fetched", |event| event["revoked"] == true);
    });
}

#[test]
fn x_17_lists_of_signers_are_fetched_by_the_egress_policy_only() {
    isolated(|| {
        let scene = scene("");
        let room = &scene.room;
        let root = Ca::new(room, "root");
        let person = root.person_with("good@partner.example", &format!("crlDistributionPoints=URI:http://{WEB}/root.crl\n"));
        let served = room.path().join("served");
        std::fs::create_dir(&served).expect("folder");
        std::fs::write(served.join("root.crl"), root.revocation_list(&[&person.cert])).expect("a list");
        let (address, port) = WEB.split_once(':').expect("address:port");
        let line = ["-u", "-m", "http.server", port, "--bind", address, "--directory", &served.display().to_string()];
        let _web = Server::start("python3", &line, &room.path().join("requests.log"));
        wait::port(WEB);
        scene.trust(&root);
        let mail = signed(room, &person, "inside", &root.cert());
        assert!(scene.partner_sends(&person.address, &["alice@company.example"], &mail).ok);
        assert_eq!(said(&scene, 1, "inside").0, "valid");
        let log = std::fs::read_to_string(room.path().join("requests.log")).unwrap_or_default();
        assert!(!log.contains("GET"), "a private address that nobody has listed: {log}");
    });
}
