//! Password hashes of `web` and secrets of the vault for those who sign in by SMTP.

use std::sync::Arc;

use async_trait::async_trait;
use crypto::pool::{CpuPool, Priority};
use flow::sign_in::{SignIn, SignInPort, SignInSettings};
use model::{SecretText, Secrets};

use super::vault::VaultSecrets;
use crate::config::NodeConfig;
use crate::node::Core;

/// By the node's configuration.
#[must_use]
pub fn sign_in(config: &NodeConfig, core: &Core) -> SignIn {
    let port = Port { pool: core.pool.clone(), secrets: VaultSecrets(core.vault.clone()) };
    let (answer, directory) = (config.times.smtp_sign_in.0, config.times.directory.0);
    SignIn::new(Arc::new(port), SignInSettings { answer, directory, ..SignInSettings::default() })
}

struct Port {
    pool: CpuPool,
    secrets: VaultSecrets,
}

#[async_trait]
impl SignInPort for Port {
    async fn fits(&self, password: SecretText, hash: Option<String>) -> bool {
        self.pool.run(Priority::Interactive, move || web::password::verify(&password, hash.as_deref())).await
    }

    fn open(&self, name: &str, sealed: &str) -> Option<SecretText> {
        self.secrets.open(name, sealed)
    }
}
