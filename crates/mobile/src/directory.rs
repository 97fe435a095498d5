//! Certificates of people, from the directory that a configuration names (mobile-gateway.md G-24).
//!
//! Comes when a phone asks for somebody's certificate, never for anything else. Looked up by mail address, within a time, a few at once;
//! what was found, or not, is kept for a while in memory, so that a list of recipients does not become a flood. What is no
//! certificate, is out of its time, not for encryption or for another address is not given to anybody.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use crypto::pki::Certificate;
use futures_util::future::join_all;
use model::site::MobileGateway;
use model::{Address, SecretText};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use outside::ldap_certificates::Repository;
use tokio::sync::Semaphore;

use crate::gate::MobileGate;
use crate::settings::Settings;

/// Look-ups at once; others wait within their time.
const AT_ONCE: usize = 16;
/// Addresses that are remembered.
const REMEMBERED: u64 = 50_000;

/// What is known of addresses.
#[derive(Debug)]
pub(crate) struct Directories {
    kept: Cache<(u64, Box<str>), Arc<Vec<Certificate>>>,
    places: Semaphore,
    hasher: RandomState,
}

impl Directories {
    pub(crate) fn new(settings: &Settings) -> Self {
        let kept =
            Cache::builder().max_capacity(REMEMBERED).time_to_live(settings.lookup_keep).eviction_policy(EvictionPolicy::lru()).build();
        Self { kept, places: Semaphore::new(AT_ONCE), hasher: RandomState::new() }
    }

    /// The certificates of each of these, the one that ends last first; none for what is no mail address, and for all while the
    /// directory can't be asked.
    pub(crate) async fn find(&self, gate: &MobileGate, gateway: &MobileGateway, names: &[String]) -> Vec<Arc<Vec<Certificate>>> {
        let site = gate.ports.facts.site();
        let sealed = site.secrets.get(&gateway.lookup_secret()).map_or("", |secret| secret.sealed.as_str());
        let repository = match repository(gate, gateway, sealed) {
            Ok(repository) => repository,
            Err(cause) => {
                tracing::warn!(event = "directory.refused", gateway = gateway.id, cause);
                return names.iter().map(|_| Arc::default()).collect();
            }
        };
        // Another setting is another directory.
        let which = self.hasher.hash_one((
            &gateway.id,
            &gateway.smime_lookup.url,
            &gateway.smime_lookup.user,
            &gateway.smime_lookup.attribute,
            sealed,
        ));
        join_all(names.iter().map(|name| self.one(gate, gateway, &repository, which, name))).await
    }

    async fn one(
        &self,
        gate: &MobileGate,
        gateway: &MobileGateway,
        repository: &Repository,
        which: u64,
        name: &str,
    ) -> Arc<Vec<Certificate>> {
        let Ok(address) = Address::parse(name.trim()) else { return Arc::default() };
        let key = (which, Box::from(address.key().as_str()));
        if let Some(known) = self.kept.get(&key) {
            return known;
        }
        let time = gate.settings.lookup;
        let asked = async {
            let _place = self.places.acquire().await;
            repository.values(name.trim(), time).await
        };
        let found = match tokio::time::timeout(time, asked).await {
            Ok(Ok(values)) => values,
            Ok(Err(cause)) => return Self::away(gateway, &cause.to_string()),
            Err(_) => return Self::away(gateway, "no answer in time"),
        };
        let now = gate.ports.clock.now();
        let fits = |one: &Certificate| {
            let named = one.addresses();
            one.is_in_time(now) && one.may_encrypt_mail() && (named.is_empty() || named.iter().any(|other| other.key() == address.key()))
        };
        let mut found: Vec<Certificate> = found.iter().filter_map(|der| Certificate::from_der(der).ok()).filter(fits).collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.not_after()));
        let found = Arc::new(found);
        self.kept.insert(key, found.clone());
        found
    }

    fn away(gateway: &MobileGateway, cause: &str) -> Arc<Vec<Certificate>> {
        tracing::warn!(event = "directory.away", gateway = gateway.id, cause, "certificates can't be looked up now");
        Arc::default()
    }
}

fn repository(gate: &MobileGate, gateway: &MobileGateway, sealed: &str) -> Result<Repository, String> {
    let set = &gateway.smime_lookup;
    let repository = Repository::parse(&set.url, &set.attribute)?;
    if set.auth != "basic" {
        return Ok(repository);
    }
    let password: Option<SecretText> = gate.ports.secrets.open(&gateway.lookup_secret(), sealed);
    let password = password.ok_or("its password can't be opened: set it anew")?;
    Ok(repository.with_account(set.user.clone(), password))
}
