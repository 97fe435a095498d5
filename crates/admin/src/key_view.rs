//! What people see of keys and certificates (mail-gateway.md M-C6). Nothing in it is secret.

use crypto::openpgp::PgpState;
use crypto::pki::Certificate;
use model::site::{KeyRecord, Partner, PgpCertificate, Root, Section, SiteRow};
use model::{Fault, Timestamp};
use serde::Serialize;

use crate::error::internal;

/// The word for S/MIME keys and certificates.
pub const SMIME: &str = "smime";
/// The word for OpenPGP keys.
pub const OPENPGP: &str = "openpgp";

/// A key or certificate, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Where it is stored: `key`, `partner` or `root`.
    pub section: &'static str,
    /// Its key there.
    pub key: String,
    /// [`SMIME`] or [`OPENPGP`].
    pub kind: &'static str,
    /// Whose; empty for roots.
    pub owner: String,
    /// The certificate's subject; user ids.
    pub subject: String,
    /// The certificate's issuer; `OpenPGP 4` or `OpenPGP 6`.
    pub issuer: String,
    /// Serial number, hex; key id.
    pub serial: String,
    /// First instant of its validity.
    pub not_before: Timestamp,
    /// Last instant of its validity; `None` for an OpenPGP key that does not expire.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the certificate, hex; fingerprint of an OpenPGP key.
    pub sha256: String,
    /// SHA-1 of the certificate, hex; empty for OpenPGP.
    pub sha1: String,
    /// The key's algorithm.
    pub algorithm: &'static str,
    /// The key's size in bits.
    pub bits: u32,
    /// May sign mail.
    pub signs: bool,
    /// Mail may be encrypted to it.
    pub encrypts: bool,
    /// Its private key is here.
    pub private: bool,
    /// `imported`, `generated`, `harvested`, `directory` or `public`.
    pub origin: String,
    /// `valid`, `early`, `expired`, `revoked`, or `weak`: its key is too short to protect anything.
    pub state: &'static str,
    /// Of a root: the decision about it.
    pub trust: &'static str,
    /// Of a key of ours: when it came.
    pub created: Option<Timestamp>,
    /// Version of the row.
    pub version: i64,
}

/// One of them, with all that a page about it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// As in the list.
    pub summary: Summary,
    /// The certificate and its chain, PEM.
    pub certificate: String,
    /// The addresses that it was made for.
    pub addresses: Vec<String>,
    /// Certificates that the key had before; mail that names them is opened too.
    pub former: Vec<String>,
    /// Of a root: the mails that met it last, newest first.
    pub mails: Vec<store::roots_met::Met>,
}

/// What a row says beside the certificate.
struct Beside<'r> {
    owner: String,
    private: bool,
    origin: &'r str,
    retired: Option<&'static str>,
    trust: &'static str,
    created: Option<Timestamp>,
}

/// What people see of a row: one of a key or a root, one for each certificate of a partner.
///
/// # Errors
/// When the row is damaged.
pub fn details(row: &SiteRow, now: Timestamp) -> Result<Vec<Detail>, Fault> {
    match row.section {
        Section::Key => {
            let record: KeyRecord = read(row)?;
            let beside = Beside {
                owner: record.owner.as_str().to_owned(),
                private: true,
                origin: &record.origin,
                retired: record.retired.map(|retired| retired.why.word()),
                trust: "",
                created: Some(record.created),
            };
            if record.is_pgp() {
                return Ok(vec![pgp_detail(row, &record.certificate, beside, now)?]);
            }
            let mut detail = detail(row, &record.certificate, beside, now)?;
            detail.former.clone_from(&record.former);
            Ok(vec![detail])
        }
        Section::Partner => {
            let partner: Partner = read(row)?;
            let one = |pem: &String| {
                let sha256 = first(pem)?.fingerprint_sha256().to_owned();
                let (owner, origin) = (row.key.clone(), partner.origin_of(&sha256));
                detail(row, pem, Beside { owner, private: false, origin, retired: None, trust: "", created: None }, now)
            };
            let by_pgp = |kept: &PgpCertificate| {
                let beside =
                    Beside { owner: row.key.clone(), private: false, origin: &partner.origin, retired: None, trust: "", created: None };
                pgp_detail(row, &kept.armour, beside, now)
            };
            partner.certificates.iter().map(one).chain(partner.pgp_keys.iter().map(by_pgp)).collect()
        }
        _ => {
            let root: Root = read(row)?;
            let (owner, origin, trust) = (String::new(), root.origin.as_str(), root.trust.word());
            Ok(vec![detail(row, &root.certificate, Beside { owner, private: false, origin, retired: None, trust, created: None }, now)?])
        }
    }
}

