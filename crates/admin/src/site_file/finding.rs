//! A fault in the site file, with its place.

use std::fmt;
use std::ops::Range;

/// One fault. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Line in the file.
    pub line: usize,
    /// Column in the line.
    pub column: usize,
    /// The key or section, as in `mail.hostname` or `domain[2].forward`.
    pub key: String,
    /// What is wrong and what is expected.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Collects faults of one file.
pub(super) struct Findings<'t> {
    text: &'t str,
    pub(super) found: Vec<Finding>,
}

impl<'t> Findings<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Range<usize>, key: &str, message: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        self.found.push(Finding { line, column, key: key.to_owned(), message: message.into() });
    }
}
