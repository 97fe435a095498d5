//! Private-key operations in this process.
//!
//! A [`SoftKey`] is what a vault holds while a key is open; only the vault's [`model::KeyUse`] sees it. The
//! one delicate operation is unwrapping with PKCS#1 v1.5: the modular exponentiation is OpenSSL's (blinded),
//! the padding is checked here in constant time, and a wrong one gives random bytes, so that neither the
//! answer nor its time tells about the padding (RFC 3218 §2.3.2, RFC 8017 §7.2, security.md X-3).

use model::{KeyId, KeyKind, KeyUseError, KeyUseRequest, SecretBytes};
use openssl::derive::Deriver;
use openssl::encrypt::Decrypter;
use openssl::hash::MessageDigest;
use openssl::md::Md;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{certificate::kind_of, key_id};
use crate::CryptoError;

/// An opened private key. Has no way to give its bytes away; OpenSSL wipes them when it is dropped.
pub struct SoftKey {
    key: PKey<Private>,
    id: KeyId,
    kind: KeyKind,
}

impl SoftKey {
    /// Opens a PKCS#8 private key (DER, RFC 5958).
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], or [`CryptoError::Unsupported`] for kinds other than RSA, the NIST curves, Ed25519 and X25519.
    pub fn from_pkcs8(der: &SecretBytes) -> Result<Self, CryptoError> {
        let key = PKey::private_key_from_pkcs8(der.expose()).map_err(|_| CryptoError::Malformed("private key"))?;
        let curve = || key.ec_key().ok()?.group().curve_name();
        let kind = kind_of(key.id(), key.bits(), curve).ok_or(CryptoError::Unsupported("this kind of private key"))?;
        let id = key_id(&key.public_key_to_der()?);
        Ok(Self { key, id, kind })
    }

    /// Opens the key of a domain (DKIM, ARC): RSA or Ed25519.
    ///
    /// # Errors
    /// As [`Self::from_pkcs8`].
    pub fn of_domain(der: &SecretBytes) -> Result<Self, CryptoError> {
        Self::from_pkcs8(der)
    }

    /// Its identity: the same as that of the certificates made for it.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Does one operation. The caller logs it.
    ///
    /// # Errors
    /// [`KeyUseError::Unsuitable`] where the kind can't do it, [`KeyUseError::Failed`] else.
    pub fn perform(&self, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        let is_rsa = matches!(self.kind, KeyKind::Rsa(_));
        match request {
            KeyUseRequest::SignSha256(digest) if self.kind != KeyKind::X25519 => self.sign(*digest).map_err(|_| KeyUseError::Failed),
            KeyUseRequest::SignPssSha256(digest) if is_rsa => self.sign_pss(*digest).map_err(|_| KeyUseError::Failed),
            KeyUseRequest::SignWhole(octets) if self.kind == KeyKind::Ed25519 => self.sign(octets).map_err(|_| KeyUseError::Failed),
            KeyUseRequest::UnwrapPkcs1 { wrapped, expected } if is_rsa => {
                self.unwrap_pkcs1(wrapped, *expected).map_err(|_| KeyUseError::Failed)
            }
            KeyUseRequest::UnwrapOaep { wrapped, hash, mask } if is_rsa => self.unwrap_oaep(wrapped, hash, mask),
            KeyUseRequest::Agree { public } if !is_rsa && self.kind != KeyKind::Ed25519 => {
                self.agree(public).map_err(|_| KeyUseError::Failed)
            }
            _ => Err(KeyUseError::Unsuitable),
        }
    }

    fn sign(&self, digest: &[u8]) -> Result<SecretBytes, CryptoError> {
        if self.kind == KeyKind::Ed25519 {
            return Ok(SecretBytes::new(Signer::new_without_digest(&self.key)?.sign_oneshot_to_vec(digest)?));
        }
        let mut context = PkeyCtx::new(&self.key)?;
        context.sign_init()?;
        if matches!(self.kind, KeyKind::Rsa(_)) {
            context.set_rsa_padding(Padding::PKCS1)?;
        }
        context.set_signature_md(Md::sha256())?;
        let mut signature = Vec::new();
        context.sign_to_vec(digest, &mut signature)?;
        Ok(SecretBytes::new(signature))
    }

    fn sign_pss(&self, digest: &[u8]) -> Result<SecretBytes, CryptoError> {
        let mut context = PkeyCtx::new(&self.key)?;
        context.sign_init()?;
        context.set_rsa_padding(Padding::PKCS1_PSS)?;
        context.set_signature_md(Md::sha256())?;
        context.set_rsa_mgf1_md(Md::sha256())?;
        context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        let mut signature = Vec::new();
        context.sign_to_vec(digest, &mut signature)?;
        Ok(SecretBytes::new(signature))
    }

    /// Fails only where the system gives no randomness.
    fn unwrap_pkcs1(&self, wrapped: &[u8], expected: usize) -> Result<SecretBytes, CryptoError> {
        let mut answer = Zeroizing::new(vec![0; expected]);
        getrandom::fill(&mut answer)?;
        // A block of the wrong length or over the modulus is refused before the key is used: nothing is learnt.
        if let Ok(block) = self.raw_block(wrapped) {
            choose_key(&block, &mut answer);
        }
        Ok(SecretBytes::new(std::mem::take(&mut *answer)))
    }

    /// RSADP without looking at the padding: always as long as the modulus.
    fn raw_block(&self, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let mut context = PkeyCtx::new(&self.key)?;
        context.decrypt_init()?;
        context.set_rsa_padding(Padding::NONE)?;
        let mut block = Zeroizing::new(vec![0; self.key.size()]);
        let length = context.decrypt(wrapped, Some(&mut block))?;
        if length == block.len() { Ok(block) } else { Err(CryptoError::CannotOpen) }
    }

    fn unwrap_oaep(&self, wrapped: &[u8], hash: &str, mask: &str) -> Result<SecretBytes, KeyUseError> {
        let (hash, mask) = digest(hash).zip(digest(mask)).ok_or(KeyUseError::Unsuitable)?;
        let unwrap = || -> Result<Vec<u8>, openssl::error::ErrorStack> {
            let mut decrypter = Decrypter::new(&self.key)?;
            decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
            decrypter.set_rsa_oaep_md(hash)?;
            decrypter.set_rsa_mgf1_md(mask)?;
            let mut plain = Zeroizing::new(vec![0; decrypter.decrypt_len(wrapped)?]);
            let length = decrypter.decrypt(wrapped, &mut plain)?;
            Ok(plain.get(..length).unwrap_or_default().to_vec())
        };
        unwrap().map(SecretBytes::new).map_err(|_| KeyUseError::Failed)
    }

    fn agree(&self, public: &[u8]) -> Result<SecretBytes, CryptoError> {
        // OpenSSL refuses points that are not on the curve, and set_peer refuses another curve.
        let peer = PKey::public_key_from_der(public)?;
        let mut deriver = Deriver::new(&self.key)?;
        deriver.set_peer(&peer)?;
        Ok(SecretBytes::new(deriver.derive_to_vec()?))
    }
}

