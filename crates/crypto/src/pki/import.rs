//! What people have as key files, turned into what the vault takes.
//!
//! PKCS#12, PEM (PKCS#8, encrypted or not, and the older RSA/EC forms) and DER. Each error says what is wrong
//! with the file in words a person can act on: wrong pass phrase, no key, a key that does not fit its
//! certificate, several keys. Before it: an upload or `sealgate key import`; after it: `keyring::import`, which
//! seals. The private key leaves here once, as PKCS#8 in a [`SecretBytes`]. RFC 7292, RFC 5958, RFC 7468.

use model::{Fault, Guilty, KeyId, SecretBytes};
use openssl::pkcs7::Pkcs7;
use openssl::pkey::{Id, PKey, Private};
use zeroize::Zeroizing;

use super::{Certificate, SoftKey, cost, import_pkcs12, key_id, looks_encrypted_pkcs8};
use crate::asn1::Malformed;

/// Largest file that is read.
const MAX_BYTES: usize = 2_000_000;
/// RSA keys below this open nothing any more.
const SHORTEST_RSA: u32 = 1_024;
/// Certificates of one PKCS#7 bundle that are read.
const MAX_BUNDLE: usize = 1_000;

/// One key pair from a file.
#[derive(Debug)]
pub struct Imported {
    /// The private key: PKCS#8, DER.
    pub private_pkcs8: SecretBytes,
    /// Its certificate, then the others that may be its issuers.
    pub chain: Vec<Certificate>,
}

/// Why a key file can't be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The pass phrase does not open it.
    #[error("the pass phrase is wrong")]
    WrongPassPhrase,
    /// It is protected and no pass phrase was given.
    #[error("the file is protected: give its pass phrase")]
    PassPhraseNeeded,
    /// There is no private key in it.
    #[error("the file contains no private key")]
    NoKey,
    /// There is no certificate beside the key.
    #[error("the file contains no certificate")]
    NoCertificate,
    /// No certificate and no public key, where nothing else was expected.
    #[error("the file contains no certificate and no public key, or it is damaged")]
    NoCertificates,
    /// A private key, where certificates or public keys were expected.
    #[error("the file contains a private key, or is made for one; only what is public is taken here")]
    PrivateKey,
    /// A revocation of a key that is not here.
    #[error("the file revokes a key that is not known here")]
    RevokesUnknown,
    /// More keys or certificates than are taken at once.
    #[error("the file contains more than {0} keys or certificates")]
    TooMany(usize),
    /// It, or one key in it, has more octets than are read.
    #[error("the file, or a key in it, has more than {0} octets")]
    TooLarge(usize),
    /// No certificate in it belongs to the key.
    #[error("no certificate in the file belongs to the private key")]
    KeyDoesNotFit,
    /// More than one private key, where one was expected.
    #[error("the file contains {0} private keys; one was expected")]
    SeveralKeys(usize),
    /// A kind of key that is not supported.
    #[error("this kind of private key is not supported: RSA from 1024 bits, P-256, P-384, P-521, Ed25519 and X25519 are")]
    UnsupportedKey,
    /// It asks for more rounds of work than are done for a file.
    #[error("opening the file would take too much work: export it again with fewer rounds")]
    TooCostly,
    /// Neither PKCS#12 nor PEM nor DER nor OpenPGP, or damaged.
    #[error("this is no PKCS#12, PEM, DER or OpenPGP file, or it is damaged")]
    Unreadable,
}

impl ImportError {
    /// Stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongPassPhrase => "import-wrong-pass-phrase",
            Self::PassPhraseNeeded => "import-pass-phrase-needed",
            Self::NoKey => "import-no-key",
            Self::NoCertificate => "import-no-certificate",
            Self::NoCertificates => "import-no-certificates",
            Self::PrivateKey => "import-private-key",
            Self::RevokesUnknown => "import-revokes-unknown",
            Self::TooMany(_) => "import-too-many",
            Self::TooLarge(_) => "import-too-large",
            Self::KeyDoesNotFit => "import-key-does-not-fit",
            Self::SeveralKeys(_) => "import-several-keys",
            Self::UnsupportedKey => "import-unsupported-key",
            Self::TooCostly => "import-too-costly",
            Self::Unreadable => "import-unreadable",
        }
    }
}

impl From<ImportError> for Fault {
    fn from(error: ImportError) -> Self {
        let fault = Self::permanent(Guilty::Sender, error.code(), error.to_string());
        match error {
            ImportError::SeveralKeys(count) | ImportError::TooMany(count) | ImportError::TooLarge(count) => fault.with("count", count),
            _ => fault,
        }
    }
}

/// The one key pair in a PKCS#12 file; an empty pass phrase is a pass phrase.
///
/// # Errors
/// See [`ImportError`]; [`ImportError::SeveralKeys`] where [`pkcs12_all`] would give several.
pub fn pkcs12(bytes: &[u8], pass: &str) -> Result<Imported, ImportError> {
    sole(pkcs12_all(bytes, pass)?)
}

