//! Certificate revocation lists (RFC 5280 §5, §6.3).
//!
//! A list comes from a stranger's server, in clear: [`Unverified::read`] reads it within a budget, [`Unverified::vouched_by`] makes a
//! [`RevocationList`] of it once the issuer's signature holds, and only that can be asked. Of a list nothing is kept but its serial
//! numbers, some twenty octets each. Whole lists of the certificate's own issuer only: deltas, lists by others, lists for some reasons
//! and lists with critical extensions that are not known here say nothing, which is another thing than "not revoked". Nothing is
//! fetched here, and no clock is read.

use std::ops::Range;

use model::{Budget, Timestamp};
use openssl::x509::X509Crl;

use super::Certificate;
use super::certificate::timestamp;
use crate::CryptoError;
use crate::asn1::read::{BOOLEAN, Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, UTC_TIME};
use crate::asn1::{Malformed, Reader, oid};

/// Longest serial number, octets. RFC 5280 §4.1.2.2 says 20; some issuers have 21.
const SERIAL: usize = 32;
/// The clock is looked at every so many entries.
const LOOK: usize = 4_096;

/// A list whose signature was not looked at.
pub struct Unverified<'o> {
    octets: &'o [u8],
    weak: bool,
    serials: Vec<u8>,
    entries: Vec<(u32, u8)>,
    scope: Scope,
}

/// A list that its issuer has signed.
pub struct RevocationList {
    serials: Vec<u8>,
    /// Place and length of each, sorted by the octets.
    entries: Vec<(u32, u8)>,
    scope: Scope,
    from: Timestamp,
    until: Timestamp,
}

/// What a list speaks of (issuingDistributionPoint, RFC 5280 §5.2.5).
#[derive(Debug, Default)]
struct Scope {
    /// Where it is published, if it says so: certificates that name none of these are not its business.
    urls: Option<Vec<String>>,
    users_only: bool,
    authorities_only: bool,
}

/// What a list says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// The list is about it, and does not name it.
    No,
    /// Revoked, or on hold.
    Yes,
    /// The list says nothing about it, for this reason.
    Silent(&'static str),
}

impl<'o> Unverified<'o> {
    /// Reads a list, DER. Costs its octets and a part for each entry.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], [`CryptoError::Unsupported`] for deltas and lists by others, [`CryptoError::Budget`].
    pub fn read(octets: &'o [u8], budget: &Budget) -> Result<Self, CryptoError> {
        budget.bytes(octets.len())?;
        let malformed = |Malformed| CryptoError::Malformed("revocation list");
        let (mut list, extensions, revoked) = parts(octets).map_err(malformed)?;
        list.read_extensions(extensions)?;
        let mut entries = Reader::new(revoked);
        while let Some(entry) = entries.next().map_err(malformed)? {
            budget.part()?;
            if list.entries.len().is_multiple_of(LOOK) {
                budget.time()?;
            }
            list.read_entry(&entry)?;
        }
        let Self { serials, entries, .. } = &mut list;
        entries.sort_unstable_by(|a, b| serial(serials, *a).cmp(serial(serials, *b)));
        Ok(list)
    }

    fn read_extensions(&mut self, extensions: &[u8]) -> Result<(), CryptoError> {
        let malformed = |Malformed| CryptoError::Malformed("revocation list");
        for extension in Reader::new(extensions).all().map_err(malformed)? {
            let (id, critical, value) = read_extension(&extension).map_err(malformed)?;
            if id == oid::ISSUING_DISTRIBUTION_POINT {
                self.scope = scope(value)?;
            } else if critical && id != oid::CRL_NUMBER && id != oid::AUTHORITY_KEY_IDENTIFIER {
                return Err(CryptoError::Unsupported("a critical extension of the revocation list"));
            }
        }
        Ok(())
    }

