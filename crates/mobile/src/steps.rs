//! The order of steps of one request, and nothing else.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use model::device::{Decision, Reason};
use model::site::MobileGateway;

use crate::answer::{self, Answer};
use crate::arrival::{Arrival, Chosen, choose};
use crate::diagnose::{Watch, watched};
use crate::forward::{forward, swallow};
use crate::gate::MobileGate;
use crate::identify::{Asked, Identified, identify};
use crate::pace::Pace;
use crate::path::{Place, place};
use crate::{client, open, record};

/// An allowed request, and who keeps how it is answered, if its device is diagnosed.
type Allowed = (Box<Asked>, Option<Box<Watch>>);

/// An answer in the making.
type Making = Pin<Box<dyn Future<Output = Response<Answer>> + Send>>;

/// Answers one request of a connection that arrived so. All that takes no time is done when this returns; what it gives is small, for it
/// may hang for an hour: what made it lies behind a pointer or is gone.
pub(crate) fn answer(gate: Arc<MobileGate>, request: Request<Incoming>, arrival: &Arrival) -> Making {
    let (parts, body) = request.into_parts();
    if let Place::Open(part) = place(parts.uri.path()) {
        return match entrance(&gate, &parts, arrival) {
            Ok(entrance) => Box::pin(async move { open::answer(&gate, (parts, body), part, entrance).await }),
            Err(refusal) => Box::pin(refused(gate, body, refusal)),
        };
    }
    match first(&gate, &parts, arrival) {
        Ok((asked, None)) => Box::pin(forward(gate, asked, Box::new((parts, body)))),
        Ok((asked, watch)) => Box::pin(async move { watched(watch, forward(gate, asked, Box::new((parts, body))).await) }),
        Err(refusal) => Box::pin(refused(gate, body, refusal)),
    }
}

/// An answer beside an unread body may be lost to a reset; small bodies are read first.
async fn refused(gate: Arc<MobileGate>, body: Incoming, refusal: Box<Response<Answer>>) -> Response<Answer> {
    swallow(&gate, body).await;
    *refusal
}

/// The configuration that a request belongs to, and whose it is.
fn entrance(gate: &MobileGate, parts: &Parts, arrival: &Arrival) -> Result<(Arc<MobileGateway>, IpAddr), Box<Response<Answer>>> {
    let gateway = match choose(&gate.ports.facts.site(), arrival, parts) {
        Chosen::One(gateway) => gateway,
        Chosen::Off => return Err(Box::new(answer::later(gate.settings.retry_after))),
        Chosen::Misdirected => {
            tracing::info!(event = "device.misdirected", client = %arrival.peer.ip(), sni = ?arrival.server_name, "no configuration is for this host");
            return Err(Box::new(answer::plain(StatusCode::MISDIRECTED_REQUEST)));
        }
    };
    let trusted = gate.settings.trusted_proxies.iter().chain(&gateway.trusted_proxies);
    let client = client::address(arrival.peer.ip(), &parts.headers, &trusted.copied().collect::<Vec<_>>());
    Ok((gateway, client))
}

/// Everything before the mail server is asked: an allowed request, or what is answered instead.
fn first(gate: &Arc<MobileGate>, parts: &Parts, arrival: &Arrival) -> Result<Allowed, Box<Response<Answer>>> {
    match place(parts.uri.path()) {
        Place::Live => return Err(Box::new(answer::plain(StatusCode::OK))),
        Place::Ready if gate.is_ready() => return Err(Box::new(answer::plain(StatusCode::OK))),
        Place::Ready => return Err(Box::new(answer::later(gate.settings.retry_after))),
        _ => {}
    }
    let (gateway, client) = entrance(gate, parts, arrival)?;
    let asked = match identify(parts, client, &gateway) {
        Identified::Asks(mut asked) => {
            asked.from_proxy = gate.is_trusted_proxy(client);
            asked
        }
        Identified::OtherPath => {
            record::other_path(gate, parts.uri.path(), client);
            return Err(Box::new(answer::plain(StatusCode::FORBIDDEN)));
        }
        Identified::NoCredentials => return Err(Box::new(answer::unauthorised())),
        Identified::Unreadable("method") if parts.method != Method::CONNECT => return Err(Box::new(answer::wrong_method())),
        Identified::Unreadable(what) => {
            tracing::info!(event = "device.unreadable", what, %client);
            return Err(Box::new(answer::plain(StatusCode::BAD_REQUEST)));
        }
        Identified::Query(wrong) => {
            tracing::info!(event = "device.unreadable", what = %wrong, %client);
            return Err(Box::new(answer::plain(StatusCode::BAD_REQUEST)));
        }
    };
    let now = gate.ports.clock.now();
    gate.targets.request(&asked, parts, now);
    let (pace, mut decision) = (gate.paces.see(&asked, now), gate.judge(&asked));
    if matches!(pace, Pace::Loop) {
        // It holds for whitelisted devices too (G-12a).
        decision = Decision { allowed: gate.ports.facts.site().mobile.test_mode, reason: Reason::Loop };
    }
    let watch = Watch::begin(gate, &asked, parts, decision);
    if matches!(pace, Pace::Slow) {
        tracing::info!(event = "device.slowed", trace = %asked.trace, user = &*asked.user, device = asked.device_name(), client = %asked.client);
        return Err(Box::new(watched(watch, answer::later(gate.settings.retry_after))));
    }
    if decision.allowed && gate.guesses.must_wait(&asked) {
        tracing::info!(event = "device.guessing", trace = %asked.trace, user = &*asked.user, client = %asked.client, "too many bad passwords");
        return Err(Box::new(watched(watch, answer::later(gate.settings.retry_after))));
    }
    record::decided(gate, &asked, decision);
    if decision.allowed { Ok((asked, watch)) } else { Err(Box::new(watched(watch, answer::blocked(&asked, decision.reason)))) }
}
