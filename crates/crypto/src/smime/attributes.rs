//! Signed attributes: written by [`super::sign`], checked by [`super::verify`].
//!
//! RFC 5652 §11 (contentType, messageDigest, signingTime), RFC 8551 §2.5.2 (SMIMECapabilities), RFC 5035 §3
//! (signingCertificateV2). An attribute that appears twice, or with a number of values other than one, makes
//! the signature invalid: two readers could take different ones.

use model::Timestamp;

use super::recipient::NamedRecipient;
use crate::asn1::read::{GENERALIZED_TIME, OCTET_STRING, OID, SEQUENCE, SET, UTC_TIME};
use crate::asn1::{Element, Malformed, Reader, oid, write};
use crate::pki::Certificate;

/// DER of the signed attributes under the tag that the SignerInfo wants ([0]); under SET (0x31) it is what is
/// signed (RFC 5652 §5.4).
pub(super) fn write(digest: &[u8], now: Timestamp, signer: &Certificate, encryption: Option<&Certificate>) -> Vec<Vec<u8>> {
    let attribute = |id: &[u8], value: &[u8]| write::sequence(&[&write::oid(id), &write::tlv(SET, &[value])]);
    let mut all = vec![
        attribute(oid::CONTENT_TYPE, &write::oid(oid::DATA)),
        attribute(oid::SIGNING_TIME, &time(now)),
        attribute(oid::MESSAGE_DIGEST, &write::octets(digest)),
        attribute(oid::SMIME_CAPABILITIES, &write::capabilities()),
        attribute(oid::SIGNING_CERTIFICATE_V2, &signing_certificate(signer)),
    ];
    all.extend(encryption.map(|other| attribute(oid::ENCRYPTION_KEY_PREFERENCE, &key_preference(other))));
    all
}

/// SMIMEEncryptionKeyPreference ::= CHOICE { issuerAndSerialNumber [0] IMPLICIT, … } (RFC 8551 §2.5.3).
fn key_preference(certificate: &Certificate) -> Vec<u8> {
    write::tlv(0xa0, &[certificate.issuer_der(), &write::tlv(0x02, &[certificate.serial_octets()])])
}

/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2 }, SHA-256 being the default hash.
fn signing_certificate(signer: &Certificate) -> Vec<u8> {
    let hash = write::octets(&openssl::sha::sha256(signer.der()));
    // GeneralNames with one directoryName [4] EXPLICIT.
    let issuer = write::sequence(&[&write::tlv(0xa4, &[signer.issuer_der()])]);
    let serial = write::tlv(0x02, &[signer.serial_octets()]);
    write::sequence(&[&write::sequence(&[&write::sequence(&[&hash, &write::sequence(&[&issuer, &serial])])])])
}

/// UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5652 §11.3).
fn time(now: Timestamp) -> Vec<u8> {
    let digits: String = now.rfc3339().chars().filter(char::is_ascii_digit).take(14).collect();
    match digits.split_at_checked(2) {
        Some((century, rest)) if (century == "20" && rest < "50") || (century == "19" && rest >= "50") => {
            write::tlv(UTC_TIME, &[rest.as_bytes(), b"Z"])
        }
        _ => write::tlv(GENERALIZED_TIME, &[digits.as_bytes(), b"Z"]),
    }
}

/// What the signed attributes say.
pub(super) struct Signed<'a> {
    pub(super) content_type: &'a [u8],
    pub(super) digest: &'a [u8],
    /// Hash algorithm's object identifier and hash of the certificate, from signingCertificateV2.
    pub(super) certificate: Option<(&'a [u8], &'a [u8])>,
    /// The certificate that answers are to be encrypted to, if it names one that can be read.
    pub(super) preferred: Option<NamedRecipient>,
}

/// Those that say something here. All others are passed over, so that a message with very many costs no more than its octets
/// (security.md X-11).
const READ: [&[u8]; 6] = [
    oid::CONTENT_TYPE,
    oid::MESSAGE_DIGEST,
    oid::SIGNING_TIME,
    oid::SIGNING_CERTIFICATE_V2,
    oid::ENCRYPTION_KEY_PREFERENCE,
    oid::MICROSOFT_KEY_PREFERENCE,
];

/// Reads and checks them; the error is the stable reason word.
pub(super) fn read<'a>(set: &Element<'a>) -> Result<Signed<'a>, &'static str> {
    let malformed = |Malformed| "signed-attributes-malformed";
    let seen = seen(set)?;
    let find = |id: &[u8]| seen.iter().find_map(|(known, value)| (*known == id).then_some(*value));
    if find(oid::SIGNING_TIME).is_some_and(|time| !is_time(&time)) {
        return Err("signing-time-malformed");
    }
    let content_type = find(oid::CONTENT_TYPE).filter(|value| value.tag == OID).ok_or("content-type-attribute-missing")?.body;
    let digest = find(oid::MESSAGE_DIGEST).filter(|value| value.tag == OCTET_STRING).ok_or("message-digest-attribute-missing")?.body;
    let certificate = find(oid::SIGNING_CERTIFICATE_V2).map(certificate_hash).transpose().map_err(malformed)?;
    let preferred = find(oid::ENCRYPTION_KEY_PREFERENCE).or_else(|| find(oid::MICROSOFT_KEY_PREFERENCE));
    let preferred = preferred.and_then(|choice| NamedRecipient::preferred(&choice).ok());
    Ok(Signed { content_type, digest, certificate, preferred })
}

