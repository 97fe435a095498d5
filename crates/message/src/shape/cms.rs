//! Does this begin as a CMS object does?
//!
//! A walk over the outer ASN.1 of RFC 5652 §3: ContentInfo, its object identifier, the version and the
//! element that each kind must have next. DER and BER, definite and indefinite lengths. It decides whether a
//! mail counts as protected, not whether it is: `crypto` reads the rest and may still refuse it.

use super::CmsKind;
use crate::bytes_of::slice;

pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
const EXPLICIT_0: u8 = 0xa0;

/// 1.2.840.113549.1.7.2, .3 and 1.2.840.113549.1.9.16.1.23.
const SIGNED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const ENVELOPED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
const AUTH_ENVELOPED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17];

/// One element: tag, content, and what follows it. With an indefinite length the content is all that follows.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

/// The kind of this object; `None` if it is none of ours, or its length is not that of the bytes.
pub(super) fn kind(bytes: &[u8]) -> Option<CmsKind> {
    let outer = read(bytes)?;
    // A few octets behind the object are common (line ends, padding); a second object is not.
    if outer.tag != SEQUENCE || outer.rest.iter().any(|byte| !matches!(byte, 0 | b'\r' | b'\n' | b' ')) {
        return None;
    }
    let oid = expect(outer.content, OID)?;
    let kind = match oid.content {
        SIGNED => CmsKind::Signed,
        ENVELOPED => CmsKind::Enveloped,
        AUTH_ENVELOPED => CmsKind::AuthEnveloped,
        _ => return None,
    };
    let content = expect(expect(oid.rest, EXPLICIT_0)?.content, SEQUENCE)?;
    let version = expect(content.content, INTEGER)?;
    let after = match (kind, version.rest.first()) {
        // originatorInfo may come first (RFC 5652 §6.1).
        (CmsKind::Enveloped | CmsKind::AuthEnveloped, Some(&EXPLICIT_0)) => skip(version.rest)?,
        _ => version.rest,
    };
    let set = expect(after, SET)?;
    match kind {
        CmsKind::Signed => Some(kind),
        // Nobody can open what has no recipient.
        _ => (!set.content.is_empty() && !set.content.starts_with(&[0, 0])).then_some(kind),
    }
}

fn expect(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    read(bytes).filter(|element| element.tag == tag)
}

fn read(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    match first {
        0x80 => Some(Element { tag, content: rest, rest: &[] }),
        0..=0x7f => cut(tag, rest, usize::from(first)),
        _ => {
            let count = usize::from(first & 0x7f);
            if count > 4 {
                return None;
            }
            let length = slice(rest, 0..count).iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
            cut(tag, rest.get(count..)?, length)
        }
    }
}

fn cut(tag: u8, rest: &[u8], length: usize) -> Option<Element<'_>> {
    Some(Element { tag, content: rest.get(..length)?, rest: rest.get(length..)? })
}

/// What follows one element of definite length.
fn skip(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.get(1) == Some(&0x80) {
        return None;
    }
    read(bytes).map(|element| element.rest)
}
