//! The server's side of SMTP: command lines and mail content.

use bytes::{Bytes, BytesMut};
use smtp::inbound::BareNewline;
use smtp::inbound::chunks;
use smtp::inbound::command;
use smtp::inbound::data::{DataFault, DataLimits, Reader};

/// Each line of the octets as a command.
pub fn smtp_command(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        if let Err(error) = command::parse(line) {
            let reply = error.reply();
            assert!((400..600).contains(&reply.code()), "a refused command got {}", reply.code());
        }
    }
}

/// The octets as the content of a mail: whole, and in pieces whose sizes the first octet gives.
pub fn smtp_data(data: &[u8]) {
    let Some((first, content)) = data.split_first() else { return };
    for bare_newline in [BareNewline::Refuse, BareNewline::Normalise] {
        let limits = DataLimits { size: 4_096, line: 998, bare_newline };
        let whole = read(limits, content, content.len().max(1));
        let pieces = read(limits, content, usize::from(*first % 7) + 1);
        if whole.0 != pieces.0 {
            // A refused mail is dropped piece by piece: only which fault came first may differ.
            assert!(whole.0.is_err() && pieces.0.is_err(), "the same octets, another content");
        }
        assert_eq!(whole.1, pieces.1, "what follows the mail differs");
        if let Ok(mail) = &whole.0 {
            check(mail);
        }
        if let Ok(mail) = chunks::whole(BytesMut::from(content), &limits) {
            check(&mail);
        }
    }
}

type Outcome = (Result<Bytes, DataFault>, Option<Vec<u8>>);

/// The content, and what the client sent behind it once the end of data was seen.
fn read(limits: DataLimits, content: &[u8], size: usize) -> Outcome {
    let mut reader = Reader::new(limits);
    let mut rest = content;
    let mut ended = false;
    while !rest.is_empty() && !ended {
        let (piece, more) = rest.split_at(size.min(rest.len()));
        ended = reader.feed(piece);
        rest = more;
    }
    let (content, behind) = reader.finish();
    (content, ended.then(|| [&behind[..], rest].concat()))
}

/// nothing that we pass on holds a bare CR or LF, or a NUL.
fn check(mail: &[u8]) {
    for (place, byte) in mail.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(mail.get(place + 1), Some(&b'\n'), "bare CR"),
            b'\n' => assert!(place > 0 && mail.get(place - 1) == Some(&b'\r'), "bare LF"),
            0 => panic!("NUL"),
            _ => {}
        }
    }
}
