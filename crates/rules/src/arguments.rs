//! The arguments of one call, each checked for its kind and turned into the command's own type.

mod named;

use std::collections::BTreeSet;
use std::ops::Range;

use message::file_type::{Selection, SelectionError};
use model::{Address, NewKey};

use crate::attributes;
use crate::command::{Action, Command, Comparison, Coverage, Ending, Receiver, ScanMode, Sensitivity};
use crate::diagnostic::{Report, nearest};
use crate::names::Names;
use crate::parser::{Argument, Call};
use crate::table::Entry;
use crate::text::{Pattern, Text, VARIABLES};

/// Default of `drop()`.
const DROP_DEFAULT: (u16, &str) = (555, "mail NOT accepted");

/// Highest score that a rule may name.
const SCORE_MAX: u32 = 1_000;

/// One call under check.
pub(crate) struct Arguments<'a, 's> {
    pub(crate) call: &'a Call,
    pub(crate) entry: &'static Entry,
    pub(crate) names: &'a dyn Names,
    /// Is this a variable that may be read?
    pub(crate) known: &'a dyn Fn(&str) -> bool,
    /// Variables that this rule set sets.
    pub(crate) own: &'a BTreeSet<String>,
    pub(crate) report: &'a mut Report<'s>,
}

impl Arguments<'_, '_> {
    /// The command, or `None` when something was wrong and was reported.
    pub(crate) fn action(&mut self) -> Option<Action> {
        let ask = match self.entry.name {
            "bounce" => return Some(Action::End(Ending::Bounce { template: self.template(0)?, headers: self.boolean(1, false)? })),
            "deliver" => return self.deliver(),
            "drop" => return self.drop(),
            "reprocess" => return Some(Action::End(Ending::Reprocess)),
            "setvar" => return self.setvar(),
            "add_report" => self.add_report()?,
            "attach" => self.attach()?,
            "disclaimer" => self.disclaimer()?,
            "ldap_compare" => self.ldap_compare()?,
            "ldap_read" => self.ldap_read()?,
            "member_of" => self.member_of()?,
            "replace_rcpt" => self.replace_rcpt()?,
            "setuserattr" => self.setuserattr()?,
            "compareattr" => return self.compareattr(),
            "archive" => Command::Archive { address: self.address(0)? },
            "authenticated" => Command::Authenticated { header: self.header_word()? },
            "compare" => Command::Compare { header: self.field_name(0, false)?, how: self.comparison(&["equal", "match", "substitute"])? },
            "comparebody" => Command::CompareBody { pattern: self.pattern(0)? },
            "createaccount" => self.createaccount()?,
            "createkeys" => self.createkeys()?,
            "attachpgpkey" => Command::AttachPgpKey,
            "decrypt_pgp" => Command::DecryptPgp,
            "encrypt_pgp" => self.encrypt_pgp()?,
            "pgp_encrypted" => Command::PgpEncrypted,
            "pgp_key_known" => Command::PgpKeyKnown,
            "pgp_keys_avail" => Command::PgpKeysAvail { mode: self.coverage()? },
            "pgp_signed" => Command::PgpSigned,
            "decrypt_smime" => Command::DecryptSmime,
            "delete_pgp_sig" => Command::DeletePgpSig,
            "delete_smime_sig" => Command::DeleteSmimeSig,
            "encrypt_smime" => Command::EncryptSmime,
            "has_smime_key" => Command::HasSmimeKey,
            "incoming" => Command::Incoming,
            "iscalendar" => Command::IsCalendar,
            "log" => Command::Log { level: u8::try_from(self.number(0, 0, 7)?).ok()?, text: self.text(1)? },
            "autoreply" => {
                let template = self.template(0)?;
                let fields = self.given(1).map_or_else(|| Some(Vec::new()), |list| self.notice_fields(&list))?;
                Command::Autoreply { template, fields }
            }
            "notify" => self.notify()?,
            "partoftype" => self.partoftype()?,
            "rmatch" => Command::RMatch { pattern: self.pattern(0)? },
            "rmatchsplit" => Command::RMatchSplit { pattern: self.pattern(0)? },
            "rmheader" => Command::RmHeader { name: self.field_name(0, true)? },
            "setheader" => Command::SetHeader { name: self.field_name(0, true)?, text: self.text(1)? },
            "set_sensitivity" => Command::SetSensitivity { value: self.sensitivity()? },
            "sign_smime" => self.sign_smime()?,
            "smime_encrypted" => Command::SmimeEncrypted,
            "smime_key_known" => Command::SmimeKeyKnown,
            "smime_keys_avail" => Command::SmimeKeysAvail { mode: self.coverage()? },
            "smime_signed" => Command::SmimeSigned,
            "tag_subject" => Command::TagSubject { text: self.text(0)? },
            "isspam" => self.isspam()?,
            "vscan" => self.vscan()?,
            "validate_smime_sig" => Command::ValidateSmimeSig { save: self.boolean(0, true)? },
            other => {
                let span = self.call.name_span.clone();
                self.report.error(&span, format!("{other} is not available yet"), None);
                return None;
            }
        };
        Some(Action::Ask(ask))
    }

