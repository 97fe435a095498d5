//! Texts in the caller's language, short to write.

use model::Language;

/// Speaks one language.
#[derive(Debug, Clone, Copy)]
pub struct Say(pub Language);

impl Say {
    /// The text of an id without variables.
    #[must_use]
    pub fn t(self, id: &str) -> String {
        texts::text(self.0, id, &[])
    }

    /// The text of an id with one variable.
    #[must_use]
    pub fn with(self, id: &str, name: &str, value: impl ToString) -> String {
        texts::text(self.0, id, &[(name, value.to_string())])
    }
}
