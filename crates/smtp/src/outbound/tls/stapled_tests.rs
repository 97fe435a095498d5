//! Responses of a real responder: the openssl command line as the CA's own.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber, date_time_ymd};

use super::super::judge::{Shown, judge};
use super::super::{Anchors, Revocation, TlsDemand, TlsLevel, check_revocation};
use futures_util::FutureExt;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

fn params(common: &str, names: &[&str], serial: u64) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params.serial_number = Some(SerialNumber::from(serial));
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2060, 1, 1));
    params
}

impl Authority {
    fn new(common: &str) -> Self {
        let mut params = params(common, &[], 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        std::fs::write(folder.path().join("ca.key"), issuer.key().serialize_pem()).unwrap();
        Self { issuer, folder }
    }

    fn leaf(&self, serial: u64) -> rcgen::Certificate {
        params("x", &["mx.partner.example"], serial).signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap()
    }

    /// What the responder says of a certificate: `V` valid, `R` revoked, nothing: unknown. By its index's line.
    fn says(&self, of: &rcgen::Certificate, serial: u64, line: &str, more: &[&str]) -> Vec<u8> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let (date, shown) = ("590101000000Z", format!("{serial:02X}"));
        let index = match line {
            "V" => format!("V\t{date}\t\t{shown}\tunknown\t/CN=x\n"),
            "R" => format!("R\t{date}\t200101000000Z\t{shown}\tunknown\t/CN=x\n"),
            _ => String::new(),
        };
        std::fs::write(at("index.txt"), index).unwrap();
        std::fs::write(at("leaf.pem"), of.pem()).unwrap();
        let _ = std::fs::remove_file(at("answer.der"));
        let own = ["ocsp", "-index", &at("index.txt"), "-CA", &at("ca.pem"), "-rsigner", &at("ca.pem"), "-rkey", &at("ca.key")];
        let asked = ["-issuer", &at("ca.pem"), "-cert", &at("leaf.pem"), "-no_nonce", "-noverify", "-respout", &at("answer.der")];
        let out = Command::new("openssl").args(own).args(more).args(asked).output().unwrap();
        assert!(Path::new(&at("answer.der")).exists(), "{}", String::from_utf8_lossy(&out.stderr));
        std::fs::read(at("answer.der")).unwrap()
    }

    fn demand(&self, revocation: Revocation) -> TlsDemand {
        let anchors = Some(Arc::new(Anchors::only(&[self.issuer.der().to_vec()], &[])));
        TlsDemand { anchors, revocation, ..TlsDemand::of(TlsLevel::Verify) }
    }
}

fn see(demand: &TlsDemand, leaf: &rcgen::Certificate, ocsp: &[u8]) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap();
    let Some(vouched) = judge(demand, &Shown { chain: &[leaf.der()], ocsp, host: "mx.partner.example", now })? else { return Ok(()) };
    check_revocation(demand, "mx.partner.example", vouched).now_or_never().unwrap()
}

#[test]
fn m_t4_a_stapled_answer_counts_when_the_issuer_signed_it() {
    let ca = Authority::new("Root");
    let (leaf, other) = (ca.leaf(7), ca.leaf(8));
    let day = ["-ndays", "1"];
    let (soft, hard) = (ca.demand(Revocation::Soft), ca.demand(Revocation::Hard));
    for digest in ["-sha1", "-sha256"] {
        let good = ca.says(&leaf, 7, "V", &[&day[..], &[digest]].concat());
        assert_eq!((see(&soft, &leaf, &good), see(&hard, &leaf, &good)), (Ok(()), Ok(())), "{digest}");
    }
    let revoked = ca.says(&leaf, 7, "R", &day);
    for demand in [&soft, &hard] {
        assert_eq!(see(demand, &leaf, &revoked), Err("its certificate was revoked".to_owned()));
    }
    let foreign = Authority::new("Root");
    for (answer, why) in [
        (ca.says(&leaf, 7, "", &day), "does not know the certificate"),
        (ca.says(&other, 8, "V", &day), "about another certificate"),
        (foreign.says(&foreign.leaf(7), 7, "R", &day), "not signed by the issuer"),
        (b"noise".to_vec(), "can't be read"),
        (Vec::new(), "staples no OCSP response"),
    ] {
        assert_eq!(see(&soft, &leaf, &answer), Ok(()), "{why}");
        let said = see(&hard, &leaf, &answer).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}
