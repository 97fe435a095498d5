//! The vault: data keys by epoch, and the fields that they seal under logical names.
//!
//! The master key wraps data keys; the newest seals, all open. Rotation is: [`Vault::next_key`] makes the next
//! epoch's key, `store` keeps it, the feed brings it to every node ([`Vault::adopt`]), and from then on it
//! seals; old values open as before and are sealed anew when somebody writes them. Layout of a sealed field:
//! header (8, [`model::format`]) · epoch (8, big-endian) · what [`crypto::seal`] makes. Nothing here prints.

use std::collections::BTreeMap;

use crypto::CryptoError;
use crypto::seal::{self, SealKey};
use model::SecretBytes;
use model::format::Format;
use parking_lot::RwLock;
use store::WrappedKey;

use crate::{KeyringError, MasterKey};

const FORMAT: Format = Format { magic: *b"SGva", version: 1, name: "field of the vault" };
const EPOCH: usize = 8;

/// Seals and opens. One a process; share it by `Arc`.
pub struct Vault {
    master: RwLock<MasterKey>,
    /// Other master keys that may be in force by now: asked for when the one here does not open what the store has.
    others: Option<OtherMasters>,
    keys: RwLock<BTreeMap<i64, SealKey>>,
}

/// Reads the master keys that this node has now.
pub type OtherMasters = Box<dyn Fn() -> Vec<MasterKey> + Send + Sync>;

impl Vault {
    /// Opens the data keys with the master key. With none (a new site) the vault seals nothing until it
    /// adopts the first.
    ///
    /// # Errors
    /// [`KeyringError::WrongMasterKey`] names the first that does not open.
    pub fn open(master: MasterKey, wrapped: &[WrappedKey]) -> Result<Self, KeyringError> {
        let vault = Self { master: RwLock::new(master), others: None, keys: RwLock::default() };
        vault.adopt(wrapped)?;
        Ok(vault)
    }

    /// The same vault, which looks for another master key when a data key does not open: the master key may be changed while it runs,
    /// here or by another node.
    #[must_use]
    pub fn asking(self, others: OtherMasters) -> Self {
        Self { others: Some(others), ..self }
    }

    /// Wraps by this master key from now on.
    pub fn change_master(&self, master: MasterKey) {
        *self.master.write() = master;
    }

    /// A vault with one fresh data key, and that key for the store.
    ///
    /// # Errors
    /// When a primitive fails.
    pub fn create(master: MasterKey) -> Result<(Self, WrappedKey), KeyringError> {
        let vault = Self { master: RwLock::new(master), others: None, keys: RwLock::default() };
        let first = vault.next_key()?;
        vault.adopt(std::slice::from_ref(&first))?;
        Ok((vault, first))
    }

    /// A fresh data key for the next epoch. It does nothing until it is adopted: store it first, so that no
    /// node seals with a key that another can't get.
    ///
    /// # Errors
    /// When a primitive fails.
    pub fn next_key(&self) -> Result<WrappedKey, KeyringError> {
        let epoch = self.epoch().unwrap_or(0).saturating_add(1);
        self.next_key_under(&self.master.read().clone(), epoch)
    }

    /// As [`Self::next_key`], wrapped by another master key that is to take over; the epoch is the one after the newest here.
    ///
    /// # Errors
    /// When a primitive fails.
    pub fn next_key_for(&self, master: &MasterKey) -> Result<WrappedKey, KeyringError> {
        self.next_key_under(master, self.epoch().unwrap_or(0).saturating_add(1))
    }

    fn next_key_under(&self, master: &MasterKey, epoch: i64) -> Result<WrappedKey, KeyringError> {
        self.wrap(master, epoch, &SealKey::random()?)
    }

    /// Takes over data keys that the store has; those that are known stay.
    ///
    /// # Errors
    /// [`KeyringError::WrongMasterKey`]; the good ones before it were taken.
    pub fn adopt(&self, wrapped: &[WrappedKey]) -> Result<(), KeyringError> {
        for key in wrapped {
            if self.keys.read().contains_key(&key.epoch) {
                continue;
            }
            let opened = self.unwrap(key)?;
            self.keys.write().insert(key.epoch, SealKey::new(opened)?);
        }
        Ok(())
    }

