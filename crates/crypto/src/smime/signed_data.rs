//! SignedData as read from a message (RFC 5652 §5), in slices of the input.

use std::borrow::Cow;

use bytes::Bytes;
use model::Budget;

use super::content_info;
use super::recipient::{NamedRecipient, identifier};
use crate::CryptoError;
use crate::asn1::read::{INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use crate::asn1::{Element, Malformed, Reader, oid};
use crate::pki::Certificate;

/// Signers and certificates of one message that are read.
const MAX_SIGNERS: usize = 20;
const MAX_CERTIFICATES: usize = 60;

pub(super) struct SignedData<'a> {
    pub(super) content_type: &'a [u8],
    /// The content, when it is inside (opaque signing).
    pub(super) content: Option<Cow<'a, [u8]>>,
    /// Certificates that can be read; the others are passed over.
    pub(super) certificates: Vec<Certificate>,
    pub(super) signers: Vec<SignerInfo<'a>>,
}

pub(super) struct SignerInfo<'a> {
    /// Names the signer's certificate; the same structure as a recipient's.
    pub(super) name: NamedRecipient,
    /// Object identifier.
    pub(super) digest: &'a [u8],
    pub(super) attributes: Option<Element<'a>>,
    pub(super) unsigned: Option<Element<'a>>,
    /// Object identifier and parameters.
    pub(super) algorithm: (&'a [u8], Option<Element<'a>>),
    pub(super) signature: &'a [u8],
}

/// The content of an opaque signature, unchecked: for whoever looks for harm in it, not for whoever believes it. `None` if
/// there is none inside, or it can't be read.
#[must_use]
pub fn signed_content(der: &[u8], budget: &Budget) -> Option<Bytes> {
    SignedData::read(der, budget).ok()?.content.map(|content| Bytes::from(content.into_owned()))
}

/// The certificates that came with a signature, in its order; none if it can't be read. Nothing about them is checked.
#[must_use]
pub fn carried(der: &[u8], budget: &Budget) -> Vec<Certificate> {
    SignedData::read(der, budget).map(|data| data.certificates).unwrap_or_default()
}

/// How many signers a signature says it has; nothing is checked.
///
/// # Errors
/// [`CryptoError::Malformed`] if it can't be read, or has no signer and so is none.
pub fn signers(der: &[u8], budget: &Budget) -> Result<usize, CryptoError> {
    match SignedData::read(der, budget)?.signers.len() {
        0 => Err(CryptoError::Malformed("signature")),
        count => Ok(count),
    }
}

impl<'a> SignedData<'a> {
    /// Reads DER or BER.
    pub(super) fn read(der: &'a [u8], budget: &Budget) -> Result<Self, CryptoError> {
        let (kind, content) = content_info(der, budget)?;
        if kind != oid::SIGNED_DATA {
            return Err(CryptoError::Unsupported("this CMS type where a signature was expected"));
        }
        let data = Self::inside(content.inside()).map_err(|Malformed| CryptoError::Malformed("signature"))?;
        if let Some(Cow::Owned(copy)) = &data.content {
            budget.bytes(copy.len())?;
        }
        Ok(data)
    }

    fn inside(mut data: Reader<'a>) -> Result<Self, Malformed> {
        data.need(INTEGER)?;
        data.need(SET)?;
        let mut encapsulated = data.need(SEQUENCE)?.inside();
        let content_type = encapsulated.need(OID)?.body;
        let content = match encapsulated.optional(&[0xa0])? {
            Some(wrapped) => Some(content_octets(wrapped.inside())?),
            None => None,
        };
        encapsulated.end()?;
        let certificates = match data.optional(&[0xa0])? {
            Some(set) => read_certificates(set.inside())?,
            None => Vec::new(),
        };
        data.optional(&[0xa1])?;
        let mut infos = data.need(SET)?.inside();
        data.end()?;
        let mut signers = Vec::new();
        while let Some(info) = infos.next()? {
            if signers.len() >= MAX_SIGNERS {
                return Err(Malformed);
            }
            signers.push(SignerInfo::read(info)?);
        }
        Ok(Self { content_type, content, certificates, signers })
    }
}

/// eContent is an OCTET STRING, maybe in pieces.
fn content_octets<'a>(mut wrapped: Reader<'a>) -> Result<Cow<'a, [u8]>, Malformed> {
    let string = wrapped.next()?.filter(|element| element.tag & 0xdf == OCTET_STRING).ok_or(Malformed)?;
    wrapped.end()?;
    string.octets()
}

/// CertificateSet: plain certificates; the obsolete and attribute kinds are tagged and passed over
/// (RFC 5652 §10.2.2).
fn read_certificates(mut set: Reader<'_>) -> Result<Vec<Certificate>, Malformed> {
    let mut certificates = Vec::new();
    while let Some(choice) = set.next()? {
        if choice.tag == SEQUENCE
            && certificates.len() < MAX_CERTIFICATES
            && let Ok(certificate) = Certificate::from_der(choice.raw)
        {
            certificates.push(certificate);
        }
    }
    Ok(certificates)
}

impl<'a> SignerInfo<'a> {
    /// SignerInfo ::= SEQUENCE { version, sid, digestAlgorithm, signedAttrs [0] OPTIONAL, signatureAlgorithm,
    /// signature, unsignedAttrs [1] OPTIONAL } (RFC 5652 §5.3).
    fn read(info: Element<'a>) -> Result<Self, Malformed> {
        if info.tag != SEQUENCE {
            return Err(Malformed);
        }
        let mut inside = info.inside();
        inside.need(INTEGER)?;
        let name = identifier(inside.next()?.ok_or(Malformed)?)?;
        let digest = inside.need(SEQUENCE)?.inside().need(OID)?.body;
        let attributes = inside.optional(&[0xa0])?;
        let mut algorithm = inside.need(SEQUENCE)?.inside();
        let algorithm = (algorithm.need(OID)?.body, algorithm.next()?);
        let signature = inside.need(OCTET_STRING)?.body;
        let unsigned = inside.optional(&[0xa1])?;
        inside.end()?;
        Ok(Self { name, digest, attributes, unsigned, algorithm, signature })
    }
}
