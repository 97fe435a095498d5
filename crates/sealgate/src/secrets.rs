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

/// Opens the vault, or makes it with its first data key on a fresh site.
///
/// # Errors
/// When the master key is missing, is another one, or can't be read.
pub async fn open_vault(config: &NodeConfig, data: &Path, store: &Store, wrapped: &[WrappedKey]) -> Result<Vault, Fault> {
    let master = master_key(config, data, wrapped.is_empty())?;
    if !wrapped.is_empty() {
        return Vault::open(master, wrapped).map_err(Fault::from);
    }
    let (vault, first) = Vault::create(master).map_err(Fault::from)?;
    store.write(move |tx| Box::pin(async move { store::data_keys::add(tx, &first).await })).await?;
    Ok(vault)
}

/// Where the master key lies when nothing is configured: beside the data, for demonstrations.
#[must_use]
pub fn beside(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".master-key");
    data.with_file_name(name)
}

fn master_key(config: &NodeConfig, data: &Path, fresh: bool) -> Result<MasterKey, Fault> {
    if config.master_key.is_empty() {
        let path = beside(data);
        tracing::warn!(event = "master_key.beside", path = %path.display(), "no master_key is set: it lies beside the data, which is for demonstrations only");
        return load_or_make(&path, fresh);
    }
    if let Some(path) = config.master_key.strip_prefix("file:") {
        return load_or_make(Path::new(path), fresh);
    }
    MasterKey::load(&config.master_key).map_err(Fault::from)
}

/// A fresh site makes its master key where the setting says; an old site never does, since a new key would open nothing.
fn load_or_make(path: &Path, fresh: bool) -> Result<MasterKey, Fault> {
    if !path.exists() && fresh {
        tracing::warn!(event = "master_key.made", path = %path.display(), "made a master key: keep a copy of this file in a safe place, without it nothing can be opened");
        return MasterKey::create(path).map_err(Fault::from);
    }
    MasterKey::load(&format!("file:{}", path.display())).map_err(Fault::from)
}

/// A fault of this program or its machine at start-up.
pub fn ourselves(code: &'static str, cause: impl ToString) -> Fault {
    Fault::permanent(Guilty::Ourselves, code, cause.to_string())
}
