//! The connection test (console.md A-9): what the mail server answers to a request without credentials.
//!
//! A server of ActiveSync answers OPTIONS on its path with 401 and the schemes that it knows (mobile-gateway.md G-1). Each host of a
//! configuration is asked by itself, by a fresh connection, the way a phone's request would go: through the same proxy, with the
//! same checks of its certificate. Nothing of a phone is needed, and nothing but the head of the answer is read.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use model::site::MobileGateway;
use model::{Fault, Guilty};

use crate::gate::MobileGate;
use crate::upstream::{Connection, Head, Outgoing, request_head};

/// Servers of one configuration that are asked at most; a configuration may name 50.
const MOST: usize = 50;

/// What one mail server said.
#[derive(Debug)]
pub struct Probed {
    /// Its URL.
    pub server: String,
    /// How long it took.
    pub took: Duration,
    /// The schemes that it offers, of those that can work through a gateway; or why phones would get no mail.
    pub answer: Result<Vec<String>, Fault>,
}

impl MobileGate {
    /// Asks every mail server of a configuration, which need not be in force. Takes as long as `connect` and `answer` of the settings
    /// allow for the slowest.
    pub async fn probe(&self, gateway: &MobileGateway) -> Vec<Probed> {
        let mut asked = Vec::new();
        for server in gateway.mail_servers().take(MOST) {
            asked.push(self.one(gateway, server.to_owned()));
        }
        futures_util::future::join_all(asked).await
    }

    async fn one(&self, gateway: &MobileGateway, server: String) -> Probed {
        let begun = tokio::time::Instant::now();
        let answer = self.ask(gateway, &server).await;
        Probed { server, took: begun.elapsed(), answer }
    }

    async fn ask(&self, gateway: &MobileGateway, server: &str) -> Result<Vec<String>, Fault> {
        let one = Arc::new(MobileGateway { mail_server: server.to_owned(), ..gateway.clone() });
        let upstream = self.alone(one)?;
        let request = Request::builder().method(Method::OPTIONS).uri("/").header(USER_AGENT, "Sealgate connection test").body(());
        let (parts, ()) = request.map_err(|cause| unreadable(cause.to_string()))?.into_parts();
        let mut outgoing = Outgoing::Whole(Bytes::new());
        let head = request_head(&parts, &upstream.path, None, false, &outgoing);
        let (mut connection, _) = upstream.connect(&self.settings, true).await?;
        let sent = connection.send(&head, &mut outgoing, self.settings.body_idle).await;
        sent.map_err(|lost| Fault::temporary(Guilty::NextHop, "mail-server-lost", lost.cause.to_string()))?;
        // A person waits for it.
        let limit = self.settings.answer.min(self.settings.connect.saturating_mul(2));
        let late = |_| Fault::temporary(Guilty::NextHop, "mail-server-late", format!("no answer within {limit:?}"));
        let answer = tokio::time::timeout(limit, first_head(&mut connection)).await.map_err(late)??;
        said(answer.status, &answer.headers)
    }
}

async fn first_head(connection: &mut Connection) -> Result<Head, Fault> {
    poll_fn(|cx| {
        loop {
            if let Some(head) = connection.head(true)? {
                return Poll::Ready(Ok(head));
            }
            match ready!(connection.poll_fill(cx)) {
                Ok(0) => {
                    let cause = connection.ended_early()?;
                    return Poll::Ready(Err(Fault::temporary(Guilty::NextHop, "mail-server-lost", cause.to_string())));
                }
                Ok(_) => {}
                Err(cause) => return Poll::Ready(Err(Fault::temporary(Guilty::NextHop, "mail-server-lost", cause.to_string()))),
            }
        }
    })
    .await
}

/// What the head of the answer means.
fn said(status: StatusCode, headers: &HeaderMap) -> Result<Vec<String>, Fault> {
    let offers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut schemes: Vec<String> = offers.filter_map(|offer| offer.split([' ', ',']).next()).map(str::to_owned).collect();
    schemes.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    let works = schemes.iter().any(|scheme| ["basic", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    let code = status.as_u16();
    match code {
        401 if works => Ok(schemes),
        401 => Err(Fault::permanent(Guilty::NextHop, "probe-no-scheme", "401 without Basic or Bearer")),
        200..=299 => Err(Fault::permanent(Guilty::NextHop, "probe-open", format!("{code} without a password")).with("status", code)),
        500..=599 => Err(Fault::temporary(Guilty::NextHop, "probe-status", code.to_string()).with("status", code)),
        _ => Err(Fault::permanent(Guilty::NextHop, "probe-status", code.to_string()).with("status", code)),
    }
}

fn unreadable(cause: String) -> Fault {
    Fault::temporary(Guilty::Ourselves, "internal", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_9_only_a_401_that_phones_can_answer_is_good() {
        let said = |status: u16, offers: &[&str]| {
            let mut headers = HeaderMap::new();
            for offer in offers {
                headers.append(WWW_AUTHENTICATE, offer.parse().unwrap());
            }
            super::said(StatusCode::from_u16(status).unwrap(), &headers).map_err(|fault| fault.code)
        };
        assert_eq!(said(401, &["Basic realm=\"x\"", "Bearer"]), Ok(vec!["Basic".to_owned(), "Bearer".to_owned()]));
        assert_eq!(said(401, &["basic"]), Ok(vec!["basic".to_owned()]));
        assert_eq!(said(401, &["Digest x"]), Err("probe-no-scheme"));
        assert_eq!(said(401, &[]), Err("probe-no-scheme"));
        assert_eq!(said(200, &[]), Err("probe-open"));
        assert_eq!((said(404, &[]), said(302, &[]), said(500, &[])), (Err("probe-status"), Err("probe-status"), Err("probe-status")));
    }
}
