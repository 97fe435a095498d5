//! A checked rule set, and the one way to get one.

use std::sync::Arc;

use crate::check::{self, Program};
use crate::command::{Action, Command};
use crate::diagnostic::{Diagnostic, Report};
use crate::names::Names;
use crate::{lexer, parser};

/// Largest text of a rule set.
const TEXT_MAX: usize = 1 << 20;

/// A rule set that can run. It holds no error; regular expressions are compiled.
#[derive(Debug)]
pub struct RuleSet {
    name: String,
    text: String,
    pub(crate) program: Program,
}

impl RuleSet {
    /// Its name, usually the file's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may have scanned, on whatever path.
    #[must_use]
    pub fn scans(&self) -> Scans {
        let mut scans = Scans::default();
        for step in &self.program.steps {
            match &step.action {
                Action::Ask(Command::VScan { .. }) => scans.virus = true,
                Action::Ask(Command::IsSpam { .. }) => scans.spam = true,
                _ => {}
            }
        }
        scans
    }

    /// The text that it was made of.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Which scanners a rule set may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scans {
    /// By `vscan`.
    pub virus: bool,
    /// By `isspam`.
    pub spam: bool,
}

/// Lexes, parses and checks a rule set.
///
/// # Errors
/// All findings, warnings too, when one of them is an error; never an empty list. A rule set with an error is
/// not to be activated: the running one goes on.
pub fn compile(name: &str, text: &str, names: &dyn Names) -> Result<(Arc<RuleSet>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut report = Report::new(name, text);
    if text.len() > TEXT_MAX {
        report.error(&(0..1), format!("the rule set is larger than {TEXT_MAX} bytes"), None);
        return Err(report.into_found());
    }
    let tokens = lexer::tokens(text, &mut report);
    let statements = parser::parse(&tokens, text.len(), &mut report);
    let program = check::check(text, &statements, names, &mut report);
    let failed = report.failed();
    let found = report.into_found();
    if failed {
        return Err(found);
    }
    Ok((Arc::new(RuleSet { name: name.to_owned(), text: text.to_owned(), program }), found))
}