impl std::fmt::Debug for SoftKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoftKey({:?}, {:?})", self.id, self.kind)
    }
}

/// A hash by the name that requests have for it.
fn digest(name: &str) -> Option<MessageDigest> {
    Some(match name {
        "sha1" => MessageDigest::sha1(),
        "sha224" => MessageDigest::sha224(),
        "sha256" => MessageDigest::sha256(),
        "sha384" => MessageDigest::sha384(),
        "sha512" => MessageDigest::sha512(),
        _ => return None,
    })
}

/// EM = 00 02 PS 00 M, PS non-zero and at least 8 octets (RFC 8017 §7.2.2). Puts M into `answer` if the whole
/// block is right for an M of its length, else leaves what is there. No branch on secret octets.
fn choose_key(block: &[u8], answer: &mut [u8]) {
    let Some(message_at) = block.len().checked_sub(answer.len()).filter(|at| *at >= 11) else { return };
    let (padding, message) = block.split_at(message_at);
    let mut good = Choice::from(1);
    for (at, octet) in padding.iter().enumerate() {
        // The place is public, the octet is not.
        good &= match at {
            0 => octet.ct_eq(&0),
            1 => octet.ct_eq(&2),
            _ if at + 1 == message_at => octet.ct_eq(&0),
            _ => !octet.ct_eq(&0),
        };
    }
    for (chosen, octet) in answer.iter_mut().zip(message) {
        *chosen = u8::conditional_select(chosen, octet, good);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::rsa::Rsa;

    fn key() -> (SoftKey, Rsa<Private>) {
        let rsa = Rsa::generate(2048).unwrap();
        let der = PKey::from_rsa(rsa.clone()).unwrap().private_key_to_pkcs8().unwrap();
        (SoftKey::from_pkcs8(&SecretBytes::new(der)).unwrap(), rsa)
    }

    fn unwrap(key: &SoftKey, wrapped: &[u8], expected: usize) -> Vec<u8> {
        key.perform(&KeyUseRequest::UnwrapPkcs1 { wrapped, expected }).unwrap().expose().to_vec()
    }

    #[test]
    fn x_3_bad_padding_gives_random_bytes_and_no_error() {
        let (key, rsa) = key();
        let raw = |block: &[u8]| {
            let mut wrapped = vec![0; 256];
            rsa.public_encrypt(block, &mut wrapped, Padding::NONE).unwrap();
            wrapped
        };
        let mut good = vec![0xaa; 256];
        (good[0], good[1], good[223]) = (0, 2, 0);
        let content_key = good[224..].to_vec();
        assert_eq!(unwrap(&key, &raw(&good), 32), content_key);
        for (at, octet) in [(0usize, 1u8), (1, 1), (2, 0), (9, 0), (100, 0), (223, 1)] {
            let mut bad = good.clone();
            bad[at] = octet;
            let wrapped = raw(&bad);
            let (first, second) = (unwrap(&key, &wrapped, 32), unwrap(&key, &wrapped, 32));
            assert_eq!(first.len(), 32);
            assert!(first != content_key && first != second, "octet {at}");
        }
        // Another length than the cipher needs, a wrong length of the whole, and nothing at all.
        assert_ne!(unwrap(&key, &raw(&good), 16), content_key[16..]);
        assert_eq!(unwrap(&key, &[1; 255], 32).len(), 32);
        assert_eq!(unwrap(&key, &[0xff; 256], 32).len(), 32);
        assert_eq!(unwrap(&key, &[], 24).len(), 24);
    }

    #[test]
    fn what_openssl_wraps_is_unwrapped() {
        let (key, rsa) = key();
        let mut wrapped = vec![0; 256];
        rsa.public_encrypt(&[7; 32], &mut wrapped, Padding::PKCS1).unwrap();
        assert_eq!(unwrap(&key, &wrapped, 32), [7; 32]);
    }

    #[test]
    fn kinds_do_what_they_can() {
        let (key, _) = key();
        assert!(matches!(key.perform(&KeyUseRequest::Agree { public: &[] }), Err(KeyUseError::Unsuitable)));
        assert_eq!(key.kind(), KeyKind::Rsa(2048));
        assert!(!format!("{key:?}").contains("PKey"));
    }
}
