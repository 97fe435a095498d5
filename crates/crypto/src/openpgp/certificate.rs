//! A person's OpenPGP certificate: whose it is, what it can do, until when.
//!
//! Read by [`super::import`], made by [`super::make`], kept in the site's rows as armour. Only user ids that the key
//! itself has signed and not revoked name an address, and the address must pass the one strict grammar (CVE-2026-2748).

use std::sync::Arc;

use model::{Address, Timestamp};
use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::ValidCert;
use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::{PublicKeyAlgorithm, RevocationStatus};

use super::{policy, system_time, timestamp};

/// One certificate, without private keys. Cheap to clone; two are equal if they have the same primary key.
#[derive(Clone)]
pub struct PgpKey(Arc<Inner>);

struct Inner {
    cert: Cert,
    fingerprint: String,
}

/// Whether a certificate serves now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PgpState {
    /// It does.
    Good,
    /// Its time is over, or has not begun.
    Expired,
    /// Its owner has revoked it.
    Revoked,
    /// It is made in a way that does not count as secure.
    Weak,
}

/// What people see of a certificate (mail-gateway.md M-C6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Lower-case hex.
    pub fingerprint: String,
    /// Upper-case hex, 16 digits.
    pub key_id: String,
    /// User ids as they are written.
    pub user_ids: Vec<String>,
    /// Algorithm of the primary key.
    pub algorithm: &'static str,
    /// Its size.
    pub bits: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires, if it does.
    pub expires: Option<Timestamp>,
    /// Whether it serves now.
    pub state: PgpState,
    /// Some key of it may sign now.
    pub signs: bool,
    /// Some key of it may be encrypted to now.
    pub encrypts: bool,
    /// 4 or 6.
    pub version: u8,
}

impl PgpKey {
    pub(super) fn new(cert: Cert) -> Self {
        let cert = cert.strip_secret_key_material();
        let fingerprint = cert.fingerprint().to_hex().to_ascii_lowercase();
        Self(Arc::new(Inner { cert, fingerprint }))
    }

    pub(super) fn cert(&self) -> &Cert {
        &self.0.cert
    }

    /// Fingerprint of the primary key, lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Fingerprints of the primary key and of all subkeys, lower-case hex.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        self.cert().keys().map(|ka| ka.key().fingerprint().to_hex().to_ascii_lowercase()).collect()
    }

    /// The certificate in armour, with LF line ends.
    #[must_use]
    pub fn armoured(&self) -> String {
        self.cert().armored().to_vec().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Addresses of its user ids that count now.
    #[must_use]
    pub fn addresses(&self, now: Timestamp) -> Vec<Address> {
        let Some(valid) = self.valid(now) else { return Vec::new() };
        valid.userids().revoked(false).filter_map(|ua| address(ua.userid())).collect()
    }

    /// Addresses of all user ids that its key has ever signed: what tells whose an old key is.
    #[must_use]
    pub fn addresses_ever(&self) -> Vec<Address> {
        let signed = self.cert().userids().filter(|ua| ua.self_signatures().next().is_some());
        signed.filter_map(|ua| address(ua.userid())).collect()
    }

    /// Whether it serves now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> PgpState {
        let time = system_time(now);
        if matches!(self.cert().revocation_status(policy(), time), RevocationStatus::Revoked(_)) {
            return PgpState::Revoked;
        }
        match self.valid(now) {
            None if self.cert().primary_key().key().creation_time() > time => PgpState::Expired,
            None => PgpState::Weak,
            Some(valid) if valid.alive().is_err() => PgpState::Expired,
            Some(_) => PgpState::Good,
        }
    }

    /// Mail may be encrypted to it now.
    #[must_use]
    pub fn encrypts(&self, now: Timestamp) -> bool {
        self.state(now) == PgpState::Good
            && self.valid(now).is_some_and(|valid| {
                let mut keys = valid.keys().supported().alive().revoked(false).for_transport_encryption().for_storage_encryption();
                keys.next().is_some()
            })
    }

    /// Fingerprint of the newest key in it that may sign now and is one of `here`.
    #[must_use]
    pub fn signing_key(&self, here: &[String], now: Timestamp) -> Option<String> {
        if self.state(now) != PgpState::Good {
            return None;
        }
        let valid = self.valid(now)?;
        let keys = valid.keys().supported().alive().revoked(false).for_signing();
        let ours = keys.map(|ka| (ka.key().creation_time(), ka.key().fingerprint().to_hex().to_ascii_lowercase()));
        ours.filter(|(_, fingerprint)| here.contains(fingerprint)).max().map(|(_, fingerprint)| fingerprint)
    }

    /// What people see of it.
    #[must_use]
    pub fn details(&self, now: Timestamp) -> Details {
        let primary = self.cert().primary_key();
        let key = primary.key();
        let valid = self.valid(now);
        Details {
            fingerprint: self.fingerprint().to_owned(),
            key_id: self.cert().keyid().to_hex(),
            user_ids: self.cert().userids().take(100).map(|ua| String::from_utf8_lossy(ua.userid().value()).into_owned()).collect(),
            algorithm: algorithm(key.pk_algo()),
            bits: key.mpis().bits().and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0),
            created: timestamp(key.creation_time()),
            expires: valid.as_ref().and_then(|valid| valid.primary_key().key_expiration_time()).map(timestamp),
            state: self.state(now),
            signs: valid.is_some_and(|valid| valid.keys().alive().revoked(false).for_signing().next().is_some()),
            encrypts: self.encrypts(now),
            version: key.version(),
        }
    }

    pub(super) fn valid(&self, now: Timestamp) -> Option<ValidCert<'_>> {
        self.cert().with_policy(policy(), system_time(now)).ok()
    }
}

fn algorithm(algorithm: PublicKeyAlgorithm) -> &'static str {
    #[allow(deprecated, reason = "old keys are shown")]
    match algorithm {
        PublicKeyAlgorithm::RSAEncryptSign | PublicKeyAlgorithm::RSAEncrypt | PublicKeyAlgorithm::RSASign => "RSA",
        PublicKeyAlgorithm::DSA => "DSA",
        PublicKeyAlgorithm::ECDSA => "ECDSA",
        PublicKeyAlgorithm::EdDSA | PublicKeyAlgorithm::Ed25519 => "Ed25519",
        PublicKeyAlgorithm::Ed448 => "Ed448",
        _ => "other",
    }
}

/// The address that a user id names, by the strict grammar.
fn address(userid: &UserID) -> Option<Address> {
    Address::parse(userid.email().ok()??).ok()
}

impl PartialEq for PgpKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Eq for PgpKey {}

impl std::fmt::Debug for PgpKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PgpKey({})", self.fingerprint())
    }
}

impl PgpState {
    /// A stable word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Weak => "weak",
        }
    }
}
