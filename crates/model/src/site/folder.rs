//! Folders that a `sync_settings` policy leaves out, by kind or by name (mobile-gateway.md, the policy table).

use serde::{Deserialize, Serialize};

use super::policy::wildcard;

/// Words for kinds of folders, and the numbers that they stand for: the default folder and those that people make
/// (MS-ASCMD §2.2.3.186.3).
const KINDS: [(&str, &[u64]); 12] = [
    ("drafts", &[3]),
    ("deleted", &[4]),
    ("sent", &[5]),
    ("outbox", &[6]),
    ("tasks", &[7, 15]),
    ("calendar", &[8, 13]),
    ("contacts", &[9, 14]),
    ("notes", &[10, 17]),
    ("journal", &[11, 16]),
    ("mail", &[1, 12]),
    ("unknown", &[18]),
    ("recipients", &[19]),
];

/// The Inbox, which can't be hidden (MS-ASCMD §2.2.3.186.3).
pub const INBOX: u64 = 2;

/// One entry of `folders`: a kind, a name, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyFolder {
    /// A word of [`PolicyFolder::words`], or a number of MS-ASCMD §2.2.3.186.3 as text; empty: every kind.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its shown name, with `*` and `?`; case does not count; empty: every name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl PolicyFolder {
    /// The words of kinds.
    pub fn words() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(word, _)| *word)
    }

    /// True if `type` is a kind that can be hidden, or is left out.
    #[must_use]
    pub fn has_kind(&self) -> bool {
        let number = || self.kind.parse::<u64>().is_ok_and(|kind| (1..=19).contains(&kind) && kind != INBOX);
        self.kind.is_empty() || Self::words().any(|word| word == self.kind) || number()
    }

    /// True if a folder of this kind and name is left out. The Inbox never is.
    #[must_use]
    pub fn hides(&self, kind: Option<u64>, name: &str) -> bool {
        if kind == Some(INBOX) || (self.kind.is_empty() && self.name.is_empty()) {
            return false;
        }
        let of_kind = self.kind.is_empty() || kind.is_some_and(|kind| self.is_kind(kind));
        of_kind && (self.name.is_empty() || wildcard(&self.name.trim().to_lowercase(), &name.to_lowercase()))
    }

    fn is_kind(&self, kind: u64) -> bool {
        let listed = KINDS.iter().find(|(word, _)| *word == self.kind).map(|(_, numbers)| numbers.contains(&kind));
        listed.unwrap_or_else(|| self.kind.parse() == Ok(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(kind: &str, name: &str) -> PolicyFolder {
        PolicyFolder { kind: kind.into(), name: name.into() }
    }

    #[test]
    fn g_10_folders_are_hidden_by_kind_by_name_or_by_both() {
        for (entry, kind, name, hidden) in [
            (folder("calendar", ""), 8, "Calendar", true),
            (folder("calendar", ""), 13, "Holidays", true),
            (folder("calendar", ""), 9, "Calendar", false),
            (folder("13", ""), 8, "Calendar", false),
            (folder("", "Private*"), 12, "PRIVATE things", true),
            (folder("", "Private*"), 12, "Not private", false),
            (folder("contacts", "sales"), 14, "Sales", true),
            (folder("contacts", "sales"), 12, "Sales", false),
            (folder("", "*"), 2, "Inbox", false),
            (folder("", ""), 12, "x", false),
        ] {
            assert_eq!(entry.hides(Some(kind), name), hidden, "{entry:?} {kind} {name}");
        }
        assert!(!folder("calendar", "").hides(None, "x") && folder("", "x").hides(None, "X"));
    }

    #[test]
    fn g_10_the_inbox_is_no_kind_that_can_be_hidden() {
        assert!(["", "mail", "19", "1"].iter().all(|kind| folder(kind, "x").has_kind()));
        assert!(["inbox", "2", "0", "20", "Mail"].iter().all(|kind| !folder(kind, "x").has_kind()));
    }
}