    fn get(&self, index: usize) -> Option<Argument> {
        self.call.arguments.get(index).cloned()
    }

    /// The argument unless it is left out or `''`, which keeps a place.
    fn given(&self, index: usize) -> Option<Argument> {
        self.get(index).filter(|argument| !argument.text.is_empty())
    }

    fn wrong<T>(&mut self, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Option<T> {
        self.report.error(span, message, Some(hint.into()));
        None
    }

    fn text(&mut self, index: usize) -> Option<Text> {
        self.get(index).map(|argument| self.parse_text(&argument.text, &argument.span))
    }

    fn parse_text(&mut self, text: &str, span: &Range<usize>) -> Text {
        let mut unknown = Vec::new();
        let parsed = Text::parse(text, self.known, |name| unknown.push(name.to_owned()));
        for name in unknown {
            let near = nearest(&name, VARIABLES.iter().copied().chain(self.own.iter().map(String::as_str)));
            let hint = near.map_or_else(|| "it stays as it is written".to_owned(), |near| format!("did you mean `${near}`?"));
            self.report.warning(span, format!("there is no variable `${name}`"), Some(hint));
        }
        parsed
    }

    fn pattern(&mut self, index: usize) -> Option<Pattern> {
        let argument = self.get(index)?;
        let text = self.parse_text(&argument.text, &argument.span);
        match Pattern::new(text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let cause = error.to_string();
                let last = cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.wrong(&argument.span, "this is no regular expression that can be used", last)
            }
        }
    }

