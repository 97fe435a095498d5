//! A client of rspamd: `POST /checkv2` with the mail and what is known of its envelope, `GET /ping` (rspamd's HTTP protocol).
//!
//! Used by `flow`'s scans. Plain HTTP, as rspamd's worker speaks it: it stands beside us, on this machine or in our network.
//! Values from outside become header fields here and are made safe for it (security.md X-10). Must never: take an answer that
//! it can't read for a score.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HOST, HeaderName, HeaderValue, SERVER};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::ScannerError;

/// Longest answer that is read.
const ANSWER_MAX: usize = 1 << 20;
/// Port of rspamd's worker where the address names none.
const PORT: u16 = 11_333;

/// Where rspamd's worker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `host:port`.
    authority: String,
    /// Before `/checkv2`, without a slash at the end.
    path: String,
}

impl Place {
    /// Reads `http://host[:port][/path]`.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("{text:?} is no place of rspamd: write http://host:port");
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(expected)?;
        if uri.scheme_str() != Some("http") || uri.query().is_some() || authority.host().is_empty() {
            return Err(expected());
        }
        let authority = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(PORT));
        Ok(Self { authority, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

/// What rspamd is told beside the mail.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The client's address.
    pub ip: String,
    /// Its name in HELO.
    pub helo: String,
    /// MAIL FROM; empty for the null sender.
    pub from: String,
    /// RCPT TO.
    pub recipients: Vec<String>,
    /// Our trace id.
    pub queue_id: String,
    /// Who signed in; empty if nobody.
    pub user: String,
}

/// What rspamd made of one mail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Scored {
    /// The higher, the more it looks like spam.
    pub score: f64,
    /// What rspamd would do: `no action`, `reject`, …. For the log.
    #[serde(default)]
    pub action: String,
}

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Rspamd {
    place: Place,
    /// Longest wait for a connection, and for the answer to a short request.
    connect: Duration,
    /// Longest wait for a score.
    answer: Duration,
}

impl Rspamd {
    /// A client with the usual waits: 5 s to connect, 60 s for a score.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, connect: Duration::from_secs(5), answer: Duration::from_secs(60) }
    }

    /// Scores one mail.
    ///
    /// # Errors
    /// When rspamd is away, too slow, or says something unexpected.
    pub async fn check(&self, mail: Bytes, facts: &Facts) -> Result<Scored, ScannerError> {
        let mut request = self.request(Method::POST, "/checkv2", mail)?;
        let one = [("ip", &facts.ip), ("helo", &facts.helo), ("from", &facts.from), ("queue-id", &facts.queue_id), ("user", &facts.user)];
        let all = one.into_iter().filter(|(_, value)| !value.is_empty()).chain(facts.recipients.iter().map(|to| ("rcpt", to)));
        for (name, value) in all {
            if let Some(value) = field_value(value) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        let (_, body) = self.ask(self.answer, request).await?;
        read_score(&body)
    }

    /// Is it there? Gives its name and version, if it says them.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn ping(&self) -> Result<String, ScannerError> {
        let request = self.request(Method::GET, "/ping", Bytes::new())?;
        Ok(self.ask(self.connect, request).await?.0)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, ScannerError> {
        let request =
            Request::builder().method(method).uri(format!("{}{path}", self.place.path)).header(HOST, self.place.authority.as_str());
        request.body(Full::new(body)).map_err(|error| ScannerError::Unexpected(error.to_string()))
    }

    async fn ask(&self, wait: Duration, request: Request<Full<Bytes>>) -> Result<(String, Bytes), ScannerError> {
        let connect = tokio::time::timeout(self.connect, TcpStream::connect(&self.place.authority)).await;
        let stream = connect.map_err(|_| ScannerError::Slow(self.connect))?.map_err(|error| ScannerError::Away(error.to_string()))?;
        tokio::time::timeout(wait, exchange(stream, request)).await.map_err(|_| ScannerError::Slow(wait))?
    }
}

/// One request on one connection: who answers (the field Server), and the body.
async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<(String, Bytes), ScannerError> {
    let away = |error: hyper::Error| ScannerError::Away(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(away)?;
    let talk = async {
        let response = sender.send_request(request).await.map_err(away)?;
        if !response.status().is_success() {
            return Err(ScannerError::Unexpected(format!("HTTP {}", response.status())));
        }
        let server = response.headers().get(SERVER).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        Ok((server, body.map_err(|error| ScannerError::Unexpected(error.to_string()))?.to_bytes()))
    };
    tokio::pin!(talk);
    // The connection is driven here, so that it ends with this exchange.
    tokio::select! {
        answer = &mut talk => answer,
        driven = connection => {
            driven.map_err(away)?;
            talk.await
        }
    }
}

/// Reads the answer to a check. The score is a finite number.
///
/// # Errors
/// [`ScannerError::Unexpected`] for everything that names none.
pub fn read_score(answer: &[u8]) -> Result<Scored, ScannerError> {
    serde_json::from_slice(answer).map_err(|error| ScannerError::Unexpected(error.to_string()))
}

/// A value without what could end a header field; `None` if nothing is left.
fn field_value(text: &str) -> Option<HeaderValue> {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(1_000).collect();
    HeaderValue::from_bytes(clean.as_bytes()).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_addresses_of_plain_http() {
        let place = |text: &str| Place::parse(text).map(|place| format!("{}{}", place.authority, place.path));
        assert_eq!(place("http://127.0.0.1:11333"), Ok("127.0.0.1:11333".into()));
        assert_eq!(place("http://rspamd.company.example/"), Ok("rspamd.company.example:11333".into()));
        assert_eq!(place("http://[::1]:1/spam/"), Ok("[::1]:1/spam".into()));
        for bad in ["", "rspamd", "127.0.0.1:11333", "https://rspamd", "http://", "http://u:p@rspamd", "http://rspamd/?x=1", "http://a b"] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn x_10_values_stay_in_their_field() {
        assert_eq!(field_value("a\r\nRcpt: b\0").unwrap(), "aRcpt: b");
        assert_eq!(field_value("\r\n"), None);
        assert_eq!(field_value("mü@b.example").unwrap().as_bytes(), "mü@b.example".as_bytes());
    }

    #[test]
    fn x_23_an_answer_without_a_score_is_none() {
        let read = |json: &str| read_score(json.as_bytes()).map(|scored| scored.score);
        assert_eq!(read(r#"{"score":7.5,"required_score":15,"action":"add header","symbols":{}}"#).unwrap(), 7.5);
        for bad in [r#"{"error":"timeout"}"#, "{}", r#"{"score":null}"#, r#"{"score":"7"}"#, ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
