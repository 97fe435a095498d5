//! Keys for tests: no vault, but the same promises.

use crypto::seal::SealKey;
use model::SecretBytes;
use model::ports::ContentKeys;

/// The keys of a site that a number stands for.
pub struct Keys(SealKey);

impl Keys {
    /// Always the same for one number.
    #[must_use]
    #[allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "32 octets are a key")]
    pub fn new(site: u8) -> Self {
        Self(SealKey::new(SecretBytes::new(vec![site; 32])).unwrap())
    }
}

impl ContentKeys for Keys {
    fn mac(&self, octets: &[u8]) -> Option<Vec<u8>> {
        self.0.mac("reference", octets).ok()
    }

    fn fits(&self, octets: &[u8], begin: &[u8]) -> bool {
        self.0.mac_begins("reference", octets, begin)
    }

    fn attachment_key(&self, user: &str, device: &str, number: i64, epoch: Option<i64>) -> Option<(i64, SecretBytes)> {
        let key = self.0.derived(&format!("{user}/{device}/{number}")).ok()?;
        epoch.is_none_or(|epoch| epoch == 1).then(|| (1, key.secret().clone()))
    }
}
