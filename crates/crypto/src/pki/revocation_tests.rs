//! Lists of a CA of the test's own: what they say, and what they must not be able to say.

use std::time::Duration;

use model::{BudgetKind, Limits};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CrlScope, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

use super::*;

/// 2026-06-01.
const NOW: Timestamp = Timestamp(1_780_272_000_000_000);
const HERE: &str = "http://ca.example/a.crl";
const THERE: &str = "http://ca.example/b.crl";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn params(common: &str, serial: u64, urls: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params.serial_number = Some(SerialNumber::from(serial));
    params.crl_distribution_points = urls.iter().map(|url| CrlDistributionPoint { uris: vec![(*url).to_owned()] }).collect();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

fn ca(common: &str, usages: &[KeyUsagePurpose]) -> Issuer {
    let mut params = params(common, 1, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = usages.to_vec();
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn root() -> Issuer {
    ca("Root", &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign])
}

fn certificate(issuer: &Issuer) -> Certificate {
    Certificate::from_der(issuer.der()).unwrap()
}

fn leaf(issuer: &Issuer, serial: u64, urls: &[&str]) -> Certificate {
    let made = params("leaf", serial, urls).signed_by(&KeyPair::generate().unwrap(), issuer).unwrap();
    Certificate::from_der(made.der()).unwrap()
}

fn list(issuer: &Issuer, revoked: &[u64], scope: Option<(&str, Option<CrlScope>)>) -> Vec<u8> {
    let entry = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2026, 5, 1),
        reason_code: Some(rcgen::RevocationReason::KeyCompromise),
        invalidity_date: None,
    };
    let point = |(url, scope): (&str, Option<CrlScope>)| CrlIssuingDistributionPoint {
        distribution_point: CrlDistributionPoint { uris: vec![url.to_owned()] },
        scope,
    };
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 5, 20),
        next_update: date_time_ymd(2026, 6, 20),
        crl_number: SerialNumber::from(7u64),
        issuing_distribution_point: scope.map(point),
        revoked_certs: revoked.iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().der().to_vec()
}

fn budget() -> Budget {
    Budget::new(Limits { parts: 100_000, ..Limits::default() })
}

fn read(octets: &[u8], issuer: &Issuer) -> Result<RevocationList, CryptoError> {
    Unverified::read(octets, &budget())?.vouched_by(&certificate(issuer))
}

#[test]
fn m_t4_a_list_names_what_was_revoked_in_its_time() {
    let root = root();
    let numbers: Vec<u64> = (2..2_000).map(|number| number * 3).collect();
    let read = read(&list(&root, &numbers, None), &root).unwrap();
    assert_eq!(read.len(), numbers.len());
    for serial in [5, 6, 7, 128, 129, 3_000, 5_997, 6_000] {
        let wanted = if numbers.contains(&serial) { Listed::Yes } else { Listed::No };
        assert_eq!(read.says(&leaf(&root, serial, &[HERE]), NOW), wanted, "{serial}");
    }
    let named = leaf(&root, 6, &[HERE]);
    for away in [30, -30] {
        let then = Timestamp(NOW.0 + away * 86_400_000_000);
        assert!(matches!(read.says(&named, then), Listed::Silent(_)), "{away} days from now");
    }
    assert!(read.until() > NOW && read.memory() < 100_000);
}

#[test]
fn m_t4_only_the_issuer_itself_speaks() {
    let (root, namesake) = (root(), self::root());
    let forged = list(&namesake, &[6], None);
    assert!(matches!(read(&forged, &root), Err(CryptoError::Certificate { .. })), "another key under the same name");
    let other = ca("Other", &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
    assert!(matches!(read(&list(&other, &[6], None), &root), Err(CryptoError::Certificate { .. })), "another name");
    let plain = ca("Root", &[KeyUsagePurpose::KeyCertSign]);
    let sound = list(&root, &[6], None);
    let by_plain = Unverified::read(&sound, &budget()).unwrap().vouched_by(&certificate(&plain));
    assert!(matches!(by_plain, Err(CryptoError::Certificate { .. })), "its key is not for lists");
    let mut changed = sound.clone();
    let place = changed.windows(3).position(|part| part == [2, 1, 6]).unwrap();
    changed[place + 2] = 7;
    assert!(read(&changed, &root).is_err(), "the signature covers the numbers");
    assert!(read(&sound, &root).is_ok());
}

#[test]
fn m_t4_one_part_of_the_lists_can_t_stand_for_another() {
    let root = root();
    let (here, there) = (leaf(&root, 6, &[HERE]), leaf(&root, 6, &[THERE]));
    let part = read(&list(&root, &[6], Some((HERE, None))), &root).unwrap();
    assert_eq!(part.says(&here, NOW), Listed::Yes);
    assert!(matches!(part.says(&there, NOW), Listed::Silent(_)));
    let users = read(&list(&root, &[], Some((HERE, Some(CrlScope::UserCertsOnly)))), &root).unwrap();
    let authorities = read(&list(&root, &[], Some((HERE, Some(CrlScope::CaCertsOnly)))), &root).unwrap();
    assert_eq!(users.says(&here, NOW), Listed::No);
    assert!(matches!(authorities.says(&here, NOW), Listed::Silent(_)));
    assert_eq!(here.list_urls(), [HERE]);
    assert!(leaf(&root, 6, &["ldap://ca.example/x", "ftp://ca.example/x"]).list_urls().is_empty(), "by the web only");
}

#[test]
fn x_11_a_list_costs_what_its_budget_allows() {
    let root = root();
    let numbers: Vec<u64> = (2..500).collect();
    let octets = list(&root, &numbers, None);
    for (limits, kind) in [
        (Limits { bytes: 1_000, ..Limits::default() }, BudgetKind::Bytes),
        (Limits { parts: 100, ..Limits::default() }, BudgetKind::Parts),
        (Limits { time: Duration::ZERO, ..Limits::default() }, BudgetKind::Time),
    ] {
        match Unverified::read(&octets, &Budget::new(limits)) {
            Err(CryptoError::Budget(met)) => assert_eq!(met.kind, kind),
            _ => panic!("{kind:?} is not bounded"),
        }
    }
}

#[test]
fn x_11_cut_short_or_changed_it_is_refused_or_read() {
    let root = root();
    let octets = list(&root, &[2, 3, 4], Some((HERE, Some(CrlScope::UserCertsOnly))));
    for cut in 0..octets.len() {
        assert!(Unverified::read(&octets[..cut], &budget()).is_err(), "cut at {cut}");
    }
    for place in 0..octets.len() {
        let mut changed = octets.clone();
        changed[place] ^= 0x11;
        assert!(read(&changed, &root).is_err(), "changed at {place}");
    }
}

proptest! {
    #[test]
    fn x_11_any_octets_are_a_list_or_none(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Unverified::read(&octets, &budget());
    }
}
