//! Writes rule text: indentation, comments, strings, subject texts as regular expressions.

/// Rule text under construction.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    /// One line of rule text.
    pub(super) fn line(&mut self, line: &str) {
        if !line.is_empty() {
            self.text.push_str(&"    ".repeat(self.depth));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// A comment.
    pub(super) fn note(&mut self, note: &str) {
        self.line(&format!("# {note}"));
    }

    /// An empty line and a comment.
    pub(super) fn section(&mut self, note: &str) {
        self.line("");
        self.note(note);
    }

    /// `head {` … `}`.
    pub(super) fn block(&mut self, head: &str, inside: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.inner(inside);
        self.line("}");
    }

    /// `head {` … `} else {` … `}`.
    pub(super) fn either(&mut self, head: &str, inside: impl FnOnce(&mut Self), otherwise: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.inner(inside);
        self.line("} else {");
        self.inner(otherwise);
        self.line("}");
    }

    /// Rule text of the administrator, as it is.
    pub(super) fn custom(&mut self, title: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.section(title);
        for line in text.lines() {
            self.line(line.trim_end());
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn inner(&mut self, inside: impl FnOnce(&mut Self)) {
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }
}

/// A string of the language. Backslashes stand as written, so a quote is all that needs one.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut after_backslash = false;
    for sign in text.chars() {
        if sign == '"' || (sign == '\'' && after_backslash) {
            out.push('\\');
        }
        out.push(sign);
        after_backslash = sign == '\\';
    }
    out.push('"');
    out
}

/// `compare("subject", "substitute", …)` that removes any of these texts with the blanks before them.
///
/// All of them in one expression: removed one after the other, one could be built from the rest of another.
/// Blanks inside a text fit any blanks and none: `[signedOK]` and `[signed  OK]` read like `[signed OK]`.
pub(super) fn take_from_subject(tags: &[&str]) -> String {
    let loose = |tag: &&str| tag.split_whitespace().map(regex::escape).collect::<Vec<_>>().join(r"\s*");
    let escaped: Vec<_> = tags.iter().map(loose).collect();
    let pattern = match escaped.as_slice() {
        [only] => format!(r"\s*{only}"),
        several => format!(r"\s*(?:{})", several.join("|")),
    };
    format!(r#"compare("subject", "substitute", {})"#, quoted(&pattern))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuiltIn, compile};

    #[test]
    fn every_text_survives_being_written_and_read() {
        for text in ["plain", r"it's", r#"say "hi""#, r"\'", r#"\""#, r"a\\b", r"\[x\]", "#no comment", "", "ü [signiert ✓]"] {
            let source = format!("tag_subject({});", quoted(text));
            let (rules, found) = compile("t", &source, &BuiltIn).unwrap();
            assert!(found.is_empty());
            let mut evaluation = crate::Evaluation::new(rules, 1);
            let crate::Step::Ask(ask) = evaluation.step(&()) else { panic!() };
            let crate::Command::TagSubject { text: read } = ask.command else { panic!() };
            assert_eq!(read, text);
        }
    }
}
