//! One X.509 certificate, read once.
//!
//! The bytes stay as they came (a re-encoding would break the signature of certificates that are not quite
//! DER); what the gateway asks of it is taken out at construction. Addresses are read by the one strict
//! grammar ([`model::Address`]): a name with white space, controls or a NUL is no address and names nobody
//! (CVE-2026-2748). RFC 5280 §4, RFC 8550 §3, RFC 8398 §3.

use std::fmt;
use std::sync::{Arc, OnceLock};

use model::{Address, KeyId, KeyKind, Timestamp};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::x509::{X509, X509NameRef};

use super::{hex, key_id};
use crate::CryptoError;
use crate::asn1::read::{BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, UTF8_STRING};
use crate::asn1::{Malformed, Reader, oid};

/// Largest certificate that is read.
const MAX_BYTES: usize = 100_000;
/// Addresses of one certificate that are read.
const ADDRESSES: usize = 500;

/// A certificate. Cheap to clone; equal when the bytes are.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    x509: X509,
    der: Vec<u8>,
    fingerprint: String,
    key_id: KeyId,
    /// Looked at when first asked for: decoding a public key costs more than all the rest.
    kind: OnceLock<Option<KeyKind>>,
    not_before: Timestamp,
    not_after: Timestamp,
    facts: Facts,
}

/// What the DER says, in slices made owned.
#[derive(Default)]
struct Facts {
    issuer: Vec<u8>,
    subject: Vec<u8>,
    serial: Vec<u8>,
    spki: Vec<u8>,
    addresses: Vec<Address>,
    subject_key_id: Option<Vec<u8>>,
    key_usage: Option<u8>,
    extended: Option<Vec<Vec<u8>>>,
    is_ca: bool,
    announces_gcm: bool,
    announces_oaep: bool,
    list_urls: Vec<String>,
}

/// Smallest RSA modulus that protects mail.
const STRONG_RSA: u32 = 2048;

/// KeyUsage bits of the first octet (RFC 5280 §4.2.1.3).
const DIGITAL_SIGNATURE: u8 = 0x80;
const NON_REPUDIATION: u8 = 0x40;
const KEY_ENCIPHERMENT: u8 = 0x20;
const KEY_AGREEMENT: u8 = 0x08;
const CRL_SIGN: u8 = 0x02;

