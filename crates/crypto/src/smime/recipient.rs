//! RecipientInfos: who is named in an encrypted message, and how their content key is wrapped.
//!
//! Reading them uses no key, so that "for none of us" is known before anything is unwrapped, and whose keys
//! may be tried is the caller's choice (RFC 5652 §6.2, security.md ).

use std::sync::Arc;

use model::Budget;

use super::agree::Scheme;
use super::envelope::Envelope;
use crate::CryptoError;
use crate::asn1::read::{BIT_STRING, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET};
use crate::asn1::{Element, Malformed, Reader, oid};
use crate::pki::Certificate;

/// Recipients of one message that are read.
const MAX: usize = 5_000;
/// Longest user keying material, octets: some dozens are usual (RFC 5753 §3.1.1).
const UKM: usize = 4_096;

/// Somebody named in an encrypted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRecipient(Id);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Id {
    IssuerAndSerial {
        issuer: Vec<u8>,
        serial: Vec<u8>,
    },
    KeyIdentifier(Vec<u8>),
    /// A shared key, a pass word or something unknown: no certificate.
    Other,
}

impl NamedRecipient {
    /// The certificate that SMIMEEncryptionKeyPreference names (RFC 8551 §2.5.3), or Outlook's form of it.
    pub(super) fn preferred(choice: &Element<'_>) -> Result<Self, Malformed> {
        match choice.tag {
            SEQUENCE | 0xa0 => {
                let mut inside = choice.inside();
                let issuer = inside.need(SEQUENCE)?.raw.to_vec();
                let serial = inside.need(INTEGER)?.body.to_vec();
                Ok(Self(Id::IssuerAndSerial { issuer, serial }))
            }
            0xa1 => Ok(Self(Id::KeyIdentifier(choice.inside().need(OCTET_STRING)?.body.to_vec()))),
            0x82 => Ok(Self(Id::KeyIdentifier(choice.body.to_vec()))),
            _ => Err(Malformed),
        }
    }

    /// True if the message names this certificate.
    #[must_use]
    pub fn matches(&self, certificate: &Certificate) -> bool {
        match &self.0 {
            Id::IssuerAndSerial { issuer, serial } => certificate.has_issuer_and_serial(issuer, serial),
            Id::KeyIdentifier(id) => certificate.has_subject_key_id(id),
            Id::Other => false,
        }
    }
}

/// Who is named in this message (DER or BER of EnvelopedData or AuthEnvelopedData). Uses no key.
///
/// # Errors
/// [`CryptoError::Malformed`], [`CryptoError::Unsupported`], [`CryptoError::Budget`].
pub fn named_recipients(der: &[u8], budget: &Budget) -> Result<Vec<NamedRecipient>, CryptoError> {
    Ok(Envelope::read(der, budget)?.recipients.into_iter().map(|recipient| recipient.name).collect())
}

/// One way to the content key.
pub(super) struct Recipient<'a> {
    pub(super) name: NamedRecipient,
    pub(super) wrapped: &'a [u8],
    pub(super) method: Method<'a>,
}

pub(super) enum Method<'a> {
    /// RSAES-PKCS1-v1_5.
    Pkcs1,
    /// RSAES-OAEP with this hash, and MGF1 with that one.
    Oaep {
        hash: &'static str,
        mask: &'static str,
    },
    /// ECDH with the originator's point. One scheme serves all recipients of one key agreement.
    Agree {
        scheme: Arc<Scheme>,
        point: &'a [u8],
    },
    Unsupported,
}

/// Reads the SET of RecipientInfo. One of an unknown kind is kept as a name that matches nobody.
pub(super) fn read_all<'a>(set: Element<'a>) -> Result<Vec<Recipient<'a>>, Malformed> {
    let mut recipients = Vec::new();
    let mut infos = set.inside();
    while let Some(info) = infos.next()? {
        match info.tag {
            SEQUENCE => recipients.push(key_transport(info)?),
            0xa1 => key_agreement(info, &mut recipients)?,
            0xa2..=0xa4 => recipients.push(Recipient { name: NamedRecipient(Id::Other), wrapped: &[], method: Method::Unsupported }),
            _ => return Err(Malformed),
        }
        if recipients.len() > MAX {
            return Err(Malformed);
        }
    }
    if recipients.is_empty() { Err(Malformed) } else { Ok(recipients) }
}

