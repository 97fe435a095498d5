//! Canonical forms of header fields and bodies (RFC 6376 §3.4), fed to a hash piece by piece: a body is never copied.
//!
//! Only CRLF ends a line here; `smtp` lets nothing else in.

use crate::tags::white;

/// How header or body are brought into one form before they are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Canonical {
    /// As it is, but for empty lines at the end of the body.
    Simple,
    /// White space joined, names in lower case.
    Relaxed,
}

/// Reads `c=`: header form, body form.
pub(crate) fn forms(tag: Option<&str>) -> Option<(Canonical, Canonical)> {
    let one = |word: &str| match word.trim_matches(white) {
        "simple" => Some(Canonical::Simple),
        "relaxed" => Some(Canonical::Relaxed),
        _ => None,
    };
    let Some(tag) = tag else { return Some((Canonical::Simple, Canonical::Simple)) };
    match tag.split_once('/') {
        Some((header, body)) => Some((one(header)?, one(body)?)),
        None => Some((one(tag)?, Canonical::Simple)),
    }
}

/// One whole field, with CRLF at its end.
pub(crate) fn field(form: Canonical, raw: &[u8], out: &mut Vec<u8>) {
    let raw = raw.strip_suffix(b"\n").map_or(raw, |raw| raw.strip_suffix(b"\r").unwrap_or(raw));
    match form {
        Canonical::Simple => out.extend_from_slice(raw),
        Canonical::Relaxed => relaxed_field(raw, out),
    }
    out.extend_from_slice(b"\r\n");
}

fn relaxed_field(raw: &[u8], out: &mut Vec<u8>) {
    let colon = raw.iter().position(|b| *b == b':').unwrap_or(raw.len());
    let (name, value) = raw.split_at(colon);
    out.extend(name.trim_ascii().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let mut first = true;
    let words = value.get(1..).unwrap_or_default().split(|b| white(*b as char)).filter(|word| !word.is_empty());
    for word in words {
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The signature's own field as it is signed: `b=` empty, no line end behind it.
pub(crate) fn own_field(form: Canonical, raw: &[u8], out: &mut Vec<u8>) {
    let colon = raw.iter().position(|b| *b == b':').map_or(raw.len(), |at| at + 1);
    let (head, value) = raw.split_at(colon);
    let mut blank = head.to_vec();
    for (number, tag) in value.split(|b| *b == b';').enumerate() {
        if number > 0 {
            blank.push(b';');
        }
        match tag.iter().position(|b| *b == b'=') {
            Some(equals) if tag.get(..equals).is_some_and(|name| name.trim_ascii() == b"b") => {
                blank.extend_from_slice(tag.get(..=equals).unwrap_or_default());
            }
            _ => blank.extend_from_slice(tag),
        }
    }
    field(form, &blank, out);
    out.truncate(out.len().saturating_sub(2));
}

/// Feeds the canonical body to `sink`; gives the octets that it has in all.
pub(crate) fn body(form: Canonical, body: &[u8], sink: &mut dyn FnMut(&[u8])) -> u64 {
    let mut feed = Feed { sink, buffer: Vec::with_capacity(BUFFER), total: 0 };
    let mut blank = 0usize;
    let mut rest = body;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        rest = after;
        let line = if form == Canonical::Relaxed { trim_white_end(line) } else { line };
        if line.is_empty() {
            blank += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut blank) {
            feed.take(b"\r\n");
        }
        match form {
            Canonical::Simple => feed.take(line),
            Canonical::Relaxed => relaxed_line(line, &mut feed),
        }
        feed.take(b"\r\n");
    }
    if form == Canonical::Simple && feed.total == 0 {
        feed.take(b"\r\n");
    }
    feed.flush();
    feed.total
}

fn relaxed_line(line: &[u8], feed: &mut Feed<'_>) {
    let mut rest = line;
    while let Some(at) = memchr::memchr2(b' ', b'\t', rest) {
        let (word, blanks) = rest.split_at(at);
        feed.take(word);
        feed.take(b" ");
        let end = blanks.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(blanks.len());
        rest = blanks.get(end..).unwrap_or_default();
    }
    feed.take(rest);
}

/// The first line without its CRLF, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)).map(|at| from + at) {
        if at > 0 && bytes.get(at - 1) == Some(&b'\r') {
            return (bytes.get(..at - 1).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default());
        }
        from = at + 1;
    }
    (bytes, &[])
}

fn trim_white_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

const BUFFER: usize = 8 << 10;

/// Gathers small pieces, so that the hash is not called for each word.
struct Feed<'a> {
    sink: &'a mut dyn FnMut(&[u8]),
    buffer: Vec<u8>,
    total: u64,
}

impl Feed<'_> {
    fn take(&mut self, piece: &[u8]) {
        self.total += piece.len() as u64;
        if self.buffer.len() + piece.len() > BUFFER {
            self.flush();
        }
        if piece.len() > BUFFER { (self.sink)(piece) } else { self.buffer.extend_from_slice(piece) }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            (self.sink)(&self.buffer);
            self.buffer.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_body(form: Canonical, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let total = body(form, bytes, &mut |piece| out.extend_from_slice(piece));
        assert_eq!(total, out.len() as u64);
        out
    }

    /// The examples of RFC 6376 §3.4.5 and §3.4.6.
    #[test]
    fn the_examples_of_the_standard() {
        let (mut relaxed, mut simple) = (Vec::new(), Vec::new());
        for raw in [&b"A: X\r\n"[..], b"B : Y\t\r\n\tZ  \r\n"] {
            field(Canonical::Relaxed, raw, &mut relaxed);
            field(Canonical::Simple, raw, &mut simple);
        }
        assert_eq!(relaxed, b"a:X\r\nb:Y Z\r\n");
        assert_eq!(simple, b"A: X\r\nB : Y\t\r\n\tZ  \r\n");
        let text = b" C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(of_body(Canonical::Relaxed, text), b" C\r\nD E\r\n");
        assert_eq!(of_body(Canonical::Simple, text), b" C \r\nD \t E\r\n");
    }

    #[test]
    fn bodies_without_an_end_and_without_anything() {
        assert_eq!(of_body(Canonical::Simple, b""), b"\r\n");
        assert_eq!(of_body(Canonical::Relaxed, b""), b"");
        assert_eq!(of_body(Canonical::Relaxed, b" \r\n\t\r\n"), b"");
        assert_eq!(of_body(Canonical::Simple, b"x"), b"x\r\n");
        assert_eq!(of_body(Canonical::Simple, b"\r\n\r\nx\r\n\r\n"), b"\r\n\r\nx\r\n");
        let long = [vec![b'x'; 3 * BUFFER], b"  y\r\n".to_vec()].concat();
        assert_eq!(of_body(Canonical::Relaxed, &long).len(), 3 * BUFFER + 4);
    }

    #[test]
    fn the_own_signature_is_left_out() {
        let mut out = Vec::new();
        own_field(Canonical::Relaxed, b"DKIM-Signature: a=1; bh=x; b = q w\r\n e; d=y\r\n", &mut out);
        assert_eq!(out, b"dkim-signature:a=1; bh=x; b =; d=y");
    }
}
