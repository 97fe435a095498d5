//! Key agreement for recipients with elliptic-curve keys: one-pass ECDH (RFC 5753, RFC 8418).
//!
//! The shared secret comes from the key handle (or, when we send, from a fresh key); here it becomes a key
//! that wraps the content key: X9.63 KDF (SEC 1 §3.6.1) or HKDF (RFC 8418 §2.2) over ECC-CMS-SharedInfo (RFC 5753 §7.2),
//! then AES key wrap (RFC 3394), or that of 3DES for old mail (RFC 3217).

use openssl::aes::{AesKey, unwrap_key, wrap_key};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::derive::Deriver;
use openssl::ec::{EcKey, PointConversionForm};
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::pkey_ctx::PkeyCtx;
use zeroize::Zeroizing;

use super::digest::Digest;
use crate::CryptoError;
use crate::asn1::read::{BIT_STRING, SEQUENCE};
use crate::asn1::{Malformed, Reader, oid, write};
use crate::pki::Certificate;

/// How the secret becomes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Derivation {
    X963(Digest),
    Hkdf(Digest),
}

/// What the content key is wrapped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrap {
    /// AES with a key of so many octets.
    Aes(usize),
    TripleDes,
}

/// How the key-encryption key is made.
#[derive(Debug, Clone)]
pub(super) struct Scheme {
    derivation: Derivation,
    cipher: Wrap,
    /// AlgorithmIdentifier of the key wrap, DER, as in the message.
    wrap: Vec<u8>,
    /// User keying material.
    ukm: Option<Vec<u8>>,
}

impl Scheme {
    /// The scheme of keyEncryptionAlgorithm; `None` for one that is not built.
    pub(super) fn read(id: &[u8], wrap: Vec<u8>, wrap_id: &[u8], ukm: Option<Vec<u8>>) -> Option<Self> {
        use Derivation::{Hkdf, X963};
        let derivation = [
            (oid::ECDH_SHA256, X963(Digest::Sha256)),
            (oid::ECDH_SHA1, X963(Digest::Sha1)),
            (oid::ECDH_SHA384, X963(Digest::Sha384)),
            (oid::ECDH_SHA512, X963(Digest::Sha512)),
            (oid::ECDH_SHA224, X963(Digest::Sha224)),
            (oid::ECDH_COFACTOR_SHA1, X963(Digest::Sha1)),
            (oid::ECDH_COFACTOR_SHA256, X963(Digest::Sha256)),
            (oid::ECDH_COFACTOR_SHA384, X963(Digest::Sha384)),
            (oid::ECDH_COFACTOR_SHA512, X963(Digest::Sha512)),
            (oid::ECDH_HKDF_SHA256, Hkdf(Digest::Sha256)),
            (oid::ECDH_HKDF_SHA384, Hkdf(Digest::Sha384)),
            (oid::ECDH_HKDF_SHA512, Hkdf(Digest::Sha512)),
        ]
        .into_iter()
        .find_map(|(known, derivation)| (known == id).then_some(derivation))?;
        let cipher = [
            (oid::AES256_WRAP, Wrap::Aes(32)),
            (oid::AES128_WRAP, Wrap::Aes(16)),
            (oid::AES192_WRAP, Wrap::Aes(24)),
            (oid::DES_EDE3_WRAP, Wrap::TripleDes),
        ]
        .into_iter()
        .find_map(|(known, cipher)| (known == wrap_id).then_some(cipher))?;
        Some(Self { derivation, cipher, wrap, ukm })
    }

    /// Octets of the key-encryption key.
    const fn length(&self) -> usize {
        match self.cipher {
            Wrap::Aes(length) => length,
            Wrap::TripleDes => 24,
        }
    }

    /// ECC-CMS-SharedInfo ::= SEQUENCE { keyInfo, entityUInfo [0] OPTIONAL, suppPubInfo [2] }.
    fn shared_info(&self) -> Vec<u8> {
        let ukm = self.ukm.as_ref().map(|ukm| write::tlv(0xa0, &[&write::octets(ukm)])).unwrap_or_default();
        let bits = u32::try_from(self.length() * 8).unwrap_or(256).to_be_bytes();
        write::sequence(&[&self.wrap, &ukm, &write::tlv(0xa2, &[&write::octets(&bits)])])
    }

    fn key(&self, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        match self.derivation {
            Derivation::X963(digest) => self.x963(digest, secret),
            Derivation::Hkdf(digest) => self.hkdf(digest, secret),
        }
    }

    fn x963(&self, digest: Digest, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let info = self.shared_info();
        let mut key = Zeroizing::new(Vec::with_capacity(64));
        let mut counter = 1u32;
        while key.len() < self.length() {
            let block = Zeroizing::new(digest.of(&[secret, &counter.to_be_bytes(), &info])?);
            key.extend_from_slice(&block);
            counter += 1;
        }
        key.truncate(self.length());
        Ok(key)
    }

