//! Each level against certificates of a CA of the test's own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, date_time_ymd};

use futures_util::FutureExt;

use super::super::{Anchors, Fingerprint, Revocation, Tlsa, check_revocation};
use super::*;

/// 2026-06-01, and what lies before and after.
const NOW: i64 = 1_780_272_000;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn params(common: &str, names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

fn ca(common: &str) -> Issuer {
    let mut params = params(common, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn intermediate(common: &str, above: &Issuer) -> Issuer {
    let mut params = params(common, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), above).unwrap()
}

fn leaf(params: CertificateParams, issuer: &Issuer) -> Vec<u8> {
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().to_vec()
}

fn alone(params: CertificateParams) -> Vec<u8> {
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn der(issuer: &Issuer) -> Vec<u8> {
    issuer.der().to_vec()
}

fn trusting(level: TlsLevel, roots: &[&Issuer]) -> TlsDemand {
    let roots: Vec<Vec<u8>> = roots.iter().map(|root| der(root)).collect();
    TlsDemand { anchors: Some(Arc::new(Anchors::only(&roots, &[]))), ..TlsDemand::of(level) }
}

fn see(demand: &TlsDemand, chain: &[&[u8]]) -> Result<(), String> {
    see_at(demand, chain, NOW)
}

fn see_at(demand: &TlsDemand, chain: &[&[u8]], now: i64) -> Result<(), String> {
    all_of(demand, &Shown { chain, ocsp: &[], host: "mx.partner.example", now })
}

/// The judgement, and what follows of it where there are no revocation lists.
fn all_of(demand: &TlsDemand, shown: &Shown<'_>) -> Result<(), String> {
    let Some(vouched) = judge(demand, shown)? else { return Ok(()) };
    check_revocation(demand, shown.host, vouched).now_or_never().unwrap()
}

fn refused(demand: &TlsDemand, chain: &[&[u8]], why: &str) {
    let said = see(demand, chain).unwrap_err();
    assert!(said.contains(why), "{said}");
}

#[test]
fn m_t4_each_level_against_each_kind_of_certificate() {
    let root = ca("Root");
    let good = leaf(params("x", &["mx.partner.example"]), &root);
    let foreign = leaf(params("x", &["mx.partner.example"]), &ca("Other"));
    let misnamed = leaf(params("mx.partner.example", &["www.partner.example"]), &root);
    let selfish = alone(params("mx.partner.example", &["mx.partner.example"]));
    let mut old = params("x", &["mx.partner.example"]);
    old.not_after = date_time_ymd(2026, 3, 1);
    let expired = leaf(old, &root);
    let certificates = [&good, &foreign, &misnamed, &selfish, &expired];
    for (level, passes) in [
        (TlsLevel::May, [true, true, true, true, true]),
        (TlsLevel::Encrypt, [true, true, true, true, true]),
        (TlsLevel::Verify, [true, false, true, false, false]),
        (TlsLevel::Secure, [true, false, false, false, false]),
    ] {
        let seen = certificates.map(|certificate| see(&trusting(level, &[&root]), &[certificate]).is_ok());
        assert_eq!(seen, passes, "{level:?}");
    }
    refused(&trusting(TlsLevel::Secure, &[&root]), &[&misnamed], "does not name mx.partner.example");
    refused(&trusting(TlsLevel::Verify, &[&root]), &[&expired], "expired");
    refused(&TlsDemand::of(TlsLevel::Verify), &[&good], "not trusted");
    refused(&trusting(TlsLevel::Verify, &[&root]), &[b"no certificate"], "can't be read");
    refused(&trusting(TlsLevel::Verify, &[&root]), &[], "no certificate");
}

#[test]
fn m_t4_intermediates_that_the_server_sends_close_the_chain() {
    let root = ca("Root");
    let between = intermediate("Between", &root);
    let good = leaf(params("x", &["mx.partner.example"]), &between);
    let demand = trusting(TlsLevel::Secure, &[&root]);
    assert_eq!(see(&demand, &[&good, &der(&between)]), Ok(()));
    refused(&demand, &[&good], "not trusted");
    assert!(see_at(&demand, &[&good, &der(&between)], NOW + 400 * 86_400).is_err(), "all within their dates");
    let shunned = TlsDemand { anchors: Some(Arc::new(Anchors::only(&[der(&root)], &[der(&between)]))), ..demand };
    refused(&shunned, &[&good, &der(&between)], "does not trust");
}

#[test]
fn m_t4_a_certificate_for_clients_does_not_serve() {
    let root = ca("Root");
    let mut client = params("x", &["mx.partner.example"]);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    refused(&trusting(TlsLevel::Verify, &[&root]), &[&leaf(client, &root)], "purpose");
}

#[test]
fn m_t4_the_common_name_counts_only_without_any_alternative_name() {
    let root = ca("Root");
    let demand = trusting(TlsLevel::Secure, &[&root]);
    let common = leaf(params("mx.partner.example", &[]), &root);
    assert_eq!(see(&demand, &[&common]), Ok(()));
    assert!(see(&TlsDemand { san_only: true, ..demand.clone() }, &[&common]).is_err(), "RFC 8461 §4.2");
    let mut mail = params("mx.partner.example", &[]);
    mail.subject_alt_names = vec![SanType::Rfc822Name("a@partner.example".try_into().unwrap())];
    refused(&demand, &[&leaf(mail, &root)], "does not name");
}

#[test]
fn m_t4_an_address_in_brackets_is_named_by_an_address() {
    let root = ca("Root");
    let by_address = leaf(params("192.0.2.7", &["192.0.2.7"]), &root);
    let mut text = params("192.0.2.7", &[]);
    text.subject_alt_names = vec![SanType::DnsName("192.0.2.7".try_into().unwrap())];
    let by_text = leaf(text, &root);
    let demand = TlsDemand { names: vec!["192.0.2.7".to_owned()], ..trusting(TlsLevel::Secure, &[&root]) };
    assert_eq!(see(&demand, &[&by_address]), Ok(()));
    refused(&demand, &[&by_text], "does not name");
    refused(&trusting(TlsLevel::Secure, &[&root]), &[&by_address], "does not name");
}

#[test]
fn m_t4_a_digest_is_enough_and_nothing_else_is() {
    let certificate = alone(params("whoever", &[]));
    let digest = |octets: &[u8]| Fingerprint::Sha256(openssl::sha::sha256(octets));
    let demand = |fingerprints| TlsDemand { fingerprints, ..TlsDemand::of(TlsLevel::Fingerprint) };
    assert_eq!(see(&demand(vec![digest(b"other"), digest(&certificate)]), &[&certificate]), Ok(()));
    refused(&demand(vec![digest(b"other")]), &[&certificate], "none of the digests");
    refused(&demand(Vec::new()), &[&certificate], "none of the digests");
    refused(&demand(vec![digest(&certificate)]), &[&alone(params("whoever", &[])), &certificate], "none of the digests");
}

#[test]
fn m_t4_hard_revocation_wants_a_stapled_answer() {
    let root = ca("Root");
    let good = leaf(params("x", &["mx.partner.example"]), &root);
    let hard = TlsDemand { revocation: Revocation::Hard, ..trusting(TlsLevel::Secure, &[&root]) };
    refused(&hard, &[&good], "revoked is not known");
    let noise = all_of(&hard, &Shown { chain: &[&good], ocsp: b"noise", host: "mx.partner.example", now: NOW });
    assert!(noise.unwrap_err().contains("can't be read"));
    let own = alone(params("mx.partner.example", &["mx.partner.example"]));
    let itself = Some(Arc::new(Anchors::only(std::slice::from_ref(&own), &[])));
    assert_eq!(see(&TlsDemand { anchors: itself, ..hard }, &[&own]), Ok(()), "a trusted root has nobody above it");
}

fn record(usage: u8, selector: u8, matching: u8, certificate: &[u8]) -> Tlsa {
    let whole = X509::from_der(certificate).unwrap();
    let selected = if selector == 0 { certificate.to_vec() } else { whole.public_key().unwrap().public_key_to_der().unwrap() };
    let data = match matching {
        0 => selected,
        1 => openssl::sha::sha256(&selected).to_vec(),
        _ => openssl::sha::sha512(&selected).to_vec(),
    };
    Tlsa { usage, selector, matching, data }
}

fn dane(tlsa: Vec<Tlsa>) -> TlsDemand {
    TlsDemand { tlsa, ..TlsDemand::of(TlsLevel::Dane) }
}

#[test]
fn m_t4_dane_usage_3_looks_at_nothing_but_the_record() {
    let mut old = params("whoever", &["elsewhere.example"]);
    old.not_after = date_time_ymd(2026, 2, 1);
    let (certificate, other) = (alone(old), alone(params("mx.partner.example", &["mx.partner.example"])));
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let demand = dane(vec![record(3, selector, matching, &certificate)]);
            assert_eq!(see(&demand, &[&certificate]), Ok(()), "3 {selector} {matching}");
            refused(&demand, &[&other], "matches no TLSA record");
            refused(&demand, &[&other, &certificate], "matches no TLSA record");
        }
    }
    refused(&dane(Vec::new()), &[&certificate], "no validated TLSA record");
    refused(&dane(vec![record(1, 1, 1, &certificate)]), &[&certificate], "matches no TLSA record");
    let roll_over = dane(vec![record(3, 1, 1, &other), record(3, 1, 1, &certificate)]);
    assert_eq!(see(&roll_over, &[&certificate]), Ok(()), "any one of them is enough");
}

#[test]
fn m_t4_dane_usage_2_wants_a_chain_dates_and_a_name() {
    let root = ca("Root");
    let between = intermediate("Between", &root);
    let good = leaf(params("x", &["mx.partner.example"]), &between);
    let (root_der, between_der) = (der(&root), der(&between));
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            for anchor in [&root_der, &between_der] {
                let demand = dane(vec![record(2, selector, matching, anchor)]);
                assert_eq!(see(&demand, &[&good, &between_der, &root_der]), Ok(()), "2 {selector} {matching}");
                assert!(see_at(&demand, &[&good, &between_der, &root_der], NOW + 400 * 86_400).is_err());
            }
        }
    }
    let by_root = dane(vec![record(2, 1, 1, &root_der)]);
    refused(&by_root, &[&good, &between_der], "matches no TLSA record");
    assert_eq!(see(&dane(vec![record(2, 0, 0, &between_der)]), &[&good]), Ok(()), "a whole certificate need not be sent along");
    let named = |name: &str| TlsDemand { names: vec![name.to_owned(), "mx2.partner.example".to_owned()], ..by_root.clone() };
    assert_eq!(see(&named("mx.partner.example"), &[&good, &between_der, &root_der]), Ok(()));
    refused(&named("partner.example"), &[&good, &between_der, &root_der], "does not name partner.example or mx2");
    let stranger = leaf(params("x", &["mx.partner.example"]), &ca("Other"));
    refused(&by_root, &[&stranger, &root_der], "does not descend");
    refused(&dane(vec![record(2, 1, 1, &good)]), &[&good], "matches no TLSA record");
}

#[test]
fn m_t4_dane_the_strongest_digest_of_a_kind_counts() {
    let (certificate, other) = (alone(params("x", &[])), alone(params("x", &[])));
    let agile = dane(vec![record(3, 1, 1, &certificate), record(3, 1, 2, &other)]);
    refused(&agile, &[&certificate], "matches no TLSA record");
    assert_eq!(see(&agile, &[&other]), Ok(()));
    let kinds = dane(vec![record(3, 0, 1, &certificate), record(3, 1, 2, &other), record(3, 1, 0, &certificate)]);
    assert_eq!(see(&kinds, &[&certificate]), Ok(()), "another selector, and whole data, stand for themselves");
    let mut broken = record(3, 1, 2, &other);
    broken.data.pop();
    assert!(!broken.is_usable());
    assert_eq!(see(&dane(vec![record(3, 1, 1, &certificate), broken]), &[&certificate]), Ok(()), "what is unusable outshines nothing");
}
