//! Local administration of the mobile gate (mobile-gateway.md G-33; contract "Local administration"): plain HTTP on a loopback
//! address, each request with a token that holds the right to gateways.
//!
//! Shows what this node judges by and how it is, sets log levels and targets of this process, and forgets redirects.
//! Never shows a secret: passwords are placeholders in the records that it reads from.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use admin::Admin;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use mobile::{MobileGate, RedirectKey, Target};
use model::device::{DeviceId, user_key};
use model::ports::DeviceFacts;
use model::site::PolicyRule;
use model::{Access, Facts, Right, SecretText, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Live;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages are made of.
#[derive(Clone)]
pub struct Local {
    /// Knows tokens.
    pub admin: Admin,
    /// The gate.
    pub gate: Arc<MobileGate>,
    /// The site and the devices as this node sees them.
    pub live: Live,
    /// This node's id.
    pub node: String,
    /// How long a target lasts that says nothing else, and at most.
    pub target_time: std::time::Duration,
    /// Time.
    pub clock: Arc<dyn model::Clock>,
}

/// Serves until `stop`.
pub async fn run(listener: TcpListener, local: Local, stop: CancellationToken) {
    let _ = axum::serve(listener, router(local)).with_graceful_shutdown(stop.cancelled_owned()).await;
}

fn router(local: Local) -> Router {
    Router::new()
        .route("/diagnostic/cluster", get(diagnostic))
        .route("/policy/{kind}/{key}", get(policy).delete(forget))
        .route("/download/{kind}", get(download))
        .route("/logging", get(logging).put(set_logging))
        .route("/targets", get(targets).put(set_targets))
        .layer(middleware::from_fn_with_state(local.clone(), with_token))
        .with_state(local)
}

/// A token for every route: reading needs the right to read gateways, everything else the right to change them.
async fn with_token(State(local): State<Local>, request: Request, next: Next) -> Response {
    let field = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) = field.and_then(|text| text.strip_prefix("Bearer ")).map(|text| SecretText::new(text.trim().to_owned())) else {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    };
    let access = if request.method().is_safe() { Access::Read } else { Access::Write };
    match local.admin.token_actor(&token, IpAddr::V4(Ipv4Addr::LOCALHOST)).await {
        Ok(Some(actor)) if actor.rights.allow(Right::MobileGateways, access) => {
            if access == Access::Write {
                tracing::info!(event = "mobile.local_change", by = actor.name, path = request.uri().path(), method = %request.method());
            }
            next.run(request).await
        }
        Ok(Some(_)) => StatusCode::FORBIDDEN.into_response(),
        Ok(None) => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn diagnostic(State(local): State<Local>) -> Json<Value> {
    let (site, counts) = (local.live.site(), local.gate.counts());
    let gateways: Vec<Value> = site
        .gateways
        .values()
        .map(|gateway| json!({ "id": gateway.id, "enabled": gateway.enabled, "mail_server": gateway.mail_servers().collect::<Vec<_>>() }))
        .collect();
    let policies: Vec<&str> = site.policies.iter().filter(|(_, rule)| rule.policy.enabled).map(|((_, key), _)| key.as_str()).collect();
    Json(json!({
        "node": local.node,
        "ready": local.gate.is_ready(),
        "sequence": site.number,
        "gateways": gateways,
        "policies": policies,
        "requests": { "allowed": counts.allowed, "blocked": counts.blocked, "running": counts.running },
        "redirects": local.gate.redirects().len(),
        "targets": local.gate.targets().len(),
    }))
}

/// The policies that a type of the contract stands for; `None` for a type that is no list of policies.
fn policies_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "account" => "user",
        "easdevicetype" => "eas_device_type",
        "mailclient" => "mail_client",
        "hyperlink" => "hyperlinks",
        "managedattachment" | "unmanagedattachment" | "unmanagedattachement" => "attachments",
        _ => return None,
    })
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": { "code": "not-found", "message": "nothing of this type and key is known here" } })))
        .into_response()
}

