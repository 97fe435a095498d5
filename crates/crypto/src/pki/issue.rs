//! Making keys and certificates: a CA, users' certificates, listeners' certificates.
//!
//! Start-up makes the self-signed certificate of a listener that has none; the demonstration makes a company
//! and a partner. Serial numbers are random (RFC 5280 §4.1.2.2), time is a parameter, and a certificate never
//! outlives its CA. RSA keys take up to seconds: call it on the CPU pool.

use std::net::IpAddr;
use std::time::Duration;

use model::{Address, KeyKind, SecretBytes, Timestamp};
use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameRef};
use zeroize::Zeroizing;

use super::Certificate;
use crate::CryptoError;
use crate::asn1::oid;
use crate::asn1::read::UTF8_STRING;
use crate::asn1::write::{self, capabilities};

/// A new key pair with its certificate.
#[derive(Debug)]
pub struct Made {
    /// The private key: PKCS#8, DER.
    pub private_pkcs8: SecretBytes,
    /// Its certificate.
    pub certificate: Certificate,
}

/// How long a certificate is good and from when.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// The present; notBefore is five minutes earlier, for peers whose clocks are behind.
    pub now: Timestamp,
    /// From now on.
    pub lifetime: Duration,
}

const BACKDATE: i64 = 300;

/// A self-signed CA. `subject` is the common name, `organisation` may be empty.
///
/// # Errors
/// When a name is too long or a primitive fails.
pub fn make_ca(subject: &str, organisation: &str, kind: KeyKind, validity: Validity) -> Result<Made, CryptoError> {
    let key = generate(kind)?;
    let name = name(subject, organisation)?;
    let mut builder = start(&key, &name, validity, None)?;
    builder.set_issuer_name(&name)?;
    builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(id)?;
    finish(builder, &key, &key)
}

/// A certificate for signing and encrypting mail of this address (RFC 8550 §4.4), with a new key. It announces
/// that its owner reads AES-256-GCM (RFC 4262).
///
/// # Errors
/// When the CA is none, its key does not fit, or a primitive fails.
pub fn issue_user(ca: &Made, address: &Address, full_name: &str, kind: KeyKind, validity: Validity) -> Result<Made, CryptoError> {
    let ca_key = PKey::private_key_from_pkcs8(ca.private_pkcs8.expose())?;
    let ca_x509 = ca.certificate.x509();
    if !ca.certificate.is_ca() || !ca_x509.public_key()?.public_eq(&ca_key) {
        return Err(CryptoError::Certificate { subject: ca.certificate.subject(), why: "it is no certificate authority's" });
    }
    let key = generate(kind)?;
    let subject = user_name(address, full_name)?;
    let mut builder = start(&key, &subject, validity, Some(ca.certificate.not_after()))?;
    builder.set_issuer_name(ca_x509.subject_name())?;
    for_mail(&mut builder, address, kind, Some(ca_x509))?;
    finish(builder, &key, &ca_key)
}

/// A self-signed certificate for signing and encrypting mail of this address, with a new key: for a site without a CA. Partners
/// trust it one by one.
///
/// # Errors
/// When a primitive fails.
pub fn self_signed_user(address: &Address, full_name: &str, kind: KeyKind, validity: Validity) -> Result<Made, CryptoError> {
    let key = generate(kind)?;
    let subject = user_name(address, full_name)?;
    let mut builder = start(&key, &subject, validity, None)?;
    builder.set_issuer_name(&subject)?;
    for_mail(&mut builder, address, kind, None)?;
    finish(builder, &key, &key)
}

fn user_name(address: &Address, full_name: &str) -> Result<X509Name, CryptoError> {
    name(if full_name.is_empty() { address.as_str() } else { full_name }, "")
}

/// What a person's certificate says (RFC 8550 §4.4).
fn for_mail(builder: &mut X509Builder, address: &Address, kind: KeyKind, ca: Option<&X509>) -> Result<(), CryptoError> {
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical();
    if kind != KeyKind::X25519 {
        usage.digital_signature().non_repudiation();
    }
    match kind {
        KeyKind::Rsa(_) => {
            usage.key_encipherment();
        }
        KeyKind::Ed25519 => {}
        _ => {
            usage.key_agreement();
        }
    }
    builder.append_extension(usage.build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().email_protection().build()?)?;
    let context = builder.x509v3_context(ca.map(AsRef::as_ref), None);
    let names = mailbox_name(address)?;
    let id = SubjectKeyIdentifier::new().build(&context)?;
    let authority = ca.map(|_| AuthorityKeyIdentifier::new().keyid(true).build(&context)).transpose()?;
    let capabilities = X509Extension::new_from_der(
        Asn1Object::from_str("1.2.840.113549.1.9.15")?.as_ref(),
        false,
        Asn1OctetString::new_from_bytes(&capabilities())?.as_ref(),
    )?;
    for extension in [Some(names), Some(id), authority, Some(capabilities)].into_iter().flatten() {
        builder.append_extension(extension)?;
    }
    Ok(())
}

