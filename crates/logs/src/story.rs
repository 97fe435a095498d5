//! One mail's lines, put together: from whom, to whom, what became of each recipient.

use std::collections::BTreeMap;

use model::{Timestamp, TraceId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::line::{Line, keys};
use crate::query::{Lead, Outcome, Query, has_text};

/// Lines of one story that are kept; of a longer one the first and the newest ones.
pub const LINES_MAX: usize = 2_000;
/// Before the subject, in the line that the generator's `log_subject` writes.
const SUBJECT: &str = "subject: ";

/// What is known of one mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Story {
    /// Its trace id; empty for a client that was refused before its mail had one.
    pub trace: String,
    /// First line, RFC 3339.
    pub time: String,
    /// The client.
    pub peer: String,
    /// Envelope sender; empty for bounces.
    pub from: String,
    /// Octets; 0 if unknown.
    pub size: u64,
    /// Message-ID.
    pub message_id: String,
    /// Subject, if the site logs subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What became of it: of several recipients, what needs a look first.
    pub outcome: Option<Outcome>,
    /// Why it was refused, or a stable code.
    pub reason: String,
    /// Each recipient.
    pub recipients: Vec<Recipient>,
    /// All lines, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Map<String, Value>>>,
    /// Lines that were left out because there are too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
    #[serde(skip)]
    lines: Vec<Line>,
}

/// One recipient of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// What the next hop said last.
    pub reply: String,
    /// When that was, RFC 3339.
    pub time: String,
    /// Tries.
    pub tries: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Story {
    /// Begins with its trace.
    #[must_use]
    pub fn of(trace: &str) -> Self {
        Self { trace: trace.to_owned(), ..Self::default() }
    }

    /// Takes a line; lines come in the order in which they were written.
    pub fn add(&mut self, line: Line) {
        if self.lines.len() >= LINES_MAX {
            // The newest are what became of it; the first says what it is.
            self.lines.remove(LINES_MAX / 2);
            self.left_out += 1;
        }
        self.lines.push(line);
    }

    /// True once every recipient's fate is final, as far as the lines tell.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let told = self.told();
        let accepted = self.lines.iter().find(|line| line.event == "mail.accepted");
        let known = accepted.is_some_and(|line| line.addresses("to").all(|to| told.contains_key(&keys(to).0)));
        known && told.values().all(|one| !matches!(one.outcome, Some(Outcome::Waiting | Outcome::Deferred)))
            || self.lines.iter().any(|line| matches!(line.event.as_str(), "mail.refused" | "mail.removed"))
    }

    /// Fills in what the lines say. `events`: keeps them all.
    #[must_use]
    pub fn finish(mut self, events: bool) -> Self {
        let mut told = self.told();
        let mut all = Vec::new();
        let lines = std::mem::take(&mut self.lines);
        for line in &lines {
            if self.time.is_empty() {
                self.time = rfc3339(line.at);
            }
            match line.event.as_str() {
                "mail.accepted" => {
                    self.take_facts(line);
                    all.extend(line.addresses("to").map(str::to_owned));
                }
                "mail.refused" => {
                    self.take_facts(line);
                    all.extend(line.addresses("to").map(str::to_owned));
                    self.outcome = Some(Outcome::Refused);
                    self.reason = [line.text("code"), line.text("cause")].join(" ").trim().to_owned();
                }
                // Lines of their own, before a mail has an id.
                "mail.greylisted" | "mail.greylist_passed" | "mail.greylist_learned" => {
                    self.take_facts(line);
                    all.extend(line.addresses("to").map(str::to_owned));
                    self.outcome = (line.event == "mail.greylisted").then_some(Outcome::Greylisted);
                    self.reason = greylisted(line);
                }
                "rule.log" => {
                    if let Some(subject) = line.text("text").strip_prefix(SUBJECT) {
                        self.subject = Some(subject.to_owned());
                    }
                }
                _ => {}
            }
        }
        // What was said of all of it, at its beginning.
        let of_all = self.outcome;
        let accepted = lines.iter().any(|line| line.event == "mail.accepted");
        for address in all {
            let fate = told.remove(&keys(&address).0);
            let waiting = Recipient { outcome: of_all.or(accepted.then_some(Outcome::Waiting)), ..Recipient::default() };
            self.recipients.push(Recipient { address, ..fate.unwrap_or(waiting) });
        }
        // Whom nobody named at first: receivers of bounces and notices, other addresses by rule.
        self.recipients.extend(told.into_values());
        if lines.iter().any(|line| line.event == "mail.removed") {
            for one in self.recipients.iter_mut().filter(|one| matches!(one.outcome, Some(Outcome::Waiting | Outcome::Deferred))) {
                one.outcome = Some(Outcome::Removed);
            }
        }
        if of_all.is_none() {
            self.outcome = self.recipients.iter().filter_map(|one| one.outcome).max_by_key(|outcome| weight(*outcome));
        }
        if events {
            self.events = Some(lines.iter().map(|line| line.fields.clone()).collect());
        }
        self.lines = lines;
        self
    }

    fn take_facts(&mut self, line: &Line) {
        for (into, name) in [(&mut self.peer, "peer"), (&mut self.from, "from"), (&mut self.message_id, "message_id")] {
            let value = match line.fields.get(name) {
                Some(Value::String(value)) => value.as_str(),
                _ => continue,
            };
            value.clone_into(into);
        }
        self.size = line.number("size").unwrap_or(self.size);
    }

    /// The latest fate of each recipient that a line names, by look-up form.
    fn told(&self) -> BTreeMap<String, Recipient> {
        let mut told: BTreeMap<String, Recipient> = BTreeMap::new();
        for line in &self.lines {
            let outcome = match Outcome::from_event(&line.event) {
                Some(outcome @ (Outcome::Delivered | Outcome::Deferred | Outcome::Bounced | Outcome::Discarded)) => outcome,
                _ => continue,
            };
            for address in line.addresses("to") {
                let one = told.entry(keys(address).0).or_default();
                one.address = address.to_owned();
                one.outcome = Some(outcome);
                one.reply = [line.text("reply"), line.text("why")].join("");
                one.time = rfc3339(line.at);
                one.tries += u64::from(outcome != Outcome::Discarded);
            }
        }
        told
    }

    /// Does the whole story fit a query? Before [`Self::finish`] nothing does.
    #[must_use]
    pub fn fits(&self, query: &Query) -> bool {
        query.trace.as_ref().is_none_or(|trace| *trace == self.trace)
            && query.named.iter().all(|named| self.lines.iter().any(|line| named.fits(line)))
            && query.text.as_ref().is_none_or(|text| self.lines.iter().any(|line| has_text(line, text)))
            && query.outcome.is_none_or(|wanted| {
                self.outcome == Some(wanted) || self.recipients.iter().any(|recipient| recipient.outcome == Some(wanted))
            })
    }

    /// The newest line within the asked time that leads to this story: it is shown there and nowhere else.
    #[must_use]
    pub fn leading(&self, lead: Lead<'_>, query: &Query) -> Option<&Line> {
        self.lines.iter().rev().find(|line| lead.fits(line) && query.in_time(line.at))
    }

    /// When it can have begun at the earliest: a trace id holds the instant of its making (RFC 9562 §5.7).
    #[must_use]
    pub fn born(trace: &str) -> Timestamp {
        let Some(id) = TraceId::parse(trace) else { return Timestamp(0) };
        let [a, b, c, d, e, f, ..] = id.to_be_bytes();
        let ms = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Timestamp(i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX))
    }
}

