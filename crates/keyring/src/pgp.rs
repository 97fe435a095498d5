//! OpenPGP: whose keys, which key, and what is made of one message with OpenPGP in it.
//!
//! Keys are bound to addresses: a key counts for the address that it was taken for and that its own user id names, for nobody else
//! (mail-gateway.md M-C2, CVE-2026-2746). [`treat`] takes one look at a message: it opens what the recipients' keys open, judges what is
//! signed, and puts what was opened in the closed pieces' place. What it may say `valid` of, see `treat::covers`.

mod content;
mod strip;
mod treat;

use std::sync::LazyLock;

use crypto::openpgp::{self, Known, OwnPgp, PgpKey, import};
use message::shape::pgp::{BlockKind, Kind, Piece};
use model::site::{KeyRecord, PgpCertificate};
use model::{AddressKey, Site, Timestamp};
use parking_lot::Mutex;

use crate::lru::Lru;

pub use strip::without_signatures;
pub use treat::{Case, Treated, treat};

/// Certificates that are kept parsed.
const KEPT: usize = 4_096;
/// Certificates that are looked at for one message's signatures.
const SIGNERS: usize = 20;

/// The newest key of this account that can sign now.
///
/// `None` without an account, for one that may not sign, and when no key is in time, may sign and names the address.
#[must_use]
pub fn signing(site: &Site, owner: &AddressKey, now: Timestamp) -> Option<OwnPgp> {
    if site.users.get(owner)?.may_not_sign {
        return None;
    }
    in_use(site, owner).filter_map(of_record).find(|own| own.key.signing_key(&own.secrets, now).is_some() && names(&own.key, owner, now))
}

/// The key that mail for this address is encrypted to: an own user's newest, else the partner's.
///
/// `None` when none is in time and may be encrypted to.
#[must_use]
pub fn encryption(site: &Site, recipient: &AddressKey, now: Timestamp) -> Option<PgpKey> {
    let usable = |key: &PgpKey| key.encrypts(now) && names(key, recipient, now);
    let own = in_use(site, recipient).filter_map(|record| parsed(&record.certificate)).find(usable);
    own.or_else(|| site.partners.get(recipient)?.pgp_keys.iter().filter_map(|kept| parsed(&kept.armour)).find(usable))
}

/// The public key of an account that others should have: the newest that serves now.
#[must_use]
pub fn to_publish(site: &Site, owner: &AddressKey, now: Timestamp) -> Option<PgpKey> {
    let serves = |key: &PgpKey| key.state(now) == openpgp::PgpState::Good && names(key, owner, now);
    in_use(site, owner).filter_map(|record| parsed(&record.certificate)).find(serves)
}

/// All keys, also those that are over, whose private parts these owners have here: what a mail to them may be opened with.
#[must_use]
pub fn own(site: &Site, owners: &[AddressKey]) -> Vec<OwnPgp> {
    let mut keys: Vec<OwnPgp> = Vec::new();
    for own in owners.iter().flat_map(|owner| records(site, owner)).filter_map(of_record) {
        if !keys.contains(&own) {
            keys.push(own);
        }
    }
    keys
}

/// Fingerprints or key ids of those whom an encrypted piece names, lower-case hex; an empty text for each whom it hides. Uses no key.
#[must_use]
pub fn named(piece: &Piece) -> Vec<String> {
    let of = |data: &[u8]| openpgp::named(data).unwrap_or_default().iter().map(|id| id.to_ascii_lowercase()).collect::<Vec<_>>();
    match &piece.kind {
        Kind::Encrypted(data) | Kind::File(data) => of(data),
        Kind::Signed { .. } => Vec::new(),
        Kind::Text { text, blocks } => {
            let closed = blocks.iter().filter(|block| block.kind == BlockKind::Encrypted);
            closed.flat_map(|block| of(text.get(block.range.clone()).unwrap_or_default())).collect()
        }
    }
}

