//! Key agreement for recipients with elliptic-curve keys: one-pass ECDH (RFC 5753).
//!
//! The shared secret comes from the key handle (or, when we send, from a fresh key); here it becomes a key
//! that wraps the content key: X9.63 KDF (SEC 1 §3.6.1) over ECC-CMS-SharedInfo (RFC 5753 §7.2), then AES
//! key wrap (RFC 3394).

use openssl::aes::{AesKey, unwrap_key, wrap_key};
use openssl::derive::Deriver;
use openssl::ec::{EcKey, PointConversionForm};
use openssl::pkey::PKey;
use zeroize::Zeroizing;

use super::digest::Digest;
use crate::CryptoError;
use crate::asn1::read::{BIT_STRING, SEQUENCE};
use crate::asn1::{Malformed, Reader, oid, write};
use crate::pki::Certificate;

/// How the key-encryption key is made.
#[derive(Debug, Clone)]
pub(super) struct Scheme {
    pub(super) digest: Digest,
    /// AlgorithmIdentifier of the key wrap, DER, as in the message.
    pub(super) wrap: Vec<u8>,
    /// Octets of the key-encryption key.
    pub(super) length: usize,
    /// User keying material.
    pub(super) ukm: Option<Vec<u8>>,
}

impl Scheme {
    /// The scheme of keyEncryptionAlgorithm; `None` for one that is not built.
    pub(super) fn read(id: &[u8], wrap: Vec<u8>, wrap_id: &[u8], ukm: Option<Vec<u8>>) -> Option<Self> {
        let digest = [
            (oid::ECDH_SHA256, Digest::Sha256),
            (oid::ECDH_SHA1, Digest::Sha1),
            (oid::ECDH_SHA384, Digest::Sha384),
            (oid::ECDH_SHA512, Digest::Sha512),
            (oid::ECDH_SHA224, Digest::Sha224),
            (oid::ECDH_COFACTOR_SHA1, Digest::Sha1),
            (oid::ECDH_COFACTOR_SHA256, Digest::Sha256),
            (oid::ECDH_COFACTOR_SHA384, Digest::Sha384),
            (oid::ECDH_COFACTOR_SHA512, Digest::Sha512),
        ]
        .into_iter()
        .find_map(|(known, digest)| (known == id).then_some(digest))?;
        let length = [(oid::AES256_WRAP, 32), (oid::AES128_WRAP, 16), (oid::AES192_WRAP, 24)]
            .into_iter()
            .find_map(|(known, length)| (known == wrap_id).then_some(length))?;
        Some(Self { digest, wrap, length, ukm })
    }

    /// ECC-CMS-SharedInfo ::= SEQUENCE { keyInfo, entityUInfo [0] OPTIONAL, suppPubInfo [2] }.
    fn shared_info(&self) -> Vec<u8> {
        let ukm = self.ukm.as_ref().map(|ukm| write::tlv(0xa0, &[&write::octets(ukm)])).unwrap_or_default();
        let bits = u32::try_from(self.length * 8).unwrap_or(256).to_be_bytes();
        write::sequence(&[&self.wrap, &ukm, &write::tlv(0xa2, &[&write::octets(&bits)])])
    }

    fn key(&self, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let info = self.shared_info();
        let mut key = Zeroizing::new(Vec::with_capacity(64));
        let mut counter = 1u32;
        while key.len() < self.length {
            let block = Zeroizing::new(self.digest.of(&[secret, &counter.to_be_bytes(), &info])?);
            key.extend_from_slice(&block);
            counter += 1;
        }
        key.truncate(self.length);
        Ok(key)
    }

    /// The content key; [`CryptoError::CannotOpen`] where the wrap's own check fails.
    pub(super) fn unwrap(&self, secret: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let length = wrapped.len().checked_sub(8).filter(|length| *length >= 16 && length.is_multiple_of(8) && *length <= 64);
        let mut plain = Zeroizing::new(vec![0; length.ok_or(CryptoError::CannotOpen)?]);
        let key = AesKey::new_decrypt(&self.key(secret)?).map_err(|_| CryptoError::CannotOpen)?;
        unwrap_key(&key, None, &mut plain, wrapped).map_err(|_| CryptoError::CannotOpen)?;
        Ok(plain)
    }
}

/// The originator's public key in the recipient's curve, as SubjectPublicKeyInfo: OriginatorPublicKey may
/// leave the curve out (RFC 5753 §3.1.1), and another curve than the recipient's is useless anyhow.
pub(super) fn originator_spki(recipient: &Certificate, point: &[u8]) -> Result<Vec<u8>, Malformed> {
    let algorithm = Reader::sole(recipient.spki(), SEQUENCE)?.inside().need(SEQUENCE)?.raw;
    Ok(write::sequence(&[algorithm, &write::tlv(BIT_STRING, &[&[0], point])]))
}

/// KeyAgreeRecipientInfo's parts for one recipient: the ephemeral public point and the wrapped content key.
pub(super) struct Agreed {
    pub(super) point: Vec<u8>,
    pub(super) key_encryption: Vec<u8>,
    pub(super) wrapped: Vec<u8>,
}

/// Agrees with `recipient` under a fresh key and wraps `content_key` (SHA-256, AES-256 wrap).
pub(super) fn agree(recipient: &Certificate, content_key: &[u8]) -> Result<Agreed, CryptoError> {
    let theirs = recipient.x509().public_key()?;
    let curve = theirs.ec_key()?;
    let fresh = EcKey::generate(curve.group())?;
    let mut context = openssl::bn::BigNumContext::new()?;
    let point = fresh.public_key().to_bytes(curve.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
    let fresh = PKey::from_ec_key(fresh)?;
    let mut deriver = Deriver::new(&fresh)?;
    deriver.set_peer(&theirs)?;
    let secret = Zeroizing::new(deriver.derive_to_vec()?);
    let scheme = Scheme { digest: Digest::Sha256, wrap: write::algorithm(oid::AES256_WRAP), length: 32, ukm: None };
    let key = AesKey::new_encrypt(&scheme.key(&secret)?).map_err(|_| CryptoError::Primitive("AES key".into()))?;
    let mut wrapped = vec![0; content_key.len() + 8];
    wrap_key(&key, None, &mut wrapped, content_key).map_err(|_| CryptoError::Primitive("AES key wrap".into()))?;
    let key_encryption = write::sequence(&[&write::oid(oid::ECDH_SHA256), &scheme.wrap]);
    Ok(Agreed { point, key_encryption, wrapped })
}
