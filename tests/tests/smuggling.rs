//! Story: SMTP smuggling, in and out (security.md X-8). Whatever other servers take for the end of a mail is content here, or refuses
//! the mail; nothing of it becomes a second mail; and what we send has no bare CR or LF whoever sent it to us.

use sealgate_tests::scene::{GATE, NODE};
use sealgate_tests::sink::{Sink, Taken};
use sealgate_tests::smtp::Client;
use testkit::Gateway;
use testkit::net::isolated;

const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"

[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
"#;

/// Ends of data that some server takes for one, and what else stands between a mail and what is smuggled behind it.
const ENDS: [&[u8]; 30] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r.\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\n.\r\n",
    b"\n\n.\r\n",
    b"\r\n.\n\r\n",
    b"\n\r.\r\n",
    b"\r\n\r.\r\n",
    b"\r\n\r.\r",
    b"\n\r.\n\r",
    b"\r\n.\n\n",
    b"\r\r.\r\r",
    b"\n.\n\r\n.\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\0\r\n.\n",
    b"\r\n.\r\0\n",
    b"\r\0\n.\r\0\n",
    b"\n\0.\n",
    b"\r\n. \r\n",
    b"\r\n..\r\n",
    b"\r\n.\t\r\n",
    b"\r\n \r\n.x\r\n",
];

/// What an attacker puts behind the false end.
fn smuggled(number: usize) -> Vec<u8> {
    format!(
        "MAIL FROM:<director@company.example>\r\nRCPT TO:<victim@company.example>\r\nDATA\r\nSubject: smuggled {number}\r\n\r\nx\r\n.\r\n"
    )
    .into_bytes()
}

fn mail(number: usize, end: &[u8]) -> Vec<u8> {
    [format!("From: <eve@elsewhere.example>\r\nSubject: carrier {number}\r\n\r\nbefore").as_bytes(), end, &smuggled(number)].concat()
}

fn greeted(from: &str) -> Client {
    let mut client = Client::connect(GATE, from).unwrap();
    assert!(client.say("EHLO attacker.example").unwrap().starts_with("250"));
    client
}

