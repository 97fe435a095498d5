//! Is this one complete MIME entity?
//!
//! A CBC decryption "succeeds" on tampered octets and gives garbage in some blocks (EFAIL). What it gave is
//! released only if this check passes (contract.md, verdict words): garbage of 16 octets does not look like
//! a header line, base64, quoted-printable or text of a declared charset. It proves nothing about who wrote
//! it. Strict on purpose; called through [`crate::entity::is_well_formed`].

use bytes::Bytes;
use model::Budget;

use crate::anomaly::{AnomalyKind, stray};
use crate::bytes_of::{lines, slice, trim_end};
use crate::transfer::decode_quoted_printable;
use crate::{Encoding, Message, Part, text};

/// See [`crate::entity::is_well_formed`].
pub(crate) fn check(entity: &[u8], budget: &Budget) -> bool {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(entity), budget) else {
        return false;
    };
    let typed = message.fields_named("content-type").count() == 1;
    typed && structure(&message) && part(&message, message.root())
}

/// No finding but those that honest programs cause; inside attached messages honest programs cause any.
fn structure(message: &Message) -> bool {
    message.anomalies().iter().all(|anomaly| match anomaly.kind {
        // Leaves are judged by their encodings; these two look at all octets alike.
        AnomalyKind::BoundaryPrefix | AnomalyKind::BodyNul | AnomalyKind::BodyBareCr => true,
        _ => is_embedded(message, &anomaly.part),
    })
}

/// True if the part lies inside an attached message.
fn is_embedded(message: &Message, id: &str) -> bool {
    let above = id.match_indices('.').filter_map(|(at, _)| message.part(id.get(..at)?));
    above.into_iter().any(|part| part.content_type.is_message())
}

fn part(message: &Message, part_: &Part) -> bool {
    if !header(slice(message.bytes(), part_.header.clone())) {
        return false;
    }
    if part_.content_type.is_message() {
        // Somebody else's mail: whatever it is like, it is text lines.
        return !stray(part_.body(message)).0;
    }
    if part_.is_leaf() {
        return leaf(message, part_);
    }
    around(message, part_).iter().all(|piece| text::fits(None, piece)) && part_.children.iter().all(|child| part(message, child))
}

/// What stands before, between and behind the parts of a multipart, delimiters included.
fn around<'a>(message: &'a Message, part: &Part) -> Vec<&'a [u8]> {
    let mut at = part.body_range().start;
    let mut pieces = Vec::new();
    for child in &part.children {
        pieces.push(slice(message.bytes(), at..child.entity_range().start));
        at = child.entity_range().end;
    }
    pieces.push(slice(message.bytes(), at..part.body_range().end));
    pieces
}

fn header(bytes: &[u8]) -> bool {
    text::fits(None, bytes) && !stray(bytes).1 && !bytes.contains(&0x1b)
}

fn leaf(message: &Message, part: &Part) -> bool {
    let body = part.body(message);
    let charset = part.content_type.param("charset");
    let is_text = part.content_type.kind == "text";
    match part.encoding {
        // Octets of any kind, but a text still has a charset.
        Encoding::Binary => !is_text || text::fits(charset, body),
        Encoding::Unknown => false,
        Encoding::Base64 => is_base64(body),
        Encoding::QuotedPrintable => is_quoted_printable(body) && (!is_text || text::fits(charset, &decode_quoted_printable(body))),
        Encoding::SevenBit => !stray(body).1 && (body.is_ascii() || is_utf8(charset)) && text::fits(charset, body),
        Encoding::EightBit => {
            let (nul, bare) = stray(body);
            !nul && !bare && (!is_text || text::fits(charset, body))
        }
    }
}

/// Octets over 127 without a label: common, and hard to hit by chance, in UTF-8 only.
fn is_utf8(charset: Option<&str>) -> bool {
    charset.is_none_or(|name| name.eq_ignore_ascii_case("utf-8"))
}

fn is_base64(body: &[u8]) -> bool {
    let digits: Vec<u8> = body.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t')).collect();
    let padding = digits.iter().rev().take_while(|byte| **byte == b'=').count();
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    padding <= 2 && digits.len().is_multiple_of(4) && digits.iter().take(digits.len() - padding).all(alphabet)
}

fn is_quoted_printable(body: &[u8]) -> bool {
    body.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | 0x20..=0x7e)) && lines(body).all(|line| escapes(body, line))
}

fn escapes(body: &[u8], line: crate::bytes_of::Line) -> bool {
    let mut rest = trim_end(slice(body, line.start..line.content));
    while let Some(at) = memchr::memchr(b'=', rest) {
        match slice(rest, at + 1..rest.len()) {
            // A soft line break.
            [] => return true,
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest = slice(rest, at + 3..rest.len()),
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(entity: &str) -> bool {
        check(entity.as_bytes(), &Budget::default())
    }

    const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nSGk=\r\n--b--\r\n";

    #[test]
    fn whole_entities_pass() {
        assert!(ok(MIXED));
        assert!(ok("Content-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n"));
        assert!(ok("Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3D=\r\nb\r\n"));
        assert!(ok("Content-Type: message/rfc822\r\n\r\nbroken line\r\nFrom: a\r\nFrom: b\r\n\r\nx"));
        assert!(ok("Content-Type: text/plain\n\nunix line ends\n"));
    }

    #[test]
    fn x_1_damaged_or_joined_entities_fail() {
        assert!(!ok(""), "nothing");
        assert!(!ok("hello world\r\n"), "no header");
        assert!(!ok("\r\nhello"), "an empty header says nothing");
        assert!(!ok("Content-Type: text/plain\r\n\r\na\u{1}\u{2}b"), "control characters");
        assert!(!ok(MIXED.strip_suffix("--\r\n").unwrap()), "not closed");
        assert!(!ok(&MIXED.replace("SGk=", "SG\u{fffd}=")), "not base64");
        assert!(!ok(&MIXED.replace("SGk=", "SGk")), "base64 cut off");
        assert!(!ok(&MIXED.replace("--b\r\n\r\nHi", "--b\r\ngar\u{7}bage\r\n\r\nHi")), "not a header line");
        assert!(!ok(&MIXED.replacen("--b\r\n", "junk\0--b\r\n", 1)), "garbage in the preamble");
        assert!(!check(b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xfc", &Budget::default()), "8-bit in 7bit");
        assert!(!ok("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx"), "said twice");
        let binary = "Content-Type: text/html\r\nContent-Transfer-Encoding: binary\r\n\r\n<img src=\"http://evil/";
        assert!(ok(binary) && !ok(&format!("{binary}\u{1}\u{2}")), "garbage in a text that is sent as binary");
    }
}
