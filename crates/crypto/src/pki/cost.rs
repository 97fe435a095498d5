//! What opening a protected key file costs: the file says itself how many rounds its pass phrase goes through, so it is asked before any
//! are done (security.md X-11). RFC 8018 §4.2, RFC 7292 appendix B.2.

use crate::asn1::read::{INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::asn1::{Element, Malformed, Reader, oid};

/// Rounds of one derivation: some seconds, and ten times what careful programs write.
const ROUNDS: u64 = 10_000_000;
/// Algorithm identifiers inside one another.
const DEPTH: usize = 8;

/// True if an EncryptedPrivateKeyInfo (RFC 5958 §3) asks for work that may be done; what is none is somebody else's to refuse.
pub(super) fn key_is_affordable(der: &[u8]) -> bool {
    Reader::sole(der, SEQUENCE).and_then(|info| info.inside().need(SEQUENCE)).map_or(true, |algorithm| is_affordable(&algorithm, DEPTH))
}

/// The same of a PKCS#12 file: its MAC, and what its safes are encrypted with.
pub(super) fn file_is_affordable(bytes: &[u8]) -> bool {
    algorithms(bytes).map_or(true, |all| all)
}

fn algorithms(bytes: &[u8]) -> Result<bool, Malformed> {
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
    let octets = info.need(0xa0)?.inside().next()?.filter(|string| string.tag & 0x1f == OCTET_STRING).ok_or(Malformed)?.octets()?;
    for info in Reader::sole(&octets, SEQUENCE)?.inside().all()? {
        let mut inside = info.inside();
        if inside.need(OID)?.body != oid::ENCRYPTED_DATA {
            continue;
        }
        let mut data = Reader::sole(inside.need(0xa0)?.body, SEQUENCE)?.inside();
        data.need(INTEGER)?;
        let mut content = data.need(SEQUENCE)?.inside();
        content.need(OID)?;
        if !is_affordable(&content.need(SEQUENCE)?, DEPTH) {
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