/// KeyTransRecipientInfo ::= SEQUENCE { version, rid, keyEncryptionAlgorithm, encryptedKey } (RFC 5652 §6.2.1).
fn key_transport(info: Element<'_>) -> Result<Recipient<'_>, Malformed> {
    let mut inside = info.inside();
    inside.need(INTEGER)?;
    let name = identifier(inside.next()?.ok_or(Malformed)?)?;
    let mut algorithm = inside.need(SEQUENCE)?.inside();
    let id = algorithm.need(OID)?.body;
    let method = match id {
        _ if id == oid::RSA => Method::Pkcs1,
        _ if id == oid::RSA_OAEP => oaep(algorithm.next()?)?,
        _ => Method::Unsupported,
    };
    let wrapped = inside.need(OCTET_STRING)?.body;
    Ok(Recipient { name, wrapped, method })
}

/// RecipientIdentifier ::= IssuerAndSerialNumber | [0] SubjectKeyIdentifier.
pub(super) fn identifier(element: Element<'_>) -> Result<NamedRecipient, Malformed> {
    match element.tag {
        SEQUENCE => {
            let mut inside = element.inside();
            let issuer = inside.need(SEQUENCE)?.raw.to_vec();
            let serial = inside.need(INTEGER)?.body.to_vec();
            Ok(NamedRecipient(Id::IssuerAndSerial { issuer, serial }))
        }
        0x80 | 0xa0 => Ok(NamedRecipient(Id::KeyIdentifier(element.octets()?.into_owned()))),
        _ => Err(Malformed),
    }
}

/// RSAES-OAEP-params (RFC 4055 §4.1), without a label. MGF1 may have a hash of its own: some libraries leave SHA-1 there.
fn oaep(parameters: Option<Element<'_>>) -> Result<Method<'_>, Malformed> {
    let mut parameters = match parameters {
        Some(element) if element.tag == SEQUENCE => element.inside(),
        // Absent or NULL: all defaults.
        Some(element) if element.tag != NULL => return Err(Malformed),
        _ => return Ok(Method::Oaep { hash: "sha1", mask: "sha1" }),
    };
    let hash = parameters.optional(&[0xa0])?.map_or(Ok(Some("sha1")), |hash| hash_name(hash.inside()))?;
    let mask = match parameters.optional(&[0xa1])? {
        None => Some("sha1"),
        Some(mask) => {
            let mut generator = Reader::sole(mask.body, SEQUENCE)?.inside();
            if generator.need(OID)?.body == oid::MGF1 { hash_name(generator)? } else { None }
        }
    };
    let label = parameters.optional(&[0xa2])?.is_some_and(|source| !source.body.ends_with(&[OCTET_STRING, 0]));
    Ok(hash.zip(mask).filter(|_| !label).map_or(Method::Unsupported, |(hash, mask)| Method::Oaep { hash, mask }))
}

fn hash_name(mut algorithm: Reader<'_>) -> Result<Option<&'static str>, Malformed> {
    let id = algorithm.need(SEQUENCE)?.inside().need(OID)?.body;
    Ok([(oid::SHA1, "sha1"), (oid::SHA224, "sha224"), (oid::SHA256, "sha256"), (oid::SHA384, "sha384"), (oid::SHA512, "sha512")]
        .into_iter()
        .find_map(|(known, name)| (known == id).then_some(name)))
}

/// KeyAgreeRecipientInfo ::= [1] SEQUENCE { version, originator [0], ukm [1] OPTIONAL, keyEncryptionAlgorithm,
/// recipientEncryptedKeys } (RFC 5652 §6.2.2, RFC 5753 §3.1).
fn key_agreement<'a>(info: Element<'a>, recipients: &mut Vec<Recipient<'a>>) -> Result<(), Malformed> {
    let mut inside = info.inside();
    inside.need(INTEGER)?;
    let point = originator_point(inside.need(0xa0)?)?;
    let ukm = match inside.optional(&[0xa1])? {
        Some(ukm) => Some(Reader::sole(ukm.body, OCTET_STRING)?.body),
        None => None,
    };
    if ukm.is_some_and(|ukm| ukm.len() > UKM) {
        return Err(Malformed);
    }
    let mut algorithm = inside.need(SEQUENCE)?.inside();
    let id = algorithm.need(OID)?.body;
    let scheme = match algorithm.optional(&[SEQUENCE])? {
        Some(wrap) => {
            let wrap_id = wrap.inside().need(OID)?.body;
            Scheme::read(id, wrap.definite_as(SEQUENCE)?, wrap_id, ukm.map(<[u8]>::to_vec)).map(Arc::new)
        }
        None => None,
    };
    let mut keys = inside.need(SEQUENCE)?.inside();
    while let Some(key) = keys.next()? {
        let mut key = key.inside();
        let name = match key.next()?.ok_or(Malformed)? {
            // rKeyId [0] IMPLICIT RecipientKeyIdentifier ::= SEQUENCE { subjectKeyIdentifier, … }
            id if id.tag == 0xa0 => NamedRecipient(Id::KeyIdentifier(id.inside().need(OCTET_STRING)?.body.to_vec())),
            id => identifier(id)?,
        };
        let wrapped = key.need(OCTET_STRING)?.body;
        let method = match (&scheme, point) {
            (Some(scheme), Some(point)) => Method::Agree { scheme: Arc::clone(scheme), point },
            _ => Method::Unsupported,
        };
        recipients.push(Recipient { name, wrapped, method });
        if recipients.len() > MAX {
            return Err(Malformed);
        }
    }
    Ok(())
}

/// The originator's ephemeral key: [0] EXPLICIT { [1] IMPLICIT SEQUENCE { algorithm, publicKey } }. A static
/// key of the originator (named by its certificate) is not supported.
fn originator_point(originator: Element<'_>) -> Result<Option<&[u8]>, Malformed> {
    let Some(key) = originator.inside().optional(&[0xa1])? else { return Ok(None) };
    let mut key = key.inside();
    key.need(SEQUENCE)?;
    match key.need(BIT_STRING)?.body {
        [0, point @ ..] => Ok(Some(point)),
        _ => Err(Malformed),
    }
}

/// The tag of RecipientInfos, for the envelope's reader.
pub(super) const INFOS: u8 = SET;
