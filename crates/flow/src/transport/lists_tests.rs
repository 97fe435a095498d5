//! Lists from a small server on loopback: kept, fetched anew, left alone.

use std::sync::atomic::Ordering;

use model::FixedClock;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CrlDistributionPoint, DnType, IsCa, KeyIdMethod,
    KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::super::testing::{Web, egress};
use super::*;

/// 2026-06-01.
const NOW: Timestamp = Timestamp(1_780_272_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new(common: &str) -> Self {
        let mut params = named(common, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A chain of a certificate with this number and the CA.
    fn chain(&self, serial: u64, urls: &[String]) -> Vec<Vec<u8>> {
        let mut params = named("leaf", serial);
        if !urls.is_empty() {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: urls.to_vec() }];
        }
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap();
        vec![leaf.der().to_vec(), self.0.der().to_vec()]
    }

    /// In time from NOW − 1 day to NOW + 1 day.
    fn list(&self, revoked: &[u64]) -> Vec<u8> {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 5, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 5, 31),
            next_update: date_time_ymd(2026, 6, 2),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().der().to_vec()
    }
}

fn named(common: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

fn lists(clock: &Arc<FixedClock>, open: bool, settings: ListSettings) -> Lists {
    Lists::new(egress(if open { &[Purpose::Crl] } else { &[] }), CpuPool::new(1).unwrap(), clock.clone(), settings)
}

fn why(answer: &[Revoked]) -> &str {
    match answer {
        [Revoked::Unknown(why)] => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn m_t4_a_list_is_kept_for_a_time_and_stays_in_force_when_its_server_is_away() {
    let (web, ca, clock) = (Web::start().await, Ca::new("Root"), Arc::new(FixedClock::new(NOW)));
    let lists = lists(&clock, true, ListSettings { kept: HOUR, rest: HOUR / 4, ..ListSettings::default() });
    let (good, bad) = (ca.chain(6, &[web.url()]), ca.chain(7, &[web.url()]));
    *web.held.lock() = Some(ca.list(&[7]));
    assert_eq!(lists.ask(&good).await, [Revoked::No]);
    assert_eq!(lists.ask(&bad).await, [Revoked::Yes]);
    assert_eq!(web.asked.load(Ordering::SeqCst), 1, "one list for both");
    *web.held.lock() = Some(ca.list(&[6, 7]));
    clock.advance(HOUR + Duration::from_secs(1));
    assert_eq!(lists.ask(&good).await, [Revoked::Yes], "fetched anew");
    *web.held.lock() = None;
    clock.advance(HOUR + Duration::from_secs(1));
    assert_eq!(lists.ask(&good).await, [Revoked::Yes], "what is kept stays in force");
    assert_eq!(lists.ask(&bad).await, [Revoked::Yes]);
    assert_eq!(web.asked.load(Ordering::SeqCst), 3, "and its server is left alone");
    clock.advance(24 * HOUR);
    assert!(why(&lists.ask(&good).await).contains("can't be had: status 404"), "but not beyond its time");
}

#[tokio::test]
async fn m_t4_an_address_that_does_not_serve_is_passed_over_and_left_alone() {
    let (web, ca, clock) = (Web::start().await, Ca::new("Root"), Arc::new(FixedClock::new(NOW)));
    let lists = lists(&clock, true, ListSettings { rest: HOUR, ..ListSettings::default() });
    *web.held.lock() = Some(Ca::new("Root").list(&[6]));
    let chain = ca.chain(6, &[web.url()]);
    for _ in 0..3 {
        assert!(why(&lists.ask(&chain).await).contains("has not signed"));
    }
    assert_eq!(web.asked.load(Ordering::SeqCst), 1);
    let second = Web::start().await;
    *second.held.lock() = Some(ca.list(&[6]));
    assert_eq!(lists.ask(&ca.chain(6, &[web.url(), second.url()])).await, [Revoked::Yes], "the next address serves");
    assert!(why(&lists.ask(&ca.chain(6, &[])).await).contains("names no revocation list"));
    clock.advance(HOUR + Duration::from_secs(1));
    *web.held.lock() = Some(ca.list(&[]));
    assert_eq!(lists.ask(&chain).await, [Revoked::No], "after a while it is asked again");
}

#[tokio::test]
async fn x_17_x_11_a_list_inside_is_not_fetched_and_a_large_one_not_read() {
    let (web, ca, clock) = (Web::start().await, Ca::new("Root"), Arc::new(FixedClock::new(NOW)));
    *web.held.lock() = Some(ca.list(&[6]));
    let chain = ca.chain(6, &[web.url()]);
    assert!(why(&lists(&clock, false, ListSettings::default()).ask(&chain).await).contains("closed for this purpose"));
    assert_eq!(web.asked.load(Ordering::SeqCst), 0);
    let small = lists(&clock, true, ListSettings { size: 100, ..ListSettings::default() });
    assert!(why(&small.ask(&chain).await).contains("larger than 100 octets"));
    let few = lists(&clock, true, ListSettings { entries: 1, ..ListSettings::default() });
    for serial in [6, 7, 6] {
        let web = Web::start().await;
        *web.held.lock() = Some(ca.list(&[6]));
        let wanted = if serial == 6 { Revoked::Yes } else { Revoked::No };
        assert_eq!(few.ask(&ca.chain(serial, &[web.url()])).await, [wanted]);
    }
    assert_eq!(few.kept.lock().len(), 1, "bounded in number");
}
