//! The rule set that runs, compiled once when its text changes.

use std::sync::Arc;

use model::site::{DEFAULT_DISCLAIMER, RulesSetting};
use model::{Fault, Guilty, Site};
use parking_lot::Mutex;
use rules::RuleSet;

/// Keeps the compiled form of the site's rule set.
#[derive(Debug, Default)]
pub struct Compiled(Mutex<Option<(Arc<RulesSetting>, Arc<RuleSet>)>>);

/// Names that rule texts may use, from the site.
pub struct SiteNames<'a>(pub &'a Site);

impl rules::Names for SiteNames<'_> {
    fn template(&self, name: &str) -> bool {
        self.0.templates.contains_key(name) || texts::mail_template(model::Language::En, name).is_some()
    }

    fn disclaimer(&self, name: &str) -> bool {
        name == DEFAULT_DISCLAIMER || self.0.disclaimers.contains_key(name)
    }

    fn file(&self, name: &str) -> bool {
        self.0.files.contains_key(name)
    }

    fn group(&self, name: &str) -> bool {
        self.0.groups.contains_key(name)
    }

    fn directory(&self, servers: &[String], filter: &str) -> Result<(), String> {
        outside::ldap_values::check(servers, filter)
    }
}

impl Compiled {
    /// The rule set of this site. A text that does not compile was refused when it was applied; should one
    /// be met all the same, mail waits (4xx) rather than passing without rules.
    ///
    /// # Errors
    /// `rules-invalid`, temporary.
    pub fn of(&self, site: &Site) -> Result<Arc<RuleSet>, Fault> {
        let mut kept = self.0.lock();
        if let Some((setting, rules)) = kept.as_ref()
            && Arc::ptr_eq(setting, &site.rules)
        {
            return Ok(rules.clone());
        }
        let rules = compile(site)?;
        *kept = Some((site.rules.clone(), rules.clone()));
        Ok(rules)
    }
}

/// The text that runs: the site's, or the generator's defaults when none was ever set.
///
/// # Errors
/// `rules-invalid` when the generator refuses its own defaults.
pub fn text(site: &Site) -> Result<String, Fault> {
    if !site.rules.text.is_empty() {
        return Ok(site.rules.text.clone());
    }
    rules::generate(&std::collections::BTreeMap::new()).map(|made| made.text).map_err(|found| invalid(&found))
}

fn compile(site: &Site) -> Result<Arc<RuleSet>, Fault> {
    rules::compile("rules", &text(site)?, &SiteNames(site)).map(|(rules, _warnings)| rules).map_err(|found| invalid(&found))
}

fn invalid(found: &[rules::Diagnostic]) -> Fault {
    let cause = found.first().map_or_else(String::new, ToString::to_string);
    Fault::temporary(Guilty::Configuration, "rules-invalid", cause)
}
