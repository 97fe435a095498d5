//! The rules are evaluated for one mail. Nothing outside is touched: the result is what each group's mail became.
//!
//! Before: [`crate::authenticate`]. After: [`crate::assemble`]. The evaluator (`rules`) keeps groups, variables and the
//! order of commands; this file keeps each group's mail and calls the commands.
//!
//! A fault of a command makes the whole mail wait (4xx), with one exception: nothing on the wire may show a stranger what
//! a private key did (security.md X-3). From a stranger's decrypt command on, what fails counts as "no" and is
//! logged; when the time is up, the rules are brought to their end without anything that takes long, so that
//! marks are still stripped and what must not leave does not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::site::User;
use model::{Exhausted, Fault, Guilty};
use rules::attributes;
use rules::{Answer, Ask, Evaluation, GroupEnd, GroupId, RuleSet, Step, TraceStep, Variables};

use crate::commands::{self, Answered};
use crate::scan;
use crate::state::{MailState, Work};

/// For bringing a mail to its end when its time is up and no temporary error may show it.
pub const CLOSING_TIME: Duration = Duration::from_secs(5);

/// What the rules made of one mail.
#[derive(Debug)]
pub struct Decision {
    /// Each group's end, with its mail.
    pub ends: Vec<(GroupEnd, MailState)>,
    evaluation: Evaluation,
}

impl Decision {
    /// What was asked and answered for this group, from the beginning of the mail on.
    #[must_use]
    pub fn way_of(&self, group: GroupId) -> Vec<TraceStep> {
        self.evaluation.trace_of(group)
    }
}

/// Runs the rule set for all recipients of the mail.
///
/// # Errors
/// A temporary fault if the whole mail needs something that can't be had now: nothing of any group is kept.
pub async fn decide(work: &Work, rules: Arc<RuleSet>, mail: MailState) -> Result<Decision, Fault> {
    let scans = rules.scans();
    let evaluation = Evaluation::new(rules, work.envelope.recipients.len());
    let states = HashMap::from([(GroupId(0), mail)]);
    let mut course =
        Course { work, known: work.sender_known(), scans, asked_scanners: false, closing: None, evaluation, states, waiting: None };
    loop {
        if let Some(ends) = course.watch_time()? {
            return course.decision(ends);
        }
        match course.evaluation.step(&Known { work, states: &course.states }) {
            Step::Ask(ask) => course.ask(&ask).await?,
            Step::Fork { from, to } => course.fork(from, to)?,
            Step::Done(ends) => return course.decision(ends),
        }
    }
}

/// One mail on its way.
struct Course<'a> {
    work: &'a Work,
    /// The sender may see what becomes of the mail.
    known: bool,
    /// What the rules will have scanned.
    scans: rules::Scans,
    /// The scanners were asked whether they are there.
    asked_scanners: bool,
    /// The same work with new time, once the first is over.
    closing: Option<Work>,
    evaluation: Evaluation,
    states: HashMap<GroupId, MailState>,
    /// What the two sides of a split become: known with the answer, needed at the fork.
    waiting: Option<(Option<MailState>, Option<MailState>)>,
}

