//! Dialogues: the connection test asks as a phone without credentials would, and says what is wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod house;

use house::{House, field, soon};
use model::site::MobileGateway;

fn configured(house: &House) -> MobileGateway {
    MobileGateway::clone(&house.known.site.lock().gateways["one"])
}

/// The code of what the one server's answer meant, or the schemes that it offers.
async fn probed(house: &House, answer: &str) -> (String, String) {
    let gateway = configured(house);
    let (probed, head) = soon("the test", async {
        tokio::join!(house.gate.probe(&gateway), async {
            let mut server = house.server().await;
            let head = server.head().await;
            server.say(answer).await;
            drop(server);
            head
        })
    })
    .await;
    let said = match &probed[0].answer {
        Ok(schemes) => schemes.join(" "),
        Err(fault) => fault.code.to_owned(),
    };
    (said, head)
}

#[tokio::test]
async fn a_9_g_1_the_mail_server_is_asked_without_credentials_and_its_answer_is_read() {
    let house = House::new().await;
    let good = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 5\r\n\r\nlogin";
    let (said, head) = probed(&house, good).await;
    assert_eq!(said, "Basic");
    assert!(head.starts_with("OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\n"), "{head}");
    assert_eq!((field(&head, "authorization"), field(&head, "cookie")), (None, None), "{head}");
    for (answer, code) in [
        ("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n", "probe-no-scheme"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "probe-open"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "probe-status"),
        ("SSH-2.0-x\r\n\r\n", "mail-server-answer"),
        ("", "mail-server-lost"),
        ("HTTP/1.1 401", "mail-server-answer"),
    ] {
        assert_eq!(probed(&house, answer).await.0, code, "{answer:?}");
    }
}

#[tokio::test]
async fn a_9_every_server_is_asked_by_itself_and_a_dead_one_is_named() {
    let house = House::new().await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = dead.local_addr().unwrap().port();
    drop(dead);
    let mut gateway = configured(&house);
    gateway.mail_server = format!("http://127.0.0.1:{} http://127.0.0.1:{port} https://127.0.0.1:{}", house.port(), house.port());
    let (probed, ()) = soon("the test", async {
        tokio::join!(house.gate.probe(&gateway), async {
            // One of the two that reach it speaks TLS: its first octet is that of a handshake (RFC 8446 §5.1).
            for _ in 0..2 {
                let mut server = house.server().await;
                let first = server.octets(1).await;
                if first != [22] {
                    server.head().await;
                }
                server.say("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n").await;
            }
        })
    })
    .await;
    let codes: Vec<_> = probed.iter().map(|one| one.answer.as_ref().map_or_else(|fault| fault.code, |_| "good")).collect();
    assert_eq!(codes, ["good", "mail-server-unreachable", "mail-server-tls"]);
    assert!(probed[1].server.ends_with(&port.to_string()), "{probed:?}");
    assert!(house.known.site.lock().gateways.len() == 1 && house.gate.counts().running == 0, "nothing is left of it");
}
