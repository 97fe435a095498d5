//! The scanners beside us as the console shows them: there or not, and how old their data are (mail-gateway.md M-P10).

use std::time::Duration;

use crate::Timestamp;

/// From this age on an engine's data are old.
pub const DATA_OLD: Duration = Duration::from_secs(2 * 86_400);

/// One engine, as it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineState {
    /// `clamd`, `rspamd`.
    pub name: &'static str,
    /// Where it is, as `[protection]` says.
    pub place: String,
    /// It answers.
    pub up: bool,
    /// What it calls itself; empty if it does not say.
    pub version: String,
    /// When its data were made; 0 if it does not say.
    pub data_made: Timestamp,
    /// When it was asked.
    pub asked: Timestamp,
    /// Why it does not answer, for administrators.
    pub cause: String,
}

impl EngineState {
    /// How old its data are, if they are old.
    #[must_use]
    pub fn old_by(&self, now: Timestamp) -> Option<Duration> {
        let age = now.since(self.data_made);
        (self.up && self.data_made.0 > 0 && age >= DATA_OLD).then_some(age)
    }
}

/// The engines of this node.
pub trait Engines: Send + Sync {
    /// All that the site names, as they were last asked. Never waits.
    fn engines(&self) -> Vec<EngineState>;
}

/// None.
impl Engines for () {
    fn engines(&self) -> Vec<EngineState> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_p10_data_are_old_from_two_days_on() {
        let now = Timestamp(1_795_297_474_000_000);
        let aged = |seconds: i64| EngineState {
            name: "clamd",
            place: String::new(),
            up: true,
            version: String::new(),
            data_made: Timestamp(now.0 - seconds * 1_000_000),
            asked: now,
            cause: String::new(),
        };
        assert_eq!(aged(2 * 86_400 - 1).old_by(now), None);
        assert_eq!(aged(2 * 86_400).old_by(now), Some(DATA_OLD));
        assert_eq!(EngineState { up: false, ..aged(5 * 86_400) }.old_by(now), None, "that it is away is said elsewhere");
        assert_eq!(EngineState { data_made: Timestamp(0), ..aged(0) }.old_by(now), None, "unknown");
    }
}
