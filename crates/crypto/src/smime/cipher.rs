//! Content ciphers: which AlgorithmIdentifier means which cipher, and the work itself.
//!
//! EnvelopedData takes CBC only, AuthEnvelopedData GCM only: the same ciphertext under the other type is
//! refused, so that nobody strips the authentication (RFC 8551 §2.7, security.md X-1). What is written:
//! AES-256 in both modes; what is read: AES of all lengths, and 3DES and RC2 of old mail. RFC 3565, RFC 5084,
//! RFC 3370 §5.

use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use crate::CryptoError;
use crate::asn1::read::{INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::asn1::{Element, Malformed, oid, write};

/// What [`super::encrypt`] encrypts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentCipher {
    /// EnvelopedData with AES-256-CBC: every client reads it; not authenticated.
    Aes256Cbc,
    /// AuthEnvelopedData with AES-256-GCM: for recipients that announce it.
    Aes256Gcm,
}

/// Octets of a GCM tag that we write.
pub(super) const TAG: usize = 16;
const GCM_NONCE: usize = 12;
const AES_BLOCK: usize = 16;

/// A content cipher as a message names it.
#[derive(Debug)]
pub(super) struct Named {
    kind: Kind,
    iv: Vec<u8>,
    /// For GCM: octets of the tag.
    tag: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Aes(usize),
    Gcm(usize),
    TripleDes,
    Rc2(usize),
}

impl Named {
    /// Reads contentEncryptionAlgorithm; `authenticated` says which of the two envelopes it stands in.
    pub(super) fn read(algorithm: Element<'_>, authenticated: bool) -> Result<Self, CryptoError> {
        let malformed = |Malformed| CryptoError::Malformed("content encryption algorithm");
        let mut inside = algorithm.inside();
        let id = inside.need(OID).map_err(malformed)?.body;
        let parameters = inside.next().map_err(malformed)?;
        let kind = [
            (oid::AES256_GCM, Kind::Gcm(32)),
            (oid::AES256_CBC, Kind::Aes(32)),
            (oid::AES128_GCM, Kind::Gcm(16)),
            (oid::AES128_CBC, Kind::Aes(16)),
            (oid::AES192_GCM, Kind::Gcm(24)),
            (oid::AES192_CBC, Kind::Aes(24)),
            (oid::DES_EDE3_CBC, Kind::TripleDes),
            (oid::RC2_CBC, Kind::Rc2(0)),
        ]
        .into_iter()
        .find_map(|(known, kind)| (known == id).then_some(kind))
        .filter(|kind| matches!(kind, Kind::Gcm(_)) == authenticated)
        .ok_or(CryptoError::Unsupported("this content cipher"))?;
        let named = parameters.ok_or(Malformed).and_then(|parameters| Self::with_parameters(kind, parameters)).map_err(malformed)?;
        if named.iv_fits() { Ok(named) } else { Err(malformed(Malformed)) }
    }

    fn with_parameters(kind: Kind, parameters: Element<'_>) -> Result<Self, Malformed> {
        match kind {
            Kind::Aes(_) | Kind::TripleDes if parameters.tag == OCTET_STRING => Ok(Self { kind, iv: parameters.body.to_vec(), tag: 0 }),
            // GCMParameters ::= SEQUENCE { nonce, icvlen INTEGER DEFAULT 12 } (RFC 5084 §3.2).
            Kind::Gcm(_) if parameters.tag == SEQUENCE => {
                let mut inside = parameters.inside();
                let iv = inside.need(OCTET_STRING)?.body.to_vec();
                let tag = inside.optional(&[INTEGER])?.map_or(Ok(12), |length| length.small())? as usize;
                if (12..=TAG).contains(&tag) { Ok(Self { kind, iv, tag }) } else { Err(Malformed) }
            }
            // RC2CBCParameter ::= SEQUENCE { rc2ParameterVersion, iv } (RFC 3370 §5.2).
            Kind::Rc2(_) if parameters.tag == SEQUENCE => {
                let mut inside = parameters.inside();
                let octets = match inside.need(INTEGER)?.body {
                    [0, 160] => 5,
                    [120] => 8,
                    [58] => 16,
                    _ => return Err(Malformed),
                };
                Ok(Self { kind: Kind::Rc2(octets), iv: inside.need(OCTET_STRING)?.body.to_vec(), tag: 0 })
            }
            _ => Err(Malformed),
        }
    }

    fn iv_fits(&self) -> bool {
        match self.kind {
            Kind::Aes(_) => self.iv.len() == AES_BLOCK,
            Kind::Gcm(_) => (7..=16).contains(&self.iv.len()),
            Kind::TripleDes | Kind::Rc2(_) => self.iv.len() == 8,
        }
    }

    /// Octets of the content key.
    pub(super) const fn key_length(&self) -> usize {
        match self.kind {
            Kind::Aes(length) | Kind::Gcm(length) | Kind::Rc2(length) => length,
            Kind::TripleDes => 24,
        }
    }

    /// Octets that the tag must have; 0 for CBC.
    pub(super) const fn tag_length(&self) -> usize {
        self.tag
    }

