//! Where `ldap_compare` and `ldap_read` ask: `URI[,URI2];user;password;basedn;filter`.
//!
//! Variables stand in the filter only, escaped there (RFC 4515 §3, security.md X-10): all other parts decide who is asked and as
//! whom. In the password `\;` is a semicolon and `\\` a backslash. `@secret(NAME)` stands for one that is stored ([`crate::passwords`]).

use std::fmt::Write;

use model::SecretText;

use crate::passwords;

/// A named directory, without the filter.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Servers in their order, as written: `ldap://`, `ldaps://`, or a bare host.
    pub servers: Vec<String>,
    /// Whom to bind as; empty: anonymous.
    pub user: String,
    /// Its password; or the name of one that is stored, see [`Directory::secret`].
    pub password: SecretText,
    /// Where the search begins.
    pub base: String,
}

/// What is expected of the text.
pub(crate) const EXPECTED: &str = "expected 'URI[,URI2];user;password;basedn;filter'";

impl Directory {
    /// Reads the text; second: the filter as written.
    pub(crate) fn parse(text: &str) -> Option<(Self, String)> {
        let (servers, rest) = text.split_once(';')?;
        let (user, rest) = rest.split_once(';')?;
        let (password, rest) = password(rest)?;
        let (base, filter) = rest.split_once(';')?;
        let servers: Vec<String> = servers.split(',').map(|server| server.trim().to_owned()).collect();
        if servers.iter().any(String::is_empty) || base.trim().is_empty() || filter.trim().is_empty() {
            return None;
        }
        let password = SecretText::new(password);
        let (user, base) = (user.trim().to_owned(), base.trim().to_owned());
        Some((Self { servers, user, password, base }, filter.trim().to_owned()))
    }

    /// What its password is called where it is stored: nobody else's.
    pub(crate) fn secret_name(&self) -> String {
        passwords::name_of(&self.servers, &self.user)
    }

    /// The name of the stored password, if that is what it binds with.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.password.expose().strip_prefix("@secret(")?.strip_suffix(')')
    }
}

/// Up to the first `;` that no backslash stands before.
pub(crate) fn password(text: &str) -> Option<(String, &str)> {
    let (mut out, mut signs) = (String::new(), text.char_indices());
    while let Some((at, sign)) = signs.next() {
        match sign {
            ';' => return Some((out, text.get(at + 1..)?)),
            '\\' => match signs.clone().next() {
                Some((_, next @ (';' | '\\'))) => {
                    signs.next();
                    out.push(next);
                }
                _ => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    None
}

/// A value for a filter (RFC 4515 §3).
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for sign in value.chars() {
        match sign {
            '*' | '(' | ')' | '\\' | '\0' => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\{:02x}", u32::from(sign));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_r1_a_directory_has_five_parts_and_its_password_may_hold_semicolons() {
        let (read, filter) = Directory::parse(r"ldaps://a.example, b.example;cn=gate,dc=x;p\;\\w\d;dc=x;(&(mail=$from)(o=a\2ab))").unwrap();
        assert_eq!(read.servers, ["ldaps://a.example", "b.example"]);
        assert_eq!((read.user.as_str(), read.password.expose(), read.base.as_str()), ("cn=gate,dc=x", r"p;\w\d", "dc=x"));
        assert_eq!(filter, r"(&(mail=$from)(o=a\2ab))");
        assert!(!format!("{read:?}").contains("p;"), "no password is shown");
        for bad in ["", "a;u;p;dc=x", "a;u;p;;(a=b)", "a,;u;p;dc=x;(a=b)", "a;u;p;dc=x;", r"a;u;p\;dc=x;(a=b)"] {
            assert!(Directory::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn x_10_a_value_never_changes_a_filter() {
        assert_eq!(escaped("*)(uid=*\\\0ö"), r"\2a\29\28uid=\2a\5c\00ö");
    }
}
