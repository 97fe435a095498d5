//! Is the password right? The mail server knows: it is asked by OPTIONS with these credentials, as phones do first (G-1).
//!
//! A server that answers the same without credentials has not looked at them; then nobody signs in here.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Method, Request, StatusCode};
use model::{Fault, Guilty};

use super::form::Given;
use crate::bodies::Mark;
use crate::forward::{Waited, wait};
use crate::gate::MobileGate;
use crate::identify::Asked;
use crate::parked::Registered;
use crate::upstream::{Outgoing, Upstream, request_head};

/// Asks the mail server.
///
/// # Errors
/// It can't be reached, or says neither yes nor no; too many requests at once.
pub(super) async fn is_right(gate: &Arc<MobileGate>, asked: Box<Asked>, given: &Given) -> Result<bool, Fault> {
    let busy = || Fault::temporary(Guilty::Ourselves, "internal", "too many requests at once");
    let admitted = gate.admit().ok_or_else(busy)?;
    // A colon would end the name (RFC 7617 §2).
    if given.user.contains(':') {
        return Ok(false);
    }
    let elsewhere = gate.redirects.of(&asked);
    let upstream = gate.server(&asked.gateway, elsewhere.as_deref())?;
    let registered = gate.registry.register(*asked, Mark::default(), admitted);
    let pair = STANDARD.encode(format!("{}:{}", given.user, given.password.expose()));
    let Ok(mut credentials) = HeaderValue::try_from(format!("Basic {pair}")) else { return Ok(false) };
    credentials.set_sensitive(true);
    let status = options(gate, &registered, &upstream, Some(credentials)).await?;
    let known = match status {
        StatusCode::UNAUTHORIZED => false,
        status if status.is_success() => options(gate, &registered, &upstream, None).await? == StatusCode::UNAUTHORIZED,
        _ => return Err(said(status)),
    };
    if status.is_success() && !known {
        return Err(Fault::permanent(Guilty::NextHop, "mail-server-answer", "the mail server answers OPTIONS without credentials too"));
    }
    gate.guesses.answered(&registered.entry.asked, status);
    Ok(known)
}

async fn options(
    gate: &Arc<MobileGate>,
    registered: &Registered,
    upstream: &Upstream,
    credentials: Option<HeaderValue>,
) -> Result<StatusCode, Fault> {
    let asked = &registered.entry.asked;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::OPTIONS;
    parts.headers.extend(credentials.map(|value| (AUTHORIZATION, value)));
    let mut outgoing = Outgoing::Whole(Bytes::new());
    let client = asked.gateway.forward_client_address.then_some(asked.client);
    let head = request_head(&parts, &upstream.path, client, true, &outgoing);
    let (mut connection, _) = Box::pin(upstream.connect(&gate.settings, true)).await?;
    let lost = |cause: String| Fault::temporary(Guilty::NextHop, "mail-server-lost", cause);
    let sent = Box::pin(connection.send(&head, &mut outgoing, gate.settings.body_idle)).await;
    sent.map_err(|gone| lost(gone.cause.to_string()))?;
    match wait(gate, registered, connection).await? {
        Waited::Answer(_, head) => Ok(head.status),
        Waited::Died(cause) => Err(lost(cause.to_string())),
        Waited::Ended(_) | Waited::Here(_) => Err(lost("the request ended while the mail server was asked".to_owned())),
    }
}

fn said(status: StatusCode) -> Fault {
    Fault::temporary(Guilty::NextHop, "mail-server-answer", format!("the mail server answers OPTIONS with {status}"))
}
