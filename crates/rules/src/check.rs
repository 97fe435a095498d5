//! The checker: a tree of statements to a flat program, with every argument looked at.
//!
//! Before: the parser. After: the evaluator, which jumps through [`Op`]s and so can stop at any of them. What
//! is wrong here (number, kind, operator, regular expression, template, header, variable) keeps the whole
//! rule set from being taken.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::arguments::Arguments;
use crate::attributes;
use crate::command::{Action, Ending};
use crate::diagnostic::{Report, nearest};
use crate::names::Names;
use crate::parser::{Call, Condition, Statement};
use crate::table::{self, COMMANDS, Entry};
use crate::text::VARIABLES;

/// One step of the flat program. Jumps go forward only, so a program always ends.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Do the action; go on at `yes` or `no` by its answer.
    Do { action: usize, yes: usize, no: usize },
    /// As [`Op::Do`], but a yes makes replies, which go on at `block`; the mail itself goes on at `after`.
    Reply { action: usize, block: usize, after: usize, no: usize },
    /// Go on there.
    Jump(usize),
    /// The end of the rule set: delivered as if by `deliver()`.
    Finish,
}

/// A checked command with its place in the text.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) line: usize,
    /// The call as written, for the trace.
    pub(crate) written: Arc<str>,
}

/// The flat program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
    pub(crate) steps: Vec<Step>,
}

/// Checks and flattens. The program is whole only if the report has no error.
pub(crate) fn check(source: &str, statements: &[Statement], names: &dyn Names, report: &mut Report<'_>) -> Program {
    let mut own = BTreeSet::new();
    collect_variables(statements, &mut own);
    let mut checker = Checker { source, names, own, report, program: Program::default(), spans: Vec::new() };
    checker.block(statements);
    checker.program.ops.push(Op::Finish);
    checker.warn();
    checker.program
}

struct Checker<'c, 's> {
    source: &'c str,
    names: &'c dyn Names,
    own: BTreeSet<String>,
    report: &'c mut Report<'s>,
    program: Program,
    /// Of each step, for warnings.
    spans: Vec<std::ops::Range<usize>>,
}

impl Checker<'_, '_> {
    fn block(&mut self, statements: &[Statement]) {
        for statement in statements {
            match statement {
                Statement::Call(call) if is_reply(call) => {
                    let here = self.here();
                    self.reply(call, here + 2);
                    self.land_reply(here, here + 2);
                    self.program.ops.push(Op::Finish);
                }
                Statement::Call(call) => {
                    let next = self.here() + 1;
                    self.call(call, false, next, next);
                }
                Statement::If { branches, otherwise } => self.conditional(branches, otherwise),
            }
        }
    }

    fn here(&self) -> usize {
        self.program.ops.len()
    }

    fn conditional(&mut self, branches: &[(Condition, Vec<Statement>)], otherwise: &[Statement]) {
        let (mut to_end, mut replies) = (Vec::new(), Vec::new());
        for (condition, block) in branches {
            if let Condition::Call(call) = condition
                && is_reply(call)
            {
                // What stands in the block is done to the reply, which is sent at its end; the mail goes on below the `if`.
                let at = self.here();
                self.reply(call, at + 1);
                self.block(block);
                self.program.ops.push(Op::Finish);
                let no = self.here();
                if let Some(Op::Reply { no: open, .. }) = self.program.ops.get_mut(at) {
                    *open = no;
                }
                replies.push(at);
                continue;
            }
            let mut exits = Exits::default();
            self.condition(condition, &mut exits);
            self.land(&exits.yes);
            self.block(block);
            to_end.push(self.here());
            self.program.ops.push(Op::Jump(0));
            self.land(&exits.no);
        }
        self.block(otherwise);
        let end = self.here();
        replies.into_iter().for_each(|at| self.land_reply(at, end));
        for at in to_end {
            if let Some(op) = self.program.ops.get_mut(at) {
                *op = Op::Jump(end);
            }
        }
    }

    /// A call that makes replies; where the mail goes on is still open.
    fn reply(&mut self, call: &Call, no: usize) {
        let at = self.here();
        self.call(call, true, at + 1, no);
        if let Some(Op::Do { action, yes, no }) = self.program.ops.get(at).cloned() {
            self.program.ops.truncate(at);
            self.program.ops.push(Op::Reply { action, block: yes, after: yes, no });
        }
    }

    fn land_reply(&mut self, at: usize, to: usize) {
        if let Some(Op::Reply { after, .. }) = self.program.ops.get_mut(at) {
            *after = to;
        }
    }

