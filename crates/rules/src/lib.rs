//! The rule language: what an administrator writes about mail, made to run (ruleset-language.md).
//!
//! The order: `lexer` → `parser` → `check` (with `table`, `arguments`, `text`) give a [`RuleSet`] by [`compile`]; [`Evaluation`] steps one message through it, asking `flow` for everything that touches the
//! message or the world; [`outcome()`] makes one answer of the ends of all groups. [`generate()`] writes rule
//! text from switches. No I/O anywhere; nothing here ever holds a message.

mod arguments;
pub mod attributes;
mod check;
pub mod command;
pub mod diagnostic;
mod directory;
mod evaluate;
pub mod generate;
mod lexer;
pub mod names;
pub mod outcome;
mod parser;
pub mod passwords;
mod replace;
pub mod replay;
mod ruleset;
pub mod table;
pub mod text;
mod trace;

pub use command::{Command, Comparison, Coverage, Receiver, ScanMode, Sensitivity, clean};
pub use diagnostic::{Diagnostic, Severity, nearest};
pub use directory::Directory;
pub use evaluate::{Answer, Ask, Evaluation, GroupId, Misuse, Step};
pub use generate::{Generated, generate};
pub use names::{BuiltIn, Names};
pub use outcome::{End, Fate, GroupEnd, WholeMail, outcome};
pub use replace::replaced;
pub use ruleset::{RuleSet, Scans, compile};
pub use text::{VARIABLES, Variables, filled};
pub use trace::TraceStep;
