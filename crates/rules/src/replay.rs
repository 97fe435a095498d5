//! A past decision under another rule set: what was asked and answered then answers again (design promise 6).
//!
//! Neither the mail nor its keys are there any more, only the record that its story keeps: for each group its recipients and its steps. A
//! command that was asked then, for the same recipient, gives the same answer, each time it is asked the next one of them; one that was not is
//! `unknown`, and the result says how many there were. Values of variables are not kept, so a comparison with one is as recorded or unknown.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::evaluate::{Answer, Evaluation, GroupId, Step};
use crate::outcome::{End, WholeMail, outcome};
use crate::ruleset::RuleSet;
use crate::text::Variables;

/// What a story keeps of a decision: the JSON of contract.md `rules run`, and whether the sender may see what becomes of the mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The sender was authenticated.
    #[serde(default)]
    pub known: bool,
    /// Each group.
    pub groups: Vec<RecordedGroup>,
}

/// How one group went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedGroup {
    /// Its recipients.
    pub recipients: Vec<String>,
    /// `deliver`, `bounce`, `drop`.
    pub outcome: String,
    /// What was asked and answered.
    pub trace: Vec<RecordedStep>,
}

/// One command and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedStep {
    /// Line in the rule set.
    pub line: usize,
    /// The command's name.
    pub command: String,
    /// The call as the rule set writes it.
    pub written: String,
    /// `yes`, `no`, `unknown`, `temporary`, or `end`.
    pub answer: String,
}

/// The way under the other rule set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// `deliver`, `bounce`, `drop` for the whole mail.
    pub outcome: &'static str,
    /// The SMTP code that the client would have got.
    pub code: u16,
    /// Each group.
    pub groups: Vec<RecordedGroup>,
    /// Questions that nobody asked then: what hangs on them is a guess.
    pub unknown: usize,
    /// Each recipient goes the way that it went.
    pub same: bool,
}

/// Runs `rules` on what was recorded.
///
/// # Errors
/// When the record names no recipient.
pub fn replay(rules: Arc<RuleSet>, record: &Record) -> Result<Replayed, &'static str> {
    let recipients: Vec<String> = record.groups.iter().flat_map(|group| group.recipients.clone()).collect();
    if recipients.is_empty() {
        return Err("the record names no recipient");
    }
    let memory = Memory::of(record);
    let mut evaluation = Evaluation::new(rules, recipients.len());
    let ends = loop {
        match evaluation.step(&memory) {
            Step::Ask(ask) => {
                let written = evaluation.asked().map(normal).unwrap_or_default();
                let answers: Vec<Option<bool>> = ask.recipients.iter().map(|place| memory.next(*place, &written)).collect();
                let answer = match answers.first().copied().flatten() {
                    Some(first) if answers.iter().all(|one| *one == Some(first)) => {
                        if first {
                            Answer::Yes
                        } else {
                            Answer::No
                        }
                    }
                    _ if answers.iter().all(Option::is_some) && ask.command.splits() => {
                        Answer::Split(answers.into_iter().map(Option::unwrap_or_default).collect())
                    }
                    _ => {
                        *memory.unknown.borrow_mut() += 1;
                        Answer::Unknown
                    }
                };
                // Every command takes a plain answer, and a split only where it splits.
                if evaluation.answer(answer).is_err() {
                    return Err("the rule set can't be replayed");
                }
            }
            Step::Fork { .. } => {}
            Step::Done(ends) => break ends,
        }
    };
    let code = match outcome(&ends, record.known) {
        WholeMail::TryLater { code, .. } | WholeMail::Refused { code, .. } => code,
        WholeMail::Accepted(_) => 250,
    };
    let group = |end: &crate::outcome::GroupEnd| RecordedGroup {
        recipients: end.recipients.iter().filter_map(|place| recipients.get(*place).cloned()).collect(),
        outcome: word(&end.end).to_owned(),
        trace: evaluation.trace_of(end.group).iter().map(recorded).collect(),
    };
    let groups: Vec<RecordedGroup> = ends.iter().map(group).collect();
    let outcome =
        if ends.iter().any(|end| word(&end.end) == "deliver") { "deliver" } else { ends.first().map_or("drop", |end| word(&end.end)) };
    let same = ways(&groups) == ways(&record.groups);
    let unknown = *memory.unknown.borrow();
    Ok(Replayed { outcome, code, groups, unknown, same })
}

/// The word of contract.md for an end.
#[must_use]
pub const fn word(end: &End) -> &'static str {
    match end {
        End::Deliver { .. } | End::Reprocess => "deliver",
        End::Bounce { .. } => "bounce",
        End::Drop { .. } | End::Temporary(_) => "drop",
    }
}

fn recorded(step: &crate::trace::TraceStep) -> RecordedStep {
    let (command, written) = (step.command.to_owned(), step.written.to_string());
    RecordedStep { line: step.line, command, written, answer: step.answer.to_owned() }
}