    /// Flattens a condition; `exits` are the places whose yes or no leaves it and is still open.
    fn condition(&mut self, condition: &Condition, exits: &mut Exits) {
        match condition {
            Condition::Call(call) => {
                if is_reply(call) {
                    let hint = "write `if (autoreply(…)) { … }`: the block acts on the reply, the mail goes on below it";
                    self.report.error(&call.name_span, "`autoreply` stands alone in its `if`", Some(hint.to_owned()));
                }
                let at = self.here();
                self.call(call, true, at + 1, at + 1);
                exits.yes.push((at, true));
                exits.no.push((at, false));
            }
            Condition::Not(inner) => {
                let mut turned = Exits::default();
                self.condition(inner, &mut turned);
                exits.yes.extend(turned.no);
                exits.no.extend(turned.yes);
            }
            Condition::And(all) => self.chain(all, exits, true),
            Condition::Or(all) => self.chain(all, exits, false),
        }
    }

    /// `&&` goes on after a yes and leaves with no at the first no; `||` the other way round.
    fn chain(&mut self, all: &[Condition], exits: &mut Exits, going_on: bool) {
        for (number, condition) in all.iter().enumerate() {
            let mut inner = Exits::default();
            self.condition(condition, &mut inner);
            let (on, off) = if going_on { (inner.yes, inner.no) } else { (inner.no, inner.yes) };
            let (on_exits, off_exits) = if going_on { (&mut exits.yes, &mut exits.no) } else { (&mut exits.no, &mut exits.yes) };
            off_exits.extend(off);
            if number + 1 == all.len() {
                on_exits.extend(on);
            } else {
                self.land(&on);
            }
        }
    }

    /// Lets these open exits go on here.
    fn land(&mut self, exits: &[(usize, bool)]) {
        let here = self.here();
        for (at, of_yes) in exits {
            if let Some(Op::Do { yes, no, .. }) = self.program.ops.get_mut(*at) {
                *(if *of_yes { yes } else { no }) = here;
            }
        }
    }

    fn call(&mut self, call: &Call, as_condition: bool, yes: usize, no: usize) {
        let action = self.lookup(call, as_condition).and_then(|entry| {
            let known = |name: &str| VARIABLES.contains(&name) || self.own.contains(name) || attributes::readable(name);
            Arguments { call, entry, names: self.names, known: &known, own: &self.own, report: self.report }.action()
        });
        // A faulty call leaves a place holder, so that jumps stay right; the program is not used then.
        let action = action.unwrap_or(Action::End(Ending::Deliver { server: None }));
        let written = written(self.source, call).into();
        let line = self.report.line(call.span.start);
        self.program.ops.push(Op::Do { action: self.program.steps.len(), yes, no });
        self.program.steps.push(Step { action, line, written });
        self.spans.push(call.span.clone());
    }