fn detail(row: &SiteRow, pem: &str, beside: Beside<'_>, now: Timestamp) -> Result<Detail, Fault> {
    let leaf = first(pem)?;
    let (algorithm, bits) = leaf.algorithm();
    let summary = Summary {
        section: row.section.word(),
        key: row.key.clone(),
        kind: SMIME,
        owner: beside.owner,
        subject: leaf.subject(),
        issuer: leaf.issuer(),
        serial: leaf.serial_hex(),
        not_before: leaf.not_before(),
        not_after: Some(leaf.not_after()),
        sha256: leaf.fingerprint_sha256().to_owned(),
        sha1: leaf.fingerprint_sha1(),
        algorithm,
        bits,
        signs: leaf.may_sign_mail(),
        encrypts: leaf.may_encrypt_mail(),
        private: beside.private,
        origin: if beside.origin.is_empty() { "imported" } else { beside.origin }.to_owned(),
        state: beside.retired.unwrap_or_else(|| state(&leaf, now)),
        trust: beside.trust,
        created: beside.created,
        version: row.version,
    };
    let addresses = leaf.addresses().iter().map(ToString::to_string).collect();
    Ok(Detail { summary, certificate: pem.to_owned(), addresses, former: Vec::new(), mails: Vec::new() })
}

/// An OpenPGP key: its user ids stand in the subject's place, its kind in the issuer's, the key id in the serial number's, the
/// fingerprint in the digest's.
fn pgp_detail(row: &SiteRow, armour: &str, beside: Beside<'_>, now: Timestamp) -> Result<Detail, Fault> {
    let key = keyring::pgp::parsed(armour).ok_or_else(|| internal("a row with an OpenPGP key that can't be read"))?;
    let details = key.details(now);
    let state = match details.state {
        PgpState::Good => "valid",
        PgpState::Expired if now < details.created => "early",
        PgpState::Expired => "expired",
        PgpState::Revoked => "revoked",
        PgpState::Weak => "weak",
    };
    let summary = Summary {
        section: row.section.word(),
        key: row.key.clone(),
        kind: OPENPGP,
        owner: beside.owner,
        subject: details.user_ids.join(", "),
        issuer: format!("OpenPGP {}", details.version),
        serial: details.key_id,
        not_before: details.created,
        not_after: details.expires,
        sha256: details.fingerprint,
        sha1: String::new(),
        algorithm: details.algorithm,
        bits: details.bits,
        signs: details.signs,
        encrypts: details.encrypts,
        private: beside.private,
        origin: if beside.origin.is_empty() { "imported" } else { beside.origin }.to_owned(),
        state: beside.retired.unwrap_or(state),
        trust: beside.trust,
        created: beside.created,
        version: row.version,
    };
    let addresses = key.addresses_ever().iter().map(ToString::to_string).collect();
    Ok(Detail { summary, certificate: armour.to_owned(), addresses, former: Vec::new(), mails: Vec::new() })
}

fn state(leaf: &Certificate, now: Timestamp) -> &'static str {
    match () {
        () if leaf.is_in_time(now) && !leaf.is_strong() => "weak",
        () if leaf.is_in_time(now) => "valid",
        () if now < leaf.not_before() => "early",
        () => "expired",
    }
}

fn first(pem: &str) -> Result<Certificate, Fault> {
    let chain = Certificate::from_pem_many(pem)?;
    chain.into_iter().next().ok_or_else(|| internal("a row without a certificate"))
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(row: &SiteRow) -> Result<T, Fault> {
    serde_json::from_str(&row.body).map_err(|cause| internal(format!("{}/{}: {cause}", row.section.word(), row.key)))
}
