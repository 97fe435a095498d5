//! Dialogues: a request goes through and its answer comes back as it was.

mod house;

use std::time::{Duration, Instant};

use house::{CAROL, House, command, field, ping, soon};
use mobile::Settings;
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn g_1_a_request_and_its_answer_pass_octet_for_octet() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    let body = "\x03\x01\x6a\x00\x00\x07VR\x030\x00\x01\x01";
    let request =
        command("FolderSync", body).replace("User-Agent", "X-Forwarded-For: 6.6.6.6\r\nX-Hop: 1\r\nConnection: X-Hop\r\nUser-Agent");
    phone.say(request.replace("/Microsoft-Server-ActiveSync", "/MICROSOFT-server-activesync")).await;
    let mut server = house.server().await;
    let (head, got) = server.message().await;
    assert!(
        head.starts_with("POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&User=carol&DeviceId=PHONE1&DeviceType=Test HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(got, body.as_bytes());
    assert_eq!(field(&head, "authorization"), Some("Basic Y2Fyb2w6Y2Fyb2xwdw=="));
    assert_eq!(field(&head, "x-forwarded-for"), Some("127.0.0.1"), "x_20: the phone's own word does not count");
    assert_eq!(field(&head, "host"), Some(format!("127.0.0.1:{}", house.port()).as_str()));
    assert_eq!(field(&head, "ms-asprotocolversion"), Some("14.1"));
    assert!(!head.contains("6.6.6.6") && field(&head, "x-hop").is_none(), "{head}");
    let zipped = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 0, 1, 2, 3];
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Encoding: gzip\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                  MS-Server-ActiveSync: 14.1\r\nContent-Length: 14\r\n\r\n";
    server.say([answer.as_bytes(), &zipped].concat()).await;
    let (head, got) = phone.message().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(got, zipped, "gzip is not touched");
    assert_eq!(field(&head, "content-encoding"), Some("gzip"));
    assert_eq!(head.matches("set-cookie").count(), 2);
    let seen = house.known.seen.lock().clone();
    assert_eq!((seen[0].user.as_str(), seen[0].device.as_str(), seen[0].command.as_str()), ("carol", "phone1", "FolderSync"));
    assert_eq!((&*seen[0].decision.code(), seen[0].agent.as_str()), ("compliant", "Test/1"), "an unknown device is recorded");
}

#[tokio::test]
async fn g_3_first_octets_arrive_before_the_answer_is_complete() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    phone.say(command("ItemOperations", "")).await;
    let mut server = house.server().await;
    server.message().await;
    server.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    let head = phone.head().await;
    assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
    assert_eq!(phone.octets(10).await, b"5\r\nfirst\r\n", "passed on while the rest has not come");
    server.say("6\r\nsecond\r\n0\r\n\r\n").await;
    assert_eq!(phone.octets(16).await, b"6\r\nsecond\r\n0\r\n\r\n");
    phone.say(command("Search", "")).await;
    server.message().await;
    server.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end").await;
    drop(server);
    let head = phone.head().await;
    assert_eq!(field(&head, "transfer-encoding"), Some("chunked"), "the phone's connection stays");
    assert_eq!(phone.octets(20).await, b"A\r\nto the end\r\n0\r\n\r\n");
}

#[tokio::test]
async fn g_4_empty_answers_and_kept_connections() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    let mut server = None;
    for status in ["200 OK", "204 No Content", "304 Not Modified"] {
        phone.say(command("Sync", "")).await;
        let server = match &mut server {
            Some(server) => server,
            none => none.insert(house.server().await),
        };
        let (head, _) = server.message().await;
        assert_eq!(field(&head, "content-length"), Some("0"));
        server.say(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        assert!(phone.head().await.contains(status));
    }
    assert!(house.is_quiet().await, "one connection carried all three");
}

#[tokio::test]
async fn g_4_a_long_body_is_streamed_with_either_framing() {
    let house = House::new().await;
    let mail = "m".repeat(300_000);
    let mut phone = house.phone().await;
    let talk = async {
        phone.say(command("SendMail", &mail)).await;
        assert!(phone.head().await.starts_with("HTTP/1.1 200"));
        let chunked = command("SendMail", "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
        phone.say(format!("{chunked}{:x}\r\n{mail}\r\n0\r\n\r\n", mail.len())).await;
        let head = phone.head().await;
        assert_eq!(field(&head, "connection"), Some("close"), "x_18: no other request after a chunked one");
        assert_eq!(phone.rest().await, b"");
    };
    let serve = async {
        let mut server = house.server().await;
        let (_, body) = server.message().await;
        assert_eq!(body, mail.as_bytes());
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let head = server.head().await;
        assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
        assert_eq!(field(&head, "content-length"), None);
        let mut got = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.extend(server.octets(1).await);
            }
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            got.extend(server.octets(size).await);
            server.octets(2).await;
            if size == 0 {
                break;
            }
        }
        assert_eq!(got, mail.as_bytes());
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    };
    soon("both mails", async { tokio::join!(talk, serve) }).await;
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_sent_is_passed_on() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    let head = command("SendMail", "").replace("Content-Length: 0", "Content-Length: 100000000");
    phone.say(head).await;
    let mut server = house.server().await;
    server.head().await;
    server.say("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await;
    assert!(phone.head().await.starts_with("HTTP/1.1 413"));
    assert_eq!(server.rest().await, b"", "and the connection is not used again");
}

