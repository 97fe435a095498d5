//! `[rules]` and the templates that rules name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[rules]`: the text that runs, and the generator's switches if it made the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct RulesSetting {
    /// The rule set that runs. Empty: the generator's defaults.
    pub text: String,
    /// The switches as written, JSON; `null` when the text was uploaded.
    pub generator: Option<BTreeMap<String, serde_json::Value>>,
}

/// `[[template]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name, as rules say it.
    pub name: String,
    /// Header lines, an empty line, the text.
    pub text: String,
}