/// The value of each attribute of [`READ`].
fn seen<'a>(set: &Element<'a>) -> Result<Vec<(&'a [u8], Element<'a>)>, &'static str> {
    let malformed = |Malformed| "signed-attributes-malformed";
    let mut attributes = set.inside();
    let mut seen: Vec<(&[u8], Element<'a>)> = Vec::new();
    while let Some(attribute) = attributes.next().map_err(malformed)? {
        let mut inside = attribute.inside();
        let id = inside.need(OID).map_err(malformed)?.body;
        let values = inside.need(SET).map_err(malformed)?;
        if !READ.contains(&id) {
            continue;
        }
        let values = values.inside().all().map_err(malformed)?;
        let ours = [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST, oid::SIGNING_TIME, oid::SIGNING_CERTIFICATE_V2].contains(&id);
        match values.as_slice() {
            [value] if !seen.iter().any(|(known, _)| *known == id) => seen.push((id, *value)),
            _ if ours => return Err("signed-attribute-repeated"),
            _ => {}
        }
    }
    Ok(seen)
}

/// The first ESSCertIDv2: it names the signer's own certificate (RFC 5035 §3).
fn certificate_hash(value: Element<'_>) -> Result<(&[u8], &[u8]), Malformed> {
    let mut id = value.inside().need(SEQUENCE)?.inside().need(SEQUENCE)?.inside();
    let algorithm = match id.optional(&[SEQUENCE])? {
        Some(algorithm) => algorithm.inside().need(OID)?.body,
        None => oid::SHA256,
    };
    Ok((algorithm, id.need(OCTET_STRING)?.body))
}

/// True if the unsigned attributes hold one that must be signed (RFC 5652 §11.1–11.3), or can't be read.
pub(super) fn misplaced(set: &Element<'_>) -> bool {
    let must = [oid::CONTENT_TYPE, oid::MESSAGE_DIGEST, oid::SIGNING_TIME, oid::SIGNING_CERTIFICATE_V2];
    let mut attributes = set.inside();
    loop {
        match attributes.next() {
            Ok(None) => return false,
            Ok(Some(attribute)) if attribute.inside().need(OID).is_ok_and(|id| !must.contains(&id.body)) => {}
            _ => return true,
        }
    }
}

/// UTCTime or GeneralizedTime in the forms of RFC 5652 §11.3: to the second, ending in Z.
fn is_time(value: &Element<'_>) -> bool {
    let digits = match value.tag {
        UTC_TIME => 12,
        GENERALIZED_TIME => 14,
        _ => return false,
    };
    let Some((b'Z', text)) = value.body.split_last() else { return false };
    let part = |from_end: usize| {
        let at = text.len().checked_sub(from_end)?;
        std::str::from_utf8(text.get(at..at + 2)?).ok()?.parse::<u8>().ok()
    };
    text.len() == digits
        && text.iter().all(u8::is_ascii_digit)
        && part(10).is_some_and(|month| (1..=12).contains(&month))
        && part(8).is_some_and(|day| (1..=31).contains(&day))
        && part(6).is_some_and(|hour| hour < 24)
        && part(4).is_some_and(|minute| minute < 60)
        && part(2).is_some_and(|second| second < 61)
}

/// True if this content, signed without attributes, is itself an encoding of signed attributes: then somebody
/// presents the attributes of another signature as a message (security.md X-2).
pub(super) fn disguised(content: &[u8]) -> bool {
    Reader::sole(content, SET).is_ok_and(|set| {
        set.inside().all().is_ok_and(|all| {
            all.iter()
                .any(|attribute| attribute.tag == SEQUENCE && attribute.inside().need(OID).is_ok_and(|id| id.body == oid::MESSAGE_DIGEST))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_11_of_many_attributes_only_those_that_say_something_are_kept() {
        let attribute = |id: &[u8]| write::sequence(&[&write::oid(id), &write::tlv(SET, &[&write::octets(b"x")])]);
        let mut all: Vec<Vec<u8>> = (0..20_000_u32).map(|number| attribute(&(number | 0x0100_0000).to_be_bytes())).collect();
        all.push(attribute(oid::MESSAGE_DIGEST));
        let set = write::set_of(SET, all);
        let set = Reader::sole(&set, SET).unwrap();
        assert_eq!(seen(&set).map(|kept| kept.len()), Ok(1));
        assert!(!misplaced(&Reader::sole(&write::set_of(SET, vec![attribute(&[1, 2])]), SET).unwrap()));
        assert!(misplaced(&set), "the digest must be signed");
        assert!(misplaced(&Reader::sole(&write::tlv(SET, &[&[0x30, 0x01, 0x05]]), SET).unwrap()), "what can't be read could be anything");
    }
}
