//! Spoofed, wrapped, partial, tampered and re-used signatures: not one is `valid` (M-C13, security.md X-2).

use std::sync::Arc;
use std::time::Duration;

use crypto::pki::Certificate;
use crypto::smime::{ContentCipher, encrypt};
use keyring::import;
use model::site::Trust;
use model::{Judgement, SignatureVerdict, Site};

use crate::kit::{Office, P256, PERSON, RSA, now, office};
use crate::wrap::Wrap;

const CONTENT: &str =
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nPay 100 to account 1.\r\n\r\nAnna\r\n";
const ANNA: &str = "anna@partner.example";

/// Attacks, and what was said of each.
#[derive(Default)]
struct Attacks(Vec<(String, Judgement)>);

impl Attacks {
    fn judge(&mut self, office: &Office, name: impl Into<String>, mail: &[u8]) {
        self.say(name, office.judged(mail));
    }

    fn say(&mut self, name: impl Into<String>, judgement: Judgement) {
        let name = name.into();
        assert_ne!(judgement.signature, SignatureVerdict::Valid, "{name}: {:?}", judgement.reasons);
        self.0.push((name, judgement));
    }

    /// That many, and no two under one name.
    fn done(self, least: usize) {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() >= least, "{} attacks", names.len());
    }
}

fn cms(office: &Office, file: &str) -> Vec<u8> {
    office.signed(file, CONTENT.as_bytes(), "anna", "-md sha256")
}

#[test]
fn m_c13_x_2_what_was_changed_is_not_valid() {
    let (office, mut attacks, wrap) = (office(), Attacks::default(), Wrap::of(ANNA));
    let cms = cms(office, "changed");
    assert_eq!(office.judged(&wrap.clear(CONTENT.as_bytes(), &cms)).signature, SignatureVerdict::Valid);
    for (name, old, new) in [
        ("another account", "account 1", "account 2"),
        ("a capital", "Pay", "pay"),
        ("a blank more", "Anna\r\n", "Anna \r\n"),
        ("a line more", "Anna\r\n", "Anna\r\nand 200 more\r\n"),
        ("a line less", "Anna\r\n", ""),
        ("an empty line less", "\r\n\r\nAnna", "\r\nAnna"),
        ("another charset", "charset=utf-8", "charset=utf-7"),
        ("another encoding", "7bit", "base64"),
        ("another type", "text/plain", "text/html"),
        ("a field more", "\r\n\r\nPay", "\r\nContent-ID: <x>\r\n\r\nPay"),
        ("a tab for a blank", "Pay 100", "Pay\t100"),
        ("a look-alike", "account", "acc\u{43e}unt"),
        ("a NUL", "account", "acc\0unt"),
    ] {
        attacks.judge(office, name, &wrap.clear(CONTENT.replacen(old, new, 1).as_bytes(), &cms));
    }
    attacks.judge(office, "nothing at all", &wrap.clear(b"", &cms));
    // Octets of the signature: in the value at its end, in the attributes before it, and cut off.
    for from_end in [1usize, 17, 128, 255, 275, 300, 340, 400] {
        let mut bad = cms.clone();
        let at = bad.len() - from_end;
        bad[at] ^= 1;
        attacks.judge(office, format!("octet {from_end} from the end"), &wrap.clear(CONTENT.as_bytes(), &bad));
    }
    for length in [0, 1, 20, cms.len() / 2, cms.len() - 1] {
        attacks.judge(office, format!("cut to {length}"), &wrap.clear(CONTENT.as_bytes(), &cms[..length]));
    }
    attacks.judge(office, "octets behind", &wrap.clear(CONTENT.as_bytes(), &[cms.as_slice(), b"\x30\x00"].concat()));
    // A good signature, and one more that does not fit.
    office.write("two.in", CONTENT);
    office.openssl(
        "cms -sign -binary -in two.in -signer anna.crt -inkey anna.key -signer ben.crt -inkey ben.key -md sha256 -outform DER -out two.out",
    );
    attacks.judge(office, "two signers, of whom From names one", &wrap.clear(CONTENT.as_bytes(), &office.read("two.out")));
    for (name, flags) in [("sha-1", "-md sha1"), ("md5", "-md md5")] {
        attacks.judge(office, name, &wrap.clear(CONTENT.as_bytes(), &office.signed("weak", CONTENT.as_bytes(), "anna", flags)));
    }
    attacks.done(30);
}

