//! The generator's switches: names, defaults and kinds (contract.md `[rules.generator]`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::attributes::ATTRIBUTES;
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::text::VARIABLES;

/// Subject text of mail that could not be scanned (`virus_unscanned = "tag"`).
pub(super) const UNSCANNED: &str = "[unscanned]";
/// Longest text of a tag.
const TAG_MAX: usize = 100;

/// What a switch holds, with its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A subject text; empty is off.
    Tag(&'static str),
    /// On or off.
    Flag(bool),
    /// One of these words; the first is not always the default.
    Word(&'static str, &'static [&'static str]),
    /// A number.
    Number(i64),
    /// An address; empty is off.
    Address,
    /// Rule text.
    Rules,
    /// Any text.
    Free,
}

/// Whether this version can carry the switch out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its commands exist.
    Built,
    /// Its commands don't exist. On by default, or a detail of one that is off: named, not refused.
    LeftOut,
    /// Its commands don't exist: switching it on is refused.
    Refused,
}

/// One switch.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// The key.
    pub key: &'static str,
    /// Kind and default.
    pub kind: Kind,
    /// Built or not.
    pub state: State,
}

const fn built(key: &'static str, kind: Kind) -> Switch {
    Switch { key, kind, state: State::Built }
}

const fn left_out(key: &'static str, kind: Kind) -> Switch {
    Switch { key, kind, state: State::LeftOut }
}

const fn refused(key: &'static str, kind: Kind) -> Switch {
    Switch { key, kind, state: State::Refused }
}

/// All switches, in the order of the specification.
pub const SWITCHES: &[Switch] = &[
    built("no_touch_tag", Kind::Tag("")),
    built("disclaimer_outgoing", Kind::Flag(false)),
    built("disclaimer_replies", Kind::Flag(false)),
    built("reprocess", Kind::Flag(false)),
    built("log_subject", Kind::Flag(false)),
    built("user_creation", Kind::Word("on_use", &["manual", "on_use", "all"])),
    built("in_tag_decrypted", Kind::Tag("[secure]")),
    built("in_set_confidential", Kind::Flag(false)),
    built("in_reject_undecryptable", Kind::Flag(true)),
    built("out_encrypt_tag", Kind::Tag("[secure]")),
    built("out_encrypt_confidential", Kind::Flag(true)),
    left_out("out_webmail_tag", Kind::Tag("[webmail]")),
    left_out("out_webmail_private", Kind::Flag(false)),
    left_out("out_webmail_emptypw_tag", Kind::Tag("[emptypw]")),
    left_out("out_webmail_zip_tag", Kind::Tag("[owa]")),
    built("out_always_keys", Kind::Flag(true)),
    refused("out_always_webmail", Kind::Flag(false)),
    built("out_no_encrypt_tag", Kind::Tag("")),
    built("in_tag_sig_ok", Kind::Tag("[signed OK]")),
    built("in_tag_sig_bad", Kind::Tag("[signed INVALID]")),
    built("in_strip_sig_ok", Kind::Flag(false)),
    built("in_strip_sig_bad", Kind::Flag(false)),
    built("out_sign_tag", Kind::Tag("[sign]")),
    built("out_sign_all", Kind::Flag(true)),
    built("out_no_sign_tag", Kind::Tag("[nosign]")),
    built("out_sign_calendar", Kind::Flag(false)),
    built("out_sign_domain_tag", Kind::Tag("")),
    built("out_sign_domain_all", Kind::Flag(false)),
    built("domain_cert", Kind::Address),
    built("name_prefix", Kind::Free),
    built("name_suffix", Kind::Free),
    built("new_user_pgp", Kind::Flag(false)),
    refused("new_user_smime", Kind::Flag(false)),
    refused("new_user_external_ca", Kind::Flag(false)),
    refused("new_user_defer", Kind::Flag(false)),
    built("virus_check", Kind::Flag(false)),
    built("virus_to", Kind::Address),
    built("virus_check_outgoing", Kind::Flag(false)),
    built("virus_unscanned", Kind::Word("pass", &["pass", "tag", "refuse"])),
    built("spam_check", Kind::Flag(false)),
    built("spam_tag", Kind::Tag("[SPAM]")),
    built("spam_tag_level", Kind::Number(6)),
    built("spam_redirect", Kind::Flag(false)),
    built("spam_to", Kind::Address),
    built("spam_drop_level", Kind::Number(15)),
    built("archive_to", Kind::Address),
    built("custom_incoming", Kind::Rules),
    built("custom_outgoing", Kind::Rules),
    built("custom_user_creation", Kind::Rules),
    built("reinject", Kind::Flag(false)),
    built("queueless", Kind::Flag(false)),
];

impl Kind {
    /// The default as JSON.
    #[must_use]
    pub fn default_value(self) -> Value {
        match self {
            Self::Tag(text) | Self::Word(text, _) => Value::from(text),
            Self::Flag(on) => Value::from(on),
            Self::Number(n) => Value::from(n),
            Self::Address | Self::Rules | Self::Free => Value::from(""),
        }
    }
}

