//! Making the keys that sign for a domain (DKIM, ARC): no certificate, the DNS says whose they are.
//!
//! RSA of 2048 bits is what every receiver can check and what one TXT record holds (RFC 8301 §3.2); Ed25519 stands beside
//! it (RFC 8463). Making an RSA key takes up to seconds: call it on the CPU pool.

use model::{KeyId, KeyKind, SecretBytes};
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::key_id;
use crate::CryptoError;

/// Modulus of a domain's RSA key.
const RSA_BITS: u32 = 2048;

/// A new key of a domain.
#[derive(Debug)]
pub struct DomainKeyPair {
    /// The private key: PKCS#8, DER.
    pub private_pkcs8: SecretBytes,
    /// What stands in `p=`: SubjectPublicKeyInfo for RSA (RFC 6376 §3.6.1), the bare key for Ed25519 (RFC 8463 §4.2).
    pub public: Vec<u8>,
    /// Its identity.
    pub id: KeyId,
}

/// Makes one, of kind RSA (always 2048 bits) or Ed25519.
///
/// # Errors
/// For other kinds, or when a primitive fails.
pub fn make(kind: KeyKind) -> Result<DomainKeyPair, CryptoError> {
    let key = match kind {
        KeyKind::Rsa(_) => PKey::from_rsa(Rsa::generate(RSA_BITS)?)?,
        KeyKind::Ed25519 => PKey::generate_ed25519()?,
        _ => return Err(CryptoError::Unsupported("a domain key of this kind")),
    };
    let spki = key.public_key_to_der()?;
    let public = if kind == KeyKind::Ed25519 { key.raw_public_key()? } else { spki.clone() };
    Ok(DomainKeyPair { private_pkcs8: SecretBytes::new(key.private_key_to_pkcs8()?), public, id: key_id(&spki) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::SoftKey;
    use model::KeyUseRequest;

    #[test]
    fn m_t11_domain_keys_sign() {
        for (kind, public, signature) in [(KeyKind::Rsa(2048), 294, 256), (KeyKind::Ed25519, 32, 64)] {
            let made = make(kind).unwrap();
            let key = SoftKey::of_domain(&made.private_pkcs8).unwrap();
            assert_eq!((key.id(), key.kind(), made.public.len()), (&made.id, kind, public));
            assert_eq!(key.perform(&KeyUseRequest::SignSha256(&[7; 32])).unwrap().expose().len(), signature);
        }
        assert!(make(KeyKind::EcP256).is_err());
    }
}
