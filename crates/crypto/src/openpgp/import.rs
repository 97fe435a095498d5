//! OpenPGP key files, as people have them: armour or binary, with private keys or without.
//!
//! Before it: an upload or `sealgate key import`. After it: `keyring`, which decides whose the keys may be and seals them. Private keys
//! leave here once, without pass phrase, in a [`SecretBytes`]. Errors are [`ImportError`]s, in words a person can act on.

use model::SecretBytes;
use sequoia_openpgp::Cert;
use sequoia_openpgp::armor::{Kind, Writer};
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::cert::amalgamation::key::PrimaryKey;
use sequoia_openpgp::crypto::{Password, S2K};
use sequoia_openpgp::packet::key::SecretKeyMaterial;
use sequoia_openpgp::packet::{Packet, Signature, Tag};
use sequoia_openpgp::parse::{PacketParser, PacketParserResult, Parse};
use sequoia_openpgp::serialize::{Marshal, MarshalInto};
use sequoia_openpgp::types::SignatureType;

use super::PgpKey;
use super::make::failed;
use crate::CryptoError;
use crate::pki::import::ImportError;

/// Certificates that one file may hold.
const CERTIFICATES: usize = 100;
/// Largest file that is read.
const MAX_BYTES: usize = 2_000_000;
/// Largest certificate that is kept: those with thousands of foreign signatures are attacks.
const CERTIFICATE_BYTES: usize = 200_000;
/// Protected private parts of one file that are opened: each costs some tenths of a second.
const PROTECTED: usize = 40;
/// Memory and turns that Argon2 may ask for a pass phrase: 512 MiB, as the exponent of KiB (RFC 9580 §3.7.1.4).
const ARGON2: (u8, u8) = (19, 16);

/// One key from a file.
#[derive(Debug)]
pub struct PgpImported {
    /// The private key without pass phrase, for the vault.
    pub secret: SecretBytes,
    /// The certificate.
    pub key: PgpKey,
    /// Fingerprints of the keys whose private part is in it.
    pub secrets: Vec<String>,
}

/// True if these octets are OpenPGP keys, or want to be: armour of a key, or a key packet (RFC 9580 §4.2).
#[must_use]
pub fn looks_so(bytes: &[u8]) -> bool {
    let armour = [&b"-----BEGIN PGP PUBLIC KEY BLOCK-----"[..], b"-----BEGIN PGP PRIVATE KEY BLOCK-----"];
    if armour.iter().any(|label| memchr::memmem::find(bytes, label).is_some()) {
        return true;
    }
    // Tags 5 and 6; a DER file begins with 0x30, text with less than 0x80.
    match bytes.first() {
        Some(first @ 0x80..=0xbf) => matches!((first & 0x3c) >> 2, 5 | 6),
        Some(first @ 0xc0..) => matches!(first & 0x3f, 5 | 6),
        _ => false,
    }
}

/// Private keys with their certificates.
///
/// # Errors
/// See [`ImportError`]; [`ImportError::NoKey`] for a file of public keys.
pub fn secret_keys(bytes: &[u8], pass: Option<&str>) -> Result<Vec<PgpImported>, ImportError> {
    let certificates = read(bytes)?;
    if certificates.is_empty() {
        return Err(ImportError::Unreadable);
    }
    let private: Vec<Cert> = certificates.into_iter().filter(Cert::is_tsk).collect();
    if private.is_empty() {
        return Err(ImportError::NoKey);
    }
    private.into_iter().map(|cert| opened(cert, pass)).collect()
}

/// Certificates.
///
/// # Errors
/// [`ImportError::Unreadable`], [`ImportError::NoCertificates`]; [`ImportError::PrivateKey`] where a private key is with one, which nobody but
/// its owner should have.
pub fn public_keys(bytes: &[u8]) -> Result<Vec<PgpKey>, ImportError> {
    let found = read(bytes)?;
    if found.iter().any(Cert::is_tsk) {
        return Err(ImportError::PrivateKey);
    }
    let keys: Vec<PgpKey> = found.into_iter().map(PgpKey::new).collect();
    if keys.is_empty() { Err(ImportError::NoCertificates) } else { Ok(keys) }
}

/// What is known of a key, with what a later file says of it: new user ids, longer validity, revocation.
///
/// # Errors
/// [`CryptoError::Malformed`] if they are two keys.
pub fn merged(known: &PgpKey, newer: &PgpKey) -> Result<PgpKey, CryptoError> {
    let merged = known.cert().clone().merge_public(newer.cert().clone());
    merged.map(PgpKey::new).map_err(|_| CryptoError::Malformed("certificate of the same key"))
}

/// A revocation that stands alone in a file, put to the certificate that it is for; `None` if it is none for this one.
#[must_use]
pub fn revoked_by(known: &PgpKey, bytes: &[u8]) -> Option<PgpKey> {
    let revocations: Vec<Signature> = bare_revocations(bytes);
    let primary = known.cert().primary_key();
    let fits = |signature: &Signature| signature.verify_primary_key_revocation(primary.key(), primary.key()).is_ok();
    let ours: Vec<Signature> = revocations.into_iter().filter(fits).collect();
    if ours.is_empty() {
        return None;
    }
    known.cert().clone().insert_packets(ours).ok().map(|(cert, _)| PgpKey::new(cert))
}

/// True if the file holds a revocation and no key.
#[must_use]
pub fn is_revocation(bytes: &[u8]) -> bool {
    !bare_revocations(bytes).is_empty()
}

