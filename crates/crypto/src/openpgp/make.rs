//! New keys and their revocation.
//!
//! Version 4 with Curve25519 by default, as GnuPG 2.2 can't read version 6; RSA where a partner needs it (takes seconds:
//! call it on the CPU pool). The primary key certifies, one subkey signs, one is encrypted to.

use std::time::Duration;

use model::{Address, KeyPurpose, KeyUse, SecretBytes, Timestamp, TraceId};
use sequoia_openpgp::Profile;
use sequoia_openpgp::cert::{CertBuilder, CertRevocationBuilder, CipherSuite};
use sequoia_openpgp::packet::UserID;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::ReasonForRevocation;

use super::handle::{Handle, OwnPgp};
use super::{PgpKey, system_time};
use crate::CryptoError;

/// What kind of key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Generation {
    /// Version 4, Ed25519 and X25519 as RFC 4880's successors knew them.
    #[default]
    V4,
    /// Version 4, RSA of 3072 bits.
    V4Rsa,
    /// Version 6 (RFC 9580).
    V6,
}

/// A new key.
#[derive(Debug)]
pub struct Made {
    /// The private key, for the vault.
    pub secret: SecretBytes,
    /// The certificate.
    pub key: PgpKey,
    /// Fingerprints of the keys whose private part is in it.
    pub secrets: Vec<String>,
}

/// Makes a key for one address.
///
/// # Errors
/// [`CryptoError::Primitive`].
pub fn make(name: &str, address: &Address, kind: Generation, now: Timestamp, lifetime: Option<Duration>) -> Result<Made, CryptoError> {
    let (suite, profile) = match kind {
        Generation::V4 => (CipherSuite::Cv25519, Profile::RFC4880),
        Generation::V4Rsa => (CipherSuite::RSA3k, Profile::RFC4880),
        Generation::V6 => (CipherSuite::Cv25519, Profile::RFC9580),
    };
    let builder = CertBuilder::general_purpose([user_id(name, address)])
        .set_cipher_suite(suite)
        .set_profile(profile)
        .map_err(failed)?
        .set_creation_time(system_time(now))
        .set_validity_period(lifetime);
    let (cert, _) = builder.generate().map_err(failed)?;
    let secret = SecretBytes::new(cert.as_tsk().to_vec().map_err(failed)?);
    let key = PgpKey::new(cert);
    Ok(Made { secret, secrets: key.fingerprints(), key })
}

/// `Name <address>`, or the address alone where the name can't stand in a user id.
fn user_id(name: &str, address: &Address) -> UserID {
    let plain: String = name.chars().filter(|c| !c.is_control() && !"<>()@\"\\".contains(*c)).take(100).collect();
    match plain.trim() {
        "" => UserID::from(format!("<{address}>")),
        name => UserID::from(format!("{name} <{address}>")),
    }
}

/// Revokes a key by itself: the certificate with its revocation in it. `lost`: somebody else may have the private key, so what it
/// ever signed does not count either; else it is only retired.
///
/// # Errors
/// [`CryptoError::Key`] when the handle gives no signature (an offline primary key, say).
pub fn revoke(own: &OwnPgp, lost: bool, handle: (&dyn KeyUse, TraceId), now: Timestamp) -> Result<PgpKey, CryptoError> {
    let primary = own.key.fingerprint().to_owned();
    let mut signer = Handle::new(own, &primary, handle, KeyPurpose::ImportCheck).ok_or(CryptoError::Key(model::KeyUseError::UnknownKey))?;
    let reason = if lost { ReasonForRevocation::KeyCompromised } else { ReasonForRevocation::KeyRetired };
    let made = CertRevocationBuilder::new()
        .set_reason_for_revocation(reason, b"")
        .and_then(|builder| builder.set_signature_creation_time(system_time(now)))
        .and_then(|builder| builder.build(&mut signer, own.key.cert(), None));
    let signature = match (made, signer.failure.take()) {
        (Ok(signature), _) => signature,
        (Err(_), Some(error)) => return Err(CryptoError::Key(error)),
        (Err(error), None) => return Err(failed(error)),
    };
    let (cert, _) = own.key.cert().clone().insert_packets([signature]).map_err(failed)?;
    Ok(PgpKey::new(cert))
}

pub(super) fn failed(error: impl std::fmt::Display) -> CryptoError {
    CryptoError::Primitive(error.to_string())
}
