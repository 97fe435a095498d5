//! `[rules]` and what rules name: templates, disclaimers, files, groups of users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Address;
use crate::plan::base64_bytes;

/// `[rules]`: the text that runs, and the generator's switches if it made the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct RulesSetting {
    /// The rule set that runs. Empty: the generator's defaults.
    pub text: String,
    /// The switches as written, JSON; `null` when the text was uploaded.
    pub generator: Option<BTreeMap<String, serde_json::Value>>,
    /// What the rule set must do; `[[rules.test]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<RuleTest>,
    /// Rules whose tests fail are not put in force.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_tests: bool,
}

/// A sample message, its envelope, and its expected way through the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTest {
    /// Its name.
    pub name: String,
    /// The message; line ends may be LF.
    pub message: String,
    /// MAIL FROM; empty is the null sender.
    #[serde(default)]
    pub from: String,
    /// RCPT TO.
    pub to: Vec<Address>,
    /// As if the client may speak for the sender.
    #[serde(default)]
    pub authenticated: bool,
    /// What must come of it.
    pub expect: Expected,
}

/// What is expected of a test; what is left out may be as it likes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Expected {
    /// `deliver`, `bounce` or `drop`; or the code of a fault, as in `rules-bad-address`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The SMTP code that the client would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Outcome by recipient.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ways: BTreeMap<String, String>,
    /// Commands with their answers that must be on the way, as in `smime_encrypted=no`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
}

/// `[[template]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name, as rules say it.
    pub name: String,
    /// Header lines, an empty line, the text.
    pub text: String,
}

/// Name of the disclaimer of domains that name no other. It can be edited, not deleted; without a row it is empty.
pub const DEFAULT_DISCLAIMER: &str = "[default]";

/// `[[disclaimer]]` (mail-gateway.md M-R5). Both texts may hold variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclaimer {
    /// Its name, as rules and domains say it.
    pub name: String,
    /// For text parts; empty: these get none.
    #[serde(default)]
    pub text: String,
    /// For HTML parts, as it stands inside `body`; empty: made of the text.
    #[serde(default)]
    pub html: String,
}

/// `[[file]]`: what `attach` appends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteFile {
    /// Its name, as rules and receivers see it.
    pub name: String,
    /// What is in it; base64 in JSON and TOML.
    #[serde(with = "base64_bytes")]
    pub content: Vec<u8>,
}

/// `[[group]]`: users of one kind, for `member_of`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name, as rules say it.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Who is in it, besides users who name it in `groups`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Address>,
}
