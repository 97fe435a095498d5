//! Plays a server from a script against the outbound client: `S:` sends a line, `C:` expects one, `C~` one that
//! begins so, `D:` expects content up to the end of data and compares it, `T:` makes the TLS handshake (`t:` if the
//! client wants it),
//! `B:` breaks the handshake, `E:` expects the client to close, `c:`/`s:` are octets with escapes; the end of the
//! script closes the connection.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{escape, unescape};

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Plays the whole script; panics where the client does something else.
pub async fn play(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, script: &str, tls: Arc<rustls::ServerConfig>) {
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let mut input = BytesMut::new();
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        let (act, rest) = line.split_at(line.len().min(2));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match act {
            "S:" => stream.write_all(format!("{rest}\r\n").as_bytes()).await.unwrap(),
            "s:" => stream.write_all(&unescape(rest)).await.unwrap(),
            "C:" => assert_eq!(until(&mut stream, &mut input, b"\r\n", line).await, rest, "{line}"),
            "C~" => {
                let got = until(&mut stream, &mut input, b"\r\n", line).await;
                assert!(got.starts_with(rest), "{line}\n got {got}");
            }
            "D:" => assert_eq!(until(&mut stream, &mut input, b"\r\n.\r\n", line).await, rest, "{line}"),
            "T:" => {
                let acceptor = tokio_rustls::TlsAcceptor::from(tls.clone());
                stream = Box::new(acceptor.accept(stream).await.expect("the handshake"));
            }
            "t:" => match tokio_rustls::TlsAcceptor::from(tls.clone()).accept(stream).await {
                Ok(under_tls) => stream = Box::new(under_tls),
                Err(_) => return,
            },
            "B:" => {
                until(&mut stream, &mut input, b"\x16", line).await;
                stream.write_all(b"\x15\x03\x01\x00\x02\x02\x28").await.unwrap();
            }
            "E:" => {
                let read = stream.read_buf(&mut input).await.unwrap_or(0);
                assert_eq!(read, 0, "{line}: {input:?}");
            }
            _ => panic!("unknown act {line}"),
        }
    }
}

async fn until(stream: &mut Box<dyn Stream>, input: &mut BytesMut, mark: &[u8], place: &str) -> String {
    loop {
        if let Some(at) = memchr::memmem::find(input, mark) {
            let line = input.split_to(at + mark.len());
            return escape(&line[..at]);
        }
        let read = stream.read_buf(input).await.unwrap_or(0);
        assert!(read > 0, "the client closed; {place}; so far {input:?}");
    }
}
