//! The resumable evaluator: [`Evaluation::step`] says what it needs next, [`Evaluation::answer`] gives it.
//!
//! Before: [`crate::compile`]. Around it: `flow`, which answers and keeps the state of the message for each
//! group. It does no I/O, clones no message and knows no address. The asks with their answers are the trace.
//! Groups run one after the other, "yes" first. Bounded by the budget's deadline and by a number of steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use model::{Budget, Fault, Guilty};

use crate::check::{Op, Step as ProgramStep};
use crate::command::{Action, Command, Ending};
use crate::outcome::{End, GroupEnd};
use crate::ruleset::RuleSet;
use crate::text::Variables;
use crate::trace::{Fork, Trace, TraceStep};

/// Most commands of one evaluation, over all groups.
const STEPS_MAX: usize = 100_000;

/// Recipients who go the same way with the same message. The first group is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct GroupId(pub u32);

/// What the evaluation needs next.
#[derive(Debug)]
pub enum Step {
    /// Carry this out for the group and [`Evaluation::answer`].
    Ask(Ask),
    /// The group `from` was divided by the command that was just answered: keep a copy of its state for `to`
    /// **as it was before that command**; only then let the command's change take place in `from`. `from`
    /// holds those for whom the answer was yes, `to` the others. Follows the answer at once.
    Fork {
        /// The yes group; keeps its id.
        from: GroupId,
        /// The no group; new.
        to: GroupId,
    },
    /// All groups have ended, or the mail can't be decided now. [`crate::outcome()`] combines them.
    Done(Vec<GroupEnd>),
}

/// One command for one group, with its variables filled in.
#[derive(Debug, Clone)]
pub struct Ask {
    /// For whom.
    pub group: GroupId,
    /// Places of its recipients in the envelope, ascending, never empty.
    pub recipients: Arc<[usize]>,
    /// What.
    pub command: Command,
    /// Line in the rule set.
    pub line: usize,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone)]
pub enum Answer {
    /// Yes, for the whole group.
    Yes,
    /// No, for the whole group.
    No,
    /// Nobody could say in time: goes on as no, and the trace says `unknown`.
    Unknown,
    /// One answer for each recipient of the group, in their order. Only for commands that split.
    Split(Vec<bool>),
    /// The whole mail can't be decided now: the evaluation ends.
    Temporary(Fault),
}

/// A call that does not fit the state of the evaluation: a fault of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// Nothing was asked.
    #[error("an answer came, and nothing was asked")]
    NotAsked,
    /// The command doesn't split, or the number of answers is not that of the recipients.
    #[error("`{0}` can't be answered in this way")]
    WrongShape(&'static str),
}

impl From<Misuse> for Fault {
    fn from(misuse: Misuse) -> Self {
        Self::temporary(Guilty::Ourselves, "rules-evaluation", misuse.to_string())
    }
}

#[derive(Debug, Clone)]
struct Group {
    id: GroupId,
    recipients: Arc<[usize]>,
    /// Shared between groups until one of them sets a variable.
    variables: Arc<BTreeMap<String, String>>,
    at: usize,
    key_used: bool,
    /// It is a reply that the gateway writes, not the mail.
    reply: bool,
}

#[derive(Debug)]
struct Asked {
    step: usize,
    yes: usize,
    no: usize,
    /// Where replies go on, if the command makes some.
    block: Option<usize>,
    since: Instant,
}

/// One message on its way through one rule set.
#[derive(Debug)]
pub struct Evaluation {
    rules: Arc<RuleSet>,
    budget: Option<Budget>,
    /// The last one runs.
    groups: Vec<Group>,
    ends: Vec<GroupEnd>,
    asked: Option<Asked>,
    forks: Vec<Fork>,
    next_group: u32,
    steps: usize,
    trace: Trace,
}

