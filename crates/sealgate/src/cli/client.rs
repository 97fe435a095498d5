//! How commands reach the node: the API of a running node over its Unix socket, or, with no node running on the data directory,
//! the same API in this process. Either way the same routes, rights and use cases.

use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use model::{Fault, Guilty};
use serde_json::Value;
use tower::ServiceExt;

/// Longest answer that a command reads.
const ANSWER_MAX: usize = 256 << 20;

/// The member that holds the octets of an answer that is a file, as base64.
pub const OCTETS: &str = "octets";

/// A way to the node's API.
pub enum Node {
    /// A node runs; this is its socket.
    Running(PathBuf),
    /// None runs; its router is here.
    Here(Box<Router>),
}

/// What the API said.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The row's version, if it has one.
    pub etag: Option<String>,
    /// The body; `Null` if it is empty, a string if it is no JSON, [`OCTETS`] if it is a file.
    pub body: Value,
}

/// One call.
#[derive(Debug, Default)]
pub struct Call<'a> {
    /// `GET`, `PUT`, ….
    pub method: Method,
    /// Path and query below `/api/v1`.
    pub path: &'a str,
    /// JSON or text.
    pub body: Option<Content>,
    /// `If-Match`.
    pub if_match: Option<String>,
}

/// A call's body.
#[derive(Debug)]
pub enum Content {
    /// `application/json`.
    Json(Value),
    /// `application/octet-stream`.
    Bytes(Vec<u8>),
}

impl Node {
    /// Makes one call.
    ///
    /// # Errors
    /// `node-unreachable` when the node does not answer.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let request = request(call).map_err(|e| unreachable(e.to_string()))?;
        let response = match self {
            Self::Here(router) => router.as_ref().clone().oneshot(request).await.map_err(|e| unreachable(e.to_string()))?,
            Self::Running(socket) => send(socket, request).await?,
        };
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").and_then(|v| v.to_str().ok()).map(str::to_owned);
        // A file to save is octets, but for CSV, which is text.
        let says = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let is_file = says("content-disposition").starts_with("attachment") && !says("content-type").starts_with("text/");
        let bytes = Limited::new(response.into_body(), ANSWER_MAX).collect().await.map_err(|e| unreachable(e.to_string()))?.to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else if is_file && status < 400 {
            serde_json::json!({ OCTETS: data_encoding::BASE64.encode(&bytes) })
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Answer { status, etag, body })
    }
}

fn request(call: Call<'_>) -> Result<Request<Body>, http::Error> {
    let mut builder = Request::builder().method(call.method).uri(format!("/api/v1{}", call.path)).header("host", "localhost");
    if let Some(version) = call.if_match {
        builder = builder.header("if-match", version);
    }
    match call.body {
        None => builder.body(Body::empty()),
        Some(Content::Json(value)) => builder.header("content-type", "application/json").body(Body::from(value.to_string())),
        Some(Content::Bytes(bytes)) => builder.header("content-type", "application/octet-stream").body(Body::from(bytes)),
    }
}

async fn send(socket: &PathBuf, request: Request<Body>) -> Result<http::Response<Body>, Fault> {
    let stream = tokio::net::UnixStream::connect(socket).await.map_err(|e| unreachable(format!("{}: {e}", socket.display())))?;
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|e| unreachable(e.to_string()))?.to_bytes();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| unreachable(e.to_string()))?;
    tokio::spawn(connection);
    let response = sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(|e| unreachable(e.to_string()))?;
    Ok(response.map(Body::new))
}

fn unreachable(cause: String) -> Fault {
    Fault::temporary(Guilty::Ourselves, "node-unreachable", cause)
}
