//! GnuPG on the other side: good mails, forged ones, signatures that are taken off, and nothing of a plain text where the word is `failed`.

mod forged;
mod good;
mod strip;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use crypto::openpgp::{Generation, encrypt, make};
use message::Message;
use model::site::{Section, SiteRow};
use model::{Address, Budget, Clock, EncryptionWord, Judgement, SignatureVerdict, SystemClock, TraceId};
use testkit::gpg::Gpg;

use super::*;
use crate::testing::{Fixed, address, key, user_row};
use crate::{Keys, MasterKey, Vault, import, judge};

const PAUL: &str = "Paul <paul@partner.example>";
const ALICE: &str = "alice@company.example";
const SECRET: &str = "hunter2-of-the-vault";

struct Town {
    gpg: Gpg,
    site: Arc<Site>,
    vault: Arc<Vault>,
    now: Timestamp,
}

/// Paul, Pia (RSA), Pat, an expired and a revoked partner with GnuPG; Alice and Bob (version 6) of the company. Made once.
fn town() -> &'static Town {
    static TOWN: OnceLock<Town> = OnceLock::new();
    TOWN.get_or_init(|| {
        let gpg = Gpg::new();
        gpg.person(PAUL, "future-default", "never");
        gpg.person("Pia <pia@partner.example>", "rsa2048", "never");
        gpg.person("Pat <pat@partner.example>", "nistp256", "never");
        gpg.person("Rex <rex@partner.example>", "future-default", "never");
        // Mallory's key says Paul's address; nobody has taken it.
        gpg.person("Mallory <mallory@evil.example>", "future-default", "never");
        let _ = gpg.must(
            &[
                "--faked-system-time",
                "20250101T000000!",
                "--quick-generate-key",
                "Eva <eva@partner.example>",
                "future-default",
                "default",
                "1d",
            ],
            b"",
        );
        // A second later than all keys.
        let now = SystemClock.now().moved(1_000_000);
        let folder = tempfile::tempdir().unwrap();
        let (vault, _) = Vault::create(MasterKey::create(&folder.path().join("master")).unwrap()).unwrap();
        let mut site = Site { number: 1, ..Site::default() };
        for (name, kind) in [("alice", Generation::V4), ("bob", Generation::V6)] {
            let owner = address(&format!("{name}@company.example"));
            let made = make(name, &owner, kind, now.moved(-60_000_000), None).unwrap();
            site.apply(&user_row(owner.as_str(), "")).unwrap();
            site.apply(&crate::made_row(&vault, &owner, &made, "generated", now).unwrap()).unwrap();
            if kind == Generation::V4 {
                gpg.import(made.key.armoured().as_bytes());
            }
        }
        let mut partner = |who: &str, file: &[u8], now: Timestamp| {
            let row = import::partner_certificate(&site, &address(who), file, "imported", now).unwrap();
            site.apply(&row).unwrap();
        };
        for who in ["paul@partner.example", "pia@partner.example", "pat@partner.example", "rex@partner.example"] {
            partner(who, &gpg.public(who), now);
        }
        // Taken in its time, noon of its day.
        partner("eva@partner.example", &gpg.public("eva@partner.example"), Timestamp::from_seconds(1_735_732_800));
        let rev =
            std::fs::read_dir(gpg.home().join("openpgp-revocs.d")).unwrap().filter_map(|file| std::fs::read(file.unwrap().path()).ok());
        let rex = rev.filter(|text| String::from_utf8_lossy(text).contains("rex@partner.example")).collect::<Vec<_>>();
        partner("rex@partner.example", &rex[0], now);
        Town { gpg, site: Arc::new(site), vault: Arc::new(vault), now }
    })
}

impl Town {
    fn keys(&self) -> Keys {
        Keys::new(Arc::new(Fixed(self.site.clone())), self.vault.clone())
    }

    fn gpg(&self, args: &[&str], input: &[u8]) -> String {
        String::from_utf8(self.gpg.must(args, input)).unwrap().replace("\r\n", "\n").replace('\n', "\r\n")
    }

    fn sign(&self, who: &str, more: &[&str], content: &[u8]) -> String {
        self.gpg(&[&["--armor", "-u", who][..], more].concat(), content)
    }

    /// multipart/signed, as a mail program makes it.
    fn signed(&self, who: &str, more: &[&str], entity: &str) -> String {
        wrap(entity, &self.sign(who, &[&["--detach-sign"][..], more].concat(), entity.as_bytes()))
    }

    /// multipart/encrypted for Alice, signed by `who` inside.
    fn closed(&self, who: Option<&str>, more: &[&str], entity: &str) -> String {
        let sign: &[&str] = if who.is_some() { &["--sign", "-u"] } else { &[] };
        let armour = self.gpg(
            &[&["--armor", "--encrypt"][..], if more.contains(&"-R") { &[] } else { &["-r", ALICE] }, sign, who.as_slice(), more].concat(),
            entity.as_bytes(),
        );
        envelope(&armour)
    }

