//! What can go wrong in this room.
//!
//! A message that can't be opened has one error whatever the cause ([`CryptoError::CannotOpen`]): bad
//! padding, a wrong content key, a wrong tag and broken content look alike (security.md X-3, RFC 3218).

use model::{Exhausted, Fault, Guilty, KeyUseError};

/// An operation gave nothing. Verdicts on signatures are no errors, see [`crate::smime::SignatureFinding`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum CryptoError {
    /// The bytes are not what they claim to be: no CMS, no certificate.
    #[error("this is no well-formed {0}")]
    Malformed(&'static str),
    /// The bytes ask for something that is not built or not allowed.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// None of the keys given is named in the message. Depends on the message's addressing only.
    #[error("the message is encrypted for none of these keys")]
    NoKey,
    /// It could not be opened. Never says why.
    #[error("the message could not be opened")]
    CannotOpen,
    /// A certificate can't be used for what was asked.
    #[error("the certificate of {subject} cannot be used: {why}")]
    Certificate {
        /// Whose.
        subject: String,
        /// Why not.
        why: &'static str,
    },
    /// The key handle gave nothing.
    #[error(transparent)]
    Key(#[from] KeyUseError),
    /// The work grew over its bound.
    #[error(transparent)]
    Budget(#[from] Exhausted),
    /// Something that we stored can't be read back: another key, another name, or damage.
    #[error("this sealed value cannot be opened here")]
    Seal,
    /// A stored format of another program or a later version.
    #[error(transparent)]
    Format(#[from] model::format::FormatError),
    /// OpenSSL or the system's randomness failed.
    #[error("a primitive failed: {0}")]
    Primitive(String),
}

impl From<openssl::error::ErrorStack> for CryptoError {
    fn from(stack: openssl::error::ErrorStack) -> Self {
        Self::Primitive(stack.to_string())
    }
}

impl From<getrandom::Error> for CryptoError {
    fn from(error: getrandom::Error) -> Self {
        Self::Primitive(error.to_string())
    }
}

impl From<CryptoError> for Fault {
    fn from(error: CryptoError) -> Self {
        let cause = error.to_string();
        match error {
            CryptoError::Malformed(_) | CryptoError::Unsupported(_) => Self::permanent(Guilty::Sender, "crypto-malformed", cause),
            CryptoError::NoKey | CryptoError::CannotOpen => Self::permanent(Guilty::Sender, "crypto-cannot-open", cause),
            CryptoError::Certificate { .. } => Self::permanent(Guilty::Configuration, "crypto-certificate-unsuitable", cause),
            CryptoError::Key(KeyUseError::Unavailable(_)) => Self::temporary(Guilty::Ourselves, "key-vault-unavailable", cause),
            CryptoError::Key(_) => Self::permanent(Guilty::Configuration, "key-unusable", cause),
            CryptoError::Budget(_) => Self::permanent(Guilty::Sender, "crypto-too-costly", cause),
            CryptoError::Seal | CryptoError::Format(_) => Self::permanent(Guilty::Ourselves, "seal-broken", cause),
            CryptoError::Primitive(_) => Self::temporary(Guilty::Ourselves, "crypto-failed", cause),
        }
    }
}
