//! List, show, put and remove records of the site: one code for domains, sources, users, partners, roots, templates,
//! gateways and the two rows of settings.

use model::site::{DEFAULT_DISCLAIMER, KeyRecord, Section, SiteRow};
use model::{Access, Actor, Fault, Guilty, Right};
use serde::Serialize;
use store::Expect;

use crate::authorise::need;
use crate::change::{self, Planned, json, prospective};
use crate::error::{internal, not_found, still_used, user_has_keys};
use crate::secrets::password_of;
use crate::{Admin, Record};

/// Most records of one page.
pub const PAGE_MAX: u32 = 1_000;

/// A record with what a face needs beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept<R> {
    /// The key; where the next page starts.
    pub key: String,
    /// What If-Match compares. Written as `revision`: a gateway has a `version` of its own, the mail server's.
    #[serde(rename = "revision")]
    pub version: i64,
    /// The record.
    #[serde(flatten)]
    pub record: R,
}

impl Admin {
    /// A page of records whose key starts with `prefix`, after the key `after`.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn list<R: Record>(&self, actor: &Actor, prefix: &str, after: &str, limit: u32) -> Result<Vec<Kept<R>>, Fault> {
        need(actor, R::RIGHT, Access::Read)?;
        let rows = store::site::page(self.store(), R::SECTION, prefix, after, limit.clamp(1, PAGE_MAX)).await?;
        rows.into_iter().map(read).collect()
    }

    /// One record.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn show<R: Record>(&self, actor: &Actor, key: &str) -> Result<Kept<R>, Fault> {
        need(actor, R::RIGHT, Access::Read)?;
        let row = store::site::get(self.store(), R::SECTION, key).await?;
        row.map_or_else(|| Err(not_found(&format!("{}/{key}", R::SECTION.word()))), read)
    }

    /// Settings of which there is one row: the defaults with version 0 if none was ever put.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn settings<R: Record + Default>(&self, actor: &Actor) -> Result<Kept<R>, Fault> {
        match self.show::<R>(actor, "").await {
            Err(fault) if fault.code == "not-found" => Ok(Kept { key: String::new(), version: 0, record: R::default() }),
            shown => shown,
        }
    }

    /// Makes or changes a record, as `expect` says what is there now.
    ///
    /// # Errors
    /// `bad-field`, `not-available-yet`; `exists-already` for [`Expect::New`] where there is one; `changed-meanwhile`;
    /// without the right; when the store is away.
    pub async fn put<R: Record>(&self, actor: &Actor, mut record: R, expect: Expect) -> Result<Kept<R>, Fault> {
        need(actor, R::RIGHT, Access::Write)?;
        record.check()?;
        let (key, secrets) = (record.key(), record.take_secrets());
        let mut plan = vec![Planned { section: R::SECTION, key: key.clone(), body: Some(json(&record)?), expect }];
        if matches!(R::SECTION, Section::Template | Section::Protection) {
            change::check_rules(&prospective(self.store(), &plan).await?)?;
        }
        if R::SECTION == Section::Domain {
            change::check_disclaimers(&prospective(self.store(), &plan).await?)?;
        }
        plan.extend(self.plan_secrets(secrets).await?);
        let versions = self.change(actor, plan).await.map_err(|fault| exists(fault, expect, &key))?;
        Ok(Kept { key, version: versions.first().copied().unwrap_or_default(), record })
    }

    /// Removes a record. `with_keys`: also if it holds or owns keys; a user's keys go with it.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`, `still-used`, `domain-has-users`; without the right; when the store is away.
    pub async fn remove<R: Record>(&self, actor: &Actor, key: &str, expect: Expect, with_keys: bool) -> Result<(), Fault> {
        need(actor, R::RIGHT, Access::Write)?;
        let mut plan = vec![Planned { section: R::SECTION, key: key.to_owned(), body: None, expect }];
        match R::SECTION {
            Section::Disclaimer if key == DEFAULT_DISCLAIMER => return Err(still_used(key, "domains that name no other")),
            Section::Template | Section::Disclaimer | Section::File | Section::Group => {
                let site = prospective(self.store(), &plan).await?;
                change::check_rules(&site).map_err(|_| still_used(key, "the rule set"))?;
                change::check_disclaimers(&site).map_err(|fault| still_used(key, &fault.cause))?;
            }
            Section::User => {
                let keys = self.keys_owned_by(key).await?;
                if !keys.is_empty() && !with_keys {
                    return Err(user_has_keys(key, keys.len()));
                }
                let gone = |row: SiteRow| Planned { section: Section::Key, key: row.key, body: None, expect: Expect::Version(row.version) };
                plan.extend(keys.into_iter().map(gone));
                if let Some(secret) = store::site::get(self.store(), Section::Secret, &password_of(key)).await? {
                    plan.push(Planned { section: Section::Secret, key: secret.key, body: None, expect: Expect::Version(secret.version) });
                }
            }
            // Asks what is to become of its users.
            Section::Domain => return self.domain_remove(actor, key, expect, None, with_keys).await.map(drop),
            _ => {}
        }
        self.change(actor, plan).await.map(drop)
    }

    pub(crate) async fn keys_owned_by(&self, owner: &str) -> Result<Vec<SiteRow>, Fault> {
        let rows = store::site::section(self.store(), Section::Key).await?;
        let owned = |row: &SiteRow| serde_json::from_str::<KeyRecord>(&row.body).is_ok_and(|record| record.owner.as_str() == owner);
        Ok(rows.into_iter().filter(owned).collect())
    }

    /// The right that this kind of record takes.
    #[must_use]
    pub const fn right_of<R: Record>() -> Right {
        R::RIGHT
    }
}

fn read<R: Record>(row: SiteRow) -> Result<Kept<R>, Fault> {
    let record = serde_json::from_str(&row.body).map_err(|cause| internal(format!("{}/{}: {cause}", row.section.word(), row.key)))?;
    Ok(Kept { key: row.key, version: row.version, record })
}

/// A conflict with "there is none" has its own words.
fn exists(fault: Fault, expect: Expect, key: &str) -> Fault {
    if expect == Expect::New && fault.code == "changed-meanwhile" {
        return Fault::permanent(Guilty::Sender, "exists-already", fault.cause).with("name", key);
    }
    fault
}
