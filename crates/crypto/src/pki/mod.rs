//! Certificates and keys: reading, trusting, importing, making.
//!
//! [`Certificate`] is what every other room passes around; [`TrustStore`] says whether a chain holds;
//! [`import`] takes what people have (PKCS#12, PEM, DER), [`export`] gives it back under a pass phrase; [`issue`] makes CAs, users' certificates and
//! listeners' certificates; [`path`] says who issued one; [`revocation`] reads the lists of what issuers took back, [`ocsp`] what they answer about one
//! certificate; [`SoftKey`] does the private-key operations of a vault that lies in this process.
//! RFC 5280, RFC 8550.

mod certificate;
mod cost;
pub mod domain_key;
pub mod export;
pub mod import;
mod import_pkcs12;
pub mod issue;
mod legacy;
pub mod ocsp;
pub mod path;
pub mod revocation;
mod soft_key;
mod trust;

pub use certificate::Certificate;
pub(crate) use legacy::legacy_algorithms;
pub use soft_key::SoftKey;
pub use trust::{ChainVerdict, Purpose, TrustStore};

use model::KeyId;

use crate::asn1::read::{OCTET_STRING, SEQUENCE};

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, octet| {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// SHA-256 of a SubjectPublicKeyInfo.
pub(crate) fn key_id(spki: &[u8]) -> KeyId {
    KeyId(hex(&openssl::sha::sha256(spki)))
}

/// True if the DER is a PKCS#8 PrivateKeyInfo or EncryptedPrivateKeyInfo rather than something else that
/// starts as a SEQUENCE (RFC 5958 §2, §3).
pub(crate) fn looks_encrypted_pkcs8(der: &[u8]) -> bool {
    crate::asn1::Reader::sole(der, SEQUENCE)
        .and_then(|outer| outer.inside().all())
        .is_ok_and(|parts| matches!(parts.as_slice(), [first, second] if first.tag == SEQUENCE && second.tag == OCTET_STRING))
}

#[cfg(test)]
mod tests;
