//! What is wrong in a rule set, and where: plain data, and the same for a terminal (ariadne).
//!
//! Lexer, parser, checker and generator hand their findings to a `Report`; `compile` returns them. A
//! diagnostic carries the source line itself, so that whoever shows it needs no second look at the text.

use std::fmt;
use std::ops::Range;

use ariadne::{Config, Label, ReportKind, Source};

/// Most findings of one compilation; what comes after them is noise.
const FINDINGS_MAX: usize = 50;
/// Characters of a source line that are shown.
const LINE_MAX: usize = 200;

/// Whether the rule set may run in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The rule set is not taken.
    Error,
    /// The rule set is taken; somebody should look.
    Warning,
}

/// One finding. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// Name of the rule set, usually its file.
    pub file: String,
    /// Line of the fault.
    pub line: usize,
    /// Column of the fault.
    pub column: usize,
    /// Characters that are at fault, at least 1.
    pub length: usize,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What was expected, or what to do.
    pub hint: Option<String>,
    /// The line as written; a very long one is cut around the fault.
    pub source: String,
    /// Characters of the line that were cut off before `source`.
    #[serde(skip)]
    pub cut: usize,
}

impl Diagnostic {
    /// The finding with its source line, as a terminal shows it.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let kind = match self.severity {
            Severity::Error => ReportKind::Error,
            Severity::Warning => ReportKind::Warning,
        };
        let visible = self.source.chars().count();
        let start = self.column.saturating_sub(1).saturating_sub(self.cut).min(visible);
        // Empty lines before it let ariadne count to the true line.
        let above = self.line.saturating_sub(1);
        let span = (self.file.as_str(), above + start..above + (start + self.length).min(visible).max(start));
        let label = self.hint.clone().unwrap_or_else(|| "here".to_owned());
        let report = ariadne::Report::build(kind, span.clone())
            .with_config(Config::default().with_color(colour))
            .with_message(&self.message)
            .with_label(Label::new(span).with_message(label))
            .finish();
        let source = Source::from(format!("{}{}", "\n".repeat(above), self.source));
        let mut shown = Vec::new();
        match report.write((self.file.as_str(), source), &mut shown) {
            Ok(()) => String::from_utf8_lossy(&shown).into_owned(),
            Err(_) => self.one_line(),
        }
    }

    /// `file:line:column: error: message (hint)`, for logs and JSON errors.
    #[must_use]
    pub fn one_line(&self) -> String {
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let hint = self.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{}:{}: {kind}: {}{hint}", self.file, self.line, self.column, self.message)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Collects the findings of one compilation.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
    found: Vec<Diagnostic>,
    failed: bool,
}

impl<'a> Report<'a> {
    /// For the rule set `file` with this text.
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, line_starts, found: Vec::new(), failed: false }
    }

    /// Notes an error at these bytes of the text.
    pub(crate) fn error(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.failed = true;
        self.note(span, Severity::Error, message.into(), hint);
    }

    /// Notes a warning at these bytes of the text.
    pub(crate) fn warning(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.note(span, Severity::Warning, message.into(), hint);
    }

    /// Line of a byte of the text, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at).max(1)
    }

    /// True after the first error.
    pub(crate) const fn failed(&self) -> bool {
        self.failed
    }

    /// The findings in the order of the text, errors first on one place.
    pub(crate) fn into_found(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| (d.line, d.column, d.severity == Severity::Warning));
        self.found
    }

    fn note(&mut self, span: &Range<usize>, severity: Severity, message: String, hint: Option<String>) {
        if self.found.len() >= FINDINGS_MAX {
            return;
        }
        let start = floor(self.text, span.start);
        let line = self.line(start);
        let line_start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let whole = self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let before = self.text.get(line_start..start).map_or(0, |t| t.chars().count());
        let end = floor(self.text, span.end.max(start)).min(line_start + whole.len()).max(start);
        let length = self.text.get(start..end).map_or(1, |t| t.chars().count()).clamp(1, LINE_MAX);
        let cut = if whole.chars().count() > LINE_MAX { before.saturating_sub(LINE_MAX / 2) } else { 0 };
        let source = whole.chars().skip(cut).take(LINE_MAX).collect();
        let file = self.file.to_owned();
        self.found.push(Diagnostic { file, line, column: before + 1, length, severity, message, hint, source, cut });
    }
}

/// The nearest of the known names, if one is near enough to be meant; compared without case.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = name.to_lowercase();
    let allowed = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_its_line_and_points_into_it() {
        let text = "drop();\n  dröp(1);\n";
        let mut report = Report::new("own.rules", text);
        let at = text.find("dröp").unwrap();
        report.error(&(at..at + "dröp".len()), "unknown command", Some("did you mean drop?".into()));
        let found = report.into_found();
        let d = &found[0];
        assert_eq!((d.line, d.column, d.length, d.source.as_str()), (2, 3, 4, "  dröp(1);"));
        let shown = d.to_string();
        assert!(shown.contains("own.rules:2:3") && shown.contains("dröp(1);") && shown.contains("did you mean drop?"), "{shown}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_fault() {
        let text = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let mut report = Report::new("f", &text);
        report.error(&(5000..5001), "here", None);
        let found = report.into_found();
        assert_eq!(found[0].column, 5001);
        assert!(found[0].source.len() <= LINE_MAX && found[0].source.contains("aXb"));
        assert!(found[0].to_string().contains("aXb"));
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("encrypt_smim", ["encrypt_smime", "drop"]), Some("encrypt_smime"));
        assert_eq!(nearest("frobnicate", ["encrypt_smime", "drop"]), None);
    }
}
