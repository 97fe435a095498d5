//! Story: twenty mails at once, each to twenty people who have certificates, OpenPGP keys, both, or nothing that serves.
//!
//! Each gets one mail by the best method that they have (mail-gateway.md M-R9); whom To and Cc don't name stands in nobody's copy, neither in
//! its text nor among those who can open it. Half of the mails come through the company's Postfix, which keeps the colleagues' copies; the
//! other half straight from its address, so that colleagues and partners are recipients of one mail.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealgate_tests::Scene;
use sealgate_tests::copies::{armour, encryption_key, pgp_names, serial, smime_names};
use sealgate_tests::scene::{self, GATE, NODE, SITE, cms_decrypt, cms_verify, header};
use testkit::gpg::Gpg;
use testkit::net::isolated;
use testkit::postfix::Setup;
use testkit::tools::{Answer, Ca, Person, fingerprint, swaks};
use testkit::{Gateway, Postfix, Room, wait};

const MAILS: usize = 20;
const PARTNERS: usize = 18;
const USERS: &str = "[[user]]\naddress = \"alice@company.example\"\n[[user]]\naddress = \"dave@company.example\"\n\
                     [[user]]\naddress = \"eve@company.example\"\n";
/// A certificate and an OpenPGP key; an OpenPGP key; nothing.
const SENDERS: [&str; 3] = ["alice", "dave", "eve"];
const COLLEAGUE: &str = "carol@company.example";

/// What somebody's best method is, with what names them in it.
enum Best {
    Smime { person: Person, serial: String },
    Pgp { key: String },
    Nothing,
}

struct Partner {
    name: String,
    best: Best,
}

impl Partner {
    fn address(&self) -> String {
        format!("{}@partner.example", self.name)
    }
}

/// Everybody, and what stands between them.
struct Town {
    scene: Scene,
    ca: Ca<'static>,
    gpg: Gpg,
    partners: Vec<Partner>,
}

/// The n-th of the mails.
struct Mail<'a> {
    number: usize,
    town: &'a Town,
}

