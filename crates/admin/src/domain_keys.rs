//! Keys that sign for domains (mail-gateway.md M-T11): made in the transaction that gives a domain its selector, removed in
//! the one that removes the domain, listed with the records to publish. Nobody gets the private part.
//!
//! Another selector makes other keys; the old rows stay while the domain does, for mail that is under way.

use crypto::pool::Priority;
use model::site::{DkimKey, Domain, Section, SiteRow};
use model::{Access, Actor, Fault, Right, Timestamp};
use serde::Serialize;
use store::Expect;

use crate::Admin;
use crate::authorise::need;
use crate::change::Planned;
use crate::error::internal;

/// What people see of a domain's key: what to publish, and whether it signs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainKey {
    /// The domain.
    pub domain: String,
    /// The selector.
    pub selector: String,
    /// `rsa-sha256` or `ed25519-sha256`.
    pub algorithm: String,
    /// Name of the TXT record to publish.
    pub name: String,
    /// Its text. Longer than 255 octets it is written as several strings; name servers' tools do that.
    pub record: String,
    /// When it was made.
    pub created: Timestamp,
    /// The domain's settings name it: mail is signed with it.
    pub signs: bool,
}

impl Admin {
    /// The keys of all domains, or of one.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn domain_keys(&self, actor: &Actor, domain: Option<&str>) -> Result<Vec<DomainKey>, Fault> {
        need(actor, Right::DomainKeys, Access::Read)?;
        let wanted = domain.map(|name| model::address::normal_domain(name).unwrap_or_default());
        let mut keys = Vec::new();
        for row in store::site::section(self.store(), Section::Dkim).await? {
            let key: DkimKey = read(&row)?;
            if wanted.as_ref().is_some_and(|wanted| *wanted != key.domain) {
                continue;
            }
            let owner = store::site::get(self.store(), Section::Domain, &key.domain).await?;
            let selectors = owner.map(|row| read::<Domain>(&row)).transpose()?.map(|domain| domain.dkim_selectors()).unwrap_or_default();
            let signs = selectors.iter().any(|(_, selector)| *selector == key.selector);
            let DkimKey { domain, selector, algorithm, record, created, .. } = key;
            keys.push(DomainKey { domain, selector, algorithm, name: row.key, record, created, signs });
        }
        Ok(keys)
    }

    /// The plan with the keys that its domains lack, and without those of domains that go.
    pub(crate) async fn with_domain_keys(&self, mut plan: Vec<Planned>) -> Result<Vec<Planned>, Fault> {
        let mut more = Vec::new();
        for planned in plan.iter().filter(|planned| planned.section == Section::Domain) {
            match &planned.body {
                Some(body) => more.extend(self.lacking(&planned.key, body).await?),
                None => more.extend(self.orphaned(&planned.key).await?),
            }
        }
        plan.append(&mut more);
        Ok(plan)
    }

    async fn lacking(&self, name: &str, body: &str) -> Result<Vec<Planned>, Fault> {
        let domain: Domain = serde_json::from_str(body).map_err(internal)?;
        let mut made = Vec::new();
        for (algorithm, selector) in domain.dkim_selectors() {
            let key = DkimKey::record_name(&selector, name);
            if store::site::get(self.store(), Section::Dkim, &key).await?.is_some() {
                continue;
            }
            let (vault, now, name) = (self.0.vault.clone(), self.0.clock.now(), name.to_owned());
            let make = move || keyring::domain_keys::row(&vault, &name, &selector, algorithm, now);
            let row = self.0.pool.run(Priority::Interactive, make).await?;
            made.push(Planned { section: row.section, key: row.key, body: Some(row.body), expect: Expect::New });
        }
        Ok(made)
    }

    async fn orphaned(&self, name: &str) -> Result<Vec<Planned>, Fault> {
        let rows = store::site::section(self.store(), Section::Dkim).await?;
        let of_it = |row: &SiteRow| read::<DkimKey>(row).is_ok_and(|key| key.domain == name);
        let gone = |row: SiteRow| Planned { section: row.section, key: row.key, body: None, expect: Expect::Version(row.version) };
        Ok(rows.into_iter().filter(of_it).map(gone).collect())
    }
}

fn read<T: serde::de::DeserializeOwned>(row: &SiteRow) -> Result<T, Fault> {
    serde_json::from_str(&row.body).map_err(|cause| internal(format!("{}/{}: {cause}", row.section.word(), row.key)))
}
