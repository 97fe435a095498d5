//! `config check|diff|apply|export`: the whole site as one file, the same use cases as everything else.

use std::collections::BTreeMap;

use model::device::{DeviceId, Override, Reported};
use model::site::{Secret, Section, SiteRow};
use model::{Access, Actor, Fault, Right, Site};
use serde::Serialize;
use store::Expect;

use crate::authorise::need;
use crate::change::{self, Planned};
use crate::devices::DeviceName;
use crate::domain_removal::Remains;
use crate::error::{AdminError, internal};
use crate::record;
use crate::site_file::diff::{Row, diff, of_orphans, orphans};
use crate::site_file::export::export;
use crate::site_file::{self, Change, Kind, SiteFile};
use crate::{Admin, compliance, devices};

/// How often an apply starts again when somebody else changes the site meanwhile.
const TRIES: usize = 3;

/// What an apply did, or would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Applied {
    /// The changes, empty if the site was so already.
    pub changes: Vec<Change>,
    /// Switches of the generator that are on by default and can't be carried out yet.
    pub left_out: Vec<String>,
    /// Warnings about the rule set.
    pub warnings: Vec<rules::Diagnostic>,
}

/// What an apply may take away. `true`: rows with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allow {
    /// Rows with keys may go.
    pub delete: bool,
    /// What becomes of users and keys of domains that go, where the file does not name its users; without a word they stay, as all
    /// that stands in sections which the file does not name.
    pub users: Option<Remains>,
}

impl From<bool> for Allow {
    fn from(delete: bool) -> Self {
        Self { delete, users: None }
    }
}

/// Checks a site file by itself: keys, values, records, and its rule set with its own templates.
///
/// # Errors
/// [`AdminError::Site`] or [`AdminError::Rules`].
pub fn check(text: &str) -> Result<SiteFile, AdminError> {
    let file = site_file::read(text).map_err(AdminError::Site)?;
    let mut site = Site::default();
    change::apply(&mut site, &planned(&diff(&file, &BTreeMap::new(), &[], &[])?)?.0)?;
    change::check_rules(&site)?;
    if file.disclaimers.is_some() {
        change::check_disclaimers(&site)?;
    }
    Ok(file)
}

impl Admin {
    /// What applying the file would change.
    ///
    /// # Errors
    /// As [`Admin::config_apply`], but for deletions.
    pub async fn config_diff(&self, actor: &Actor, text: &str) -> Result<Applied, AdminError> {
        need(actor, Right::Administration, Access::Read)?;
        let file = site_file::read(text).map_err(AdminError::Site)?;
        self.compare(&file, Remains::Keep).await
    }

