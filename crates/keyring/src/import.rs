//! Key and certificate files as rows of the site.
//!
//! Each function checks, seals and gives the [`SiteRow`]s to write; `admin` writes them with audit and feed in
//! one transaction. Row versions are 0: the store counts them. A private key leaves this room sealed, or under the pass phrase
//! of the administrator who takes it along ([`exported`]).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::openpgp;
use crypto::pki::import::{self, Imported};
use crypto::pki::issue::{Validity, self_signed_user};
use crypto::pki::{Certificate, SoftKey};
use model::site::{KeyRecord, Partner, Root, Section, SiteRow, Trust};
use model::{Address, KeyKind, SecretBytes, SecretText, Site, Timestamp};

use crate::choose::names;
use crate::keys::sealed_as;
use crate::{KeyringError, Unfit, Vault};

/// Certificates that are kept of one partner.
const PARTNER_CERTIFICATES: usize = 20;
/// Certificates that are kept of one key, beside its newest.
const FORMER_CERTIFICATES: usize = 20;
/// Roots that one file may bring.
const ROOTS_AT_ONCE: usize = 1_000;

/// The keys of a PKCS#12, PEM, DER or OpenPGP file for one of our addresses, one row each.
///
/// # Errors
/// [`KeyringError::Import`] says what is wrong with the file, [`KeyringError::Unsuitable`] that a certificate
/// was made for another address or not for mail. Then none of the file is taken.
pub fn user_key(vault: &Vault, owner: &Address, file: &[u8], pass: Option<&str>, now: Timestamp) -> Result<Vec<SiteRow>, KeyringError> {
    if openpgp::import::looks_so(file) {
        return crate::import_pgp::user_key(vault, owner, file, pass, now);
    }
    import::any(file, pass)?.iter().map(|imported| key_row(vault, owner, imported, now)).collect()
}

/// The row of one key pair from a file.
///
/// # Errors
/// [`KeyringError::Unsuitable`], or when the vault can't seal.
pub fn key_row(vault: &Vault, owner: &Address, pair: &Imported, now: Timestamp) -> Result<SiteRow, KeyringError> {
    pair_row(vault, owner, (&pair.private_pkcs8, &pair.chain), "imported", now)
}

/// A new key pair for one of our addresses with a certificate that it signs itself, as a row. Takes up to seconds: call it on the
/// CPU pool.
///
/// # Errors
/// When the vault can't seal or a primitive fails.
pub fn generated(vault: &Vault, owner: &Address, full_name: &str, kind: KeyKind, validity: Validity) -> Result<SiteRow, KeyringError> {
    let made = self_signed_user(owner, full_name, kind, validity)?;
    pair_row(vault, owner, (&made.private_pkcs8, &[made.certificate]), "generated", validity.now)
}

fn pair_row(
    vault: &Vault,
    owner: &Address,
    (private, chain): (&SecretBytes, &[Certificate]),
    origin: &str,
    now: Timestamp,
) -> Result<SiteRow, KeyringError> {
    let leaf = chain.first().ok_or(import::ImportError::NoCertificate)?;
    let refuse = |why| Err(KeyringError::Unsuitable { subject: leaf.subject(), why });
    if let Some(why) = not_named(leaf, owner) {
        return refuse(why);
    }
    if !leaf.may_sign_mail() && !leaf.may_encrypt_mail() {
        return refuse(Unfit::NotForMail);
    }
    let key = SoftKey::from_pkcs8(private)?;
    if key.id() != leaf.key_id() {
        return Err(import::ImportError::KeyDoesNotFit.into());
    }
    let record = KeyRecord {
        id: key.id().clone(),
        owner: owner.key(),
        certificate: chain.iter().map(Certificate::pem).collect(),
        sealed: STANDARD.encode(vault.seal(&sealed_as(key.id()), private.expose())?),
        created: now,
        origin: origin.to_owned(),
        former: Vec::new(),
        retired: None,
        pgp: Vec::new(),
    };
    row(Section::Key, record.id.0.clone(), &record)
}

/// The row of a key that is here already and comes again, perhaps with a new certificate: the certificate before is kept, so that
/// mail that names it still opens.
///
/// # Errors
/// [`KeyringError::OtherOwner`] if somebody else owns the key.
pub fn renewed(before: &KeyRecord, row: SiteRow) -> Result<SiteRow, KeyringError> {
    let mut record: KeyRecord = serde_json::from_str(&row.body).map_err(|error| crypto::CryptoError::Primitive(error.to_string()))?;
    if record.owner != before.owner {
        return Err(KeyringError::OtherOwner(before.owner.as_str().to_owned()));
    }
    if let (Some(old), Some(new)) = (crate::pgp::of_record(before), crate::pgp::of_record(&record)) {
        // What is known of it stays known: a revocation above all.
        let merged = openpgp::import::merged(&old.key, &new.key)?;
        return crate::import_pgp::revoked_row(&KeyRecord { retired: before.retired, ..record }, &merged);
    }
    let leaf = |pem: &str| Certificate::from_pem_many(pem).ok().and_then(|chain| chain.into_iter().next());
    let now = leaf(&record.certificate);
    record.former = before.former.iter().filter(|pem| leaf(pem) != now).cloned().collect();
    if let Some(old) = leaf(&before.certificate).filter(|old| Some(old) != now.as_ref()) {
        record.former.insert(0, old.pem());
        record.former.truncate(FORMER_CERTIFICATES);
    }
    self::row(row.section, row.key, &record)
}

