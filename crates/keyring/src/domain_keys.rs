//! Keys that sign for managed domains: DKIM on the way out, ARC on the way in.
//!
//! `admin` writes the rows that [`row`] makes when a domain gets a selector; `flow` asks [`signers`] whose mail is signed
//! with what, and signs through a [`DomainSigner`], which uses the key by its handle and is logged (design promise 3).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::pki::domain_key;
use mailauth::{Algorithm, DigestSigner, SignError};
use model::site::{DkimKey, Section, SiteRow};
use model::{KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseRequest, Site, Timestamp, TraceId};

use crate::keys::sealed_as;
use crate::{KeyringError, Vault};

/// A key that signs for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The domain, in look-up form.
    pub domain: String,
    /// The selector.
    pub selector: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The key.
    pub key: KeyId,
}

/// The keys that sign mail from this domain now, RSA first; empty if it is not ours, or not signed.
#[must_use]
pub fn signers(site: &Site, domain: &str) -> Vec<Signing> {
    let Some(record) = site.domain(domain) else { return Vec::new() };
    let Some(name) = model::address::normal_domain(&record.name) else { return Vec::new() };
    let key = |(algorithm, selector): (&str, String)| {
        let key = site.dkim.get(&DkimKey::record_name(&selector, &name))?;
        let algorithm = read(algorithm).filter(|_| key.algorithm == algorithm)?;
        Some(Signing { domain: name.clone(), selector, algorithm, key: key.id.clone() })
    };
    record.dkim_selectors().into_iter().filter_map(key).collect()
}

/// A new key for a domain under a selector, as a row: the private part sealed, the record to publish beside it. Takes up
/// to seconds: call it on the CPU pool.
///
/// # Errors
/// When the vault can't seal or a primitive fails.
pub fn row(vault: &Vault, domain: &str, selector: &str, algorithm: &str, now: Timestamp) -> Result<SiteRow, KeyringError> {
    let (kind, tag) = if algorithm == "rsa-sha256" { (KeyKind::Rsa(2048), "rsa") } else { (KeyKind::Ed25519, "ed25519") };
    let made = domain_key::make(kind)?;
    let key = DkimKey {
        domain: domain.to_owned(),
        selector: selector.to_owned(),
        algorithm: algorithm.to_owned(),
        record: format!("v=DKIM1; k={tag}; p={}", STANDARD.encode(&made.public)),
        sealed: STANDARD.encode(vault.seal(&sealed_as(&made.id), made.private_pkcs8.expose())?),
        id: made.id,
        created: now,
    };
    let body = serde_json::to_string(&key).map_err(|error| crypto::CryptoError::Primitive(error.to_string()))?;
    Ok(SiteRow { section: Section::Dkim, key: DkimKey::record_name(selector, domain), version: 0, body })
}

fn read(word: &str) -> Option<Algorithm> {
    [Algorithm::RsaSha256, Algorithm::Ed25519Sha256].into_iter().find(|algorithm| algorithm.word() == word)
}

/// Signs digests with one domain's key for one message.
pub struct DomainSigner {
    keys: Arc<dyn KeyUse>,
    signing: Signing,
    trace: TraceId,
}

impl DomainSigner {
    /// For one message.
    #[must_use]
    pub fn new(keys: Arc<dyn KeyUse>, signing: Signing, trace: TraceId) -> Self {
        Self { keys, signing, trace }
    }
}

impl DigestSigner for DomainSigner {
    fn algorithm(&self) -> Algorithm {
        self.signing.algorithm
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        let request = KeyUseRequest::SignSha256(digest);
        let signature = self.keys.use_key(&self.signing.key, self.trace, KeyPurpose::SignDomain, &request);
        signature.map(|signature| signature.expose().to_vec()).map_err(|error| SignError(error.to_string()))
    }
}

#[cfg(test)]
#[path = "domain_keys_tests.rs"]
mod tests;