    /// Makes the site what the file says, all or nothing, and as often as one likes.
    ///
    /// # Errors
    /// [`AdminError::Site`], [`AdminError::Rules`], [`AdminError::WouldDelete`]; without the right to any section that
    /// changes; when the store is away.
    pub async fn config_apply(&self, actor: &Actor, text: &str, allow: impl Into<Allow> + Send) -> Result<Applied, AdminError> {
        let allow = allow.into();
        need(actor, Right::Administration, Access::Write)?;
        let file = site_file::read(text).map_err(AdminError::Site)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let applied = self.compare(&file, allow.users.unwrap_or(Remains::Keep)).await?;
            permit(actor, &applied.changes, allow.delete)?;
            if applied.changes.is_empty() {
                return Ok(applied);
            }
            if let Some(rules) = &file.rules {
                self.rules_pass(actor, rules).await?;
            }
            match self.write_changes(actor, &applied.changes).await {
                Err(fault) if fault.code == "changed-meanwhile" && tries < TRIES => {}
                Err(fault) => return Err(fault.into()),
                Ok(()) => return Ok(applied),
            }
        }
    }

    /// The site as a file.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn config_export(&self, actor: &Actor) -> Result<String, Fault> {
        need(actor, Right::Administration, Access::Read)?;
        let rows = store::site::all(self.store()).await?;
        for row in &rows {
            need(actor, record::right_of(row.section, &row.key), Access::Read)?;
        }
        export(&rows, &store::devices::ruled(self.store()).await?)
    }

    /// `users`: what becomes of users of domains that go.
    async fn compare(&self, file: &SiteFile, users: Remains) -> Result<Applied, AdminError> {
        let rows = store::site::all(self.store()).await?;
        let ruled = store::devices::ruled(self.store()).await?;
        let secrets = self.secret_rows(&file.secrets, &secrets_of(&rows)?).await?;
        let mut changes = diff(file, &secrets, &rows, &ruled)?;
        let orphans = orphans(file, &changes, &rows);
        changes.extend(of_orphans(&orphans, users)?);
        let mut site = Site::default();
        rows.iter().try_for_each(|row| site.apply(row))?;
        change::apply(&mut site, &planned(&changes)?.0)?;
        let warnings = change::check_rules(&site)?;
        change::check_disclaimers(&site)?;
        Ok(Applied { changes, left_out: file.left_out.clone(), warnings })
    }

    async fn write_changes(&self, actor: &Actor, changes: &[Change]) -> Result<(), Fault> {
        let (plan, rulings) = planned(changes)?;
        let plan = self.with_domain_keys(plan).await?;
        let actor = actor.clone();
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                for planned in &plan {
                    change::one(tx, &actor, planned).await?;
                }
                for (name, ruling, reported) in &rulings {
                    if let Some(ruling) = ruling {
                        devices::rule(tx, &actor, name, *ruling, Expect::Any).await?;
                    }
                    if let Some(reported) = reported {
                        devices::report(tx, &actor, name, reported, Expect::Any).await?;
                    }
                }
                if !rulings.is_empty() {
                    // With the policies that this transaction puts in force, so not before it has ended.
                    compliance::order(tx, "").await?;
                }
                Ok(())
            })
        });
        write.await?;
        self.in_force().await
    }
}

/// The stored secrets by name.
fn secrets_of(rows: &[SiteRow]) -> Result<BTreeMap<String, Secret>, Fault> {
    let secrets = rows.iter().filter(|row| row.section == Section::Secret);
    secrets.map(|row| Ok((row.key.clone(), serde_json::from_str(&row.body).map_err(internal)?))).collect()
}

/// What is entered for devices: a ruling, and what their management reports.
type Rulings = Vec<(DeviceName, Option<Override>, Option<Box<Reported>>)>;

fn planned(changes: &[Change]) -> Result<(Vec<Planned>, Rulings), Fault> {
    let (mut plan, mut rulings) = (Vec::new(), Vec::new());
    for change in changes {
        match &change.row {
            Some(Row::Site { section, body, version }) => {
                let expect = version.map_or(Expect::New, Expect::Version);
                plan.push(Planned { section: *section, key: change.key.clone(), body: body.clone(), expect });
            }
            Some(Row::Device { user, id, ruling, reported }) => {
                let id = DeviceId::parse(id).ok_or_else(|| internal(format!("device id {id:?}")))?;
                rulings.push((DeviceName { user: user.clone(), id }, *ruling, reported.clone()));
            }
            None => {}
        }
    }
    Ok((plan, rulings))
}

/// The actor may change each of the sections, and rows with keys go only if that was said.
fn permit(actor: &Actor, changes: &[Change], allow_delete: bool) -> Result<(), AdminError> {
    for change in changes {
        let right = Section::from_word(change.section).map_or(Right::MobileDashboard, |section| record::right_of(section, &change.key));
        need(actor, right, Access::Write)?;
    }
    let deleted = |change: &&Change| change.kind == Kind::Removed && change.holds_keys;
    let names: Vec<String> = changes.iter().filter(deleted).map(|change| format!("{}/{}", change.section, change.key)).collect();
    if names.is_empty() || allow_delete { Ok(()) } else { Err(AdminError::WouldDelete(names)) }
}
