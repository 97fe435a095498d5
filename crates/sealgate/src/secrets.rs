//! Master key, store and vault at start-up: the master key from outside the data directory opens the data keys, which lie wrapped
//! in the store and in front of the node's sealed copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyring::{MasterKey, Vault};
use model::{Clock, Fault, Guilty};
use store::{Store, StoreSettings, WrappedKey};

use crate::config::NodeConfig;

/// Opens the store; while it is away, a node that has a sealed copy starts without it.
///
/// # Errors
/// When the store can't be used, or is away and there is no copy.
pub async fn open_store(config: &NodeConfig, data: &Path, clock: Arc<dyn Clock>) -> Result<(Store, Vec<WrappedKey>), Fault> {
    let url = config.store.url.expose();
    let store = match Store::open(url, data, clock.clone()).await {
        Ok(store) => store,
        Err(error) => {
            let fault = Fault::from(error);
            if !fault.temporary {
                return Err(fault);
            }
            let store = Store::open_later(url, data, clock, StoreSettings::default()).map_err(Fault::from)?;
            let wrapped = store::live::wrapped_keys(&store).await.map_err(|_| fault)?;
            return Ok((store, wrapped));
        }
    };
    let wrapped = store::live::wrapped_keys(&store).await?;
    Ok((store, wrapped))
}

/// Where this node's master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of our own, which we may make and change.
    File(PathBuf),
    /// What systemd hands over, `credential:NAME`; whoever runs the node changes it.
    Credential(String),
}

impl Source {
    /// As configured; nothing configured: beside the data, for demonstrations.
    #[must_use]
    pub fn of(config: &NodeConfig, data: &Path) -> Self {
        if config.master_key.is_empty() {
            let path = beside(data);
            tracing::warn!(event = "master_key.beside", path = %path.display(), "no master_key is set: it lies beside the data, which is for demonstrations only");
            return Self::File(path);
        }
        match config.master_key.strip_prefix("file:") {
            Some(path) => Self::File(PathBuf::from(path)),
            None => Self::Credential(config.master_key.clone()),
        }
    }

    /// All master keys that may be in force: the one that is, and the one that waits to take over.
    fn all(&self) -> Vec<MasterKey> {
        let sources = match self {
            Self::File(path) => [path.clone(), MasterKey::next_path(path)].map(|path| format!("file:{}", path.display())),
            Self::Credential(name) => [name.clone(), format!("{name}.next")],
        };
        sources.iter().filter_map(|source| MasterKey::load(source).ok()).collect()
    }

    /// The one in force. A fresh site makes it where the setting says; an old site never does, since a new key would open nothing.
    fn load(&self, fresh: bool) -> Result<MasterKey, Fault> {
        match self {
            Self::File(path) if fresh && !path.exists() => {
                tracing::warn!(event = "master_key.made", path = %path.display(), "made a master key: keep a copy of this file in a safe place, without it nothing can be opened");
                MasterKey::create(path).map_err(Fault::from)
            }
            Self::File(path) => MasterKey::load(&format!("file:{}", path.display())).map_err(Fault::from),
            Self::Credential(name) => MasterKey::load(name).map_err(Fault::from),
        }
    }
}

/// Opens the vault, or makes it with its first data key on a fresh site. A change of the master key that was cut short after the
/// store had it is brought to its end.
///
/// # Errors
/// When the master key is missing, is another one, or can't be read.
pub async fn open_vault(source: &Source, store: &Store, wrapped: &[WrappedKey]) -> Result<Vault, Fault> {
    let others = source.clone();
    let asking = |vault: Vault| vault.asking(Box::new(move || others.all()));
    let master = source.load(wrapped.is_empty())?;
    if !wrapped.is_empty() {
        return match Vault::open(master, wrapped) {
            Ok(vault) => Ok(asking(vault)),
            Err(wrong) => open_with_next(source, wrapped).map(asking).ok_or_else(|| wrong.into()),
        };
    }
    let (vault, first) = Vault::create(master).map_err(Fault::from)?;
    store.write(move |tx| Box::pin(async move { store::data_keys::add(tx, &first).await })).await?;
    Ok(asking(vault))
}

/// The key that waits took over in the store, and the node did not live to put it in its place.
fn open_with_next(source: &Source, wrapped: &[WrappedKey]) -> Option<Vault> {
    let vault = source.all().into_iter().find_map(|master| Vault::open(master, wrapped).ok())?;
    tracing::warn!(event = "master_key.taken_over", "the master key that waited is in force");
    if let Source::File(path) = source
        && let Err(error) = MasterKey::take_over(path)
    {
        tracing::error!(event = "master_key.not_moved", %error, "the master key that is in force could not be put in its place");
    }
    Some(vault)
}

/// What changes the master key; `None` where the node can't.
#[must_use]
pub fn place(source: &Source) -> Option<Arc<dyn admin::master_key::MasterPlace>> {
    match source {
        Source::File(path) => Some(Arc::new(OwnFile(path.clone()))),
        Source::Credential(name) => Some(Arc::new(Credential(name.clone()))),
    }
}

struct OwnFile(PathBuf);

impl admin::master_key::MasterPlace for OwnFile {
    fn next(&self) -> Result<MasterKey, Fault> {
        MasterKey::next(&self.0).map_err(Fault::from)
    }

    fn take_over(&self) -> Result<(), Fault> {
        MasterKey::take_over(&self.0).map_err(Fault::from)
    }
}

/// The next key must be handed over beside the one in force, as `NAME.next`; then it is the unit's file that changes.
struct Credential(String);

impl admin::master_key::MasterPlace for Credential {
    fn next(&self) -> Result<MasterKey, Fault> {
        MasterKey::load(&format!("{}.next", self.0)).map_err(Fault::from)
    }

    fn take_over(&self) -> Result<(), Fault> {
        tracing::warn!(
            event = "master_key.move",
            credential = self.0,
            "hand over the next master key under this name before the node starts again"
        );
        Ok(())
    }
}

/// Where the master key lies when nothing is configured: beside the data, for demonstrations.
#[must_use]
pub fn beside(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".master-key");
    data.with_file_name(name)
}

/// A fault of this program or its machine at start-up.
pub fn ourselves(code: &'static str, cause: impl ToString) -> Fault {
    Fault::permanent(Guilty::Ourselves, code, cause.to_string())
}
