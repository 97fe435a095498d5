//! The rules are evaluated for one mail. Nothing outside is touched: the result is what each group's mail became.
//!
//! Before: [`crate::authenticate`]. After: [`crate::assemble`]. The evaluator (`rules`) keeps groups, variables and the
//! order of commands; this file keeps each group's mail and calls the commands.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Exhausted, Fault, Guilty};
use rules::{Answer, Evaluation, GroupEnd, GroupId, RuleSet, Step, TraceStep, Variables};

use crate::commands::{self, Answered};
use crate::state::{MailState, Work};

/// What the rules made of one mail.
pub struct Decision {
    /// Each group's end, with its mail.
    pub ends: Vec<(GroupEnd, MailState)>,
    /// Asks and answers, in order.
    pub trace: Vec<TraceStep>,
}

/// Runs the rule set for all recipients of the mail.
///
/// # Errors
/// A temporary fault if the whole mail needs something that can't be had now: nothing of any group is kept.
pub async fn decide(work: &Work, rules: Arc<RuleSet>, mail: MailState) -> Result<Decision, Fault> {
    let mut evaluation = Evaluation::new(rules, work.envelope.recipients.len()).with_budget(work.budget.clone());
    let mut states: HashMap<GroupId, MailState> = HashMap::from([(GroupId(0), mail)]);
    // What the "no" side of a split becomes: known with the answer, needed at the fork.
    let mut waiting: Option<(Option<MailState>, Option<MailState>)> = None;
    loop {
        work.in_time()?;
        match evaluation.step(&Known { work, states: &states }) {
            Step::Ask(ask) => {
                let state = states.get(&ask.group).ok_or_else(lost_group)?;
                let Answered { answer, yes, no } = commands::run(work, state, &ask.recipients, &ask.command).await?;
                if ask.command.decrypts() && [&yes, &no].into_iter().flatten().any(|after| after.key_used) {
                    evaluation.key_used();
                }
                match (&answer, yes, no) {
                    (Answer::Yes, Some(state), _) | (Answer::No | Answer::Unknown, _, Some(state)) => drop(states.insert(ask.group, state)),
                    (Answer::Split(_), yes, no) => waiting = Some((yes, no)),
                    _ => {}
                }
                evaluation.answer(answer).map_err(Fault::from)?;
            }
            Step::Fork { from, to } => {
                let old = states.get(&from).cloned().ok_or_else(lost_group)?;
                let (yes, no) = waiting.take().unwrap_or_default();
                states.insert(to, no.unwrap_or_else(|| old.clone()));
                states.insert(from, yes.unwrap_or(old));
            }
            Step::Done(ends) => {
                let trace = evaluation.trace().to_vec();
                let ends = ends.into_iter().map(|end| states.get(&end.group).cloned().map(|state| (end, state)).ok_or_else(lost_group)).collect::<Result<_, _>>()?;
                return Ok(Decision { ends, trace });
            }
        }
    }
}

/// What the rules can ask about the mail by `$name`.
struct Known<'a> {
    work: &'a Work,
    states: &'a HashMap<GroupId, MailState>,
}

impl Variables for Known<'_> {
    fn get(&self, group: GroupId, name: &str) -> Option<String> {
        self.states.get(&group).and_then(|state| variable(self.work, state, name))
    }
}

/// Values that rules may write as `$name` (ruleset-language.md "Form").
fn variable(work: &Work, state: &MailState, name: &str) -> Option<String> {
    let peer = match &work.origin {
        model::Origin::Smtp { peer } => peer.address.to_string(),
        model::Origin::Notice { .. } => String::new(),
    };
    let user = || state.account_key().and_then(|key| work.site.users.get(&key));
    Some(match name {
        "from" | "sender" => work.envelope.sender.as_ref().map_or_else(String::new, ToString::to_string),
        "to" => work.envelope.recipients.iter().map(|r| r.address.as_str()).collect::<Vec<_>>().join(", "),
        "header_from" | "header_to" | "header_cc" => state.message.decoded_all(name.trim_start_matches("header_")).join(", "),
        "subject" => state.message.decoded("subject").unwrap_or_default(),
        "date" => state.message.decoded("date").unwrap_or_default(),
        "mailid" => state.message.decoded("message-id").unwrap_or_default(),
        "user_mail" => state.user.address.as_ref().filter(|_| state.user.authenticated).map_or_else(String::new, ToString::to_string),
        "user_name" => user().map_or_else(String::new, |user| user.name.clone()),
        "admin" => crate::notice::postmaster(&work.site),
        "connect_from" => peer,
        _ => return None,
    })
}

/// A budget that ran out while a mail was worked on.
#[must_use]
pub fn exhausted(e: Exhausted) -> Fault {
    if e.kind == model::BudgetKind::Time {
        return too_long();
    }
    Fault::permanent(Guilty::Sender, "mail-too-complex", e.to_string())
}

/// The time from the final dot to the answer ran out.
#[must_use]
pub fn too_long() -> Fault {
    Fault::temporary(Guilty::Ourselves, "mail-took-too-long", "the budget for one mail ran out")
}

fn lost_group() -> Fault {
    Fault::temporary(Guilty::Ourselves, "rules-failed", "a group without its mail")
}