/// Of several recipients' outcomes the one that is shown for the mail.
const fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Delivered => 0,
        Outcome::Discarded => 1,
        Outcome::Removed => 2,
        Outcome::Waiting => 3,
        Outcome::Deferred => 4,
        Outcome::Greylisted => 5,
        Outcome::Bounced => 6,
        Outcome::Refused => 7,
    }
}

/// Why the greylist did what it did.
fn greylisted(line: &Line) -> String {
    let seconds = |name: &str| line.number(name).unwrap_or_default();
    match line.event.as_str() {
        "mail.greylisted" => format!("{}, {} s to wait", line.text("why"), seconds("wait_seconds")),
        "mail.greylist_passed" => format!("passed after {} s", seconds("waited_seconds")),
        _ => "learned: without learning mode it would have waited".to_owned(),
    }
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| at.rfc3339(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(lines: &[&str]) -> Story {
        let mut story = Story::of("t");
        for (second, line) in lines.iter().enumerate() {
            let text = format!("{{\"timestamp\":\"2026-11-21T21:44:{second:02}Z\",\"trace\":\"t\",{line}}}");
            story.add(Line::parse(text.as_bytes()).unwrap());
        }
        story
    }

    const ACCEPTED: &str =
        r#""event":"mail.accepted","peer":"192.0.2.1","from":"a@x.example","to":"B@y.example, c@y.example","size":9,"message_id":"<1@x>""#;

    #[test]
    fn s_6_each_recipient_has_its_fate_and_the_mail_the_worst() {
        let lines = [
            ACCEPTED,
            r#""event":"rule.log","level":1,"text":"subject: Hello""#,
            r#""event":"mail.deferred","to":"b@y.example","reply":"451 later""#,
            r#""event":"mail.bounced","to":"c@y.example","reply":"550 unknown""#,
        ];
        let story = story(&lines);
        assert!(!story.is_over());
        let shown = story.clone().finish(false);
        assert_eq!((shown.outcome, shown.subject.as_deref(), shown.from.as_str()), (Some(Outcome::Bounced), Some("Hello"), "a@x.example"));
        let fates: Vec<_> = shown.recipients.iter().map(|r| (r.address.as_str(), r.outcome.unwrap(), r.tries)).collect();
        assert_eq!(fates, [("B@y.example", Outcome::Deferred, 1), ("c@y.example", Outcome::Bounced, 1)]);
        assert_eq!(shown.events, None);
        let mut story = story;
        story.add(
            Line::parse(
                br#"{"timestamp":"2026-11-21T21:45:00Z","trace":"t","event":"mail.delivered","to":"b@y.example","reply":"250 ok"}"#,
            )
            .unwrap(),
        );
        assert!(story.is_over());
        let shown = story.finish(true);
        assert_eq!((shown.recipients[0].outcome, shown.recipients[0].tries), (Some(Outcome::Delivered), 2));
        assert_eq!(shown.events.unwrap().len(), 5);
    }

    #[test]
    fn a_mail_that_nobody_took_is_refused_for_all() {
        let shown =
            story(&[r#""event":"mail.refused","peer":"192.0.2.1","from":"a@x.example","to":"b@y.example","code":"no-relay","cause":"no""#])
                .finish(false);
        assert_eq!((shown.outcome, shown.reason.as_str()), (Some(Outcome::Refused), "no-relay no"));
        assert_eq!(shown.recipients[0].outcome, Some(Outcome::Refused));
        let shown = story(&[ACCEPTED, r#""event":"mail.removed""#]).finish(false);
        assert_eq!(shown.outcome, Some(Outcome::Removed));
        assert_eq!(story(&[ACCEPTED]).finish(false).outcome, Some(Outcome::Waiting));
    }

    #[test]
    fn m_p1_what_the_greylist_did_is_told_with_why() {
        let who = r#""peer":"192.0.2.9","from":"eve@x.example","to":"b@y.example""#;
        for (event, more, outcome, reason) in [
            ("mail.greylisted", r#""why":"first try","wait_seconds":300"#, Some(Outcome::Greylisted), "first try, 300 s to wait"),
            ("mail.greylist_passed", r#""waited_seconds":301"#, None, "passed after 301 s"),
            ("mail.greylist_learned", r#""level":"INFO""#, None, "learned: without learning mode it would have waited"),
        ] {
            let line = format!(r#"{{"timestamp":"2026-11-21T21:44:34Z","event":"{event}",{who},{more}}}"#);
            let mut story = Story::of("");
            story.add(Line::parse(line.as_bytes()).unwrap());
            let shown = story.finish(false);
            assert_eq!((shown.peer.as_str(), shown.from.as_str(), shown.reason.as_str()), ("192.0.2.9", "eve@x.example", reason));
            let to: Vec<_> = shown.recipients.iter().map(|one| (one.address.as_str(), one.outcome)).collect();
            assert_eq!((shown.outcome, to), (outcome, vec![("b@y.example", outcome)]), "{event}");
        }
    }

    #[test]
    fn a_story_without_end_keeps_its_beginning_and_its_newest_lines() {
        let mut story = story(&[ACCEPTED]);
        let deferred =
            Line::parse(br#"{"timestamp":"2026-11-21T21:45:00Z","trace":"t","event":"mail.deferred","to":"b@y.example"}"#).unwrap();
        for _ in 0..LINES_MAX + 10 {
            story.add(deferred.clone());
        }
        let shown = story.finish(true);
        assert_eq!((shown.left_out, shown.events.unwrap().len(), shown.from.as_str()), (11, LINES_MAX, "a@x.example"));
    }

    #[test]
    fn a_trace_tells_when_it_was_made() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let born = Story::born(&TraceId::new().to_string());
        assert!((born.0 - now.as_micros() as i64).abs() < 5_000_000);
        assert_eq!(Story::born("x"), Timestamp(0));
    }
}