/// All key pairs in a PKCS#12 file (a signing and an encryption key often come together).
///
/// # Errors
/// See [`ImportError`].
pub fn pkcs12_all(bytes: &[u8], pass: &str) -> Result<Vec<Imported>, ImportError> {
    check_size(bytes)?;
    if !cost::file_is_affordable(bytes).map_err(|Malformed| ImportError::Unreadable)? {
        return Err(ImportError::TooCostly);
    }
    let (keys, certificates) = import_pkcs12::contents(bytes, pass)?;
    pair_all(keys, &certificates)
}

/// The one key pair in a PEM text. `pass` is used where a block is protected.
///
/// # Errors
/// See [`ImportError`].
pub fn pem(bytes: &[u8], pass: Option<&str>) -> Result<Imported, ImportError> {
    check_size(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::Unreadable)?;
    sole(pem_all(text, pass)?)
}

/// All key pairs of a file in any of the forms, told apart by content.
///
/// # Errors
/// See [`ImportError`]. A file with certificates only is [`ImportError::NoKey`].
pub fn any(bytes: &[u8], pass: Option<&str>) -> Result<Vec<Imported>, ImportError> {
    check_size(bytes)?;
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN ")) {
        return pem_all(text, pass);
    }
    if import_pkcs12::looks_so(bytes) {
        return match pkcs12_all(bytes, pass.unwrap_or_default()) {
            Err(ImportError::WrongPassPhrase) if pass.is_none() => Err(ImportError::PassPhraseNeeded),
            result => result,
        };
    }
    match der_key(bytes, pass) {
        // A bare key has no certificate beside it.
        Ok(_) => Err(ImportError::NoCertificate),
        Err(ImportError::Unreadable) if Certificate::from_der(bytes).is_ok() => Err(ImportError::NoKey),
        Err(error) => Err(error),
    }
}

/// Certificates of a PEM text, of a PKCS#7 bundle in DER or PEM, or of one DER file, for partners and roots.
///
/// # Errors
/// [`ImportError::NoCertificates`]; [`ImportError::PrivateKey`] for a file with a private key, which nobody but its owner should have;
/// [`ImportError::TooMany`].
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, ImportError> {
    check_size(bytes)?;
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN ")) else {
        if let Ok(certificate) = Certificate::from_der(bytes) {
            return Ok(vec![certificate]);
        }
        if import_pkcs12::looks_so(bytes) || looks_encrypted_pkcs8(bytes) || PKey::private_key_from_der(bytes).is_ok() {
            return Err(ImportError::PrivateKey);
        }
        return Pkcs7::from_der(bytes).map_err(|_| ImportError::NoCertificates).and_then(bundle);
    };
    if blocks(text).iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
        return Err(ImportError::PrivateKey);
    }
    if text.contains("-----BEGIN PKCS7-----") {
        return Pkcs7::from_pem(bytes).map_err(|_| ImportError::NoCertificates).and_then(bundle);
    }
    Certificate::from_pem_many(text).map_err(|_| ImportError::NoCertificates)
}

/// The certificates of a PKCS#7 or CMS SignedData, whether it is signed or not (RFC 2315 §9.1, RFC 5652 §5.1).
fn bundle(file: Pkcs7) -> Result<Vec<Certificate>, ImportError> {
    let stack = file.signed().and_then(|signed| signed.certificates()).ok_or(ImportError::NoCertificates)?;
    if stack.len() > MAX_BUNDLE {
        return Err(ImportError::TooMany(MAX_BUNDLE));
    }
    let found: Option<Vec<Certificate>> = stack.iter().map(|x509| Certificate::from_der(&x509.to_der().ok()?).ok()).collect();
    found.filter(|certificates| !certificates.is_empty()).ok_or(ImportError::NoCertificates)
}

fn check_size(bytes: &[u8]) -> Result<(), ImportError> {
    if bytes.len() > MAX_BYTES { Err(ImportError::TooLarge(MAX_BYTES)) } else { Ok(()) }
}

fn sole(mut pairs: Vec<Imported>) -> Result<Imported, ImportError> {
    match pairs.len() {
        1 => pairs.pop().ok_or(ImportError::NoKey),
        count => Err(ImportError::SeveralKeys(count)),
    }
}

fn pem_all(text: &str, pass: Option<&str>) -> Result<Vec<Imported>, ImportError> {
    let mut keys = Vec::new();
    for block in blocks(text) {
        if block.label.ends_with("PRIVATE KEY") {
            keys.push(pem_key(block.text, pass)?);
        }
    }
    let certificates = if text.contains("BEGIN CERTIFICATE") || text.contains("BEGIN X509 CERTIFICATE") {
        Certificate::from_pem_many(text).map_err(|_| ImportError::Unreadable)?
    } else {
        Vec::new()
    };
    if keys.is_empty() && certificates.is_empty() {
        return Err(ImportError::Unreadable);
    }
    pair_all(keys, &certificates)
}