impl Evaluation {
    /// All `recipients` (places 0 to n − 1 of the envelope) begin as one group.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, recipients: usize) -> Self {
        let all: Arc<[usize]> = (0..recipients).collect();
        let first = Group { id: GroupId(0), recipients: all, variables: Arc::default(), at: 0, key_used: false, reply: false };
        let groups = if recipients == 0 { Vec::new() } else { vec![first] };
        let (ends, trace) = (Vec::new(), Trace::default());
        Self { rules, budget: None, groups, ends, asked: None, forks: Vec::new(), next_group: 1, steps: 0, trace }
    }

    /// With a deadline: when it has passed, the mail is tried again later.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Goes on until something is needed. Without an answer to the last ask it asks the same again.
    pub fn step(&mut self, variables: &dyn Variables) -> Step {
        loop {
            if let Some(Fork { from, to, .. }) = self.forks.pop() {
                return Step::Fork { from, to };
            }
            let rules = Arc::clone(&self.rules);
            let Some(group) = self.groups.last_mut() else {
                return Step::Done(self.ends.clone());
            };
            match rules.program.ops.get(group.at) {
                Some(Op::Jump(to)) => group.at = *to,
                Some(Op::Finish) | None => self.end(End::Deliver { server: None }),
                Some(Op::Do { .. } | Op::Reply { .. }) if self.bounds_are_passed() => {}
                Some(Op::Do { action, yes, no }) => {
                    if let Some(ask) = self.act(*action, (*yes, *no), variables) {
                        return Step::Ask(ask);
                    }
                }
                Some(Op::Reply { action, block, after, no }) => {
                    let ask = self.act(*action, (*after, *no), variables);
                    if let (Some(ask), Some(asked)) = (ask, &mut self.asked) {
                        asked.block = Some(*block);
                        return Step::Ask(ask);
                    }
                }
            }
        }
    }

    /// Answers the last ask.
    ///
    /// # Errors
    /// When nothing was asked, or the answer does not fit the command; nothing has changed then.
    pub fn answer(&mut self, answer: Answer) -> Result<(), Misuse> {
        let asked = self.asked.take().ok_or(Misuse::NotAsked)?;
        let rules = Arc::clone(&self.rules);
        let step = rules.program.steps.get(asked.step).ok_or(Misuse::NotAsked)?;
        let took = asked.since.elapsed();
        match answer {
            Answer::Yes => self.go_on(step, "yes", asked.yes, took),
            Answer::No => self.go_on(step, "no", asked.no, took),
            Answer::Unknown => self.go_on(step, "unknown", asked.no, took),
            Answer::Temporary(fault) => {
                self.note(step, "temporary", took);
                self.give_up(fault);
            }
            Answer::Split(answers) => {
                let splits = matches!(&step.action, Action::Ask(command) if command.splits());
                let fits = self.groups.last().is_some_and(|group| group.recipients.len() == answers.len());
                if !splits || !fits {
                    self.asked = Some(asked);
                    return Err(Misuse::WrongShape(step.action.name()));
                }
                self.divide(step, &asked, &answers, took);
            }
        }
        Ok(())
    }

    /// Divides the group whose command was just asked, before it is carried out: each recipient in `apart` gets a
    /// group of its own, and the same is asked for each again. A [`Step::Fork`] follows for each of them; both
    /// sides go on with the state that the group has now. Only for commands that split.
    ///
    /// # Errors
    /// When nothing was asked, the command doesn't split, `apart` names others or leaves nobody; nothing has
    /// changed then.
    pub fn separate(&mut self, apart: &[usize]) -> Result<(), Misuse> {
        let asked = self.asked.as_ref().ok_or(Misuse::NotAsked)?;
        let step = self.rules.program.steps.get(asked.step).ok_or(Misuse::NotAsked)?;
        let group = self.groups.last().ok_or(Misuse::NotAsked)?;
        let splits = matches!(&step.action, Action::Ask(command) if command.splits());
        let stay: Arc<[usize]> = group.recipients.iter().copied().filter(|place| !apart.contains(place)).collect();
        if !splits || stay.is_empty() || stay.len() + apart.len() != group.recipients.len() {
            return Err(Misuse::WrongShape(step.action.name()));
        }
        self.asked = None;
        let Some(mut group) = self.groups.pop() else { return Ok(()) };
        for place in apart.iter().rev() {
            let other = Group { id: GroupId(self.next_group), recipients: Arc::from([*place]), ..group.clone() };
            self.next_group += 1;
            self.forks.push(self.trace.fork(group.id, other.id));
            self.groups.push(other);
        }
        group.recipients = stay;
        self.groups.push(group);
        Ok(())
    }

    /// Answers an `autoreply` with yes: `count` replies were made. Each is a group of its own with one recipient, place 0 of an envelope
    /// that the caller keeps with it; they go on in the command's block, the mail below it. The ids of the new groups.
    ///
    /// # Errors
    /// When nothing was asked, or something else.
    pub fn reply(&mut self, count: usize) -> Result<Vec<GroupId>, Misuse> {
        let asked = self.asked.take().ok_or(Misuse::NotAsked)?;
        let rules = Arc::clone(&self.rules);
        let step = rules.program.steps.get(asked.step).ok_or(Misuse::NotAsked)?;
        let Some(block) = asked.block else {
            let name = step.action.name();
            self.asked = Some(asked);
            return Err(Misuse::WrongShape(name));
        };
        self.go_on(step, "yes", asked.yes, asked.since.elapsed());
        let Some(mail) = self.groups.last().cloned() else { return Ok(Vec::new()) };
        let mut made = Vec::with_capacity(count);
        for _ in 0..count {
            let id = GroupId(self.next_group);
            self.next_group += 1;
            let _ = self.trace.fork(mail.id, id);
            self.groups.push(Group { id, recipients: Arc::from([0]), at: block, reply: true, key_used: false, ..mail.clone() });
            made.push(id);
        }
        Ok(made)
    }

    /// Ends every group that still runs, because there is no time left: `end` says how, from whether a key was
    /// used for it. All ends.
    #[must_use]
    pub fn cut_off(&mut self, end: &dyn Fn(bool) -> End) -> Vec<GroupEnd> {
        self.asked = None;
        self.forks.clear();
        while let Some(group) = self.groups.last() {
            self.end(end(group.key_used));
        }
        self.ends.clone()
    }

    /// Notes that a decrypt command used a private key for the group that runs now. Groups that split
    /// off later inherit it. Call it before the answer.
    pub fn key_used(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            group.key_used = true;
        }
    }

    /// Sets a variable of the group that runs now: what `ldap_read` and `setuserattr` found. Call it before the answer.
    pub fn set_variable(&mut self, name: &str, value: String) {
        if let Some(group) = self.groups.last_mut() {
            Arc::make_mut(&mut group.variables).insert(name.to_owned(), value);
        }
    }

    /// Other recipients for the group that runs now: what `replace_rcpt` made. Places are those of an envelope that the caller
    /// keeps with the group. Call it before the answer.
    ///
    /// # Errors
    /// When nothing was asked, or there would be nobody.
    pub fn replace_recipients(&mut self, recipients: Arc<[usize]>) -> Result<(), Misuse> {
        if self.asked.is_none() {
            return Err(Misuse::NotAsked);
        }
        if recipients.is_empty() {
            return Err(Misuse::WrongShape("replace_rcpt"));
        }
        if let Some(group) = self.groups.last_mut() {
            group.recipients = recipients;
        }
        Ok(())
    }

    /// The call that was asked, as the rule set writes it.
    #[must_use]
    pub fn asked(&self) -> Option<&str> {
        let asked = self.asked.as_ref()?;
        self.rules.program.steps.get(asked.step).map(|step| &*step.written)
    }

    /// A variable that `setvar` has set for the group that runs now.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.groups.last()?.variables.get(name).map(String::as_str)
    }

    /// All asks with their answers, in order.
    #[must_use]
    pub fn trace(&self) -> &[TraceStep] {
        self.trace.steps()
    }

    /// The way of one group from the beginning, what it did as part of an undivided group included.
    #[must_use]
    pub fn trace_of(&self, group: GroupId) -> Vec<TraceStep> {
        self.trace.of(group)
    }

    /// Ends the evaluation when a bound is passed.
    fn bounds_are_passed(&mut self) -> bool {
        self.bounds().map_err(|fault| self.give_up(fault)).is_err()
    }

    fn bounds(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            let cause = format!("the rule set took more than {STEPS_MAX} steps for one mail");
            return Err(Fault::temporary(Guilty::Configuration, "rules-too-long", cause));
        }
        let Some(budget) = &self.budget else { return Ok(()) };
        budget.time().map_err(|cause| Fault::temporary(Guilty::Ourselves, "mail-budget", cause.to_string()))
    }

    /// Does what needs nobody else, or gives the ask.
    fn act(&mut self, number: usize, (yes, no): (usize, usize), variables: &dyn Variables) -> Option<Ask> {
        let since = Instant::now();
        let rules = Arc::clone(&self.rules);
        let Some(step) = rules.program.steps.get(number) else {
            self.end(End::Deliver { server: None });
            return None;
        };
        let group = self.groups.last_mut()?;
        let (own, id) = (Arc::clone(&group.variables), group.id);
        let value = |name: &str| own.get(name).cloned().or_else(|| variables.get(id, name));
        match &step.action {
            Action::Ask(command) => match command.expand(&value) {
                Ok(command) => {
                    let recipients = Arc::clone(&group.recipients);
                    self.asked = Some(Asked { step: number, yes, no, block: None, since });
                    return Some(Ask { group: id, recipients, command, line: step.line });
                }
                Err(cause) => self.give_up(pattern_fault(step, &cause)),
            },
            Action::SetVar { name, value: text } => {
                let text = text.expand(&value, str::to_owned);
                Arc::make_mut(&mut group.variables).insert(name.clone(), text);
                self.go_on(step, "yes", yes, since.elapsed());
            }
            Action::CompareAttr { name, how } => match how.expand(&value) {
                Ok(how) => {
                    let given = if own.contains_key(name) { None } else { variables.compared(&group.recipients, &step.written) };
                    let fits = given.unwrap_or_else(|| value(name).is_some_and(|value| how.fits(&value)));
                    let (word, to) = if fits { ("yes", yes) } else { ("no", no) };
                    self.go_on(step, word, to, since.elapsed());
                }
                Err(cause) => self.give_up(pattern_fault(step, &cause)),
            },
            Action::End(ending) => {
                let end = match ending {
                    Ending::Bounce { template, headers } => End::Bounce { template: template.clone(), headers: *headers },
                    Ending::Deliver { server } => End::Deliver { server: server.as_ref().map(|t| t.expand(&value, str::to_owned)) },
                    Ending::Reprocess => End::Reprocess,
                    Ending::Drop { code, text } => End::Drop { code: *code, text: text.expand(&value, str::to_owned) },
                };
                self.note(step, "end", since.elapsed());
                self.end(end);
            }
        }
        None
    }

    fn go_on(&mut self, step: &ProgramStep, word: &'static str, to: usize, took: std::time::Duration) {
        self.note(step, word, took);
        if let Some(group) = self.groups.last_mut() {
            group.at = to;
        }
    }

    fn note(&mut self, step: &ProgramStep, word: &'static str, took: std::time::Duration) {
        if let Some(group) = self.groups.last() {
            self.trace.push(group.id, step, word, took);
        }
    }

    fn divide(&mut self, step: &ProgramStep, asked: &Asked, answers: &[bool], took: std::time::Duration) {
        let Some(mut group) = self.groups.pop() else { return };
        let pick = |wanted: bool| -> Arc<[usize]> {
            group.recipients.iter().zip(answers).filter(|(_, answer)| **answer == wanted).map(|(place, _)| *place).collect()
        };
        let (agreed, refused) = (pick(true), pick(false));
        if agreed.is_empty() || refused.is_empty() {
            self.groups.push(group);
            let (word, to) = if refused.is_empty() { ("yes", asked.yes) } else { ("no", asked.no) };
            return self.go_on(step, word, to, took);
        }
        let other = Group { id: GroupId(self.next_group), recipients: refused, at: asked.no, ..group.clone() };
        self.next_group += 1;
        group.recipients = agreed;
        group.at = asked.yes;
        let fork = self.trace.fork(group.id, other.id);
        self.trace.push(group.id, step, "yes", took);
        self.trace.push(other.id, step, "no", took);
        self.forks.push(fork);
        self.groups.push(other);
        self.groups.push(group); // yes first
    }

    fn end(&mut self, end: End) {
        if let Some(Group { id, recipients, key_used, reply, .. }) = self.groups.pop() {
            self.ends.push(GroupEnd { group: id, recipients, end, key_used, reply });
        }
    }

    /// The whole mail is tried again later: no group goes on. Unless a key was used for this group: then its
    /// fault may not show, and the other groups must come to their own ends.
    fn give_up(&mut self, fault: Fault) {
        let may_be_hidden = self.groups.last().is_some_and(|group| group.key_used);
        self.end(End::Temporary(fault));
        if !may_be_hidden {
            self.groups.clear();
            self.forks.clear();
        }
    }
}

fn pattern_fault(step: &ProgramStep, cause: &crate::text::PatternError) -> Fault {
    let cause = format!("line {}: the regular expression with its variables can't be used: {cause}", step.line);
    Fault::temporary(Guilty::Configuration, "rules-pattern", cause)
}
