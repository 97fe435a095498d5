//! The keys and certificates of a PKCS#12 file (RFC 7292).
//!
//! OpenSSL checks the MAC and gives the certificates, but only one key; the others are found by walking the
//! bags here. Old files (RC2-40, SHA-1 MAC) need the legacy provider, which is loaded beside the default one.

use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};

use super::Certificate;
use super::import::{ImportError, protected_key};
use crate::asn1::read::{INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::asn1::{Malformed, Reader, oid};

/// Keys in one file that are taken.
const MAX_KEYS: usize = 20;

/// PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo, macData OPTIONAL }.
pub(super) fn looks_so(bytes: &[u8]) -> bool {
    auth_safe(bytes).is_ok()
}

/// Everything in the file.
pub(super) fn contents(bytes: &[u8], pass: &str) -> Result<(Vec<PKey<Private>>, Vec<Certificate>), ImportError> {
    // A C string ends at NUL; taking the part before it would be another pass phrase.
    if pass.contains('\0') {
        return Err(ImportError::WrongPassPhrase);
    }
    super::legacy_algorithms();
    let file = Pkcs12::from_der(bytes).map_err(|_| ImportError::Unreadable)?;
    let parsed = file.parse2(pass).map_err(|stack| {
        let mac = stack.errors().iter().any(|error| error.reason().is_some_and(|reason| reason.contains("mac verify failure")));
        if mac { ImportError::WrongPassPhrase } else { ImportError::Unreadable }
    })?;
    let mut certificates = Vec::new();
    let others = parsed.ca.iter().flatten().map(|x509| x509.to_der());
    for der in parsed.cert.iter().map(|x509| x509.to_der()).chain(others) {
        let der = der.map_err(|_| ImportError::Unreadable)?;
        certificates.push(Certificate::from_der(&der).map_err(|_| ImportError::Unreadable)?);
    }
    let (mut keys, bags) = (Vec::new(), key_bags(bytes).unwrap_or_default());
    if bags.len() > MAX_KEYS {
        return Err(ImportError::TooMany(MAX_KEYS));
    }
    for bag in &bags {
        keys.push(match bag {
            Bag::Plain(der) => PKey::private_key_from_pkcs8(der).map_err(|_| ImportError::Unreadable)?,
            Bag::Shrouded(der) => protected_key(der, pass)?,
        });
    }
    // Keys inside an encrypted safe are seen by OpenSSL only.
    if let Some(key) = parsed.pkey.filter(|key| !keys.iter().any(|known: &PKey<Private>| known.public_eq(key))) {
        keys.push(key);
    }
    Ok((keys, certificates))
}

enum Bag {
    Plain(Vec<u8>),
    Shrouded(Vec<u8>),
}

/// The content of authSafe, an encoded AuthenticatedSafe.
fn auth_safe(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut pfx = Reader::sole(bytes, SEQUENCE)?.inside();
    if pfx.need(INTEGER)?.small()? != 3 {
        return Err(Malformed);
    }
    data(&mut pfx.need(SEQUENCE)?.inside())?.ok_or(Malformed)
}

/// The octets of a ContentInfo of type data; `None` for another type.
fn data(info: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    if info.need(OID)?.body != oid::DATA {
        return Ok(None);
    }
    let mut content = info.need(0xa0)?.inside();
    match content.next()? {
        Some(string) if string.tag & 0x1f == OCTET_STRING => Ok(Some(string.octets()?.into_owned())),
        _ => Err(Malformed),
    }
}

fn key_bags(bytes: &[u8]) -> Result<Vec<Bag>, Malformed> {
    let mut bags = Vec::new();
    for info in Reader::sole(&auth_safe(bytes)?, SEQUENCE)?.inside().all()? {
        let Some(safe) = data(&mut info.inside())? else { continue };
        for bag in Reader::sole(&safe, SEQUENCE)?.inside().all()? {
            let mut inside = bag.inside();
            let kind = inside.need(OID)?.body;
            let value = inside.need(0xa0)?.body.to_vec();
            if kind == oid::SHROUDED_KEY_BAG {
                bags.push(Bag::Shrouded(value));
            } else if kind == oid::KEY_BAG {
                bags.push(Bag::Plain(value));
            }
        }
    }
    Ok(bags)
}