    fn choice(&mut self, index: usize, words: &[&'static str]) -> Option<&'static str> {
        let argument = self.get(index)?;
        let found = words.iter().copied().find(|word| word.eq_ignore_ascii_case(&argument.text));
        if found.is_some() {
            return found;
        }
        let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        self.wrong(&argument.span, format!("'{}' is none of the words allowed here", argument.text), format!("expected one of {list}"))
    }

    fn boolean(&mut self, index: usize, default: bool) -> Option<bool> {
        let Some(argument) = self.given(index) else { return Some(default) };
        let value = boolean_word(&argument.text);
        value.or_else(|| {
            self.wrong(&argument.span, format!("'{}' is no Boolean", argument.text), "expected 'true', 'yes', 1, 'false', 'no' or 0")
        })
    }

    fn coverage(&mut self) -> Option<Coverage> {
        Some(if self.choice(0, &["strict", "auto"])? == "auto" { Coverage::Auto } else { Coverage::Strict })
    }

    fn encrypt_pgp(&mut self) -> Option<Command<Text, Pattern>> {
        let sign = self.boolean(0, false)?;
        let address = match self.given(1) {
            Some(_) => Some(self.address(1)?),
            None => None,
        };
        Some(Command::EncryptPgp { sign, address })
    }

    fn number(&mut self, index: usize, least: u32, most: u32) -> Option<u32> {
        let argument = self.get(index)?;
        let value = argument.text.parse().ok().filter(|n| (least..=most).contains(n));
        value.or_else(|| {
            self.wrong(&argument.span, format!("'{}' is out of range", argument.text), format!("expected a number from {least} to {most}"))
        })
    }

    fn template(&mut self, index: usize) -> Option<String> {
        let argument = self.get(index)?;
        if self.names.template(&argument.text) {
            return Some(argument.text);
        }
        let all = self.names.templates();
        let hint = nearest(&argument.text, all.iter().map(String::as_str))
            .map_or_else(|| format!("templates: {}", all.join(", ")), |near| format!("did you mean '{near}'?"));
        self.wrong(&argument.span, format!("there is no template '{}'", argument.text), hint)
    }

    /// A field's name; `changing` refuses those that rules may not touch.
    fn field_name(&mut self, index: usize, changing: bool) -> Option<String> {
        let argument = self.get(index)?;
        let name = argument.text.trim_end_matches(':').trim().to_owned();
        self.check_field_name(&name, changing, &argument.span).then_some(name)
    }

    fn check_field_name(&mut self, name: &str, changing: bool, span: &Range<usize>) -> bool {
        // RFC 5322 §2.2: printable US-ASCII without the colon.
        if name.is_empty() || name.len() > 76 || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return self
                .wrong::<()>(span, format!("'{name}' is no header field name"), "expected printable ASCII without spaces and colons")
                .is_some();
        }
        let lower = name.to_ascii_lowercase();
        let ours = lower.starts_with("content-") || lower == "mime-version" || lower.starts_with("x-sealgate-");
        if changing && ours {
            return self
                .wrong::<()>(
                    span,
                    format!("rules may not change the field `{name}`"),
                    "Content-*, MIME-Version and X-Sealgate-* are the gateway's",
                )
                .is_some();
        }
        true
    }

    fn address(&mut self, index: usize) -> Option<Text> {
        let argument = self.get(index)?;
        let text = self.parse_text(&argument.text, &argument.span);
        if let Some(fixed) = text.fixed()
            && let Err(error) = Address::parse(fixed)
        {
            return self.wrong(&argument.span, format!("'{fixed}' is no mail address"), error.to_string());
        }
        Some(text)
    }

    /// Operator (second argument) and value (third).
    fn comparison(&mut self, operators: &[&'static str]) -> Option<Comparison<Text, Pattern>> {
        let operator = self.choice(1, operators)?;
        let value = self.get(2)?;
        if value.text.is_empty() {
            self.report.warning(&value.span, "an empty value fits everything: the answer is always yes", None);
            return Some(Comparison::Anything);
        }
        Some(match operator {
            "equal" => Comparison::Equal(self.text(2)?),
            "match" => Comparison::Match(self.pattern(2)?),
            _ => Comparison::Substitute(self.pattern(2)?),
        })
    }

    fn compareattr(&mut self) -> Option<Action> {
        let argument = self.get(0)?;
        let name = argument.text.trim_start_matches('$').to_owned();
        let attribute = attributes::attribute(&name) == Some(&name) && name != attributes::USER_PASSWORD;
        if !attribute && !(self.known)(&name) {
            let near = nearest(&name, VARIABLES.iter().copied().chain(self.own.iter().map(String::as_str)));
            let hint = near.map_or_else(|| "no setvar of this rule set sets it".to_owned(), |near| format!("did you mean '{near}'?"));
            return self.wrong(&argument.span, format!("there is no variable '{name}'"), hint);
        }
        Some(Action::CompareAttr { name, how: self.comparison(&["equal", "match"])? })
    }

    fn setvar(&mut self) -> Option<Action> {
        Some(Action::SetVar { name: self.variable(0)?, value: self.text(1)? })
    }

    /// A name that rules may give a variable.
    fn variable(&mut self, index: usize) -> Option<String> {
        let argument = self.get(index)?;
        let name = argument.text.clone();
        let well_formed =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !well_formed {
            return self.wrong(
                &argument.span,
                format!("'{name}' is no name of a variable"),
                "expected a letter, then letters, digits and _",
            );
        }
        if VARIABLES.contains(&name.as_str()) {
            return self.wrong(&argument.span, format!("`${name}` is set by the gateway"), "choose another name");
        }
        Some(name)
    }

    fn header_word(&mut self) -> Option<bool> {
        let Some(argument) = self.given(0) else { return Some(false) };
        if argument.text.eq_ignore_ascii_case("header") || argument.text == "1" {
            return Some(true);
        }
        self.wrong(&argument.span, format!("'{}' is none of the words allowed here", argument.text), "expected 'header', or no argument")
    }

    fn sensitivity(&mut self) -> Option<Sensitivity> {
        Some(match self.choice(0, &["confidential", "private", ""])? {
            "confidential" => Sensitivity::Confidential,
            "private" => Sensitivity::Private,
            _ => Sensitivity::Removed,
        })
    }

    fn createaccount(&mut self) -> Option<Command<Text, Pattern>> {
        let keys = match self.given(0) {
            Some(bits) if !bits.is_integer && bits.text.parse::<u32>().is_err() => {
                return self.wrong(&bits.span, "the bits come first", self.entry.usage);
            }
            Some(_) => self.new_keys(0)?,
            None => Vec::new(),
        };
        let user_id = self.given(1).map(|argument| self.parse_text(&argument.text, &argument.span));
        let name = self.given(2).map(|argument| self.parse_text(&argument.text, &argument.span));
        Some(Command::CreateAccount { keys, user_id, name })
    }

    fn createkeys(&mut self) -> Option<Command<Text, Pattern>> {
        let keys = self.new_keys(1)?;
        let go_on = self.given(1).is_some() && self.choice(1, &["continue"])? == "continue";
        Some(Command::CreateKeys { keys, go_on })
    }

    /// Kinds of keys by their bits, the first argument.
    fn new_keys(&mut self, least: u32) -> Option<Vec<NewKey>> {
        let most = NewKey::ALL.iter().map(|kind| kind.bit()).sum();
        let (bits, span) = (self.number(0, least, most)?, self.get(0)?.span);
        let wanted: Vec<NewKey> = NewKey::ALL.into_iter().filter(|kind| bits & kind.bit() != 0).collect();
        if let Some(lacking) = wanted.iter().find(|kind| !kind.built()) {
            let hint = format!("leave out bit {}", lacking.bit());
            return self.wrong(&span, format!("{} are not available yet", lacking.described()), hint);
        }
        Some(wanted)
    }

    fn sign_smime(&mut self) -> Option<Command<Text, Pattern>> {
        let Some(certificate) = self.get(0) else { return Some(Command::SignSmime) };
        let name = self.parse_text(&certificate.text, &certificate.span);
        if let Some(fixed) = name.fixed()
            && let Err(error) = Address::parse(fixed)
        {
            let hint = format!("expected the address that the certificate was made for: {error}");
            return self.wrong(&certificate.span, format!("'{fixed}' names no domain certificate"), hint);
        }
        let mut affix =
            |index: usize| self.given(index).map(|argument| self.parse_text(&argument.text, &argument.span)).unwrap_or_default();
        let (prefix, suffix) = (affix(1), affix(2));
        Some(Command::SignCompany { certificate: name, prefix, suffix })
    }

    fn partoftype(&mut self) -> Option<Command<Text, Pattern>> {
        let argument = self.get(0)?;
        let types = match Selection::parse(&argument.text) {
            Ok(types) => types,
            Err(error) => {
                let near = match &error {
                    SelectionError::Unknown(name) => nearest(name, Selection::names()),
                    SelectionError::Empty => None,
                };
                let hint = near.map_or_else(
                    || "expected types, groups or MIME types, separated by commas; '!' before one excludes it".to_owned(),
                    |near| format!("did you mean '{near}'?"),
                );
                return self.wrong(&argument.span, error.to_string(), hint);
            }
        };
        let delete = self.given(1).is_some() && self.choice(1, &["info", "delete"])? == "delete";
        Some(Command::PartOfType { types, delete, archives: self.boolean(2, false)? })
    }

    fn vscan(&mut self) -> Option<Command<Text, Pattern>> {
        let mode = match self.choice(0, &["info", "clean", "delete"])? {
            "info" => ScanMode::Info,
            "clean" => {
                let span = self.get(0)?.span;
                let hint = "the infected part is replaced by a notice, as with 'delete'";
                self.report.warning(&span, "no scanner gives back what it has cleaned", Some(hint.to_owned()));
                ScanMode::Delete
            }
            _ => ScanMode::Delete,
        };
        let archives = self.boolean(1, true)?;
        self.scanner("clamd")?;
        Some(Command::VScan { mode, archives })
    }

    fn isspam(&mut self) -> Option<Command<Text, Pattern>> {
        let (mark, tag, reject) = (self.number(0, 0, SCORE_MAX)?, self.text(1)?, self.number(2, 0, SCORE_MAX)?);
        self.scanner("rspamd")?;
        Some(Command::IsSpam { mark, tag, reject })
    }

    /// The command has somebody to ask.
    fn scanner(&mut self, key: &str) -> Option<()> {
        if self.names.scanner(self.entry.name) {
            return Some(());
        }
        let (span, name) = (self.call.name_span.clone(), self.entry.name);
        self.wrong(&span, format!("`{name}` has no scanner to ask"), format!("set {key} in [protection]"))
    }

    fn notify(&mut self) -> Option<Command<Text, Pattern>> {
        let to = match self.get(0)?.text.as_str() {
            "sender" => Receiver::Sender,
            "admin" => Receiver::Admin,
            _ => Receiver::Address(self.address(0)?),
        };
        let template = self.template(1)?;
        let third = self.given(2);
        let (headers, list) = match third.as_ref().and_then(|argument| boolean_word(&argument.text)) {
            Some(headers) => (headers, self.given(3)),
            None if third.is_some() && self.given(3).is_none() => (false, third),
            None if third.is_some() => (self.boolean(2, false)?, None),
            None => (false, self.given(3)),
        };
        let fields = match list {
            Some(list) => self.notice_fields(&list)?,
            None => Vec::new(),
        };
        Some(Command::Notify { to, template, headers, fields })
    }

    /// `H: v;H2: v`; a `;` inside quotes doesn't separate. From, Reply-To, Subject and `X-…` only.
    fn notice_fields(&mut self, list: &Argument) -> Option<Vec<(String, Text)>> {
        let mut fields = Vec::new();
        for item in split_quoted(&list.text) {
            let Some((name, value)) = item.split_once(':') else {
                return self.wrong(&list.span, format!("'{}' is no header line", item.trim()), "expected \"Name: value;Name: value\"");
            };
            let (name, lower) = (name.trim(), name.trim().to_ascii_lowercase());
            if !self.check_field_name(name, true, &list.span) {
                return None;
            }
            if !(matches!(lower.as_str(), "from" | "reply-to" | "subject") || lower.starts_with("x-")) {
                return self.wrong(
                    &list.span,
                    format!("a notice may not set the field `{name}`"),
                    "expected From, Reply-To, Subject or X-…",
                );
            }
            let value = self.parse_text(value.trim(), &list.span);
            fields.push((name.to_owned(), value));
        }
        Some(fields)
    }

    fn deliver(&mut self) -> Option<Action> {
        let Some(argument) = self.given(0) else { return Some(Action::End(Ending::Deliver { server: None })) };
        let lower = argument.text.to_ascii_lowercase();
        if lower == "loop" || lower == "queueless" {
            let text = self.parse_text(&lower, &argument.span);
            return Some(Action::End(Ending::Deliver { server: Some(text) }));
        }
        let text = self.parse_text(&argument.text, &argument.span);
        if let Some(fixed) = text.fixed()
            && let Err(expected) = self.names.server(fixed)
        {
            return self.wrong(&argument.span, format!("'{fixed}' is no server"), expected);
        }
        Some(Action::End(Ending::Deliver { server: Some(text) }))
    }

    fn drop(&mut self) -> Option<Action> {
        let code = match self.given(0) {
            None => DROP_DEFAULT.0,
            Some(argument) => {
                let code = argument.text.parse::<u16>().ok().filter(|code| *code == 250 || (400..600).contains(code));
                match code {
                    Some(code) => code,
                    None => {
                        return self.wrong(
                            &argument.span,
                            format!("'{}' is no code for a refusal", argument.text),
                            "expected 400 to 599, or 250",
                        );
                    }
                }
            }
        };
        let text = match self.given(1) {
            Some(argument) => self.parse_text(&argument.text, &argument.span),
            None => Text::parse(DROP_DEFAULT.1, |_| false, |_| ()),
        };
        Some(Action::End(Ending::Drop { code, text }))
    }
}

fn boolean_word(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn split_quoted(list: &str) -> Vec<&str> {
    let (mut items, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, sign) in list.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            ';' if !quoted => {
                items.extend(list.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    items.extend(list.get(start..));
    items.retain(|item| !item.trim().is_empty());
    items
}