/// Opens a mail to alice up to the 354.
fn opened(client: &mut Client) {
    for (line, code) in [("MAIL FROM:<eve@elsewhere.example>", "250"), ("RCPT TO:<alice@company.example>", "250"), ("DATA", "354")] {
        let reply = client.say(line).unwrap();
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
}

/// Exactly one reply has come: the next one is NOOP's.
fn nothing_else(client: &mut Client, what: &str) {
    let reply = client.say("NOOP").unwrap();
    assert!(reply.starts_with("250 2.0.0 Here"), "{what}: another reply was waiting: {reply}");
}

/// What went out is clean, and only alice got anything.
fn clean(mails: &[Taken]) {
    for mail in mails {
        assert_eq!(mail.envelope[1..], ["RCPT TO:<alice@company.example>"], "{mail:?}");
        let shown = mail.content.escape_ascii();
        let pairs = mail.content.windows(2).filter(|pair| pair == b"\r\n").count();
        let ends = mail.content.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
        assert!(ends == 2 * pairs && !mail.content.contains(&0), "a bare CR, LF or NUL went out: {shown}");
    }
}

#[test]
fn x_8_no_end_of_data_but_the_real_one() {
    isolated(|| {
        let sink = Sink::start("127.0.0.10:25");
        let gateway = Gateway::start("smuggling", NODE);
        gateway.apply(SITE);
        let mut client = greeted("127.0.0.99");
        let mut taken = 0;
        for (number, end) in ENDS.iter().enumerate() {
            opened(&mut client);
            // In one write, then in two that part the false end itself.
            let content = mail(number, end);
            client.send(&content).unwrap();
            let reply = client.reply().unwrap();
            let dirty = end.contains(&0) || String::from_utf8_lossy(end).replace("\r\n", "").contains(['\r', '\n']);
            assert_eq!(reply.starts_with("550 5.6.11") || reply.starts_with("554 5.6.0"), dirty, "{}: {reply}", end.escape_ascii());
            assert_eq!(reply.starts_with("250"), !dirty, "{}: {reply}", end.escape_ascii());
            taken += usize::from(!dirty);
            nothing_else(&mut client, &end.escape_ascii().to_string());
        }
        assert_eq!(
            client.mail("eve@elsewhere.example", &["alice@company.example"], b"Subject: last\r\n\r\nx\r\n").unwrap().get(..3),
            Some("250")
        );
        let mails = sink.wait_for(taken + 1);
        clean(&mails);
        assert_eq!(mails.len(), taken + 1);
        assert!(!gateway.log_text().contains("victim@company.example"));
    });
}

#[test]
fn x_8_normalised_mail_is_one_mail() {
    isolated(|| {
        let sink = Sink::start("127.0.0.10:25");
        let gateway = Gateway::start("normalise", &format!("{NODE}[smtp]\nbare_newline = \"normalise\"\n"));
        gateway.apply(SITE);
        let mut client = greeted("127.0.0.99");
        let ends: Vec<&[u8]> = ENDS.into_iter().filter(|end| !end.contains(&0)).collect();
        for (number, end) in ends.iter().enumerate() {
            opened(&mut client);
            client.send(&mail(number, end)).unwrap();
            let reply = client.reply().unwrap();
            assert!(reply.starts_with("250"), "{}: {reply}", end.escape_ascii());
            nothing_else(&mut client, &end.escape_ascii().to_string());
        }
        let mails = sink.wait_for(ends.len());
        clean(&mails);
        assert_eq!(mails.len(), ends.len(), "one mail each");
        // What stood behind the false end is in the mail, as text.
        for number in 0..ends.len() {
            let carrier =
                mails.iter().find(|mail| String::from_utf8_lossy(&mail.content).contains(&format!("carrier {number}\r\n"))).unwrap();
            assert!(String::from_utf8_lossy(&carrier.content).contains(&format!("Subject: smuggled {number}\r\n")), "{carrier:?}");
        }
        drop(gateway);
    });
}

#[test]
fn x_8_chunks_and_data_do_not_mix() {
    isolated(|| {
        let sink = Sink::start("127.0.0.10:25");
        let gateway = Gateway::start("chunks", NODE);
        gateway.apply(SITE);
        let evil = "MAIL FROM:<director@company.example>\r\nRCPT TO:<victim@company.example>\r\nBDAT 0 LAST\r\n";
        // Inside a chunk everything is content: the last dot of DATA, commands, another BDAT.
        let mut client = greeted("127.0.0.99");
        let inside = format!("Subject: inside\r\n\r\nx\r\n.\r\n{evil}");
        for line in ["MAIL FROM:<eve@elsewhere.example>", "RCPT TO:<alice@company.example>"] {
            assert!(client.say(line).unwrap().starts_with("250"));
        }
        client.send(format!("BDAT {} LAST\r\n{inside}", inside.len()).as_bytes()).unwrap();
        assert!(client.reply().unwrap().starts_with("250 2.0.0 Accepted"));
        nothing_else(&mut client, "a chunk");
        // A refused chunk takes its octets with it: no recipient, no mail, another mail's way begun.
        client.send(format!("BDAT {}\r\n{evil}", evil.len()).as_bytes()).unwrap();
        assert!(client.reply().unwrap().starts_with("503"));
        nothing_else(&mut client, "a chunk without a mail");
        opened(&mut client);
        client.send(format!("Subject: data\r\n\r\nBDAT {} LAST\r\n{evil}.\r\n", evil.len()).as_bytes()).unwrap();
        assert!(client.reply().unwrap().starts_with("250 2.0.0 Accepted"));
        nothing_else(&mut client, "BDAT inside DATA");
        for line in ["MAIL FROM:<eve@elsewhere.example>", "RCPT TO:<alice@company.example>"] {
            assert!(client.say(line).unwrap().starts_with("250"));
        }
        client.send(b"BDAT 12\r\nSubject: a\r\nDATA\r\n").unwrap();
        assert!(client.reply().unwrap().starts_with("250"));
        assert!(client.reply().unwrap().starts_with("503"), "DATA inside a mail of chunks");
        // A size that can't be read ends the session: what follows has an unknown length.
        for bad in ["BDAT x LAST\r\n", "BDAT 5 MORE\r\n", "BDAT 86 LAST\n", "bdat\t86 last\r\n", "BDAT 0x10\r\n"] {
            let mut client = greeted("127.0.0.98");
            for line in ["MAIL FROM:<eve@elsewhere.example>", "RCPT TO:<alice@company.example>"] {
                assert!(client.say(line).unwrap().starts_with("250"));
            }
            client.send(format!("{bad}RSET\r\n{evil}").as_bytes()).unwrap();
            let rest = client.rest().unwrap();
            assert!(rest.contains("421 4.7.0") && !rest.contains("250"), "{bad:?}: {rest}");
        }
        let mails = sink.wait_for(2);
        clean(&mails);
        assert_eq!(mails.len(), 2);
        assert!(!gateway.log_text().contains("victim@company.example"));
    });
}

#[test]
fn x_8_pipelined_commands_behind_a_refused_data_are_not_run() {
    isolated(|| {
        let _sink = Sink::start("127.0.0.10:25");
        let gateway = Gateway::start("ahead", NODE);
        gateway.apply(SITE);
        let mut client = greeted("127.0.0.99");
        // No recipient is taken, so DATA is refused; the content was sent ahead all the same.
        client
            .send(b"MAIL FROM:<eve@elsewhere.example>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\nRCPT TO:<victim@company.example>\r\nDATA\r\nx\r\n.\r\n")
            .unwrap();
        let rest = client.rest().unwrap();
        let codes: Vec<&str> = rest.lines().map(|line| &line[..3]).collect();
        assert_eq!(codes, ["250", "550", "554", "421"], "{rest}");
        assert!(!gateway.log_text().contains("victim@company.example"));
    });
}
