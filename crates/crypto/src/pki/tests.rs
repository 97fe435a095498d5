//! Certificates that are made here, read back.

use std::time::Duration;

use model::{Address, KeyKind, Timestamp};

use super::issue::{Validity, issue_user, make_ca, self_signed_tls};
use super::*;

const NOW: Timestamp = Timestamp(1_795_297_474_000_000);
const YEAR: Validity = Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 365) };

#[test]
fn a_users_certificate_says_all_that_is_asked_of_it() {
    let ca = make_ca("Company CA", "Company, Inc.", KeyKind::EcP256, YEAR).unwrap();
    let address = Address::parse("bob@company.example").unwrap();
    let long = Validity { now: NOW, lifetime: Duration::from_secs(86_400 * 3_650) };
    let bob = issue_user(&ca, &address, "Bob Smith", KeyKind::EcP384, long).unwrap();
    let certificate = &bob.certificate;
    assert_eq!(certificate.addresses(), [address]);
    assert_eq!((certificate.subject().as_str(), certificate.issuer().as_str()), ("CN=Bob Smith", "O=Company, Inc., CN=Company CA"));
    assert!(certificate.may_sign_mail() && certificate.may_encrypt_mail() && certificate.announces_gcm());
    assert!(!certificate.is_ca() && ca.certificate.is_ca() && ca.certificate.is_self_issued());
    assert_eq!(certificate.kind(), Some(KeyKind::EcP384));
    assert_eq!(certificate.not_after(), ca.certificate.not_after(), "it does not outlive its CA");
    assert_eq!(certificate.not_before(), Timestamp(NOW.0 - 300_000_000));
    assert!(certificate.is_in_time(NOW) && !certificate.is_in_time(NOW.after(Duration::from_secs(86_400 * 366))));
    assert_eq!(SoftKey::from_pkcs8(&bob.private_pkcs8).unwrap().id(), certificate.key_id());
    assert_eq!(Certificate::from_pem_many(&certificate.pem()).unwrap(), std::slice::from_ref(certificate));
    assert_eq!((certificate.fingerprint_sha256().len(), certificate.serial_hex().len()), (64, 32));
    let trust = TrustStore::new(vec![ca.certificate.clone()], Vec::new());
    assert_eq!(trust.judge(certificate, &[], NOW).unwrap(), ChainVerdict::Trusted);
    assert!(issue_user(&bob, &Address::parse("eve@company.example").unwrap(), "", KeyKind::EcP256, YEAR).is_err(), "Bob is no CA");
}

#[test]
fn a_listeners_certificate_names_its_hosts() {
    let made = self_signed_tls(&["gate.company.example", "127.0.0.1"], YEAR).unwrap();
    let names = made.certificate.x509().subject_alt_names().unwrap();
    assert_eq!(names[0].dnsname(), Some("gate.company.example"));
    assert_eq!(names[1].ipaddress(), Some(&[127, 0, 0, 1][..]));
    assert!(!made.certificate.may_sign_mail() && made.certificate.kind() == Some(KeyKind::EcP256));
    assert!(self_signed_tls(&[], YEAR).is_err());
}

#[test]
fn what_is_no_certificate_is_refused() {
    assert!(Certificate::from_der(b"").is_err() && Certificate::from_der(&[0x30; 200]).is_err());
    let made = self_signed_tls(&["a.example"], YEAR).unwrap();
    let mut longer = made.certificate.der().to_vec();
    longer.push(0);
    assert!(Certificate::from_der(&longer).is_err(), "nothing may follow");
    assert!(Certificate::from_pem_many("no certificate").is_err());
}
