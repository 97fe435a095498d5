//! Answers that the openssl command line has signed, from a small server on loopback: kept, asked for anew, left alone.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::FixedClock;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, SerialNumber};

use super::super::testing::{Web, egress};
use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

fn params(common: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

impl Ca {
    fn new() -> Self {
        let mut params = params("Root", 1);
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

    /// A certificate that names this responder (authorityInfoAccess, RFC 5280 §4.2.2.1).
    fn leaf(&self, serial: u64, url: &str) -> Certificate {
        let wrap = |tag: u8, body: &[u8]| [&[tag, u8::try_from(body.len()).unwrap()], body].concat();
        let one = wrap(0x30, &[b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01", &wrap(0x86, url.as_bytes())[..]].concat());
        let mut params = params("leaf", serial);
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], wrap(0x30, &one))];
        Certificate::from_der(params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der()).unwrap()
    }

    /// What the CA answers about a certificate; `V`: valid, `R`: revoked.
    fn says(&self, of: &Certificate, line: &str) -> Option<Vec<u8>> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let gone = if line == "R" { "200101000000Z" } else { "" };
        std::fs::write(at("index.txt"), format!("{line}\t490101000000Z\t{gone}\t{}\tunknown\t/CN=leaf\n", of.serial_hex().to_uppercase()))
            .unwrap();
        std::fs::write(at("leaf.pem"), of.pem()).unwrap();
        let own = ["ocsp", "-index", &at("index.txt"), "-CA", &at("ca.pem"), "-rsigner", &at("ca.pem"), "-rkey", &at("ca.key")];
        let asked =
            ["-issuer", &at("ca.pem"), "-cert", &at("leaf.pem"), "-no_nonce", "-noverify", "-ndays", "1", "-respout", &at("answer.der")];
        let out = Command::new("openssl").args(own).args(asked).output().unwrap();
        assert!(Path::new(&at("answer.der")).exists(), "{}", String::from_utf8_lossy(&out.stderr));
        Some(std::fs::read(at("answer.der")).unwrap())
    }
}

fn responders(clock: &Arc<FixedClock>, open: &[Purpose], entries: usize) -> Responders {
    let settings = ListSettings { kept: HOUR, rest: HOUR / 4, entries, ..ListSettings::default() };
    Responders::new(egress(open), CpuPool::new(1).unwrap(), clock.clone(), settings)
}

#[tokio::test]
async fn g_2_m_t4_an_answer_is_kept_for_a_time_and_stays_in_force_when_its_server_is_away() {
    let (web, ca, clock) = (Web::start().await, Ca::new(), Arc::new(FixedClock::new(Timestamp(0))));
    let responders = responders(&clock, &[Purpose::Ocsp], 10);
    let (issuer, leaf) = (ca.certificate(), ca.leaf(7, &web.url()));
    let ask = || responders.ask(&leaf, &issuer);
    let missing = ask().await;
    assert!(matches!(&missing, Some(Revoked::Unknown(why)) if why.contains("status 404")), "{missing:?}");
    *web.held.lock() = ca.says(&leaf, "V");
    assert_eq!(ask().await, missing, "left alone");
    clock.advance(HOUR / 2);
    for _ in 0..3 {
        assert_eq!(ask().await, Some(Revoked::No));
    }
    assert_eq!(web.asked.load(Ordering::SeqCst), 2, "kept");
    *web.held.lock() = ca.says(&leaf, "R");
    clock.advance(HOUR + Duration::from_secs(1));
    assert_eq!(ask().await, Some(Revoked::Yes), "asked anew");
    // Somebody else's word changes nothing.
    *web.held.lock() = Ca::new().says(&leaf, "V");
    clock.advance(HOUR + Duration::from_secs(1));
    assert_eq!(ask().await, Some(Revoked::Yes), "what is kept stays in force");
    assert_eq!(ask().await, Some(Revoked::Yes));
    assert_eq!(web.asked.load(Ordering::SeqCst), 4, "and its server is left alone");
}

#[tokio::test]
async fn g_2_x_17_a_responder_inside_is_not_asked_and_answers_are_bounded_in_number() {
    let (web, ca, clock) = (Web::start().await, Ca::new(), Arc::new(FixedClock::new(Timestamp(0))));
    let (issuer, leaf) = (ca.certificate(), ca.leaf(7, &web.url()));
    let closed = responders(&clock, &[Purpose::Crl], 10).ask(&leaf, &issuer).await;
    assert!(matches!(&closed, Some(Revoked::Unknown(why)) if why.contains("closed for this purpose")), "{closed:?}");
    assert_eq!(web.asked.load(Ordering::SeqCst), 0);
    let few = responders(&clock, &[Purpose::Ocsp], 1);
    for serial in [7, 8, 9] {
        let _ = few.ask(&ca.leaf(serial, &web.url()), &issuer).await;
    }
    assert_eq!(few.kept.lock().len(), 1);
    assert_eq!(few.ask(&issuer, &issuer).await, None, "it names no responder");
}
