//! What a signature covers: the digest of the chosen fields and of the body. Used for checking and for signing, by
//! DKIM and ARC alike (RFC 6376 §3.7).

use message::Message;
use openssl::sha::Sha256;

use crate::canonical::{self, Canonical};
use crate::domain_key::DomainKey;
use crate::signature::{Algorithm, Signature};

/// Signs digests with a private key that this room never sees.
pub trait DigestSigner {
    /// How the key signs.
    fn algorithm(&self) -> Algorithm;

    /// Signs a SHA-256 digest as [`Algorithm`] says.
    ///
    /// # Errors
    /// When the key can't be used now.
    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError>;
}

/// A signature that could not be made. The text is for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not sign: {0}")]
pub struct SignError(pub String);

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    BodyHash,
    Signature,
    /// `l=` covers less than the body, or more.
    Partial,
}

impl Flaw {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::BodyHash => "body hash did not verify",
            Self::Signature => "signature did not verify",
            Self::Partial => "only a part of the body is signed",
        }
    }
}

/// Body hashes of one message, each form reckoned once however many signatures ask.
#[derive(Debug, Default)]
pub(crate) struct BodyHashes(Vec<(Canonical, [u8; 32], u64)>);

impl BodyHashes {
    /// Digest and length of the canonical body.
    pub(crate) fn of(&mut self, message: &Message, form: Canonical) -> ([u8; 32], u64) {
        if let Some((_, digest, length)) = self.0.iter().find(|(known, ..)| *known == form) {
            return (*digest, *length);
        }
        let (digest, length) = body_hash(message, form);
        self.0.push((form, digest, length));
        (digest, length)
    }
}

/// SHA-256 of the canonical body, and its length.
pub(crate) fn body_hash(message: &Message, form: Canonical) -> ([u8; 32], u64) {
    let mut hash = Sha256::new();
    let length = canonical::body(form, message.body(), &mut |piece| hash.update(piece));
    (hash.finish(), length)
}

/// The fields that `names` choose, from the last to the first of each name, then the signature's own field without its
/// value (RFC 6376 §5.4.2). A name that no field is left for adds nothing.
pub(crate) fn header_digest(message: &Message, names: &[String], form: Canonical, own: &[u8]) -> [u8; 32] {
    let mut data = Vec::with_capacity(4 << 10);
    let fields: Vec<_> = message.fields().collect();
    let mut used = vec![false; fields.len()];
    for name in names {
        let found = fields.iter().enumerate().rev().find(|(at, field)| used.get(*at) == Some(&false) && field.is(name));
        if let Some((at, field)) = found {
            canonical::field(form, message.bytes().get(field.range.clone()).unwrap_or_default(), &mut data);
            if let Some(slot) = used.get_mut(at) {
                *slot = true;
            }
        }
    }
    canonical::own_field(form, own, &mut data);
    openssl::sha::sha256(&data)
}

/// Checks body and fields of one signature; `own` is the field that it stands in.
pub(crate) fn check(message: &Message, own: &[u8], signature: &Signature, key: &DomainKey, bodies: &mut BodyHashes) -> Result<(), Flaw> {
    let (digest, length) = bodies.of(message, signature.body_form);
    if signature.length.is_some_and(|signed| signed != length) {
        return Err(Flaw::Partial);
    }
    if digest.as_slice() != signature.body_hash {
        return Err(Flaw::BodyHash);
    }
    let digest = header_digest(message, &signature.signed, signature.header_form, own);
    if key.verifies(signature.algorithm, &digest, &signature.signature) { Ok(()) } else { Err(Flaw::Signature) }
}
