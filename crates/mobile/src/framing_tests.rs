//! Tests of the framing watch, in one piece and octet by octet.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Watch, Watched};

/// True if the request line or a field of what is sent was spoilt.
fn refused(text: &str) -> bool {
    let mut whole = text.as_bytes().to_vec();
    Watch::new().see(&mut whole);
    let mut watch = Watch::new();
    let mut pieces = Vec::new();
    for octet in text.bytes() {
        let mut piece = [octet];
        watch.see(&mut piece);
        pieces.extend(piece);
    }
    assert_eq!(whole, pieces, "{text:?} depends on how it arrives");
    let spoilt = whole.iter().filter(|octet| **octet == 0).count();
    assert!(spoilt <= 1);
    spoilt == 1
}

fn head(fields: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn x_18_ambiguous_lengths_are_spoilt() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\ncontent-LENGTH: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "X: y\r\n Content-Length: 5\r\n",
        "X: y\nContent-Length: 5\r\n",
        "X: y\rContent-Length: 5\r\n",
        "NoColon\r\n",
    ] {
        assert!(refused(&head(fields)), "{fields:?}");
    }
    assert!(refused("POST /x HTTP/1.1\nHost: a\r\n\r\n"));
    let long = format!("Content-Length:{}5\r\n", " ".repeat(100));
    assert!(refused(&head(&long)));
}

#[test]
fn ordinary_requests_are_left_alone() {
    let long = format!("X-Long: {}\r\n", "y".repeat(500));
    for fields in ["", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "X-Content-Length: 5\r\nX-Content-Length: 5\r\n", &long] {
        assert!(!refused(&head(fields)), "{fields:?}");
    }
    let body = "Content-Length: 1\r\nContent-Length: 2\r\n\r\n\n\n x";
    let one = format!("{}{body}", head(&format!("Content-Length: {}\r\n", body.len())));
    assert!(!refused(&one), "a body is not looked at");
    assert!(!refused(&format!("{one}\r\n{one}{}", head(""))), "nor is a second one");
    assert!(refused(&format!("{one}{}", head("Content-Length: 1\r\nContent-Length: 1\r\n"))), "but every head is");
    assert!(!refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n\r\r"));
    assert!(!refused(&format!("{}5\r\nhello\r\n0\r\n\r\n", head("Transfer-Encoding: chunked\r\n"))));
}

#[test]
fn very_long_lines_of_every_length_pass() {
    for length in 60..120 {
        let field = format!("X: {}\r\n", "z".repeat(length));
        assert!(!refused(&head(&field)), "{length}");
        let request = format!("POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "p".repeat(length));
        assert!(!refused(&request), "{length}");
        assert!(refused(&request.replace("Length: 0\r\n", "Length: 0\r\nContent-Length: 0\r\n")), "{length}");
    }
}

#[tokio::test]
async fn the_opening_is_looked_at_and_read_again() {
    for (text, is_2) in
        [("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true), ("POST / HTTP/1.1\r\n\r\n", false), ("PRINT / HTTP/1.1\r\n\r\n", false)]
    {
        let (mut phone, stream) = tokio::io::duplex(1);
        let mut watched = Watched::new(stream, Duration::from_secs(60), Duration::from_secs(60));
        let read = async {
            assert_eq!(watched.speaks_http_2().await.unwrap(), is_2, "{text}");
            let mut all = Vec::new();
            let mut piece = [0; 3];
            while let Ok(count @ 1..) = watched.read(&mut piece).await {
                all.extend_from_slice(&piece[..count]);
            }
            assert_eq!(String::from_utf8(all).unwrap(), text);
        };
        tokio::join!(read, async {
            phone.write_all(text.as_bytes()).await.unwrap();
            drop(phone);
        });
    }
    let (_phone, stream) = tokio::io::duplex(1);
    let refused = Watched::new(stream, Duration::ZERO, Duration::ZERO).speaks_http_2().await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::TimedOut, "nothing came");
}

#[tokio::test]
async fn a_phone_that_takes_nothing_is_let_go() {
    let (mut phone, stream) = tokio::io::duplex(4);
    let mut watched = Watched::new(stream, Duration::from_secs(60), Duration::from_millis(1));
    let stalled = watched.write_all(b"more than fits").await;
    assert_eq!(stalled.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    let mut taken = [0; 4];
    phone.read_exact(&mut taken).await.unwrap();
    watched.write_all(b"fits").await.unwrap();
}