    fn unwrap(&self, key: &WrappedKey) -> Result<SecretBytes, KeyringError> {
        let open = |master: &MasterKey| seal::open(master.seal_key(), &wrapped_as(key.epoch), &key.wrapped).ok();
        let here = self.master.read().clone();
        if let Some(opened) = open(&here) {
            return Ok(opened);
        }
        let others = self.others.as_ref().map(|others| others()).unwrap_or_default();
        let found = others.into_iter().find_map(|master| Some((open(&master)?, master)));
        let (opened, master) = found.ok_or(KeyringError::WrongMasterKey(key.epoch))?;
        tracing::info!(event = "master_key.changed", epoch = key.epoch, "another master key is in force");
        self.change_master(master);
        Ok(opened)
    }

    /// All data keys under another master key, for a change of it.
    ///
    /// # Errors
    /// When a primitive fails.
    pub fn rewrapped(&self, master: &MasterKey) -> Result<Vec<WrappedKey>, KeyringError> {
        self.keys.read().iter().map(|(epoch, key)| self.wrap(master, *epoch, key)).collect()
    }

    /// The epoch that seals now; `None` before the first key.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        self.keys.read().last_key_value().map(|(epoch, _)| *epoch)
    }

    /// The epoch that sealed this field, for a job that seals old ones anew.
    ///
    /// # Errors
    /// When it is no field of a vault.
    pub fn epoch_of(sealed: &[u8]) -> Result<i64, KeyringError> {
        Ok(split(sealed)?.0)
    }

    /// Seals `plain` under `name` with the newest data key.
    ///
    /// # Errors
    /// [`KeyringError::NoDataKey`] in a vault without keys.
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let keys = self.keys.read();
        let (epoch, key) = keys.last_key_value().ok_or(KeyringError::NoDataKey(0))?;
        let mut field = FORMAT.header().to_vec();
        field.extend_from_slice(&epoch.to_be_bytes());
        field.extend_from_slice(&seal::seal(key, &bound(*epoch, name), plain)?);
        Ok(field)
    }

    /// Opens what was sealed under `name`.
    ///
    /// # Errors
    /// [`KeyringError::NoDataKey`] for an epoch that is not here (yet); [`KeyringError::Crypto`] for a foreign
    /// or damaged field, or another name.
    pub fn unseal(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, KeyringError> {
        let (epoch, inner) = split(sealed)?;
        let keys = self.keys.read();
        let key = keys.get(&epoch).ok_or(KeyringError::NoDataKey(epoch))?;
        Ok(seal::open(key, &bound(epoch, name), inner)?)
    }

    /// The site's MAC of `octets` for a purpose, under the newest data key.
    ///
    /// # Errors
    /// [`KeyringError::NoDataKey`] in a vault without keys.
    pub fn mac(&self, purpose: &str, octets: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let keys = self.keys.read();
        let (_, key) = keys.last_key_value().ok_or(KeyringError::NoDataKey(0))?;
        Ok(key.mac(purpose, octets)?)
    }

    /// True if `mac` was made of `octets` for this purpose under any data key. In constant time for each.
    #[must_use]
    pub fn mac_fits(&self, purpose: &str, octets: &[u8], mac: &[u8]) -> bool {
        self.keys.read().values().rev().any(|key| key.mac_fits(purpose, octets, mac))
    }

    /// As [`Self::mac_fits`], for a MAC that was cut to its first 16 octets or more.
    #[must_use]
    pub fn mac_begins(&self, purpose: &str, octets: &[u8], begin: &[u8]) -> bool {
        self.keys.read().values().rev().any(|key| key.mac_begins(purpose, octets, begin))
    }

    /// The site's key for a purpose, made of the newest data key or of that of an epoch, and its epoch. It is never stored.
    ///
    /// # Errors
    /// [`KeyringError::NoDataKey`] for an epoch that is not here.
    pub fn derived(&self, purpose: &str, epoch: Option<i64>) -> Result<(i64, SecretBytes), KeyringError> {
        let keys = self.keys.read();
        let found = match epoch {
            Some(epoch) => keys.get_key_value(&epoch),
            None => keys.last_key_value(),
        };
        let (epoch, key) = found.ok_or(KeyringError::NoDataKey(epoch.unwrap_or(0)))?;
        Ok((*epoch, key.derived(purpose)?.secret().clone()))
    }

    /// The key for encrypted attachments of one device of one user (docs/attachment-format.md), and its epoch: the newest, or
    /// that of an epoch. Both names as compared; `number` is which of the device's keys, 0 the first.
    ///
    /// # Errors
    /// [`KeyringError::NoDataKey`] for an epoch that is not here.
    pub fn attachment_key(&self, user: &str, device: &str, number: i64, epoch: Option<i64>) -> Result<(i64, SecretBytes), KeyringError> {
        // The length keeps two names from running into each other.
        let first = format!("attachment/{}/{user}/{device}", user.len());
        // An id holds no slash.
        self.derived(&if number == 0 { first } else { format!("{first}/{number}") }, epoch)
    }

    fn wrap(&self, master: &MasterKey, epoch: i64, key: &SealKey) -> Result<WrappedKey, KeyringError> {
        let wrapped = seal::seal(master.seal_key(), &wrapped_as(epoch), key.secret().expose())?;
        Ok(WrappedKey { epoch, wrapped })
    }
}

