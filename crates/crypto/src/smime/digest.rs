//! Digest algorithms, and the digests of one content computed once each.

use openssl::hash::{Hasher, MessageDigest};

use crate::CryptoError;
use crate::asn1::oid;

/// A digest that a signature may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    pub(super) fn from_oid(id: &[u8]) -> Option<Self> {
        [
            (oid::SHA256, Self::Sha256),
            (oid::SHA384, Self::Sha384),
            (oid::SHA512, Self::Sha512),
            (oid::SHA224, Self::Sha224),
            (oid::SHA1, Self::Sha1),
            (oid::MD5, Self::Md5),
        ]
        .into_iter()
        .find_map(|(known, digest)| (known == id).then_some(digest))
    }

    /// Collisions can be made: what it signs proves nothing (RFC 8551 §2.1, RFC 6194).
    pub(super) const fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1)
    }

    pub(super) fn openssl(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha224 => MessageDigest::sha224(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// The digest of these parts, one after the other.
    pub(super) fn of(self, parts: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let mut hasher = Hasher::new(self.openssl())?;
        for part in parts {
            hasher.update(part)?;
        }
        Ok(hasher.finish()?.to_vec())
    }
}

/// The digests of one content, each computed when first asked for.
pub(super) struct Digests<'a> {
    content: &'a [u8],
    known: Vec<(Digest, Vec<u8>)>,
}

impl<'a> Digests<'a> {
    pub(super) const fn new(content: &'a [u8]) -> Self {
        Self { content, known: Vec::new() }
    }

    pub(super) const fn content(&self) -> &'a [u8] {
        self.content
    }

    pub(super) fn get(&mut self, digest: Digest) -> Result<Vec<u8>, CryptoError> {
        if let Some((_, value)) = self.known.iter().find(|(known, _)| *known == digest) {
            return Ok(value.clone());
        }
        let value = digest.of(&[self.content])?;
        self.known.push((digest, value.clone()));
        Ok(value)
    }
}
