//! Versions of the rule set: which there were, by whom and when, what changed between two, and the way back (M-R2).
//!
//! The audit log is their store: each change of the rules leaves the whole setting in it, in the transaction of the change. Versions count
//! from 1 in the order in which they were put in force. Going back makes a new version with an old content, checked as any other.

use model::site::{RulesSetting, Section};
use model::{Access, Actor, Fault, Right, Timestamp};
use similar::TextDiff;
use store::Expect;

use crate::authorise::need;
use crate::change::{self, Planned, json, prospective};
use crate::error::{AdminError, internal, not_found};
use crate::rule_sets::{InForce, text};
use crate::{Admin, Kept, rule_secrets};

/// How the audit log names the rules.
const WHAT: &str = "rules/";
/// Lines around each change.
const AROUND: usize = 3;

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleVersion {
    /// From 1.
    pub number: i64,
    /// When it was put in force.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// It is the one that runs.
    pub in_force: bool,
}

impl Admin {
    /// All versions, newest first.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn rules_versions(&self, actor: &Actor) -> Result<Vec<RuleVersion>, Fault> {
        need(actor, Right::MailProcessing, Access::Read)?;
        let all = store::audit::changes_of(self.store(), WHAT).await?;
        let newest = all.len();
        let version = |(place, change): (usize, store::audit::Change)| RuleVersion {
            number: i64::try_from(place + 1).unwrap_or(i64::MAX),
            at: change.at,
            who: change.who,
            in_force: place + 1 == newest,
        };
        let mut versions: Vec<RuleVersion> = all.into_iter().enumerate().map(version).collect();
        versions.reverse();
        Ok(versions)
    }

    /// One version's setting; 0 is what ran before anything was put: the generator's defaults.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn rules_version(&self, actor: &Actor, number: i64) -> Result<RulesSetting, AdminError> {
        need(actor, Right::MailProcessing, Access::Read)?;
        let mut setting = match number {
            0 => RulesSetting { generator: Some(std::collections::BTreeMap::new()), ..RulesSetting::default() },
            _ => {
                let missing = || not_found(&format!("rules version {number}"));
                let place = u32::try_from(number - 1).map_err(|_| missing())?;
                let entry = store::audit::change_of(self.store(), WHAT, place).await?.ok_or_else(missing)?;
                // An entry without a content tells of a removal: what ran then were the defaults.
                let after = entry.after.unwrap_or_else(|| "{}".to_owned());
                serde_json::from_str::<RulesSetting>(&after).map_err(internal)?
            }
        };
        setting.text = text(&setting)?;
        Ok(setting)
    }

    /// What changed from one version to another (`None`: the one that runs), line by line.
    ///
    /// # Errors
    /// As [`Admin::rules_version`].
    pub async fn rules_diff(&self, actor: &Actor, from: i64, to: Option<i64>) -> Result<String, AdminError> {
        let old = self.rules_version(actor, from).await?.text;
        let (new, name) = match to {
            Some(number) => (self.rules_version(actor, number).await?.text, format!("version {number}")),
            None => (self.rules_show(actor).await?.record.text, "in force".to_owned()),
        };
        let (old, new) = (ended(old), ended(new));
        let diff = TextDiff::from_lines(&old, &new);
        Ok(diff.unified_diff().context_radius(AROUND).header(&format!("version {from}"), &name).to_string())
    }

    /// Puts an old version in force again, as a new one.
    ///
    /// # Errors
    /// `not-found`; [`AdminError::Rules`] when it names what is not there any more; `changed-meanwhile`; without the right; when the
    /// store is away.
    pub async fn rules_rollback(&self, actor: &Actor, number: i64, expect: Expect) -> Result<InForce, AdminError> {
        need(actor, Right::MailProcessing, Access::Write)?;
        let setting = self.rules_version(actor, number).await?;
        self.put_rules(actor, setting, Vec::new(), expect).await
    }

    /// Checks a setting with the names of this site and its own tests, and puts it in force.
    pub(crate) async fn put_rules(
        &self,
        actor: &Actor,
        mut setting: RulesSetting,
        left_out: Vec<String>,
        expect: Expect,
    ) -> Result<InForce, AdminError> {
        let written = setting.clone();
        let secrets = rule_secrets::take(&mut setting)?;
        let mut plan = vec![Planned { section: Section::Rules, key: String::new(), body: Some(json(&setting)?), expect }];
        let warnings = change::check_rules(&prospective(self.store(), &plan).await?)?;
        // As written: what is sealed below is not there yet.
        self.rules_pass(actor, &written).await?;
        plan.extend(self.plan_secrets(secrets).await?);
        let versions = self.change(actor, plan).await?;
        Ok(InForce { version: versions.first().copied().unwrap_or_default(), warnings, left_out })
    }

    /// The stored setting, with its row's version.
    pub(crate) async fn rules_stored(&self) -> Result<Kept<RulesSetting>, Fault> {
        let row = store::site::get(self.store(), Section::Rules, "").await?;
        let (version, record) = match row {
            Some(row) => (row.version, serde_json::from_str::<RulesSetting>(&row.body).map_err(internal)?),
            None => (0, RulesSetting { generator: Some(std::collections::BTreeMap::new()), ..RulesSetting::default() }),
        };
        Ok(Kept { key: String::new(), version, record })
    }
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
