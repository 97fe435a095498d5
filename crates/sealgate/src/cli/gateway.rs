//! `sealgate gateway test|export|…` and `sealgate mobile redirects`: what they ask of the API.

use http::Method;
use model::Fault;
use serde_json::Value;

use super::args::{Gateway, Profile, RedirectAsk, Redirects};
use super::client::{Answer, Call, Node, OCTETS};
use super::commands::{Shown, get, part, post};

/// All but what can be done with any kind of thing.
///
/// # Errors
/// When the node can't be reached.
pub(super) async fn run(node: &Node, gateway: Gateway) -> Result<Shown, Fault> {
    match gateway {
        Gateway::Test { id } => post(node, &format!("/gateways/{}/test", part(&id)), None).await.map(|answer| Shown::Lines(answer, lines)),
        Gateway::Export { id } => get(node, &format!("/gateways/{}/export", part(&id))).await.map(Shown::Value),
        Gateway::Profile(profile) => self::profile(node, &profile).await,
        Gateway::Noun(_) | Gateway::Other(_) => get(node, "/gateways").await.map(Shown::Value),
    }
}

async fn profile(node: &Node, profile: &Profile) -> Result<Shown, Fault> {
    let at = format!("/gateways/{}", part(&profile.id));
    let client = match &profile.client {
        Some(client) => client.clone(),
        None => {
            let shown = get(node, &at).await?;
            if shown.status >= 400 {
                return Ok(Shown::Value(shown));
            }
            let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let profiles = shown.body.get("profiles").and_then(Value::as_array).cloned().unwrap_or_default();
            let first = profiles.iter().find(|one| text(one, "platform") == profile.platform);
            first.map_or_else(|| "mail".to_owned(), |one| text(one, "client"))
        }
    };
    let query = match (&profile.address, profile.all) {
        (Some(address), _) => format!("?address={}", part(address)),
        (None, true) => "?all=true".to_owned(),
        (None, false) => String::new(),
    };
    let path = format!("{at}/profiles/{}/{}{query}", part(&profile.platform), part(&client));
    get(node, &path).await.map(|answer| Shown::Octets(answer, OCTETS))
}

/// A connection test for people: one step a line.
fn lines(body: &Value) -> String {
    let text = |step: &Value, name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let line = |step: &Value| {
        let name = format!("{} {}", text(step, "way"), text(step, "target"));
        if step.get("ok") == Some(&Value::Bool(true)) {
            format!("ok      {}: {}", name.trim_end(), text(step, "found"))
        } else {
            format!("FAILED  {}: {} ({}: {})", name.trim_end(), text(step, "message"), text(step, "code"), text(step, "cause"))
        }
    };
    let steps = body.get("steps").and_then(Value::as_array);
    steps.into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

/// `mobile redirects`.
///
/// # Errors
/// When the node can't be reached.
pub(super) async fn redirects(node: &Node, redirects: Redirects) -> Result<Answer, Fault> {
    match redirects {
        Redirects::List(ask) => get(node, &path(&ask)).await,
        Redirects::Clear(ask) => node.call(Call { method: Method::DELETE, path: &path(&ask), ..Call::default() }).await,
    }
}

fn path(ask: &RedirectAsk) -> String {
    let given = [("gateway", &ask.gateway), ("user", &ask.user), ("device", &ask.device)];
    let pairs: Vec<String> =
        given.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", part(value)))).collect();
    if pairs.is_empty() { "/mobile/redirects".to_owned() } else { format!("/mobile/redirects?{}", pairs.join("&")) }
}
