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
