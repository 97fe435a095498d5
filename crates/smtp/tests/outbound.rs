//! The outbound client against a scripted server: order, pipelining, refusals, lost replies, TLS, broken servers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod play;

use std::net::SocketAddr;

use bytes::Bytes;
use model::{Address, Notify, Outcome, Recipient, Return, SecretText};
use smtp::outbound::{Connection, Content, Credentials, Endpoint, OpenFault, OpenSettings, Stage, TlsDemand, TlsLevel, Transaction};
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const FULL: &str =
    "S: 220 mx.example ESMTP\nC: EHLO gate.example\nS: 250-mx.example\nS: 250-PIPELINING\nS: 250-SIZE 1000\nS: 250 8BITMIME\n";
const PLAIN: &str = "S: 220 mx.example\nC: EHLO gate.example\nS: 500 what\nC: HELO gate.example\nS: 250 mx.example\n";

fn endpoint() -> Endpoint {
    Endpoint { host: "gate.example".to_owned(), address: SocketAddr::from(([127, 0, 0, 1], 25)) }
}

fn settings() -> OpenSettings {
    OpenSettings::new("gate.example")
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn content(text: &str) -> Content {
    Content::new(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

struct Played {
    connection: Connection<DuplexStream>,
    server: JoinHandle<()>,
}

async fn open(script: String) -> Result<Played, OpenFault> {
    let (ours, theirs) = duplex(1 << 16);
    let (tls, _) = play::tls();
    let server = tokio::spawn(async move { play::peer::play(theirs, &script, tls).await });
    Connection::start(ours, &endpoint(), &settings()).await.map(|connection| Played { connection, server })
}

impl Played {
    async fn send(&mut self, to: &[&str], text: &str) -> Vec<Outcome> {
        let sender = address("alice@company.example");
        let recipients: Vec<Recipient> = to.iter().map(|to| Recipient::plain(address(to))).collect();
        let content = content(text);
        self.connection.deliver(&Transaction::plain(Some(&sender), &recipients, &content)).await
    }

    /// The server's side has seen all that it waited for.
    async fn end(self) {
        drop(self.connection);
        self.server.await.expect("the script was followed");
    }
}

fn shown(outcomes: &[Outcome]) -> Vec<String> {
    let show = |outcome: &Outcome| match outcome {
        Outcome::Done { reply } => format!("done {reply}"),
        Outcome::NotDone { temporary, status, reply, .. } => format!("{} {status} {reply}", if *temporary { "later" } else { "no" }),
        Outcome::Unknown { reply } => format!("unknown {reply}"),
    };
    outcomes.iter().map(show).collect()
}

#[tokio::test]
async fn m_t3_a_pipelined_transaction_and_another_after_it() {
    let script = format!(
        "{FULL}C: MAIL FROM:<alice@company.example> SIZE=17
        C: RCPT TO:<b@partner.example>
        C: RCPT TO:<c@partner.example>
        C: DATA
        S: 250 2.1.0 ok
        S: 250 2.1.5 ok
        S: 550 5.1.1 no such user
        S: 354 go
        D: Subject: x\\r\\n\\r\\n..
        S: 250 2.0.0 queued as 1
        C: MAIL FROM:<alice@company.example> SIZE=3 BODY=8BITMIME
        C: RCPT TO:<b@partner.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go
        D: \\xc3\\xbc!
        S: 250 queued as 2
        C: QUIT
        S: 221 bye"
    );
    let mut played = open(script).await.unwrap();
    let outcomes = played.send(&["b@partner.example", "c@partner.example"], "Subject: x\r\n\r\n.\r\n").await;
    assert_eq!(shown(&outcomes), ["done 250 2.0.0 queued as 1", "no 5.1.1 550 5.1.1 no such user"]);
    assert!(matches!(&outcomes[1], Outcome::NotDone { by, .. } if by == "dns; gate.example [127.0.0.1]"));
    assert!(played.connection.is_open() && played.connection.transactions() == 1);
    assert_eq!(shown(&played.send(&["b@partner.example"], "ü!").await), ["done 250 queued as 2"]);
    let Played { connection, server } = played;
    connection.quit().await;
    server.await.unwrap();
}

#[tokio::test]
async fn m_t3_without_pipelining_each_command_waits() {
    let script = format!(
        "{PLAIN}C: MAIL FROM:<alice@company.example>
        S: 250 ok
        C: RCPT TO:<b@partner.example>
        S: 450 busy
        C: RCPT TO:<c@partner.example>
        S: 552 too many
        C: RSET
        S: 250 ok
        C: MAIL FROM:<alice@company.example>
        S: 451 4.7.1 greylisted
        C: RSET
        S: 250 ok
        C: MAIL FROM:<alice@company.example>
        S: 250 ok
        C: RCPT TO:<b@partner.example>
        S: 251 will forward
        C: DATA
        S: 451 4.3.0 disk full
        E:"
    );
    let mut played = open(script).await.unwrap();
    let outcomes = played.send(&["b@partner.example", "c@partner.example"], "x\r\n").await;
    assert_eq!(shown(&outcomes), ["later 4.0.0 450 busy", "later 4.5.3 552 too many"]);
    assert_eq!(shown(&played.send(&["b@partner.example"], "x\r\n").await), ["later 4.7.1 451 4.7.1 greylisted"]);
    assert_eq!(shown(&played.send(&["b@partner.example"], "x\r\n").await), ["later 4.3.0 451 4.3.0 disk full"]);
    played.end().await;
}

#[tokio::test]
async fn m_t3_data_opened_for_nobody_gets_an_empty_mail() {
    let script = format!(
        "{FULL}C~ MAIL
        C~ RCPT
        C: DATA
        S: 250 ok
        S: 550 5.7.1 relaying denied
        S: 354 go
        C: .
        S: 554 5.5.1 no valid recipients
        C: RSET
        S: 250 ok
        C~ MAIL
        C~ RCPT
        C: DATA
        S: 550 5.7.1 you again
        S: 503 no
        S: 503 no"
    );
    let mut played = open(script).await.unwrap();
    assert_eq!(shown(&played.send(&["b@partner.example"], "x\r\n").await), ["no 5.7.1 550 5.7.1 relaying denied"]);
    assert_eq!(shown(&played.send(&["b@partner.example"], "x\r\n").await), ["no 5.7.1 550 5.7.1 you again"]);
    played.end().await;
}

#[tokio::test]
async fn a_reply_lost_after_the_final_dot_is_unknown() {
    for last in ["", "S: 2xx what", "S: 199 odd", "s: 250 never ends"] {
        let script = format!("{FULL}C~ MAIL\nC~ RCPT\nC~ RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 550 no\nS: 354 go\nD: x\n{last}");
        let mut played = open(script).await.unwrap();
        let outcomes = played.send(&["b@partner.example", "c@partner.example"], "x\r\n").await;
        assert!(matches!(outcomes[0], Outcome::Unknown { .. }), "{last}: {outcomes:?}");
        assert!(matches!(outcomes[1], Outcome::NotDone { temporary: false, .. }), "a refusal stays one");
        assert!(!played.connection.is_open());
        played.end().await;
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_final_dot_is_not_done() {
    for (script, status) in [
        ("", "4.4.2"),
        ("C~ MAIL\nC~ RCPT\nC: DATA\nS: 250 ok\n", "4.4.2"),
        ("C~ MAIL\nC~ RCPT\nC: DATA\nS: 250 ok\nS: 421 4.3.2 shutting down\n", "4.3.2"),
        ("C~ MAIL\nC~ RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 220 odd\n", "4.5.0"),
        ("C~ MAIL\nC~ RCPT\nC: DATA\ns: 250 bare\\n\n", "4.5.0"),
        ("C~ MAIL\nC~ RCPT\nC: DATA\nS: HTTP/1.1 400\n", "4.5.0"),
    ] {
        let mut played = open(format!("{FULL}{script}")).await.unwrap();
        let outcomes = played.send(&["b@partner.example"], "x\r\n").await;
        assert!(matches!(&outcomes[0], Outcome::NotDone { temporary: true, status: got, .. } if got == status), "{script}: {outcomes:?}");
        played.end().await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_inside_the_content_is_not_done() {
    let hello = FULL.replace("SIZE 1000", "SIZE");
    let script = format!("{hello}C~ MAIL\nC~ RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 552 5.3.4 enough\n");
    let mut played = open(script).await.unwrap();
    let outcomes = played.send(&["b@partner.example"], &"0123456789\r\n".repeat(100_000)).await;
    assert_eq!(shown(&outcomes), ["no 5.3.4 552 5.3.4 enough"]);
    played.end().await;
}

#[tokio::test]
async fn m_t1_what_the_server_can_not_take_is_not_offered() {
    let mut played = open(format!("{FULL}E:")).await.unwrap();
    let outcomes = played.send(&["b@partner.example"], &"x".repeat(1_001)).await;
    assert!(matches!(&outcomes[0], Outcome::NotDone { temporary: false, status, .. } if status == "5.3.4"));
    let outcomes = played.send(&["bö@partner.example"], "x\r\n").await;
    assert!(matches!(&outcomes[0], Outcome::NotDone { temporary: false, status, .. } if status == "5.6.7"));
    assert!(played.connection.is_open() && played.connection.transactions() == 0);
    played.end().await;
    let mut played = open(format!("{PLAIN}E:")).await.unwrap();
    let outcomes = played.send(&["b@partner.example"], "ü\r\n").await;
    assert!(matches!(&outcomes[0], Outcome::NotDone { temporary: false, status, .. } if status == "5.6.3"));
    played.end().await;
}

#[tokio::test]
async fn m_t3_domains_go_out_as_a_labels() {
    let script = format!("{FULL}C~ MAIL\nC: RCPT TO:<b@xn--bcher-kva.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nD: x\nS: 250 ok");
    let mut played = open(script).await.unwrap();
    assert_eq!(shown(&played.send(&["b@bücher.example"], "x\r\n").await), ["done 250 ok"]);
    played.end().await;
}

#[tokio::test]
async fn m_t6_many_recipients_go_in_windows() {
    let mut script = format!("{FULL}C~ MAIL\n");
    script.push_str(&"C~ RCPT\n".repeat(99));
    script.push_str(&"S: 250 ok\n".repeat(100));
    script.push_str(&"C~ RCPT\n".repeat(51));
    script.push_str("C: DATA\n");
    script.push_str(&"S: 250 ok\n".repeat(51));
    script.push_str("S: 354 go\nD: x\nS: 250 ok\n");
    let mut played = open(script).await.unwrap();
    let outcomes = played.send(&["b@partner.example"; 150], "x\r\n").await;
    assert!(outcomes.len() == 150 && outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { .. })));
    played.end().await;
}

#[tokio::test]
async fn x_8_out_a_stuffed_mail_has_one_end() {
    let text = ".\r\n..\r\nMAIL FROM:<x@y.example>\r\n.\r\nend";
    let script = format!(
        "{FULL}C~ MAIL\nC~ RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nD: ..\\r\\n...\\r\\nMAIL FROM:<x@y.example>\\r\\n..\\r\\nend\nS: 250 ok\nE:"
    );
    let mut played = open(script).await.unwrap();
    assert_eq!(shown(&played.send(&["b@partner.example"], text).await), ["done 250 ok"]);
    played.end().await;
}

#[tokio::test]
async fn m_t4_may_uses_tls_when_it_is_offered() {
    let script = "S: 220 mx.example ESMTP\nC: EHLO gate.example\nS: 250-mx.example\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nT:
        C: EHLO gate.example\nS: 250-mx.example\nS: 250 PIPELINING\nC~ MAIL\nC~ RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nD: x\nS: 250 ok";
    let mut played = open(script.to_owned()).await.unwrap();
    assert_eq!(played.connection.tls().map(|tls| tls.version.as_str()), Some("TLSv1.3"));
    assert_eq!(shown(&played.send(&["b@partner.example"], "x\r\n").await), ["done 250 ok"]);
    played.end().await;
}

#[tokio::test]
async fn m_t4_a_refused_starttls_leaves_the_connection_in_clear() {
    let script = "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 not now\nE:".to_owned();
    let played = open(script).await.unwrap();
    assert_eq!(played.connection.tls(), None);
    played.end().await;
}

#[tokio::test]
async fn m_t4_replies_injected_before_the_handshake_are_not_believed() {
    let script =
        "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\ns: 220 go\\r\\n250 PIPELINING\\r\\n\nt:\nE:".to_owned();
    let fault = open(script).await.err().unwrap();
    assert_eq!(fault.stage, Stage::Tls);
    assert!(fault.outcome.retries());
}

/// A server on loopback that plays one script per connection.
async fn listener(scripts: Vec<String>) -> (Endpoint, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint { host: "gate.example".to_owned(), address: listener.local_addr().unwrap() };
    let server = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            play::peer::play(stream, &script, play::tls().0).await;
        }
    });
    (endpoint, server)
}

#[tokio::test]
async fn m_t4_after_a_failed_handshake_one_more_try_in_clear() {
    let offer = "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250 STARTTLS\n";
    let (endpoint, server) = listener(vec![format!("{offer}C: STARTTLS\nS: 220 go\nB:"), format!("{offer}C: QUIT\nS: 221 bye")]).await;
    let connection = Connection::connect(&endpoint, &settings()).await.unwrap();
    assert_eq!(connection.tls(), None);
    connection.quit().await;
    server.await.unwrap();
}

#[tokio::test]
async fn m_t4_none_never_uses_tls() {
    let (endpoint, server) =
        listener(vec!["S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250 STARTTLS\nC: QUIT\nS: 221 bye".into()]).await;
    let connection = Connection::connect(&endpoint, &OpenSettings { tls: TlsDemand::of(TlsLevel::None), ..settings() }).await.unwrap();
    connection.quit().await;
    server.await.unwrap();
}

#[tokio::test]
async fn x_23_a_level_that_is_not_met_is_never_lowered() {
    const HELLO: &str = "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\n";
    let silent = format!("{HELLO}S: 250 SIZE\nC: QUIT\nS: 221 bye");
    let refuses = format!("{HELLO}S: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 not now\nC: QUIT\nS: 221 bye");
    let breaks = format!("{HELLO}S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nB:");
    let level = |level| OpenSettings { tls: TlsDemand::of(level), ..settings() };
    for demanded in [TlsLevel::Encrypt, TlsLevel::Verify, TlsLevel::Secure, TlsLevel::Fingerprint, TlsLevel::Dane] {
        for (script, status, word) in [(&silent, "4.7.4", "STARTTLS"), (&refuses, "4.7.4", "not now"), (&breaks, "4.7.5", "failed")] {
            // One connection is played: a second try, in clear, would find nobody.
            let (endpoint, server) = listener(vec![script.clone()]).await;
            let fault = Connection::connect(&endpoint, &level(demanded)).await.err().expect("nothing less will do");
            server.await.unwrap();
            let said =
                matches!(&fault.outcome, Outcome::NotDone { temporary: true, status: s, reply, .. } if s == status && reply.contains(word));
            assert!(fault.stage == Stage::Tls && said, "{demanded:?}: {fault:?}");
        }
    }
}

#[tokio::test]
async fn m_t4_encrypt_takes_any_certificate_and_secure_does_not() {
    let offer = "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nT:\n";
    let whole = format!("{offer}C: EHLO gate.example\nS: 250 mx\nC: QUIT\nS: 221 bye");
    let (endpoint, server) = listener(vec![whole]).await;
    let encrypt = OpenSettings { tls: TlsDemand::of(TlsLevel::Encrypt), ..settings() };
    let connection = Connection::connect(&endpoint, &encrypt).await.unwrap();
    assert_eq!(connection.tls().map(|tls| tls.version.as_str()), Some("TLSv1.3"));
    connection.quit().await;
    server.await.unwrap();
    let (endpoint, server) = listener(vec![offer.replace("T:", "t:")]).await;
    let secure = OpenSettings { tls: TlsDemand::of(TlsLevel::Secure), ..settings() };
    let fault = Connection::connect(&endpoint, &secure).await.err().unwrap();
    assert!(fault.to_string().contains("its certificate is not trusted"), "{fault}");
    server.await.unwrap();
}

#[tokio::test]
async fn m_t3_what_fails_while_opening_says_where() {
    for (script, stage, temporary, status) in [
        ("", Stage::Greeting, true, "4.4.2"),
        ("S: 554 5.7.1 go away\nC: QUIT\nS: 221 bye", Stage::Greeting, true, "4.3.2"),
        ("S: 521 5.3.2 no mail here\nC: QUIT\nS: 221 bye", Stage::Greeting, false, "5.3.2"),
        ("S: 421 4.3.2 busy\nC: QUIT\nS: 221 bye", Stage::Greeting, true, "4.3.2"),
        ("S: SSH-2.0-OpenSSH", Stage::Greeting, true, "4.5.0"),
        ("S: 220 mx\nC~ EHLO\nS: 450 4.7.0 wait", Stage::Hello, true, "4.7.0"),
        ("S: 220 mx\nC~ EHLO\nS: 550 no\nC~ HELO\nS: 550 5.7.1 no", Stage::Hello, false, "5.7.1"),
    ] {
        let fault = open(script.to_owned()).await.err().unwrap();
        assert_eq!(fault.stage, stage, "{script}");
        let expected = matches!(&fault.outcome, Outcome::NotDone { temporary: t, status: s, .. } if *t == temporary && s == status);
        assert!(expected, "{script}: {fault:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = Endpoint { host: "closed.example".to_owned(), address: closed };
    let fault = Connection::connect(&endpoint, &settings()).await.err().unwrap();
    assert!(fault.stage == Stage::Connect && fault.outcome.retries() && fault.to_string().contains("closed.example"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn time_outs_tell_not_done_from_unknown() {
    let (ours, theirs) = duplex(1 << 16);
    let silent = Connection::start(ours, &endpoint(), &settings()).await.err().unwrap();
    assert_eq!((silent.stage, silent.outcome.retries()), (Stage::Greeting, true));
    drop(theirs);
    for (answered, unknown) in [("S: 250 ok\nS: 250 ok\nE:", false), ("S: 250 ok\nS: 250 ok\nS: 354 go\nD: x\nE:", true)] {
        let mut played = open(format!("{FULL}C~ MAIL\nC~ RCPT\nC: DATA\n{answered}")).await.unwrap();
        let outcomes = played.send(&["b@partner.example"], "x\r\n").await;
        assert_eq!(matches!(outcomes[0], Outcome::Unknown { .. }), unknown, "{outcomes:?}");
        played.end().await;
    }
}

#[tokio::test]
async fn a_connection_closed_meanwhile_is_noticed() {
    let mut played = open(FULL.to_owned()).await.unwrap();
    (&mut played.server).await.unwrap();
    assert!(!played.connection.is_open());
    let outcomes = played.send(&["b@partner.example"], "x\r\n").await;
    assert!(matches!(&outcomes[0], Outcome::NotDone { temporary: true, status, .. } if status == "4.4.2"));
}

const EXTENDED: &str =
    "S: 220 mx.example ESMTP\nC: EHLO gate.example\nS: 250-mx.example\nS: 250-PIPELINING\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250 DSN\n";

#[tokio::test]
async fn m_t3_dsn_and_smtputf8_are_passed_on() {
    let script = format!(
        "{EXTENDED}C: MAIL FROM:<alice@company.example> SMTPUTF8 RET=FULL ENVID=a+2Bb
        C: RCPT TO:<j\\xc3\\xbcrgen@partner.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@partner.example
        C: RCPT TO:<c@partner.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 250 ok
        S: 354 go
        D: x
        S: 250 ok"
    );
    let mut played = open(script.replace("\\\\", "\\")).await.unwrap();
    assert!(played.connection.extensions().dsn);
    let sender = address("alice@company.example");
    let recipients = [
        Recipient {
            address: address("jürgen@partner.example"),
            original: Some("rfc822;b@partner.example".to_owned()),
            notify: Some(Notify { success: true, failure: true, delay: false }),
        },
        Recipient::plain(address("c@partner.example")),
    ];
    let content = content("x\r\n");
    let plain = Transaction::plain(Some(&sender), &recipients, &content);
    let outcomes = played.connection.deliver(&Transaction { ret: Some(Return::Full), envelope_id: Some("a+b"), ..plain }).await;
    assert_eq!(shown(&outcomes), ["done 250 ok", "done 250 ok"]);
    played.end().await;
}

#[tokio::test]
async fn m_t3_without_smtputf8_only_what_fits_goes() {
    let script = format!(
        "{FULL}C~ MAIL FROM:<alice@company.example> SIZE=3\nC: RCPT TO:<c@xn--bcher-kva.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nD: x\nS: 250 ok"
    );
    let mut played = open(script).await.unwrap();
    let outcomes = played.send(&["jürgen@partner.example", "c@bücher.example"], "x\r\n").await;
    assert_eq!(shown(&outcomes), ["no 5.6.7 the address needs SMTPUTF8, and the server does not offer it", "done 250 ok"]);
    let (recipients, content) = ([Recipient::plain(address("c@partner.example"))], content("Subject: Grüße\r\n\r\nx\r\n"));
    let header = Transaction { smtputf8: true, ..Transaction::plain(None, &recipients, &content) };
    let outcomes = played.connection.deliver(&header).await;
    assert!(matches!(&outcomes[0], Outcome::NotDone { temporary: false, status, .. } if status == "5.6.7"), "the header can't be changed");
    played.end().await;
}

fn signing_in() -> OpenSettings {
    let credentials = Credentials { user: "gate".to_owned(), password: SecretText::new("s3cret".to_owned()) };
    OpenSettings { credentials: Some(credentials), tls: TlsDemand::of(TlsLevel::Encrypt), ..settings() }
}

#[tokio::test]
async fn m_t3_the_smart_host_is_told_who_we_are_under_tls() {
    let under_tls = |offer: &str, rest: &str| {
        let clear = "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250-AUTH LOGIN PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nT:\n";
        format!("{clear}C: EHLO gate.example\nS: 250-mx\nS: 250 {offer}\n{rest}")
    };
    let bye = "\nC: QUIT\nS: 221 bye";
    for (offer, rest) in [
        ("AUTH DIGEST-MD5 PLAIN LOGIN", format!("C: AUTH PLAIN AGdhdGUAczNjcmV0\nS: 235 2.7.0 welcome{bye}")),
        ("AUTH LOGIN", format!("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: Z2F0ZQ==\nS: 334 UGFzc3dvcmQ6\nC: czNjcmV0\nS: 235 welcome{bye}")),
    ] {
        let (endpoint, server) = listener(vec![under_tls(offer, &rest)]).await;
        let connection = Connection::connect(&endpoint, &signing_in()).await.unwrap();
        connection.quit().await;
        server.await.unwrap();
    }
    for (offer, rest, status, words) in [
        ("AUTH PLAIN", "C~ AUTH PLAIN\nS: 535 5.7.8 wrong", "4.7.8", "535 5.7.8 wrong"),
        ("AUTH LOGIN", "C: AUTH LOGIN\nS: 504 5.5.4 no", "4.7.8", "504"),
        ("AUTH CRAM-MD5", "E:", "4.7.0", "neither"),
        ("SIZE", "E:", "4.7.0", "neither"),
    ] {
        let (endpoint, server) = listener(vec![under_tls(offer, rest)]).await;
        let fault = Connection::connect(&endpoint, &signing_in()).await.err().expect("no entry");
        assert_eq!(fault.stage, Stage::Auth);
        let said =
            matches!(&fault.outcome, Outcome::NotDone { temporary: true, status: s, reply, .. } if s == status && reply.contains(words));
        assert!(said && !format!("{fault:?}").contains("s3cret"), "{fault:?}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn x_23_no_password_goes_in_clear() {
    let script = "S: 220 mx\nC: EHLO gate.example\nS: 250-mx\nS: 250 AUTH PLAIN\nE:".to_owned();
    let (endpoint, server) = listener(vec![script]).await;
    let may = OpenSettings { tls: TlsDemand::of(TlsLevel::May), ..signing_in() };
    let fault = Connection::connect(&endpoint, &may).await.err().expect("no entry");
    assert!(fault.stage == Stage::Auth && fault.outcome.retries(), "{fault:?}");
    server.await.unwrap();
}
