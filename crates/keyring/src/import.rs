//! Key and certificate files as rows of the site.
//!
//! Each function checks, seals and gives the [`SiteRow`]s to write; `admin` writes them with audit and feed in
//! one transaction. Row versions are 0: the store counts them. A private key leaves this room sealed only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::pki::import::{self, Imported};
use crypto::pki::{Certificate, SoftKey};
use model::site::{KeyRecord, Partner, Root, Section, SiteRow, Trust};
use model::{Address, Site, Timestamp};

use crate::choose::names;
use crate::keys::sealed_as;
use crate::{KeyringError, Vault};

/// Certificates that are kept of one partner.
const PARTNER_CERTIFICATES: usize = 8;

/// The keys of a PKCS#12, PEM or DER file for one of our addresses, one row each.
///
/// # Errors
/// [`KeyringError::Import`] says what is wrong with the file, [`KeyringError::Unsuitable`] that a certificate
/// was made for another address or not for mail.
pub fn user_key(vault: &Vault, owner: &Address, file: &[u8], pass: Option<&str>, now: Timestamp) -> Result<Vec<SiteRow>, KeyringError> {
    import::any(file, pass)?.iter().map(|imported| key_row(vault, owner, imported, now)).collect()
}

/// The row of one key pair, also of one that was made here.
///
/// # Errors
/// [`KeyringError::Unsuitable`], or when the vault can't seal.
pub fn key_row(vault: &Vault, owner: &Address, pair: &Imported, now: Timestamp) -> Result<SiteRow, KeyringError> {
    let leaf = pair.chain.first().ok_or(import::ImportError::NoCertificate)?;
    let refuse = |why| Err(KeyringError::Unsuitable { subject: leaf.subject(), why });
    if !names(leaf, &owner.key()) {
        return refuse("it was made for another address");
    }
    if !leaf.may_sign_mail() && !leaf.may_encrypt_mail() {
        return refuse("it allows neither signing nor encrypting mail");
    }
    let key = SoftKey::from_pkcs8(&pair.private_pkcs8)?;
    if key.id() != leaf.key_id() {
        return Err(import::ImportError::KeyDoesNotFit.into());
    }
    let record = KeyRecord {
        id: key.id().clone(),
        owner: owner.key(),
        certificate: pair.chain.iter().map(Certificate::pem).collect(),
        sealed: STANDARD.encode(vault.seal(&sealed_as(key.id()), pair.private_pkcs8.expose())?),
        created: now,
    };
    row(Section::Key, record.id.0.clone(), &record)
}

/// A partner's certificate, put before those that the site has already.
///
/// # Errors
/// [`KeyringError::Import`] without a certificate, [`KeyringError::Unsuitable`] for one that can't be
/// encrypted to or was made for another address.
pub fn partner_certificate(site: &Site, partner: &Address, file: &[u8], origin: &str) -> Result<SiteRow, KeyringError> {
    let found = import::certificates(file)?;
    let leaf = found.iter().find(|certificate| !certificate.is_ca()).or(found.first()).ok_or(import::ImportError::NoCertificate)?;
    let refuse = |why| Err(KeyringError::Unsuitable { subject: leaf.subject(), why });
    if !leaf.may_encrypt_mail() {
        return refuse("mail can't be encrypted to it");
    }
    if !names(leaf, &partner.key()) {
        return refuse("it was made for another address");
    }
    let mut certificates = vec![leaf.pem()];
    if let Some(known) = site.partners.get(&partner.key()) {
        certificates.extend(known.certificates.iter().filter(|pem| pem.trim() != leaf.pem().trim()).cloned());
    }
    certificates.truncate(PARTNER_CERTIFICATES);
    row(Section::Partner, partner.key().as_str().to_owned(), &Partner { address: partner.clone(), certificates, origin: origin.to_owned() })
}

/// A root with the administrator's decision.
///
/// # Errors
/// [`KeyringError::Import`] without a certificate, [`KeyringError::Unsuitable`] for one that is no CA.
pub fn root(file: &[u8], trust: Trust) -> Result<SiteRow, KeyringError> {
    let found = import::certificates(file)?;
    let root = found.first().ok_or(import::ImportError::NoCertificate)?;
    if !root.is_ca() && !root.is_self_issued() {
        return Err(KeyringError::Unsuitable { subject: root.subject(), why: "it is no certificate authority's" });
    }
    row(Section::Root, root.fingerprint_sha256().to_owned(), &Root { certificate: root.pem(), trust })
}

fn row(section: Section, key: String, body: &impl serde::Serialize) -> Result<SiteRow, KeyringError> {
    let body = serde_json::to_string(body).map_err(|error| crypto::CryptoError::Primitive(error.to_string()))?;
    Ok(SiteRow { section, key, version: 0, body })
}
