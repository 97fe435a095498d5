//! What can go wrong in this room, in words that tell an administrator what to do.

use std::path::PathBuf;

use crypto::CryptoError;
use crypto::pki::import::ImportError;
use model::{Fault, Guilty};

/// A vault, a master key or an import gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// `master_key` is written in a form that is not known.
    #[error("master_key = {0:?} is not understood: write file:PATH or credential:NAME")]
    MasterSource(String),
    /// The master key's file can't be read.
    #[error("the master key {path} cannot be read: {cause}")]
    MasterUnreadable {
        /// Where.
        path: PathBuf,
        /// The system's word.
        cause: std::io::Error,
    },
    /// Others than the owner may read it.
    #[error("the master key {path} can be read by others (mode {mode:03o}): run chmod 600 on it")]
    MasterExposed {
        /// Where.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file does not hold 32 octets in base64 or hex.
    #[error("the master key {0} does not hold 32 octets in base64 or hex")]
    MasterShape(PathBuf),
    /// `credential:NAME` without systemd's directory.
    #[error("master_key names a credential, but CREDENTIALS_DIRECTORY is not set: start it by systemd with LoadCredential=")]
    NoCredentials,
    /// The data keys were wrapped by another master key.
    #[error("this is not the master key that the data was sealed with (data key of epoch {0} does not open)")]
    WrongMasterKey(i64),
    /// The vault has no data key of this epoch, or none at all.
    #[error("the vault has no data key of epoch {0}")]
    NoDataKey(i64),
    /// A file of keys or certificates can't be taken.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The certificate, or OpenPGP key, can't serve for what it is imported for.
    #[error("the certificate of {subject} cannot be taken: {why}")]
    Unsuitable {
        /// Whose.
        subject: String,
        /// Why not.
        why: Unfit,
    },
    /// The key belongs to somebody else here.
    #[error("this key belongs to {0}: a key has one owner")]
    OtherOwner(String),
    /// Below, in the primitives.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Why a certificate or OpenPGP key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It names others.
    #[error("it was made for another address")]
    OtherAddress,
    /// It names nobody.
    #[error("it names no mail address")]
    NoAddress,
    /// Its usages forbid both.
    #[error("it allows neither signing nor encrypting mail")]
    NotForMail,
    /// Its usages forbid it, or its key is of a kind that only signs.
    #[error("mail can't be encrypted to it")]
    NotForEncryption,
    /// RSA below what protects.
    #[error("its key is too short: RSA from 2048 bits is taken")]
    TooShort,
    /// Its time is over.
    #[error("its time is over")]
    Over,
    /// Its owner has revoked it.
    #[error("its owner has revoked it")]
    Revoked,
    /// Made with what does not count as secure any more.
    #[error("it does not count as secure")]
    Insecure,
    /// A root is wanted.
    #[error("it is no certificate authority's")]
    NoAuthority,
}

impl Unfit {
    /// Stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherAddress => "certificate-other-address",
            Self::NoAddress => "certificate-no-address",
            Self::NotForMail => "certificate-not-for-mail",
            Self::NotForEncryption => "certificate-not-for-encryption",
            Self::TooShort => "certificate-too-short",
            Self::Over => "certificate-over",
            Self::Revoked => "certificate-revoked",
            Self::Insecure => "certificate-insecure",
            Self::NoAuthority => "certificate-no-authority",
        }
    }
}

impl From<KeyringError> for Fault {
    fn from(error: KeyringError) -> Self {
        let cause = error.to_string();
        match error {
            KeyringError::Crypto(error) => error.into(),
            KeyringError::Import(error) => error.into(),
            KeyringError::NoDataKey(_) => Self::temporary(Guilty::Ourselves, "vault-data-key-missing", cause),
            KeyringError::WrongMasterKey(_) => Self::permanent(Guilty::Configuration, "vault-master-key-wrong", cause),
            KeyringError::Unsuitable { ref subject, why } => {
                Self::permanent(Guilty::Sender, why.code(), cause.clone()).with("subject", subject)
            }
            KeyringError::OtherOwner(ref owner) => Self::permanent(Guilty::Sender, "key-of-another", cause.clone()).with("owner", owner),
            KeyringError::MasterSource(_)
            | KeyringError::MasterUnreadable { .. }
            | KeyringError::MasterExposed { .. }
            | KeyringError::MasterShape(_)
            | KeyringError::NoCredentials => Self::permanent(Guilty::Configuration, "vault-master-key-unusable", cause),
        }
    }
}