    /// SEQUENCE { serial, revocationDate, extensions OPTIONAL }.
    fn read_entry(&mut self, entry: &Element<'_>) -> Result<(), CryptoError> {
        let malformed = |Malformed| CryptoError::Malformed("revocation list");
        let mut inside = entry.inside();
        let number = inside.need(INTEGER).map_err(malformed)?.body;
        inside.optional(&[UTC_TIME, GENERALIZED_TIME]).map_err(malformed)?.ok_or(CryptoError::Malformed("revocation list"))?;
        if let Some(extensions) = inside.optional(&[SEQUENCE]).map_err(malformed)? {
            for extension in extensions.inside().all().map_err(malformed)? {
                // The only critical one is certificateIssuer, of lists that speak for others (RFC 5280 §5.3.3).
                if read_extension(&extension).map_err(malformed)?.1 {
                    return Err(CryptoError::Unsupported("a critical extension of a revoked certificate"));
                }
            }
        }
        let length = u8::try_from(number.len()).ok().filter(|length| *length > 0 && usize::from(*length) <= SERIAL);
        let (Some(length), Ok(start)) = (length, u32::try_from(self.serials.len())) else {
            return Err(CryptoError::Malformed("revocation list"));
        };
        self.serials.extend_from_slice(number);
        self.entries.push((start, length));
        Ok(())
    }

    /// The list, if `issuer` has signed it.
    ///
    /// # Errors
    /// [`CryptoError::Certificate`] if that is not its list, or it may not sign any; [`CryptoError::Malformed`].
    pub fn vouched_by(self, issuer: &Certificate) -> Result<RevocationList, CryptoError> {
        let refused = |why: &'static str| CryptoError::Certificate { subject: issuer.subject(), why };
        let crl = X509Crl::from_der(self.octets).map_err(|_| CryptoError::Malformed("revocation list"))?;
        if !crl.issuer_name().try_cmp(issuer.x509().subject_name()).is_ok_and(std::cmp::Ordering::is_eq) {
            return Err(refused("the revocation list is another issuer's"));
        }
        // As in a chain: what MD5 or SHA-1 has signed counts for nothing.
        if self.weak {
            return Err(CryptoError::Unsupported("a revocation list signed with MD5 or SHA-1"));
        }
        if !issuer.may_sign_lists() {
            return Err(refused("its key is not for signing revocation lists"));
        }
        if !crl.verify(&*issuer.x509().public_key()?).unwrap_or(false) {
            return Err(refused("it has not signed the revocation list"));
        }
        let from = timestamp(crl.last_update()).ok_or(CryptoError::Malformed("revocation list"))?;
        // RFC 5280 §5.1.2.5: there must be a next one.
        let until = crl.next_update().and_then(timestamp).ok_or(CryptoError::Malformed("revocation list"))?;
        let Self { serials, entries, scope, .. } = self;
        Ok(RevocationList { serials, entries, scope, from, until })
    }
}

impl RevocationList {
    /// What it says of a certificate of its issuer's.
    #[must_use]
    pub fn says(&self, certificate: &Certificate, now: Timestamp) -> Listed {
        if now < self.from {
            return Listed::Silent("the revocation list is not in force yet");
        }
        if now > self.until {
            return Listed::Silent("the revocation list is out of date");
        }
        let Scope { urls, users_only, authorities_only } = &self.scope;
        if (*users_only && certificate.is_ca()) || (*authorities_only && !certificate.is_ca()) {
            return Listed::Silent("the revocation list is about other certificates");
        }
        // Else one part of an issuer's list could be shown for another.
        if urls.as_ref().is_some_and(|urls| !urls.iter().any(|url| certificate.list_urls().contains(url))) {
            return Listed::Silent("the revocation list is about other certificates");
        }
        let wanted = certificate.serial_octets();
        let found = self.entries.binary_search_by(|entry| serial(&self.serials, *entry).cmp(wanted));
        if found.is_ok() { Listed::Yes } else { Listed::No }
    }

