//! Good mails by several makers, in variants that keep the signed octets: each is `valid`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// Contents of every usual kind.
pub(super) fn entities() -> Vec<(&'static str, String)> {
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

/// Only the lines around what is signed differ: nothing of it may break a signature, and nothing may be read out of it.
fn around(town: &Town) -> Vec<(String, String)> {
    let (_, entity) = &entities()[1];
    let signed = town.signed("paul@partner.example", &[], entity);
    let sealed = town.closed(Some("paul@partner.example"), &[], entity);
    let head = "multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=sig";
    let with = |new: &str| signed.replacen(head, new, 1);
    let base64 = |armour: &str| {
        STANDARD.encode(armour).as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect::<String>()
    };
    let signature = signed.split("application/pgp-signature\r\n\r\n").nth(1).and_then(|rest| rest.split("\r\n--sig--").next()).unwrap();
    let coded = |encoding: &str, body: &str| {
        let plain = format!("application/pgp-signature\r\n\r\n{signature}");
        signed.replacen(&plain, &format!("application/pgp-signature\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"), 1)
    };
    let message = sealed.split("octet-stream\r\n\r\n").nth(1).and_then(|rest| rest.split("\r\n--enc--").next()).unwrap();
    let closed = |head: &str, body: &str| {
        sealed.replacen(&format!("octet-stream\r\n\r\n{message}"), &format!("octet-stream{head}\r\n\r\n{body}"), 1)
    };
    let folded = "multipart/signed;\r\n\tboundary=\"sig\";\r\n micalg=\"pgp-sha512\";\r\n\tprotocol=\"application/pgp-signature\"";
    let texts = [
        ("preamble and epilogue", signed.replacen("--sig\r\n", "This is signed.\r\n\r\n--sig\r\n", 1) + "\r\nbehind\r\n"),
        ("folded, in another order", with(folded)),
        ("other case", with("Multipart/Signed; Protocol=\"application/pgp-signature\"; Boundary=\"sig\"")),
        ("no micalg", with("multipart/signed; protocol=\"application/pgp-signature\"; boundary=sig")),
        ("odd boundary", with(&head.replace("=sig", "=\"=_a'()+_,-./:=?z\"")).replace("--sig", "--=_a'()+_,-./:=?z")),
        ("blanks behind the boundary", signed.replace("--sig\r\n", "--sig  \r\n")),
        ("signature as a named file", signed.replacen("pgp-signature\r\n\r\n", "pgp-signature; name=\"signature.asc\"\r\nContent-Description: OpenPGP digital signature\r\nContent-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n", 1)),
        ("signature in base64", coded("base64", &base64(signature))),
        ("signature in quoted-printable", coded("quoted-printable", &signature.replace('=', "=3D"))),
        ("a version in the armour", coded("7bit", &signature.replace("SIGNATURE-----\r\n\r\n", "SIGNATURE-----\r\nVersion: GnuPG v2\r\nComment: hello\r\n\r\n"))),
        ("no check sum", coded("7bit", &signature.split("\r\n").filter(|line| !line.starts_with('=')).collect::<Vec<_>>().join("\r\n"))),
        ("sealed, in base64", closed("\r\nContent-Transfer-Encoding: base64", &base64(message))),
        ("sealed, in quoted-printable", closed("\r\nContent-Transfer-Encoding: quoted-printable", &message.replace('=', "=3D"))),
        ("sealed, named", closed("; name=\"encrypted.asc\"\r\nContent-Disposition: inline; filename=\"encrypted.asc\"", message)),
        ("sealed, control part in capitals", sealed.replacen("Version: 1\r\n", "VERSION: 1\r\n", 1)),
        ("sealed, preamble and epilogue", sealed.replacen("--enc\r\n", "This is closed.\r\n--enc\r\n", 1) + "\r\nbehind\r\n"),
    ];
    texts.into_iter().map(|(name, entity)| (name.to_owned(), mail(PAUL, &entity))).collect()
}

/// From in the ways that mean the signer's address.
fn authors(town: &Town) -> Vec<(String, String)> {
    let (_, entity) = &entities()[0];
    let signed = town.signed("paul@partner.example", &[], entity);
    let sealed = town.closed(Some("paul@partner.example"), &[], entity);
    let clear = text(&town.sign("paul@partner.example", &["--clear-sign"], b"Pay 1.\r\n"));
    let mut all = Vec::new();
    for from in [
        "paul@partner.example",
        "<paul@partner.example>",
        "\"Paul, of the partner\" <paul@partner.example>",
        "=?utf-8?q?Pa=C3=BCl?= <paul@partner.example>",
        "Paul@PARTNER.example",
        "\r\n Paul\r\n <paul@partner.example>",
        "paul@partner.example (Paul)",
    ] {
        for (kind, entity) in [("signed", &signed), ("sealed", &sealed), ("clear text", &clear)] {
            all.push((format!("{kind}, from {from}"), mail(from, entity)));
        }
    }
    let above = "Received: from a by b\r\n\twith ESMTP; x\r\nX-Spam: no\r\nReturn-Path: <bounce@list.example>\r\n";
    all.push(("signed, fields above".into(), format!("{above}{}", mail(PAUL, &signed))));
    all
}

/// Signed text in mail: its transport encoding and what stands at its ends is not signed.
fn inline(town: &Town) -> Vec<(String, String)> {
    let body = "Grüße, 42 € = 1\r\n\r\nFrom here\r\n- a dash\r\n";
    let clear = town.sign("paul@partner.example", &["--clear-sign"], body.as_bytes());
    let as_text = |encoding: &str, body: &str| {
        format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n")
    };
    let coded =
        STANDARD.encode(&clear).as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect::<String>();
    let quoted: String = clear
        .bytes()
        .map(|octet| if octet == b'=' || octet >= 0x80 { format!("={octet:02X}") } else { char::from(octet).to_string() })
        .collect();
    // Soft line breaks at 70 characters, never within an escape.
    let soft = quoted.split("\r\n").map(|line| {
        let mut made = String::new();
        let mut width = 0;
        for piece in line.split_inclusive(|c: char| c != '=' && !c.is_ascii_hexdigit()) {
            if width + piece.len() > 70 && width > 0 {
                made.push_str("=\r\n");
                width = 0;
            }
            made.push_str(piece);
            width += piece.len();
        }
        made
    });
    let quoted = soft.collect::<Vec<_>>().join("\r\n");
    let blanks = clear.replace("Grüße, 42 € = 1\r\n", "Grüße, 42 € = 1  \t\r\n");
    let latin = town.gpg.must(&["--armor", "--clear-sign", "-u", "paul@partner.example"], b"Gr\xfc\xdfe\r\n");
    let latin = STANDARD.encode(latin);
    vec![
        ("clear text in base64".into(), mail(PAUL, &as_text("base64", &coded))),
        ("clear text in quoted-printable".into(), mail(PAUL, &as_text("quoted-printable", &quoted))),
        ("blank lines around".into(), mail(PAUL, &as_text("8bit", &format!("\r\n\r\n{clear}\r\n\r\n")))),
        // RFC 9580 §7.2: what stands at the end of a line is not signed.
        ("blanks at an end of a line".into(), mail(PAUL, &as_text("8bit", &blanks))),
        ("clear text in latin-1".into(), mail(PAUL, &as_text("base64", &latin).replace("charset=utf-8", "charset=iso-8859-1"))),
        ("flowed".into(), mail(PAUL, &as_text("8bit", &clear).replace("charset=utf-8", "charset=utf-8; format=fixed"))),
    ]
}

#[test]
fn m_c2_m_c13_what_servers_do_around_signed_octets_breaks_nothing() {
    let town = town();
    let all = [around(town), authors(town), inline(town)].concat();
    assert!(all.len() >= 40, "{}", all.len());
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|(name, mail)| {
            let judgement = town.judged(mail);
            (judgement.signature != SignatureVerdict::Valid).then(|| format!("{name}: {judgement:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    // A file with bare line feeds, as people keep mails.
    let unix = mail(PAUL, &town.signed("paul@partner.example", &[], &entities()[1].1)).replace("\r\n", "\n");
    assert_eq!(town.judged(&unix).signature, SignatureVerdict::Valid);
}

#[test]
fn m_c2_m_c13_mails_of_sequoias_command_are_valid() {
    let town = town();
    let desk = tempfile::tempdir().unwrap();
    let path = |name: &str| desk.path().join(name).to_string_lossy().into_owned();
    let alice = pgp_key_of(town, ALICE);
    std::fs::write(path("alice"), alice.armoured()).unwrap();
    let mut site = Site::clone(&town.site);
    let mut wrong = Vec::new();
    for (name, suite) in [("sam", "cv25519"), ("sue", "rsa3k")] {
        let (who, key) = (format!("{name}@partner.example"), path(name));
        let made = ["key", "generate", "--cipher-suite", suite, "--userid", &format!("{name} <{who}>"), "--export", &key];
        let _ = testkit::tools::must("sq", &made, b"");
        let public = testkit::tools::must("sq", &["key", "extract-cert", &key], b"");
        // It was made after the town, and mail is judged two minutes later.
        let now = town.now.moved(119_000_000);
        site.apply(&import::partner_certificate(&site, &address(&who), &public, "imported", now).unwrap()).unwrap();
        for (kind, entity) in entities() {
            std::fs::write(path("plain"), &entity).unwrap();
            let crlf = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
            let signature = crlf(testkit::tools::must("sq", &["sign", "--detached", "--signer-key", &key, &path("plain")], b""));
            let sealed = ["encrypt", "--recipient-cert", &path("alice"), "--signer-key", &key, &path("plain")];
            let sealed = crlf(testkit::tools::must("sq", &sealed, b""));
            for (form, made) in [("signed", wrap(&entity, &signature)), ("sealed", envelope(&sealed))] {
                let judgement = town.judged_at(&site, &mail(&who, &made));
                if judgement.signature != SignatureVerdict::Valid {
                    wrong.push(format!("{suite}, {form}, {kind}: {judgement:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn pgp_key_of(town: &Town, who: &str) -> PgpKey {
    encryption(&town.site, &key(who), town.now).unwrap()
}
