//! Opens an encrypted message with keys that its recipients own.
//!
//! Before it, the caller chose which certificates may be tried (security.md X-4); [`open_for`] says for which of
//! several owners it opened, because a name in a message proves nothing. Each private-key operation goes through
//! [`KeyUse`], which logs it. Whatever goes wrong after one was asked for ends in one error,
//! [`CryptoError::CannotOpen`], by the same way: a wrong content key is replaced by a random one and the
//! content is decrypted with it (RFC 3218, X-3). CBC proves nothing, so its result must be one complete,
//! well-formed MIME entity, else nothing is released (contract.md "Verdict words", X-1).

use bytes::Bytes;
use model::{Budget, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, TraceId};
use subtle::ConstantTimeEq;

use super::agree::{Scheme, originator_spki};
use super::cipher::Named;
use super::envelope::Envelope;
use super::recipient::{Method, Recipient};
use crate::CryptoError;
use crate::asn1::Malformed;
use crate::pki::Certificate;

/// Ways to the content key that are tried for one owner.
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

/// Opens EnvelopedData or AuthEnvelopedData (DER or BER) for one owner, who has these certificates.
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
    handle: (&dyn KeyUse, TraceId),
    budget: &Budget,
    is_whole: &dyn Fn(&[u8], &Budget) -> bool,
) -> Result<Opened, CryptoError> {
    open_with(der, &[own], handle, budget, is_whole).map(|(opened, _)| opened)
}

/// Opens a message for several owners and says for each whether it is theirs: the n-th answer is yes only if a
/// key of the n-th owner gave the very content key that opened it.
///
/// Being named proves nothing: anybody can put somebody's name beside octets of no meaning, and the plain text
/// would then be had with another one's key (security.md X-4). At least one answer is yes.
///
/// # Errors
/// As [`open`]: it opens for none of them.
pub fn open_for(
    der: &[u8],
    owners: &[Vec<Certificate>],
    keys: &dyn KeyUse,
    trace: TraceId,
    budget: &Budget,
) -> Result<(Opened, Vec<bool>), CryptoError> {
    let owners: Vec<&[Certificate]> = owners.iter().map(Vec::as_slice).collect();
    open_with(der, &owners, (keys, trace), budget, &message::entity::is_well_formed)
}

/// All keys are unwrapped before the content is touched: how many does not depend on what they gave.
fn open_with(
    der: &[u8],
    owners: &[&[Certificate]],
    handle: (&dyn KeyUse, TraceId),
    budget: &Budget,
    is_whole: &dyn Fn(&[u8], &Budget) -> bool,
) -> Result<(Opened, Vec<bool>), CryptoError> {
    let envelope = Envelope::read(der, budget)?;
    let mut failure = CryptoError::NoKey;
    let mut had = Vec::with_capacity(owners.len());
    for owner in owners {
        had.push(content_keys(&envelope, owner, handle, budget, &mut failure)?);
    }
    let mut tried: Vec<&SecretBytes> = Vec::new();
    for key in had.iter().flatten() {
        if tried.iter().any(|before| same(before, key)) {
            continue;
        }
        tried.push(key);
        budget.time()?;
        match release(&envelope, key, budget, is_whole) {
            Ok(opened) => return Ok((opened, had.iter().map(|keys| keys.iter().any(|own| same(own, key))).collect())),
            Err(CryptoError::CannotOpen) => failure = CryptoError::CannotOpen,
            Err(error) => return Err(error),
        }
    }
    Err(failure)
}

/// What this owner's keys give for the places where the message names them, as far as they are known here.
fn content_keys(
    envelope: &Envelope<'_>,
    owner: &[Certificate],
    handle: (&dyn KeyUse, TraceId),
    budget: &Budget,
    failure: &mut CryptoError,
) -> Result<Vec<SecretBytes>, CryptoError> {
    let places = envelope.recipients.iter().flat_map(|recipient| owner.iter().map(move |own| (recipient, own)));
    let mut keys = Vec::new();
    for (recipient, certificate) in places.filter(|(recipient, own)| recipient.name.matches(own)).take(TRIES) {
        budget.time()?;
        match content_key(recipient, certificate, &envelope.cipher, handle) {
            Ok(key) => keys.push(key),
            Err(CryptoError::Key(KeyUseError::UnknownKey)) => {}
            Err(CryptoError::Unsupported(what)) => *failure = CryptoError::Unsupported(what),
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

/// In constant time but for the lengths, which are the cipher's.
fn same(a: &SecretBytes, b: &SecretBytes) -> bool {
    a.expose().ct_eq(b.expose()).into()
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
        Method::Oaep { hash, mask } => use_key(&KeyUseRequest::UnwrapOaep { wrapped: recipient.wrapped, hash, mask }),
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
