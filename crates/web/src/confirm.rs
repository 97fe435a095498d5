//! The page before something is removed or cut off: it names the consequence and whether it can be undone.

use serde::Serialize;

/// What `kit/confirm.html` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirm {
    /// The question.
    pub question: String,
    /// What happens then, and whether it can be undone.
    pub consequence: String,
    /// The thing that it is about, as it names itself.
    pub subject: String,
    /// Where "yes" is sent, by POST.
    pub action: String,
    /// The word on the button: the act, never "OK".
    pub submit: String,
    /// Where "cancel" leads.
    pub cancel: String,
    /// True if it can't be undone.
    pub danger: bool,
    /// Values that are sent along.
    pub hidden: Vec<(String, String)>,
}