impl store::live::Sealer for Vault {
    fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
        // An empty field opens nowhere: the copy is then as good as none, and is written anew at the next change.
        Self::seal(self, name, plain).unwrap_or_else(|error| {
            tracing::error!(event = "vault.seal-failed", name, error = %error);
            Vec::new()
        })
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.unseal(name, sealed).ok().map(|plain| plain.expose().to_vec())
    }

    fn keys_changed(&self, keys: &[WrappedKey]) {
        if let Err(error) = self.adopt(keys) {
            tracing::error!(event = "vault.key-refused", error = %error);
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} data keys)", self.keys.read().len())
    }
}

fn wrapped_as(epoch: i64) -> String {
    format!("data-key/{epoch}")
}

/// The epoch is bound as well, so that a field can't be passed off as another epoch's.
fn bound(epoch: i64, name: &str) -> String {
    format!("{epoch}/{name}")
}

fn split(sealed: &[u8]) -> Result<(i64, &[u8]), KeyringError> {
    let (_version, rest) = FORMAT.read(sealed).map_err(CryptoError::Format)?;
    let (epoch, inner) = rest.split_first_chunk::<EPOCH>().ok_or(CryptoError::Seal)?;
    Ok((i64::from_be_bytes(*epoch), inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        let folder = tempfile::tempdir().unwrap();
        MasterKey::create(&folder.path().join("key")).unwrap()
    }

    #[test]
    fn a_field_opens_under_its_name_after_a_restart() {
        let master = master();
        let (vault, first) = Vault::create(master.clone()).unwrap();
        let field = vault.seal("user/bob/pop3", b"secret").unwrap();
        let again = Vault::open(master, &[first]).unwrap();
        assert_eq!(again.unseal("user/bob/pop3", &field).unwrap().expose(), b"secret");
        assert!(again.unseal("user/eve/pop3", &field).is_err(), "moved to another row");
        assert!(matches!(Vault::open(self::master(), &[]).unwrap().unseal("user/bob/pop3", &field), Err(KeyringError::NoDataKey(1))));
    }

    #[test]
    fn rotation_seals_with_the_new_and_opens_the_old() {
        let (vault, first) = Vault::create(master()).unwrap();
        let old = vault.seal("n", b"old").unwrap();
        let next = vault.next_key().unwrap();
        assert_eq!(vault.epoch(), Some(1), "nothing changes before the store has it");
        vault.adopt(&[first, next]).unwrap();
        let new = vault.seal("n", b"new").unwrap();
        assert_eq!((Vault::epoch_of(&old).unwrap(), Vault::epoch_of(&new).unwrap()), (1, 2));
        assert_eq!(vault.unseal("n", &old).unwrap().expose(), b"old");
        assert_eq!(vault.unseal("n", &new).unwrap().expose(), b"new");
    }

    #[test]
    fn g_21_keys_for_a_purpose_outlive_a_rotation() {
        let (vault, first) = Vault::create(master()).unwrap();
        let (epoch, old) = vault.derived("attachment/carol/d1", None).unwrap();
        assert_ne!(old, vault.derived("attachment/carol/d2", None).unwrap().1);
        let next = vault.next_key().unwrap();
        vault.adopt(&[first, next]).unwrap();
        assert_ne!(vault.derived("attachment/carol/d1", None).unwrap(), (epoch, old.clone()));
        assert_eq!(vault.derived("attachment/carol/d1", Some(epoch)).unwrap(), (epoch, old));
        assert!(matches!(vault.derived("x", Some(9)), Err(KeyringError::NoDataKey(9))));
        let mac = vault.mac("reference", b"r").unwrap();
        assert!(vault.mac_begins("reference", b"r", &mac[..16]) && !vault.mac_begins("reference", b"s", &mac[..16]));
    }

    #[test]
    fn g_25_a_device_has_a_key_for_each_number_and_the_first_stays_what_it_was() {
        let (vault, _) = Vault::create(master()).unwrap();
        let key = |device: &str, number: i64| vault.attachment_key("carol", device, number, Some(1)).unwrap().1;
        assert_eq!(key("d1", 0), vault.derived("attachment/5/carol/d1", None).unwrap().1);
        let all = [key("d1", 0), key("d1", 7), key("d1", 8), key("d2", 7)];
        assert!((0..4).all(|one| (0..4).all(|other| (all[one] == all[other]) == (one == other))));
    }

    #[test]
    fn x_22_the_store_alone_opens_nothing() {
        let (vault, first) = Vault::create(master()).unwrap();
        let field = vault.seal("n", b"hunter2").unwrap();
        let thief = Vault::open(master(), std::slice::from_ref(&first));
        assert!(matches!(thief, Err(KeyringError::WrongMasterKey(1))));
        for stored in [&field, &first.wrapped] {
            assert!(!stored.windows(7).any(|window| window == b"hunter2"));
        }
        assert!(!format!("{vault:?}").contains("secret"));
        let mut moved = field;
        moved[15] = 2;
        vault.adopt(&[vault.next_key().unwrap()]).unwrap();
        assert!(vault.unseal("n", &moved).is_err(), "passed off as another epoch's");
    }

    #[test]
    fn m_c12_a_vault_that_runs_finds_the_master_key_that_took_over() {
        let (first, second) = (master(), master());
        let (changing, one) = Vault::create(first.clone()).unwrap();
        let here = second.clone();
        let running = Vault::open(first.clone(), std::slice::from_ref(&one)).unwrap().asking(Box::new(move || vec![here.clone()]));
        let stranger = Vault::open(first, std::slice::from_ref(&one)).unwrap();
        let next = changing.next_key_for(&second).unwrap();
        let mut all = changing.rewrapped(&second).unwrap();
        all.push(next);
        running.adopt(&all).unwrap();
        assert!(matches!(stranger.adopt(&all), Err(KeyringError::WrongMasterKey(2))), "without the key there is nothing to find");
        let again = Vault::open(second, &all).unwrap();
        assert_eq!(again.unseal("n", &running.seal("n", b"x").unwrap()).unwrap().expose(), b"x");
        // What it makes from here on is wrapped by the one that took over.
        again.adopt(&[running.next_key().unwrap()]).unwrap();
        assert_eq!(again.epoch(), Some(3));
    }

    #[test]
    fn another_master_key_takes_over() {
        let (vault, _) = Vault::create(master()).unwrap();
        let field = vault.seal("n", b"x").unwrap();
        let next = master();
        let keys = vault.rewrapped(&next).unwrap();
        assert_eq!(Vault::open(next, &keys).unwrap().unseal("n", &field).unwrap().expose(), b"x");
    }
}
