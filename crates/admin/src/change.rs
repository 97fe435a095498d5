//! The one place where rows of the site change: row, audit entry and feed in one transaction.

use model::site::{DEFAULT_DISCLAIMER, Section, SiteRow};
use model::{Actor, Fault, Site};
use store::write::Tx;
use store::{Expect, Store};

use crate::error::{AdminError, bad_field, internal, not_found};
use crate::{Admin, SiteNames, audit};

/// A row to be put, or removed where there is no body.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) section: Section,
    pub(crate) key: String,
    pub(crate) body: Option<String>,
    pub(crate) expect: Expect,
}

impl Admin {
    /// Makes the changes, or none of them; returns the rows' versions (0 for removed ones).
    pub(crate) async fn change(&self, actor: &Actor, plan: Vec<Planned>) -> Result<Vec<i64>, Fault> {
        let plan = self.with_domain_keys(plan).await?;
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let mut versions = Vec::with_capacity(plan.len());
                for planned in &plan {
                    versions.push(one(tx, &actor, planned).await?);
                }
                Ok(versions)
            })
        });
        let versions = write.await?;
        self.in_force().await?;
        Ok(versions)
    }
}

/// One row, with its audit entry unless nothing changed.
pub(crate) async fn one(tx: &mut Tx, actor: &Actor, planned: &Planned) -> Result<i64, Fault> {
    let Planned { section, key, body, expect } = planned;
    let before = store::site::get(&mut *tx, *section, key).await?;
    let what = format!("{}/{key}", section.word());
    let before_body = before.as_ref().map(|row| row.body.as_str());
    let Some(body) = body else {
        if !store::site::remove(tx, *section, key, *expect).await? {
            return Err(not_found(&what));
        }
        audit::note(tx, actor, &what, before_body, None).await?;
        return Ok(0);
    };
    let put = store::site::put(tx, *section, key, body, *expect).await?;
    if put.changed && before_body != Some(body) {
        audit::note(tx, actor, &what, before_body, Some(body)).await?;
    }
    Ok(put.version)
}

/// The site as it would be after these changes, from the store, for checks that concern several rows.
pub(crate) async fn prospective(store: &Store, plan: &[Planned]) -> Result<Site, Fault> {
    let mut site = Site::default();
    // What rule sets name: templates, scanners. Users and keys are many and concern no such check.
    let named =
        [Section::Rules, Section::Template, Section::Protection, Section::Disclaimer, Section::File, Section::Group, Section::Domain];
    for section in named {
        for row in store::site::section(store, section).await? {
            site.apply(&row)?;
        }
    }
    apply(&mut site, plan)?;
    Ok(site)
}

/// Applies planned changes to a site in memory.
pub(crate) fn apply(site: &mut Site, plan: &[Planned]) -> Result<(), Fault> {
    for planned in plan {
        let body = planned.body.clone().unwrap_or_default();
        site.apply(&SiteRow { section: planned.section, key: planned.key.clone(), version: 1, body })?;
    }
    Ok(())
}

/// The site's rule set compiles with the names that the site has; returns its warnings.
pub(crate) fn check_rules(site: &Site) -> Result<Vec<rules::Diagnostic>, AdminError> {
    let text = crate::rule_sets::text(&site.rules)?;
    rules::compile("rules", &text, &SiteNames(site)).map(|(_, warnings)| warnings).map_err(AdminError::Rules)
}

/// Disclaimers that domains name are there.
pub(crate) fn check_disclaimers(site: &Site) -> Result<(), Fault> {
    for domain in site.domains.values() {
        let (name, known) = (&domain.disclaimer, site.disclaimers.contains_key(&domain.disclaimer));
        if !known && name != DEFAULT_DISCLAIMER {
            return Err(bad_field("domain.disclaimer", format!("{}: there is no disclaimer {name:?}", domain.name)));
        }
    }
    Ok(())
}

/// JSON of a record of ours.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(internal)
}