#[test]
fn m_c13_x_2_a_signature_that_was_used_before_or_elsewhere_is_not_valid() {
    let (office, mut attacks, wrap) = (office(), Attacks::default(), Wrap::of(ANNA));
    let cms = cms(office, "used");
    let other = CONTENT.replace("100", "9000");
    attacks.judge(office, "on another text", &wrap.clear(other.as_bytes(), &cms));
    attacks.judge(office, "on the body without its fields", &wrap.clear(b"\r\nPay 100 to account 1.\r\n\r\nAnna\r\n", &cms));
    let opaque = office.signed("used", CONTENT.as_bytes(), "anna", "-md sha256 -nodetach");
    attacks.judge(office, "an opaque one beside another text", &wrap.clear(other.as_bytes(), &opaque));
    attacks.judge(office, "a detached one alone", &wrap.opaque(&cms));
    attacks.judge(office, "under another's name", &Wrap::of("ben@partner.example").clear(CONTENT.as_bytes(), &cms));
    // Inside and around other things.
    let signed = |content: &str| {
        let whole = String::from_utf8(wrap.clear(content.as_bytes(), &cms)).unwrap();
        whole.split_once("MIME-Version: 1.0\r\n").unwrap().1.to_owned()
    };
    let inner = signed(CONTENT);
    let mixed = |parts: &[&str]| {
        let parts: String = parts.iter().map(|part| format!("--out\r\n{part}\r\n")).collect();
        format!("Content-Type: multipart/mixed; boundary=out\r\n\r\n{parts}--out--\r\n")
    };
    let lie = "Content-Type: text/plain\r\n\r\nPay 9000 to account 2.\r\n";
    for (name, entity) in [
        ("below a lie", mixed(&[lie, &inner])),
        ("above a lie", mixed(&[&inner, lie])),
        ("alone in a mixed one", mixed(&[&inner])),
        ("as an alternative", mixed(&[lie, &inner]).replace("multipart/mixed", "multipart/alternative")),
        ("as a related part", mixed(&[lie, &inner]).replace("multipart/mixed", "multipart/related")),
        ("in a forwarded message", mixed(&[lie, &format!("Content-Type: message/rfc822\r\n\r\nFrom: {ANNA}\r\n{inner}")])),
        ("as the message", format!("Content-Type: message/rfc822\r\n\r\nFrom: {ANNA}\r\n{inner}")),
        ("deep below", mixed(&[lie, &mixed(&[&inner]).replace("out", "deep")])),
        ("with a third part", inner.replace("--next-part--", &format!("--next-part\r\n{lie}\r\n--next-part--"))),
        (
            "twice in one",
            inner.replace(
                "--next-part--",
                &format!("{}--next-part--", inner.split_once("\r\n\r\n").unwrap().1.replace("--next-part--\r\n", "")),
            ),
        ),
        ("signature first", inner.replacen(CONTENT, lie, 1)),
        ("an empty part before", inner.replacen("--next-part\r\n", "--next-part\r\n\r\n\r\n--next-part\r\n", 1)),
        (
            "another boundary inside",
            inner.replacen("boundary=\"next-part\"", "boundary=\"next-part\"; boundary=\"other\"", 1).replace("--next-part", "--other"),
        ),
        (
            "as an attachment only",
            mixed(&[
                lie,
                &format!(
                    "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                    crate::wrap::base64_lines(&cms, 76)
                ),
            ]),
        ),
        (
            "an opaque one as an attachment",
            mixed(&[
                lie,
                &format!(
                    "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                    crate::wrap::base64_lines(&opaque, 76)
                ),
            ]),
        ),
        ("a lie with a signed look", lie.replace("text/plain", "multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b")),
    ] {
        attacks.judge(office, name, &wrap.entity(entity.as_bytes()));
    }
    // A signature has room for anybody's text; in a part that is shown it is read.
    for kind in ["text/html", "text/plain; charset=utf-8", "application/xhtml+xml", "application/octet-stream; name=invoice.html"] {
        attacks.judge(
            office,
            format!("a signature that is shown as {kind}"),
            &Wrap { protocol: kind, ..wrap.clone() }.clear(CONTENT.as_bytes(), &cms),
        );
    }
    office.openssl("crl2pkcs7 -nocrl -certfile anna.crt -outform DER -out none.p7");
    attacks.judge(office, "certificates for a signature", &wrap.clear(CONTENT.as_bytes(), &office.read("none.p7")));
    attacks.judge(office, "certificates alone", &wrap.opaque(&office.read("none.p7")));
    // Somebody takes what Anna signed and encrypted for Bob, and sends it as his own, or puts his signature around it.
    let bob = [office.certificate("bob")];
    let signed_entity = inner.as_bytes();
    for cipher in [ContentCipher::Aes256Cbc, ContentCipher::Aes256Gcm] {
        let sealed = encrypt(signed_entity, &bob, cipher).unwrap();
        attacks.judge(office, format!("encrypted anew by another, {cipher:?}"), &Wrap::of("ben@partner.example").entity(&sealed));
        let around = office.own(&sealed, "ben");
        attacks.judge(office, format!("another's signature around it, {cipher:?}"), &Wrap::of("ben@partner.example").entity(&around));
        attacks.judge(office, format!("another's signature around it, under Anna's name, {cipher:?}"), &wrap.entity(&around));
        let unsigned = encrypt(CONTENT.as_bytes(), &bob, cipher).unwrap();
        attacks.judge(
            office,
            format!("a signature around what its signer can't read, {cipher:?}"),
            &wrap.entity(&office.own(&unsigned, "anna")),
        );
        let part = String::from_utf8(sealed.to_vec()).unwrap();
        attacks.judge(office, format!("encrypted in part, {cipher:?}"), &wrap.entity(mixed(&[lie, &part]).as_bytes()));
    }
    // The signer protected From, and it is another one.
    let inside = format!("From: boss@partner.example\r\nSubject: test\r\n{}", CONTENT.replacen("utf-8", "utf-8; hp=\"clear\"", 1));
    attacks.judge(office, "another From inside", &wrap.entity(&office.own(inside.as_bytes(), "anna")));
    attacks.done(30);
}

