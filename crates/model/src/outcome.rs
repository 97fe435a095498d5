//! What became of an act on the outside world: a delivery, an order, an effect.

use serde::{Deserialize, Serialize};

/// Done, not done, or not known. "Unknown" is what a reply lost after the final dot leaves behind: each
/// kind of act says what it means (a delivery is tried again, since SMTP prefers a double to a loss,
/// RFC 5321 §4.5.5; an order at a CA is looked up first).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The other side took it. `reply` is its last line.
    Done {
        /// The other side's last words.
        reply: String,
    },
    /// The other side, or the way there, said no.
    NotDone {
        /// True if trying again may help.
        temporary: bool,
        /// Enhanced status code `c.s.d` (RFC 3463).
        status: String,
        /// The other side's words, or ours about the way there.
        reply: String,
        /// Who said it: `dns; host [ip]`-style name for the DSN, empty if ourselves.
        by: String,
    },
    /// Nobody knows: the answer was lost after the point of no return.
    Unknown {
        /// What was seen last.
        reply: String,
    },
}

impl Outcome {
    /// True if the act is to be tried again: temporary, or unknown.
    #[must_use]
    pub const fn retries(&self) -> bool {
        matches!(self, Self::NotDone { temporary: true, .. } | Self::Unknown { .. })
    }

    /// The other side's words, for logs and DSNs.
    #[must_use]
    pub fn reply(&self) -> &str {
        match self {
            Self::Done { reply } | Self::NotDone { reply, .. } | Self::Unknown { reply } => reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_tried_again() {
        assert!(Outcome::Unknown { reply: String::new() }.retries());
        assert!(!Outcome::Done { reply: String::new() }.retries());
    }
}
