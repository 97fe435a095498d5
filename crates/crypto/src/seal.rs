//! Sealed values: AES-256-GCM under a versioned header, bound to a logical name.
//!
//! What we store and must not be read by a thief (keys, secrets, the site's copy on disk) is sealed. The
//! logical name (`key/ID`, `site/snapshot`) is authenticated, so that a value moved to another place does
//! not open. Layout: header (8, [`model::format`]) · nonce (12) · ciphertext · tag (16). Before it: the vault,
//! which chooses the key; after it: the store or a file. NIST SP 800-38D; one key seals at most 2^32 values
//! (§8.3), which is why the vault counts epochs.

use model::SecretBytes;
use model::format::{Format, HEADER_LENGTH};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use crate::CryptoError;

const FORMAT: Format = Format { magic: *b"SGse", version: 1, name: "sealed value" };
const NONCE: usize = 12;
const TAG: usize = 16;

/// A key for sealing: 32 octets.
#[derive(Clone, Debug)]
pub struct SealKey(SecretBytes);

impl SealKey {
    /// A fresh random key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, CryptoError> {
        Ok(Self(SecretBytes::random(32)?))
    }

    /// From 32 octets.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for any other length.
    pub fn new(bytes: SecretBytes) -> Result<Self, CryptoError> {
        if bytes.expose().len() == 32 { Ok(Self(bytes)) } else { Err(CryptoError::Malformed("sealing key")) }
    }

    /// The octets, to be wrapped under another key.
    #[must_use]
    pub const fn secret(&self) -> &SecretBytes {
        &self.0
    }
}

impl SealKey {
    /// HMAC-SHA-256 over `octets`, under a key of its own for this purpose: HMAC of the purpose under this key.
    ///
    /// # Errors
    /// Only when a primitive fails.
    pub fn mac(&self, purpose: &str, octets: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let own = hmac(self.0.expose(), format!("mac/{purpose}").as_bytes())?;
        Ok(hmac(&own, octets)?)
    }

    /// True if this is the MAC of these octets. In constant time.
    #[must_use]
    pub fn mac_fits(&self, purpose: &str, octets: &[u8], mac: &[u8]) -> bool {
        self.mac(purpose, octets).is_ok_and(|own| own.len() == mac.len() && openssl::memcmp::eq(&own, mac))
    }
}

impl SealKey {
    /// As [`Self::mac_fits`], for a MAC that was cut to its first 16 octets or more (RFC 2104 §5).
    #[must_use]
    pub fn mac_begins(&self, purpose: &str, octets: &[u8], begin: &[u8]) -> bool {
        let own = self.mac(purpose, octets).unwrap_or_default();
        begin.len() >= 16 && own.get(..begin.len()).is_some_and(|own| openssl::memcmp::eq(own, begin))
    }

    /// A key of its own for this purpose: HMAC-SHA-256 of the purpose under this key.
    ///
    /// # Errors
    /// Only when a primitive fails.
    pub fn derived(&self, purpose: &str) -> Result<Self, CryptoError> {
        Self::new(SecretBytes::new(hmac(self.0.expose(), format!("key/{purpose}").as_bytes())?))
    }
}

fn hmac(key: &[u8], octets: &[u8]) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let key = openssl::pkey::PKey::hmac(key)?;
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key)?;
    signer.sign_oneshot_to_vec(octets)
}

/// Seals `plain` under `name`.
///
/// # Errors
/// Only when a primitive fails.
pub fn seal(key: &SealKey, name: &str, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)?;
    let header = FORMAT.header();
    let mut tag = [0; TAG];
    let cipher = encrypt_aead(Cipher::aes_256_gcm(), key.0.expose(), Some(&nonce), &bound(&header, name), plain, &mut tag)?;
    let mut sealed = Vec::with_capacity(HEADER_LENGTH + NONCE + cipher.len() + TAG);
    sealed.extend_from_slice(&header);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&cipher);
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] made under the same key and name.
///
/// # Errors
/// [`CryptoError::Format`] for a foreign or newer header, [`CryptoError::Seal`] for everything else.
pub fn open(key: &SealKey, name: &str, sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
    let (_version, rest) = FORMAT.read(sealed)?;
    let header = sealed.get(..HEADER_LENGTH).ok_or(CryptoError::Seal)?;
    let (nonce, rest) = rest.split_at_checked(NONCE).ok_or(CryptoError::Seal)?;
    let (cipher, tag) = rest.len().checked_sub(TAG).and_then(|at| rest.split_at_checked(at)).ok_or(CryptoError::Seal)?;
    decrypt_aead(Cipher::aes_256_gcm(), key.0.expose(), Some(nonce), &bound(header, name), cipher, tag)
        .map(SecretBytes::new)
        .map_err(|_| CryptoError::Seal)
}

fn bound(header: &[u8], name: &str) -> Vec<u8> {
    [header, name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_under_its_own_name_and_key_only() {
        let key = SealKey::random().unwrap();
        let sealed = seal(&key, "key/a", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(open(&key, "key/a", &sealed).unwrap().expose(), b"secret");
        assert!(matches!(open(&key, "key/b", &sealed), Err(CryptoError::Seal)), "moved to another place");
        assert!(matches!(open(&SealKey::random().unwrap(), "key/a", &sealed), Err(CryptoError::Seal)));
    }

    #[test]
    fn x_22_a_cut_mac_has_sixteen_octets_at_least() {
        let key = SealKey::random().unwrap();
        let mac = key.mac("p", b"octets").unwrap();
        assert!(key.mac_begins("p", b"octets", &mac[..16]) && key.mac_begins("p", b"octets", &mac));
        assert!(!key.mac_begins("p", b"octets", &mac[..15]) && !key.mac_begins("p", b"octets", b""));
        assert!(!key.mac_begins("q", b"octets", &mac[..16]) && !key.mac_begins("p", b"octet", &mac[..16]));
        assert_ne!(key.derived("a").unwrap().secret(), key.derived("b").unwrap().secret());
    }

    #[test]
    fn x_22_any_changed_octet_is_noticed() {
        let key = SealKey::random().unwrap();
        let sealed = seal(&key, "n", b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&key, "n", &changed).is_err(), "octet {at}");
            assert!(open(&key, "n", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let key = SealKey::random().unwrap();
        let mut sealed = seal(&key, "n", b"").unwrap();
        sealed[5] = 2;
        assert!(open(&key, "n", &sealed).unwrap_err().to_string().contains("newer Sealgate"));
    }
}