impl Mail<'_> {
    fn sender(&self) -> &'static str {
        SENDERS[self.number % SENDERS.len()]
    }

    fn from(&self) -> String {
        format!("{}@company.example", self.sender())
    }

    const fn demands(&self) -> bool {
        self.number.is_multiple_of(2)
    }

    const fn is_direct(&self) -> bool {
        (self.number / 2).is_multiple_of(2)
    }

    /// All twenty, each with 0 for To, 1 for Cc, 2 for blind.
    fn recipients(&self) -> Vec<(String, usize)> {
        let partners = self.town.partners.iter().map(Partner::address);
        let all = partners.chain([COLLEAGUE.to_owned(), self.from()]);
        all.enumerate().map(|(at, address)| (address, (at + self.number) % 3)).collect()
    }

    fn is_blind(&self, address: &str) -> bool {
        self.recipients().iter().any(|(one, role)| one == address && *role == 2)
    }

    fn subject(&self) -> String {
        format!("Mixed {}", self.number)
    }

    fn words(&self) -> String {
        format!("words of mail {} for all of you.", self.number)
    }

    fn send(&self) -> Answer {
        let all = self.recipients();
        let listed = |role: usize| {
            let some: Vec<String> = all.iter().filter(|(_, one)| *one == role).map(|(address, _)| format!("<{address}>")).collect();
            some.join(",\r\n ")
        };
        let tag = if self.demands() { " [secure]" } else { "" };
        // Postfix takes this field away itself; straight from a program it comes to the gateway.
        let message = format!(
            "From: <{}>\r\nTo: {}\r\nCc: {}\r\nBcc: {}\r\nSubject: {}{tag}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
             Message-ID: <mixed{}@company.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
            self.from(),
            listed(0),
            listed(1),
            listed(2),
            self.subject(),
            self.number,
            self.words()
        );
        let to: Vec<&str> = all.iter().map(|(address, _)| address.as_str()).collect();
        let server = if self.is_direct() { GATE } else { self.town.scene.company.address() };
        swaks(server, &self.from(), &to, &message, &["--local-interface", "127.0.0.10"])
    }

    /// Names of those whose names may stand in this one's copy, by what `name` gives for the method.
    fn named<'t>(&'t self, partner: &'t Partner, name: impl Fn(&'t Partner) -> Option<&'t String>) -> Vec<String> {
        let blind = self.is_blind(&partner.address());
        let shares = |one: &&Partner| if blind { one.name == partner.name } else { !self.is_blind(&one.address()) };
        let mut names: Vec<String> = self.town.partners.iter().filter(shares).filter_map(name).cloned().collect();
        names.sort_unstable();
        names
    }

    /// Nobody blind is named in the text, but for whose copy it is.
    fn tells_of_nobody_blind(&self, text: &str, own: &str) {
        for (address, role) in self.recipients() {
            let may = role != 2 || address == own || address == self.from();
            assert!(may || !text.contains(&address), "{own} reads of {address} in {text}");
        }
    }

    /// What this recipient got is right in all.
    fn judge(&self, partner: &Partner, copy: &[u8]) {
        let (town, own) = (self.town, partner.address());
        let whole = String::from_utf8_lossy(copy).into_owned();
        assert_eq!(header(copy, "subject"), self.subject(), "the tag is gone");
        self.tells_of_nobody_blind(&whole, &own);
        let kind = header(copy, "content-type");
        let inside = match &partner.best {
            Best::Smime { person, .. } => {
                assert!(kind.contains("enveloped-data") && !whole.contains("words of mail"), "{own}: {whole}");
                let names = self.named(partner, |one| match &one.best {
                    Best::Smime { serial, .. } => Some(serial),
                    _ => None,
                });
                assert_eq!(smime_names(&town.scene.room, copy), names, "{own} in mail {}", self.number);
                cms_decrypt(&town.scene.room, copy, person)
            }
            Best::Pgp { .. } => {
                assert!(kind.contains("multipart/encrypted") && !whole.contains("words of mail"), "{own}: {whole}");
                let names = self.named(partner, |one| match &one.best {
                    Best::Pgp { key } => Some(key),
                    _ => None,
                });
                assert_eq!(pgp_names(copy), names, "{own} in mail {}", self.number);
                self.opened_by_gnupg(copy, names.len())
            }
            Best::Nothing => {
                assert!(!self.demands(), "nothing leaves in clear: {whole}");
                assert!(whole.contains("with ESMTPS"), "not without TLS where the partner has it: {whole}");
                copy.to_vec()
            }
        };
        let text = String::from_utf8_lossy(&inside).into_owned();
        assert!(text.contains(&self.words()), "{own}: {text}");
        self.tells_of_nobody_blind(&text, &own);
        // What has a certificate is signed with it, by whatever method it goes (M-R9: sign first, then encrypt).
        assert_eq!(text.contains("multipart/signed"), self.sender() == "alice", "{own}: {text}");
        if self.sender() == "alice" {
            assert!(String::from_utf8_lossy(&cms_verify(&town.scene.room, &inside, &town.ca)).contains(&self.words()));
        }
    }

    /// The content; a signature inside is that of the sender's OpenPGP key, made for these and nobody else.
    fn opened_by_gnupg(&self, copy: &[u8], shared_by: usize) -> Vec<u8> {
        let opened = self.town.gpg.run(&["--status-fd", "2", "--decrypt"], &armour(copy));
        assert!(opened.ok, "{}", opened.err);
        let by_dave = self.sender() == "dave";
        assert_eq!(opened.err.contains("GOODSIG"), by_dave, "{}", opened.err);
        // RFC 9580 §5.2.3.36: whom it was made for.
        let packets = String::from_utf8(self.town.gpg.must(&["--list-packets"], &armour(copy))).expect("text");
        let made_for = packets.lines().filter(|line| line.contains("subpkt 35 len 21")).count();
        assert_eq!(made_for, if by_dave { shared_by } else { 0 }, "{packets}");
        opened.out
    }
}

