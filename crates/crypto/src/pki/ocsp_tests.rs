//! Answers of a real responder: the openssl command line as the CA's own.

use std::path::Path;
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SerialNumber,
    date_time_ymd,
};

use super::*;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

fn params(common: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params.serial_number = Some(SerialNumber::from(serial));
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2060, 1, 1));
    params
}

impl Authority {
    fn new(common: &str) -> Self {
        let mut params = params(common, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        std::fs::write(folder.path().join("ca.key"), issuer.key().serialize_pem()).unwrap();
        Self { issuer, folder }
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_der(self.issuer.der()).unwrap()
    }

    fn leaf(&self, serial: u64, urls: &[&str]) -> Certificate {
        let mut params = params("leaf", serial);
        params.custom_extensions = urls.first().map(|_| access(urls)).into_iter().collect();
        Certificate::from_der(params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der()).unwrap()
    }

    /// Somebody whom the CA names for answers, or does not.
    fn named(&self, is_named: bool) {
        let mut params = params("responder", 99);
        params.extended_key_usages = if is_named { vec![ExtendedKeyUsagePurpose::OcspSigning] } else { Vec::new() };
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.path().join("named.pem"), certificate.pem()).unwrap();
        std::fs::write(self.folder.path().join("named.key"), key.serialize_pem()).unwrap();
    }

    /// The answer to our own question, by its index's line: `V` valid, `R` revoked, nothing: unknown.
    fn answers(&self, of: &Certificate, line: &str, signer: &str, more: &[&str]) -> Vec<u8> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let (date, shown) = ("590101000000Z", of.serial_hex().to_uppercase());
        let index = match line {
            "V" => format!("V\t{date}\t\t{shown}\tunknown\t/CN=leaf\n"),
            "R" => format!("R\t{date}\t200101000000Z\t{shown}\tunknown\t/CN=leaf\n"),
            _ => String::new(),
        };
        std::fs::write(at("index.txt"), index).unwrap();
        std::fs::write(at("question.der"), question(of, &self.certificate()).unwrap()).unwrap();
        let _ = std::fs::remove_file(at("answer.der"));
        let (pem, key) = (at(&format!("{signer}.pem")), at(&format!("{signer}.key")));
        let own = ["ocsp", "-index", &at("index.txt"), "-CA", &at("ca.pem"), "-rsigner", &pem, "-rkey", &key];
        let asked = ["-reqin", &at("question.der"), "-respout", &at("answer.der")];
        let out = Command::new("openssl").args(own).args(asked).args(more).output().unwrap();
        assert!(Path::new(&at("answer.der")).exists(), "{}", String::from_utf8_lossy(&out.stderr));
        std::fs::read(at("answer.der")).unwrap()
    }
}

/// authorityInfoAccess with these responders (RFC 5280 §4.2.2.1), written octet by octet.
fn access(urls: &[&str]) -> CustomExtension {
    let wrap = |tag: u8, body: &[u8]| [&[tag, u8::try_from(body.len()).unwrap()], body].concat();
    let one = |url: &&str| wrap(0x30, &[b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01", &wrap(0x86, url.as_bytes())[..]].concat());
    let list: Vec<u8> = urls.iter().flat_map(one).collect();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], wrap(0x30, &list))
}

#[test]
fn g_2_an_answer_counts_when_the_issuer_signed_it_and_is_in_its_time() {
    let ca = Authority::new("Root");
    let (leaf, other) = (ca.leaf(7, &[]), ca.leaf(8, &[]));
    let day = ["-ndays", "1"];
    let good = ca.answers(&leaf, "V", "ca", &day);
    assert_eq!(read(&good, &leaf, &ca.certificate()), Said::Good);
    assert_eq!(read(&ca.answers(&leaf, "R", "ca", &day), &leaf, &ca.certificate()), Said::Revoked);
    let nothing = |answer: &[u8], of: &Certificate, issuer: &Certificate| match read(answer, of, issuer) {
        Said::Nothing(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(nothing(&ca.answers(&leaf, "", "ca", &day), &leaf, &ca.certificate()).contains("does not know"));
    assert!(nothing(&good, &other, &ca.certificate()).contains("another certificate"));
    // A CA of the same name that has signed nothing of this.
    assert!(nothing(&good, &leaf, &Authority::new("Root").certificate()).contains("not signed"));
    assert!(nothing(b"\x30\x03\x0a\x01\x06", &leaf, &ca.certificate()).contains("error"));
    assert!(nothing(b"no answer", &leaf, &ca.certificate()).contains("can't be read"));
    assert!(nothing("x".repeat(LARGEST + 1).as_bytes(), &leaf, &ca.certificate()).contains("too long"));
    assert!(read(&ca.answers(&leaf, "V", "ca", &[]), &leaf, &ca.certificate()) == Said::Good, "without a next one, for a day");
}

#[test]
fn g_2_somebody_else_may_answer_only_if_the_issuer_named_it() {
    let ca = Authority::new("Root");
    let leaf = ca.leaf(7, &[]);
    ca.named(true);
    assert_eq!(read(&ca.answers(&leaf, "R", "named", &["-ndays", "1"]), &leaf, &ca.certificate()), Said::Revoked);
    ca.named(false);
    let by_anybody = ca.answers(&leaf, "V", "named", &["-ndays", "1"]);
    assert!(matches!(read(&by_anybody, &leaf, &ca.certificate()), Said::Nothing(_)));
}

#[test]
fn g_2_responders_are_taken_from_the_certificate() {
    let ca = Authority::new("Root");
    let urls = ["http://ca.example/o", "ldap://ca.example/o", "HTTPS://ca.example/p"];
    assert_eq!(ca.leaf(7, &urls).responder_urls(), ["http://ca.example/o", "HTTPS://ca.example/p"]);
    assert!(ca.leaf(7, &[]).responder_urls().is_empty());
}
