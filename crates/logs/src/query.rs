//! What somebody looks for in the stories. All that is given must fit; an empty query fits every mail.

use model::{Fault, Guilty, Timestamp, TraceId};
use serde::Serialize;

use crate::archive::hash;
use crate::line::{Line, instant, keys};

/// What became of a mail, or of one of its recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Accepted, not yet processed.
    Waiting,
    /// The next hop has it.
    Delivered,
    /// Is tried again.
    Deferred,
    /// Given up; the sender was told.
    Bounced,
    /// Never accepted.
    Refused,
    /// Not taken yet: the greylist lets its sender wait (M-P1).
    Greylisted,
    /// A rule sent it nowhere.
    Discarded,
    /// An administrator took it out of the queue.
    Removed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Waiting, Self::Delivered, Self::Deferred, Self::Bounced, Self::Refused, Self::Greylisted, Self::Discarded, Self::Removed];

    /// The word in queries and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Refused => "refused",
            Self::Greylisted => "greylisted",
            Self::Discarded => "discarded",
            Self::Removed => "removed",
        }
    }

    /// The event that says so.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Waiting => "mail.accepted",
            Self::Delivered => "mail.delivered",
            Self::Deferred => "mail.deferred",
            Self::Bounced => "mail.bounced",
            Self::Refused => "mail.refused",
            Self::Greylisted => "mail.greylisted",
            Self::Discarded => "mail.discarded",
            Self::Removed => "mail.removed",
        }
    }

    /// From the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// From the event.
    #[must_use]
    pub fn from_event(event: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.event() == event)
    }
}

/// A question, as people and programs write it. Empty texts ask nothing.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// A trace id, whole.
    pub trace: &'a str,
    /// An address that sent or got it.
    pub address: &'a str,
    /// Envelope sender: an address, or a domain.
    pub from: &'a str,
    /// Envelope recipient: an address, or a domain.
    pub to: &'a str,
    /// A domain that sent or got it.
    pub domain: &'a str,
    /// The client's address.
    pub peer: &'a str,
    /// Message-ID, with or without its brackets.
    pub message_id: &'a str,
    /// From then on: RFC 3339, or so long ago (`2h`).
    pub since: &'a str,
    /// Before then, likewise.
    pub until: &'a str,
    /// An outcome's word.
    pub outcome: &'a str,
    /// Words in any field of any line, in any case.
    pub text: &'a str,
}

/// A question that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// A trace id.
    pub trace: Option<String>,
    /// Something that stands in a field of the story, by look-up form.
    pub named: Vec<Named>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Lower case.
    pub text: Option<String>,
}

/// A name that must stand in one of some fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The fields.
    pub fields: &'static [&'static str],
    /// Look-up form.
    pub key: String,
    /// The whole value, an address, or the domain of an address.
    pub part: Part,
}

/// What of a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// One of its addresses.
    Address,
    /// The domain of one of its addresses.
    Domain,
}

impl Query {
    /// Checks what was asked.
    ///
    /// # Errors
    /// `bad-field`, with the field and what is expected.
    pub fn parse(asked: &Asked<'_>, now: Timestamp) -> Result<Self, Fault> {
        let mut query = Self { since: time("since", asked.since, now)?, until: time("until", asked.until, now)?, ..Self::default() };
        if !asked.trace.is_empty() {
            let trace = asked.trace.trim().to_ascii_lowercase();
            query.trace = Some(TraceId::parse(&trace).ok_or_else(|| bad("trace", "expected 26 letters and digits"))?.to_string());
        }
        for (field, fields, text) in [
            ("address", &["from", "to"][..], asked.address),
            ("from", &["from"][..], asked.from),
            ("to", &["to"][..], asked.to),
            ("domain", &["from", "to"][..], asked.domain),
        ] {
            query.named.extend(mailbox(field, fields, text)?);
        }
        if !asked.peer.is_empty() {
            let peer: std::net::IpAddr = asked.peer.trim().parse().map_err(|_| bad("peer", "expected an IP address"))?;
            query.named.push(Named { fields: &["peer"], key: peer.to_canonical().to_string(), part: Part::Whole });
        }
        if !asked.message_id.is_empty() {
            let bare = asked.message_id.trim().trim_start_matches('<').trim_end_matches('>');
            query.named.push(Named { fields: &["message_id"], key: bare.to_owned(), part: Part::Whole });
        }
        if !asked.outcome.is_empty() {
            let words = Outcome::ALL.map(Outcome::word).join(", ");
            query.outcome = Some(Outcome::from_word(asked.outcome).ok_or_else(|| bad("outcome", &format!("expected one of {words}")))?);
        }
        if !asked.text.is_empty() {
            query.text = Some(asked.text.to_lowercase());
        }
        Ok(query)
    }

