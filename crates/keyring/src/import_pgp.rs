//! OpenPGP key files, and keys made here, as rows of the site. Called by `import`, which tells the kinds of files apart.
//!
//! A key is taken for an address only if a user id that its own key has signed names it: so a key counts for nobody whom it does not name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::openpgp::import::{self, PgpImported};
use crypto::openpgp::{Made, PgpKey, PgpState};
use crypto::pki::import::ImportError;
use model::site::{KeyRecord, Partner, PgpCertificate, Section, SiteRow};
use model::{Address, KeyId, Site, Timestamp};

use crate::import::row;
use crate::keys::sealed_as;
use crate::pgp::{kept, parsed};
use crate::{KeyringError, Unfit, Vault};

/// Keys that are kept of one partner.
const PARTNER_KEYS: usize = 8;

/// The private keys of a file for one of our addresses, one row each.
pub(crate) fn user_key(
    vault: &Vault,
    owner: &Address,
    file: &[u8],
    pass: Option<&str>,
    now: Timestamp,
) -> Result<Vec<SiteRow>, KeyringError> {
    let found = import::secret_keys(file, pass)?;
    let rows = found
        .into_iter()
        .map(|PgpImported { secret, key, secrets }| made_row(vault, owner, &Made { secret, key, secrets }, "imported", now));
    rows.collect()
}

/// The row of one key, also of one that was made here.
///
/// # Errors
/// [`KeyringError::Unsuitable`] for a key of somebody else, or when the vault can't seal.
pub fn made_row(vault: &Vault, owner: &Address, made: &Made, origin: &str, now: Timestamp) -> Result<SiteRow, KeyringError> {
    if let Some(why) = not_named(&made.key, owner) {
        return Err(unsuitable(&made.key, why));
    }
    let id = KeyId(made.key.fingerprint().to_owned());
    let record = KeyRecord {
        owner: owner.key(),
        certificate: made.key.armoured(),
        sealed: STANDARD.encode(vault.seal(&sealed_as(&id), made.secret.expose())?),
        created: now,
        origin: origin.to_owned(),
        former: Vec::new(),
        retired: None,
        pgp: made.secrets.clone(),
        id,
    };
    row(Section::Key, record.id.0.clone(), &record)
}

/// The row of a key of ours with its certificate as it now is: revoked, say.
///
/// # Errors
/// When it can't be written.
pub fn revoked_row(record: &KeyRecord, key: &PgpKey) -> Result<SiteRow, KeyringError> {
    row(Section::Key, record.id.0.clone(), &KeyRecord { certificate: key.armoured(), ..record.clone() })
}

/// A partner's keys, put before those that the site has already; what is known of the same key is kept, so that no file undoes a
/// revocation. A revocation that stands alone is put to the key that it is for.
pub(crate) fn partner_key(site: &Site, partner: &Address, file: &[u8], origin: &str, now: Timestamp) -> Result<SiteRow, KeyringError> {
    let known = site.partners.get(&partner.key());
    let mut keys: Vec<PgpCertificate> = known.map(|known| known.pgp_keys.clone()).unwrap_or_default();
    if import::is_revocation(file) {
        let mut taken = false;
        for kept_key in &mut keys {
            if let Some(revoked) = parsed(&kept_key.armour).and_then(|key| import::revoked_by(&key, file)) {
                *kept_key = kept(&revoked);
                taken = true;
            }
        }
        if !taken {
            return Err(ImportError::RevokesUnknown.into());
        }
    } else {
        let found = import::public_keys(file)?;
        let first = found.first().cloned().ok_or(ImportError::NoCertificates)?;
        let theirs: Vec<PgpKey> = found.into_iter().filter(|key| not_named(key, partner).is_none()).collect();
        if theirs.is_empty() {
            return Err(unsuitable(&first, not_named(&first, partner).unwrap_or(Unfit::OtherAddress)));
        }
        for key in theirs {
            let before = keys.iter().position(|old| old.fingerprints.first().is_some_and(|first| first == key.fingerprint()));
            let key = match before.map(|place| keys.remove(place)).and_then(|old| parsed(&old.armour)) {
                Some(old) => import::merged(&old, &key)?,
                None => serving(key, now)?,
            };
            keys.insert(0, kept(&key));
        }
    }
    keys.truncate(PARTNER_KEYS);
    let before = known.map_or_else(|| Partner::new(partner.clone(), origin), |known| Partner::clone(known));
    row(Section::Partner, partner.key().as_str().to_owned(), &Partner { pgp_keys: keys, ..before })
}

/// A key that nobody here knew must be of use; what is known of a kept one only grows. One whose time has not begun may come before it.
fn serving(key: PgpKey, now: Timestamp) -> Result<PgpKey, KeyringError> {
    match key.state(now) {
        PgpState::Weak => Err(unsuitable(&key, Unfit::Insecure)),
        PgpState::Revoked => Err(unsuitable(&key, Unfit::Revoked)),
        PgpState::Expired if key.details(now).created <= now => Err(unsuitable(&key, Unfit::Over)),
        PgpState::Expired | PgpState::Good => Ok(key),
    }
}

fn not_named(key: &PgpKey, address: &Address) -> Option<Unfit> {
    let named = key.addresses_ever();
    match () {
        () if named.iter().any(|one| one.key() == address.key()) => None,
        () if named.is_empty() => Some(Unfit::NoAddress),
        () => Some(Unfit::OtherAddress),
    }
}

fn unsuitable(key: &PgpKey, why: Unfit) -> KeyringError {
    let subject = key.addresses_ever().first().map_or_else(|| key.fingerprint().to_owned(), ToString::to_string);
    KeyringError::Unsuitable { subject, why }
}
