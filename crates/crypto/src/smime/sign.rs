//! Signs a MIME entity: multipart/signed with a detached signature (RFC 8551 §3.5.3).
//!
//! Before it: `message::entity::seven_bit`, because what is signed must not need any change on the way. The
//! entity is hashed once and copied once. The private key is asked for one signature over the signed
//! attributes, through [`KeyUse`].

use bytes::Bytes;
use model::{KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, Timestamp, TraceId};
use openssl::sha::sha256;

use super::armour::{base64_lines, encoded_length};
use super::attributes;
use crate::CryptoError;
use crate::asn1::read::SET;
use crate::asn1::{oid, write};
use crate::pki::{Certificate, hex};

/// Whose signature: a key behind the handle, its certificate and the certificates above it.
#[derive(Debug, Clone)]
pub struct SigningIdentity {
    /// The key.
    pub key: model::KeyId,
    /// The signer's certificate first, then its issuers; a self-signed root at the end is not sent.
    pub chain: Vec<Certificate>,
}

/// Signs `entity` (7-bit, CRLF, no trailing blanks) and gives the `multipart/signed` entity: its `Content-Type`
/// field, an empty line, the two parts.
///
/// # Errors
/// [`CryptoError::Key`] when the handle gives no signature, [`CryptoError::Certificate`] when the identity has
/// no fitting certificate.
pub fn sign(entity: &[u8], signer: &SigningIdentity, keys: &dyn KeyUse, trace: TraceId, now: Timestamp) -> Result<Bytes, CryptoError> {
    let certificate = signer.chain.first().filter(|certificate| *certificate.key_id() == signer.key);
    let certificate = certificate.ok_or(CryptoError::Key(KeyUseError::UnknownKey))?;
    let cms = signed_data((entity, false), signer, certificate, (keys, trace, KeyPurpose::SignMail), now)?;
    let mut boundary = [0; 18];
    getrandom::fill(&mut boundary)?;
    Ok(multipart(entity, &cms, &hex(&boundary)))
}

/// Signs any content, which goes inside: a SignedData in DER (RFC 5652 §5.2), as profiles for devices are signed.
///
/// # Errors
/// As [`sign`].
pub fn sign_inside(
    content: &[u8],
    signer: &SigningIdentity,
    (keys, trace, purpose): (&dyn KeyUse, TraceId, KeyPurpose),
    now: Timestamp,
) -> Result<Vec<u8>, CryptoError> {
    let certificate = signer.chain.first().filter(|certificate| *certificate.key_id() == signer.key);
    let certificate = certificate.ok_or(CryptoError::Key(KeyUseError::UnknownKey))?;
    signed_data((content, true), signer, certificate, (keys, trace, purpose), now)
}

/// SignedData ::= SEQUENCE { version 1, digestAlgorithms, encapContentInfo, certificates [0], signerInfos }
/// (RFC 5652 §5.1), with the content inside or without it.
fn signed_data(
    (entity, inside): (&[u8], bool),
    signer: &SigningIdentity,
    certificate: &Certificate,
    (keys, trace, purpose): (&dyn KeyUse, TraceId, KeyPurpose),
    now: Timestamp,
) -> Result<Vec<u8>, CryptoError> {
    let signature_algorithm = match keys.kind(&signer.key).ok_or(KeyUseError::UnknownKey)? {
        KeyKind::Rsa(_) => write::algorithm_null(oid::RSA),
        KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 => write::algorithm(oid::ECDSA_SHA256),
        KeyKind::Ed25519 => return Err(CryptoError::Unsupported("S/MIME with an Ed25519 key")),
    };
    let signed_attributes = attributes::write(&sha256(entity), now, certificate);
    let digest = sha256(&write::set_of(SET, signed_attributes.clone()));
    let signature = keys.use_key(&signer.key, trace, purpose, &KeyUseRequest::SignSha256(&digest))?;
    let digest_algorithm = write::algorithm(oid::SHA256);
    let sid = write::sequence(&[certificate.issuer_der(), &write::tlv(0x02, &[certificate.serial_octets()])]);
    let info = write::sequence(&[
        &write::small(1),
        &sid,
        &digest_algorithm,
        &write::set_of(0xa0, signed_attributes),
        &signature_algorithm,
        &write::octets(signature.expose()),
    ]);
    let sent = signer.chain.iter().enumerate().filter(|(at, certificate)| *at == 0 || !certificate.is_self_issued());
    let certificates = write::set_of(0xa0, sent.map(|(_, certificate)| certificate.der().to_vec()).collect());
    let content = if inside { write::tlv(0xa0, &[&write::octets(entity)]) } else { Vec::new() };
    let data = write::sequence(&[
        &write::small(1),
        &write::tlv(SET, &[&digest_algorithm]),
        &write::sequence(&[&write::oid(oid::DATA), &content]),
        &certificates,
        &write::tlv(SET, &[&info]),
    ]);
    Ok(write::sequence(&[&write::oid(oid::SIGNED_DATA), &write::tlv(0xa0, &[&data])]))
}

fn multipart(entity: &[u8], cms: &[u8], random: &str) -> Bytes {
    // `=_` can't occur in quoted-printable or base64, the rest is random (RFC 2046 §5.1.1).
    let boundary = format!("=_{random}");
    let head = format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=sha-256; boundary=\"{boundary}\"\r\n\r\n\
         This is a cryptographically signed message in MIME format (S/MIME).\r\n\r\n--{boundary}\r\n"
    );
    let between = format!(
        "\r\n--{boundary}\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let mut out = Vec::with_capacity(head.len() + entity.len() + between.len() + encoded_length(cms.len()) + tail.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(entity);
    out.extend_from_slice(between.as_bytes());
    base64_lines(cms, &mut out);
    out.extend_from_slice(tail.as_bytes());
    Bytes::from(out)
}
