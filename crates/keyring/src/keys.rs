//! This process's private keys behind the [`KeyUse`] port.
//!
//! The site's rows hold the keys sealed by the vault; a key is opened when it is first used and kept open in an
//! LRU. Every use is logged with key, message and purpose before its result is known to anybody (design
//! promise 3): event `key.used`. A row that is gone takes its open key along. Nothing hands out key bytes.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::openpgp::SoftPgp;
use crypto::pki::SoftKey;
use model::ports::Facts;
use model::site::{DkimKey, KeyRecord};
use model::{KeyId, KeyKind, KeyPurpose, KeyUse, KeyUseError, KeyUseRequest, SecretBytes, Site, TraceId};
use parking_lot::Mutex;

use crate::lru::Lru;
use crate::{KeyringError, Vault};

/// Keys that stay open: some kilobytes each.
const OPEN_KEYS: usize = 4_096;

/// The keys of the site, used in this process. Share it by `Arc`.
pub struct Keys {
    facts: Arc<dyn Facts>,
    vault: Arc<Vault>,
    opened: Mutex<Lru<KeyId, Opened>>,
}

/// An open key, and the row that it came from: another row under the same id is opened anew.
#[derive(Clone)]
struct Opened {
    row: Row,
    key: Open,
}

/// An open key of either kind.
#[derive(Clone)]
enum Open {
    Cms(Arc<SoftKey>),
    Pgp(Arc<SoftPgp>),
}

impl Open {
    fn kind(&self) -> KeyKind {
        match self {
            Self::Cms(key) => key.kind(),
            Self::Pgp(_) => KeyKind::OpenPgp,
        }
    }

    fn perform(&self, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        match self {
            Self::Cms(key) => key.perform(request),
            Self::Pgp(key) => key.perform(request),
        }
    }
}

/// A row of the site that holds a private key.
#[derive(Clone)]
enum Row {
    /// A person's.
    Person(Arc<KeyRecord>),
    /// A domain's, for DKIM and ARC.
    Domain(Arc<DkimKey>),
}

impl Row {
    fn of(site: &Site, id: &KeyId) -> Option<Self> {
        let person = || site.keys.get(id).cloned().map(Self::Person);
        person().or_else(|| site.dkim.values().find(|key| key.id == *id).cloned().map(Self::Domain))
    }

    fn id(&self) -> &KeyId {
        match self {
            Self::Person(record) => &record.id,
            Self::Domain(key) => &key.id,
        }
    }

    fn sealed(&self) -> &str {
        match self {
            Self::Person(record) => &record.sealed,
            Self::Domain(key) => &key.sealed,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.sealed(), other.sealed()) || self.sealed() == other.sealed()
    }
}

impl Keys {
    /// Over the site's rows and the vault that sealed their keys.
    #[must_use]
    pub fn new(facts: Arc<dyn Facts>, vault: Arc<Vault>) -> Self {
        Self { facts, vault, opened: Mutex::new(Lru::new(OPEN_KEYS)) }
    }

    /// One key alone, as its row is: for what is done to it before the site knows it, or while it changes.
    #[must_use]
    pub fn of_one(record: KeyRecord, vault: Arc<Vault>) -> Self {
        let mut site = Site::default();
        site.keys.insert(record.id.clone(), Arc::new(record));
        Self::new(Arc::new(Alone(Arc::new(site))), vault)
    }

    fn find(&self, id: &KeyId) -> Result<Open, KeyUseError> {
        let Some(row) = Row::of(&self.facts.site(), id) else {
            self.opened.lock().remove(id);
            return Err(KeyUseError::UnknownKey);
        };
        if let Some(opened) = self.opened.lock().get(id).filter(|opened| opened.row.is_same(&row)) {
            return Ok(opened.key);
        }
        // Opened outside the lock: other keys are used meanwhile.
        let key = self.open(&row)?;
        self.opened.lock().put(id.clone(), Opened { row, key: key.clone() });
        Ok(key)
    }

    fn open(&self, row: &Row) -> Result<Open, KeyUseError> {
        let broken = |what: &'static str| {
            tracing::error!(event = "key.unreadable", key = %row.id().0, what);
            KeyUseError::Failed
        };
        let sealed = STANDARD.decode(row.sealed()).map_err(|_| broken("not base64"))?;
        let pkcs8 = self.vault.unseal(&sealed_as(row.id()), &sealed).map_err(|error| match error {
            KeyringError::NoDataKey(_) => KeyUseError::Unavailable("a data key is missing".into()),
            _ => broken("does not open"),
        })?;
        if matches!(row, Row::Person(record) if record.is_pgp()) {
            let key = SoftPgp::open(&pkcs8).map_err(|_| broken("no private key"))?;
            return if key.fingerprint() == row.id().0 {
                Ok(Open::Pgp(Arc::new(key)))
            } else {
                Err(broken("another key than the row says"))
            };
        }
        let key = match row {
            Row::Person(_) => SoftKey::from_pkcs8(&pkcs8),
            Row::Domain(_) => SoftKey::of_domain(&pkcs8),
        };
        let key = key.map_err(|_| broken("no private key"))?;
        if key.id() == row.id() { Ok(Open::Cms(Arc::new(key))) } else { Err(broken("another key than the row says")) }
    }
}

struct Alone(Arc<Site>);

impl Facts for Alone {
    fn site(&self) -> Arc<Site> {
        self.0.clone()
    }
}

impl KeyUse for Keys {
    fn kind(&self, key: &KeyId) -> Option<KeyKind> {
        self.find(key).ok().map(|key| key.kind())
    }

    fn use_key(&self, key: &KeyId, trace: TraceId, purpose: KeyPurpose, request: &KeyUseRequest<'_>) -> Result<SecretBytes, KeyUseError> {
        let operation = match request {
            KeyUseRequest::SignSha256(_)
            | KeyUseRequest::SignPssSha256(_)
            | KeyUseRequest::SignWhole(_)
            | KeyUseRequest::PgpSign { .. } => "sign",
            KeyUseRequest::UnwrapPkcs1 { .. } | KeyUseRequest::UnwrapOaep { .. } | KeyUseRequest::PgpUnwrap { .. } => "unwrap",
            KeyUseRequest::Agree { .. } => "agree",
        };
        let purpose_word = match purpose {
            KeyPurpose::SignMail => "sign-mail",
            KeyPurpose::OpenMail => "open-mail",
            KeyPurpose::ImportCheck => "import-check",
            KeyPurpose::SignDomain => "sign-domain",
            KeyPurpose::SignProfile => "sign-profile",
        };
        let found = self.find(key);
        // Logged before the work and without its result: for unwrapping that would be an oracle in the log.
        tracing::info!(event = "key.used", key = %key.0, trace = %trace, purpose = purpose_word, operation, known = found.is_ok());
        found?.perform(request)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// The logical name under which a private key is sealed.
pub(crate) fn sealed_as(id: &KeyId) -> String {
    format!("key/{}", id.0)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