    /// The salt is the user keying material, where there is some (RFC 8418 §2.2).
    fn hkdf(&self, digest: Digest, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let md: &MdRef = match digest {
            Digest::Sha384 => Md::sha384(),
            Digest::Sha512 => Md::sha512(),
            _ => Md::sha256(),
        };
        let mut context = PkeyCtx::new_id(Id::HKDF)?;
        context.derive_init()?;
        context.set_hkdf_md(md)?;
        context.set_hkdf_key(secret)?;
        if let Some(ukm) = self.ukm.as_ref().filter(|ukm| !ukm.is_empty()) {
            context.set_hkdf_salt(ukm)?;
        }
        context.add_hkdf_info(&self.shared_info())?;
        let mut key = Zeroizing::new(vec![0; self.length()]);
        context.derive(Some(&mut key))?;
        Ok(key)
    }

    /// The content key; [`CryptoError::CannotOpen`] where the wrap's own check fails.
    pub(super) fn unwrap(&self, secret: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let key = self.key(secret)?;
        if self.cipher == Wrap::TripleDes {
            return triple_des(&key, wrapped).map_err(|_| CryptoError::CannotOpen);
        }
        let length = wrapped.len().checked_sub(8).filter(|length| *length >= 16 && length.is_multiple_of(8) && *length <= 64);
        let mut plain = Zeroizing::new(vec![0; length.ok_or(CryptoError::CannotOpen)?]);
        let key = AesKey::new_decrypt(&key).map_err(|_| CryptoError::CannotOpen)?;
        unwrap_key(&key, None, &mut plain, wrapped).map_err(|_| CryptoError::CannotOpen)?;
        Ok(plain)
    }
}

/// Unwraps with 3DES (RFC 3217 §3.2): 40 octets hold a key of 24.
fn triple_des(key: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let cipher = Cipher::from_nid(Nid::ID_SMIME_ALG_CMS3DESWRAP).filter(|_| wrapped.len() == 40).ok_or(CryptoError::CannotOpen)?;
    let mut context = CipherCtx::new()?;
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    context.decrypt_init(Some(cipher), Some(key), None)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(64));
    context.cipher_update_vec(wrapped, &mut plain)?;
    context.cipher_final_vec(&mut plain)?;
    Ok(plain)
}

/// The originator's public key in the recipient's curve, as SubjectPublicKeyInfo: OriginatorPublicKey may
/// leave the curve out (RFC 5753 §3.1.1), and another curve than the recipient's is useless anyhow.
pub(super) fn originator_spki(recipient: &Certificate, point: &[u8]) -> Result<Vec<u8>, Malformed> {
    let algorithm = Reader::sole(recipient.spki(), SEQUENCE)?.inside().need(SEQUENCE)?.raw;
    Ok(write::sequence(&[algorithm, &write::tlv(BIT_STRING, &[&[0], point])]))
}

/// KeyAgreeRecipientInfo's parts for one recipient: the ephemeral public key and the wrapped content key.
pub(super) struct Agreed {
    /// AlgorithmIdentifier of the ephemeral key, DER.
    pub(super) algorithm: Vec<u8>,
    pub(super) point: Vec<u8>,
    pub(super) key_encryption: Vec<u8>,
    pub(super) wrapped: Vec<u8>,
}

/// Agrees with `recipient` under a fresh key and wraps `content_key` (SHA-256, AES-256 wrap).
pub(super) fn agree(recipient: &Certificate, content_key: &[u8]) -> Result<Agreed, CryptoError> {
    let theirs = recipient.x509().public_key()?;
    let montgomery = theirs.id() == Id::X25519;
    let (fresh, point) = if montgomery {
        let fresh = PKey::generate_x25519()?;
        let point = fresh.raw_public_key()?;
        (fresh, point)
    } else {
        let curve = theirs.ec_key()?;
        let fresh = EcKey::generate(curve.group())?;
        let mut context = openssl::bn::BigNumContext::new()?;
        let point = fresh.public_key().to_bytes(curve.group(), PointConversionForm::UNCOMPRESSED, &mut context)?;
        (PKey::from_ec_key(fresh)?, point)
    };
    let mut deriver = Deriver::new(&fresh)?;
    deriver.set_peer(&theirs)?;
    let secret = Zeroizing::new(deriver.derive_to_vec()?);
    // RFC 8418 §2.2 for X25519; RFC 5753 §7.1 for the NIST curves. The algorithm of the key is without parameters in both.
    let (algorithm, id, derivation) = match montgomery {
        true => (oid::X25519, oid::ECDH_HKDF_SHA256, Derivation::Hkdf(Digest::Sha256)),
        false => (oid::EC_PUBLIC_KEY, oid::ECDH_SHA256, Derivation::X963(Digest::Sha256)),
    };
    let scheme = Scheme { derivation, cipher: Wrap::Aes(32), wrap: write::algorithm(oid::AES256_WRAP), ukm: None };
    let key = AesKey::new_encrypt(&scheme.key(&secret)?).map_err(|_| CryptoError::Primitive("AES key".into()))?;
    let mut wrapped = vec![0; content_key.len() + 8];
    wrap_key(&key, None, &mut wrapped, content_key).map_err(|_| CryptoError::Primitive("AES key wrap".into()))?;
    let key_encryption = write::sequence(&[&write::oid(id), &scheme.wrap]);
    Ok(Agreed { algorithm: write::algorithm(algorithm), point, key_encryption, wrapped })
}
