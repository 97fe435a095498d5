//! Arguments that name something: files, disclaimers, groups, attributes, directories, new recipients. Each must exist, or be one.

use model::Address;

use super::Arguments;
use crate::attributes::{self, ATTRIBUTES, Options};
use crate::command::Command;
use crate::diagnostic::nearest;
use crate::directory::{self, Directory};
use crate::parser::Argument;
use crate::replace;
use crate::text::{Pattern, Text};

type Made = Option<Command<Text, Pattern>>;

impl Arguments<'_, '_> {
    pub(super) fn add_report(&mut self) -> Made {
        let name = self.file_name(0)?;
        let text = self.get(1)?;
        let auto = text.text.eq_ignore_ascii_case("auto");
        Some(Command::AddReport { name, text: if auto { None } else { self.text(1) } })
    }

    pub(super) fn attach(&mut self) -> Made {
        let argument = self.get(0)?;
        let names = self.names;
        if !names.file(&argument.text) {
            let path = argument.text.contains(['/', '\\']);
            let what = if path { "files are uploaded and named, never read from a path" } else { "upload it first" };
            return self.unknown(&argument, "file", &names.files(), what);
        }
        let content_id = self.given(1).map(|id| (id.text.trim_matches(['<', '>']).to_owned(), id));
        if let Some((id, place)) = &content_id
            && (id.len() > 200 || !id.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\".contains(&b)))
        {
            return self.wrong(
                &place.span,
                format!("'{id}' is no content id"),
                "expected printable ASCII without spaces and angle brackets",
            );
        }
        let content_type = self.given(2);
        if let Some(place) = &content_type
            && message::content::content_type(place.text.as_bytes()).is_none()
        {
            return self.wrong(&place.span, format!("'{}' is no content type", place.text), "expected kind/subtype, as in image/png");
        }
        let (content_id, content_type) = (content_id.map(|(id, _)| id), content_type.map(|place| place.text));
        Some(Command::Attach { name: argument.text, content_id, content_type })
    }

    pub(super) fn disclaimer(&mut self) -> Made {
        let (name, names) = (self.given(0), self.names);
        if let Some(argument) = &name
            && !names.disclaimer(&argument.text)
        {
            return self.unknown(argument, "disclaimer", &names.disclaimers(), "make it first");
        }
        let top = self.given(1).is_some() && self.choice(1, &["top", "bottom"])? == "top";
        Some(Command::Disclaimer { name: name.map(|argument| argument.text), top })
    }

    pub(super) fn member_of(&mut self) -> Made {
        let names = self.names;
        let mut groups = Vec::new();
        for argument in &self.call.arguments.clone() {
            if !names.group(&argument.text) {
                return self.unknown(argument, "group", &names.groups(), "make it first");
            }
            groups.push(argument.text.clone());
        }
        Some(Command::MemberOf { groups })
    }

    pub(super) fn setuserattr(&mut self) -> Made {
        let argument = self.get(0)?;
        let Some(name) = attributes::attribute(&argument.text) else {
            let near = nearest(&argument.text, ATTRIBUTES);
            let hint = near.map_or_else(|| "expected an attribute of inetOrgPerson".to_owned(), |near| format!("did you mean '{near}'?"));
            return self.wrong(&argument.span, format!("a user has no attribute '{}'", argument.text), hint);
        };
        let value = self.text(1)?;
        if let Some(fixed) = value.fixed() {
            let place = self.get(1)?.span;
            if name == attributes::ACCOUNT_OPTIONS && Options::parse(fixed).is_none() {
                let hint = "expected 0, or the sum of 1 (must not encrypt) and 4 (must not sign)";
                return self.wrong(&place, format!("'{fixed}' are no account options"), hint);
            }
            if name == attributes::USER_PASSWORD && fixed.is_empty() {
                return self.wrong(&place, "an empty password lets nobody in", "expected a password");
            }
        }
        Some(Command::SetUserAttr { name, value })
    }

    pub(super) fn ldap_compare(&mut self) -> Made {
        let (directory, filter) = self.directory()?;
        Some(Command::LdapCompare { directory, filter, attribute: self.ldap_attribute()?, value: self.text(2)? })
    }

    pub(super) fn ldap_read(&mut self) -> Made {
        let (directory, filter) = self.directory()?;
        Some(Command::LdapRead { directory, filter, attribute: self.ldap_attribute()?, variable: self.variable(2)? })
    }

    fn directory(&mut self) -> Option<(Directory, Text)> {
        let argument = self.get(0)?;
        let Some((directory, filter)) = Directory::parse(&argument.text) else {
            return self.wrong(&argument.span, "this names no directory", directory::EXPECTED);
        };
        if directory.secret().is_some_and(|name| name != directory.secret_name()) {
            let hint = "write its password in clear once; it is sealed when the rules are put in force";
            return self.wrong(&argument.span, "this stored password is of another directory or account", hint);
        }
        let filter = self.parse_text(&filter, &argument.span);
        let names = self.names;
        if let Err(expected) = names.directory(&directory.servers, &filter.expand(&|_| Some("x".to_owned()), directory::escaped)) {
            return self.wrong(&argument.span, "this directory can't be asked so", expected);
        }
        Some((directory, filter))
    }

    /// RFC 4512 §2.5: a name or a dotted number, with options.
    fn ldap_attribute(&mut self) -> Option<String> {
        let argument = self.get(1)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.;".contains(c);
        if (1..=100).contains(&argument.text.len())
            && argument.text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && argument.text.chars().all(fits)
        {
            return Some(argument.text);
        }
        self.wrong(&argument.span, format!("'{}' is no attribute", argument.text), "expected a name, as in mail")
    }

    pub(super) fn replace_rcpt(&mut self) -> Made {
        let last = self.call.arguments.len().saturating_sub(1);
        let pattern = if last == 0 || self.given(0).is_none() { None } else { Some(self.pattern(0)?) };
        let argument = self.get(last)?;
        let mut to = Vec::new();
        for written in argument.text.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let text = self.parse_text(written, &argument.span);
            if pattern.is_none()
                && let Some(fixed) = text.fixed()
                && let Err(error) = Address::parse(&replace::written(fixed, None))
            {
                return self.wrong(&argument.span, format!("'{fixed}' is no mail address"), error.to_string());
            }
            to.push(text);
        }
        if to.is_empty() {
            return self.wrong(&argument.span, "there must be a new recipient", "expected 'new' or 'new;new2'; drop(250) discards a mail");
        }
        Some(Command::ReplaceRcpt { pattern, to })
    }

    /// A name that a receiver sees of a part.
    fn file_name(&mut self, index: usize) -> Option<String> {
        let argument = self.get(index)?;
        let fits =
            (1..=100).contains(&argument.text.chars().count()) && !argument.text.contains(|c: char| c.is_control() || "/\\".contains(c));
        if fits {
            return Some(argument.text);
        }
        self.wrong(&argument.span, format!("'{}' is no file name", argument.text), "expected 1 to 100 characters without / and \\")
    }

    fn unknown<T>(&mut self, argument: &Argument, what: &str, known: &[String], otherwise: &str) -> Option<T> {
        let near = nearest(&argument.text, known.iter().map(String::as_str));
        let hint = near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean '{near}'?"));
        self.wrong(&argument.span, format!("there is no {what} '{}'", argument.text), hint)
    }
}
