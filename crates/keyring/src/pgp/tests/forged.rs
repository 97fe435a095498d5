//! Forged, wrapped, cut, changed and re-used signatures: none of them is ever `valid`.

use super::good::entities;
use super::*;

/// Mails that must never be valid, by their names.
fn bad(town: &Town) -> Vec<(String, String)> {
    [strangers(town), authors(town), changed(town), cut_and_turned(town), wrapped(town), parts(town), outworn(town)].concat()
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

/// Header sections that name the signer and are not plainly his.
fn authors(town: &Town) -> Vec<(String, String)> {
    let entity = &entities()[0].1;
    let kinds = [
        ("signed", town.signed("paul@partner.example", &[], entity)),
        ("sealed", town.closed(Some("paul@partner.example"), &[], entity)),
        ("clear text", text(&town.sign("paul@partner.example", &["--clear-sign"], b"Pay 1.\r\n"))),
    ];
    let mut all = Vec::new();
    for head in [
        "From: paul@evil.example\r\n",
        "From: <eve@evil.example> (paul@partner.example)\r\n",
        "From: eve@evil.example, paul@partner.example\r\n",
        "From: paul@partner.example\r\nFrom: eve@evil.example\r\n",
        "From: paul@partner.example\r\nfrom : eve@evil.example\r\n",
        "From: \"paul@partner.example\"@evil.example\r\n",
        "From: Friends: paul@partner.example, eve@evil.example;\r\n",
        "From: <@evil.example,@partner.example:eve@evil.example>\r\n",
        "From: p\u{430}ul@partner.example\r\n",
        "From: pa\u{fc}l@partner.example\r\n",
        "From: paul@p\u{430}rtner.example\r\n",
        "From: =?utf-8?q?paul=40partner=2Eexample?= <eve@evil.example>\r\n",
        "From: =?utf-8?q?paul?=@evil.example\r\n",
        "From:\r\n",
        "Sender: paul@partner.example\r\n",
        "Reply-To: paul@partner.example\r\nFrom: eve@evil.example\r\n",
        "From: paul@partner.example\0 <eve@evil.example>\r\n",
        "From: pau l@partner.example\r\n",
        "From: paul@partner.example.\r\n <eve@evil.example>\r\n",
    ] {
        for (kind, entity) in &kinds {
            all.push((format!("{kind}, {head:?}"), format!("{head}To: {ALICE}\r\nSubject: x\r\n{entity}")));
        }
    }
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

/// Single octets of what is signed, and of the signature itself.
fn cut_and_turned(town: &Town) -> Vec<(String, String)> {
    let entity = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nPay 100 to account 1.\r\n\r\nPaul\r\n";
    let signed = town.signed("paul@partner.example", &[], entity);
    let mut all = Vec::new();
    for (name, old, new) in [
        ("another account", "account 1", "account 2"),
        ("a capital", "Pay", "pay"),
        ("a blank more", "Paul\r\n", "Paul \r\n"),
        ("a line more", "Paul\r\n", "Paul\r\nand 200 more\r\n"),
        ("an empty line less", "\r\n\r\nPaul", "\r\nPaul"),
        ("another charset", "charset=utf-8", "charset=utf-7"),
        ("another encoding", "7bit", "base64"),
        ("another type", "text/plain", "text/html"),
        ("a field more", "\r\n\r\nPay", "\r\nContent-ID: <x>\r\n\r\nPay"),
        ("a tab for a blank", "Pay 100", "Pay\t100"),
        ("a look-alike", "account", "acc\u{43e}unt"),
        ("a NUL", "account", "acc\0unt"),
    ] {
        all.push((format!("signed, {name}"), mail(PAUL, &signed.replacen(old, new, 1))));
    }
    let binary = town.gpg.must(&["--detach-sign", "-u", "paul@partner.example"], entity.as_bytes());
    let with = |bytes: &[u8]| {
        let coded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        let lines: Vec<String> = coded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let armour = format!("-----BEGIN PGP SIGNATURE-----\r\n\r\n{}\r\n-----END PGP SIGNATURE-----", lines.join("\r\n"));
        mail(PAUL, &wrap(entity, &armour))
    };
    assert_eq!(town.judged(&with(&binary)).signature, SignatureVerdict::Valid, "as it is");
    for from_end in [1, 5, 20, 40, 62, 66] {
        let mut turned = binary.clone();
        let at = turned.len() - from_end;
        turned[at] ^= 1;
        all.push((format!("signature, octet {from_end} from its end"), with(&turned)));
    }
    for length in [0, 1, 2, 3, binary.len() / 2, binary.len() - 1] {
        all.push((format!("signature cut to {length}"), with(&binary[..length])));
    }
    all
}

/// A signed entity in trees that show more.
fn parts(town: &Town) -> Vec<(String, String)> {
    let entity = &entities()[0].1;
    let inner = town.signed("paul@partner.example", &[], entity);
    let lie = "Content-Type: text/plain\r\n\r\nPay 9000 to account 2.";
    let both = mixed(&[lie, &inner]);
    let all = [
        ("above a lie", mixed(&[&inner, lie])),
        ("as an alternative", both.replace("multipart/mixed", "multipart/alternative")),
        ("as a related part", both.replace("multipart/mixed", "multipart/related")),
        ("as the message", format!("Content-Type: message/rfc822\r\n\r\nFrom: {PAUL}\r\n{inner}")),
        ("deep below", mixed(&[lie, &mixed(&[&inner]).replace("mix", "deep")])),
        ("signature first", inner.replacen(entity.as_str(), &format!("{lie}\r\n"), 1)),
        ("an empty part before", inner.replacen("--sig\r\n", "--sig\r\n\r\n\r\n--sig\r\n", 1)),
        ("two boundaries", inner.replacen("boundary=sig", "boundary=sig; boundary=other", 1).replace("--sig", "--other")),
        (
            "the signature as an attachment only",
            mixed(&[
                lie,
                &format!(
                    "Content-Type: application/pgp-signature\r\n\r\n{}",
                    town.sign("paul@partner.example", &["--detach-sign"], entity.as_bytes())
                ),
            ]),
        ),
        (
            "an opaque one as a file",
            mixed(&[
                lie,
                &format!(
                    "Content-Type: application/octet-stream; name=a.asc\r\n\r\n{}",
                    town.sign("paul@partner.example", &["--sign"], b"Pay 1.\r\n")
                ),
            ]),
        ),
        ("a lie with a signed look", lie.replace("text/plain", "multipart/signed; protocol=\"application/pgp-signature\"; boundary=b")),
        ("sealed, and a lie", mixed(&[&town.closed(Some("paul@partner.example"), &[], entity), lie])),
        (
            "a text with a sealed one in it",
            text(&format!(
                "Pay 9000.\r\n{}",
                town.gpg(&["--armor", "--encrypt", "--sign", "-u", "paul@partner.example", "-r", ALICE], b"Pay 1.\r\n")
            )),
        ),
        ("sealed anew by another around Paul's", town.closed(Some("mallory@evil.example"), &[], &inner)),
        ("a part of what is sealed", town.closed(None, &[], &mixed(&[lie, &inner]))),
    ];
    all.into_iter().map(|(name, entity)| (format!("in parts: {name}"), mail(PAUL, &entity))).collect()
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
    assert!(all.len() >= 150, "{}", all.len());
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
fn m_c13_cve_2026_2746_a_user_id_that_is_revoked_or_whose_key_was_taken_for_another_names_nobody() {
    let town = town();
    let gpg = Gpg::new();
    gpg.person("Ria <ria@partner.example>", "future-default", "never");
    let fingerprint = gpg.must(&["--list-keys", "--with-colons", "ria@partner.example"], b"");
    let fingerprint = String::from_utf8(fingerprint)
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix("fpr:").map(|rest| rest.trim_matches(':').to_owned()))
        .unwrap();
    let _ = gpg.must(&["--quick-add-uid", &fingerprint, "Ria <boss@partner.example>"], b"");
    let entity = &entities()[0].1;
    let armour = gpg.must(&["--armor", "--detach-sign", "-u", &fingerprint], entity.as_bytes());
    let signed = wrap(entity, &String::from_utf8(armour).unwrap().replace('\n', "\r\n"));
    let mut site = Site::clone(&town.site);
    let take = |site: &mut Site, who: &str| {
        let row = import::partner_certificate(site, &address(who), &gpg.public(&fingerprint), "imported", town.now.moved(110_000_000));
        site.apply(&row.unwrap()).unwrap();
    };
    take(&mut site, "ria@partner.example");
    assert_eq!(town.judged_at(&site, &mail("ria@partner.example", &signed)).signature, SignatureVerdict::Valid);
    // It names the other address too, but nobody has taken it for that one.
    assert_eq!(town.judged_at(&site, &mail("boss@partner.example", &signed)).signature, SignatureVerdict::Mismatch);
    take(&mut site, "boss@partner.example");
    assert_eq!(town.judged_at(&site, &mail("boss@partner.example", &signed)).signature, SignatureVerdict::Valid);
    // Then she gives the address back.
    let _ = gpg.must(&["--quick-revoke-uid", &fingerprint, "Ria <boss@partner.example>"], b"");
    take(&mut site, "boss@partner.example");
    let late = town.judged_at(&site, &mail("boss@partner.example", &signed));
    assert_ne!(late.signature, SignatureVerdict::Valid, "{late:?}");
    assert!(encryption(&site, &key("boss@partner.example"), town.now.moved(120_000_000)).is_none());
}