    /// Tokens that every line has which this query can be recognised by; empty: any line may have it.
    #[must_use]
    pub fn lead(&self) -> Lead<'_> {
        if let Some(trace) = &self.trace {
            return Lead::Trace(trace);
        }
        // What most mails have is the worse guide.
        let rare = self.outcome.filter(|outcome| !matches!(outcome, Outcome::Delivered | Outcome::Waiting));
        if let Some(outcome) = rare {
            return Lead::Outcome(outcome);
        }
        if let Some(named) = self.named.iter().min_by_key(|named| named.part == Part::Domain) {
            return Lead::Named(named);
        }
        if let Some(text) = &self.text {
            return Lead::Text(text);
        }
        self.outcome.map_or(Lead::Any, Lead::Outcome)
    }

    /// Is an instant within the asked time?
    #[must_use]
    pub fn in_time(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// The part of a query that lines are looked for by; the rest is asked of the whole story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead<'a> {
    /// Lines of this story.
    Trace(&'a str),
    /// Lines that name this.
    Named(&'a Named),
    /// Lines that say this outcome.
    Outcome(Outcome),
    /// Lines with this text, lower case.
    Text(&'a str),
    /// The first line of any mail.
    Any,
}

impl Lead<'_> {
    /// What the index of a block must have, or the block need not be opened.
    #[must_use]
    pub fn token(&self) -> Option<u32> {
        match self {
            Self::Trace(trace) => Some(hash(trace)),
            Self::Named(named) => Some(hash(&named.key)),
            Self::Outcome(outcome) => Some(hash(outcome.event())),
            Self::Text(_) | Self::Any => None,
        }
    }

    /// Is this such a line?
    #[must_use]
    pub fn fits(&self, line: &Line) -> bool {
        match self {
            Self::Trace(trace) => line.trace == *trace,
            Self::Named(named) => line.event.starts_with("mail.") && named.fits(line),
            Self::Outcome(outcome) => line.event == outcome.event(),
            // A key's id leads to the mails that it was used for.
            Self::Text(text) => {
                (line.event.starts_with("mail.") || ["rule.log", "key.used"].contains(&line.event.as_str())) && has_text(line, text)
            }
            Self::Any => matches!(line.event.as_str(), "mail.accepted" | "mail.refused"),
        }
    }
}

impl Named {
    /// Does the line name it?
    #[must_use]
    pub fn fits(&self, line: &Line) -> bool {
        self.fields.iter().any(|field| match self.part {
            Part::Whole => line.text(field) == self.key,
            Part::Address => line.addresses(field).any(|address| keys(address).0 == self.key),
            Part::Domain => line.addresses(field).any(|address| keys(address).1.as_ref() == Some(&self.key)),
        })
    }
}

/// Does any field have this text (lower case)?
#[must_use]
pub fn has_text(line: &Line, text: &str) -> bool {
    line.fields.iter().any(|(name, value)| match value {
        serde_json::Value::String(value) => name != "timestamp" && value.to_lowercase().contains(text),
        other => other.to_string().contains(text),
    })
}

/// `alice@company.example`, or a domain: `company.example`, `@company.example`.
fn mailbox(field: &str, fields: &'static [&'static str], text: &str) -> Result<Option<Named>, Fault> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>');
    if text.is_empty() {
        return Ok(None);
    }
    let bare = text.strip_prefix('@').unwrap_or(text);
    if !bare.contains('@') {
        let key = model::address::normal_domain(bare).ok_or_else(|| bad(field, "expected an address or a domain"))?;
        return Ok(Some(Named { fields, key, part: Part::Domain }));
    }
    if field == "domain" {
        return Err(bad(field, "expected a domain, as in company.example"));
    }
    let address = model::Address::parse(text).map_err(|_| bad(field, "expected an address or a domain"))?;
    Ok(Some(Named { fields, key: address.key().as_str().to_owned(), part: Part::Address }))
}