/// True if one of these names, or hides, a key whose private part is here.
#[must_use]
pub fn is_named(own: &OwnPgp, named: &[String]) -> bool {
    named.iter().any(|id| id.is_empty() || own.secrets.iter().any(|fingerprint| is_id_of(id, fingerprint)))
}

/// Certificates of the signers that these fingerprints or key ids name, those of `from` first.
#[must_use]
pub fn known(site: &Site, from: Option<&AddressKey>, ids: &[String]) -> Vec<Known> {
    let ids: Vec<String> = ids.iter().map(|id| id.to_ascii_lowercase()).collect();
    let hit = |fingerprints: &[String]| fingerprints.iter().any(|fingerprint| ids.iter().any(|id| is_id_of(id, fingerprint)));
    let mut found: Vec<Known> = Vec::new();
    let mut take = |owner: &AddressKey, armour: &str| {
        if found.len() < SIGNERS
            && let Some(key) = parsed(armour)
            && hit(&key.fingerprints())
        {
            found.push(Known { key, owner: owner.clone() });
        }
    };
    if let Some(from) = from {
        records(site, from).for_each(|record| take(from, &record.certificate));
        site.partners.get(from).into_iter().flat_map(|partner| &partner.pgp_keys).for_each(|kept| take(from, &kept.armour));
    }
    // Somebody else's: to say whose it is.
    let others = site.keys.values().filter(|record| record.is_pgp() && Some(&record.owner) != from && hit(&record.pgp));
    others.for_each(|record| take(&record.owner, &record.certificate));
    for (owner, partner) in site.partners.iter().filter(|(owner, _)| Some(*owner) != from) {
        partner.pgp_keys.iter().filter(|kept| hit(&kept.fingerprints)).for_each(|kept| take(owner, &kept.armour));
    }
    found
}

/// True if the key names this address now.
#[must_use]
pub fn names(key: &PgpKey, owner: &AddressKey, now: Timestamp) -> bool {
    key.addresses(now).iter().any(|address| address.key() == *owner)
}

/// The certificate of a row, kept: reading one costs as much as a signature with it.
#[must_use]
pub fn parsed(armour: &str) -> Option<PgpKey> {
    static PARSED: LazyLock<Mutex<Lru<String, Option<PgpKey>>>> = LazyLock::new(|| Mutex::new(Lru::new(KEPT)));
    if let Some(known) = PARSED.lock().get(armour) {
        return known;
    }
    let key = import::public_keys(armour.as_bytes()).ok().and_then(|keys| keys.into_iter().next());
    PARSED.lock().put(armour.to_owned(), key.clone());
    key
}

/// A certificate as a partner's row keeps it.
#[must_use]
pub fn kept(key: &PgpKey) -> PgpCertificate {
    PgpCertificate { armour: key.armoured(), fingerprints: key.fingerprints() }
}

/// The key of a row, if it is an OpenPGP key.
#[must_use]
pub fn of_record(record: &KeyRecord) -> Option<OwnPgp> {
    Some(OwnPgp { id: record.id.clone(), key: parsed(&record.certificate)?, secrets: record.pgp.clone() })
}

/// Those that nobody took out of use (M-C5).
fn in_use<'a>(site: &'a Site, owner: &AddressKey) -> impl Iterator<Item = &'a KeyRecord> {
    records(site, owner).filter(|record| record.retired.is_none())
}

fn records<'a>(site: &'a Site, owner: &AddressKey) -> impl Iterator<Item = &'a KeyRecord> {
    let ids = site.keys_of.get(owner).map(Vec::as_slice).unwrap_or_default();
    ids.iter().filter_map(|id| site.keys.get(id)).map(AsRef::as_ref).filter(|record| record.is_pgp())
}

/// A key id is the end of a version 4 fingerprint and the beginning of a version 6 one (RFC 9580 §5.5.4). Both in lower case.
fn is_id_of(id: &str, fingerprint: &str) -> bool {
    match (id.len(), fingerprint.len()) {
        (16, 40) => fingerprint.ends_with(id),
        (16, _) => fingerprint.starts_with(id),
        _ => id == fingerprint,
    }
}

#[cfg(test)]
mod tests;
