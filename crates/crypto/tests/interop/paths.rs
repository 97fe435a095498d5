//! Chains: intermediates from the mail, what CAs may and may not, what a certificate is for (RFC 5280 §6, RFC 8550 §4).

use crypto::pki::{Certificate, ChainVerdict, Purpose, TrustStore};
use crypto::smime::{SignedContent, verify};
use model::{SignatureVerdict, Timestamp};

use crate::kit::{Desk, budget, certificate, request};

const ENTITY: &str = "Content-Type: text/plain\r\n\r\nGood morning.\r\n";
const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
const PERSON: &str = "subjectAltName=email:anna@partner.example\nkeyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n";

/// Makes NAME.key and NAME.crt: issued by `issuer`, or self-signed where that is empty.
fn issue(desk: &Desk, name: &str, issuer: &str, extensions: &str, days: &str) {
    desk.write(&format!("{name}.ext"), extensions);
    desk.openssl(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -subj /CN={name} -out {name}.csr"
    ))
    .unwrap();
    let by =
        if issuer.is_empty() { format!("-signkey {name}.key") } else { format!("-CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial") };
    desk.openssl(&format!("x509 -req -in {name}.csr {by} -extfile {name}.ext -days {days} -out {name}.crt")).unwrap();
}

fn read(desk: &Desk, name: &str) -> Certificate {
    certificate(&desk.read(&format!("{name}.crt")))
}

/// root → first → second → anna, and more of both sorts.
fn desk() -> Desk {
    let desk = Desk::new();
    issue(&desk, "root", "", CA, "900");
    issue(&desk, "first", "root", CA, "900");
    issue(&desk, "second", "first", CA, "900");
    issue(&desk, "anna", "second", PERSON, "400");
    desk
}

fn later(certificate: &Certificate) -> Timestamp {
    certificate.not_before().after(std::time::Duration::from_secs(86_400))
}

/// What is said of `leaf`, the certificates of these names being in the mail.
fn judged(desk: &Desk, leaf: &str, with: &[&str], purpose: Purpose) -> (ChainVerdict, usize) {
    let trust = TrustStore::new(vec![read(desk, "root")], Vec::new());
    let with: Vec<Certificate> = with.iter().map(|name| read(desk, name)).collect();
    let leaf = read(desk, leaf);
    let (verdict, chain) = trust.chain(&leaf, &with, purpose, later(&leaf)).unwrap();
    assert!(chain.is_empty() || (chain[0] == leaf && chain.last() == Some(&read(desk, "root"))));
    (verdict, chain.len())
}

#[test]
fn m_c1_intermediates_come_from_the_mail_in_any_order() {
    let desk = desk();
    // A second certificate for the first CA by another root, which nobody trusts, and things of no use.
    issue(&desk, "foreign", "", CA, "900");
    desk.write("crossed.ext", CA);
    desk.openssl(
        "x509 -req -in first.csr -CA foreign.crt -CAkey foreign.key -CAcreateserial -extfile crossed.ext -days 900 -out crossed.crt",
    )
    .unwrap();
    let whole = (ChainVerdict::Trusted, 4);
    for with in [&["first", "second"][..], &["second", "first"], &["crossed", "foreign", "second", "anna", "first", "root"]] {
        assert_eq!(judged(&desk, "anna", with, Purpose::Sign), whole, "{with:?}");
    }
    for with in [&[][..], &["first"], &["second"], &["second", "crossed", "foreign"]] {
        assert_eq!(judged(&desk, "anna", with, Purpose::Sign), (ChainVerdict::Untrusted("no-trusted-issuer"), 0), "{with:?}");
    }
}

#[test]
fn m_c1_the_mail_carries_the_chain() {
    let desk = desk();
    desk.write("entity", ENTITY);
    desk.write("between.pem", [desk.read("second.crt"), desk.read("first.crt")].concat());
    let trust = TrustStore::new(vec![read(&desk, "root")], Vec::new());
    for (flags, verdict) in [("-certfile between.pem", SignatureVerdict::Valid), ("", SignatureVerdict::Untrusted)] {
        desk.openssl(&format!("cms -sign -binary -in entity -signer anna.crt -inkey anna.key -md sha256 -outform DER -out cms {flags}"))
            .unwrap();
        let cms = desk.read("cms");
        let mut asked = request(SignedContent::Detached { content: ENTITY.as_bytes(), signature: &cms }, "anna@partner.example", &trust);
        asked.now = later(&read(&desk, "anna"));
        let finding = verify(&asked, &budget());
        assert_eq!(finding.verdict, verdict, "{:?}", finding.reasons);
        assert_eq!(finding.chains.len(), usize::from(verdict == SignatureVerdict::Valid));
    }
}

