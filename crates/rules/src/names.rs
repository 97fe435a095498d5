//! What the checker has to ask the site: which names exist.

/// Names that a rule set may use. `admin` and `flow` answer from the site's data.
pub trait Names {
    /// Is there a mail template of this name, built in or the site's own?
    fn template(&self, name: &str) -> bool;

    /// All template names, for suggestions.
    fn templates(&self) -> Vec<String> {
        Vec::new()
    }

    /// Is there a scanner for this command, `vscan` or `isspam`?
    fn scanner(&self, _command: &str) -> bool {
        true
    }

    /// Is there a disclaimer of this name?
    fn disclaimer(&self, name: &str) -> bool {
        name == "[default]"
    }

    /// All names of disclaimers, for suggestions.
    fn disclaimers(&self) -> Vec<String> {
        vec!["[default]".to_owned()]
    }

    /// Is there an uploaded file of this name?
    fn file(&self, _name: &str) -> bool {
        false
    }

    /// All names of files, for suggestions.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    /// Is there a group of users of this name?
    fn group(&self, _name: &str) -> bool {
        false
    }

    /// All names of groups, for suggestions.
    fn groups(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why nobody can be asked there by this filter (RFC 4515, values of variables filled in).
    ///
    /// # Errors
    /// A sentence that says what is expected.
    fn directory(&self, _servers: &[String], _filter: &str) -> Result<(), String> {
        Ok(())
    }

    /// Why this is no server in the notation of mail-gateway.md M-T2.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    fn server(&self, _text: &str) -> Result<(), String> {
        Ok(())
    }
}

/// The built-in names only: for checks without a site.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltIn;

impl Names for BuiltIn {
    fn template(&self, name: &str) -> bool {
        name == "bounce_noenc"
    }

    fn templates(&self) -> Vec<String> {
        vec!["bounce_noenc".to_owned()]
    }
}