impl Certificate {
    /// Reads one DER certificate; nothing may follow it.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, CryptoError> {
        let malformed = || CryptoError::Malformed("certificate");
        if der.len() > MAX_BYTES {
            return Err(malformed());
        }
        let facts = read_facts(der).map_err(|Malformed| malformed())?;
        let x509 = X509::from_der(der).map_err(|_| malformed())?;
        let (not_before, not_after) = timestamp(x509.not_before()).zip(timestamp(x509.not_after())).ok_or_else(malformed)?;
        Ok(Self(Arc::new(Inner {
            fingerprint: hex(&openssl::sha::sha256(der)),
            key_id: key_id(&facts.spki),
            kind: OnceLock::new(),
            der: der.to_vec(),
            not_before,
            not_after,
            x509,
            facts,
        })))
    }

    /// Reads all certificates of a PEM text, in their order; other blocks are passed over.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if one is broken or there is none.
    pub fn from_pem_many(text: &str) -> Result<Vec<Self>, CryptoError> {
        let malformed = |_| CryptoError::Malformed("certificate");
        let found = X509::stack_from_pem(text.as_bytes()).map_err(malformed)?;
        if found.is_empty() {
            return Err(CryptoError::Malformed("certificate"));
        }
        found.iter().map(|x509| Self::from_der(&x509.to_der().map_err(malformed)?)).collect()
    }

    /// The certificate as PEM, ends with a line feed.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.x509.to_pem().ok().and_then(|pem| String::from_utf8(pem).ok()).unwrap_or_default()
    }

    /// The bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// SHA-256 of the bytes, lower-case hex.
    #[must_use]
    pub fn fingerprint_sha256(&self) -> &str {
        &self.0.fingerprint
    }

    /// SHA-1 of the bytes, lower-case hex: what people compare with older lists. Nothing is decided by it.
    #[must_use]
    pub fn fingerprint_sha1(&self) -> String {
        hex(&openssl::sha::sha1(&self.0.der))
    }

    /// Name of its key's algorithm and its size in bits, for people, whatever kind it is.
    #[must_use]
    pub fn algorithm(&self) -> (&'static str, u32) {
        let Ok(key) = self.0.x509.public_key() else { return ("?", 0) };
        let name = match key.id() {
            Id::RSA => "RSA",
            Id::RSA_PSS => "RSA-PSS",
            Id::EC => "EC",
            Id::DSA => "DSA",
            Id::ED25519 => "Ed25519",
            Id::X25519 => "X25519",
            _ => "?",
        };
        (name, key.bits())
    }

    /// Its key is one that protects: RSA from 2048 bits, or a curve. Weaker ones open old mail and do nothing else.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        !matches!(self.kind(), Some(KeyKind::Rsa(bits)) if bits < STRONG_RSA)
    }

    /// Identity of the key in it.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.0.key_id
    }

    /// Kind of the key in it; `None` for kinds that we neither sign nor encrypt with.
    #[must_use]
    pub fn kind(&self) -> Option<KeyKind> {
        *self.0.kind.get_or_init(|| kind(&self.0.x509))
    }

    /// The mail addresses it was made for: subjectAltName (rfc822Name, SmtpUTF8Mailbox), and only when that
    /// names none, the subject's emailAddress (RFC 8550 §3). What is no strict address is left out.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.0.facts.addresses
    }

    /// First instant of its validity.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// Last instant of its validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// True if `now` lies within its validity.
    #[must_use]
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        // notAfter is the last valid second (RFC 5280 §4.1.2.5).
        self.0.not_before <= now && now.seconds() <= self.0.not_after.seconds()
    }

    /// KeyUsage and ExtendedKeyUsage allow signing mail (RFC 8550 §4.4.2, §4.4.4).
    #[must_use]
    pub fn may_sign_mail(&self) -> bool {
        self.allows(DIGITAL_SIGNATURE | NON_REPUDIATION) && self.kind() != Some(KeyKind::X25519)
    }

    /// It allows mail to be encrypted to its key, and its key is of a kind that we can encrypt to.
    #[must_use]
    pub fn may_encrypt_mail(&self) -> bool {
        match self.kind() {
            Some(KeyKind::Rsa(_)) => self.allows(KEY_ENCIPHERMENT),
            Some(KeyKind::Ed25519) | None => false,
            Some(_) => self.allows(KEY_AGREEMENT),
        }
    }

    /// ExtendedKeyUsage, where there is one, speaks of mail; of a CA's certificate: of what it issues.
    pub(crate) fn is_for_mail(&self) -> bool {
        let mail = |purpose: &Vec<u8>| purpose == oid::EMAIL_PROTECTION || purpose == oid::ANY_EXTENDED_KEY_USAGE;
        self.0.facts.extended.as_ref().is_none_or(|list| list.iter().any(mail))
    }

    fn allows(&self, usage: u8) -> bool {
        self.is_for_mail() && self.0.facts.key_usage.is_none_or(|bits| bits & usage != 0)
    }

    /// The certificate says itself that its owner reads AES-256-GCM (RFC 4262, RFC 8551 §2.5.2).
    #[must_use]
    pub fn announces_gcm(&self) -> bool {
        self.0.facts.announces_gcm
    }

    /// The certificate says itself that its owner reads RSAES-OAEP (RFC 4262, RFC 8551 §2.5.2).
    #[must_use]
    pub fn announces_oaep(&self) -> bool {
        self.0.facts.announces_oaep
    }

    /// Where its issuer publishes the revocation lists that speak of it: `http:` and `https:` addresses in the order of the
    /// certificate. Without those that cover some reasons only, or that somebody else issues (RFC 5280 §4.2.1.13).
    #[must_use]
    pub fn list_urls(&self) -> &[String] {
        &self.0.facts.list_urls
    }

    /// Where its issuer answers questions about it (RFC 6960): `http:` and `https:` addresses in the order of the certificate.
    #[must_use]
    pub fn responder_urls(&self) -> Vec<String> {
        let found = self.0.x509.ocsp_responders().map(|urls| urls.iter().map(ToString::to_string).collect::<Vec<_>>());
        let web = |url: &String| {
            let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
            scheme.is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str())) && url.bytes().all(|octet| octet.is_ascii_graphic())
        };
        found.unwrap_or_default().into_iter().filter(web).collect()
    }

    /// Its key may sign revocation lists (RFC 5280 §6.3.3 (f)).
    #[must_use]
    pub fn may_sign_lists(&self) -> bool {
        self.0.facts.key_usage.is_none_or(|bits| bits & CRL_SIGN != 0)
    }

    /// BasicConstraints say CA.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.0.facts.is_ca
    }

    /// Subject and issuer are the same.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.0.facts.issuer == self.0.facts.subject
    }

    /// The subject for people: `CN=Bob, O=Company`.
    #[must_use]
    pub fn subject(&self) -> String {
        name_text(self.0.x509.subject_name())
    }

    /// The issuer for people.
    #[must_use]
    pub fn issuer(&self) -> String {
        name_text(self.0.x509.issuer_name())
    }

    /// The serial number, hex.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        hex(&self.0.facts.serial)
    }

    /// True if the two name the same issuer and serial number, whatever the string types in the name.
    pub(crate) fn has_issuer_and_serial(&self, issuer: &[u8], serial: &[u8]) -> bool {
        use openssl::x509::X509Name;
        let same_name =
            || X509Name::from_der(issuer).is_ok_and(|name| name.try_cmp(self.0.x509.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq));
        self.0.facts.serial == serial && (self.0.facts.issuer == issuer || same_name())
    }

    /// SubjectKeyIdentifier: the extension, else SHA-1 of the key bits (RFC 5280 §4.2.1.2).
    pub(crate) fn has_subject_key_id(&self, wanted: &[u8]) -> bool {
        self.0.facts.subject_key_id.as_deref() == Some(wanted)
    }

    pub(crate) fn x509(&self) -> &X509 {
        &self.0.x509
    }

    /// Issuer, DER.
    pub(crate) fn issuer_der(&self) -> &[u8] {
        &self.0.facts.issuer
    }

    /// Serial number, content octets.
    pub(crate) fn serial_octets(&self) -> &[u8] {
        &self.0.facts.serial
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.0.facts.spki
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.subject(), self.0.fingerprint.get(..16).unwrap_or_default())
    }
}

/// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature } (RFC 5280 §4.1).
fn read_facts(der: &[u8]) -> Result<Facts, Malformed> {
    let mut tbs = Reader::sole(der, SEQUENCE)?.inside().need(SEQUENCE)?.inside();
    tbs.optional(&[0xa0])?;
    let mut facts = Facts { serial: tbs.need(INTEGER)?.body.to_vec(), ..Facts::default() };
    tbs.need(SEQUENCE)?;
    facts.issuer = tbs.need(SEQUENCE)?.raw.to_vec();
    tbs.need(SEQUENCE)?;
    let subject = tbs.need(SEQUENCE)?;
    facts.subject = subject.raw.to_vec();
    facts.spki = tbs.need(SEQUENCE)?.raw.to_vec();
    tbs.optional(&[0x81, 0xa1])?;
    tbs.optional(&[0x82, 0xa2])?;
    if let Some(wrapped) = tbs.optional(&[0xa3])? {
        for extension in Reader::sole(wrapped.body, SEQUENCE)?.inside().all()? {
            let mut inside = extension.inside();
            let id = inside.need(OID)?.body;
            inside.optional(&[BOOLEAN])?;
            let value = inside.need(OCTET_STRING)?.body;
            // A broken extension says nothing; OpenSSL refuses the chain for it where it is critical.
            let _ = read_extension(&mut facts, id, value);
        }
    }
    if facts.addresses.is_empty() {
        facts.addresses = addresses_of_name(subject.body)?;
    }
    if facts.subject_key_id.is_none() {
        facts.subject_key_id = Some(openssl::sha::sha1(public_key_bits(&facts.spki)?).to_vec());
    }
    Ok(facts)
}

fn read_extension(facts: &mut Facts, id: &[u8], value: &[u8]) -> Result<(), Malformed> {
    if id == oid::SUBJECT_ALT_NAME {
        facts.addresses = addresses_of_alt_name(value)?;
    } else if id == oid::SUBJECT_KEY_IDENTIFIER {
        facts.subject_key_id = Some(Reader::sole(value, OCTET_STRING)?.body.to_vec());
    } else if id == oid::KEY_USAGE {
        // The first content octet counts the unused bits.
        facts.key_usage = Some(Reader::sole(value, BIT_STRING)?.body.get(1).copied().unwrap_or(0));
    } else if id == oid::EXTENDED_KEY_USAGE {
        let purposes = Reader::sole(value, SEQUENCE)?.inside().all()?;
        facts.extended = Some(purposes.iter().map(|purpose| purpose.body.to_vec()).collect());
    } else if id == oid::BASIC_CONSTRAINTS {
        let first = Reader::sole(value, SEQUENCE)?.inside().optional(&[BOOLEAN])?;
        facts.is_ca = first.is_some_and(|element| element.body != [0]);
    } else if id == oid::CRL_DISTRIBUTION_POINTS {
        facts.list_urls = list_urls(value)?;
    } else if id == oid::SMIME_CAPABILITIES {
        facts.announces_gcm = names_capability(value, oid::AES256_GCM)?;
        facts.announces_oaep = names_capability(value, oid::RSA_OAEP)?;
    }
    Ok(())
}