#[test]
fn m_c1_what_may_not_issue_does_not() {
    let desk = desk();
    issue(&desk, "no-ca", "root", "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n", "900");
    issue(&desk, "below-no-ca", "no-ca", PERSON, "400");
    issue(&desk, "no-sign", "root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n", "900");
    issue(&desk, "below-no-sign", "no-sign", PERSON, "400");
    issue(&desk, "short", "root", &CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"), "900");
    issue(&desk, "too-deep", "short", CA, "900");
    issue(&desk, "below-too-deep", "too-deep", PERSON, "400");
    issue(
        &desk,
        "bound",
        "root",
        &format!("{CA}nameConstraints=critical,permitted;email:.other.example,permitted;email:other.example\n"),
        "900",
    );
    issue(&desk, "below-bound", "bound", PERSON, "400");
    issue(&desk, "tls-only", "root", &format!("{CA}extendedKeyUsage=serverAuth\n"), "900");
    issue(&desk, "below-tls-only", "tls-only", PERSON, "400");
    for (leaf, with) in [
        ("below-no-ca", &["no-ca"][..]),
        ("below-no-sign", &["no-sign"]),
        ("below-too-deep", &["too-deep", "short"]),
        ("below-bound", &["bound"]),
        ("below-tls-only", &["tls-only"]),
    ] {
        let (verdict, _) = judged(&desk, leaf, with, Purpose::Sign);
        assert!(matches!(verdict, ChainVerdict::Untrusted(_)), "{leaf}: {verdict:?}");
    }
    // An intermediate that is over.
    issue(&desk, "brief", "root", CA, "1");
    issue(&desk, "below-brief", "brief", PERSON, "400");
    let leaf = read(&desk, "below-brief");
    let trust = TrustStore::new(vec![read(&desk, "root")], Vec::new());
    let at = |days: u64| leaf.not_before().after(std::time::Duration::from_secs(86_400 * days + 3_600));
    let said = |days| trust.judge(&leaf, &[read(&desk, "brief")], at(days)).unwrap();
    assert_eq!((said(0), said(2)), (ChainVerdict::Trusted, ChainVerdict::Untrusted("no-trusted-issuer")));
}

#[test]
fn m_c1_a_certificate_counts_for_what_it_was_made_for() {
    let desk = desk();
    let mail = "subjectAltName=email:anna@partner.example\n";
    for (name, usages, signs, encrypts) in [
        ("both", "keyUsage=digitalSignature,keyAgreement\nextendedKeyUsage=emailProtection\n", true, true),
        ("none-named", "", true, true),
        ("any", "extendedKeyUsage=anyExtendedKeyUsage\n", true, true),
        ("repudiation", "keyUsage=nonRepudiation\nextendedKeyUsage=emailProtection,clientAuth\n", true, false),
        ("signs", "keyUsage=digitalSignature\n", true, false),
        ("opens", "keyUsage=keyAgreement\n", false, true),
        ("web", "keyUsage=digitalSignature,keyAgreement\nextendedKeyUsage=serverAuth,clientAuth\n", false, false),
        ("code", "extendedKeyUsage=codeSigning\n", false, false),
    ] {
        issue(&desk, name, "root", &format!("{mail}{usages}"), "400");
        let certificate = read(&desk, name);
        assert_eq!((certificate.may_sign_mail(), certificate.may_encrypt_mail()), (signs, encrypts), "{name}");
        let trusted = |purpose| judged(&desk, name, &[], purpose).0 == ChainVerdict::Trusted;
        assert_eq!(trusted(Purpose::Sign), signs, "{name}");
        assert_eq!(trusted(Purpose::Encrypt), encrypts, "{name}");
    }
}