/// All switches with their values.
#[derive(Debug, Clone)]
pub(super) struct Switches(BTreeMap<&'static str, Value>);

impl Switches {
    /// Takes what is given and the defaults for the rest.
    pub(super) fn read(given: &BTreeMap<String, Value>) -> Result<Self, Vec<Diagnostic>> {
        let mut values: BTreeMap<&'static str, Value> = SWITCHES.iter().map(|s| (s.key, s.kind.default_value())).collect();
        let mut wrong = Vec::new();
        for (key, value) in given {
            let Some(switch) = SWITCHES.iter().find(|s| s.key == key) else {
                let near = nearest(key, SWITCHES.iter().map(|s| s.key));
                wrong.push(fault(key, value, format!("there is no switch `{key}`"), near.map(|near| format!("did you mean `{near}`?"))));
                continue;
            };
            if let Err(expected) = fits(switch.kind, value) {
                wrong.push(fault(key, value, format!("`{key}` has a value that it can't have"), Some(expected)));
            } else if switch.state == State::Refused && *value != switch.kind.default_value() {
                let hint = "leave it out, or give its default".to_owned();
                wrong.push(fault(key, value, format!("{key} is not available yet"), Some(hint)));
            } else {
                values.insert(switch.key, value.clone());
            }
        }
        let read = Self(values);
        if (read.on("out_sign_domain_tag") || read.on("out_sign_domain_all")) && !read.on("domain_cert") {
            let (key, hint) = ("domain_cert", "expected the address that the domain certificate was made for".to_owned());
            wrong.push(fault(key, &Value::from(""), "a company signature needs a domain certificate".to_owned(), Some(hint)));
        }
        if wrong.is_empty() { Ok(read) } else { Err(wrong) }
    }

    /// The text of a switch; empty is off.
    pub(super) fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// How what is done is sent on. Back to its server comes before queueless: there the queue is that server's.
    pub(super) fn deliver(&self) -> &'static str {
        match (self.on("reinject"), self.on("queueless")) {
            (true, _) => r#"deliver("loop");"#,
            (false, true) => r#"deliver("queueless");"#,
            (false, false) => "deliver();",
        }
    }

    /// Is it on?
    pub(super) fn on(&self, key: &str) -> bool {
        match self.0.get(key) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(text)) => !text.is_empty(),
            _ => false,
        }
    }

    /// The number of a switch.
    pub(super) fn number(&self, key: &str) -> i64 {
        self.0.get(key).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Switches that are on and can't be carried out.
    pub(super) fn left_out(&self) -> Vec<String> {
        let on = |s: &&Switch| s.state == State::LeftOut && self.on(s.key);
        SWITCHES.iter().filter(on).map(|s| s.key.to_owned()).collect()
    }

    /// Subject texts that command us, built or not (X-6).
    pub(super) fn commands(&self) -> Vec<&str> {
        const COMMANDS: [&str; 9] = [
            "no_touch_tag",
            "out_encrypt_tag",
            "out_webmail_tag",
            "out_webmail_emptypw_tag",
            "out_webmail_zip_tag",
            "out_no_encrypt_tag",
            "out_sign_tag",
            "out_no_sign_tag",
            "out_sign_domain_tag",
        ];
        COMMANDS.iter().map(|key| self.text(key)).filter(|tag| !tag.is_empty()).collect()
    }

    /// Subject texts that say what we found out; nobody else may set them.
    pub(super) fn verdicts(&self) -> Vec<&str> {
        let mut all = vec![self.text("in_tag_sig_ok"), self.text("in_tag_sig_bad")];
        if self.on("spam_check") {
            all.push(self.text("spam_tag"));
        }
        if self.on("virus_check") && self.text("virus_unscanned") == "tag" {
            all.push(UNSCANNED);
        }
        all.retain(|tag| !tag.is_empty());
        all
    }
}

fn fits(kind: Kind, value: &Value) -> Result<(), String> {
    let text = || value.as_str().ok_or_else(|| "expected a text in quotes".to_owned());
    match kind {
        Kind::Flag(_) => value.as_bool().map(drop).ok_or_else(|| "expected true or false".to_owned()),
        Kind::Number(_) => {
            value.as_i64().filter(|n| (0..=1000).contains(n)).map(drop).ok_or_else(|| "expected a number from 0 to 1000".to_owned())
        }
        Kind::Word(_, words) => match text()? {
            word if words.contains(&word) => Ok(()),
            _ => Err(format!("expected one of {}", words.join(", "))),
        },
        Kind::Address => match text()? {
            "" => Ok(()),
            address => model::Address::parse(address).map(drop).map_err(|error| error.to_string()),
        },
        Kind::Tag(_) | Kind::Free => tag_fits(text()?),
        Kind::Rules => text().map(drop),
    }
}

/// A tag must be writable as a string of the language, and mean itself.
fn tag_fits(tag: &str) -> Result<(), String> {
    let variable = VARIABLES.iter().chain(&ATTRIBUTES).any(|name| tag.contains(&format!("${name}")));
    if tag.chars().count() > TAG_MAX {
        return Err(format!("expected at most {TAG_MAX} characters"));
    }
    if tag.chars().any(char::is_control) || (tag.trim().is_empty() && !tag.is_empty()) {
        return Err("expected visible characters".to_owned());
    }
    if tag.ends_with('\\') || variable {
        return Err("expected a text without variables that does not end in a backslash".to_owned());
    }
    Ok(())
}

pub(super) fn fault(key: &str, value: &Value, message: String, hint: Option<String>) -> Diagnostic {
    let (line, column, cut) = (1, 1, 0);
    let source = format!("{key} = {value}").lines().next().unwrap_or_default().chars().take(200).collect();
    let (file, length) = ("[rules.generator]".to_owned(), key.chars().count().max(1));
    Diagnostic { file, line, column, length, severity: Severity::Error, message, hint, source, cut }
}
