//! What opening a protected key file costs: the file says itself how many rounds its pass phrase goes through, so it is asked before any
//! are done (security.md X-11). RFC 8018 §4.2, RFC 7292 appendix B.2.

use std::borrow::Cow;

use crate::asn1::read::{INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::asn1::{Element, Malformed, Reader, oid};

/// Rounds of one derivation: some seconds, and ten times what careful programs write.
const ROUNDS: u64 = 10_000_000;
/// Algorithm identifiers inside one another.
const DEPTH: usize = 8;

/// True if an EncryptedPrivateKeyInfo (RFC 5958 §3) asks for work that may be done; not if that can't be read, because another reader could.
pub(super) fn key_is_affordable(der: &[u8]) -> bool {
    Reader::sole(der, SEQUENCE).and_then(|info| info.inside().need(SEQUENCE)).is_ok_and(|algorithm| is_affordable(&algorithm, DEPTH))
}

/// The same of a PKCS#12 file: its MAC, what its safes are encrypted with, and the keys in those that lie open. What is in an encrypted safe is
/// not seen here.
///
/// # Errors
/// If it can't be read: then nothing is known.
pub(super) fn file_is_affordable(bytes: &[u8]) -> Result<bool, Malformed> {
    let mut pfx = Reader::sole(bytes, SEQUENCE)?.inside();
    pfx.need(INTEGER)?;
    let safe = pfx.need(SEQUENCE)?;
    if let Some(mac) = pfx.next()?
        && !is_affordable(&mac, DEPTH)
    {
        return Ok(false);
    }
    let mut info = safe.inside();
    info.need(OID)?;
    for info in Reader::sole(&content(&info.need(0xa0)?)?, SEQUENCE)?.inside().all()? {
        let mut inside = info.inside();
        let kind = inside.need(OID)?.body;
        let affordable = match kind {
            _ if kind == oid::ENCRYPTED_DATA => safe_is_affordable(inside.need(0xa0)?)?,
            _ if kind == oid::DATA => bags_are_affordable(&content(&inside.need(0xa0)?)?, DEPTH)?,
            _ => true,
        };
        if !affordable {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The octets of a ContentInfo's content of type data.
fn content<'o>(wrapped: &Element<'o>) -> Result<Cow<'o, [u8]>, Malformed> {
    wrapped.inside().next()?.filter(|string| string.tag & 0x1f == OCTET_STRING).ok_or(Malformed)?.octets()
}

/// EncryptedData ::= SEQUENCE { version, SEQUENCE { type, algorithm, [0] content } } (RFC 5652 §8).
fn safe_is_affordable(wrapped: Element<'_>) -> Result<bool, Malformed> {
    let mut data = Reader::sole(wrapped.body, SEQUENCE)?.inside();
    data.need(INTEGER)?;
    let mut content = data.need(SEQUENCE)?.inside();
    content.need(OID)?;
    Ok(is_affordable(&content.need(SEQUENCE)?, DEPTH))
}

/// SafeContents, in which protected keys and further ones may lie (RFC 7292 §4.2).
fn bags_are_affordable(safe: &[u8], depth: usize) -> Result<bool, Malformed> {
    let deeper = depth.checked_sub(1).ok_or(Malformed)?;
    for bag in Reader::sole(safe, SEQUENCE)?.inside().all()? {
        let mut inside = bag.inside();
        let kind = inside.need(OID)?.body;
        let affordable = match kind {
            _ if kind == oid::SHROUDED_KEY_BAG => key_is_affordable(inside.need(0xa0)?.body),
            _ if kind == oid::SAFE_CONTENTS_BAG => bags_are_affordable(inside.need(0xa0)?.body, deeper)?,
            _ => true,
        };
        if !affordable {
            return Ok(false);
        }
    }
    Ok(true)
}

/// No number in it is larger than the rounds that are done. Salts are octet strings, so numbers are rounds and lengths.
fn is_affordable(element: &Element<'_>, depth: usize) -> bool {
    if element.tag == INTEGER {
        let octets = element.body.iter().skip_while(|octet| **octet == 0);
        return octets.clone().count() <= 8 && octets.fold(0_u64, |sum, octet| (sum << 8) | u64::from(*octet)) <= ROUNDS;
    }
    if element.tag & 0x20 == 0 {
        return true;
    }
    let Some(deeper) = depth.checked_sub(1) else { return false };
    element.inside().all().is_ok_and(|all| all.iter().all(|one| is_affordable(one, deeper)))
}
