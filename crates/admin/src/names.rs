//! Names that rule sets may use, from the site as it will be.

use model::site::DEFAULT_DISCLAIMER;
use model::{Language, Site};
use smtp::outbound::Target;

/// Templates of the site and the built-in ones; servers in the notation of mail-gateway.md M-T2.
pub struct SiteNames<'a>(pub &'a Site);

impl rules::Names for SiteNames<'_> {
    fn template(&self, name: &str) -> bool {
        self.0.templates.contains_key(name) || texts::mail_template(Language::En, name).is_some()
    }

    fn templates(&self) -> Vec<String> {
        let mut all: Vec<String> = self.0.templates.keys().cloned().collect();
        all.extend(texts::mail::BUILT_IN.map(str::to_owned));
        all.sort();
        all.dedup();
        all
    }

    fn disclaimer(&self, name: &str) -> bool {
        name == DEFAULT_DISCLAIMER || self.0.disclaimers.contains_key(name)
    }

    fn disclaimers(&self) -> Vec<String> {
        self.0.disclaimers.keys().cloned().collect()
    }

    fn file(&self, name: &str) -> bool {
        self.0.files.contains_key(name)
    }

    fn files(&self) -> Vec<String> {
        self.0.files.keys().cloned().collect()
    }

    fn group(&self, name: &str) -> bool {
        self.0.groups.contains_key(name)
    }

    fn groups(&self) -> Vec<String> {
        self.0.groups.keys().cloned().collect()
    }

    fn directory(&self, servers: &[String], filter: &str) -> Result<(), String> {
        outside::ldap_values::check(servers, filter)
    }

    fn scanner(&self, command: &str) -> bool {
        let rules = &self.0.protection;
        !if command == "vscan" { &rules.clamd } else { &rules.rspamd }.is_empty()
    }

    fn server(&self, text: &str) -> Result<(), String> {
        Target::parse(text).map(drop).map_err(|error| error.to_string())
    }
}
