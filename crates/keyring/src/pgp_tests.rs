//! GnuPG on the other side: at least 60 good mails that must be `valid`, at least 50 forged, wrapped, cut, changed and re-used ones that
//! must never be, and nothing of a plain text where the word is `failed`.

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
        let mut partner = |who: &str, file: &[u8]| {
            let row = import::partner_certificate(&site, &address(who), file, "imported", now).unwrap();
            site.apply(&row).unwrap();
        };
        for who in ["paul@partner.example", "pia@partner.example", "pat@partner.example", "rex@partner.example", "eva@partner.example"] {
            partner(who, &gpg.public(who));
        }
        let rev =
            std::fs::read_dir(gpg.home().join("openpgp-revocs.d")).unwrap().filter_map(|file| std::fs::read(file.unwrap().path()).ok());
        let rex = rev.filter(|text| String::from_utf8_lossy(text).contains("rex@partner.example")).collect::<Vec<_>>();
        partner("rex@partner.example", &rex[0]);
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
        let message = Message::parse(Bytes::from(mail.to_owned()), &Budget::default()).unwrap();
        let (keys, recipients) = (self.keys(), [key(ALICE)]);
        let case =
            judge::Case { site: &self.site, keys: &keys, trace: TraceId::new(), recipients: &recipients, now: self.now.moved(120_000_000) };
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

/// Contents of every usual kind.
fn entities() -> Vec<(&'static str, String)> {
    let of = |head: &str, body: &str| format!("Content-Type: {head}\r\n\r\n{body}");
    vec![
        ("ascii", of("text/plain", "The price is 42.\r\n")),
        ("utf-8", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße, 42 €\r\n".to_owned()),
        (
            "quoted-printable",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=20\r\n"
                .to_owned(),
        ),
        ("base64", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n".to_owned()),
        (
            "alternative",
            of(
                "multipart/alternative; boundary=alt",
                "--alt\r\nContent-Type: text/plain\r\n\r\na\r\n--alt\r\nContent-Type: text/html\r\n\r\n<p>a</p>\r\n--alt--\r\n",
            ),
        ),
        (
            "attachment",
            of(
                "multipart/mixed; boundary=att",
                "--att\r\n\r\nSee.\r\n--att\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--att--\r\n",
            ),
        ),
        ("long line", of("text/plain", &format!("{}\r\n", "word ".repeat(180).trim_end()))),
        ("flowed", of("text/plain; format=flowed", "one\r\ntwo\r\n\r\n-- \r\nPaul\r\n")),
        ("html", of("text/html; charset=utf-8", "<p>Hello</p>\r\n")),
        ("empty", of("text/plain", "")),
    ]
}

/// Mails that must be valid, by their names.
fn good(town: &Town) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, entity) in entities() {
        for digest in ["SHA256", "SHA384", "SHA512"] {
            all.push((
                format!("signed {digest}, {name}"),
                mail(PAUL, &town.signed("paul@partner.example", &["--digest-algo", digest], &entity)),
            ));
        }
        all.push((format!("signed as text, {name}"), mail(PAUL, &town.signed("paul@partner.example", &["--textmode"], &entity))));
        all.push((format!("sealed, {name}"), mail(PAUL, &town.closed(Some("paul@partner.example"), &[], &entity))));
        all.push((
            format!("signed, then sealed, {name}"),
            mail(PAUL, &town.closed(None, &[], &town.signed("paul@partner.example", &[], &entity))),
        ));
    }
    let entity = &entities()[0].1;
    for compression in ["none", "zip", "zlib", "bzip2"] {
        all.push((
            format!("sealed, {compression}"),
            mail(PAUL, &town.closed(Some("paul@partner.example"), &["--compress-algo", compression], entity)),
        ));
    }
    for cipher in ["AES", "AES192", "AES256", "CAMELLIA256", "3DES"] {
        all.push((format!("sealed, {cipher}"), mail(PAUL, &town.closed(Some("paul@partner.example"), &["--cipher-algo", cipher], entity))));
    }
    for (who, from) in [("pia@partner.example", "pia@partner.example"), ("pat@partner.example", "PAT@partner.example")] {
        all.push((format!("signed by {who}"), mail(from, &town.signed(who, &[], entity))));
        all.push((format!("sealed by {who}"), mail(from, &town.closed(Some(who), &[], entity))));
    }
    all.push(("a hidden recipient".into(), mail(PAUL, &town.closed(Some("paul@partner.example"), &["-R", ALICE], entity))));
    all.push((
        "several recipients, one hidden".into(),
        mail(PAUL, &town.closed(Some("paul@partner.example"), &["-R", ALICE, "-r", "pia@partner.example"], entity)),
    ));
    for body in ["Pay 1.\r\n", "Grüße, 42 €\r\n", "- a dash\r\n-- \r\nFrom here\r\n", "one\r\n\r\n\r\ntwo   \r\n"] {
        let clear = town.sign("paul@partner.example", &["--clear-sign"], body.as_bytes());
        all.push((format!("clear text {body:?}"), mail(PAUL, &text(&clear))));
        let sealed = town.gpg(&["--armor", "--encrypt", "--sign", "-u", "paul@partner.example", "-r", ALICE], body.as_bytes());
        all.push((format!("inline, sealed {body:?}"), mail(PAUL, &text(&sealed))));
        let opaque = town.sign("paul@partner.example", &["--sign"], body.as_bytes());
        all.push((format!("inline, signed {body:?}"), mail(PAUL, &text(&opaque))));
    }
    all
}

