//! A question of our own to the mail server, with the phone's credentials: what is in the mail that a forward would take along?
//!
//! Comes after a SmartForward or SmartReply was read and before it is sent, and only where policies take something away. It is
//! an ItemOperations like a phone's, of the same device; asking it twice harms nobody.

use std::sync::Arc;

use activesync::query;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use model::{Fault, Guilty};

use crate::bodies::{Lease, decoded, read_answer};
use crate::forward::{Waited, wait};
use crate::gate::MobileGate;
use crate::parked::Registered;
use crate::upstream::{Connection, Outgoing, Passing, Upstream, request_head};

/// Asks. The inner `None`: the server did not say. The outer one: it does not know who asks, and will say so again.
///
/// # Errors
/// The mail server can't be reached, or does not answer.
pub(crate) async fn ask(
    gate: &Arc<MobileGate>,
    registered: &Registered,
    upstream: &Upstream,
    parts: &Parts,
    body: Vec<u8>,
) -> Result<Option<Option<Bytes>>, Fault> {
    let asked = &registered.entry.asked;
    let Some(parts) = as_item_operations(parts, asked.version) else { return Ok(Some(None)) };
    let mut outgoing = Outgoing::Whole(body.into());
    let client = asked.gateway.forward_client_address.then_some(asked.client);
    let head = request_head(&parts, &upstream.path, client, true, &outgoing);
    let mut fresh_only = false;
    loop {
        let (mut connection, kept) = Box::pin(upstream.connect(&gate.settings, fresh_only)).await?;
        let home = connection.home();
        let waited = match Box::pin(connection.send(&head, &mut outgoing, gate.settings.body_idle)).await {
            Ok(()) => wait(gate, registered, connection).await?,
            Err(lost) => Waited::Died(lost.cause),
        };
        match waited {
            Waited::Answer(connection, mut head) => {
                if head.status == StatusCode::UNAUTHORIZED {
                    return Ok(None);
                }
                let mut passing = Passing::new(connection, head.framing, head.keep, None);
                let mut lease = Lease::new(gate);
                let came = read_answer(&mut passing, gate.settings.body_idle, &mut lease).await;
                let plain = came.and_then(|came| decoded(&mut head.headers, came, &mut lease, Guilty::NextHop));
                return Ok(Some(plain.ok().filter(|_| head.status == StatusCode::OK)));
            }
            Waited::Died(_) if kept && !fresh_only => {
                Connection::doubt(&home);
                fresh_only = true;
            }
            Waited::Died(cause) => return Err(Fault::temporary(Guilty::NextHop, "mail-server-lost", cause.to_string())),
            Waited::Ended(_) | Waited::Here(_) => {
                return Err(Fault::temporary(Guilty::Ourselves, "request-ended", "the request ended while the mail server was asked"));
            }
        }
    }
}

/// The same request's head for another command.
fn as_item_operations(parts: &Parts, version: Option<activesync::Version>) -> Option<Parts> {
    let query = query::parse(parts.uri.query()?).ok()?;
    let encoded = |text: &str| query::percent_encode(text);
    let user = query.user.as_deref().map(|user| format!("&User={}", encoded(user))).unwrap_or_default();
    let device = format!("&DeviceId={}&DeviceType={}", encoded(&query.device_id), encoded(&query.device_type));
    let mut parts = parts.clone();
    parts.method = Method::POST;
    parts.uri = format!("/?Cmd=ItemOperations{user}{device}").parse::<Uri>().ok()?;
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, ACCEPT_ENCODING, HeaderName::from_static("ms-asacceptmultipart")] {
        parts.headers.remove(name);
    }
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(activesync::answer::CONTENT_TYPE));
    let version = HeaderValue::from_str(&version?.to_string()).ok()?;
    parts.headers.insert(HeaderName::from_static("ms-asprotocolversion"), version);
    if let Some(key) = query.policy_key {
        parts.headers.insert(HeaderName::from_static("x-ms-policykey"), HeaderValue::from(key));
    }
    Some(parts)
}