/// subjectAltName with one mailbox: rfc822Name, or SmtpUTF8Mailbox where the local part is beyond US-ASCII (RFC 9598 §3).
fn mailbox_name(address: &Address) -> Result<X509Extension, CryptoError> {
    let text = address.as_str().as_bytes();
    let name = match text.is_ascii() {
        true => write::tlv(0x81, &[text]),
        false => {
            let value = write::tlv(0xa0, &[&write::tlv(UTF8_STRING, &[text])]);
            write::tlv(0xa0, &[&write::oid(oid::SMTP_UTF8_MAILBOX), &value])
        }
    };
    let value = Asn1OctetString::new_from_bytes(&write::sequence(&[&name]))?;
    Ok(X509Extension::new_from_der(Asn1Object::from_str("2.5.29.17")?.as_ref(), false, value.as_ref())?)
}

/// A self-signed P-256 certificate for a listener: host names and addresses, at least one.
///
/// # Errors
/// When there is no name or a primitive fails.
pub fn self_signed_tls(hosts: &[&str], validity: Validity) -> Result<Made, CryptoError> {
    let first = hosts.first().ok_or(CryptoError::Unsupported("a certificate without a host name"))?;
    let key = generate(KeyKind::EcP256)?;
    let name = name(first, "")?;
    let mut builder = start(&key, &name, validity, None)?;
    builder.set_issuer_name(&name)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let mut names = SubjectAlternativeName::new();
    for host in hosts {
        if host.parse::<IpAddr>().is_ok() {
            names.ip(host)
        } else {
            names.dns(host)
        };
    }
    let context = builder.x509v3_context(None, None);
    let names = names.build(&context)?;
    let id = SubjectKeyIdentifier::new().build(&context)?;
    builder.append_extension(names)?;
    builder.append_extension(id)?;
    finish(builder, &key, &key)
}

fn generate(kind: KeyKind) -> Result<PKey<Private>, CryptoError> {
    let curve = match kind {
        KeyKind::Rsa(bits) => return Ok(PKey::from_rsa(Rsa::generate(bits.clamp(2048, 8192))?)?),
        KeyKind::EcP256 => Nid::X9_62_PRIME256V1,
        KeyKind::EcP384 => Nid::SECP384R1,
        KeyKind::EcP521 => Nid::SECP521R1,
        KeyKind::Ed25519 => return Ok(PKey::generate_ed25519()?),
        KeyKind::X25519 => return Ok(PKey::generate_x25519()?),
        KeyKind::OpenPgp => return Err(CryptoError::Unsupported("a certificate with an OpenPGP key")),
    };
    Ok(PKey::from_ec_key(EcKey::generate(EcGroup::from_curve_name(curve)?.as_ref())?)?)
}

fn name(common: &str, organisation: &str) -> Result<X509Name, CryptoError> {
    let mut builder = X509Name::builder()?;
    if !organisation.is_empty() {
        builder.append_entry_by_nid(Nid::ORGANIZATIONNAME, organisation)?;
    }
    // ub-common-name is 64 (RFC 5280 appendix A.1).
    let common: String = common.chars().take(64).collect();
    builder.append_entry_by_nid(Nid::COMMONNAME, &common)?;
    Ok(builder.build())
}

fn start(key: &PKey<Private>, subject: &X509NameRef, validity: Validity, cap: Option<Timestamp>) -> Result<X509Builder, CryptoError> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial)?;
    // Positive and never zero.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let serial = BigNum::from_slice(&serial)?.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    let end = validity.now.after(validity.lifetime);
    let end = cap.map_or(end, |cap| end.min(cap));
    let (not_before, not_after) = (Asn1Time::from_unix(validity.now.seconds() - BACKDATE)?, Asn1Time::from_unix(end.seconds())?);
    builder.set_not_before(&not_before)?;
    builder.set_not_after(&not_after)?;
    Ok(builder)
}

fn finish(mut builder: X509Builder, key: &PKey<Private>, signer: &PKey<Private>) -> Result<Made, CryptoError> {
    builder.sign(signer, MessageDigest::sha256())?;
    let mut pkcs8 = Zeroizing::new(key.private_key_to_pkcs8()?);
    Ok(Made {
        private_pkcs8: SecretBytes::new(std::mem::take(&mut *pkcs8)),
        certificate: Certificate::from_der(&builder.build().to_der()?)?,
    })
}
