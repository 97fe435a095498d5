//! Password hashes of `web` and secrets of the vault for those who sign in by SMTP.

use std::sync::Arc;

use async_trait::async_trait;
use crypto::pool::{CpuPool, Priority};
use data_encoding::BASE64;
use flow::sign_in::{SignIn, SignInPort, SignInSettings};
use keyring::Vault;
use model::SecretText;
use model::site::secret_label;

use crate::config::NodeConfig;
use crate::node::Core;

/// By the node's configuration.
#[must_use]
pub fn sign_in(config: &NodeConfig, core: &Core) -> SignIn {
    let port = Port { pool: core.pool.clone(), vault: core.vault.clone() };
    let (answer, directory) = (config.times.smtp_sign_in.0, config.times.directory.0);
    SignIn::new(Arc::new(port), SignInSettings { answer, directory, ..SignInSettings::default() })
}

struct Port {
    pool: CpuPool,
    vault: Arc<Vault>,
}

#[async_trait]
impl SignInPort for Port {
    async fn fits(&self, password: SecretText, hash: Option<String>) -> bool {
        self.pool.run(Priority::Interactive, move || web::password::verify(&password, hash.as_deref())).await
    }

    fn open(&self, name: &str, sealed: &str) -> Option<SecretText> {
        let plain = self.vault.unseal(&secret_label(name), &BASE64.decode(sealed.as_bytes()).ok()?).ok()?;
        std::str::from_utf8(plain.expose()).ok().map(|text| SecretText::new(text.to_owned()))
    }
}
