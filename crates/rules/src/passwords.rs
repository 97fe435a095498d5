//! Passwords of directories in rule texts: taken out before a text is stored, and named in their place (security.md X-22).
//!
//! What is stored is called by whom it opens at which servers, so no rule can have it sent to another server or for another account: such a
//! name fits no other directory, and the checker says so.

use std::ops::Range;

use model::SecretText;
use openssl::sha::Sha256;

use crate::diagnostic::{Diagnostic, Report};
use crate::directory::{self, Directory};
use crate::parser::{Argument, Call, Condition, Statement};
use crate::{lexer, parser, table};

/// A rule text without passwords.
#[derive(Debug)]
pub struct Taken {
    /// The text, with `@secret(NAME)` where a password stood.
    pub text: String,
    /// The names in it, with what stood there; `None` where a name stood already.
    pub passwords: Vec<(String, Option<SecretText>)>,
}

/// Takes the passwords of `ldap_compare` and `ldap_read` out of a text. One that does not parse comes back as it is: nobody stores it.
///
/// # Errors
/// A password that can't be taken out as it is written.
pub fn take(name: &str, text: &str) -> Result<Taken, Vec<Diagnostic>> {
    let mut passwords = Vec::new();
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let before = directories(text);
    for (argument, directory, _) in &before {
        if directory.secret().is_some() {
            passwords.push((directory.secret_name(), None));
        } else if !directory.password.expose().is_empty() {
            changes.extend(place(text, &argument.span).map(|place| (place, format!("@secret({})", directory.secret_name()))));
            passwords.push((directory.secret_name(), Some(directory.password.clone())));
        }
    }
    let mut out = text.to_owned();
    for (place, new) in changes.iter().rev() {
        out.replace_range(place.clone(), new);
    }
    let after = directories(&out);
    let mut report = Report::new(name, text);
    for (number, (argument, directory, filter)) in before.iter().enumerate() {
        let same = after.get(number).is_some_and(|(_, now, same_filter)| {
            let named = now.secret() == Some(&directory.secret_name()) || directory.password.expose().is_empty();
            let alike = (&now.servers, &now.user, &now.base) == (&directory.servers, &directory.user, &directory.base);
            alike && same_filter == filter && (named || directory.secret().is_some())
        });
        if !same {
            let hint = "write servers, user and password on one line".to_owned();
            report.error(&argument.span, "this password can't be taken out of the text", Some(hint));
        }
    }
    if report.failed() { Err(report.into_found()) } else { Ok(Taken { text: out, passwords }) }
}

/// Name of the password for this account at these servers.
pub(crate) fn name_of(servers: &[String], user: &str) -> String {
    let mut hash = Sha256::new();
    for part in servers.iter().map(String::as_str).chain([user]) {
        hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let hex: String = hash.finish().iter().take(16).map(|octet| format!("{octet:02x}")).collect();
    format!("rules/ldap-{hex}")
}

/// Each directory that the text names, in order, with its filter; none if it does not parse.
fn directories(text: &str) -> Vec<(Argument, Directory, String)> {
    let mut report = Report::new("", text);
    let tokens = lexer::tokens(text, &mut report);
    let statements = parser::parse(&tokens, text.len(), &mut report);
    if report.failed() {
        return Vec::new();
    }
    let mut calls = Vec::new();
    statements.iter().for_each(|statement| in_statement(statement, &mut calls));
    calls.sort_by_key(|call| call.span.start);
    let asks = |call: &&&Call| table::command(&call.name).is_some_and(|entry| ["ldap_compare", "ldap_read"].contains(&entry.name));
    let read = |call: &&Call| {
        let argument = call.arguments.first().filter(|argument| !argument.is_integer)?;
        Directory::parse(&argument.text).map(|(directory, filter)| (argument.clone(), directory, filter))
    };
    calls.iter().filter(asks).filter_map(read).collect()
}

fn in_statement<'s>(statement: &'s Statement, calls: &mut Vec<&'s Call>) {
    match statement {
        Statement::Call(call) => calls.push(call),
        Statement::If { branches, otherwise } => {
            for (condition, block) in branches {
                in_condition(condition, calls);
                block.iter().for_each(|inner| in_statement(inner, calls));
            }
            otherwise.iter().for_each(|inner| in_statement(inner, calls));
        }
    }
}

