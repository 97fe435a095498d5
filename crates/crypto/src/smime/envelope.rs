//! EnvelopedData (RFC 5652 §6.1) and AuthEnvelopedData (RFC 5083 §2.1) as read from a message.
//!
//! Both are read by one function, because they share their head; what differs is the tag and the attributes
//! under it. Slices of the input, but for content that came in pieces.

use std::borrow::Cow;

use model::Budget;

use super::cipher::Named;
use super::content_info;
use super::recipient::{INFOS, Recipient, read_all};
use crate::CryptoError;
use crate::asn1::read::{INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use crate::asn1::{Malformed, oid};

/// An encrypted message.
pub(super) struct Envelope<'a> {
    pub(super) recipients: Vec<Recipient<'a>>,
    pub(super) cipher: Named,
    pub(super) content: Cow<'a, [u8]>,
    /// AuthEnvelopedData only.
    pub(super) authentication: Option<Authentication>,
}

pub(super) struct Authentication {
    /// DER of authAttrs as a SET (RFC 5083 §2.2); empty without any.
    pub(super) attributes: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl<'a> Envelope<'a> {
    /// Reads DER or BER.
    pub(super) fn read(der: &'a [u8], budget: &Budget) -> Result<Self, CryptoError> {
        let malformed = |Malformed| CryptoError::Malformed("encrypted message");
        let (kind, content) = content_info(der, budget)?;
        let authenticated = match kind {
            _ if kind == oid::ENVELOPED_DATA => false,
            _ if kind == oid::AUTH_ENVELOPED_DATA => true,
            _ => return Err(CryptoError::Unsupported("this CMS type where an encrypted message was expected")),
        };
        let mut inside = content.inside();
        inside.need(INTEGER).map_err(malformed)?;
        inside.optional(&[0xa0]).map_err(malformed)?;
        let recipients = inside.need(INFOS).and_then(read_all).map_err(malformed)?;
        let mut encrypted = inside.need(SEQUENCE).map_err(malformed)?.inside();
        if encrypted.need(OID).map_err(malformed)?.body != oid::DATA {
            return Err(CryptoError::Unsupported("encrypted content other than data"));
        }
        let cipher = Named::read(encrypted.need(SEQUENCE).map_err(malformed)?, authenticated)?;
        let sealed = encrypted.optional(&[0x80, 0xa0]).map_err(malformed)?.ok_or(Malformed).map_err(malformed)?;
        let content = sealed.octets().map_err(malformed)?;
        if matches!(content, Cow::Owned(_)) {
            budget.bytes(content.len())?;
        }
        let authentication = if authenticated {
            let attributes = inside.optional(&[0xa1]).map_err(malformed)?;
            let attributes = attributes.map(|set| set.definite_as(SET)).transpose().map_err(malformed)?.unwrap_or_default();
            let tag = inside.need(OCTET_STRING).map_err(malformed)?.body.to_vec();
            if tag.len() != cipher.tag_length() {
                return Err(malformed(Malformed));
            }
            Some(Authentication { attributes, tag })
        } else {
            None
        };
        Ok(Self { recipients, cipher, content, authentication })
    }
}
