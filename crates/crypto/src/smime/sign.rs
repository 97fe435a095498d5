//! Signs a MIME entity: multipart/signed with a detached signature (RFC 8551 §3.5.3).
//!
//! Before it: `message::entity::seven_bit`, because what is signed must not need any change on the way. The
//! entity is hashed once and copied once. The private key is asked for one signature over the signed
//! attributes, through [`KeyUse`].

use bytes::Bytes;
use model::{KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, Timestamp, TraceId};
use openssl::sha::{sha256, sha512};

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

/// How a signature is made, beside whose it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignStyle<'a> {
    /// RSASSA-PSS in place of RSASSA-PKCS1-v1_5, for RSA keys.
    pub pss: bool,
    /// The signer's other certificate, to which answers shall be encrypted (RFC 8551 §2.5.3): it is named and sent along.
    pub encryption: Option<&'a Certificate>,
}

/// Signs `entity` (7-bit, CRLF, no trailing blanks) and gives the `multipart/signed` entity: its `Content-Type`
/// field, an empty line, the two parts.
///
/// # Errors
/// [`CryptoError::Key`] when the handle gives no signature, [`CryptoError::Certificate`] when the identity has
/// no fitting certificate.
pub fn sign(entity: &[u8], signer: &SigningIdentity, keys: &dyn KeyUse, trace: TraceId, now: Timestamp) -> Result<Bytes, CryptoError> {
    sign_by(entity, signer, (keys, trace), now, SignStyle::default())
}

/// As [`sign`], in this style.
///
/// # Errors
/// As [`sign`].
pub fn sign_by(
    entity: &[u8],
    signer: &SigningIdentity,
    (keys, trace): (&dyn KeyUse, TraceId),
    now: Timestamp,
    style: SignStyle<'_>,
) -> Result<Bytes, CryptoError> {
    let certificate = signer.chain.first().filter(|certificate| *certificate.key_id() == signer.key);
    let certificate = certificate.ok_or(CryptoError::Key(KeyUseError::UnknownKey))?;
    let (cms, micalg) = signed_data((entity, false), (signer, certificate, style), (keys, trace, KeyPurpose::SignMail), now)?;
    let mut boundary = [0; 18];
    getrandom::fill(&mut boundary)?;
    Ok(multipart(entity, &cms, (&hex(&boundary), micalg)))
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
    signed_data((content, true), (signer, certificate, SignStyle::default()), (keys, trace, purpose), now).map(|(cms, _)| cms)
}

/// How this key signs: its digest, its signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Pkcs1,
    Pss,
    Ecdsa,
    /// With SHA-512, as RFC 8419 §3.1 wants it.
    Ed25519,
}

impl Method {
    fn of(kind: KeyKind, style: SignStyle<'_>) -> Result<Self, CryptoError> {
        match kind {
            KeyKind::Rsa(_) if style.pss => Ok(Self::Pss),
            KeyKind::Rsa(_) => Ok(Self::Pkcs1),
            KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 => Ok(Self::Ecdsa),
            KeyKind::Ed25519 => Ok(Self::Ed25519),
            KeyKind::X25519 => Err(CryptoError::Unsupported("signing with an X25519 key")),
            KeyKind::OpenPgp => Err(CryptoError::Unsupported("S/MIME with an OpenPGP key")),
        }
    }

    fn digest(self, octets: &[u8]) -> Vec<u8> {
        if self == Self::Ed25519 { sha512(octets).to_vec() } else { sha256(octets).to_vec() }
    }

    fn digest_algorithm(self) -> Vec<u8> {
        write::algorithm(if self == Self::Ed25519 { oid::SHA512 } else { oid::SHA256 })
    }

