//! Encrypts a MIME entity for one or more certificates (RFC 8551 §3.3, §3.4).
//!
//! AES-256-GCM gives AuthEnvelopedData, AES-256-CBC EnvelopedData. RSA recipients get the content key by
//! RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1) or RSAES-OAEP (RFC 3560), elliptic-curve ones by ECDH (RFC 5753, RFC 8418). The plain text is read once,
//! the ciphertext is written in place and then once more as base64: nothing else is copied.

use bytes::Bytes;
use openssl::md::Md;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;

use super::ContentCipher;
use super::agree::agree;
use super::armour::{base64_lines, encoded_length};
use super::cipher::Fresh;
use crate::CryptoError;
use crate::asn1::read::{BIT_STRING, OCTET_STRING, SEQUENCE, SET};
use crate::asn1::{oid, write};
use crate::pki::Certificate;
use model::KeyKind;

/// How RSA recipients get the content key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyTransport {
    /// RSAES-PKCS1-v1_5, but RSAES-OAEP for those whose certificate announces that they read it.
    #[default]
    Pkcs1,
    /// RSAES-OAEP with SHA-256 for all.
    Oaep,
}

/// Encrypts `entity` (7-bit, CRLF) and gives the `application/pkcs7-mime` entity: `Content-*` fields, an empty
/// line, base64 in lines of 76. The same certificate twice counts once.
///
/// # Errors
/// [`CryptoError::Certificate`] names the first that can't be encrypted to; none at all is
/// [`CryptoError::NoKey`].
pub fn encrypt(entity: &[u8], to: &[Certificate], cipher: ContentCipher) -> Result<Bytes, CryptoError> {
    encrypt_by(entity, to, cipher, KeyTransport::default())
}

/// As [`encrypt`], with the padding for RSA keys chosen.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_by(entity: &[u8], to: &[Certificate], cipher: ContentCipher, transport: KeyTransport) -> Result<Bytes, CryptoError> {
    let fresh = Fresh::new(cipher)?;
    let mut infos = Vec::with_capacity(to.len());
    let mut has_agreement = false;
    for (at, certificate) in to.iter().enumerate() {
        if to.iter().take(at).any(|earlier| earlier == certificate) {
            continue;
        }
        has_agreement |= !matches!(certificate.kind(), Some(KeyKind::Rsa(_)));
        infos.push(recipient_info(certificate, &fresh.key, transport)?);
    }
    if infos.is_empty() {
        return Err(CryptoError::NoKey);
    }
    let infos = write::set_of(SET, infos);
    let cms = match cipher {
        ContentCipher::Aes256Cbc => enveloped(entity, &fresh, &infos, if has_agreement { 2 } else { 0 })?,
        ContentCipher::Aes256Gcm => auth_enveloped(entity, &fresh, &infos)?,
    };
    Ok(as_entity(&cms, cipher))
}

/// EnvelopedData ::= SEQUENCE { version, recipientInfos, encryptedContentInfo } (RFC 5652 §6.1).
fn enveloped(entity: &[u8], fresh: &Fresh, infos: &[u8], version: u8) -> Result<Vec<u8>, CryptoError> {
    let length = fresh.sealed_length(entity.len());
    let (mut cms, suffix) = encrypted_content(fresh, length)
        .wrap(SEQUENCE, &[&write::small(version), infos], &[])
        .wrap(0xa0, &[], &[])
        .wrap(SEQUENCE, &[&write::oid(oid::ENVELOPED_DATA)], &[])
        .parts();
    cms.reserve_exact(length + 16 + suffix.len());
    fresh.encrypt(entity, &mut cms)?;
    cms.extend_from_slice(&suffix);
    Ok(cms)
}

