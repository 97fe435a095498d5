//! Encrypts a MIME entity for one or more certificates, signed before where a signer is given: one OpenPGP message with both
//! in it (RFC 3156 §6.2), as other programs make it too.
//!
//! Integrity is always protected: version 2 of the container (AEAD) where every certificate announces it, else version 1. Nothing is
//! compressed: what an attacker can choose must not show in the length of what he can't.

use std::io::Write;

use bytes::Bytes;
use model::{KeyPurpose, KeyUse, Timestamp, TraceId};
use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::cert::Preferences;
use sequoia_openpgp::serialize::stream::{Armorer, Encryptor, LiteralWriter, Message, Recipient, Signer};

use super::handle::{Handle, OwnPgp};
use super::make::failed;
use super::{PgpKey, PgpState, system_time};
use crate::CryptoError;

/// Encrypts `entity` (7-bit, CRLF) and gives armour with CRLF line ends. The same certificate twice counts once.
///
/// # Errors
/// [`CryptoError::Certificate`] names the first that can't be encrypted to, or the signer's that can't sign; none at all is
/// [`CryptoError::NoKey`]; [`CryptoError::Key`] when the handle gives no signature.
pub fn encrypt(
    entity: &[u8],
    to: &[PgpKey],
    signer: Option<&OwnPgp>,
    handle: (&dyn KeyUse, TraceId),
    now: Timestamp,
) -> Result<Bytes, CryptoError> {
    let mut unique: Vec<&PgpKey> = Vec::new();
    for key in to {
        if !unique.contains(&key) {
            unique.push(key);
        }
    }
    if unique.is_empty() {
        return Err(CryptoError::NoKey);
    }
    let valid: Vec<_> = unique.iter().map(|key| key.valid(now).ok_or_else(|| refused(key, now))).collect::<Result<_, _>>()?;
    let mut recipients: Vec<Recipient<'_>> = Vec::new();
    for (key, valid) in unique.iter().zip(&valid) {
        let before = recipients.len();
        if key.state(now) == PgpState::Good {
            let keys = valid.keys().supported().alive().revoked(false).for_transport_encryption().for_storage_encryption();
            recipients.extend(keys.map(|ka| Recipient::new(valid.features(), ka.key().key_handle(), ka.key())));
        }
        if recipients.len() == before {
            return Err(refused(key, now));
        }
    }
    let mut armour = Vec::with_capacity(entity.len() * 3 / 2 + 4096);
    let message = Armorer::new(Message::new(&mut armour)).kind(Kind::Message).build().map_err(failed)?;
    let mut message = Encryptor::for_recipients(message, recipients).build().map_err(failed)?;
    if let Some(own) = signer {
        let fingerprint = own.key.signing_key(&own.secrets, now).ok_or_else(|| refused(&own.key, now))?;
        let handle = Handle::new(own, &fingerprint, handle, KeyPurpose::SignMail);
        let handle = handle.ok_or(CryptoError::Key(model::KeyUseError::UnknownKey))?;
        let mut signer = Signer::new(message, handle).map_err(failed)?.creation_time(system_time(now));
        for key in &unique {
            // So that nobody can pass the signed text on as if it had been written to somebody else.
            signer = signer.add_intended_recipient(key.cert());
        }
        message = signer.build().map_err(failed)?;
    }
    let mut literal = LiteralWriter::new(message).build().map_err(failed)?;
    literal.write_all(entity).map_err(failed)?;
    literal.finalize().map_err(failed)?;
    Ok(crlf(&armour))
}

fn refused(key: &PgpKey, now: Timestamp) -> CryptoError {
    let why = match key.state(now) {
        PgpState::Expired => "it has expired",
        PgpState::Revoked => "it was revoked",
        PgpState::Weak => "it does not count as secure",
        PgpState::Good => "no key in it is for this use",
    };
    CryptoError::Certificate { subject: key.fingerprint().to_owned(), why }
}

/// PGP/MIME around an armoured message (RFC 3156 §4): `Content-Type`, an empty line, the control part and the data.
///
/// # Errors
/// When the system gives no randomness.
pub fn as_entity(armour: &[u8]) -> Result<Bytes, CryptoError> {
    let mut random = [0; 18];
    getrandom::fill(&mut random)?;
    let boundary = crate::pki::hex(&random);
    let head = format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n\r\nVersion: 1\r\n\r\n\
         --{boundary}\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\nContent-Description: OpenPGP encrypted message\r\n\
         Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n"
    );
    Ok([head.as_bytes(), armour, format!("\r\n--{boundary}--\r\n").as_bytes()].concat().into())
}

fn crlf(text: &[u8]) -> Bytes {
    let mut lines = Vec::with_capacity(text.len() + text.len() / 60);
    for octet in text.iter().filter(|octet| **octet != b'\r') {
        if *octet == b'\n' {
            lines.push(b'\r');
        }
        lines.push(*octet);
    }
    lines.into()
}
