//! Private-key operations of OpenPGP in this process: what a vault holds while a key is open.

use model::{KeyUseError, KeyUseRequest, SecretBytes};
use sequoia_openpgp::Cert;
use sequoia_openpgp::crypto::mpi::Ciphertext;
use sequoia_openpgp::crypto::{Decryptor, KeyPair, Signer};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::HashAlgorithm;

use crate::CryptoError;

/// An opened key with its subkeys. Has no way to give its bytes away.
pub struct SoftPgp {
    cert: Cert,
    fingerprint: String,
}

impl SoftPgp {
    /// Opens what `make` or `import` gave.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if it is no private key.
    pub fn open(bytes: &SecretBytes) -> Result<Self, CryptoError> {
        let cert = Cert::from_bytes(bytes.expose()).map_err(|_| CryptoError::Malformed("private key"))?;
        if !cert.is_tsk() {
            return Err(CryptoError::Malformed("private key"));
        }
        let fingerprint = cert.fingerprint().to_hex().to_ascii_lowercase();
        Ok(Self { cert, fingerprint })
    }

    /// Fingerprint of the primary key, lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The private key protected by a pass phrase, in armour: for its owner to take away (M-C12).
    ///
    /// # Errors
    /// [`CryptoError::Primitive`].
    pub fn export(&self, pass: &model::SecretText) -> Result<SecretBytes, CryptoError> {
        super::import::protected(&self.cert, pass.expose()).map(SecretBytes::new)
    }

    /// Does one operation. The caller logs it.
    ///
    /// # Errors
    /// [`KeyUseError::Unsuitable`] where there is no such subkey or it can't do it, [`KeyUseError::Failed`] else.
    pub fn perform(&self, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        match request {
            KeyUseRequest::PgpSign { subkey, hash, digest } => {
                let mut pair = self.pair(subkey)?;
                let made = pair.sign(HashAlgorithm::from(*hash), digest).map_err(|_| KeyUseError::Failed)?;
                made.to_vec().map(SecretBytes::new).map_err(|_| KeyUseError::Failed)
            }
            KeyUseRequest::PgpUnwrap { subkey, wrapped, expected } => {
                let mut pair = self.pair(subkey)?;
                let wrapped = Ciphertext::parse(pair.public().pk_algo(), *wrapped).map_err(|_| KeyUseError::Failed)?;
                let plain = pair.decrypt(&wrapped, *expected).map_err(|_| KeyUseError::Failed)?;
                Ok(SecretBytes::new(plain.to_vec()))
            }
            _ => Err(KeyUseError::Unsuitable),
        }
    }

    fn pair(&self, fingerprint: &str) -> Result<KeyPair, KeyUseError> {
        let mut keys = self.cert.keys().secret();
        let found = keys.find(|ka| ka.key().fingerprint().to_hex().eq_ignore_ascii_case(fingerprint));
        let key = found.ok_or(KeyUseError::Unsuitable)?.key().clone();
        key.into_keypair().map_err(|_| KeyUseError::Unsuitable)
    }
}

impl std::fmt::Debug for SoftPgp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoftPgp({})", self.fingerprint)
    }
}
