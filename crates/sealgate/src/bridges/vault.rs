//! The vault of `keyring` as the sealer of `store`'s copy on disk and as the wrapper of `segments`' keys.

use std::sync::Arc;

use data_encoding::BASE64;
use flow::reinject::MarkKey;
use keyring::Vault;
use model::ports::ContentKeys;
use model::site::secret_label;
use model::{SecretBytes, SecretText, Secrets};
use segments::{KeysError, SegmentKeys};
use store::{Sealer, WrappedKey};

/// Seals the site's copy.
pub struct VaultSealer(pub Arc<Vault>);

impl Sealer for VaultSealer {
    fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
        // Only a vault without data keys fails, and such a vault is never handed to a store; an empty seal opens as damaged.
        self.0.seal(name, plain).unwrap_or_default()
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.unseal(name, sealed).ok().map(|plain| plain.expose().to_vec())
    }

    fn keys_changed(&self, keys: &[WrappedKey]) {
        if let Err(cause) = self.0.adopt(keys) {
            tracing::error!(event = "vault.keys", %cause, "the site's data keys can't be opened with this node's master key");
        }
    }
}

/// The site's key for marks of mail that goes back to its server: derived from the data keys, which the site shares.
pub struct VaultMarks(pub Arc<Vault>);

impl MarkKey for VaultMarks {
    fn mac(&self, octets: &[u8]) -> Option<Vec<u8>> {
        self.0.mac("reinject", octets).ok()
    }

    fn fits(&self, octets: &[u8], mac: &[u8]) -> bool {
        self.0.mac_fits("reinject", octets, mac)
    }
}

/// What the mobile gate needs to change mails: signed references, and keys for attachments.
pub struct VaultContent(pub Arc<Vault>);

impl ContentKeys for VaultContent {
    fn mac(&self, octets: &[u8]) -> Option<Vec<u8>> {
        self.0.mac("reference", octets).ok()
    }

    fn fits(&self, octets: &[u8], begin: &[u8]) -> bool {
        self.0.mac_begins("reference", octets, begin)
    }

    fn attachment_key(&self, user: &str, device: &str, number: i64, epoch: Option<i64>) -> Option<(i64, SecretBytes)> {
        self.0.attachment_key(user, device, number, epoch).ok()
    }
}

/// Opens the site's secrets.
pub struct VaultSecrets(pub Arc<Vault>);

impl Secrets for VaultSecrets {
    fn open(&self, name: &str, sealed: &str) -> Option<SecretText> {
        let plain = self.0.unseal(&secret_label(name), &BASE64.decode(sealed.as_bytes()).ok()?).ok()?;
        std::str::from_utf8(plain.expose()).ok().map(|text| SecretText::new(text.to_owned()))
    }
}

/// Wraps segment keys.
pub struct VaultKeys(pub Arc<Vault>);

impl SegmentKeys for VaultKeys {
    fn wrap(&self, name: &str, key: &[u8]) -> Result<Vec<u8>, KeysError> {
        self.0.seal(name, key).map_err(|e| KeysError { name: name.to_owned(), cause: e.to_string() })
    }

    fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<SecretBytes, KeysError> {
        self.0.unseal(name, wrapped).map_err(|e| KeysError { name: name.to_owned(), cause: e.to_string() })
    }
}