/// AuthEnvelopedData ::= SEQUENCE { version 0, recipientInfos, authEncryptedContentInfo, mac } (RFC 5083 §2.1).
/// authAttrs may be left out, because the content is id-data (§2.2).
fn auth_enveloped(entity: &[u8], fresh: &Fresh, infos: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let length = fresh.sealed_length(entity.len());
    let place = [0; super::cipher::TAG];
    let (mut cms, mut suffix) = encrypted_content(fresh, length)
        .wrap(SEQUENCE, &[&write::small(0), infos], &[&write::octets(&place)])
        .wrap(0xa0, &[], &[])
        .wrap(SEQUENCE, &[&write::oid(oid::AUTH_ENVELOPED_DATA)], &[])
        .parts();
    cms.reserve_exact(length + 16 + suffix.len());
    let tag = fresh.encrypt(entity, &mut cms)?;
    // The tag is the last thing in the message.
    suffix.truncate(suffix.len().saturating_sub(tag.len()));
    cms.extend_from_slice(&suffix);
    cms.extend_from_slice(&tag);
    Ok(cms)
}

/// EncryptedContentInfo ::= SEQUENCE { contentType, contentEncryptionAlgorithm, [0] IMPLICIT content }.
fn encrypted_content(fresh: &Fresh, length: usize) -> write::Frame {
    write::Frame::around(length).wrap(0x80, &[], &[]).wrap(SEQUENCE, &[&write::oid(oid::DATA), &fresh.algorithm()], &[])
}

fn recipient_info(certificate: &Certificate, content_key: &[u8], transport: KeyTransport) -> Result<Vec<u8>, CryptoError> {
    let refused = |why| CryptoError::Certificate { subject: certificate.subject(), why };
    if !certificate.may_encrypt_mail() {
        return Err(refused("its usages or its kind of key do not allow encrypting mail"));
    }
    if !certificate.is_strong() {
        return Err(refused("its key is too short to protect anything"));
    }
    let rid = write::sequence(&[certificate.issuer_der(), &write::tlv(0x02, &[certificate.serial_octets()])]);
    if let Some(KeyKind::Rsa(_)) = certificate.kind() {
        let mut context = PkeyCtx::new(certificate.x509().public_key()?.as_ref())?;
        context.encrypt_init()?;
        let algorithm = if transport == KeyTransport::Oaep || certificate.announces_oaep() {
            context.set_rsa_padding(Padding::PKCS1_OAEP)?;
            context.set_rsa_oaep_md(Md::sha256())?;
            context.set_rsa_mgf1_md(Md::sha256())?;
            oaep_sha256()
        } else {
            context.set_rsa_padding(Padding::PKCS1)?;
            write::algorithm_null(oid::RSA)
        };
        let mut wrapped = Vec::new();
        context.encrypt_to_vec(content_key, &mut wrapped).map_err(|_| refused("its key is too short"))?;
        return Ok(write::sequence(&[&write::small(0), &rid, &algorithm, &write::octets(&wrapped)]));
    }
    let agreed = agree(certificate, content_key)?;
    let originator = write::tlv(0xa1, &[&agreed.algorithm, &write::tlv(BIT_STRING, &[&[0], &agreed.point])]);
    let keys = write::sequence(&[&write::sequence(&[&rid, &write::tlv(OCTET_STRING, &[&agreed.wrapped])])]);
    Ok(write::tlv(0xa1, &[&write::small(3), &write::tlv(0xa0, &[&originator]), &agreed.key_encryption, &keys]))
}

/// RSAES-OAEP-params with SHA-256 for both hashes (RFC 4055 §4.1).
fn oaep_sha256() -> Vec<u8> {
    let sha256 = write::algorithm_null(oid::SHA256);
    let mask = write::sequence(&[&write::oid(oid::MGF1), &sha256]);
    let parameters = write::sequence(&[&write::tlv(0xa0, &[&sha256]), &write::tlv(0xa1, &[&mask])]);
    write::sequence(&[&write::oid(oid::RSA_OAEP), &parameters])
}

fn as_entity(cms: &[u8], cipher: ContentCipher) -> Bytes {
    let kind = match cipher {
        ContentCipher::Aes256Cbc => "enveloped-data",
        ContentCipher::Aes256Gcm => "authEnveloped-data",
    };
    let head = format!(
        "Content-Type: application/pkcs7-mime; smime-type={kind};\r\n name=\"smime.p7m\"\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n"
    );
    let mut out = Vec::with_capacity(head.len() + encoded_length(cms.len()));
    out.extend_from_slice(head.as_bytes());
    base64_lines(cms, &mut out);
    Bytes::from(out)
}
