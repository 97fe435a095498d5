//! The mail log: a search by trace id, address, domain or client, and one mail's whole story (S-6).

use admin::log::LogSearch;
use axum::extract::{Path, State};
use axum::response::Response;
use logs::query::Asked as Wanted;
use logs::{Outcome, Story};
use minijinja::context;
use model::TraceId;
use web::form::encode;
use web::{Caller, Cell, Column, Failed, Field, FieldKind, Kit, Table, Tone};

use crate::gather::{Asked, ROWS, not_found};
use crate::say::Say;
use crate::state::ConsoleState;
use crate::view::LogPage;

/// Fields of a line that the table of a story shows elsewhere.
const SHOWN: [&str; 4] = ["timestamp", "level", "event", "trace"];

/// `GET /log?q=WORDS&outcome=WORD&after=CURSOR`.
///
/// # Errors
/// `bad-field` for an outcome that there is none of.
pub async fn list(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let (words, outcome, after) = (asked.text("q").trim(), asked.text("outcome"), asked.text("after"));
    let search = LogSearch { asked: Wanted { outcome, ..guess(words) }, after, limit: ROWS, events: false };
    let found = state.admin().log_search(&caller.actor, &search).await?;
    let page = LogPage {
        stories: found.stories,
        words: words.to_owned(),
        outcome: outcome.to_owned(),
        here: (!after.is_empty()).then(|| after.to_owned()),
        next: found.next,
        in_time: found.in_time,
        damaged: found.damaged,
    };
    draw_list(state.kit(), &caller, &page)
}

/// `GET /log/{trace}`.
///
/// # Errors
/// `not-found`.
pub async fn show(State(state): State<ConsoleState>, caller: Caller, Path(trace): Path<String>) -> Result<Response, Failed> {
    TraceId::parse(&trace).ok_or_else(not_found)?;
    let search = LogSearch { asked: Wanted { trace: &trace, ..Wanted::default() }, limit: 1, events: true, ..LogSearch::default() };
    let story = state.admin().log_search(&caller.actor, &search).await?.stories.pop().ok_or_else(not_found)?;
    draw_story(state.kit(), &caller, &story)
}

/// What one line of words means: a trace id, a client, an address, a domain; else words in any line.
#[must_use]
pub fn guess(words: &str) -> Wanted<'_> {
    if TraceId::parse(&words.to_ascii_lowercase()).is_some() {
        Wanted { trace: words, ..Wanted::default() }
    } else if words.parse::<std::net::IpAddr>().is_ok() {
        Wanted { peer: words, ..Wanted::default() }
    } else if model::Address::parse(words).is_ok() {
        Wanted { address: words, ..Wanted::default() }
    } else if words.contains('.') && model::address::normal_domain(words.trim_start_matches('@')).is_some() {
        Wanted { domain: words, ..Wanted::default() }
    } else {
        Wanted { text: words, ..Wanted::default() }
    }
}

/// Draws the search and what it found.
///
/// # Errors
/// When a template fails.
pub fn draw_list(kit: &Kit, caller: &Caller, page: &LogPage) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let heads = ["log-time", "log-from", "log-to", "log-outcome", "log-peer", "log-size"];
    let mut columns = heads.map(|id| Column::text(say.t(id))).to_vec();
    if let Some(size) = columns.last_mut() {
        size.number = true;
    }
    let rows = page.stories.iter().map(|story| {
        vec![
            if story.trace.is_empty() { Cell::text(story.time.clone()) } else { Cell::link(story.time.clone(), path(&story.trace)) },
            Cell::text(sender(say, story)),
            Cell::text(receivers(say, story)),
            state(say, story.outcome),
            Cell::code(story.peer.clone()),
            Cell::Size { bytes: story.size },
        ]
    });
    let base = format!("/log?q={}&outcome={}", encode(&page.words), encode(&page.outcome));
    let table = Table::new(say.t("log-caption"), say.t("log-empty"), columns).rows(rows);
    let table = table.paged(&base, page.here.as_deref(), page.next.as_deref());
    let words = Field::new("q", say.t("log-words"), FieldKind::Search).hint(say.t("log-words-hint")).value(page.words.clone());
    let any = (String::new(), say.t("log-any"));
    let options = std::iter::once(any).chain(Outcome::ALL.map(|one| (one.word().to_owned(), say.t(&word(one))))).collect();
    let outcome = Field::new("outcome", say.t("log-outcome"), FieldKind::Select { options }).value(page.outcome.clone());
    kit.page(caller, "log.html", context! { table, words, outcome, in_time => page.in_time, damaged => page.damaged })
}