    fn lookup(&mut self, call: &Call, as_condition: bool) -> Option<&'static Entry> {
        let Some(entry) = table::command(&call.name) else {
            let near = nearest(&call.name, COMMANDS.iter().map(|entry| entry.name));
            let hint = near.map(|name| format!("did you mean `{name}`?"));
            self.report.error(&call.name_span, format!("there is no command `{}`", call.name), hint);
            return None;
        };
        if !entry.built {
            self.report.error(&call.name_span, format!("{} is not available yet", entry.name), Some(entry.usage.to_owned()));
            return None;
        }
        if as_condition && entry.ends {
            let hint = "it ends the way of these recipients: write it as a statement of its own";
            self.report.error(&call.name_span, format!("`{}` has no answer and can't be a condition", entry.name), Some(hint.to_owned()));
            return None;
        }
        let given = call.arguments.len();
        if given < entry.least || given > entry.most {
            let takes = match (entry.least, entry.most) {
                (0, 0) => "no arguments".to_owned(),
                (1, 1) => "1 argument".to_owned(),
                (least, most) if least == most => format!("{least} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            self.report.error(&call.span, format!("`{}` takes {takes}, {given} given", entry.name), Some(entry.usage.to_owned()));
            return None;
        }
        Some(entry)
    }

    /// What may run but is probably not meant. Jumps go forward, so one pass sees every path.
    fn warn(&mut self) {
        if self.report.failed() {
            return;
        }
        let count = self.program.ops.len();
        let (mut reached, mut opened, mut scanned) = (vec![false; count], vec![false; count], vec![false; count]);
        let mut told_unreached = false;
        mark(&mut reached, 0);
        for at in 0..count {
            let here = reached.get(at).copied().unwrap_or(false);
            let open = opened.get(at).copied().unwrap_or(false);
            let seen = scanned.get(at).copied().unwrap_or(false);
            match self.program.ops.get(at) {
                Some(Op::Jump(to)) if here => {
                    mark(&mut reached, *to);
                    if open {
                        mark(&mut opened, *to);
                    }
                    if seen {
                        mark(&mut scanned, *to);
                    }
                    told_unreached = false;
                }
                Some(Op::Reply { block, after, no, .. }) if here => {
                    for to in [*block, *after, *no] {
                        mark(&mut reached, to);
                    }
                    for to in [*after, *no] {
                        if open {
                            mark(&mut opened, to);
                        }
                        if seen {
                            mark(&mut scanned, to);
                        }
                    }
                    told_unreached = false;
                }
                Some(Op::Do { action, yes, no }) => {
                    let Some(step) = self.program.steps.get(*action) else { continue };
                    let span = self.spans.get(*action).cloned().unwrap_or_default();
                    if !here {
                        if !told_unreached {
                            self.report.warning(&span, "this is never reached: the commands before it end every way", None);
                        }
                        told_unreached = true;
                        continue;
                    }
                    told_unreached = false;
                    if let Action::End(ending) = &step.action {
                        if open && !matches!(ending, Ending::Deliver { .. } | Ending::Reprocess) {
                            let hint = "for mail from strangers it shows as 250 and tells nobody, so that nothing says what a key did";
                            let message = format!("`{}` after a decrypt command", step.action.name());
                            self.report.warning(&span, message, Some(hint.to_owned()));
                        }
                        continue;
                    }
                    let decrypts = matches!(&step.action, Action::Ask(command) if command.decrypts());
                    let scans = matches!(&step.action, Action::Ask(command) if command.scans());
                    if decrypts && seen {
                        let hint = "what it opens was not looked at: write the decrypt command first";
                        let message = format!("`{}` after a command that looks at attachments", step.action.name());
                        self.report.warning(&span, message, Some(hint.to_owned()));
                    }
                    for to in [*yes, *no] {
                        mark(&mut reached, to);
                        // To refuse what a scanner judged is what scans are for: no warning there.
                        let judged = to == *yes && *yes != *no && (scans || asks_scan_result(&step.action));
                        if (open || decrypts) && !judged {
                            mark(&mut opened, to);
                        }
                        if seen || scans {
                            mark(&mut scanned, to);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// The call for the trace, on one line. What may hold a password is not in it (security.md X-21).
fn written(source: &str, call: &Call) -> String {
    let hidden = match table::command(&call.name).map(|entry| entry.name) {
        Some("ldap_compare" | "ldap_read") => Some(0),
        Some("setuserattr") => {
            let secret = |name: &str| attributes::attribute(name) == Some(attributes::USER_PASSWORD);
            call.arguments.first().filter(|argument| secret(&argument.text)).map(|_| 1)
        }
        _ => None,
    };
    let from = |start: usize, end: usize| source.get(start..end).unwrap_or_default();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match hidden.and_then(|place: usize| call.arguments.get(place)) {
        Some(secret) => {
            let (before, behind) = (from(call.span.start, secret.span.start), from(secret.span.end, call.span.end));
            one_line(&format!("{before}'…'{behind}"))
        }
        None => one_line(from(call.span.start, call.span.end)),
    }
}

/// `compareattr("vscanresult", …)`.
fn asks_scan_result(action: &Action) -> bool {
    matches!(action, Action::CompareAttr { name, .. } if name == "vscanresult")
}

fn is_reply(call: &Call) -> bool {
    table::command(&call.name).is_some_and(|entry| entry.name == "autoreply")
}

/// Places in the program whose yes (`true`) or no (`false`) is still to be landed.
#[derive(Default)]
struct Exits {
    yes: Vec<(usize, bool)>,
    no: Vec<(usize, bool)>,
}

fn mark(flags: &mut [bool], at: usize) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = true;
    }
}

fn collect_variables(statements: &[Statement], found: &mut BTreeSet<String>) {
    for statement in statements {
        match statement {
            Statement::Call(call) => variable_of(call, found),
            Statement::If { branches, otherwise } => {
                for (condition, block) in branches {
                    collect_from_condition(condition, found);
                    collect_variables(block, found);
                }
                collect_variables(otherwise, found);
            }
        }
    }
}

fn collect_from_condition(condition: &Condition, found: &mut BTreeSet<String>) {
    match condition {
        Condition::Call(call) => variable_of(call, found),
        Condition::Not(inner) => collect_from_condition(inner, found),
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|c| collect_from_condition(c, found)),
    }
}

fn variable_of(call: &Call, found: &mut BTreeSet<String>) {
    let (place, attribute) = match table::command(&call.name).map(|entry| entry.name) {
        Some("setvar") => (0, false),
        Some("ldap_read") => (2, false),
        Some("setuserattr") => (0, true),
        _ => return,
    };
    let Some(name) = call.arguments.get(place) else { return };
    let name = if attribute { attributes::attribute(&name.text).unwrap_or_default() } else { name.text.as_str() };
    if !name.is_empty() && name != attributes::USER_PASSWORD {
        found.insert(name.to_owned());
    }
}
