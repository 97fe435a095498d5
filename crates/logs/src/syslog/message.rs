//! One event as an RFC 5424 message.
//!
//! The event's name is MSGID; the text begins with the trace id in brackets, as in every log line, then the words, then `name=value`. There
//! is no structured data: its names would need a number that we don't have.

use std::fmt::Write;

use model::Timestamp;

/// Facility "mail system" (RFC 5424 §6.2.1).
const FACILITY: u8 = 2;
/// Longest message of a datagram: what every receiver should take (RFC 5426 §3.2).
pub const DATAGRAM_MAX: usize = 2_048;
/// Longest message of a stream: what every receiver should take (RFC 5425 §4.3.1).
pub const STREAM_MAX: usize = 8_192;

/// How bad it is, in syslog's numbers: 0 is the worst (RFC 5424 §6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Severity(u8);

impl Severity {
    /// `error`.
    pub const ERROR: Self = Self(3);
    /// `warning`.
    pub const WARNING: Self = Self(4);
    /// `informational`.
    pub const INFO: Self = Self(6);
    /// `debug`.
    pub const DEBUG: Self = Self(7);

    /// Of a level of the rule command `log()`, 0 to 7: 7 − level.
    #[must_use]
    pub fn of_rule(level: u64) -> Self {
        Self(7 - u8::try_from(level.min(7)).unwrap_or(7))
    }
}

/// Who speaks.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Our host name.
    pub host: String,
    /// Our process id.
    pub process: u32,
}

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// Its name, or empty.
    pub name: String,
    /// Whose story, or empty.
    pub trace: String,
    /// Words.
    pub words: String,
    /// Everything else, in order.
    pub fields: Vec<(String, String)>,
}

/// The message, at most [`STREAM_MAX`] octets.
#[must_use]
pub fn format(origin: &Origin, at: Timestamp, severity: Severity, event: &Event) -> String {
    let time = jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| "-".to_owned(), |at| format!("{at:.6}"));
    let (host, id) = (word(&origin.host, 255), word(&event.name, 32));
    let mut text = String::new();
    if !event.trace.is_empty() {
        let _ = write!(text, "[{}] ", clean(&event.trace));
    }
    if !event.words.is_empty() {
        let _ = write!(text, "{} ", clean(&event.words));
    }
    for (name, value) in &event.fields {
        let _ = write!(text, "{}={} ", clean(name), quoted(value));
    }
    let mark = if text.is_ascii() { "" } else { "\u{feff}" };
    let head = format!("<{}>1 {time} {host} sealgate {} {id} - {mark}", FACILITY * 8 + severity.0, origin.process);
    cut(format!("{head}{}", text.trim_end()), STREAM_MAX)
}

/// At most so many octets, whole characters.
#[must_use]
pub fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// A header field: printable ASCII without blanks (RFC 5424 §6).
fn word(text: &str, most: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// Without anything that a receiver could take for the end of a message.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn quoted(value: &str) -> String {
    let plain = !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\'));
    if plain { value.to_owned() } else { format!("\"{}\"", clean(value).replace('\\', "\\\\").replace('"', "\\\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_795_297_474_500_000);

    fn origin() -> Origin {
        Origin { host: "gate.company.example".into(), process: 7 }
    }

    #[test]
    fn an_event_is_one_message_of_rfc_5424() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let event = Event {
            name: "mail.bounced".into(),
            trace: "01jd".into(),
            words: "given up".into(),
            fields: vec![field("to", "bob@partner.example"), field("reply", "550 \"no\"\r\n<1>forged"), field("empty", "")],
        };
        assert_eq!(
            format(&origin(), AT, Severity::WARNING, &event),
            "<20>1 2026-11-21T21:44:34.500000Z gate.company.example sealgate 7 mail.bounced - [01jd] given up to=bob@partner.example \
             reply=\"550 \\\"no\\\"  <1>forged\" empty=\"\""
        );
        let other = Event { words: "Grüße".into(), ..Event::default() };
        assert!(
            format(&Origin { host: "a b".into(), process: 1 }, AT, Severity::INFO, &other).ends_with(" ab sealgate 1 - - \u{feff}Grüße")
        );
    }

    #[test]
    fn severity_is_seven_less_the_rules_level() {
        for level in 0..=7u8 {
            assert_eq!(Severity::of_rule(level.into()), Severity(7 - level));
        }
        assert_eq!((Severity::of_rule(99), Severity::of_rule(3)), (Severity(0), Severity::WARNING));
    }

    #[test]
    fn a_long_one_is_cut_between_characters() {
        let event = Event { words: "ü".repeat(STREAM_MAX), ..Event::default() };
        let text = format(&origin(), AT, Severity::INFO, &event);
        assert!(text.len() <= STREAM_MAX && text.len() > STREAM_MAX - 4);
        assert_eq!(cut("aü".into(), 2), "a");
    }
}
