//! What a dialogue file can't say about the inbound session: time, the graceful stop, many sessions, big mails.

#![allow(clippy::expect_used, reason = "tests")]

mod play;

use std::sync::Arc;
use std::time::Duration;

use model::Peer;
use play::client::peer;
use play::gate::Script;
use smtp::inbound::{Ended, SessionSettings, Why, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const OPENING: &[u8] = b"EHLO c.example\r\nMAIL FROM:<a@company.example>\r\nRCPT TO:<b@partner.example>\r\nDATA\r\n";

fn start(script: &Script, settings: SessionSettings, stop: &CancellationToken) -> (DuplexStream, JoinHandle<Ended>) {
    let (ours, theirs) = duplex(1 << 16);
    let (gate, stop, peer): (Script, CancellationToken, Peer) = (script.clone(), stop.clone(), peer());
    (ours, tokio::spawn(async move { serve(theirs, peer, gate, &settings, &stop).await }))
}

/// Reads until `mark` has come.
async fn until(stream: &mut DuplexStream, mark: &str) -> String {
    let mut seen = Vec::new();
    while !seen.windows(mark.len()).any(|window| window == mark.as_bytes()) {
        assert!(stream.read_buf(&mut seen).await.expect("readable") > 0, "{}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).expect("text")
}

async fn rest(stream: &mut DuplexStream) -> String {
    let mut seen = String::new();
    stream.read_to_string(&mut seen).await.expect("readable");
    seen
}

#[tokio::test(start_paused = true)]
async fn m_t6_five_minutes_of_silence_end_the_session() {
    let begun = tokio::time::Instant::now();
    let (mut client, session) = start(&Script::default(), SessionSettings::new("gate.example"), &CancellationToken::new());
    assert!(rest(&mut client).await.ends_with("421 4.4.2 gate.example Waited too long; closing\r\n"));
    assert_eq!(begun.elapsed().as_secs(), 300);
    drop(client);
    assert_eq!(session.await.expect("no panic").why, Why::Timeout);
}

/// Sends `opening`, then `drip` every 200 s, and reads until the end. What came, and how many seconds it took.
async fn dripped(settings: SessionSettings, opening: &[u8], drip: Vec<u8>) -> (String, u64) {
    let (script, linger) = (Script::default(), settings.linger);
    let begun = tokio::time::Instant::now();
    let (mut client, session) = start(&script, settings, &CancellationToken::new());
    client.write_all(opening).await.expect("writable");
    let (mut reader, mut writer) = tokio::io::split(client);
    let drips = tokio::spawn(async move {
        while writer.write_all(&drip).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(200)).await;
        }
    });
    let mut seen = String::new();
    reader.read_to_string(&mut seen).await.expect("readable");
    drips.abort();
    assert_eq!(session.await.expect("no panic").why, Why::Timeout);
    assert_eq!(script.events.lock().expect("events").last().map(String::as_str), Some("reset"), "what it held is given back");
    // The client does not close by itself.
    (seen, (begun.elapsed() - linger).as_secs())
}

#[tokio::test(start_paused = true)]
async fn m_t6_a_dripping_client_does_not_hold_memory_for_ever() {
    let (seen, seconds) = dripped(SessionSettings::new("gate.example"), OPENING, b"x\r\n".to_vec()).await;
    assert!(seen.contains("354 ") && seen.contains("421 4.4.2"), "{seen}");
    assert_eq!(seconds, 300, "it falls behind the rate for no longer than it may be silent");
    let fast = SessionSettings { data_rate: 0, ..SessionSettings::new("gate.example") };
    let (seen, seconds) = dripped(fast, OPENING, b"x\r\n".to_vec()).await;
    assert!(seen.contains("421 4.4.2"), "{seen}");
    assert_eq!(seconds, 3_600, "one mail's time is bounded whatever the rate");
}

#[tokio::test(start_paused = true)]
async fn m_t6_a_slow_client_is_let_be_slow() {
    let line = [&[b'x'; 998][..], b"\r\n"].concat();
    let (_, seconds) = dripped(SessionSettings::new("gate.example"), OPENING, line.repeat(200)).await;
    assert_eq!(seconds, 3_600, "1 kB a second is fast enough, up to the end of the time");
}

#[tokio::test(start_paused = true)]
async fn m_t1_m_t6_chunks_have_one_mails_time_too() {
    let opening = OPENING.strip_suffix(b"DATA\r\n").expect("it ends with DATA");
    let settings = || SessionSettings { data_rate: 0, ..SessionSettings::new("gate.example") };
    let (seen, seconds) = dripped(settings(), opening, b"BDAT 5\r\nabc\r\n".to_vec()).await;
    assert!(seen.contains("octets received") && seen.contains("421 4.4.2"), "{seen}");
    assert_eq!(seconds, 3_600, "also when each chunk stands in the input whole");
    let begun = [opening, b"BDAT 5\r\nabc\r\n"].concat();
    for talk in [&b"BDAT 0\r\n"[..], b"NOOP\r\n"] {
        let (seen, seconds) = dripped(settings(), &begun, talk.to_vec()).await;
        assert!(seen.contains("421 4.4.2"), "{seen}");
        assert_eq!(seconds, 300, "what brings no content does not break the silence of a mail that has begun");
    }
    let slow = dripped(SessionSettings::new("gate.example"), opening, b"BDAT 5\r\nabc\r\n".to_vec()).await.1;
    assert_eq!(slow, 300, "nor is the rate another one");
}

#[tokio::test(start_paused = true)]
async fn m_t6_empty_and_tiny_chunks_are_idle_talk() {
    for (chunk, many) in [(&b"BDAT 0\r\n"[..], 1_100), (b"BDAT 3\r\nx\r\n", 1_100)] {
        let (client, session) = start(&Script::default(), SessionSettings::new("gate.example"), &CancellationToken::new());
        let opening = OPENING.strip_suffix(b"DATA\r\n").expect("it ends with DATA");
        let (mut reader, mut writer) = tokio::io::split(client);
        let text = [opening, &chunk.repeat(many)].concat();
        let flood = tokio::spawn(async move {
            let _ = writer.write_all(&text).await;
            let _ = writer.shutdown().await;
        });
        let mut seen = String::new();
        reader.read_to_string(&mut seen).await.expect("readable");
        assert!(seen.ends_with("421 4.7.0 gate.example Too many errors, or a breach of the protocol; closing\r\n"), "{seen}");
        flood.await.expect("no panic");
        assert_eq!(session.await.expect("no panic").why, Why::Abuse);
    }
}

/// Sends this many RCPT of `name` in one mail; the replies.
async fn recipients(script: &Script, name: &str, many: usize) -> String {
    let (mut client, _session) = start(script, SessionSettings::new("gate.example"), &CancellationToken::new());
    client.write_all(b"EHLO c.example\r\nMAIL FROM:<a@company.example>\r\n").await.expect("writable");
    client.write_all(format!("RCPT TO:<{name}@company.example>\r\n").repeat(many).as_bytes()).await.expect("writable");
    client.shutdown().await.expect("writable");
    rest(&mut client).await
}

#[tokio::test(start_paused = true)]
async fn m_p1_m_t6_who_tries_out_recipients_is_let_go() {
    let script = Script::default();
    script.plan("rcpt no@company.example -> 550 5.1.1 No such user");
    script.plan("rcpt later@company.example -> 451 4.7.1 Later");
    let seen = recipients(&script, "no", 19).await;
    assert!(seen.matches("550 5.1.1").count() == 19 && !seen.contains("421"), "{seen}");
    let seen = recipients(&script, "no", 30).await;
    assert!(seen.matches("550 5.1.1").count() == 20 && seen.contains("421 4.7.0"), "{seen}");
    let seen = recipients(&script, "later", 500).await;
    assert!(seen.matches("451 4.7.1").count() == 500 && !seen.contains("421"), "a refusal for now is no error of the client's");
    let seen = recipients(&script, "later", 1_200).await;
    assert!(seen.matches("451 4.7.1").count() < 1_100 && seen.contains("421 4.7.0"), "but is not endless either");
    let trusted = Script { trusts: true, ..script.clone() };
    assert!(!recipients(&trusted, "no", 100).await.contains("421"), "who is known to us may err");
}

#[tokio::test(start_paused = true)]
async fn m_t6_a_client_that_does_not_read_is_let_go() {
    let settings = SessionSettings { idle_commands: u32::MAX, ..SessionSettings::new("gate.example") };
    let begun = tokio::time::Instant::now();
    let (mut client, session) = start(&Script::default(), settings, &CancellationToken::new());
    let flood = tokio::spawn(async move {
        // Never reads; the replies fill the pipe, then the session stops reading too.
        while client.write_all(&b"NOOP\r\n".repeat(1_000)).await.is_ok() {}
    });
    assert_eq!(session.await.expect("no panic").why, Why::Timeout);
    assert!((300..310).contains(&begun.elapsed().as_secs()));
    flood.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn endless_noops_end_too() {
    let (mut client, session) = start(&Script::default(), SessionSettings::new("gate.example"), &CancellationToken::new());
    client.write_all(&b"NOOP\r\n".repeat(1_100)).await.expect("writable");
    assert!(rest(&mut client).await.contains("421 4.7.0"));
    drop(client);
    assert_eq!(session.await.expect("no panic").why, Why::Abuse);
}

#[tokio::test]
async fn a_running_data_is_finished_before_the_stop() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let script = Script { hold: Some((begun.clone(), go.clone())), ..Script::default() };
    let stop = CancellationToken::new();
    let (mut client, session) = start(&script, SessionSettings::new("gate.example"), &stop);
    client.write_all(OPENING).await.expect("writable");
    until(&mut client, "354 ").await;
    client.write_all(b"first half\r\n").await.expect("writable");
    stop.cancel();
    client.write_all(b"second half\r\n.\r\n").await.expect("writable");
    begun.notified().await;
    go.notify_one();
    let seen = until(&mut client, "Stopping").await;
    assert!(seen.contains("250 2.0.0 Taken\r\n421 4.3.2 "), "{seen}");
    client.write_all(b"QUIT\r\n").await.expect("writable");
    drop(client);
    let ended = session.await.expect("no panic");
    assert_eq!(ended, Ended { why: Why::Stopped, accepted: 1, refused: 0 });
    let events = script.events.lock().expect("events").clone();
    assert_eq!(events[1..], ["confirmed"], "QUIT after the 250 shows that it was read");
}

#[tokio::test]
async fn a_big_mail_comes_whole() {
    let script = Script::default();
    let (mut client, session) = start(&script, SessionSettings::new("gate.example"), &CancellationToken::new());
    client.write_all(OPENING).await.expect("writable");
    until(&mut client, "354 ").await;
    let line = [&b"..dotted "[..], &[b'x'; 60], b"\r\n"].concat();
    let mail = line.repeat(100_000);
    client.write_all(&mail).await.expect("writable");
    client.write_all(b".\r\nQUIT\r\n").await.expect("writable");
    assert!(rest(&mut client).await.contains("250 2.0.0 Taken"));
    drop(client);
    assert_eq!(session.await.expect("no panic").accepted, 1);
    let events = script.events.lock().expect("events").clone();
    assert_eq!(events[0], format!("data <a@company.example> b@partner.example {} octets", mail.len() - 100_000));
}

#[tokio::test]
async fn implicit_tls_offers_no_starttls() {
    let script = Script::default();
    let (server, _) = play::tls();
    let mut settings = SessionSettings::new("gate.example");
    settings.certificate = Arc::new(move || Some(server.clone()));
    let (mut client, theirs) = duplex(4_096);
    let facts = model::TlsFacts { version: "TLSv1.3".to_owned(), cipher: "TLS_AES_256_GCM_SHA384".to_owned() };
    let peer = Peer { tls: Some(facts), ..peer() };
    let session = tokio::spawn(async move { serve(theirs, peer, script, &settings, &CancellationToken::new()).await });
    client.write_all(b"EHLO c.example\r\nQUIT\r\n").await.expect("writable");
    let seen = rest(&mut client).await;
    assert!(seen.contains("8BITMIME") && !seen.contains("STARTTLS"), "{seen}");
    assert_eq!(session.await.expect("no panic").why, Why::Quit);
}

#[tokio::test]
async fn what_came_before_the_reply_confirms_nothing() {
    for (ahead, later, expected) in [("NOOP\r\n", "", "unconfirmed"), ("", "NOOP\r\n", "confirmed"), ("NOOP\r\n", "QUIT\r\n", "confirmed")]
    {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let script = Script { hold: Some((begun.clone(), go.clone())), ..Script::default() };
        let (mut client, session) = start(&script, SessionSettings::new("gate.example"), &CancellationToken::new());
        client.write_all(OPENING).await.expect("writable");
        until(&mut client, "354 ").await;
        client.write_all(b"x\r\n.\r\n").await.expect("writable");
        begun.notified().await;
        // The gate is deciding now: what is sent here is sent before the reply.
        client.write_all(ahead.as_bytes()).await.expect("writable");
        go.notify_one();
        until(&mut client, "Taken").await;
        client.write_all(later.as_bytes()).await.expect("writable");
        client.shutdown().await.expect("open");
        rest(&mut client).await;
        session.await.expect("no panic");
        assert_eq!(script.events.lock().expect("events").last().map(String::as_str), Some(expected), "{ahead:?} {later:?}");
    }
}
