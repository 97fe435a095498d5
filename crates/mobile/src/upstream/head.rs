//! Heads of HTTP/1.1 messages: ours is written, the mail server's is read (RFC 9112 §3, §4, §6.3).

use std::io::Write as _;
use std::net::IpAddr;

use bytes::{Buf as _, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use model::{Fault, Guilty};

use super::connection::Outgoing;
use crate::client::speaks_for_the_client;

/// Longest head of an answer.
const LONGEST: usize = 64 << 10;
/// Most fields of an answer.
const FIELDS: usize = 128;

/// Fields between two neighbours only (RFC 9110 §7.6.1), and those that this side writes itself.
const OURS: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
    "http2-settings",
];

/// How an answer's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many octets.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// The head of an answer, as it is passed on.
#[derive(Debug)]
pub(crate) struct Head {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its fields, those between neighbours taken out.
    pub(crate) headers: HeaderMap,
    /// Its body's end.
    pub(crate) framing: Framing,
    /// The server lets the connection open.
    pub(crate) keep: bool,
}

/// The head that the mail server gets, but for `Host`, which each of its hosts has its own of.
#[derive(Debug)]
pub(crate) struct RequestHead {
    line: Box<[u8]>,
    fields: Box<[u8]>,
}

impl RequestHead {
    /// All of it, for this host.
    pub(super) fn for_host(&self, authority: &str) -> Vec<u8> {
        [&self.line, &b" HTTP/1.1\r\nhost: "[..], authority.as_bytes(), b"\r\n", &self.fields].concat()
    }
}

/// Our path, the phone's query and fields, our framing. `client`: whose address is told, if it is. `plain`: the answer must
/// come without a content coding.
pub(crate) fn request_head(parts: &Parts, path: &str, client: Option<IpAddr>, plain: bool, body: &Outgoing) -> RequestHead {
    let mut line = [parts.method.as_str().as_bytes(), b" ", path.as_bytes()].concat();
    if let Some(query) = parts.uri.query() {
        line.extend_from_slice(b"?");
        line.extend_from_slice(query.as_bytes());
    }
    let mut head = Vec::with_capacity(1024);
    let mut put = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| head.extend_from_slice(piece));
    let named = named_by_connection(&parts.headers);
    for (name, value) in &parts.headers {
        let name = name.as_str();
        let ours = OURS.contains(&name) || name == "content-length" || name == "cookie" || (plain && name == "accept-encoding");
        if !ours && !speaks_for_the_client(name) && !named.iter().any(|other| other == name) {
            put(&[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    // HTTP/2 may split it; HTTP/1.1 knows one (RFC 9113 §8.2.3).
    let cookies: Vec<&[u8]> = parts.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        put(&[b"cookie: ", &cookies.join(&b"; "[..]), b"\r\n"]);
    }
    if plain {
        put(&[b"accept-encoding: identity\r\n"]);
    }
    let length = match body {
        Outgoing::Whole(bytes) => Some(bytes.len() as u64),
        Outgoing::Stream(_, known) => *known,
    };
    // Writing to a vector does not fail.
    if let Some(client) = client {
        let _ = write!(head, "x-forwarded-for: {client}\r\n");
    }
    let _ = match length {
        Some(0) if parts.method != Method::POST => Ok(()),
        Some(length) => write!(head, "content-length: {length}\r\n"),
        None => write!(head, "transfer-encoding: chunked\r\n"),
    };
    head.extend_from_slice(b"\r\n");
    RequestHead { line: line.into(), fields: head.into() }
}

/// Names that `Connection` takes out. What a judge or the mail server must see stays.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    const STAYS: [&str; 3] = ["authorization", "ms-asprotocolversion", "content-type"];
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !STAYS.contains(&name.as_str())).collect()
}

