//! Strings with variables, and regular expressions with variables (security.md X-10).
//!
//! Before: the checker parses them once. After: the evaluator expands them for one group. A value that goes
//! into a regular expression is escaped; a `$` that begins no known name is a plain character. Expansion is
//! single: what a value holds is never expanded again.

use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// Names that the gateway itself fills in (ruleset-language.md "Form"), through [`Variables`].
///
/// `user_mail` and `user_name` have a value only when the current user has an account: the generated text
/// asks for that.
pub const VARIABLES: [&str; 17] = [
    "from",
    "header_from",
    "to",
    "header_to",
    "header_cc",
    "sender",
    "subject",
    "date",
    "mailid",
    "user_mail",
    "user_name",
    "admin",
    "connect_from",
    "vscanresult",
    "spf",
    "dkim",
    "dmarc",
];

/// Bytes that a compiled regular expression may take.
const REGEX_SIZE: usize = 1 << 20;

/// Values of the gateway's own variables, for one group.
pub trait Variables {
    /// The value for this group; `None` is written as nothing and fits nothing.
    fn get(&self, group: crate::GroupId, name: &str) -> Option<String>;

    /// The answer of a `compareattr` about one of these variables that is known already: of a replay.
    fn compared(&self, _recipients: &[usize], _written: &str) -> Option<bool> {
        None
    }
}

/// A text with the values of its variables in it, each as `written` writes it: what disclaimers are.
#[must_use]
pub fn filled(text: &str, value: &dyn Fn(&str) -> Option<String>, written: fn(&str) -> String) -> String {
    Text::parse(text, |name| VARIABLES.contains(&name) || crate::attributes::readable(name), |_| ()).expand(value, written)
}

/// No variable has a value.
impl Variables for () {
    fn get(&self, _: crate::GroupId, _: &str) -> Option<String> {
        None
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Variable(String),
}

/// A string with variables in it, not expanded yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Piece>);

impl Text {
    /// Reads `text`; `known` says whether a name is a variable. Names that are not are handed to `unknown`.
    pub(crate) fn parse(text: &str, known: impl Fn(&str) -> bool, mut unknown: impl FnMut(&str)) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            plain.push_str(before);
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, behind) = after.split_at(end);
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
            if is_name && known(name) {
                pieces.extend((!plain.is_empty()).then(|| Piece::Plain(std::mem::take(&mut plain))));
                pieces.push(Piece::Variable(name.to_owned()));
                rest = behind;
            } else {
                if is_name {
                    unknown(name);
                }
                plain.push('$');
                rest = after;
            }
        }
        plain.push_str(rest);
        pieces.extend((!plain.is_empty()).then_some(Piece::Plain(plain)));
        Self(pieces)
    }

    /// The text itself when it holds no variable.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// With the values that `value` gives, each as `written` writes it.
    pub(crate) fn expand(&self, value: &dyn Fn(&str) -> Option<String>, written: fn(&str) -> String) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Variable(name) => out.push_str(&written(&value(name).unwrap_or_default())),
            }
        }
        out
    }
}

/// A regular expression: compiled at load, or per group when it holds variables.
#[derive(Debug, Clone)]
pub struct Pattern(Source);

#[derive(Debug, Clone)]
enum Source {
    /// Shared, with the memory that searches need: a copy would take its own each time.
    Fixed(Arc<Regex>),
    Built(Text),
}

/// A regular expression that is none, or too large.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl Pattern {
    /// Compiles it, as far as it can be without values.
    pub(crate) fn new(text: Text) -> Result<Self, PatternError> {
        let trial = compile(&text.expand(&|_| Some("x".to_owned()), regex::escape))?;
        Ok(Self(if text.fixed().is_some() { Source::Fixed(Arc::new(trial)) } else { Source::Built(text) }))
    }

    /// The expression with the values in it, escaped.
    pub(crate) fn expand(&self, value: &dyn Fn(&str) -> Option<String>) -> Result<Arc<Regex>, PatternError> {
        match &self.0 {
            Source::Fixed(regex) => Ok(Arc::clone(regex)),
            Source::Built(text) => compile(&text.expand(value, regex::escape)).map(Arc::new),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Plain(text) => f.write_str(text),
            Piece::Variable(name) => write!(f, "${name}"),
        })
    }
}

/// Searched anywhere, without regard to case, in linear time, bounded in size.
fn compile(text: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .build()
        .map_err(|error| PatternError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Text {
        Text::parse(source, |name| VARIABLES.contains(&name), |_| ())
    }

    #[test]
    fn only_known_names_are_replaced_and_only_once() {
        let value = |name: &str| (name == "from").then(|| "$to".to_owned());
        let plain = |v: &str| v.to_owned();
        assert_eq!(text("a $from, 5 $ $1 $5x $nobody $$from").expand(&value, plain), "a $to, 5 $ $1 $5x $nobody $$to");
        let mut unknown = Vec::new();
        Text::parse("$froom $from $1", |name| name == "from", |name| unknown.push(name.to_owned()));
        assert_eq!(unknown, ["froom"]);
    }

    #[test]
    fn x_10_a_value_in_a_regular_expression_is_escaped() {
        let pattern = Pattern::new(text("^$from$")).unwrap();
        let with = |value: &str| {
            let value = value.to_owned();
            pattern.expand(&move |_| Some(value.clone())).unwrap()
        };
        assert!(with(".*").is_match(".*") && !with(".*").is_match("boss@company.example"));
        assert!(!with("a|b").is_match("a") && !with("(?x)").is_match(""));
        assert!(with("Bob").is_match("bOB"), "without regard to case");
    }

    #[test]
    fn x_11_regular_expressions_are_bounded() {
        assert!(Pattern::new(text(r"(\pL{1000}){1000}")).is_err());
        let huge = "x".repeat(3_000_000);
        assert!(Pattern::new(text("$from")).unwrap().expand(&move |_| Some(huge.clone())).is_err());
    }
}
