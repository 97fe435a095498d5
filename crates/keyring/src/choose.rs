//! Which key signs, which certificate is encrypted to, which certificates may open.
//!
//! Newest first everywhere: site rows keep them so. Owners come from the rows, never from a message. An account
//! that may not sign or encrypt is asked by the caller's use: "may not sign" stops [`signing`], "may not
//! encrypt" is the sender's affair and stops neither being written to nor opening (mail-gateway.md M-C5, M-C15).

use std::sync::LazyLock;

use crypto::pki::Certificate;
use crypto::smime::{ContentCipher, SigningIdentity};
use model::site::KeyRecord;
use model::{AddressKey, Site, Timestamp};
use parking_lot::Mutex;

use crate::lru::Lru;

/// Chains that are kept parsed.
const KEPT_CHAINS: usize = 4_096;

/// The newest key of this account that can sign now, with the chain to send along.
///
/// `None` without an account, for one that may not sign, and when no certificate is in time, strong enough, allows signing
/// and names the address, and none of those was taken out of use.
#[must_use]
pub fn signing(site: &Site, owner: &AddressKey, now: Timestamp) -> Option<SigningIdentity> {
    if site.users.get(owner)?.may_not_sign {
        return None;
    }
    in_use(site, owner).find_map(|record| {
        let chain = chain(record);
        let leaf = chain.first()?;
        let fits = protects(leaf, now) && leaf.may_sign_mail() && names(leaf, owner) && *leaf.key_id() == record.id;
        fits.then(|| SigningIdentity { key: record.id.clone(), chain: chain.clone() })
    })
}

/// True if the account has a key that works now and the account may encrypt: the rule command
/// `has_smime_key()`.
#[must_use]
pub fn has_smime_key(site: &Site, owner: &AddressKey, now: Timestamp) -> bool {
    site.users.get(owner).is_some_and(|user| !user.may_not_encrypt)
        && in_use(site, owner).any(|record| chain(record).first().is_some_and(|leaf| protects(leaf, now)))
}

/// The certificate that mail for this address is encrypted to: an own user's newest, else the partner's.
///
/// `None` when none is in time and allows encryption.
#[must_use]
pub fn encryption(site: &Site, recipient: &AddressKey, now: Timestamp) -> Option<Certificate> {
    own_encryption(site, recipient, now).or_else(|| {
        let usable = |leaf: &Certificate| protects(leaf, now) && leaf.may_encrypt_mail();
        let partner = site.partners.get(recipient)?;
        partner.certificates.iter().filter_map(|pem| parsed(pem).into_iter().next()).find(usable)
    })
}

/// The newest certificate of one of ours that mail can be encrypted to: with dual keys another one than [`signing`] gives.
#[must_use]
pub fn own_encryption(site: &Site, owner: &AddressKey, now: Timestamp) -> Option<Certificate> {
    let usable = |leaf: &Certificate| protects(leaf, now) && leaf.may_encrypt_mail();
    in_use(site, owner).filter_map(|record| chain(record).into_iter().next()).find(usable)
}

/// All certificates, also those that are over, retired or replaced by another of the same key, whose private keys these owners have here: what a mail to them
/// may be opened with (M-C5: any old one still decrypts, for its owner only; security.md X-4).
#[must_use]
pub fn own(site: &Site, owners: &[AddressKey]) -> Vec<Certificate> {
    let mut certificates: Vec<Certificate> = Vec::new();
    for owner in owners {
        for record in records(site, owner) {
            let former = record.former.iter().filter_map(|pem| parsed(pem).into_iter().next());
            for leaf in chain(record).into_iter().take(1).chain(former) {
                if !certificates.contains(&leaf) {
                    certificates.push(leaf);
                }
            }
        }
    }
    certificates
}

/// Certificates that are known of this address, ours or a partner's: a signature may come without its own.
#[must_use]
pub fn known(site: &Site, owner: &AddressKey) -> Vec<Certificate> {
    let own = records(site, owner).filter_map(|record| chain(record).into_iter().next());
    let partner = site.partners.get(owner).map(|partner| partner.certificates.as_slice()).unwrap_or_default();
    own.chain(partner.iter().filter_map(|pem| parsed(pem).into_iter().next())).collect()
}

/// The cipher for a mail to these: AES-256-GCM where every certificate announces it, AES-256-CBC else
/// (mail-gateway.md M-C1).
#[must_use]
pub fn cipher(to: &[Certificate]) -> ContentCipher {
    if !to.is_empty() && to.iter().all(Certificate::announces_gcm) { ContentCipher::Aes256Gcm } else { ContentCipher::Aes256Cbc }
}

/// True if the certificate was made for this address.
#[must_use]
pub fn names(certificate: &Certificate, owner: &AddressKey) -> bool {
    certificate.addresses().iter().any(|address| address.key() == *owner)
}

fn records<'a>(site: &'a Site, owner: &AddressKey) -> impl Iterator<Item = &'a KeyRecord> {
    let ids = site.keys_of.get(owner).map(Vec::as_slice).unwrap_or_default();
    ids.iter().filter_map(|id| site.keys.get(id)).map(AsRef::as_ref)
}

/// Those that nobody took out of use.
fn in_use<'a>(site: &'a Site, owner: &AddressKey) -> impl Iterator<Item = &'a KeyRecord> {
    records(site, owner).filter(|record| record.retired.is_none())
}

/// In time and strong enough to protect anything.
fn protects(leaf: &Certificate, now: Timestamp) -> bool {
    leaf.is_in_time(now) && leaf.is_strong()
}

fn chain(record: &KeyRecord) -> Vec<Certificate> {
    parsed(&record.certificate)
}

/// The certificates of a row's PEM text, kept: reading one costs as much as a signature with it.
pub(crate) fn parsed(pem: &str) -> Vec<Certificate> {
    static KEPT: LazyLock<Mutex<Lru<String, Vec<Certificate>>>> = LazyLock::new(|| Mutex::new(Lru::new(KEPT_CHAINS)));
    if let Some(chain) = KEPT.lock().get(pem) {
        return chain;
    }
    let chain = Certificate::from_pem_many(pem).unwrap_or_default();
    KEPT.lock().put(pem.to_owned(), chain.clone());
    chain
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
