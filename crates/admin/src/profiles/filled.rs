//! What is a user's in a profile, and the names of files.

use std::collections::BTreeSet;

use model::site::{MobileGateway, User};

/// What `{address}`, `{user}` and `{domain}` stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The mail address.
    pub address: String,
    /// The name by which the user signs in: the user id, or what stands before the `@`.
    pub user: String,
    /// What stands after the `@`.
    pub domain: String,
}

impl Filled {
    /// A user's.
    #[must_use]
    pub fn of(user: &User) -> Self {
        let id = user.user_id.trim();
        // The address is the default of the user id; as a name at the mail server it is what stands before the `@`.
        let own = !id.is_empty() && id != user.address.to_string();
        Self {
            address: user.address.to_string(),
            user: if own { id.to_owned() } else { user.address.local().to_owned() },
            domain: user.address.domain().to_owned(),
        }
    }

    /// Nobody's: the variables themselves.
    #[must_use]
    pub fn nobody() -> Self {
        Self { address: "{address}".to_owned(), user: "{user}".to_owned(), domain: "{domain}".to_owned() }
    }

    /// A text with its variables filled in, in one pass: what is filled in is not looked at again.
    pub(super) fn fill(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let variable = [("{address}", &self.address), ("{user}", &self.user), ("{domain}", &self.domain)]
                .into_iter()
                .find(|(name, _)| from.starts_with(name));
            let (put, taken) = variable.map_or(("{", 1), |(name, value)| (value.as_str(), name.len()));
            out.push_str(put);
            rest = from.get(taken..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }

    /// The name to sign in with at this kind of mail server: the address where accounts are addresses.
    pub(super) fn sign_in(&self, gateway: &MobileGateway) -> &str {
        if matches!(gateway.kind.as_str(), "online" | "google") { &self.address } else { &self.user }
    }
}

/// True if every brace of a text belongs to a variable.
pub(super) fn knows(text: &str) -> bool {
    let plain = Filled { address: String::new(), user: String::new(), domain: String::new() }.fill(text);
    !plain.contains(['{', '}'])
}

/// A name that is safe in every file system and header field.
pub(super) fn file_name(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-@+".contains(c) { c } else { '_' };
    let name: String = text.chars().map(safe).take(120).collect();
    let name = name.trim_start_matches('.').to_owned();
    if name.is_empty() { "profile".to_owned() } else { name }
}

/// The name with its ending, unlike all before.
pub(super) fn unlike(name: &str, ending: &str, names: &mut BTreeSet<String>) -> String {
    let mut tried = format!("{name}.{ending}");
    let mut number = 1;
    while !names.insert(tried.to_ascii_lowercase()) {
        number += 1;
        tried = format!("{name}-{number}.{ending}");
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(address: &str, id: &str) -> User {
        serde_json::from_value(serde_json::json!({ "address": address, "user_id": id })).unwrap()
    }

    #[test]
    fn a_9b_variables_are_a_users_and_filled_in_once() {
        let anna = Filled::of(&user("Anna.Meier@company.example", "ameier"));
        assert_eq!((anna.user.as_str(), anna.domain.as_str()), ("ameier", "company.example"));
        assert_eq!(Filled::of(&user("bob@company.example", "")).user, "bob");
        assert_eq!(Filled::of(&user("bob@company.example", "bob@company.example")).user, "bob");
        let evil = Filled { user: "{address}".into(), ..anna };
        assert_eq!(evil.fill("Mail of {user} ({domain}) {x"), "Mail of {address} (company.example) {x");
        assert_eq!(Filled::nobody().fill("{user}@{domain}"), "{user}@{domain}");
        assert!(knows("Mail of {user}") && !knows("{password}") && !knows("{") && !knows("a}"));
    }

    #[test]
    fn a_9b_names_of_files_are_safe_and_unlike() {
        for (text, name) in [("a/../b@x", "a_.._b@x"), ("..\\x", "_x"), ("", "profile"), ("ä\r\n\"", "____")] {
            assert_eq!(file_name(text), name);
        }
        let mut names = BTreeSet::new();
        assert_eq!([unlike("a", "json", &mut names), unlike("A", "json", &mut names)], ["a.json", "A-2.json"]);
    }
}