    fn judged(&self, mail: &str) -> Judgement {
        self.judged_at(&self.site, mail)
    }

    /// By a site that knows more.
    fn judged_at(&self, site: &Site, mail: &str) -> Judgement {
        let message = Message::parse(Bytes::from(mail.to_owned()), &Budget::default()).unwrap();
        let (keys, recipients) = (self.keys(), [key(ALICE)]);
        let case = judge::Case { site, keys: &keys, trace: TraceId::new(), recipients: &recipients, now: self.now.moved(120_000_000) };
        judge::judge(&message, &case, &Budget::default())
    }

    fn treated(&self, mail: &str) -> Treated {
        let message = Message::parse(Bytes::from(mail.to_owned()), &Budget::default()).unwrap();
        let (keys, budget) = (self.keys(), Budget::default());
        let case = Case {
            site: &self.site,
            outer: &message,
            keys: &keys,
            trace: TraceId::new(),
            now: self.now.moved(120_000_000),
            budget: &budget,
        };
        treat(&message, &[own(&self.site, &[key(ALICE)])], &case).unwrap()
    }
}

fn wrap(entity: &str, signature: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=sig\r\n\r\n\
         --sig\r\n{entity}\r\n--sig\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--sig--\r\n"
    )
}

fn envelope(armour: &str) -> String {
    format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=enc\r\n\r\n\
         --enc\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--enc\r\nContent-Type: application/octet-stream\r\n\r\n{armour}\r\n--enc--\r\n"
    )
}

fn mail(from: &str, entity: &str) -> String {
    format!("From: {from}\r\nTo: {ALICE}\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n{entity}")
}

fn text(body: &str) -> String {
    format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n")
}

fn mixed(parts: &[&str]) -> String {
    let body: String = parts.iter().map(|part| format!("--mix\r\n{part}\r\n")).collect();
    format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=mix\r\n\r\n{body}--mix--\r\n")
}

#[test]
fn m_c2_mail_among_colleagues_by_what_we_make_ourselves() {
    let town = town();
    for (from, to) in [("bob@company.example", ALICE), (ALICE, "bob@company.example")] {
        let (signer, to_key) = (signing(&town.site, &key(from), town.now).unwrap(), encryption(&town.site, &key(to), town.now).unwrap());
        let sealed = encrypt(good::entities()[0].1.as_bytes(), &[to_key], Some(&signer), (&town.keys(), TraceId::new()), town.now).unwrap();
        let entity = crypto::openpgp::as_entity(&sealed).unwrap();
        let mail = [format!("From: {from}\r\n").as_bytes(), &entity].concat();
        let message = Message::parse(Bytes::from(mail), &Budget::default()).unwrap();
        let (keys, recipients) = (town.keys(), [key(to)]);
        let case = judge::Case { site: &town.site, keys: &keys, trace: TraceId::new(), recipients: &recipients, now: town.now };
        let judgement = judge::judge(&message, &case, &Budget::default());
        assert_eq!((judgement.signature, judgement.encryption), (SignatureVerdict::Valid, EncryptionWord::Pgp), "{judgement:?}");
        assert_eq!(judgement.layers, ["encrypted-pgp", "signed-pgp"]);
    }
}

#[test]
fn x_1_of_what_failed_nothing_is_released() {
    let town = town();
    let entity = format!("Content-Type: text/plain\r\n\r\n{SECRET} {}\r\n", "and more ".repeat(400));
    let armour = town.gpg(&["--armor", "--encrypt", "--compress-algo", "none", "-r", ALICE], entity.as_bytes());
    assert!(town.treated(&mail(PAUL, &envelope(&armour))).bytes.unwrap().windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    let lines: Vec<&str> = armour.split("\r\n").collect();
    let mut failed: Vec<(String, String)> = Vec::new();
    for at in (3..lines.len() - 4).step_by(4) {
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let octet = if changed[at].as_bytes()[20] == b'A' { "B" } else { "A" };
        changed[at].replace_range(20..21, octet);
        failed.push((format!("line {at} changed"), envelope(&changed.join("\r\n"))));
        let cut: Vec<&str> = lines.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, line)| *line).collect();
        failed.push((format!("line {at} left out"), envelope(&cut.join("\r\n"))));
    }
    let html = ["Content-Type: text/html\r\n\r\n<img src=\"http://evil/", &envelope(&armour), "Content-Type: text/html\r\n\r\n\">"];
    failed.push(("between HTML".into(), mixed(&html)));
    failed.push(("for Pia".into(), town.closed(None, &["-R", "pia@partner.example"], &entity)));
    failed.push(("by a pass phrase".into(), envelope(&town.gpg(&["--armor", "--symmetric", "--passphrase", "x"], entity.as_bytes()))));
    assert!(failed.len() > 20);
    for (name, entity) in failed {
        let (treated, judgement) = (town.treated(&mail(PAUL, &entity)), town.judged(&mail(PAUL, &entity)));
        let shows = treated.bytes.as_ref().is_some_and(|bytes| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
        assert!(!shows && !treated.closed.is_empty(), "{name}: {treated:?}");
        assert_eq!(judgement.encryption, EncryptionWord::Failed, "{name}: {judgement:?}");
        assert!(!format!("{judgement:?}").contains(SECRET));
    }
}

