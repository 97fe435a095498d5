//! Plays a dialogue file against the inbound session, as its client.
//!
//! One line, one act: `C:` sends a line (lines in a row go out together), `c:` sends octets with escapes, `S:`
//! expects a line, `S~` one that begins so, `E:` expects the end of the connection, `L:` expects what the
//! gate noted next, `G:` plans an answer of the gate, `set:` changes a setting, `T:` makes the TLS handshake,
//! `X: half` closes the client's side, `X: drop` cuts the connection, `X: stop` begins our graceful stop, `X: flush` sends what waits, `N:`
//! sends many octets, `#` is a comment. `mode: whole` plays only with large buffers, as TLS
//! does: both sides of a handshake write at once, and a pipe of one octet would block them.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use model::Peer;
use smtp::inbound::{BareNewline, Ended, SessionSettings, serve};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::gate::Script;
use super::{tls, unescape};

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Plays the file once for each size of the pipe between the two; 1 splits at every octet.
pub async fn play(name: &str) {
    let path = format!("{}/dialogues/{name}.smtp", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let sizes: &[usize] = if text.lines().any(|line| line == "mode: whole" || line == "T:") { &[1 << 20] } else { &[1 << 20, 1, 7] };
    for size in sizes {
        let script = Script::default();
        Dialogue::start(&text, *size, script).play(&text).await;
    }
}

pub fn peer() -> Peer {
    Peer::new([192, 0, 2, 1].into())
}

struct Dialogue {
    stream: Option<Box<dyn Stream>>,
    out: Vec<u8>,
    input: BytesMut,
    script: Script,
    seen: usize,
    stop: CancellationToken,
    session: Option<JoinHandle<Ended>>,
    client_tls: Arc<rustls::ClientConfig>,
}

fn settings(text: &str, server: Arc<rustls::ServerConfig>, script: &mut Script) -> SessionSettings {
    let mut settings = SessionSettings::new("gate.example");
    settings.certificate = Arc::new(move || Some(server.clone()));
    for line in text.lines().filter_map(|line| line.strip_prefix("set: ")) {
        let (key, value) = line.split_once('=').unwrap();
        match key {
            "size" => script.limits.lock().unwrap().size = value.parse().unwrap(),
            "recipients" => script.limits.lock().unwrap().recipients = value.parse().unwrap(),
            "line" => settings.line = value.parse().unwrap(),
            "discard" => settings.discard = value.parse().unwrap(),
            "bare_newline" => settings.bare_newline = BareNewline::Normalise,
            "xclient" => settings.xclient = value == "yes",
            "submission" => settings.submission = value == "yes",
            "sign_in" => script.accounts = value == "yes",
            "certificate" => settings.certificate = Arc::new(|| None),
            other => panic!("no setting {other}"),
        }
    }
    settings
}

impl Dialogue {
    fn start(text: &str, size: usize, mut script: Script) -> Self {
        let (server, client_tls) = tls();
        let (ours, theirs): (DuplexStream, DuplexStream) = duplex(size);
        let stop = CancellationToken::new();
        if let Some(room) = text.lines().find_map(|line| line.strip_prefix("room: ")) {
            script.room = room.parse().unwrap();
        }
        for plan in text.lines().filter_map(|line| line.strip_prefix("G: ")) {
            script.plan(plan);
        }
        let settings = settings(text, server, &mut script);
        let (gate, token) = (script.clone(), stop.clone());
        let session = tokio::spawn(async move { serve(theirs, peer(), gate, &settings, &token).await });
        Self {
            stream: Some(Box::new(ours)),
            out: Vec::new(),
            input: BytesMut::new(),
            script,
            seen: 0,
            stop,
            session: Some(session),
            client_tls,
        }
    }

    async fn play(mut self, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let place = format!("line {}: {line}", number + 1);
            let (act, rest) = line.split_at(line.len().min(2));
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            match act {
                "C:" => self.out.extend_from_slice(format!("{rest}\r\n").as_bytes()),
                "c:" => self.out.extend_from_slice(&unescape(rest)),
                "N:" => {
                    let (count, what) = rest.split_once(' ').unwrap();
                    self.out.extend_from_slice(&unescape(what).repeat(count.parse().unwrap()));
                }
                "S:" => assert_eq!(self.line(&place).await, rest, "{place}"),
                "S~" => {
                    let line = self.line(&place).await;
                    assert!(line.starts_with(rest), "{place}\n got {line}");
                }
                "E:" => self.end(&place).await,
                "L:" => self.event(rest, &place),
                "T:" => self.handshake().await,
                "X:" => self.act(rest).await,
                _ => {}
            }
        }
        drop(self.stream.take());
        if let Some(session) = self.session.take() {
            session.await.expect("the session did not panic");
        }
        let events = self.script.events.lock().unwrap().clone();
        assert_eq!(events.get(self.seen..), Some(&[][..]), "events that the dialogue did not name");
    }

    /// Sends what waits, reading at the same time as a good client does.
    async fn send(&mut self) {
        let out = std::mem::take(&mut self.out);
        let Some(stream) = self.stream.as_mut() else { return };
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut rest = &out[..];
        while !rest.is_empty() {
            tokio::select! {
                biased;
                written = writer.write(rest) => match written {
                    Ok(count) => rest.advance(count),
                    Err(_) => return,
                },
                read = reader.read_buf(&mut self.input) => if !matches!(read, Ok(count) if count > 0) { return },
            }
        }
        let _ = writer.flush().await;
    }

    async fn line(&mut self, place: &str) -> String {
        self.send().await;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.input) {
                let line = self.input.split_to(at + 1);
                let line = line.strip_suffix(b"\r\n").expect("replies end with CR LF");
                return String::from_utf8(line.to_vec()).expect("replies are US-ASCII");
            }
            let stream = self.stream.as_mut().expect("still connected");
            let read = stream.read_buf(&mut self.input).await;
            assert!(matches!(read, Ok(count) if count > 0), "the connection ended; {place}");
        }
    }

    async fn end(&mut self, place: &str) {
        self.send().await;
        let mut stream = self.stream.take().expect("still connected");
        while let Ok(count) = stream.read_buf(&mut self.input).await {
            if count == 0 {
                break;
            }
        }
        assert!(self.input.is_empty(), "{place}\n got {:?}", self.input);
        drop(stream);
        self.session.take().unwrap().await.expect("the session did not panic");
    }

    fn event(&mut self, expected: &str, place: &str) {
        let events = self.script.events.lock().unwrap();
        assert_eq!(events.get(self.seen).map(String::as_str), Some(expected), "{place}\n all: {events:?}");
        self.seen += 1;
    }

    async fn handshake(&mut self) {
        self.send().await;
        assert!(self.input.is_empty(), "in clear after 220: {:?}", self.input);
        let stream = self.stream.take().unwrap();
        let name = rustls_pki_types::ServerName::try_from("gate.example").unwrap();
        let stream = tokio_rustls::TlsConnector::from(self.client_tls.clone()).connect(name, stream).await.unwrap();
        self.stream = Some(Box::new(stream));
    }

    async fn act(&mut self, what: &str) {
        self.send().await;
        match what {
            "half" => self.stream.as_mut().unwrap().shutdown().await.unwrap(),
            "drop" => {
                drop(self.stream.take());
                self.session.take().unwrap().await.expect("the session did not panic");
            }
            "stop" => self.stop.cancel(),
            "flush" => tokio::task::yield_now().await,
            other => panic!("unknown act {other}"),
        }
    }
}