fn in_condition<'s>(condition: &'s Condition, calls: &mut Vec<&'s Call>) {
    match condition {
        Condition::Call(call) => calls.push(call),
        Condition::Not(inner) => in_condition(inner, calls),
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|inner| in_condition(inner, calls)),
    }
}

/// Where the password stands in the text, the literal being at `span` with its quotes.
fn place(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let raw = text.get(span.clone())?;
    let user = raw.find(';')? + 1;
    let start = user + raw.get(user..)?.find(';')? + 1;
    let (_, rest) = directory::password(raw.get(start..)?)?;
    let end = raw.len() - rest.len() - 1;
    Some(span.start + start..span.start + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuiltIn, compile};

    #[test]
    fn x_22_passwords_leave_a_rule_text_and_the_rest_stays_as_it_is() {
        let text = r#"# who is that?
if (!ldap_compare('ldaps://a.example,b.example;cn=gate;p\;w\'d\\;dc=x;(mail=$from)', 'a', 'b') && authenticated()) {
    LdapRead("a.example;;;dc=x;(a=b)", 'mail', 'v');
} else if (iscalendar()) { log(1, 'a;b;c;d;e'); } else { ldap_read("a.example;u;other;dc=x;(a=b)", 'mail', 'v'); }"#;
        let taken = take("t", text).unwrap();
        let names: Vec<&str> = taken.passwords.iter().map(|(name, _)| name.as_str()).collect();
        let said: Vec<&str> = taken.passwords.iter().map(|(_, said)| said.as_ref().unwrap().expose()).collect();
        assert_eq!(said, [r"p;w'd\", "other"]);
        let expected = text.replace(r"p\;w\'d\\", &format!("@secret({})", names[0])).replace("other", &format!("@secret({})", names[1]));
        assert_eq!(taken.text, expected);
        assert!(names[0].starts_with("rules/ldap-") && names[0].len() == 43 && names[0] != names[1]);
        compile("t", &taken.text, &BuiltIn).unwrap_or_else(|found| panic!("{}", found[0]));
        let again = take("t", &taken.text).unwrap();
        assert_eq!((again.text.as_str(), again.passwords.len()), (taken.text.as_str(), 2));
        assert!(again.passwords.iter().all(|(_, said)| said.is_none()), "nothing is left to take");
    }

    #[test]
    fn x_22_a_stored_password_goes_to_no_other_server_and_for_no_other_account() {
        let name = name_of(&["ldaps://a.example".to_owned()], "cn=gate");
        let rule = |server: &str, user: &str| format!("ldap_read('{server};{user};@secret({name});dc=x;(a=b)', 'mail', 'v');");
        assert!(compile("t", &rule("ldaps://a.example", "cn=gate"), &BuiltIn).is_ok());
        for (server, user) in [("ldaps://evil.example", "cn=gate"), ("ldap://a.example", "cn=gate"), ("ldaps://a.example", "cn=other")] {
            let found = compile("t", &rule(server, user), &BuiltIn).unwrap_err();
            assert!(found[0].message.contains("another directory"), "{}", found[0]);
        }
        assert!(compile("t", "ldap_read('a;u;@secret(mail/auth_ldap);dc=x;(a=b)', 'mail', 'v');", &BuiltIn).is_err());
    }

    #[test]
    fn x_22_what_can_not_be_taken_out_is_refused() {
        let broken = "ldap_read('a.example;u;pass\\\n   ;word;dc=x;(a=b)', 'mail', 'v');";
        let found = take("t", broken);
        assert!(found.is_err() || !found.unwrap().text.contains("pass"));
        assert_eq!(take("t", "ldap_read('a;u;p;").unwrap().text, "ldap_read('a;u;p;", "nobody stores this");
    }
}
