//! The order of steps of one request, and nothing else.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::answer::{self, Answer};
use crate::forward::{forward, swallow};
use crate::gate::MobileGate;
use crate::identify::{Identified, identify};
use crate::{client, record};

/// Answers one request of the peer with this address.
pub(crate) async fn answer(gate: Arc<MobileGate>, request: Request<Incoming>, peer: IpAddr) -> Result<Response<Answer>, Infallible> {
    let (parts, body) = request.into_parts();
    let client = client::address(peer, &parts.headers, &gate.settings.trusted_proxies);
    let refusal = match identify(&parts, client) {
        Identified::ActiveSync(asked) => {
            let decision = gate.judge(&asked);
            record::decided(&gate, &asked, decision);
            if decision.allowed {
                return Ok(Box::pin(forward(gate, asked, Box::new((parts, body)))).await);
            }
            answer::blocked(&asked, decision.reason)
        }
        Identified::Live => answer::plain(StatusCode::OK),
        Identified::Ready if gate.is_ready() => answer::plain(StatusCode::OK),
        Identified::Ready => answer::later(gate.settings.retry_after),
        Identified::OtherPath => {
            record::other_path(&gate, parts.uri.path(), client);
            answer::plain(StatusCode::FORBIDDEN)
        }
        Identified::NoCredentials => answer::unauthorised(),
        Identified::Unreadable("method") if parts.method != Method::CONNECT => answer::wrong_method(),
        Identified::Unreadable(what) => {
            tracing::info!(event = "device.unreadable", what, %client);
            answer::plain(StatusCode::BAD_REQUEST)
        }
        Identified::Query(wrong) => {
            tracing::info!(event = "device.unreadable", what = %wrong, %client);
            answer::plain(StatusCode::BAD_REQUEST)
        }
    };
    // An answer beside an unread body may be lost to a reset; small bodies are read first.
    swallow(&gate, body).await;
    Ok(refusal)
}