async fn policy(State(local): State<Local>, Path((kind, key)): Path<(String, String)>) -> Response {
    let site = local.live.site();
    let found = match kind.as_str() {
        "segconfig" => site.gateways.get(&key).and_then(|gateway| serde_json::to_value(&**gateway).ok()),
        "generalaccess" => site.gateways.get(&key).map(|gateway| {
            let on: Vec<&str> = site.policies.values().filter(|rule| rule.policy.enabled).map(|rule| rule.kind.word()).collect();
            json!({ "gateway": gateway.id, "test_mode": site.mobile.test_mode, "allow_without_policies": gateway.allow_without_policies, "policies": on })
        }),
        "device" => key.split_once('/').and_then(|(user, device)| {
            let device = local.live.device(&user_key(user), &DeviceId::parse(device)?)?;
            serde_json::to_value(device).ok()
        }),
        "451redirectmapping" => redirect(&key).and_then(|key| {
            local.gate.redirects().into_iter().find(|(known, _)| *known == key).map(|(_, url)| json!({ "key": written(&key), "url": &*url }))
        }),
        other => policies_of(other).and_then(|word| {
            let rules: Vec<Value> = rules(&site, word).map(|rule| listed(rule, &key)).collect();
            (!rules.is_empty()).then(|| json!({ "type": other, "key": key, "policies": rules }))
        }),
    };
    found.map_or_else(not_found, |found| Json(found).into_response())
}

fn rules<'s>(site: &'s model::Site, word: &str) -> impl Iterator<Item = &'s PolicyRule> {
    site.policies.values().filter(move |rule| rule.kind.word() == word).map(AsRef::as_ref)
}

/// Whether a policy's list names this key. Users are compared as requests are.
fn listed(rule: &PolicyRule, key: &str) -> Value {
    let key = if rule.kind == model::site::PolicyKind::User { user_key(key) } else { key.to_owned() };
    let policy = &rule.policy;
    json!({ "key": policy.key(), "enabled": policy.enabled, "action": policy.action, "listed": rule.names(&key) })
}

/// `gateway/user[/device]`
fn redirect(key: &str) -> Option<RedirectKey> {
    let mut parts = key.splitn(3, '/');
    let (gateway, user) = (parts.next()?.to_owned(), user_key(parts.next()?));
    let device = match parts.next() {
        Some(id) => Some(DeviceId::parse(id)?),
        None => None,
    };
    Some(RedirectKey { gateway, user, device })
}

fn written(key: &RedirectKey) -> String {
    let device = key.device.as_ref().map_or(String::new(), |device| format!("/{}", device.as_str()));
    format!("{}/{}{device}", key.gateway, key.user)
}

async fn forget(State(local): State<Local>, Path((kind, key)): Path<(String, String)>) -> Response {
    match redirect(&key).filter(|_| kind == "451redirectmapping") {
        Some(key) if local.gate.clear_redirect(&key) => StatusCode::NO_CONTENT.into_response(),
        _ => not_found(),
    }
}

async fn download(State(local): State<Local>, Path(kind): Path<String>) -> Response {
    let site = local.live.site();
    let rows: Vec<Vec<String>> = match kind.as_str() {
        "segconfig" | "generalaccess" => {
            let head =
                ["id", "enabled", "kind", "mail_server", "external_url", "allow_without_policies", "test_mode"].map(str::to_owned).to_vec();
            let row = |gateway: &model::site::MobileGateway| {
                let (open, test) = (gateway.allow_without_policies.to_string(), site.mobile.test_mode.to_string());
                let (id, on, kind) = (gateway.id.clone(), gateway.enabled.to_string(), gateway.kind.clone());
                vec![id, on, kind, gateway.mail_server.clone(), gateway.external_url.clone(), open, test]
            };
            std::iter::once(head).chain(site.gateways.values().map(|gateway| row(gateway))).collect()
        }
        "451redirectmapping" => {
            let rows = local.gate.redirects().into_iter().map(|(key, url)| vec![written(&key), url.to_string()]);
            std::iter::once(vec!["key".to_owned(), "url".to_owned()]).chain(rows).collect()
        }
        other => {
            let Some(word) = policies_of(other) else { return not_found() };
            let head = ["policy", "enabled", "action", "entry"].map(str::to_owned).to_vec();
            let entries = rules(&site, word).flat_map(|rule| {
                let of = |entry| vec![rule.policy.key(), rule.policy.enabled.to_string(), text(&rule.policy.action), text(entry)];
                rule.policy.list.iter().map(of).collect::<Vec<_>>()
            });
            std::iter::once(head).chain(entries).collect()
        }
    };
    let lines: Vec<String> = rows.iter().map(|row| row.iter().map(|cell| csv(cell)).collect::<Vec<_>>().join(",")).collect();
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], lines.join("\r\n") + "\r\n").into_response()
}