/// Takes a whole head off the front of `inbox`, interim ones skipped (RFC 9110 §15.2); `None` if it is not there yet.
///
/// # Errors
/// What comes is no HTTP, or has a length that can be read in two ways.
pub(crate) fn answer_head(inbox: &mut BytesMut, head_only: bool) -> Result<Option<Head>, Fault> {
    loop {
        if inbox.is_empty() {
            return Ok(None);
        }
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(inbox).map_err(|cause| wrong(&cause.to_string()))?;
        let httparse::Status::Complete(length) = parsed else {
            return if inbox.len() > LONGEST { Err(wrong("its head is too long")) } else { Ok(None) };
        };
        let code = response.code.unwrap_or_default();
        if code == 101 {
            return Err(wrong("it switches protocols"));
        }
        let head = (code >= 200).then(|| read(&response, code, head_only)).transpose()?;
        inbox.advance(length);
        if let Some(head) = head {
            return Ok(Some(head));
        }
    }
}

fn read(response: &httparse::Response<'_, '_>, code: u16, head_only: bool) -> Result<Head, Fault> {
    let status = StatusCode::from_u16(code).map_err(|_| wrong("its status is no number that exists"))?;
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| wrong("a field has no name"))?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| wrong("a field has no value"))?;
        headers.append(name, value);
    }
    let has_body = !head_only && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
    let framing = framing(&headers, has_body)?;
    let says = |word: &str| {
        let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case(word))
    };
    let keep = framing != Framing::Close && response.version == Some(1) && !says("close");
    pass_on(&mut headers, status, framing, head_only);
    Ok(Head { status, headers, framing, keep })
}

fn framing(headers: &HeaderMap, has_body: bool) -> Result<Framing, Fault> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (coding, length) = (codings.next(), lengths.next());
    if codings.next().is_some() || lengths.next().is_some() || (coding.is_some() && length.is_some()) {
        return Err(wrong("its length can be read in two ways"));
    }
    let framing = match (coding, length) {
        (Some(coding), _) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        (Some(_), _) => return Err(wrong("its transfer coding is unknown")),
        (None, Some(length)) => {
            let digits = length.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
            Framing::Length(digits.and_then(|text| text.parse().ok()).ok_or_else(|| wrong("its length is no number"))?)
        }
        (None, None) => Framing::Close,
    };
    Ok(if has_body { framing } else { Framing::Length(0) })
}

/// Takes out what is between the mail server and us only, and what can't work through a gateway.
fn pass_on(headers: &mut HeaderMap, status: StatusCode, framing: Framing, head_only: bool) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in OURS {
        headers.remove(name);
    }
    if !head_only && (framing == Framing::Chunked || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED) {
        headers.remove(header::CONTENT_LENGTH);
    }
    // Schemes that authenticate a connection can't pass one that is shared (G-7: offer only what can work).
    let offered: Vec<HeaderValue> = headers.get_all(header::WWW_AUTHENTICATE).iter().cloned().collect();
    headers.remove(header::WWW_AUTHENTICATE);
    for offer in offered {
        let scheme = offer.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"negotiate") && !scheme.eq_ignore_ascii_case(b"ntlm") {
            headers.append(header::WWW_AUTHENTICATE, offer);
        }
    }
}

fn wrong(what: &str) -> Fault {
    Fault::permanent(Guilty::NextHop, "mail-server-answer", format!("the mail server's answer can't be used: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<Head>, Fault> {
        answer_head(&mut BytesMut::from(text), false)
    }

    #[test]
    fn g_4_every_way_to_end_a_body_is_read() {
        let framing = |text: &str| parsed(text).unwrap().unwrap().framing;
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Framing::Length(0));
        assert_eq!(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Framing::Chunked);
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n"), Framing::Close);
        assert_eq!(framing("HTTP/1.1 204 No\r\n\r\n"), Framing::Length(0));
        assert_eq!(framing("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), Framing::Length(7));
        assert!(parsed("HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
    }

    #[test]
    fn x_18_an_answer_with_two_lengths_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Content-Length: +1",
            "Transfer-Encoding: gzip",
        ] {
            assert!(parsed(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")).is_err(), "{fields}");
        }
        assert!(parsed("SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn g_7_only_what_can_work_is_offered_and_neighbours_fields_stay() {
        let text = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Negotiate\r\n\
                    Connection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n";
        let head = parsed(text).unwrap().unwrap();
        let offered: Vec<_> = head.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(offered, ["Basic realm=\"x\""]);
        assert!(!head.keep && !head.headers.contains_key("x-hop") && !head.headers.contains_key("connection"));
        assert_eq!(head.headers["x-end"], "2");
    }
}
