//! `sealgate log search`: asks for pages until one is full or there is no more, and prints stories for people.

use model::Fault;
use serde_json::Value;

use super::args::LogSearch;
use super::client::{Answer, Node};
use super::commands::{get, part};

/// Asks; a page that ended early for want of time is followed by the next, until there is something to show.
///
/// # Errors
/// When the node can't be reached.
pub async fn search(node: &Node, search: &LogSearch) -> Result<Answer, Fault> {
    let fields = [
        ("trace", &search.trace),
        ("address", &search.address),
        ("from", &search.from),
        ("to", &search.to),
        ("domain", &search.domain),
        ("peer", &search.peer),
        ("message_id", &search.message_id),
        ("since", &search.since),
        ("until", &search.until),
        ("outcome", &search.outcome),
        ("text", &search.text),
    ];
    let given = fields.iter().filter_map(|(name, value)| Some(format!("&{name}={}", part(value.as_deref()?))));
    let events = if search.events || search.trace.is_some() { "&events=yes" } else { "" };
    let asked: String = given.chain([events.to_owned()]).collect();
    let mut after = search.after.clone().unwrap_or_default();
    loop {
        let answer = get(node, &format!("/log?limit={}{asked}&after={}", search.limit, part(&after))).await?;
        let next = answer.body.get("next").and_then(Value::as_str).unwrap_or_default();
        let nothing_yet = answer.body.get("items").and_then(Value::as_array).is_some_and(Vec::is_empty);
        if answer.status >= 400 || !nothing_yet || next.is_empty() {
            return Ok(answer);
        }
        next.clone_into(&mut after);
    }
}

/// One mail a line, its recipients under it; with all its lines if they were asked for.
#[must_use]
pub fn lines(body: &Value) -> String {
    let mut out = String::new();
    for story in array(body, "items") {
        out += &format!(
            "{}  {:9}  [{}] from={}",
            text(story, "time"),
            text(story, "outcome"),
            text(story, "trace"),
            shown(text(story, "from"))
        );
        for (name, field) in [("client", "peer"), ("message-id", "message_id"), ("subject", "subject"), ("reason", "reason")] {
            if !text(story, field).is_empty() {
                out += &format!(" {name}={}", shown(text(story, field)));
            }
        }
        out.push('\n');
        for one in array(story, "recipients") {
            out += &format!("    {:9}  {}  {}\n", text(one, "outcome"), shown(text(one, "address")), shown(text(one, "reply")));
        }
        for event in array(story, "events") {
            let fields = event
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| !["timestamp", "event", "trace", "level"].contains(&name.as_str()));
            let rest: Vec<String> =
                fields.map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), shown))).collect();
            out += &format!("    {}  {}  {}\n", text(event, "timestamp"), text(event, "event"), rest.join(" "));
        }
    }
    if out.is_empty() {
        out.push_str("none\n");
    }
    for file in array(body, "damaged") {
        out += &format!("could not be read: {}\n", shown(file.as_str().unwrap_or_default()));
    }
    let next = text(body, "next");
    if !next.is_empty() {
        out += &format!("more: --after {next}\n");
    }
    out
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What came from outside, without anything that a terminal would act on.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn x_10_stories_are_lines_for_people_and_move_no_terminal() {
        let body = json!({ "items": [{ "trace": "t1", "time": "T", "outcome": "bounced", "from": "a@x.example", "reason": "",
            "recipients": [{ "address": "b@y.example", "outcome": "bounced", "reply": "550 \u{1b}[2Jgone" }],
            "events": [{ "timestamp": "T", "event": "mail.bounced", "trace": "t1", "to": "b@y.example", "ms": 3 }] }], "next": "1.2.3", "damaged": [] });
        let text = lines(&body);
        assert!(text.starts_with("T  bounced    [t1] from=a@x.example\n    bounced    b@y.example  550 \u{fffd}[2Jgone\n"), "{text}");
        assert!(text.contains("mail.bounced  to=b@y.example ms=3\n") && text.ends_with("more: --after 1.2.3\n"), "{text}");
        assert_eq!(lines(&json!({ "items": [], "next": null })), "none\n");
    }
}