    /// Last instant at which it says anything.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// How many certificates it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it takes of memory, octets.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.serials.len() + self.entries.len() * size_of::<(u32, u8)>() + 1_024
    }
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevocationList({} entries until {})", self.entries.len(), self.until.rfc3339())
    }
}

fn serial(serials: &[u8], (start, length): (u32, u8)) -> &[u8] {
    let start = start as usize;
    serials.get(Range { start, end: start + usize::from(length) }).unwrap_or_default()
}

type Parts<'o> = (Unverified<'o>, &'o [u8], &'o [u8]);

/// CertificateList (RFC 5280 §5.1): a list without entries, its extensions, and its entries.
fn parts(octets: &[u8]) -> Result<Parts<'_>, Malformed> {
    let mut outer = Reader::sole(octets, SEQUENCE)?.inside();
    let mut tbs = outer.need(SEQUENCE)?.inside();
    tbs.optional(&[INTEGER])?;
    let algorithm = tbs.need(SEQUENCE)?.inside().need(OID)?.body;
    let weak = [oid::RSA_MD5, oid::RSA_SHA1, oid::ECDSA_SHA1, oid::DSA_SHA1].contains(&algorithm);
    tbs.need(SEQUENCE)?;
    tbs.optional(&[UTC_TIME, GENERALIZED_TIME])?.ok_or(Malformed)?;
    tbs.optional(&[UTC_TIME, GENERALIZED_TIME])?;
    let revoked = tbs.optional(&[SEQUENCE])?.map_or(&[][..], |list| list.body);
    let extensions = tbs.optional(&[0xa0])?;
    tbs.end()?;
    let extensions = extensions.map(|wrapped| Reader::sole(wrapped.body, SEQUENCE)).transpose()?.map_or(&[][..], |list| list.body);
    Ok((Unverified { octets, weak, serials: Vec::new(), entries: Vec::new(), scope: Scope::default() }, extensions, revoked))
}

/// Id, whether it is critical, value.
fn read_extension<'o>(extension: &Element<'o>) -> Result<(&'o [u8], bool, &'o [u8]), Malformed> {
    let mut inside = extension.inside();
    let id = inside.need(OID)?.body;
    let critical = inside.optional(&[BOOLEAN])?.is_some_and(|element| element.body != [0]);
    Ok((id, critical, inside.need(OCTET_STRING)?.body))
}

/// IssuingDistributionPoint ::= SEQUENCE { [0] name, [1] users, [2] authorities, [3] reasons, [4] indirect, [5] attributes }.
fn scope(value: &[u8]) -> Result<Scope, CryptoError> {
    let malformed = |Malformed| CryptoError::Malformed("revocation list");
    let mut scope = Scope::default();
    for element in Reader::sole(value, SEQUENCE).and_then(|whole| whole.inside().all()).map_err(malformed)? {
        let says = element.body != [0];
        match element.tag {
            0xa0 => scope.urls = Some(urls(&element).map_err(malformed)?),
            0x81 => scope.users_only = says,
            0x82 => scope.authorities_only = says,
            0x84 | 0x85 if !says => {}
            _ => return Err(CryptoError::Unsupported("a revocation list for some reasons or by somebody else")),
        }
    }
    Ok(scope)
}

/// The `http:` and `https:` addresses in a DistributionPointName, which is behind the tag `[0]`.
pub(super) fn urls(name: &Element<'_>) -> Result<Vec<String>, Malformed> {
    let mut urls = Vec::new();
    let Some(full) = name.inside().optional(&[0xa0])? else { return Ok(urls) };
    for general in full.inside().all()?.iter().filter(|general| general.tag == 0x86) {
        let text = std::str::from_utf8(general.body).ok().filter(|text| text.bytes().all(|octet| octet.is_ascii_graphic()));
        let web =
            |text: &&str| text.split_once(':').is_some_and(|(scheme, _)| ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()));
        urls.extend(text.filter(web).map(ToOwned::to_owned));
    }
    Ok(urls)
}

#[cfg(test)]
#[path = "revocation_tests.rs"]
mod tests;