/// The key pair of a row as a PKCS#12 file under a pass phrase; an OpenPGP key in armour. The one way by which a private key leaves (M-C12); the caller
/// notes who asked. Takes some tenths of a second: call it on the CPU pool.
///
/// # Errors
/// When the vault can't open the key, or the pass phrase is too short.
pub fn exported(vault: &Vault, record: &KeyRecord, pass: &str) -> Result<SecretBytes, KeyringError> {
    let sealed = STANDARD.decode(&record.sealed).map_err(|_| crypto::CryptoError::Malformed("private key"))?;
    let private = vault.unseal(&sealed_as(&record.id), &sealed)?;
    if record.is_pgp() {
        return Ok(openpgp::SoftPgp::open(&private)?.export(&SecretText::new(pass.to_owned()))?);
    }
    let chain = Certificate::from_pem_many(&record.certificate)?;
    Ok(crypto::pki::export::pkcs12(&private, &chain, pass, record.owner.as_str())?)
}

/// Those of a partner's certificates in a file that mail can be encrypted to, put before those that are here already.
///
/// # Errors
/// [`KeyringError::Import`] without a certificate, [`KeyringError::Unsuitable`] where each can't be
/// encrypted to, is over or was made for another address.
pub fn partner_certificate(site: &Site, partner: &Address, file: &[u8], origin: &str, now: Timestamp) -> Result<SiteRow, KeyringError> {
    if openpgp::import::looks_so(file) {
        return crate::import_pgp::partner_key(site, partner, file, origin, now);
    }
    let found = import::certificates(file)?;
    let first = found.iter().find(|certificate| !certificate.is_ca()).or(found.first()).ok_or(import::ImportError::NoCertificates)?;
    let refuse = |why| Err(KeyringError::Unsuitable { subject: first.subject(), why });
    let usable: Vec<&Certificate> = found.iter().filter(|leaf| unusable(leaf, partner, now).is_none()).collect();
    if usable.is_empty() {
        return refuse(unusable(first, partner, now).unwrap_or(Unfit::NotForEncryption));
    }
    let mut row = site.partners.get(&partner.key()).map_or_else(|| Partner::new(partner.clone(), origin), |known| Partner::clone(known));
    if row.origin != origin {
        // From now on it is an entry by hand, which mails don't displace; what they brought before keeps its origin.
        let before = std::mem::replace(&mut row.origin, origin.to_owned());
        for leaf in row.certificates.iter().filter_map(|pem| Certificate::from_pem_many(pem).ok()?.into_iter().next()) {
            row.origins.entry(leaf.fingerprint_sha256().to_owned()).or_insert_with(|| before.clone());
        }
    }
    for leaf in usable.iter().rev() {
        row.certificates.retain(|pem| pem.trim() != leaf.pem().trim());
        row.certificates.insert(0, leaf.pem());
        row.origins.remove(leaf.fingerprint_sha256());
    }
    row.certificates.truncate(PARTNER_CERTIFICATES);
    self::row(Section::Partner, partner.key().as_str().to_owned(), &row)
}

/// Why mail to this address can't be encrypted to a certificate, now or later.
fn unusable(leaf: &Certificate, address: &Address, now: Timestamp) -> Option<Unfit> {
    match () {
        () if !leaf.may_encrypt_mail() => Some(Unfit::NotForEncryption),
        () if !leaf.is_strong() => Some(Unfit::TooShort),
        () if leaf.not_after().seconds() < now.seconds() => Some(Unfit::Over),
        () => not_named(leaf, address),
    }
}

fn not_named(leaf: &Certificate, address: &Address) -> Option<Unfit> {
    match () {
        () if names(leaf, &address.key()) => None,
        () if leaf.addresses().is_empty() => Some(Unfit::NoAddress),
        () => Some(Unfit::OtherAddress),
    }
}

/// The roots and intermediates of a file with the administrator's decision, one row each.
///
/// # Errors
/// [`KeyringError::Import`] without a certificate or with too many, [`KeyringError::Unsuitable`] for one that is no CA or whose key is too
/// short. Then none is taken.
pub fn roots(file: &[u8], trust: Trust, origin: &str) -> Result<Vec<SiteRow>, KeyringError> {
    let found = import::certificates(file)?;
    if found.len() > ROOTS_AT_ONCE {
        return Err(import::ImportError::TooMany(ROOTS_AT_ONCE).into());
    }
    let row = |root: &Certificate| {
        let refuse = |why| Err(KeyringError::Unsuitable { subject: root.subject(), why });
        if !root.is_ca() && !root.is_self_issued() {
            return refuse(Unfit::NoAuthority);
        }
        if !root.is_strong() {
            return refuse(Unfit::TooShort);
        }
        let body = Root { certificate: root.pem(), trust, origin: origin.to_owned() };
        self::row(Section::Root, root.fingerprint_sha256().to_owned(), &body)
    };
    found.iter().map(row).collect()
}

pub(crate) fn row(section: Section, key: String, body: &impl serde::Serialize) -> Result<SiteRow, KeyringError> {
    let body = serde_json::to_string(body).map_err(|error| crypto::CryptoError::Primitive(error.to_string()))?;
    Ok(SiteRow { section, key, version: 0, body })
}
