//! What was asked and answered: the story of one decision, for the log, the simulator and replays.
//!
//! It shows commands as they are written, never the values of variables, so no subject and no secret of a
//! mail gets into it (security.md X-21).

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::GroupId;
use crate::check::Step;

/// One command and its answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceStep {
    /// The group that it was asked for.
    pub group: GroupId,
    /// Line in the rule set.
    pub line: usize,
    /// The command's name.
    pub command: &'static str,
    /// The call as the rule set writes it.
    #[serde(serialize_with = "as_text")]
    pub written: Arc<str>,
    /// `yes`, `no`, `unknown`, `temporary`, or `end`.
    pub answer: &'static str,
    /// Milliseconds between ask and answer.
    pub ms: f64,
}

fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// A group that came out of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fork {
    pub(crate) from: GroupId,
    pub(crate) to: GroupId,
    /// Steps that both have in common.
    pub(crate) after: usize,
}

/// All steps and forks of an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    steps: Vec<TraceStep>,
    forks: Vec<Fork>,
}

impl Trace {
    pub(crate) fn steps(&self) -> &[TraceStep] {
        &self.steps
    }

    pub(crate) fn push(&mut self, group: GroupId, step: &Step, answer: &'static str, took: Duration) {
        let ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        let (command, written) = (step.action.name(), Arc::clone(&step.written));
        self.steps.push(TraceStep { group, line: step.line, command, written, answer, ms });
    }

    pub(crate) fn fork(&mut self, from: GroupId, to: GroupId) -> Fork {
        let fork = Fork { from, to, after: self.steps.len() };
        self.forks.push(fork);
        fork
    }

    pub(crate) fn of(&self, group: GroupId) -> Vec<TraceStep> {
        let mut way = vec![(group, self.steps.len())];
        let mut child = group;
        for fork in self.forks.iter().rev() {
            if fork.to == child {
                way.push((fork.from, fork.after));
                child = fork.from;
            }
        }
        let belongs = |(place, step): &(usize, &TraceStep)| way.iter().any(|(id, until)| *id == step.group && *place < *until);
        self.steps.iter().enumerate().filter(belongs).map(|(_, step)| step.clone()).collect()
    }
}