#[test]
fn m_c2_texts_and_files_among_others_are_opened_in_their_places() {
    let town = town();
    let armour = town.gpg(&["--armor", "--encrypt", "-r", ALICE], "Grüße, geheim\r\n".as_bytes());
    let file = town.gpg.must(&["--encrypt", "-r", ALICE, "--set-filename", "x"], b"%PDF-1.7 secret");
    let file = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, file);
    let attached =
        format!("Content-Type: application/octet-stream; name=\"plan.pdf.gpg\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{file}");
    let original = mail(
        PAUL,
        &mixed(&[
            &format!("Content-Type: text/plain; charset=utf-8\r\n\r\nHi,\r\n{armour}and\r\n{armour}Bye"),
            &attached,
            &envelope(&armour),
        ]),
    );
    let treated = town.treated(&original);
    assert!(treated.closed.is_empty() && treated.key_used && !treated.whole, "{treated:?}");
    let message = Message::parse(treated.bytes.unwrap(), &Budget::default()).unwrap();
    let text = message.part("1.1").unwrap().text(&message, &Budget::default()).unwrap();
    assert_eq!(text, "Hi,\r\nGrüße, geheim\r\nand\r\nGrüße, geheim\r\nBye");
    let pdf = message.part("1.2").unwrap();
    assert_eq!(
        (pdf.name.as_deref(), pdf.decode(&message, &Budget::default()).unwrap().as_ref()),
        (Some("plan.pdf"), &b"%PDF-1.7 secret"[..])
    );
    assert_eq!(message.part("1.3").unwrap().text(&message, &Budget::default()).unwrap(), "Grüße, geheim", "no MIME inside: a text");
    assert_eq!(message.root().children.len(), 3);
    assert_eq!(town.judged(&original).encryption, EncryptionWord::Pgp);
}

#[test]
fn x_4_a_layer_is_opened_for_its_owner_only() {
    let town = town();
    let sealed = mail(PAUL, &town.closed(None, &[], &good::entities()[0].1));
    let message = Message::parse(Bytes::from(sealed), &Budget::default()).unwrap();
    let (keys, budget) = (town.keys(), Budget::default());
    let case = Case { site: &town.site, outer: &message, keys: &keys, trace: TraceId::new(), now: town.now, budget: &budget };
    let owner = |who: &str| own(&town.site, &[key(who)]);
    assert_eq!(treat(&message, &[owner(ALICE), owner("bob@company.example"), Vec::new()], &case).unwrap().theirs, [true, false, false]);
    let bobs = treat(&message, &[owner("bob@company.example")], &case).unwrap();
    assert!(bobs.bytes.is_none() && !bobs.key_used && bobs.closed == ["no-key-of-the-recipient"], "{bobs:?}");
}

#[test]
fn m_c2_keys_are_bound_to_addresses() {
    let town = town();
    let pia = town.gpg.public("pia@partner.example");
    let refused = import::partner_certificate(&town.site, &address("eve@evil.example"), &pia, "imported", town.now);
    assert!(refused.unwrap_err().to_string().contains("another address"));
    let secret = town.gpg.secret("pia@partner.example");
    assert!(import::user_key(&town.vault, &address(ALICE), &secret, None, town.now).is_err());
    let rows = import::user_key(&town.vault, &address("pia@partner.example"), &secret, None, town.now).unwrap();
    let record: KeyRecord = serde_json::from_str(&rows[0].body).unwrap();
    assert!(record.is_pgp() && record.pgp.len() == 2 && record.certificate.contains("PUBLIC KEY") && !rows[0].body.contains("PRIVATE"));
    // Of Rex, who has revoked his key: nothing is sealed for him, and an old copy of it changes nothing.
    assert!(encryption(&town.site, &key("rex@partner.example"), town.now.moved(120_000_000)).is_none());
    let row: SiteRow = import::partner_certificate(
        &town.site,
        &address("rex@partner.example"),
        &town.gpg.public("rex@partner.example"),
        "imported",
        town.now,
    )
    .unwrap();
    let mut site = Site::clone(&town.site);
    site.apply(&row).unwrap();
    assert!(row.section == Section::Partner && encryption(&site, &key("rex@partner.example"), town.now.moved(120_000_000)).is_none());
    assert!(encryption(&town.site, &key("eva@partner.example"), town.now).is_none(), "expired");
    assert!(encryption(&town.site, &Address::parse("PAUL@Partner.Example").unwrap().key(), town.now).is_some());
}
