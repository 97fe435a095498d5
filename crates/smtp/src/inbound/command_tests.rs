//! Tests of [`super::parse`].

use proptest::prelude::*;

use super::*;

fn mail_of(line: &str) -> (Option<String>, Option<u64>, BodyType) {
    match parse(line.as_bytes()) {
        Ok(Command::Mail(mail)) => (mail.sender.map(|address| address.to_string()), mail.size, mail.body),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn m_t1_commands_are_read_in_any_case() {
    assert_eq!(parse(b"ehlo Client.example"), Ok(Command::Ehlo("Client.example")));
    assert_eq!(parse(b"HELO [192.0.2.1]  "), Ok(Command::Helo("[192.0.2.1]")));
    assert_eq!(parse(b"daTA"), Ok(Command::Data));
    assert_eq!(parse(b"NOOP anything at all"), Ok(Command::Noop));
    assert_eq!(parse(b"StartTLS"), Ok(Command::StartTls));
    let rcpt = |address: Option<&str>| {
        Ok(Command::Rcpt(Rcpt { address: address.map(|text| Address::parse(text).unwrap()), original: None, notify: None }))
    };
    assert_eq!(parse(b"RCPT TO:<Postmaster>"), rcpt(None));
    assert_eq!(parse(b"rcpt to:<bob@example.com>"), rcpt(Some("bob@example.com")));
    assert_eq!(parse(b"bdat 12  Last"), Ok(Command::Bdat { size: 12, last: true }));
    assert_eq!(parse(b"BDAT 99999999999999999999"), Ok(Command::Bdat { size: u64::MAX, last: false }));
}

#[test]
fn m_t1_mail_takes_its_parameters() {
    assert_eq!(mail_of("MAIL FROM:<>"), (None, None, BodyType::SevenBit));
    let bob = Some("bob@example.com".to_owned());
    assert_eq!(mail_of("mail from: <bob@example.com> size=12 body=8bitmime"), (bob.clone(), Some(12), BodyType::EightBitMime));
    assert_eq!(mail_of("MAIL FROM:<bob@example.com> SIZE=99999999999999999999"), (bob, Some(u64::MAX), BodyType::SevenBit));
}

#[test]
fn m_t1_what_is_wrong_has_its_code() {
    for (line, code) in [
        (&b""[..], 500),
        (b"FROB", 500),
        (b"EHLO\tx", 500),
        (b"EHLO x\ry", 500),
        (b"NOOP \0", 500),
        (b"NOOP \xff", 500),
        (b"EHLO", 501),
        (b"EHLO a b", 501),
        (b"EHLO b\xc3\xa9", 501),
        (b"DATA now", 501),
        (b"MAIL", 501),
        (b"MAIL FROM", 501),
        (b"MAIL FROM:bob@example.com", 501),
        (b"MAIL FROM :<bob@example.com>", 501),
        (b"MAIL FROM:<bob@example.com> SIZE", 501),
        (b"MAIL FROM:<bob@example.com> SIZE=x", 501),
        (b"MAIL FROM:<bob@example.com> SIZE=1 SIZE=1", 501),
        (b"RCPT TO:bob@example.com", 501),
        (b"VRFY", 501),
        (b"EXPN list", 502),
        (b"AUTH", 501),
        (b"AUTH PLAIN a b", 501),
        (b"XCLIENT", 501),
        (b"XCLIENT ADDR=x", 501),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25", 421),
        (b"BDAT", 501),
        (b"BDAT\t1", 501),
        (b"BDAT 10 FIRST", 501),
        (b"MAIL FROM:<bob>", 553),
        (b"MAIL FROM:<postmaster>", 553),
        (b"MAIL FROM:<b\xc3\xb6b@example.com>", 553),
        (b"RCPT TO:<>", 553),
        (b"RCPT TO:<bob@>", 553),
        (b"MAIL FROM:<bob@example.com> BODY=BINARYMIME", 555),
        (b"MAIL FROM:<bob@example.com> RET=ALL", 501),
        (b"MAIL FROM:<bob@example.com> SMTPUTF8=1", 501),
        (b"MAIL FROM:<bob@example.com> NOTIFY=NEVER", 555),
        (b"RCPT TO:<bob@example.com> NOTIFY=NEVER,DELAY", 501),
        (b"RCPT TO:<bob@example.com> ORCPT=bob", 501),
        (b"RCPT TO:<bob@example.com> RET=FULL", 555),
        (b"GET / HTTP/1.1", 421),
    ] {
        let reply = parse(line).expect_err(&String::from_utf8_lossy(line)).reply();
        assert_eq!(reply.code(), code, "{}", String::from_utf8_lossy(line));
        assert_eq!(reply.status().starts_with('4'), code == 421);
    }
}

proptest! {
    #[test]
    fn the_parser_never_panics(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&line);
    }

    #[test]
    fn near_commands_never_panic(line in "(?i)(mail from:|rcpt to:|ehlo |data|vrfy |bdat )[<>@:,\\\\\" a-z0-9=.\\[\\]é\\-]{0,60}") {
        if let Ok(Command::Mail(MailParams { sender: Some(address), smtputf8: false, .. })) = parse(line.as_bytes()) {
            prop_assert!(Address::parse(address.as_str()).is_ok() && !address.needs_utf8());
        }
    }
}