struct Block<'a> {
    label: &'a str,
    text: &'a str,
}

/// The PEM blocks of a text (RFC 7468 §2); what stands between them is explanatory text.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let from = rest.get(start..).unwrap_or_default();
        let Some(label) = from.get(11..).and_then(|after| after.split_once("-----")).map(|(label, _)| label) else { break };
        let end_mark = format!("-----END {label}-----");
        let Some(end) = from.find(&end_mark) else { break };
        let (block, after) = from.split_at(end + end_mark.len());
        found.push(Block { label, text: block });
        rest = after;
    }
    found
}

fn pem_key(block: &str, pass: Option<&str>) -> Result<PKey<Private>, ImportError> {
    let body: String = block.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
    if block.starts_with("-----BEGIN ENCRYPTED") && !openssl::base64::decode_block(&body).is_ok_and(|der| cost::key_is_affordable(&der)) {
        return Err(ImportError::TooCostly);
    }
    let mut asked = false;
    let key = PKey::private_key_from_pem_callback(block.as_bytes(), |buffer| {
        asked = true;
        let phrase = pass.unwrap_or_default().as_bytes();
        let Some(place) = buffer.get_mut(..phrase.len()) else { return Ok(0) };
        place.copy_from_slice(phrase);
        Ok(phrase.len())
    });
    match key {
        Ok(key) => Ok(key),
        Err(_) if asked && pass.is_none() => Err(ImportError::PassPhraseNeeded),
        Err(_) if asked => Err(ImportError::WrongPassPhrase),
        Err(_) => Err(ImportError::Unreadable),
    }
}

fn der_key(bytes: &[u8], pass: Option<&str>) -> Result<PKey<Private>, ImportError> {
    if looks_encrypted_pkcs8(bytes) {
        let pass = pass.ok_or(ImportError::PassPhraseNeeded)?;
        return protected_key(bytes, pass);
    }
    PKey::private_key_from_der(bytes).map_err(|_| ImportError::Unreadable)
}

/// An EncryptedPrivateKeyInfo (RFC 5958 §3).
pub(super) fn protected_key(der: &[u8], pass: &str) -> Result<PKey<Private>, ImportError> {
    if pass.contains('\0') {
        return Err(ImportError::WrongPassPhrase);
    }
    if !cost::key_is_affordable(der) {
        return Err(ImportError::TooCostly);
    }
    super::legacy_algorithms();
    PKey::private_key_from_pkcs8_passphrase(der, pass.as_bytes()).map_err(|_| ImportError::WrongPassPhrase)
}

/// Finds each key's certificate, and gives it the others as possible issuers.
fn pair_all(keys: Vec<PKey<Private>>, certificates: &[Certificate]) -> Result<Vec<Imported>, ImportError> {
    if keys.is_empty() {
        return Err(ImportError::NoKey);
    }
    if certificates.is_empty() {
        return Err(ImportError::NoCertificate);
    }
    keys.into_iter().map(|key| pair(&key, certificates)).collect()
}

fn pair(key: &PKey<Private>, certificates: &[Certificate]) -> Result<Imported, ImportError> {
    if key.id() == Id::RSA && key.bits() < SHORTEST_RSA {
        return Err(ImportError::UnsupportedKey);
    }
    let spki = key.public_key_to_der().map_err(|_| ImportError::UnsupportedKey)?;
    let id: KeyId = key_id(&spki);
    let leaf = certificates.iter().find(|certificate| *certificate.key_id() == id).ok_or(ImportError::KeyDoesNotFit)?;
    let mut pkcs8 = Zeroizing::new(key.private_key_to_pkcs8().map_err(|_| ImportError::UnsupportedKey)?);
    let private_pkcs8 = SecretBytes::new(std::mem::take(&mut *pkcs8));
    SoftKey::from_pkcs8(&private_pkcs8).map_err(|_| ImportError::UnsupportedKey)?;
    Ok(Imported { private_pkcs8, chain: chain(leaf, certificates) })
}

/// The leaf and, upwards by name, those that issued it.
fn chain(leaf: &Certificate, certificates: &[Certificate]) -> Vec<Certificate> {
    let mut chain = vec![leaf.clone()];
    while let Some(last) = chain.last().filter(|last| !last.is_self_issued()) {
        let issuer = certificates.iter().find(|candidate| {
            candidate.is_ca() && candidate.x509().subject_name().try_cmp(last.x509().issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
        });
        match issuer {
            Some(issuer) if !chain.contains(issuer) => chain.push(issuer.clone()),
            _ => break,
        }
    }
    chain
}