/// The scene, with mailboxes for all partners, under TLS.
fn scene() -> Scene {
    let room = Arc::new(Room::new("files"));
    let names = (0..PARTNERS).map(|n| format!("p{n:02}@partner.example p{n:02}/\n")).collect::<String>();
    let boxes = room.write("partners", names);
    let (cert, key) = testkit::tools::self_signed(&room, "mx", "DNS:partner.example");
    let extra = format!(
        "smtp_bind_address = 127.0.0.20\nvirtual_mailbox_maps = texthash:{boxes}\nsmtpd_tls_security_level = may\n\
         smtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}"
    );
    let setup = Setup { name: "partner", listen: "127.0.0.20:25", domain: "partner.example", relay: "[127.0.0.1]:2525", extra: &extra };
    let (company, partner) = (scene::company(), Postfix::start(&setup));
    let gateway = Gateway::start("gateway", NODE);
    gateway.apply(&format!("{SITE}{USERS}"));
    Scene { company, partner, gateway, room }
}

/// Makes a person's OpenPGP key and gives it to the gateway; the key id that mail names.
fn pgp_key(scene: &Scene, gpg: &Gpg, address: &str) -> String {
    gpg.person(&format!("Somebody <{address}>"), "future-default", "never");
    let file = scene.room.write("partner.asc", gpg.public(address));
    let _ = scene.gateway.run(&["key", "import", &file, "--partner", address]);
    encryption_key(gpg, address)
}

/// The owner's own revocation, which GnuPG wrote beside the key, comes after it.
fn revoke(scene: &Scene, gpg: &Gpg, address: &str) {
    let files = std::fs::read_dir(gpg.home().join("openpgp-revocs.d")).expect("a folder");
    let mut texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"));
    let revocation = texts.find(|text| text.contains(&format!("<{address}>"))).expect("a revocation");
    let file = scene.room.write("partner.rev", revocation);
    let _ = scene.gateway.run(&["key", "import", &file, "--partner", address]);
}

fn town() -> Town {
    let scene = scene();
    // Lives as long as the test's process.
    let room: &'static Room = Box::leak(Box::new(Room::new("authority")));
    let (ca, gpg) = (Ca::new(room, "testca"), Gpg::new());
    scene.trust(&ca);
    scene.user_key(&ca.person("alice@company.example"));
    for sender in ["alice@company.example", "dave@company.example"] {
        gpg.person(&format!("Sender <{sender}>"), "future-default", "never");
        let file = scene.room.write("sender.asc", gpg.secret(sender));
        let _ = scene.gateway.run(&["key", "import", &file, "--user", sender]);
    }
    let partner = |n: usize| {
        let name = format!("p{n:02}");
        let address = format!("{name}@partner.example");
        // 0–4 certificate, 5–9 key, 10–12 both, 13 key and a certificate that was removed, 14 certificate and key revoked, 15 key revoked,
        // 16–17 nothing.
        let key = matches!(n, 5..=15).then(|| pgp_key(&scene, &gpg, &address));
        if matches!(n, 14 | 15) {
            revoke(&scene, &gpg, &address);
        }
        if n == 13 {
            let person = ca.person(&address);
            scene.partner_key(&person);
            let sha256 = fingerprint(&person.cert, "-sha256").replace(':', "").to_lowercase();
            let _ = scene.gateway.run(&["key", "remove", &sha256, "--partner", &address]);
        }
        let best = match (n, key) {
            (0..=4 | 10..=12 | 14, _) => {
                let person = ca.person(&address);
                scene.partner_key(&person);
                Best::Smime { serial: serial(&person), person }
            }
            (5..=9 | 13, Some(key)) => Best::Pgp { key },
            _ => Best::Nothing,
        };
        Partner { name, best }
    };
    let partners = (0..PARTNERS).map(partner).collect();
    Town { scene, ca, gpg, partners }
}

