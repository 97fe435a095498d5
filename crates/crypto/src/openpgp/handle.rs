//! A private key of ours as the library wants to use it: each operation goes through [`KeyUse`], which logs it.

use model::{KeyId, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, TraceId};
use sequoia_openpgp::crypto::mpi::{Ciphertext, Signature};
use sequoia_openpgp::crypto::{Decryptor, SessionKey, Signer};
use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::HashAlgorithm;

use super::PgpKey;

/// A key of ours: the certificate, the handle's name for its private part, and which of its keys are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPgp {
    /// The handle's name.
    pub id: KeyId,
    /// The certificate.
    pub key: PgpKey,
    /// Fingerprints of the keys whose private part is here, lower-case hex.
    pub secrets: Vec<String>,
}

/// One (sub)key of ours at work for one message.
pub(super) struct Handle<'a> {
    pub(super) keys: &'a dyn KeyUse,
    pub(super) id: &'a KeyId,
    pub(super) trace: TraceId,
    pub(super) purpose: KeyPurpose,
    pub(super) public: Key<PublicParts, UnspecifiedRole>,
    /// Why the last operation gave nothing.
    pub(super) failure: Option<KeyUseError>,
}

impl<'a> Handle<'a> {
    /// The (sub)key of this fingerprint, if the certificate has it.
    pub(super) fn new(own: &'a OwnPgp, fingerprint: &str, (keys, trace): (&'a dyn KeyUse, TraceId), purpose: KeyPurpose) -> Option<Self> {
        let is = |key: &Key<PublicParts, UnspecifiedRole>| key.fingerprint().to_hex().eq_ignore_ascii_case(fingerprint);
        let public = own.key.cert().keys().map(|ka| ka.key().clone()).find(is)?;
        Some(Self { keys, id: &own.id, trace, purpose, public, failure: None })
    }

    fn use_key(&mut self, request: &KeyUseRequest<'_>) -> sequoia_openpgp::Result<model::SecretBytes> {
        self.keys.use_key(self.id, self.trace, self.purpose, request).map_err(|error| {
            self.failure = Some(error.clone());
            sequoia_openpgp::Error::InvalidOperation(error.to_string()).into()
        })
    }

    fn subkey(&self) -> String {
        self.public.fingerprint().to_hex().to_ascii_lowercase()
    }
}

impl Signer for Handle<'_> {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }

    fn sign(&mut self, hash: HashAlgorithm, digest: &[u8]) -> sequoia_openpgp::Result<Signature> {
        let subkey = self.subkey();
        let made = self.use_key(&KeyUseRequest::PgpSign { subkey: &subkey, hash: hash.into(), digest })?;
        Signature::parse(self.public.pk_algo(), made.expose())
    }
}

impl Decryptor for Handle<'_> {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.public
    }

    fn decrypt(&mut self, ciphertext: &Ciphertext, expected: Option<usize>) -> sequoia_openpgp::Result<SessionKey> {
        let (subkey, wrapped) = (self.subkey(), ciphertext.to_vec()?);
        let plain = self.use_key(&KeyUseRequest::PgpUnwrap { subkey: &subkey, wrapped: &wrapped, expected })?;
        // The library reads the first octet and the last two without asking whether they are there.
        if plain.expose().len() < 3 {
            return Err(sequoia_openpgp::Error::InvalidSessionKey("too short".into()).into());
        }
        Ok(SessionKey::from(plain.expose()))
    }
}