fn bare_revocations(bytes: &[u8]) -> Vec<Signature> {
    if bytes.len() > MAX_BYTES {
        return Vec::new();
    }
    // GnuPG puts a colon before the armour, so that nobody imports it by accident.
    let text = String::from_utf8_lossy(bytes).replace(":-----BEGIN PGP", "-----BEGIN PGP");
    signatures(text.as_bytes()).or_else(|| signatures(bytes)).unwrap_or_default()
}

/// The revocations that are all that stands there. Nothing is unpacked: a container is none.
fn signatures(bytes: &[u8]) -> Option<Vec<Signature>> {
    let mut found = Vec::new();
    let mut result = PacketParser::from_bytes(bytes).ok()?;
    while let PacketParserResult::Some(parser) = result {
        if parser.packet.tag() != Tag::Signature {
            return None;
        }
        let (packet, rest) = parser.next().ok()?;
        match packet {
            Packet::Signature(signature) if signature.typ() == SignatureType::KeyRevocation => found.push(signature),
            _ => return None,
        }
        result = rest;
    }
    Some(found)
}

/// All certificates of a file; several blocks of armour may follow one another.
fn read(bytes: &[u8]) -> Result<Vec<Cert>, ImportError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImportError::TooLarge(MAX_BYTES));
    }
    let mut found = Vec::new();
    for block in blocks(bytes) {
        for cert in CertParser::from_bytes(block).map_err(|_| ImportError::Unreadable)? {
            let cert = cert.map_err(|_| ImportError::Unreadable)?;
            let size = cert.serialized_len();
            if found.len() >= CERTIFICATES {
                return Err(ImportError::TooMany(CERTIFICATES));
            }
            if size > CERTIFICATE_BYTES {
                return Err(ImportError::TooLarge(CERTIFICATE_BYTES));
            }
            if !is_kept_whole(&cert) {
                return Err(ImportError::Unreadable);
            }
            found.push(cert);
        }
    }
    Ok(found)
}

/// True if what is written of it can be read again: it is kept as armour, and parts that are not for others are left out there.
fn is_kept_whole(cert: &Cert) -> bool {
    let Ok(armour) = cert.armored().to_vec() else { return false };
    let read: Vec<_> = CertParser::from_bytes(&armour).into_iter().flatten().collect();
    !read.is_empty() && read.iter().all(Result::is_ok)
}

fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let begin = memchr::memmem::Finder::new("-----BEGIN PGP ");
    let starts: Vec<usize> = begin.find_iter(bytes).collect();
    if starts.is_empty() {
        return vec![bytes];
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| bytes.get(*start..end)).collect()
}

/// All private parts that are in it, opened. One on a card, or left out by its owner, is not there.
fn opened(cert: Cert, pass: Option<&str>) -> Result<PgpImported, ImportError> {
    let key = PgpKey::new(cert.clone());
    if !is_affordable(&cert) {
        return Err(ImportError::TooCostly);
    }
    let (mut packets, mut absent, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for ka in cert.keys().secret() {
        let (mut part, is_primary) = (ka.key().clone(), ka.primary());
        let fingerprint = part.fingerprint().to_hex().to_ascii_lowercase();
        if let SecretKeyMaterial::Encrypted(closed) = part.secret() {
            if matches!(closed.s2k(), S2K::Private { .. } | S2K::Unknown { .. }) {
                absent.push(fingerprint);
                continue;
            }
            let pass = pass.ok_or(ImportError::PassPhraseNeeded)?;
            part = part.decrypt_secret(&Password::from(pass)).map_err(|_| ImportError::WrongPassPhrase)?;
        }
        if !part.pk_algo().is_supported() {
            return Err(ImportError::UnsupportedKey);
        }
        secrets.push(fingerprint);
        packets.push(if is_primary { Packet::from(part.role_into_primary()) } else { Packet::from(part.role_into_subordinate()) });
    }
    if secrets.is_empty() {
        return Err(ImportError::NoKey);
    }
    let (whole, _) = key.cert().clone().insert_packets(packets).map_err(|_| ImportError::Unreadable)?;
    let bytes = whole.as_tsk().to_vec().map_err(|_| ImportError::Unreadable)?;
    Ok(PgpImported { secret: SecretBytes::new(bytes), key, secrets })
}

/// True if opening the private parts asks for work that may be done: the file says itself how much memory and how many turns its pass phrase
/// goes through (security.md X-11).
fn is_affordable(cert: &Cert) -> bool {
    let mut protected = 0;
    cert.keys().secret().all(|ka| match ka.key().secret() {
        SecretKeyMaterial::Encrypted(closed) => {
            protected += 1;
            protected <= PROTECTED && !matches!(closed.s2k(), S2K::Argon2 { m, t, .. } if *m > ARGON2.0 || *t > ARGON2.1)
        }
        SecretKeyMaterial::Unencrypted(_) => true,
    })
}

/// The private key in armour, each part protected by the pass phrase.
pub(super) fn protected(cert: &Cert, pass: &str) -> Result<Vec<u8>, CryptoError> {
    let pass = Password::from(pass);
    let mut packets = Vec::new();
    for ka in cert.keys().unencrypted_secret() {
        let (part, is_primary) = (ka.key().clone(), ka.primary());
        let part = part.encrypt_secret(&pass).map_err(failed)?;
        packets.push(if is_primary { Packet::from(part.role_into_primary()) } else { Packet::from(part.role_into_subordinate()) });
    }
    let public = cert.clone().strip_secret_key_material();
    let (closed, _) = public.insert_packets(packets).map_err(failed)?;
    let mut writer = Writer::new(Vec::new(), Kind::SecretKey).map_err(failed)?;
    closed.as_tsk().serialize(&mut writer).map_err(failed)?;
    writer.finalize().map_err(failed)
}