    /// The cipher for people and traces.
    pub(super) const fn word(&self) -> &'static str {
        match self.kind {
            Kind::Aes(16) => "aes128-cbc",
            Kind::Aes(24) => "aes192-cbc",
            Kind::Aes(_) => "aes256-cbc",
            Kind::Gcm(16) => "aes128-gcm",
            Kind::Gcm(24) => "aes192-gcm",
            Kind::Gcm(_) => "aes256-gcm",
            Kind::TripleDes => "des-ede3-cbc",
            Kind::Rc2(_) => "rc2-cbc",
        }
    }

    /// Decrypts. Any failure is [`CryptoError::CannotOpen`].
    pub(super) fn decrypt(&self, key: &[u8], content: &[u8], aad: &[u8], tag: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let fetched;
        let cipher: &CipherRef = match self.kind {
            Kind::Aes(16) => Cipher::aes_128_cbc(),
            Kind::Aes(24) => Cipher::aes_192_cbc(),
            Kind::Aes(_) => Cipher::aes_256_cbc(),
            Kind::Gcm(16) => Cipher::aes_128_gcm(),
            Kind::Gcm(24) => Cipher::aes_192_gcm(),
            Kind::Gcm(_) => Cipher::aes_256_gcm(),
            Kind::TripleDes => Cipher::des_ede3_cbc(),
            Kind::Rc2(length) => {
                fetched = rc2(length)?;
                &fetched
            }
        };
        let work = || -> Result<Vec<u8>, openssl::error::ErrorStack> {
            let mut context = CipherCtx::new()?;
            context.decrypt_init(Some(cipher), None, None)?;
            if matches!(self.kind, Kind::Gcm(_)) {
                context.set_iv_length(self.iv.len())?;
            }
            context.decrypt_init(None, Some(key), Some(&self.iv))?;
            if matches!(self.kind, Kind::Gcm(_)) {
                context.set_tag(tag)?;
                context.cipher_update(aad, None)?;
            }
            let mut plain = Vec::with_capacity(content.len() + 2 * AES_BLOCK);
            context.cipher_update_vec(content, &mut plain)?;
            context.cipher_final_vec(&mut plain)?;
            Ok(plain)
        };
        work().map_err(|_| CryptoError::CannotOpen)
    }
}

fn rc2(octets: usize) -> Result<Cipher, CryptoError> {
    crate::pki::legacy_algorithms();
    let name = match octets {
        5 => "RC2-40-CBC",
        8 => "RC2-64-CBC",
        _ => "RC2-CBC",
    };
    Cipher::fetch(None, name, None).map_err(|_| CryptoError::Unsupported("RC2 on this system"))
}

/// A fresh content key and IV, for one message.
pub(super) struct Fresh {
    cipher: ContentCipher,
    pub(super) key: Zeroizing<Vec<u8>>,
    iv: Vec<u8>,
}

impl Fresh {
    pub(super) fn new(cipher: ContentCipher) -> Result<Self, CryptoError> {
        let mut fresh = Self {
            cipher,
            key: Zeroizing::new(vec![0; 32]),
            iv: vec![0; if cipher == ContentCipher::Aes256Gcm { GCM_NONCE } else { AES_BLOCK }],
        };
        getrandom::fill(&mut fresh.key)?;
        getrandom::fill(&mut fresh.iv)?;
        Ok(fresh)
    }

    /// contentEncryptionAlgorithm.
    pub(super) fn algorithm(&self) -> Vec<u8> {
        match self.cipher {
            ContentCipher::Aes256Cbc => write::sequence(&[&write::oid(oid::AES256_CBC), &write::octets(&self.iv)]),
            ContentCipher::Aes256Gcm => {
                let parameters = write::sequence(&[&write::octets(&self.iv), &write::small(16)]);
                write::sequence(&[&write::oid(oid::AES256_GCM), &parameters])
            }
        }
    }

    /// Octets of ciphertext for so many of content.
    pub(super) const fn sealed_length(&self, length: usize) -> usize {
        match self.cipher {
            ContentCipher::Aes256Cbc => (length / AES_BLOCK + 1) * AES_BLOCK,
            ContentCipher::Aes256Gcm => length,
        }
    }

    /// Appends the ciphertext to `out` and returns the tag (empty for CBC).
    pub(super) fn encrypt(&self, content: &[u8], out: &mut Vec<u8>) -> Result<Vec<u8>, CryptoError> {
        let authenticated = self.cipher == ContentCipher::Aes256Gcm;
        let mut context = CipherCtx::new()?;
        let cipher = if authenticated { Cipher::aes_256_gcm() } else { Cipher::aes_256_cbc() };
        context.encrypt_init(Some(cipher), Some(&self.key), Some(&self.iv))?;
        context.cipher_update_vec(content, out)?;
        context.cipher_final_vec(out)?;
        let mut tag = vec![0; if authenticated { TAG } else { 0 }];
        if authenticated {
            context.tag(&mut tag)?;
        }
        Ok(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_1_a_cipher_counts_in_its_own_envelope_only() {
        for (cipher, authenticated) in [(ContentCipher::Aes256Gcm, true), (ContentCipher::Aes256Cbc, false)] {
            let der = Fresh::new(cipher).unwrap().algorithm();
            let algorithm = crate::asn1::Reader::sole(&der, SEQUENCE).unwrap();
            assert!(Named::read(algorithm, authenticated).is_ok());
            // GCM in EnvelopedData would be read without its tag, CBC in AuthEnvelopedData would pass for authenticated.
            assert!(matches!(Named::read(algorithm, !authenticated), Err(CryptoError::Unsupported(_))), "{cipher:?}");
        }
    }
}