/// Draws one mail's story.
///
/// # Errors
/// When a template fails.
pub fn draw_story(kit: &Kit, caller: &Caller, story: &Story) -> Result<Response, Failed> {
    let say = Say(caller.language);
    let columns = ["log-address", "log-outcome", "log-last", "log-reply"].map(|id| Column::text(say.t(id))).to_vec();
    let rows = story.recipients.iter().map(|one| {
        vec![Cell::text(one.address.clone()), state(say, one.outcome), Cell::text(one.time.clone()), Cell::text(one.reply.clone())]
    });
    let recipients = Table::new(say.t("log-recipients"), say.t("log-no-recipients"), columns).rows(rows);
    let columns = ["log-time", "log-event", "log-details"].map(|id| Column::text(say.t(id))).to_vec();
    let lines = story.events.iter().flatten().map(|fields| {
        let text = |name: &str| fields.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let rest = fields.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str()));
        let rest: Vec<String> =
            rest.map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))).collect();
        vec![Cell::text(text("timestamp")), Cell::code(text("event")), Cell::code(rest.join("  "))]
    });
    let events = Table::new(say.t("log-events"), say.t("log-empty"), columns).rows(lines);
    let values = context! {
        trace => story.trace, time => story.time, from => sender(say, story), peer => story.peer, size => story.size,
        message_id => story.message_id, subject => story.subject, reason => story.reason, recipients, events, left_out => story.left_out,
    };
    kit.page(caller, "log_story.html", values)
}

fn path(trace: &str) -> String {
    format!("/log/{}", encode(trace))
}

fn word(outcome: Outcome) -> String {
    format!("log-{}", outcome.word())
}

fn sender(say: Say, story: &Story) -> String {
    if story.from.is_empty() { say.t("queue-null-sender") } else { story.from.clone() }
}

fn receivers(say: Say, story: &Story) -> String {
    let all: Vec<&str> = story.recipients.iter().map(|one| one.address.as_str()).collect();
    match all.as_slice() {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} {}", say.with("queue-and-more", "count", rest.len()))
        }
        few => few.join(", "),
    }
}

/// Word and tone, as S-6 wishes: green delivered, yellow tried again, red refused.
fn state(say: Say, outcome: Option<Outcome>) -> Cell {
    let Some(outcome) = outcome else { return Cell::text("\u{2013}") };
    let tone = match outcome {
        Outcome::Delivered => Tone::Good,
        Outcome::Deferred | Outcome::Greylisted => Tone::Warn,
        Outcome::Bounced | Outcome::Refused => Tone::Bad,
        Outcome::Waiting | Outcome::Discarded | Outcome::Removed => Tone::Plain,
    };
    Cell::state(say.t(&word(outcome)), tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_words_is_read_as_what_it_looks_like() {
        let trace = TraceId::new().to_string();
        assert_eq!(guess(&trace).trace, trace);
        assert_eq!(guess("192.0.2.1").peer, "192.0.2.1");
        assert_eq!(guess("bob@partner.example").address, "bob@partner.example");
        assert_eq!((guess("partner.example").domain, guess("@partner.example").domain), ("partner.example", "@partner.example"));
        assert_eq!((guess("mailbox full").text, guess("").text), ("mailbox full", ""));
    }
}