#[tokio::test]
async fn g_3_the_mail_servers_socket_closes_when_the_phone_goes() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    phone.say(command("Ping", "x")).await;
    let mut server = house.server().await;
    server.message().await;
    assert_eq!(house.gate.counts().running, 1);
    let gone = Instant::now();
    phone.stream.shutdown().await.unwrap();
    drop(phone);
    assert_eq!(server.rest().await, b"");
    assert!(gone.elapsed() < Duration::from_secs(1), "{:?}", gone.elapsed());
    assert_eq!(house.gate.counts().running, 0);
}

#[tokio::test]
async fn g_4_a_kept_connection_that_dies_is_retried_for_harmless_requests_only() {
    let house = House::new().await;
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (name, again) in [("Ping", true), ("SendMail", false)] {
        let mut phone = house.phone().await;
        phone.say(command("Search", "x")).await;
        let mut server = house.server().await;
        server.message().await;
        server.say(ok).await;
        phone.head().await;
        phone.say(command(name, "body")).await;
        let (first, _) = server.message().await;
        drop(server);
        if again {
            let mut fresh = house.server().await;
            let (second, body) = fresh.message().await;
            assert_eq!((second, body.as_slice()), (first, &b"body"[..]));
            fresh.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            assert!(phone.head().await.starts_with("HTTP/1.1 200"));
        } else {
            let head = phone.head().await;
            assert!(head.starts_with("HTTP/1.1 503") && field(&head, "retry-after") == Some("30"), "{head}");
            assert!(house.is_quiet().await, "a mail must not be sent twice");
        }
    }
}

#[tokio::test]
async fn g_4_a_server_that_ends_connections_without_a_word_loses_no_request() {
    let house = House::with(Settings::default(), "http").await;
    let mut phone = house.phone().await;
    for _ in 0..20 {
        phone.say(command("SendMail", "x")).await;
        let mut server = house.server().await;
        server.message().await;
        server.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(phone.head().await.starts_with("HTTP/1.1 200"));
        // The next request is sent while this connection still looks good.
        phone.say(command("Sync", "x")).await;
        let mut next = house.server().await;
        drop(server);
        next.message().await;
        next.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert!(phone.head().await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn g_4_a_fresh_connection_that_dies_is_not_retried() {
    let house = House::new().await;
    let mut phone = house.phone().await;
    phone.say(command("Ping", "x")).await;
    house.server().await.message().await;
    assert!(phone.head().await.starts_with("HTTP/1.1 503"));
    assert!(house.is_quiet().await);
}

#[tokio::test]
async fn g_2_http_2_phones_get_the_same() {
    let house = House::new().await;
    let phone = house.phone().await;
    let io = hyper_util::rt::TokioIo::new(phone.stream);
    let handshake = hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("https://gate.example/Microsoft-Server-ActiveSync?Cmd=Ping&DeviceId=PHONE1&DeviceType=T")
        .header("authorization", "Basic Y2Fyb2w6Y2Fyb2xwdw==")
        .header("ms-asprotocolversion", "16.1")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(http_body_util::Full::new(bytes::Bytes::from_static(b"ping")))
        .unwrap();
    let asked = tokio::spawn(sender.send_request(request));
    let mut server = house.server().await;
    let (head, body) = server.message().await;
    assert_eq!((field(&head, "cookie"), body.as_slice()), (Some("a=1; b=2"), &b"ping"[..]));
    server.say([b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\n".as_slice(), &ping("2")].concat()).await;
    let response = soon("the answer", asked).await.unwrap().unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, ping("2"));
    let request = http::Request::post("https://gate.example/Microsoft-Server-ActiveSync?Cmd=Ping&DeviceId=PHONE1&DeviceType=T");
    let request = request.header("authorization", "Basic Y2Fyb2w6Y2Fyb2xwdw==").body(http_body_util::Full::default()).unwrap();
    let asked = tokio::spawn(sender.send_request(request));
    server.message().await;
    asked.abort();
    assert_eq!(server.rest().await, b"", "a reset stream closes the mail server's socket too");
}

#[tokio::test]
async fn g_8_faults_of_mail_server_configuration_and_load() {
    let house = House::with(Settings { max_requests: 1, connect: Duration::from_secs(2), ..Settings::default() }, "http").await;
    let mut hanging = house.phone().await;
    hanging.say(command("Ping", "")).await;
    let mut server = house.server().await;
    server.message().await;
    let mut phone = house.phone().await;
    phone.say(command("Search", "")).await;
    let head = phone.head().await;
    assert!(head.starts_with("HTTP/1.1 503") && field(&head, "retry-after").is_some(), "overloaded: {head}");
    server.say("NOT HTTP\r\n\r\n").await;
    assert!(hanging.head().await.starts_with("HTTP/1.1 502"));
    house.configure(|gateway| gateway.enabled = false);
    phone.say(command("Search", "")).await;
    assert!(phone.head().await.starts_with("HTTP/1.1 503"), "off");
    phone.say("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(phone.head().await.starts_with("HTTP/1.1 503"));
    house.configure(|gateway| (gateway.enabled, gateway.mail_server) = (true, "http://127.0.0.1:1".into()));
    phone.say("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(phone.head().await.starts_with("HTTP/1.1 200"));
    phone.say("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(phone.head().await.starts_with("HTTP/1.1 200"));
    phone.say(command("Search", "")).await;
    assert!(phone.head().await.starts_with("HTTP/1.1 503"), "nobody listens");
    house.configure(|gateway| gateway.mail_server = "ftp://127.0.0.1".into());
    phone.say(command("Search", "")).await;
    assert!(phone.head().await.starts_with("HTTP/1.1 503"), "no URL that works");
    let _ = CAROL;
}