fn time(field: &str, text: &str, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(span) = model::settings::Span::parse(text) {
        return Ok(Some(Timestamp(now.0.saturating_sub(i64::try_from(span.0.as_micros()).unwrap_or(i64::MAX)))));
    }
    let day = text.parse::<jiff::civil::Date>().ok().and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let at = day.map(|day| Timestamp(day.timestamp().as_microsecond())).or_else(|| instant(text));
    at.map(Some).ok_or_else(|| bad(field, "expected a time, as in 2026-11-21T10:00:00Z or 2026-11-21, or how long ago, as in 2h"))
}

fn bad(field: &str, expected: &str) -> Fault {
    Fault::permanent(Guilty::Sender, "bad-field", format!("{field}: {expected}")).with("field", field).with("expected", expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_297_474_000_000);

    #[test]
    fn what_is_asked_is_checked() {
        let trace = TraceId::new().to_string();
        let asked = Asked {
            trace: &trace.to_uppercase(),
            from: "Alice@COMPANY.example",
            to: "@Bücher.example",
            peer: "::ffff:192.0.2.1",
            since: "2h",
            until: "2026-11-21T21:44:34Z",
            outcome: "bounced",
            text: "Später",
            message_id: "1@x",
            ..Asked::default()
        };
        let query = Query::parse(&asked, NOW).unwrap();
        assert_eq!((query.trace.as_deref(), query.outcome), (Some(trace.as_str()), Some(Outcome::Bounced)));
        let keys: Vec<&str> = query.named.iter().map(|named| named.key.as_str()).collect();
        assert_eq!(keys, ["alice@company.example", "xn--bcher-kva.example", "192.0.2.1", "1@x"]);
        assert!(query.in_time(Timestamp(NOW.0 - 1)) && !query.in_time(NOW) && !query.in_time(Timestamp(NOW.0 - 7_200_000_001)));
        for (asked, field) in [
            (Asked { trace: "x", ..Asked::default() }, "trace"),
            (Asked { from: "a b@c", ..Asked::default() }, "from"),
            (Asked { domain: "a@b.example", ..Asked::default() }, "domain"),
            (Asked { peer: "host", ..Asked::default() }, "peer"),
            (Asked { since: "yesterday", ..Asked::default() }, "since"),
            (Asked { outcome: "lost", ..Asked::default() }, "outcome"),
        ] {
            let fault = Query::parse(&asked, NOW).unwrap_err();
            assert_eq!((fault.code, fault.args[0].1.as_str()), ("bad-field", field));
        }
    }

    #[test]
    fn the_rarest_part_leads() {
        let lead = |asked: Asked<'_>| format!("{:?}", Query::parse(&asked, NOW).unwrap().lead());
        assert_eq!(lead(Asked::default()), "Any");
        assert!(lead(Asked { domain: "x.example", address: "a@x.example", ..Asked::default() }).contains("Address"));
        assert!(lead(Asked { domain: "x.example", outcome: "bounced", ..Asked::default() }).contains("Outcome"));
        assert!(lead(Asked { domain: "x.example", outcome: "delivered", ..Asked::default() }).contains("Named"));
        assert!(lead(Asked { text: "x", outcome: "delivered", ..Asked::default() }).contains("Text"));
    }
}
