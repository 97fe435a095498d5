//! The rule set: show it, check a text, put a text or the generator's switches in force, run a message through it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::site::RulesSetting;
use model::{Access, Actor, Fault, Right, Site};
use rules::{Diagnostic, RuleSet};
use serde_json::Value;
use store::Expect;

use crate::authorise::need;
use crate::change::prospective;
use crate::error::{AdminError, bad_field, not_available};
use crate::{Admin, Kept, Simulation, SiteNames};

/// What an administrator wants to be in force.
#[derive(Debug, Clone)]
pub enum NewRules {
    /// This text.
    Text(String),
    /// What the generator writes for these switches.
    Switches(BTreeMap<String, Value>),
}

/// What was put in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Version of the row, for If-Match.
    pub version: i64,
    /// Warnings about it.
    pub warnings: Vec<Diagnostic>,
    /// Switches that are on by default and can't be carried out yet.
    pub left_out: Vec<String>,
}

impl Admin {
    /// The rule set that runs; version 0 and the generator's default text if none was ever put.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn rules_show(&self, actor: &Actor) -> Result<Kept<RulesSetting>, Fault> {
        need(actor, Right::MailProcessing, Access::Read)?;
        let mut kept = self.rules_stored().await?;
        kept.record.text = text(&kept.record)?;
        Ok(kept)
    }

    /// Looks at a rule text with the names of this site; gives its warnings.
    ///
    /// # Errors
    /// [`AdminError::Rules`] with all findings.
    pub async fn rules_check(&self, actor: &Actor, name: &str, text: &str) -> Result<Vec<Diagnostic>, AdminError> {
        self.compile(actor, name, text).await.map(|(_, warnings)| warnings)
    }

    /// Puts rules in force on all nodes. The running ones go on if anything is wrong.
    ///
    /// # Errors
    /// [`AdminError::Rules`]; `changed-meanwhile`; without the right; when the store is away.
    pub async fn rules_apply(&self, actor: &Actor, new: NewRules, expect: Expect) -> Result<InForce, AdminError> {
        need(actor, Right::MailProcessing, Access::Write)?;
        let (made, left_out) = setting(new)?;
        // Tests say what rules must do, whatever the rules are: they stay.
        let RulesSetting { tests, require_tests, .. } = self.rules_stored().await?.record;
        self.put_rules(actor, RulesSetting { tests, require_tests, ..made }, left_out, expect).await
    }

    /// Runs a message through `text`, or through the rules in force: the JSON of contract.md `rules run`.
    ///
    /// # Errors
    /// [`AdminError::Rules`]; `bad-field`; what the simulator says; without the right.
    pub async fn rules_run(&self, actor: &Actor, text: Option<(&str, &str)>, simulation: Simulation) -> Result<Value, AdminError> {
        need(actor, Right::MailProcessing, Access::Read)?;
        if simulation.to.is_empty() {
            return Err(bad_field("to", "expected at least one recipient").into());
        }
        let rules = match text {
            Some((name, text)) => Some(self.compile(actor, name, text).await?.0),
            None => None,
        };
        let simulator = self.0.simulator.as_ref().ok_or_else(|| not_available("rules run without a mail gate"))?;
        Ok(simulator.simulate(Simulation { rules, ..simulation }).await?)
    }

    pub(crate) async fn compile(&self, actor: &Actor, name: &str, text: &str) -> Result<(Arc<RuleSet>, Vec<Diagnostic>), AdminError> {
        need(actor, Right::MailProcessing, Access::Read)?;
        let site: Site = prospective(self.store(), &[]).await?;
        rules::compile(name, text, &SiteNames(&site)).map_err(AdminError::Rules)
    }
}

/// The stored form of new rules, and what the generator left out.
pub(crate) fn setting(new: NewRules) -> Result<(RulesSetting, Vec<String>), AdminError> {
    match new {
        NewRules::Text(text) if text.trim().is_empty() => Err(bad_field("rules.text", "expected rule text").into()),
        NewRules::Text(text) => Ok((RulesSetting { text, ..RulesSetting::default() }, Vec::new())),
        NewRules::Switches(switches) => {
            let made = rules::generate(&switches).map_err(AdminError::Rules)?;
            Ok((RulesSetting { text: made.text, generator: Some(switches), ..RulesSetting::default() }, made.left_out))
        }
    }
}

/// The text that runs: the stored one, or the generator's defaults when none was ever put.
pub(crate) fn text(setting: &RulesSetting) -> Result<String, AdminError> {
    if !setting.text.is_empty() {
        return Ok(setting.text.clone());
    }
    rules::generate(&BTreeMap::new()).map(|made| made.text).map_err(AdminError::Rules)
}
