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
use axum::routing::{get, put};
use axum::{Json, Router};
use mobile::{MobileGate, Target};
use model::device::{DeviceId, user_key};
use model::{Access, Facts, Right, SecretText, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Live;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::mobile_policies::{self, not_found, redirect};

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
        .route("/policy/{kind}", get(mobile_policies::all))
        .route("/policy/{kind}/{key}", get(mobile_policies::one).delete(forget))
        .route("/download/{kind}", get(mobile_policies::download))
        .route("/logging", get(logging).put(set_logging))
        .route("/targets", get(targets).put(set_targets))
        .route("/console", put(console))
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

/// `PUT /console` joins a gateway that has no store of its own (G-36), which is not built yet: this node's console is the store's.
async fn console() -> Response {
    let message = "PUT /console is not available yet in this version: a gateway shares the store of its console";
    (StatusCode::NOT_IMPLEMENTED, Json(json!({ "error": { "code": "not-available-yet", "message": message } }))).into_response()
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

async fn forget(State(local): State<Local>, Path((kind, key)): Path<(String, String)>) -> Response {
    match redirect(&key).filter(|_| kind == "451redirectmapping") {
        Some(key) if local.gate.clear_redirect(&key) => StatusCode::NO_CONTENT.into_response(),
        _ => not_found(),
    }
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
