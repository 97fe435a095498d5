//! Why a use case did nothing: a fault that every face can translate, or findings that name places in what was sent.

use model::{Fault, Guilty};

use crate::rule_tests::TestResult;
use crate::site_file::Finding;

/// The errors of this room.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AdminError {
    /// Anything that has no place in a text.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The site file has errors; nothing was changed.
    #[error("{}", listed(.0))]
    Site(Vec<Finding>),
    /// The rule set has errors; the running one goes on.
    #[error("{}", listed(.0))]
    Rules(Vec<rules::Diagnostic>),
    /// The rules don't take the ways that their own tests expect; the running ones go on.
    #[error("{} of the rules' tests fail: {}", .0.len(), names(.0))]
    Tests(Vec<TestResult>),
    /// Applying the site file would delete rows with keys, and that was not allowed.
    #[error("this would delete rows with keys: {}; allow it with --allow-delete", .0.join(", "))]
    WouldDelete(Vec<String>),
}

impl From<AdminError> for Fault {
    fn from(error: AdminError) -> Self {
        let cause = error.to_string();
        let refused = |detail: String| Self::permanent(Guilty::Sender, "configuration-refused", detail.clone()).with("detail", detail);
        match error {
            AdminError::Fault(fault) => fault,
            AdminError::Site(found) => refused(found.first().map_or(cause, ToString::to_string)),
            AdminError::Rules(found) => refused(found.first().map_or(cause, rules::Diagnostic::one_line)),
            AdminError::Tests(failed) => {
                let first = failed.first().map_or_else(String::new, |test| format!("; {}: {}", test.name, test.differences.join("; ")));
                refused(format!("{cause}{first}"))
            }
            AdminError::WouldDelete(names) => would_delete(&names),
        }
    }
}

/// A field of what was sent can't be used.
pub(crate) fn bad_field(field: &str, expected: impl ToString) -> Fault {
    let expected = expected.to_string();
    Fault::permanent(Guilty::Sender, "bad-field", format!("{field}: {expected}")).with("field", field).with("expected", expected)
}

/// Keys would go, and that was not allowed.
pub(crate) fn would_delete(names: &[String]) -> Fault {
    let names = names.join(", ");
    Fault::permanent(Guilty::Sender, "would-delete", format!("rows with keys would go: {names}")).with("names", names)
}

/// There is no such thing.
pub(crate) fn not_found(what: &str) -> Fault {
    Fault::permanent(Guilty::Sender, "not-found", what.to_owned())
}

/// The contract names it, this version has not built it.
pub(crate) fn not_available(name: &str) -> Fault {
    Fault::permanent(Guilty::Sender, "not-available-yet", name.to_owned()).with("name", name)
}

/// Something else still needs it.
pub(crate) fn still_used(name: &str, by: &str) -> Fault {
    Fault::permanent(Guilty::Sender, "still-used", format!("{name} is used by {by}")).with("name", name).with("by", by)
}

/// A user's keys would go with it, and mail to them could not be opened any more (M-C15).
pub(crate) fn user_has_keys(name: &str, count: usize) -> Fault {
    let cause = format!("{name} has {count} keys");
    Fault::permanent(Guilty::Sender, "user-has-keys", cause).with("name", name).with("count", count)
}

/// What should not happen: a value of ours that has no JSON form, randomness that is missing.
pub(crate) fn internal(cause: impl ToString) -> Fault {
    Fault::temporary(Guilty::Ourselves, "internal", cause.to_string())
}

fn names(failed: &[TestResult]) -> String {
    failed.iter().map(|test| test.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn listed<T: std::fmt::Display>(found: &[T]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