/// CRLDistributionPoints ::= SEQUENCE OF SEQUENCE { [0] name, [1] reasons, [2] issuer }, all optional.
fn list_urls(value: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut urls = Vec::new();
    for point in Reader::sole(value, SEQUENCE)?.inside().all()? {
        let mut inside = point.inside();
        let name = inside.optional(&[0xa0])?;
        if let Some(name) = name.filter(|_| inside.end().is_ok()) {
            urls.extend(super::revocation::urls(&name)?);
        }
    }
    Ok(urls)
}

/// True if SMIMECapabilities (RFC 8551 §2.5.2) list this one.
fn names_capability(value: &[u8], wanted: &[u8]) -> Result<bool, Malformed> {
    let list = Reader::sole(value, SEQUENCE)?.inside().all()?;
    Ok(list.iter().any(|capability| capability.inside().need(OID).is_ok_and(|id| id.body == wanted)))
}

fn addresses_of_alt_name(value: &[u8]) -> Result<Vec<Address>, Malformed> {
    let mut addresses = Vec::new();
    for name in Reader::sole(value, SEQUENCE)?.inside().all()? {
        let text = match name.tag {
            // rfc822Name is IA5String: ASCII only (RFC 5280 §4.2.1.6).
            0x81 => Some(name.body).filter(|text| text.is_ascii()),
            0xa0 => utf8_mailbox(name.inside())?,
            _ => None,
        };
        addresses.extend(text.and_then(strict_address));
        if addresses.len() >= ADDRESSES {
            break;
        }
    }
    Ok(addresses)
}

/// OtherName ::= SEQUENCE { type-id, value [0] EXPLICIT } with SmtpUTF8Mailbox (RFC 8398 §3).
fn utf8_mailbox(mut name: Reader<'_>) -> Result<Option<&[u8]>, Malformed> {
    if name.need(OID)?.body != oid::SMTP_UTF8_MAILBOX {
        return Ok(None);
    }
    Ok(Some(Reader::sole(name.need(0xa0)?.body, UTF8_STRING)?.body))
}

fn addresses_of_name(rdns: &[u8]) -> Result<Vec<Address>, Malformed> {
    let mut addresses = Vec::new();
    for rdn in Reader::new(rdns).all()?.iter().filter(|rdn| rdn.tag == SET) {
        for attribute in rdn.inside().all()? {
            let mut inside = attribute.inside();
            if inside.need(OID)?.body == oid::EMAIL_ADDRESS
                && let Some(value) = inside.next()?
            {
                addresses.extend(Some(value.body).filter(|text| text.is_ascii()).and_then(strict_address));
            }
        }
    }
    Ok(addresses)
}

fn strict_address(text: &[u8]) -> Option<Address> {
    Address::parse(std::str::from_utf8(text).ok()?).ok()
}

fn public_key_bits(spki: &[u8]) -> Result<&[u8], Malformed> {
    let mut inside = Reader::sole(spki, SEQUENCE)?.inside();
    inside.need(SEQUENCE)?;
    inside.need(BIT_STRING)?.body.get(1..).ok_or(Malformed)
}

fn kind(x509: &X509) -> Option<KeyKind> {
    let key = x509.public_key().ok()?;
    kind_of(key.id(), key.bits(), || key.ec_key().ok()?.group().curve_name())
}

pub(super) fn kind_of(id: Id, bits: u32, curve: impl FnOnce() -> Option<Nid>) -> Option<KeyKind> {
    match id {
        Id::RSA => Some(KeyKind::Rsa(bits)),
        Id::EC => match curve()? {
            Nid::X9_62_PRIME256V1 => Some(KeyKind::EcP256),
            Nid::SECP384R1 => Some(KeyKind::EcP384),
            Nid::SECP521R1 => Some(KeyKind::EcP521),
            _ => None,
        },
        Id::ED25519 => Some(KeyKind::Ed25519),
        Id::X25519 => Some(KeyKind::X25519),
        _ => None,
    }
}

pub(super) fn timestamp(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    let seconds = i64::from(since.days).checked_mul(86_400)?.checked_add(i64::from(since.secs))?;
    seconds.checked_mul(1_000_000).map(Timestamp)
}

/// `CN=Bob, O=Company`, control characters left out.
fn name_text(name: &X509NameRef) -> String {
    let parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let label = entry.object().nid().short_name().unwrap_or("?");
            let value = entry.data().to_string().unwrap_or_default();
            format!("{label}={}", value.chars().filter(|c| !c.is_control()).collect::<String>())
        })
        .collect();
    parts.join(", ")
}