    const fn micalg(self) -> &'static str {
        if matches!(self, Self::Ed25519) { "sha-512" } else { "sha-256" }
    }

    fn algorithm(self) -> Vec<u8> {
        match self {
            Self::Pkcs1 => write::algorithm_null(oid::RSA),
            Self::Pss => pss_sha256(),
            Self::Ecdsa => write::algorithm(oid::ECDSA_SHA256),
            Self::Ed25519 => write::algorithm(oid::ED25519),
        }
    }

    /// `attributes`: the signed attributes as a SET.
    fn signature(
        self,
        attributes: &[u8],
        key: &model::KeyId,
        (keys, trace, purpose): (&dyn KeyUse, TraceId, KeyPurpose),
    ) -> Result<model::SecretBytes, KeyUseError> {
        let digest = sha256(attributes);
        let request = match self {
            Self::Pkcs1 | Self::Ecdsa => KeyUseRequest::SignSha256(&digest),
            Self::Pss => KeyUseRequest::SignPssSha256(&digest),
            Self::Ed25519 => KeyUseRequest::SignWhole(attributes),
        };
        keys.use_key(key, trace, purpose, &request)
    }
}

/// RSASSA-PSS-params: SHA-256, MGF1 with it, a salt of 32 octets (RFC 4055 §3.1).
fn pss_sha256() -> Vec<u8> {
    let sha256 = write::algorithm_null(oid::SHA256);
    let mask = write::sequence(&[&write::oid(oid::MGF1), &sha256]);
    let salt = write::tlv(0xa2, &[&write::small(32)]);
    let parameters = write::sequence(&[&write::tlv(0xa0, &[&sha256]), &write::tlv(0xa1, &[&mask]), &salt]);
    write::sequence(&[&write::oid(oid::RSA_PSS), &parameters])
}

/// SignedData ::= SEQUENCE { version 1, digestAlgorithms, encapContentInfo, certificates [0], signerInfos }
/// (RFC 5652 §5.1), with the content inside or without it; and what MIME calls its digest.
fn signed_data(
    (entity, inside): (&[u8], bool),
    (signer, certificate, style): (&SigningIdentity, &Certificate, SignStyle<'_>),
    handle: (&dyn KeyUse, TraceId, KeyPurpose),
    now: Timestamp,
) -> Result<(Vec<u8>, &'static str), CryptoError> {
    let method = Method::of(handle.0.kind(&signer.key).ok_or(KeyUseError::UnknownKey)?, style)?;
    let other = style.encryption.filter(|other| *other != certificate);
    let signed_attributes = attributes::write(&method.digest(entity), now, certificate, other);
    let signature = method.signature(&write::set_of(SET, signed_attributes.clone()), &signer.key, handle)?;
    let digest_algorithm = method.digest_algorithm();
    let sid = write::sequence(&[certificate.issuer_der(), &write::tlv(0x02, &[certificate.serial_octets()])]);
    let info = write::sequence(&[
        &write::small(1),
        &sid,
        &digest_algorithm,
        &write::set_of(0xa0, signed_attributes),
        &method.algorithm(),
        &write::octets(signature.expose()),
    ]);
    let sent = signer.chain.iter().enumerate().filter(|(at, certificate)| *at == 0 || !certificate.is_self_issued());
    let mut sent: Vec<Vec<u8>> = sent.map(|(_, certificate)| certificate.der().to_vec()).collect();
    sent.extend(other.map(|other| other.der().to_vec()).filter(|other| !sent.contains(other)));
    let certificates = write::set_of(0xa0, sent);
    let content = if inside { write::tlv(0xa0, &[&write::octets(entity)]) } else { Vec::new() };
    let data = write::sequence(&[
        &write::small(1),
        &write::tlv(SET, &[&digest_algorithm]),
        &write::sequence(&[&write::oid(oid::DATA), &content]),
        &certificates,
        &write::tlv(SET, &[&info]),
    ]);
    Ok((write::sequence(&[&write::oid(oid::SIGNED_DATA), &write::tlv(0xa0, &[&data])]), method.micalg()))
}

fn multipart(entity: &[u8], cms: &[u8], (random, micalg): (&str, &str)) -> Bytes {
    // `=_` can't occur in quoted-printable or base64, the rest is random (RFC 2046 §5.1.1).
    let boundary = format!("=_{random}");
    let head = format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg={micalg}; boundary=\"{boundary}\"\r\n\r\n\
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
