//! Keys are used, not handed out (design decision 5).
//!
//! No interface of this project takes or gives private key bytes. Who needs a private key's work asks a
//! [`KeyUse`] handle for one operation, naming the message and the purpose; the handle logs it. Behind it
//! may stand this process, another one, a back end, or an HSM.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{SecretBytes, TraceId};

/// Identity of a private key, lower-case hex: SHA-256 of its SubjectPublicKeyInfo (DER), or the fingerprint of an OpenPGP key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get(..16).unwrap_or(&self.0))
    }
}

/// What the key is used for; written to the key-use log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyPurpose {
    /// Signing an outgoing mail.
    SignMail,
    /// Opening an incoming mail.
    OpenMail,
    /// Checking at import that key and certificate belong together.
    ImportCheck,
    /// DKIM and ARC: signing a mail for a domain.
    SignDomain,
    /// Signing a profile for a device.
    SignProfile,
}

/// What kind of key it is, as far as its user must know to build the algorithm identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA, modulus of so many bits.
    Rsa(u32),
    /// NIST P-256.
    EcP256,
    /// NIST P-384.
    EcP384,
    /// NIST P-521.
    EcP521,
    /// Ed25519: signs only.
    Ed25519,
    /// X25519: agrees only.
    X25519,
    /// An OpenPGP key with its subkeys, of whatever algorithms.
    OpenPgp,
}

/// One operation.
#[derive(Debug, Clone)]
pub enum KeyUseRequest<'a> {
    /// Sign this SHA-256 digest (32 octets): RSASSA-PKCS1-v1_5 for RSA (RFC 8017 §8.2), ECDSA in DER for EC,
    /// PureEdDSA over the digest for Ed25519 (RFC 8463 §3).
    SignSha256(&'a [u8; 32]),
    /// Sign this SHA-256 digest with RSASSA-PSS: MGF1 with SHA-256, a salt of 32 octets (RFC 8017 §8.1, RFC 4056 §3).
    SignPssSha256(&'a [u8; 32]),
    /// Sign these octets with PureEdDSA (RFC 8419 §3.1); Ed25519 only.
    SignWhole(&'a [u8]),
    /// Unwrap a content key that was encrypted with RSAES-PKCS1-v1_5 (RFC 8017 §7.2). Never fails on bad
    /// padding: it returns random bytes of `expected` length instead (RFC 3218), so that nothing can be
    /// learnt from the difference.
    UnwrapPkcs1 {
        /// RecipientInfo's encryptedKey.
        wrapped: &'a [u8],
        /// Octets of the content key that the content cipher needs.
        expected: usize,
    },
    /// Unwrap a content key that was encrypted with RSAES-OAEP.
    UnwrapOaep {
        /// RecipientInfo's encryptedKey.
        wrapped: &'a [u8],
        /// Name of the hash: `sha1`, `sha224`, `sha256`, `sha384`, `sha512`.
        hash: &'static str,
        /// Name of MGF1's hash, which may be another one.
        mask: &'static str,
    },
    /// Agree on a shared secret with the ephemeral public key (SubjectPublicKeyInfo, DER): the x coordinate.
    Agree {
        /// The originator's public key.
        public: &'a [u8],
    },
    /// OpenPGP: sign a digest. The answer is the signature's algorithm-specific part (RFC 9580 §5.2.3).
    PgpSign {
        /// Fingerprint of the (sub)key, lower-case hex.
        subkey: &'a str,
        /// Number of the hash (RFC 9580 §9.5).
        hash: u8,
        /// The digest.
        digest: &'a [u8],
    },
    /// OpenPGP: unwrap a session key as it lies in its packet. The result proves nothing about the input.
    PgpUnwrap {
        /// Fingerprint of the (sub)key, lower-case hex.
        subkey: &'a str,
        /// The algorithm-specific part of the packet (RFC 9580 §5.1).
        wrapped: &'a [u8],
        /// Octets that are expected, where it is known.
        expected: Option<usize>,
    },
}

/// Why a key operation gave nothing. Never says anything about padding or plain text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyUseError {
    /// No such key here.
    #[error("this key is not known here")]
    UnknownKey,
    /// The key can't do this operation.
    #[error("the key cannot be used for this")]
    Unsuitable,
    /// The operation failed.
    #[error("the key operation failed")]
    Failed,
    /// The vault is closed or can't be reached; trying again may help.
    #[error("the key vault is not available: {0}")]
    Unavailable(Cow<'static, str>),
}

/// A handle on the private keys that this node may use.
pub trait KeyUse: Send + Sync {
    /// Kind of the key, `None` if it is not known here.
    fn kind(&self, key: &KeyId) -> Option<KeyKind>;

    /// Does one operation and logs it with key, message and purpose.
    ///
    /// CPU-heavy and blocking: call it on the CPU pool, not on a runtime's thread.
    ///
    /// # Errors
    /// See [`KeyUseError`]. A result of [`KeyUseRequest::UnwrapPkcs1`] proves nothing about the input.
    fn use_key(&self, key: &KeyId, trace: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError>;
}
