//! One fetch: URL, address, policy, TCP, TLS, HTTP, each once.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::{Method, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Egress, EgressError, Request, Response, roots};
use crate::proxy::Proxy;

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// Where a URL leads.
struct Place {
    tls: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

pub(super) async fn fetch(egress: &Egress, request: &Request<'_>) -> Result<Response, EgressError> {
    let place = place(request)?;
    let stream = match &egress.proxy {
        Some(proxy) => through(egress, request, &place, proxy).await?,
        None => connect(egress, request, &place).await?,
    };
    if !place.tls {
        return exchange(stream, request, &place, egress.proxy.as_deref()).await;
    }
    let name = ServerName::try_from(place.host.clone()).map_err(|_| EgressError::Url(request.url.to_owned()))?;
    let site = egress.facts.site();
    // Reading the machine's roots is file work.
    let config = tokio::task::spawn_blocking(move || roots::config(&site)).await;
    let config = config.map_err(|error| EgressError::Tls(error.to_string()))??;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.map_err(|error| EgressError::Tls(error.to_string()))?;
    exchange(stream, request, &place, None).await
}

fn place(request: &Request<'_>) -> Result<Place, EgressError> {
    let wrong = || EgressError::Url(request.url.to_owned());
    let uri: Uri = request.url.parse().map_err(|_| wrong())?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") if request.purpose.takes_http() => false,
        _ => return Err(wrong()),
    };
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    if host.is_empty() { Err(wrong()) } else { Ok(Place { tls, host, port, authority: authority.to_string(), path }) }
}

/// Looks the host up, judges each address, and connects to the first that is open and answers.
async fn connect(egress: &Egress, request: &Request<'_>, place: &Place) -> Result<TcpStream, EgressError> {
    let addresses = match place.host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) => egress.dns.addresses(&place.host).await?.found,
    };
    let mut last = EgressError::Connect("the name has no address".to_owned());
    for ip in addresses.into_iter().take(ADDRESSES_MAX) {
        if !egress.policy.permits(request.purpose, ip) {
            tracing::warn!(event = "egress.closed", purpose = request.purpose.word(), host = place.host, %ip, "not fetched");
            last = EgressError::Forbidden(ip);
            continue;
        }
        match TcpStream::connect(SocketAddr::new(ip, place.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = EgressError::Connect(format!("{ip}: {error}")),
        }
    }
    Err(last)
}

/// A connection to the proxy, with a tunnel where TLS goes through it.
async fn through(egress: &Egress, request: &Request<'_>, place: &Place, proxy: &Proxy) -> Result<TcpStream, EgressError> {
    let lost = EgressError::Connect;
    let behind = match place.host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        // What can't be looked up here the proxy may know.
        Err(_) => egress.dns.addresses(&place.host).await.map(|answer| answer.found).unwrap_or_default(),
    };
    if let Some(ip) = behind.into_iter().find(|ip| !egress.policy.permits(request.purpose, *ip)) {
        return Err(EgressError::Forbidden(ip));
    }
    let addresses = match proxy.host().parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) => egress.dns.addresses(proxy.host()).await?.found,
    };
    let mut last = lost(format!("proxy {}: the name has no address", proxy.host()));
    for ip in addresses.into_iter().take(ADDRESSES_MAX) {
        match TcpStream::connect(SocketAddr::new(ip, proxy.port())).await {
            Ok(mut stream) => {
                if place.tls {
                    proxy.tunnel(&mut stream, &place.host, place.port).await.map_err(|error| lost(error.to_string()))?;
                }
                return Ok(stream);
            }
            Err(error) => last = lost(format!("proxy {ip}: {error}")),
        }
    }
    Err(last)
}

/// `proxy`: the request goes to it in clear, so it names the whole URL and signs in.
async fn exchange<S>(stream: S, request: &Request<'_>, place: &Place, proxy: Option<&Proxy>) -> Result<Response, EgressError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let unread = |error: &dyn std::fmt::Display| EgressError::Http(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| unread(&e))?;
    // It ends with the sender.
    let driver = tokio::spawn(connection);
    let (method, body) = match &request.body {
        Some((_, body)) => (Method::POST, body.clone()),
        None => (Method::GET, Bytes::new()),
    };
    let target = if proxy.is_some() { format!("http://{}{}", place.authority, place.path) } else { place.path.clone() };
    let mut builder = http::Request::builder().method(method).uri(target);
    if let Some(credentials) = proxy.and_then(Proxy::credentials) {
        let mut value = HeaderValue::from_str(credentials.expose()).map_err(|e| unread(&e))?;
        value.set_sensitive(true);
        builder = builder.header(PROXY_AUTHORIZATION, value);
    }
    builder = builder.header(HOST, &place.authority).header(USER_AGENT, "Sealgate").header(ACCEPT_ENCODING, "identity");
    builder = builder.header(CONNECTION, "close");
    if let Some((media_type, _)) = &request.body {
        builder = builder.header(CONTENT_TYPE, *media_type);
    }
    let asked = builder.body(Full::new(body)).map_err(|e| unread(&e))?;
    let answer = sender.send_request(asked).await.map_err(|e| unread(&e))?;
    let response = read(answer, request.size).await;
    driver.abort();
    response
}

async fn read(answer: http::Response<Incoming>, size: usize) -> Result<Response, EgressError> {
    let (head, mut incoming) = answer.into_parts();
    let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| EgressError::Http(error.to_string()))?;
        let Some(data) = frame.data_ref() else { continue };
        if body.len() + data.len() > size {
            return Err(EgressError::TooLarge(size));
        }
        body.extend_from_slice(data);
    }
    Ok(Response { status: head.status.as_u16(), media_type, body: body.freeze() })
}
