//! A key pair as a file that people take elsewhere: PKCS#12 under a pass phrase, never without one (mail-gateway.md M-C12).
//!
//! The key is encrypted with AES-256 under a key that PBKDF2 derives (RFC 8018 §6.2), the whole is authenticated by a MAC with
//! SHA-256 (RFC 7292 §4, appendix B): what today's mail programs read. Before it: `keyring`, which opens the vault for this one file.

use model::SecretBytes;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::stack::Stack;

use super::Certificate;
use crate::CryptoError;

/// Rounds of the derivation; each costs a guesser as much as us.
const ROUNDS: u32 = 200_000;
/// Shortest pass phrase, in characters.
pub const PASS_MIN: usize = 8;

/// The file. `name` is what mail programs show. Takes some tenths of a second: call it on the CPU pool.
///
/// # Errors
/// [`CryptoError::Malformed`] for a pass phrase that is too short or holds a NUL; when a primitive fails.
pub fn pkcs12(private_pkcs8: &SecretBytes, chain: &[Certificate], pass: &str, name: &str) -> Result<SecretBytes, CryptoError> {
    if pass.chars().count() < PASS_MIN || pass.contains('\0') {
        return Err(CryptoError::Malformed("pass phrase"));
    }
    let (leaf, issuers) = chain.split_first().ok_or(CryptoError::Malformed("certificate"))?;
    let key = PKey::private_key_from_pkcs8(private_pkcs8.expose())?;
    let mut others = Stack::new()?;
    for issuer in issuers {
        others.push(issuer.x509().clone())?;
    }
    let mut builder = Pkcs12::builder();
    // A C string ends at NUL.
    builder.name(&name.replace('\0', "")).pkey(&key).cert(leaf.x509()).ca(others);
    builder.key_algorithm(Nid::AES_256_CBC).cert_algorithm(Nid::AES_256_CBC);
    builder.key_iter(ROUNDS).mac_iter(ROUNDS).mac_md(MessageDigest::sha256());
    Ok(SecretBytes::new(builder.build2(pass)?.to_der()?))
}