/// Nothing is on its way any more.
fn settled(scene: &Scene) {
    wait::until(std::time::Duration::from_secs(60), "empty queues", || {
        let empty = scene.gateway.run(&["queue", "list", "--json"]).contains(r#""items":[]"#);
        (empty && scene.company.queue_is_empty() && scene.partner.queue_is_empty()).then_some(())
    });
}

/// Copies by the number of the mail; none came twice.
fn by_number(mails: Vec<Vec<u8>>, whose: &str) -> BTreeMap<usize, Vec<u8>> {
    let mut found = BTreeMap::new();
    for mail in mails {
        let id = header(&mail, "message-id");
        let number = id.trim_start_matches("<mixed").split('@').next().and_then(|n| n.parse().ok());
        let number = number.unwrap_or_else(|| panic!("{whose} has a mail of nobody: {}", String::from_utf8_lossy(&mail)));
        assert!(found.insert(number, mail).is_none(), "{whose} has mail {number} twice");
    }
    found
}

/// The copy of somebody in the house: in clear, as it was written.
fn inside(mail: &Mail<'_>, copy: &[u8], own: &str) {
    let text = String::from_utf8_lossy(copy).into_owned();
    assert!(header(copy, "content-type").starts_with("text/plain") && text.contains(&mail.words()), "{own}: {text}");
    assert!(header(copy, "subject").starts_with(&mail.subject()), "{own}: {text}");
    mail.tells_of_nobody_blind(&text, own);
}

#[test]
fn m_r9_m_c1_m_c2_x_13_twenty_mails_to_twenty_people_of_mixed_methods() {
    isolated(|| {
        let town = town();
        let mails: Vec<Mail<'_>> = (0..MAILS).map(|number| Mail { number, town: &town }).collect();
        std::thread::scope(|threads| {
            for mail in &mails {
                threads.spawn(move || {
                    let answer = mail.send();
                    assert!(answer.ok, "{}{}", answer.text(), answer.err);
                });
            }
        });
        settled(&town.scene);
        let demanded = mails.iter().filter(|mail| mail.demands()).count();
        for partner in &town.partners {
            let copies = by_number(town.scene.partner.mailbox(&partner.name), &partner.name);
            let expected = if matches!(partner.best, Best::Nothing) { MAILS - demanded } else { MAILS };
            assert_eq!(copies.len(), expected, "{}", partner.name);
            copies.iter().for_each(|(number, copy)| mails[*number].judge(partner, copy));
        }
        let copies = by_number(town.scene.company.mailbox("carol"), "carol");
        assert_eq!(copies.len(), MAILS);
        copies.iter().for_each(|(number, copy)| inside(&mails[*number], copy, COLLEAGUE));
        for sender in SENDERS {
            let (bounces, copies): (Vec<_>, Vec<_>) =
                town.scene.company.mailbox(sender).into_iter().partition(|mail| header(mail, "return-path") == "<>");
            let copies = by_number(copies, sender);
            let theirs: Vec<&Mail<'_>> = mails.iter().filter(|mail| mail.sender() == sender).collect();
            assert_eq!(copies.len(), theirs.len(), "one copy of each of one's own");
            copies.iter().for_each(|(number, copy)| inside(&mails[*number], copy, &mails[*number].from()));
            // Told of those without a method only, where encryption was demanded.
            assert_eq!(bounces.len(), theirs.iter().filter(|mail| mail.demands()).count(), "{sender}");
            for bounce in &bounces {
                let text = String::from_utf8_lossy(bounce).into_owned();
                for partner in &town.partners {
                    assert_eq!(text.contains(&partner.address()), matches!(partner.best, Best::Nothing), "{}: {text}", partner.name);
                }
            }
        }
    });
}
