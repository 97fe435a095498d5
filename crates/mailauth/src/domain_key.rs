//! Public keys in the DNS, as DKIM and ARC use them (RFC 6376 §3.6.1, RFC 8301, RFC 8463).
//!
//! Keys are fetched before anything is hashed ([`KeySet::fetch`]), so that hashing can go to the CPU pool in one piece.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use openssl::md::Md;
use openssl::pkey::{Id, PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sign::Verifier;

use crate::domain;
use crate::resolver::{LookupError, Resolver};
use crate::signature::Algorithm;
use crate::tags::{Tags, white};

/// Shorter RSA keys prove nothing (RFC 8301 §3.2).
const RSA_BITS_MIN: u32 = 1024;
/// Longer ones cost more than a mail is worth.
const RSA_BITS_MAX: u32 = 8192;

/// Why there is no usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The DNS gave no answer.
    #[error("the key could not be looked up")]
    Unreachable(LookupError),
    /// There is no key record.
    #[error("no key for signature")]
    Missing,
    /// The owner withdrew it (empty `p=`).
    #[error("the key was revoked")]
    Revoked,
    /// The record can't be used; the text says why.
    #[error("{0}")]
    Unusable(&'static str),
}

/// One public key with what its record says about its use.
#[derive(Debug, Clone)]
pub struct DomainKey {
    public: PKey<Public>,
    kind: Algorithm,
    /// Subdomains may not use it (`t=s`).
    pub(crate) strict: bool,
}

impl DomainKey {
    /// Reads a key record.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub fn parse(record: &[u8]) -> Result<Self, KeyProblem> {
        let bad = KeyProblem::Unusable;
        let tags = Tags::parse(record).map_err(|_| bad("key syntax error"))?;
        if tags.get("v").is_some_and(|version| version != "DKIM1" || tags.first() != Some("v")) {
            return Err(bad("key of another version"));
        }
        let allows = |tag: &str, word: &str| tags.list(tag).is_none_or(|list| list.iter().any(|item| item.eq_ignore_ascii_case(word)));
        if !allows("h", "sha256") {
            return Err(bad("key does not allow sha256"));
        }
        if !allows("s", "email") && !allows("s", "*") {
            return Err(bad("key is not for mail"));
        }
        let encoded = tags.packed("p").ok_or(bad("key without p="))?;
        if encoded.is_empty() {
            return Err(KeyProblem::Revoked);
        }
        let octets = STANDARD.decode(encoded).map_err(|_| bad("key is not base64"))?;
        let (public, kind) = match tags.get("k").unwrap_or("rsa") {
            "rsa" => (rsa(&octets)?, Algorithm::RsaSha256),
            "ed25519" => {
                let key = PKey::public_key_from_raw_bytes(&octets, Id::ED25519).map_err(|_| bad("not an Ed25519 key"))?;
                (key, Algorithm::Ed25519Sha256)
            }
            _ => return Err(bad("unknown key type")),
        };
        let strict = tags.list("t").is_some_and(|flags| flags.contains(&"s"));
        Ok(Self { public, kind, strict })
    }

    /// True if `signature` was made by this key over a SHA-256 digest.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, digest: &[u8; 32], signature: &[u8]) -> bool {
        if algorithm != self.kind {
            return false;
        }
        match algorithm {
            Algorithm::RsaSha256 => self.rsa_verifies(digest, signature).unwrap_or(false),
            // RFC 8463 §3: PureEdDSA over the digest.
            Algorithm::Ed25519Sha256 => Verifier::new_without_digest(&self.public)
                .and_then(|mut verifier| verifier.verify_oneshot(signature, digest))
                .unwrap_or(false),
        }
    }

    fn rsa_verifies(&self, digest: &[u8; 32], signature: &[u8]) -> Result<bool, openssl::error::ErrorStack> {
        let mut context = PkeyCtx::new(&self.public)?;
        context.verify_init()?;
        context.set_rsa_padding(Padding::PKCS1)?;
        context.set_signature_md(Md::sha256())?;
        context.verify(digest, signature)
    }
}