#[test]
fn m_c2_good_mails_are_valid() {
    let town = town();
    let all = good(town);
    assert!(all.len() >= 60, "{}", all.len());
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|(name, mail)| {
            let judgement = town.judged(mail);
            let sealed = name.contains("sealed") || name.contains("recipient");
            let word = if sealed { EncryptionWord::Pgp } else { EncryptionWord::None };
            let good = judgement.signature == SignatureVerdict::Valid && judgement.encryption == word;
            (!good).then(|| format!("{name}: {judgement:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn m_c2_mail_among_colleagues_by_what_we_make_ourselves() {
    let town = town();
    for (from, to) in [("bob@company.example", ALICE), (ALICE, "bob@company.example")] {
        let (signer, to_key) = (signing(&town.site, &key(from), town.now).unwrap(), encryption(&town.site, &key(to), town.now).unwrap());
        let sealed = encrypt(entities()[0].1.as_bytes(), &[to_key], Some(&signer), (&town.keys(), TraceId::new()), town.now).unwrap();
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

/// Mails that must never be valid, by their names.
fn bad(town: &Town) -> Vec<(String, String)> {
    [strangers(town), changed(town), wrapped(town), outworn(town)].concat()
}

/// Good signatures under other names.
fn strangers(town: &Town) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let entity = &entities()[0].1;
    let signed = town.signed("paul@partner.example", &[], entity);
    let sealed = town.closed(Some("paul@partner.example"), &[], entity);
    let clear = town.sign("paul@partner.example", &["--clear-sign"], b"Pay 1.\r\n");
    let inline = text(&clear);
    for from in [
        "eve@evil.example",
        "pia@partner.example",
        "\"paul@partner.example\" <eve@evil.example>",
        "paul@partner.example, eve@evil.example",
        "Paul",
        "paul@partner.example.evil.example",
        "<pau1@partner.example>",
        "paul@partner.example <eve@evil.example>",
    ] {
        all.push((format!("signed, from {from}"), mail(from, &signed)));
        all.push((format!("sealed, from {from}"), mail(from, &sealed)));
        all.push((format!("clear text, from {from}"), mail(from, &inline)));
    }
    all.push(("no From".into(), format!("Subject: x\r\n{signed}")));
    all.push(("two From fields".into(), format!("From: {PAUL}\r\n{}", mail("eve@evil.example", &signed))));
    all.push((
        "From inside".into(),
        mail("eve@evil.example", &town.signed("paul@partner.example", &[], &format!("From: {PAUL}\r\n{entity}"))),
    ));
    all
}

/// Signatures over other octets.
fn changed(town: &Town) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let entity = &entities()[0].1;
    let signed = town.signed("paul@partner.example", &[], entity);
    let clear = town.sign("paul@partner.example", &["--clear-sign"], b"Pay 1.\r\n");
    let inline = text(&clear);
    all.push(("text changed".into(), mail(PAUL, &signed.replace("42", "43"))));
    all.push((
        "header of the part changed".into(),
        mail(PAUL, &signed.replacen("Content-Type: text/plain\r\n", "Content-Type: text/html\r\n", 1)),
    ));
    all.push((
        "a field put into the part".into(),
        mail(PAUL, &signed.replace("--sig\r\nContent-Type: text/plain", "--sig\r\nX-A: b\r\nContent-Type: text/plain")),
    ));
    all.push(("clear text changed".into(), mail(PAUL, &inline.replace("Pay 1.", "Pay 9."))));
    all.push(("a line more in the clear text".into(), mail(PAUL, &inline.replace("Pay 1.", "Pay 1.\r\nPay 2."))));
    all.push((
        "signature of another text".into(),
        mail(PAUL, &wrap(&entities()[1].1, &town.sign("paul@partner.example", &["--detach-sign"], entity.as_bytes()))),
    ));
    let other = town.sign("paul@partner.example", &["--clear-sign"], b"Pay 2.\r\n");
    let cut = other.find("-----BEGIN PGP SIGNATURE").unwrap();
    all.push((
        "clear text with another's signature".into(),
        mail(PAUL, &text(&format!("{}{}", &clear[..clear.find("-----BEGIN PGP SIGNATURE").unwrap()], &other[cut..]))),
    ));
    all
}

/// Signatures over a part of what is shown.
fn wrapped(town: &Town) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let entity = &entities()[0].1;
    let signed = town.signed("paul@partner.example", &[], entity);
    let sealed = town.closed(Some("paul@partner.example"), &[], entity);
    let clear = town.sign("paul@partner.example", &["--clear-sign"], b"Pay 1.\r\n");
    let opaque = town.sign("paul@partner.example", &["--sign"], b"Pay 1.\r\n");
    let inline = text(&clear);
    all.push(("signed part of a mixed mail".into(), mail(PAUL, &mixed(&["Content-Type: text/plain\r\n\r\nPay to account 7.", &signed]))));
    all.push(("sealed part of a mixed mail".into(), mail(PAUL, &mixed(&["Content-Type: text/plain\r\n\r\nPay to account 7.", &sealed]))));
    all.push(("footer of a list".into(), mail(PAUL, &mixed(&[&signed, "Content-Type: text/plain\r\n\r\n-- \r\nlist"]))));
    all.push(("alone in a mixed mail".into(), mail(PAUL, &mixed(&[&signed]))));
    all.push(("a third part".into(), mail(PAUL, &signed.replace("--sig--", "--sig\r\nContent-Type: text/plain\r\n\r\nmore\r\n--sig--"))));
    all.push((
        "an attached signed mail".into(),
        mail(PAUL, &mixed(&["\r\nSee below.", &format!("Content-Type: message/rfc822\r\n\r\n{}", mail(PAUL, &signed))])),
    ));
    all.push((
        "HTML beside a signed text".into(),
        mail(PAUL, &mixed(&["Content-Type: text/html\r\n\r\n<style>pre{display:none}</style>Pay 7.", &inline])),
    ));
    all.push((
        "HTML beside what is sealed".into(),
        mail(PAUL, &mixed(&["Content-Type: text/html\r\n\r\n<img src=\"http://evil/", &sealed, "Content-Type: text/html\r\n\r\n\">"])),
    ));
    for (name, body) in [
        ("text above", format!("Pay to account 7.\r\n{clear}")),
        ("text below", format!("{clear}\r\nPay to account 7.\r\n")),
        ("two blocks", format!("{clear}\r\n{clear}")),
        (
            "a comment in the armour",
            clear.replace("-----BEGIN PGP SIGNATURE-----\r\n", "-----BEGIN PGP SIGNATURE-----\r\nComment: Pay to account 7\r\n"),
        ),
        (
            "words for a hash",
            clear
                .replace("Hash: SHA512", "Hash: SHA512\r\nNote: Pay to account 7")
                .replace("Hash: SHA256", "Hash: SHA256\r\nNote: Pay to account 7"),
        ),
        ("quoted", format!("> {}", clear.replace("\r\n", "\r\n> "))),
        ("an opaque one with text above", format!("Pay to account 7.\r\n{opaque}")),
        ("no dashes", clear.replace("-----BEGIN PGP SIGNED", "----BEGIN PGP SIGNED")),
        (
            "a key in place of the signature",
            format!(
                "{}{}",
                &clear[..clear.find("-----BEGIN PGP SIGNATURE").unwrap()],
                town.gpg(&["--armor", "--export", "paul@partner.example"], b"")
            ),
        ),
    ] {
        all.push((format!("clear text, {name}"), mail(PAUL, &text(&body))));
    }
    for charset in ["utf-16le", "utf-7", "x-unknown", "iso-2022-jp"] {
        all.push((format!("clear text in {charset}"), mail(PAUL, &inline.replace("charset=utf-8", &format!("charset={charset}")))));
    }
    for charset in ["utf-16le", "iso-2022-jp", "gb18030"] {
        let said = opaque.replace("MESSAGE-----\r\n\r\n", &format!("MESSAGE-----\r\nCharset: {charset}\r\n\r\n"));
        assert!(said.contains(charset));
        all.push((format!("an opaque one in {charset} by its armour"), mail(PAUL, &text(&said))));
        all.push((
            format!("an opaque one in {charset}"),
            mail(PAUL, &text(&opaque).replace("charset=utf-8", &format!("charset={charset}"))),
        ));
    }
    for kind in ["text/plain", "text/html", "application/octet-stream; name=a.html"] {
        let shown = signed
            .replace("Content-Type: application/pgp-signature", &format!("Content-Type: {kind}"))
            .replace("-----BEGIN PGP SIGNATURE-----\r\n", "-----BEGIN PGP SIGNATURE-----\r\nComment: Pay to account 7\r\n");
        all.push((format!("a signature that is shown as {kind}"), mail(PAUL, &shown)));
    }
    all.push(("clear text as HTML".into(), mail(PAUL, &inline.replace("text/plain", "text/html"))));
    all
}

/// Keys and signatures that don't count, and no signature at all.
fn outworn(town: &Town) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let entity = &entities()[0].1;
    for who in ["mallory@evil.example", "rex@partner.example"] {
        all.push((format!("signed by {who}"), mail(who, &town.signed(who, &[], entity))));
        all.push((format!("sealed by {who}"), mail(who, &town.closed(Some(who), &[], entity))));
    }
    all.push(("Mallory signs as Paul".into(), mail(PAUL, &town.signed("mallory@evil.example", &[], entity))));
    all.push((
        "two signers, one unknown".into(),
        mail(PAUL, &town.signed("paul@partner.example", &["-u", "mallory@evil.example"], entity)),
    ));
    all.push((
        "signed by Eva in her time".into(),
        mail("eva@partner.example", &town.signed("eva@partner.example", &["--faked-system-time", "20250101T010000!"], entity)),
    ));
    // Times and digests.
    all.push((
        "from the future".into(),
        mail(PAUL, &town.signed("paul@partner.example", &["--faked-system-time", "20350101T000000!"], entity)),
    ));
    all.push(("over".into(), mail(PAUL, &town.signed("paul@partner.example", &["--default-sig-expire", "seconds=1"], entity))));
    all.push(("SHA-1".into(), mail(PAUL, &town.signed("paul@partner.example", &["--digest-algo", "SHA1"], entity))));
    // Signature of the wrong kind, or none.
    all.push((
        "no signature in it".into(),
        mail(PAUL, &wrap(entity, "-----BEGIN PGP SIGNATURE-----\r\n\r\n-----END PGP SIGNATURE-----\r\n")),
    ));
    all.push(("not armour".into(), mail(PAUL, &wrap(entity, "valid"))));
    all.push((
        "signed what is sealed".into(),
        mail(PAUL, &town.signed("paul@partner.example", &[], &town.closed(Some("mallory@evil.example"), &[], entity))),
    ));
    all.push((
        "Mallory's signature inside Paul's".into(),
        mail(PAUL, &town.signed("paul@partner.example", &[], &town.signed("mallory@evil.example", &[], entity))),
    ));
    all.push((
        "signed what is sealed without a signature".into(),
        mail(PAUL, &town.signed("paul@partner.example", &[], &town.closed(None, &[], entity))),
    ));
    // Not signed at all.
    all.push(("sealed only".into(), mail(PAUL, &town.closed(None, &[], entity))));
    all.push(("plain".into(), mail(PAUL, &text("[signed OK] -----BEGIN PGP SIGNED MESSAGE-----"))));
    all
}

#[test]
fn m_c13_x_2_forged_mails_are_never_valid() {
    let town = town();
    let all = bad(town);
    assert!(all.len() >= 50, "{}", all.len());
    let valid: Vec<&str> =
        all.iter().filter(|(_, mail)| town.judged(mail).signature == SignatureVerdict::Valid).map(|(name, _)| name.as_str()).collect();
    assert!(valid.is_empty(), "valid, and must not be: {}", valid.join("; "));
    let said = |name: &str| {
        let found = all.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}"));
        town.judged(&found.1).signature
    };
    for (name, verdict) in [
        ("signed, from pia@partner.example", SignatureVerdict::Mismatch),
        ("text changed", SignatureVerdict::Invalid),
        ("signed part of a mixed mail", SignatureVerdict::Partial),
        ("clear text, text above", SignatureVerdict::Partial),
        ("clear text, a comment in the armour", SignatureVerdict::Partial),
        ("an attached signed mail", SignatureVerdict::None),
        ("signed by mallory@evil.example", SignatureVerdict::Unchecked),
        ("Mallory signs as Paul", SignatureVerdict::Unchecked),
        ("two signers, one unknown", SignatureVerdict::Unchecked),
        ("signed by rex@partner.example", SignatureVerdict::Revoked),
        ("signed by Eva in her time", SignatureVerdict::Expired),
        ("from the future", SignatureVerdict::Invalid),
        ("over", SignatureVerdict::Expired),
        ("SHA-1", SignatureVerdict::Invalid),
        ("sealed only", SignatureVerdict::None),
    ] {
        assert_eq!(said(name), verdict, "{name}: {:?}", town.judged(&all.iter().find(|(known, _)| known == name).unwrap().1));
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
    let sealed = mail(PAUL, &town.closed(None, &[], &entities()[0].1));
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