/// A value as text: a name as it is, anything else as JSON.
fn text(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// One cell (RFC 4180 §2); one that a spreadsheet would take for a formula is led by an apostrophe.
fn csv(cell: &str) -> String {
    let safe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() };
    if safe.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

async fn logging() -> Response {
    Json(json!({ "filter": crate::logging::levels::now() })).into_response()
}

/// `PUT /logging`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    /// Everything else's.
    level: String,
    /// By process.
    #[serde(default)]
    processes: std::collections::BTreeMap<String, String>,
}

async fn set_logging(Json(wanted): Json<Levels>) -> Response {
    match crate::logging::levels::set(&wanted.level, &wanted.processes) {
        Ok(filter) => {
            tracing::info!(event = "log.level", filter, "the log's levels were changed");
            Json(json!({ "filter": filter })).into_response()
        }
        Err(message) => (StatusCode::BAD_REQUEST, Json(json!({ "error": { "code": "bad-field", "message": message } }))).into_response(),
    }
}

/// One of `PUT /targets`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    user: String,
    #[serde(default)]
    device: String,
    /// Seconds; at most the setting's.
    seconds: Option<u64>,
}

async fn targets(State(local): State<Local>) -> Json<Value> {
    let shown = |target: Target| json!({ "user": target.user, "device": target.device, "until": target.until.rfc3339() });
    Json(Value::Array(local.gate.targets().into_iter().map(shown).collect()))
}

async fn set_targets(State(local): State<Local>, Json(wanted): Json<Vec<Wanted>>) -> Response {
    let now: Timestamp = local.clock.now();
    let read = |wanted: Wanted| {
        let seconds = wanted.seconds.map_or(local.target_time, std::time::Duration::from_secs).min(local.target_time);
        let device = match wanted.device.as_str() {
            "" => None,
            id => Some(DeviceId::parse(id)?),
        };
        let user = Some(user_key(&wanted.user)).filter(|user| !user.is_empty());
        (user.is_some() || device.is_some()).then(|| Target { user, device, until: now.after(seconds) })
    };
    let few = wanted.len() <= mobile::MOST_TARGETS;
    match wanted.into_iter().map(read).collect::<Option<Vec<_>>>().filter(|_| few) {
        Some(list) => {
            local.gate.set_targets(list);
            targets(State(local)).await.into_response()
        }
        None => {
            let message = format!("expected at most {} targets, each with a user or a device", mobile::MOST_TARGETS);
            (StatusCode::BAD_REQUEST, Json(json!({ "error": { "code": "bad-field", "message": message } }))).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_33_cells_are_quoted_and_no_formulas() {
        assert_eq!((csv("a"), csv("a,\"b\""), csv("=1+1")), ("a".to_owned(), "\"a,\"\"b\"\"\"".to_owned(), "'=1+1".to_owned()));
    }

    #[test]
    fn g_5_g_33_a_redirect_is_named_by_gateway_user_and_device() {
        let key = redirect("one/EX\\Carol/PHONE1").unwrap();
        assert_eq!(written(&key), "one/carol/phone1");
        assert_eq!(written(&redirect("one/carol").unwrap()), "one/carol");
        assert!(redirect("one").is_none() && redirect("one/carol/..%2f").is_none());
    }
}
