//! Opens an encrypted message with keys that its recipients own.
//!
//! Before it, the caller chose which certificates may be tried (security.md X-4). Each private-key operation
//! goes through [`KeyUse`], which logs it. Whatever goes wrong after one was asked for ends in one error,
//! [`CryptoError::CannotOpen`], by the same way: a wrong content key is replaced by a random one and the
//! content is decrypted with it (RFC 3218, X-3). CBC proves nothing, so its result must be one complete,
//! well-formed MIME entity, else nothing is released (contract.md "Verdict words", X-1).

use bytes::Bytes;
use model::{Budget, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, TraceId};

use super::agree::{Scheme, originator_spki};
use super::cipher::Named;
use super::envelope::Envelope;
use super::recipient::{Method, Recipient};
use crate::CryptoError;
use crate::asn1::Malformed;
use crate::pki::Certificate;

/// Ways to the content key that are tried for one message.
const TRIES: usize = 8;

/// An opened message.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The MIME entity inside.
    pub entity: Bytes,
    /// The content cipher: `aes256-gcm`, `aes256-cbc`, `des-ede3-cbc`, ….
    pub cipher_word: &'static str,
    /// True for GCM. False: anybody may have made or changed the content; say `unauthenticated`.
    pub authenticated: bool,
}

/// Opens EnvelopedData or AuthEnvelopedData (DER or BER) for the first of `own` that works.
///
/// # Errors
/// [`CryptoError::NoKey`] when none of `own` is named; [`CryptoError::CannotOpen`] for any failure with a key;
/// [`CryptoError::Key`] with `Unavailable` when the vault is away; malformed or unsupported input.
pub fn open(der: &[u8], own: &[Certificate], keys: &dyn KeyUse, trace: TraceId, budget: &Budget) -> Result<Opened, CryptoError> {
    open_if(der, own, (keys, trace), budget, &message::entity::is_well_formed)
}

/// As [`open`], with another test of what CBC gave.
///
/// # Errors
/// As [`open`].
pub fn open_if(
    der: &[u8],
    own: &[Certificate],
    (keys, trace): (&dyn KeyUse, TraceId),
    budget: &Budget,
    is_whole: &dyn Fn(&[u8], &Budget) -> bool,
) -> Result<Opened, CryptoError> {
    let envelope = Envelope::read(der, budget)?;
    let mut failure = CryptoError::NoKey;
    let mut tries = 0;
    for recipient in &envelope.recipients {
        for certificate in own.iter().filter(|certificate| recipient.name.matches(certificate)) {
            tries += 1;
            if tries > TRIES {
                return Err(failure);
            }
            budget.time()?;
            let key = match content_key(recipient, certificate, &envelope.cipher, (keys, trace)) {
                Ok(key) => key,
                Err(CryptoError::Key(KeyUseError::UnknownKey)) => continue,
                Err(error @ CryptoError::Key(KeyUseError::Unavailable(_))) => return Err(error),
                Err(CryptoError::Unsupported(what)) => {
                    failure = CryptoError::Unsupported(what);
                    continue;
                }
                Err(error) => return Err(error),
            };
            match release(&envelope, &key, budget, is_whole) {
                Ok(opened) => return Ok(opened),
                Err(CryptoError::CannotOpen) => failure = CryptoError::CannotOpen,
                Err(error) => return Err(error),
            }
        }
    }
    Err(failure)
}

fn release(
    envelope: &Envelope<'_>,
    key: &SecretBytes,
    budget: &Budget,
    is_whole: &dyn Fn(&[u8], &Budget) -> bool,
) -> Result<Opened, CryptoError> {
    budget.bytes(envelope.content.len())?;
    let (attributes, tag) =
        envelope.authentication.as_ref().map_or((&[][..], &[][..]), |found| (found.attributes.as_slice(), found.tag.as_slice()));
    let plain = envelope.cipher.decrypt(key.expose(), &envelope.content, attributes, tag)?;
    let authenticated = envelope.authentication.is_some();
    if !authenticated && !is_whole(&plain, budget) {
        return Err(CryptoError::CannotOpen);
    }
    Ok(Opened { entity: Bytes::from(plain), cipher_word: envelope.cipher.word(), authenticated })
}

/// The content key, or random bytes of its length where it can't be had.
fn content_key(
    recipient: &Recipient<'_>,
    certificate: &Certificate,
    cipher: &Named,
    (keys, trace): (&dyn KeyUse, TraceId),
) -> Result<SecretBytes, CryptoError> {
    let expected = cipher.key_length();
    let use_key = |request: &KeyUseRequest<'_>| keys.use_key(certificate.key_id(), trace, KeyPurpose::OpenMail, request);
    let found = match &recipient.method {
        Method::Pkcs1 => use_key(&KeyUseRequest::UnwrapPkcs1 { wrapped: recipient.wrapped, expected }),
        Method::Oaep(hash) => use_key(&KeyUseRequest::UnwrapOaep { wrapped: recipient.wrapped, hash }),
        Method::Agree { scheme, point } => match originator_spki(certificate, point) {
            Ok(public) => use_key(&KeyUseRequest::Agree { public: &public }).and_then(|secret| unwrap(scheme, &secret, recipient.wrapped)),
            Err(Malformed) => Err(KeyUseError::Failed),
        },
        Method::Unsupported => return Err(CryptoError::Unsupported("this way of wrapping the content key")),
    };
    match found {
        Ok(key) if key.expose().len() == expected => Ok(key),
        Ok(_) | Err(KeyUseError::Failed | KeyUseError::Unsuitable) => Ok(SecretBytes::random(expected)?),
        Err(error @ (KeyUseError::UnknownKey | KeyUseError::Unavailable(_))) => Err(CryptoError::Key(error)),
    }
}

fn unwrap(scheme: &Scheme, secret: &SecretBytes, wrapped: &[u8]) -> Result<SecretBytes, KeyUseError> {
    let mut key = scheme.unwrap(secret.expose(), wrapped).map_err(|_| KeyUseError::Failed)?;
    Ok(SecretBytes::new(std::mem::take(&mut *key)))
}
