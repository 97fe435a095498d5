//! Rows that an older data key sealed, sealed anew by the newest: after a change of the master key, so that what a lost one could
//! open gets less (mail-gateway.md M-C12). Row by row; one that is new already is left alone, so the work can be taken up anywhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::site::{DkimKey, KeyRecord, Secret, Section, SiteRow, secret_label};

use crate::keys::sealed_as;
use crate::{KeyringError, Vault};

/// Sections with sealed fields.
pub const SECTIONS: [Section; 3] = [Section::Key, Section::Dkim, Section::Secret];

/// The row sealed anew; `None` if the newest data key sealed it, or nothing in it is sealed.
///
/// # Errors
/// When the row or its seal is damaged.
pub fn row(vault: &Vault, row: &SiteRow) -> Result<Option<String>, KeyringError> {
    match row.section {
        Section::Key => {
            let record: KeyRecord = read(row)?;
            let sealed = again(vault, &sealed_as(&record.id), &record.sealed)?;
            sealed.map(|sealed| write(&KeyRecord { sealed, ..record })).transpose()
        }
        Section::Dkim => {
            let key: DkimKey = read(row)?;
            let sealed = again(vault, &sealed_as(&key.id), &key.sealed)?;
            sealed.map(|sealed| write(&DkimKey { sealed, ..key })).transpose()
        }
        Section::Secret => {
            let secret: Secret = read(row)?;
            let sealed = again(vault, &secret_label(&row.key), &secret.sealed)?;
            sealed.map(|sealed| write(&Secret { sealed, ..secret })).transpose()
        }
        _ => Ok(None),
    }
}

fn again(vault: &Vault, label: &str, sealed: &str) -> Result<Option<String>, KeyringError> {
    if sealed.is_empty() {
        return Ok(None);
    }
    let octets = STANDARD.decode(sealed).map_err(|_| crypto::CryptoError::Malformed("sealed field"))?;
    if Some(Vault::epoch_of(&octets)?) >= vault.epoch() {
        return Ok(None);
    }
    Ok(Some(STANDARD.encode(vault.seal(label, vault.unseal(label, &octets)?.expose())?)))
}

fn read<T: serde::de::DeserializeOwned>(row: &SiteRow) -> Result<T, KeyringError> {
    serde_json::from_str(&row.body).map_err(|error| crypto::CryptoError::Primitive(error.to_string()).into())
}

fn write(record: &impl serde::Serialize) -> Result<String, KeyringError> {
    serde_json::to_string(record).map_err(|error| crypto::CryptoError::Primitive(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::world;

    #[test]
    fn m_c12_a_row_is_sealed_anew_once_and_still_opens() {
        let world = world();
        let (vault, first) = Vault::create(crate::MasterKey::create(&tempfile::tempdir().unwrap().path().join("m")).unwrap()).unwrap();
        let secret = Secret { sealed: STANDARD.encode(vault.seal(&secret_label("a/b"), b"word").unwrap()), ..Secret::default() };
        let old = SiteRow { section: Section::Secret, key: "a/b".into(), version: 1, body: write(&secret).unwrap() };
        assert_eq!(row(&vault, &old).unwrap(), None, "nothing newer is there");
        let next = vault.next_key().unwrap();
        vault.adopt(&[first, next]).unwrap();
        let body = row(&vault, &old).unwrap().unwrap();
        let new: Secret = serde_json::from_str(&body).unwrap();
        let octets = STANDARD.decode(&new.sealed).unwrap();
        assert_eq!(Vault::epoch_of(&octets).unwrap(), 2);
        assert_eq!(vault.unseal(&secret_label("a/b"), &octets).unwrap().expose(), b"word");
        assert_eq!(row(&vault, &SiteRow { body, ..old.clone() }).unwrap(), None);
        let password = Secret { password_hash: "$argon2id$".into(), ..Secret::default() };
        assert_eq!(row(&vault, &SiteRow { body: write(&password).unwrap(), ..old }).unwrap(), None);
        let id = world.site.keys.keys().next().unwrap();
        let foreign = SiteRow { section: Section::Key, key: id.0.clone(), version: 1, body: write(&*world.site.keys[id]).unwrap() };
        assert!(row(&vault, &foreign).is_err(), "another site's");
    }
}