impl Course<'_> {
    /// All ends, if there is no time for anything more.
    fn watch_time(&mut self) -> Result<Option<Vec<GroupEnd>>, Fault> {
        let work = self.closing.as_ref().unwrap_or(self.work);
        let Err(fault) = work.in_time() else { return Ok(None) };
        if self.known || !self.states.values().any(|state| state.key_used) {
            return Err(fault);
        }
        let trace = self.work.trace;
        if self.closing.is_none() {
            tracing::warn!(event = "mail.closing", %trace, "out of time after a key was used: the rest of the rules runs without what takes long");
            self.closing = Some(self.work.with_time(CLOSING_TIME));
            return Ok(None);
        }
        tracing::error!(event = "mail.cut_off", %trace, "out of time again: what was opened is delivered, the rest is discarded");
        let end = |key_used: bool| match key_used {
            true => rules::End::Deliver { server: None },
            false => rules::End::Drop { code: 250, text: String::new() },
        };
        Ok(Some(self.evaluation.cut_off(&end)))
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), Fault> {
        if ask.command.decrypts() && !self.known && !std::mem::replace(&mut self.asked_scanners, true) {
            scan::ready(self.work, self.scans).await?;
        }
        let state = self.states.get(&ask.group).ok_or_else(lost_group)?;
        let decrypts = ask.command.decrypts();
        let hides = !self.known && (state.key_used || decrypts);
        let outcome = match self.divided(ask) {
            Ok(true) => return Ok(()),
            Ok(false) => self.carry_out(ask).await,
            Err(fault) => Err(fault),
        };
        let answered = outcome.or_else(|fault| {
            if !hides {
                return Err(fault);
            }
            let (trace, command) = (self.work.trace, ask.command.name());
            tracing::warn!(event = "mail.command_failed", %trace, command, line = ask.line, code = fault.code, cause = %fault.cause, "counts as no");
            self.states.get(&ask.group).map(|state| commands::not_done(state, &ask.command, decrypts)).ok_or_else(lost_group)
        })?;
        self.take(ask, answered)
    }

    async fn carry_out(&self, ask: &Ask) -> Result<Answered, Fault> {
        let state = self.states.get(&ask.group).ok_or_else(lost_group)?;
        let Some(closing) = &self.closing else {
            let deadline = tokio::time::Instant::from_std(self.work.budget.deadline());
            let work = state.work(self.work);
            let done = tokio::time::timeout_at(deadline, commands::run(&work, state, &ask.recipients, &ask.command));
            return done.await.unwrap_or_else(|_| Err(too_long()));
        };
        if commands::is_costly(&ask.command) {
            return Ok(commands::not_done(state, &ask.command, false));
        }
        commands::run(&state.work(closing), state, &ask.recipients, &ask.command).await
    }

    /// Divides the group if the command must be carried out alone for some of it; then it is asked again for each.
    fn divided(&mut self, ask: &Ask) -> Result<bool, Fault> {
        let state = self.states.get(&ask.group).ok_or_else(lost_group)?;
        if self.closing.is_some() {
            return Ok(false);
        }
        let apart = commands::apart(&state.work(self.work), state, &ask.recipients, &ask.command);
        if apart.is_empty() {
            return Ok(false);
        }
        // Each copy of its own is a whole mail: its bytes, and the form that is being made.
        let need = state.message.bytes().len().saturating_mul(2 * apart.len());
        let room = self.work.memory.lease(need).map_err(|e| Fault::temporary(Guilty::Ourselves, "memory", e.to_string()))?;
        self.evaluation.separate(&apart).map_err(Fault::from)?;
        if let Some(state) = self.states.get_mut(&ask.group) {
            state.room.push(Arc::new(room));
        }
        Ok(true)
    }

    fn take(&mut self, ask: &Ask, answered: Answered) -> Result<(), Fault> {
        let Answered { answer, yes, no, variable, recipients, replies } = answered;
        if let Some((name, value)) = variable {
            self.evaluation.set_variable(&name, value);
        }
        if let Some(recipients) = recipients {
            self.evaluation.replace_recipients(recipients).map_err(Fault::from)?;
        }
        if !replies.is_empty() {
            let made = self.evaluation.reply(replies.len()).map_err(Fault::from)?;
            self.states.extend(made.into_iter().zip(replies));
            return Ok(());
        }
        if ask.command.decrypts() && [&yes, &no].into_iter().flatten().any(|after| after.key_used) {
            self.evaluation.key_used();
        }
        match (&answer, yes, no) {
            (Answer::Yes, Some(state), _) | (Answer::No | Answer::Unknown, _, Some(state)) => drop(self.states.insert(ask.group, state)),
            (Answer::Split(_), yes, no) => self.waiting = Some((yes, no)),
            _ => {}
        }
        self.evaluation.answer(answer).map_err(Fault::from)
    }

    fn fork(&mut self, from: GroupId, to: GroupId) -> Result<(), Fault> {
        let old = self.states.get(&from).cloned().ok_or_else(lost_group)?;
        let (yes, no) = self.waiting.take().unwrap_or_default();
        self.states.insert(to, no.unwrap_or_else(|| old.clone()));
        self.states.insert(from, yes.unwrap_or(old));
        Ok(())
    }

    fn decision(mut self, ends: Vec<GroupEnd>) -> Result<Decision, Fault> {
        let mut with_mail = |end: GroupEnd| self.states.remove(&end.group).map(|state| (end, state)).ok_or_else(lost_group);
        let ends = ends.into_iter().map(&mut with_mail).collect::<Result<_, _>>()?;
        Ok(Decision { ends, evaluation: self.evaluation })
    }
}

/// What the rules can ask about the mail by `$name`.
struct Known<'a> {
    work: &'a Work,
    states: &'a HashMap<GroupId, MailState>,
}

impl Variables for Known<'_> {
    fn get(&self, group: GroupId, name: &str) -> Option<String> {
        self.states.get(&group).and_then(|state| variable(&state.work(self.work), state, name))
    }
}

/// Values that rules may write as `$name` (ruleset-language.md "Form").
pub(crate) fn variable(work: &Work, state: &MailState, name: &str) -> Option<String> {
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
        // Of an account only: rules ask by it whether the sender has one.
        "user_mail" => user().map_or_else(String::new, |user| user.address.to_string()),
        "user_name" => user().map_or_else(String::new, |user| user.name.clone()),
        "admin" => crate::notice::postmaster(&work.site),
        "connect_from" => peer,
        "vscanresult" => state.scanned.clone().unwrap_or_default(),
        "spf" | "dkim" | "dmarc" => crate::origin_checks::variable(work.checks.as_deref(), name),
        attribute if rules::attributes::attribute(attribute) == Some(attribute) => {
            user().and_then(|user| user_attribute(user, attribute)).unwrap_or_default()
        }
        _ => return None,
    })
}

/// What `setuserattr` has set in an earlier mail, or somebody has entered.
fn user_attribute(user: &User, name: &str) -> Option<String> {
    match name {
        attributes::ACCOUNT_OPTIONS => Some((u32::from(user.may_not_encrypt) + 4 * u32::from(user.may_not_sign)).to_string()),
        attributes::UID => Some(user.user_id.clone()),
        attributes::USER_PASSWORD => None,
        other => user.attributes.get(other).cloned(),
    }
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

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