#[test]
fn m_c13_cve_2026_27445_from_that_is_not_plainly_the_signers_is_not_valid() {
    let (office, mut attacks) = (office(), Attacks::default());
    let cms = cms(office, "from");
    for from in [
        "From: anna@partner.example.evil.example\r\n",
        "From: anna@evil.example\r\n",
        "From: \"anna@partner.example\" <eve@evil.example>\r\n",
        "From: anna@partner.example <eve@evil.example>\r\n",
        "From: <eve@evil.example> (anna@partner.example)\r\n",
        "From: anna@partner.example, eve@evil.example\r\n",
        "From: eve@evil.example, anna@partner.example\r\n",
        "From: eve@evil.example\r\nFrom: anna@partner.example\r\n",
        "From: anna@partner.example\r\nFrom: eve@evil.example\r\n",
        "From: anna@partner.example\r\nfrom : eve@evil.example\r\n",
        "From: \"anna@partner.example\"@evil.example\r\n",
        "From: Friends: anna@partner.example, eve@evil.example;\r\n",
        "From: <@evil.example,@partner.example:eve@evil.example>\r\n",
        "From: \u{430}nna@partner.example\r\n",
        "From: ann\u{e0}@partner.example\r\n",
        "From: =?utf-8?q?anna=40partner=2Eexample?= <eve@evil.example>\r\n",
        "From: =?utf-8?q?anna?=@evil.example\r\n",
        "From: anna\r\n",
        "From:\r\n",
        "Sender: anna@partner.example\r\n",
        "Reply-To: anna@partner.example\r\nFrom: eve@evil.example\r\n",
        "From: anna@partner.example\0 <eve@evil.example>\r\n",
    ] {
        let wrap = Wrap { from: from.to_owned(), ..Wrap::of("") };
        attacks.judge(office, from, &wrap.clear(CONTENT.as_bytes(), &cms));
    }
    attacks.done(20);
}