/// Outcome by recipient.
fn ways(groups: &[RecordedGroup]) -> HashMap<&str, &str> {
    groups.iter().flat_map(|group| group.recipients.iter().map(|recipient| (recipient.as_str(), group.outcome.as_str()))).collect()
}

/// One spelling for calls that mean the same: quotes of one kind, no blanks between arguments, names without case and underscores.
fn normal(written: &str) -> String {
    let (name, rest) = written.split_once('(').unwrap_or((written, ""));
    let name: String = name.chars().filter(|c| *c != '_' && !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    let rest = rest.replace('\'', "\"").replace("\", \"", "\",\"");
    format!("{name}({}", rest.trim())
}

/// What was answered to each recipient, and how far it was used.
struct Memory {
    answers: HashMap<(usize, String), Vec<bool>>,
    used: RefCell<HashMap<(usize, String), usize>>,
    unknown: RefCell<usize>,
}

impl Memory {
    fn of(record: &Record) -> Self {
        let mut answers: HashMap<(usize, String), Vec<bool>> = HashMap::new();
        let mut first = 0;
        for group in &record.groups {
            for place in first..first + group.recipients.len() {
                for step in group.trace.iter().filter(|step| matches!(step.answer.as_str(), "yes" | "no")) {
                    answers.entry((place, normal(&step.written))).or_default().push(step.answer == "yes");
                }
            }
            first += group.recipients.len();
        }
        Self { answers, used: RefCell::default(), unknown: RefCell::default() }
    }

    /// The next answer; the last one for ever.
    fn next(&self, recipient: usize, written: &str) -> Option<bool> {
        let key = (recipient, written.to_owned());
        let answers = self.answers.get(&key)?;
        let mut used = self.used.borrow_mut();
        let place = used.entry(key).or_default();
        let answer = answers.get(*place).or(answers.last()).copied();
        *place += 1;
        answer
    }
}

impl Variables for Memory {
    fn get(&self, _: GroupId, _: &str) -> Option<String> {
        None
    }

    fn compared(&self, recipients: &[usize], written: &str) -> Option<bool> {
        let found = recipients.first().and_then(|place| self.next(*place, &normal(written)));
        if found.is_none() {
            *self.unknown.borrow_mut() += 1;
        }
        Some(found.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BuiltIn, compile};

    fn rules(text: &str) -> Arc<RuleSet> {
        compile("t", text, &BuiltIn).unwrap_or_else(|found| panic!("{}", found[0])).0
    }

    /// Recipients, outcome, and calls with their answers.
    type Group<'g> = (&'g [&'g str], &'g str, &'g [(&'g str, &'g str)]);

    fn record(groups: &[Group<'_>]) -> Record {
        let step = |(written, answer): &(&str, &str)| RecordedStep {
            line: 1,
            command: written.split('(').next().unwrap().to_owned(),
            written: (*written).to_owned(),
            answer: (*answer).to_owned(),
        };
        let group = |(recipients, outcome, trace): &Group<'_>| RecordedGroup {
            recipients: recipients.iter().map(|one| (*one).to_owned()).collect(),
            outcome: (*outcome).to_owned(),
            trace: trace.iter().map(step).collect(),
        };
        Record { known: true, groups: groups.iter().map(group).collect() }
    }

    #[test]
    fn m_r4_a_past_decision_is_replayed_under_other_rules() {
        let past = record(&[
            (&["a@x.example"], "deliver", &[("encrypt_smime()", "yes"), ("deliver()", "end")]),
            (
                &["b@x.example"],
                "deliver",
                &[("encrypt_smime()", "no"), ("compareattr('user_mail', 'match', '@')", "yes"), ("deliver()", "end")],
            ),
        ]);
        let strict = replay(rules("if (encryptsmime ()) { deliver(); }\nbounce(\"bounce_noenc\");"), &past).unwrap();
        let seen: Vec<_> = strict.groups.iter().map(|group| (group.recipients.join(","), group.outcome.as_str())).collect();
        assert_eq!(seen, [("a@x.example".to_owned(), "deliver"), ("b@x.example".to_owned(), "bounce")]);
        assert_eq!((strict.outcome, strict.code, strict.unknown, strict.same), ("deliver", 250, 0, false));
        let known = "encrypt_smime(); if (compareattr(\"user_mail\",\"match\",\"@\")) { deliver(); } drop(550);";
        let guessed = replay(rules(known), &past).unwrap();
        assert_eq!((guessed.unknown, guessed.same), (1, false), "of one recipient it was never asked");
        let other = replay(
            rules("if (iscalendar()) { drop(); } setvar('x', '1'); if (compareattr('x', 'equal', '1')) { deliver(); } drop();"),
            &past,
        )
        .unwrap();
        assert_eq!((other.unknown, other.same), (1, true), "what the rules set themselves is known");
        assert!(replay(rules("deliver();"), &record(&[])).is_err());
    }
}
