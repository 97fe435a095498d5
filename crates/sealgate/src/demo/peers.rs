//! The demonstration's small servers, each a process of this same program: the company's mail server, the partner's, and an
//! ActiveSync answerer. They stand in for real ones in `sealgate demo` only; no test counts them as a peer.
//!
//! A peer writes one JSON object a line on standard output: first where it listens, then each mail it took. It ends when its
//! standard input does, so it never outlives the demonstration.

use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use model::{Envelope, Peer};
use serde::{Deserialize, Serialize};
use smtp::inbound::{Gate, Limits, MailParams, RcptParams, Reply, SessionSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Which peer to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A mail server that takes everything.
    Mail,
    /// An ActiveSync server that knows OPTIONS and FolderSync.
    Phones,
}

/// A line on standard output.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// Where it listens.
    Listening(String),
    /// A mail that it took.
    Mail {
        /// MAIL FROM; empty for `<>`.
        from: String,
        /// RCPT TO.
        to: Vec<String>,
        /// The message, base64.
        content: String,
    },
}

/// Runs a peer until standard input ends.
///
/// # Errors
/// When it can't listen.
pub async fn run(kind: Kind) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&Line::Listening(listener.local_addr()?.to_string()));
    let stop = CancellationToken::new();
    let ended = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        ended.cancel();
    });
    match kind {
        Kind::Mail => mail(listener, stop).await,
        Kind::Phones => phones(listener, stop).await?,
    }
    Ok(())
}

fn say(line: &Line) {
    use std::io::Write as _;
    if let Ok(text) = serde_json::to_string(line) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

async fn mail(listener: TcpListener, stop: CancellationToken) {
    let settings = Arc::new(SessionSettings::new("demo.example"));
    let each = stop.clone();
    crate::listeners::accept_loop(listener, stop, move |stream, address| {
        let (settings, stop) = (settings.clone(), each.clone());
        let peer = Peer::new(address.ip());
        tokio::spawn(async move { smtp::inbound::serve(stream, peer, Mailbox, &settings, &stop).await });
    })
    .await;
}

/// Takes every mail and says so on standard output.
struct Mailbox;

impl Gate for Mailbox {
    fn limits(&self) -> Limits {
        Limits { size: 10_000_000, recipients: 100 }
    }

    async fn greet(&mut self, _: &Peer) -> Result<(), Reply> {
        Ok(())
    }

    async fn helo(&mut self, _: &Peer, _: bool) -> Result<(), Reply> {
        Ok(())
    }

    async fn mail(&mut self, _: &Peer, _: MailParams) -> Reply {
        Reply::ok("Sender noted")
    }

    async fn rcpt(&mut self, _: &Peer, _: RcptParams) -> Reply {
        Reply::ok("Recipient noted")
    }

    async fn begin_data(&mut self, _: &Peer, _: &Envelope, _: Option<u64>) -> Result<usize, Reply> {
        Ok(usize::MAX)
    }

    async fn data(&mut self, _: &Peer, envelope: Envelope, content: Bytes) -> Reply {
        use base64::Engine as _;
        say(&Line::Mail {
            from: envelope.sender.map_or_else(String::new, |sender| sender.to_string()),
            to: envelope.recipients.iter().map(|r| r.address.to_string()).collect(),
            content: base64::engine::general_purpose::STANDARD.encode(content),
        });
        Reply::ok("Taken")
    }
}

async fn phones(listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let router = axum::Router::new().fallback(answer);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// OPTIONS names the versions (MS-ASHTTP §2.2.3); anything else is answered as a FolderSync with Status 1 and no folder.
async fn answer(method: Method, headers: HeaderMap) -> impl IntoResponse {
    if !headers.contains_key("authorization") {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"demo\"")], Vec::new()).into_response();
    }
    if method == Method::OPTIONS {
        return (StatusCode::OK, [("ms-asprotocolversions", "14.0,14.1"), ("ms-asprotocolcommands", "FolderSync,Sync,Ping")], Vec::new())
            .into_response();
    }
    (StatusCode::OK, [("content-type", "application/vnd.ms-sync.wbxml")], folder_sync()).into_response()
}

/// `<FolderSync><Status>1</Status><SyncKey>1</SyncKey><Changes><Count>0</Count></Changes></FolderSync>` in code page 7 (MS-ASWBXML §2.1.2.1.8).
fn folder_sync() -> Vec<u8> {
    let mut wbxml = vec![0x03, 0x01, 0x6a, 0x00, 0x00, 0x07, 0x56];
    for (token, text) in [(0x4c, "1"), (0x52, "1")] {
        wbxml.extend([token, 0x03]);
        wbxml.extend(text.as_bytes());
        wbxml.extend([0x00, 0x01]);
    }
    wbxml.extend([0x4e, 0x57, 0x03, b'0', 0x00, 0x01, 0x01, 0x01]);
    wbxml
}