#[test]
fn m_c13_certificates_that_prove_nothing_are_not_valid() {
    let (office, mut attacks, wrap) = (office(), Attacks::default(), Wrap::of(ANNA));
    let san = "subjectAltName=email:anna@partner.example\n";
    let all = format!("{san}{PERSON}");
    let people: [(&str, &str, &str, &str, String, &str); 16] = [
        ("self", "/CN=anna", "", RSA, all.clone(), "30"),
        ("by-foreign", "/CN=anna", "foreign", RSA, all.clone(), "30"),
        ("by-anna", "/CN=anna", "anna", P256, all.clone(), "30"),
        ("over", "/CN=anna", "root", P256, all.clone(), "-1"),
        ("nobody", "/CN=anna", "root", P256, PERSON.to_owned(), "30"),
        ("named", "/CN=anna@partner.example", "root", P256, PERSON.to_owned(), "30"),
        ("other", "/CN=anna@partner.example", "root", P256, format!("subjectAltName=email:eve@evil.example\n{PERSON}"), "30"),
        ("subject", "/emailAddress=anna@partner.example", "root", P256, format!("subjectAltName=email:eve@evil.example\n{PERSON}"), "30"),
        (
            "dns",
            "/CN=anna",
            "root",
            P256,
            format!("subjectAltName=DNS:anna.partner.example,URI:mailto:anna@partner.example\n{PERSON}"),
            "30",
        ),
        ("domain", "/CN=anna", "root", P256, format!("subjectAltName=email:partner.example\n{PERSON}"), "30"),
        (
            "blank",
            "/CN=anna",
            "root",
            P256,
            format!("2.5.29.17=DER:30:17:81:15:61:6e:6e:61:40:70:61:72:74:6e:65:72:2e:65:78:61:6d:70:6c:65:20\n{PERSON}"),
            "30",
        ),
        ("web", "/CN=anna", "root", P256, format!("{san}keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"), "30"),
        ("closes", "/CN=anna", "root", RSA, format!("{san}keyUsage=keyEncipherment\n"), "30"),
        ("authority", "/CN=anna", "root", P256, format!("{san}basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"), "30"),
        ("short", "/CN=anna", "root", "rsa:1024", all.clone(), "30"),
        ("unknown-critical", "/CN=anna", "root", P256, format!("{all}1.2.3.4.5=critical,DER:05:00\n"), "30"),
    ];
    for (name, subject, issuer, key, extensions, days) in &people {
        let name = format!("bad-{name}");
        office.issue_as((&name, subject), issuer, key, extensions, days);
        let more = if issuer.is_empty() { String::new() } else { format!("-certfile {issuer}.crt") };
        let signed = office.signed("bad", CONTENT.as_bytes(), &name, &format!("-md sha256 {more}"));
        attacks.judge(office, name, &wrap.clear(CONTENT.as_bytes(), &signed));
    }
    // A CA that may speak for another domain only, by its own CA.
    let bound = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nnameConstraints=critical,permitted;email:other.example\n";
    office.issue("bound", "root", P256, bound, "300");
    let beyond_ascii = format!("subjectAltName=otherName:1.3.6.1.5.5.7.8.9;UTF8:{ANNA}\n{PERSON}");
    for (name, subject, extensions) in [
        ("alt", "/CN=anna", &all),
        ("field", "/emailAddress=anna@partner.example", &PERSON.to_owned()),
        ("utf-8", "/CN=anna", &beyond_ascii),
    ] {
        let name = format!("bound-{name}");
        office.issue_as((&name, subject), "bound", P256, extensions, "30");
        let signed = office.signed("bound", CONTENT.as_bytes(), &name, "-md sha256 -certfile bound.crt");
        attacks.judge(office, name, &wrap.clear(CONTENT.as_bytes(), &signed));
    }
    // The right certificate's name on another key: it names Anna's certificate, Eve has signed.
    let eve = office.signed("eve", CONTENT.as_bytes(), "bad-self", "-md sha256 -keyid");
    attacks.judge(office, "another key", &wrap.clear(CONTENT.as_bytes(), &eve));
    let signed = office.signed("good", CONTENT.as_bytes(), "anna", "-md sha256");
    let mail = wrap.clear(CONTENT.as_bytes(), &signed);
    let bare = office.signed("bare", CONTENT.as_bytes(), "anna", "-md sha256 -nocerts");
    let bare = wrap.clear(CONTENT.as_bytes(), &bare);
    attacks.judge(office, "no certificate", &bare);
    // Known as a partner's it is found, and counts.
    let mut site = Site::clone(&office.site);
    let anna = model::Address::parse(ANNA).unwrap();
    site.apply(&import::partner_certificate(&site, &anna, &office.read("anna.crt"), "imported", now()).unwrap()).unwrap();
    assert_eq!(office.judged_by(&Arc::new(site), &bare, now()).signature, SignatureVerdict::Valid);
    let without = office.signed("without", CONTENT.as_bytes(), "ida", "-md sha256");
    attacks.judge(office, "no CA between", &Wrap::of("ida@partner.example").clear(CONTENT.as_bytes(), &without));
    // The administrator's word, and the clock's.
    let by = |trust: Option<Trust>| {
        let mut site = Site::clone(&office.site);
        site.roots.clear();
        if let Some(trust) = trust {
            for row in import::roots(&office.read("root.crt"), trust, "imported").unwrap() {
                site.apply(&row).unwrap();
            }
        }
        Arc::new(site)
    };
    for (name, trust) in [("no root", None), ("distrusted", Some(Trust::Untrusted)), ("undecided", Some(Trust::Undefined))] {
        attacks.say(name, office.judged_by(&by(trust), &mail, now()));
    }
    let leaf: Certificate = office.certificate("anna");
    for (name, at) in [
        ("before its time", leaf.not_before().after(Duration::ZERO).0 - 86_400_000_000),
        ("after its time", leaf.not_after().0 + 86_400_000_000),
        ("after its root's time", office.certificate("root").not_after().0 + 86_400_000_000),
    ] {
        attacks.say(name, office.judged_by(&office.site, &mail, model::Timestamp(at)));
    }
    attacks.done(24);
}