fn rsa(octets: &[u8]) -> Result<PKey<Public>, KeyProblem> {
    // RFC 6376 erratum 7001: both forms are published.
    let key = Rsa::public_key_from_der(octets).or_else(|_| Rsa::public_key_from_der_pkcs1(octets));
    let key = key.and_then(PKey::from_rsa).map_err(|_| KeyProblem::Unusable("not an RSA key"))?;
    match key.bits() {
        bits if bits < RSA_BITS_MIN => Err(KeyProblem::Unusable("RSA key is too short")),
        bits if bits > RSA_BITS_MAX => Err(KeyProblem::Unusable("RSA key is too long")),
        _ => Ok(key),
    }
}

/// The keys that some signatures need, each looked up once.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<String, Result<DomainKey, KeyProblem>>);

impl KeySet {
    /// Looks up all at once. `wanted`: selector and domain of each signature.
    pub async fn fetch(resolver: &dyn Resolver, wanted: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut names: Vec<String> = wanted.into_iter().filter_map(|(selector, domain)| record_name(&selector, &domain)).collect();
        names.sort();
        names.dedup();
        let keys = join_all(names.into_iter().map(|name| async move {
            let key = one(resolver, &name).await;
            (name, key)
        }));
        Self(keys.await.into_iter().collect())
    }

    /// The key of a signature.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub(crate) fn of(&self, selector: &str, domain: &str) -> Result<&DomainKey, KeyProblem> {
        let name = record_name(selector, domain).ok_or(KeyProblem::Missing)?;
        self.0.get(&name).ok_or(KeyProblem::Missing)?.as_ref().map_err(Clone::clone)
    }
}

async fn one(resolver: &dyn Resolver, name: &str) -> Result<DomainKey, KeyProblem> {
    let records = resolver.txt(name).await.map_err(KeyProblem::Unreachable)?;
    let mut problem = KeyProblem::Missing;
    for record in &records {
        match DomainKey::parse(record) {
            Ok(key) => return Ok(key),
            Err(found) => problem = found,
        }
    }
    Err(problem)
}

/// `selector._domainkey.domain`.
fn record_name(selector: &str, domain: &str) -> Option<String> {
    let selector = selector.trim_matches(white);
    domain::normal(&format!("{selector}._domainkey.{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &[u8] = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn m_t11_key_records() {
        assert!(DomainKey::parse(ED25519).is_ok_and(|key| !key.strict));
        assert!(DomainKey::parse(b"k=ed25519; t=y:s; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").is_ok_and(|key| key.strict));
        let problem = |record: &[u8]| DomainKey::parse(record).unwrap_err();
        assert_eq!(problem(b"v=DKIM1; p="), KeyProblem::Revoked);
        for (record, why) in [
            (&b"v=DKIM2; p=AA=="[..], "key of another version"),
            (b"k=rsa; v=DKIM1; p=AA==", "key of another version"),
            (b"v=DKIM1; h=sha1; p=AA==", "key does not allow sha256"),
            (b"v=DKIM1; s=other; p=AA==", "key is not for mail"),
            (b"v=DKIM1; k=dsa; p=AA==", "unknown key type"),
            (b"v=DKIM1; p=AA==", "not an RSA key"),
            (b"v=DKIM1; k=ed25519; p=AA==", "not an Ed25519 key"),
            (b"v=DKIM1; p=%", "key is not base64"),
            (b"v=spf1 -all", "key of another version"),
            (b"hello", "key syntax error"),
        ] {
            assert_eq!(problem(record), KeyProblem::Unusable(why));
        }
    }

    #[test]
    fn m_t11_short_rsa_keys_prove_nothing() {
        let record = |bits| {
            let key = Rsa::generate(bits).unwrap().public_key_to_der().unwrap();
            format!("v=DKIM1; p={}", STANDARD.encode(key)).into_bytes()
        };
        assert_eq!(DomainKey::parse(&record(768)).unwrap_err(), KeyProblem::Unusable("RSA key is too short"));
        assert!(DomainKey::parse(&record(1024)).is_ok());
    }
}
