//! Looking for mails in this node's log.

use admin::log::LogSearch;
use axum::extract::State;
use axum::response::Response;
use logs::query::Asked as Wanted;
use model::{Access, Right};
use serde_json::Value;
use web::{Caller, Failed};

use crate::api::answer::{limit, value};
use crate::api::doc::{Api, Op};
use crate::api::schema::{LogFound, LogRecipient, LogStory};
use crate::gather::Asked;
use crate::state::ConsoleState;

pub(super) fn routes(api: Api) -> Api {
    let op = Op::get("/log", "log_search")
        .needs(Right::Logs, Access::Read)
        .says("A page of mails and what became of them, newest first")
        .query("trace", "a trace id")
        .query("address", "an address that sent or got it")
        .query("from", "envelope sender: an address or a domain")
        .query("to", "envelope recipient: an address or a domain")
        .query("domain", "a domain that sent or got it")
        .query("peer", "the client's IP address")
        .query("message_id", "its Message-ID")
        .query("since", "from then on: RFC 3339, a date, or how long ago (2h)")
        .query("until", "before then, likewise")
        .query("outcome", "waiting, delivered, deferred, bounced, refused, greylisted, discarded or removed")
        .query("text", "words in any of its lines, in any case")
        .query("events", "yes: with all lines");
    api.route(op.pages().answers("LogFound"), search)
}

/// What the query of a request asks for.
#[must_use]
pub fn wanted(asked: &Asked) -> Wanted<'_> {
    Wanted {
        trace: asked.text("trace"),
        address: asked.text("address"),
        from: asked.text("from"),
        to: asked.text("to"),
        domain: asked.text("domain"),
        peer: asked.text("peer"),
        message_id: asked.text("message_id"),
        since: asked.text("since"),
        until: asked.text("until"),
        outcome: asked.text("outcome"),
        text: asked.text("text"),
    }
}

async fn search(State(state): State<ConsoleState>, caller: Caller, asked: Asked) -> Result<Response, Failed> {
    let events = asked.flag("events");
    let search = LogSearch { asked: wanted(&asked), after: asked.text("after"), limit: limit(&asked), events };
    let found = state.admin().log_search(&caller.actor, &search).await?;
    let items = found.stories.into_iter().map(shown).collect();
    value(&LogFound { items, next: found.next, in_time: found.in_time, damaged: found.damaged })
}

fn shown(story: logs::Story) -> LogStory {
    let word = |outcome: Option<logs::Outcome>| outcome.map_or(String::new(), |outcome| outcome.word().to_owned());
    let recipient = |one: logs::story::Recipient| LogRecipient {
        address: one.address,
        outcome: word(one.outcome),
        reply: one.reply,
        time: one.time,
        tries: one.tries,
    };
    LogStory {
        trace: story.trace,
        time: story.time,
        peer: story.peer,
        from: story.from,
        size: story.size,
        message_id: story.message_id,
        subject: story.subject,
        outcome: word(story.outcome),
        reason: story.reason,
        recipients: story.recipients.into_iter().map(recipient).collect(),
        events: story.events.map(|events| events.into_iter().map(Value::Object).collect()),
        left_out: story.left_out as u64,
    }
}
