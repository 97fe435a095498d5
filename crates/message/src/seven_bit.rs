//! Makes an entity safe to sign: 7-bit, short lines, no blanks at line ends.
//!
//! Called through [`crate::entity::seven_bit`] before a signature is made, never after. It walks the tree and
//! encodes only leaves that need it; signed and encrypted parts are copied as they are, since a change would
//! break them. Standards: RFC 8551 §3.1, RFC 2045 §6, RFC 2046 §5.2.1 (no encoding around a message).

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::bytes_of::{Line, lines, slice, trim_end};
use crate::header::{Field, HeaderLimits};
use crate::transfer::{LINE, encode_base64, encode_quoted_printable};
use crate::{Encoding, Message, MessageError, Part, Shape, encode, shape};

const UNLIMITED: HeaderLimits = HeaderLimits { bytes: usize::MAX, lines: usize::MAX };

/// See [`crate::entity::seven_bit`].
pub(crate) fn convert(entity: &Bytes, budget: &Budget) -> Result<Bytes, Exhausted> {
    let message = match Message::parse_within(entity.clone(), budget, UNLIMITED) {
        Ok(message) => message,
        Err(MessageError::TooComplex(exhausted)) => return Err(exhausted),
        // Not met: the header has no limit here.
        Err(_) => return Ok(entity.clone()),
    };
    if is_safe(entity) && is_labelled_safe(message.root()) {
        return Ok(entity.clone());
    }
    let mut writer = Writer { message: &message, budget, out: Vec::with_capacity(entity.len() + entity.len() / 4) };
    writer.part(message.root())?;
    Ok(writer.out.into())
}

/// See [`crate::entity::seven_bit_of`]. `entity` is the message's own, so its parts and their labels are the message's.
pub(crate) fn convert_known(entity: Bytes, message: &Message, budget: &Budget) -> Result<Bytes, Exhausted> {
    budget.time()?;
    if is_safe(&entity) && is_labelled_safe(message.root()) {
        return Ok(entity);
    }
    convert(&entity, budget)
}

/// True if no mail server has a reason to touch these octets.
fn is_safe(bytes: &[u8]) -> bool {
    let mut ended = 0;
    let mut safe = |line: Line| {
        ended += usize::from(line.end != line.content);
        is_safe_line(bytes, line)
    };
    // Each line end has its CR; there is no other.
    bytes.is_ascii()
        && memchr::memchr(0, bytes).is_none()
        && lines(bytes).all(&mut safe)
        && memchr::memchr_iter(b'\r', bytes).count() == ended
}

/// True if no part says 8bit or binary: a server that can't pass those on converts by the label, not the octets.
fn is_labelled_safe(part: &Part) -> bool {
    part.walk().all(|part| !matches!(part.encoding, Encoding::EightBit | Encoding::Binary))
}

fn is_safe_line(bytes: &[u8], line: Line) -> bool {
    let content = slice(bytes, line.start..line.content);
    let unended = line.end == line.content;
    content.len() <= LINE
        && (unended || line.end - line.content == 2)
        && trim_end(content).len() == content.len()
        && !content.starts_with(b"From ")
}

struct Writer<'a> {
    message: &'a Message,
    budget: &'a Budget,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn part(&mut self, part: &Part) -> Result<(), Exhausted> {
        self.budget.time()?;
        let entity = part.entity(self.message);
        if (is_safe(entity) && is_labelled_safe(part)) || is_protected(self.message, part) {
            self.out.extend_from_slice(entity);
            return Ok(());
        }
        if part.content_type.is_multipart() {
            return self.multipart(part);
        }
        match part.children.first() {
            Some(inner) if part.content_type.subtype != "global" => {
                self.header(part, Some(Encoding::SevenBit));
                self.part(inner)
            }
            _ => self.leaf(part),
        }
    }

    fn multipart(&mut self, part: &Part) -> Result<(), Exhausted> {
        let boundary = part.content_type.param("boundary").unwrap_or_default();
        let (Some(first), Some(last)) = (part.children.first(), part.children.last()) else {
            // No parts in it: nothing to encode, and an encoding would be forbidden (RFC 2045 §6.4).
            self.out.extend_from_slice(part.entity(self.message));
            return Ok(());
        };
        self.header(part, Some(Encoding::SevenBit));
        let bytes = self.message.bytes();
        let body = part.body_range();
        let preamble = without_last_line(slice(bytes, body.start..first.entity_range().start));
        let behind = slice(bytes, last.entity_range().end..body.end);
        // Nobody reads what stands around the parts; what is not safe there is left out.
        if is_safe(preamble) {
            self.out.extend_from_slice(preamble);
        }
        for child in &part.children {
            self.out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            self.part(child)?;
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let epilogue = epilogue(behind, boundary);
        if is_safe(epilogue) {
            self.out.extend_from_slice(epilogue);
        }
        Ok(())
    }

    fn leaf(&mut self, part: &Part) -> Result<(), Exhausted> {
        let body = part.body(self.message);
        // RFC 3464 §2.1 and its like allow no encoding in message/*; unknown encodings can't be changed.
        let fixed = part.content_type.kind == "message" && part.content_type.subtype != "global";
        if fixed || part.encoding == Encoding::Unknown || is_safe(body) {
            let relabel = matches!(part.encoding, Encoding::EightBit | Encoding::Binary).then_some(Encoding::SevenBit);
            self.header(part, relabel);
            if is_safe(body) {
                self.out.extend_from_slice(body);
            } else {
                self.lines(body);
            }
            return Ok(());
        }
        let is_text = part.content_type.kind == "text";
        if is_text && part.encoding.is_identity() && is_safe(&canonical(body)) {
            self.header(part, Some(Encoding::SevenBit));
            self.out.extend(canonical(body));
            return Ok(());
        }
        let content = part.decode(self.message, self.budget)?;
        let text = is_text && memchr::memchr(0, &content).is_none();
        let high = content.iter().filter(|byte| !byte.is_ascii()).count();
        let new = if text && part.encoding != Encoding::Base64 && high * 4 <= content.len() {
            Encoding::QuotedPrintable
        } else {
            Encoding::Base64
        };
        self.header(part, Some(new));
        let encoded = match new {
            Encoding::QuotedPrintable => encode_quoted_printable(&content),
            // The canonical form of text has CRLF (RFC 2049 §4).
            _ if text && part.encoding.is_identity() => encode_base64(&canonical(&content)),
            _ => encode_base64(&content),
        };
        self.budget.bytes(encoded.len())?;
        self.out.extend_from_slice(&encoded);
        // The last line end belongs to the delimiter that follows, not to the part.
        if encoded.ends_with(b"\r\n") && !body.ends_with(b"\n") {
            self.out.truncate(self.out.len() - 2);
        }
        Ok(())
    }

    /// The part's header with its new encoding, and the empty line.
    fn header(&mut self, part: &Part, encoding: Option<Encoding>) {
        let said = part.fields(self.message).iter().any(|field| field.is("content-transfer-encoding"));
        for field in part.fields(self.message) {
            match encoding {
                Some(new) if field.is("content-transfer-encoding") => {
                    self.out.extend_from_slice(format!("{}: {}\r\n", field.name, new.word()).as_bytes());
                }
                _ => self.field(&field),
            }
        }
        if let (Some(new), false) = (encoding, said || encoding == Some(Encoding::SevenBit)) {
            self.out.extend_from_slice(format!("Content-Transfer-Encoding: {}\r\n", new.word()).as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn field(&mut self, field: &Field<'_>) {
        let raw = slice(self.message.bytes(), field.range.clone());
        if raw.is_ascii() {
            self.lines(raw);
            if !self.out.ends_with(b"\n") {
                self.out.extend_from_slice(b"\r\n");
            }
        } else if let Some(parameters) = ascii_parameters(field) {
            self.out.extend_from_slice(&parameters);
        } else {
            self.out.extend_from_slice(&encode::field(field.name, &field.text()));
        }
    }

    /// Lines with CRLF and without blanks at their ends; blank ones inside a header would end it, so they go.
    fn lines(&mut self, bytes: &[u8]) {
        for line in lines(bytes) {
            let content = slice(bytes, line.start..line.content);
            let text = trim_end(content);
            if text.is_empty() && !content.is_empty() {
                continue;
            }
            self.out.extend(text.iter().filter(|byte| **byte != b'\r'));
            if line.end > line.content {
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// Signed and encrypted parts: a single changed octet would break them.
fn is_protected(message: &Message, part: &Part) -> bool {
    let named = part.content_type.is("multipart", "signed") || part.content_type.is("multipart", "encrypted");
    named || shape::of_part(message, part) != Shape::Plain
}

/// A content field whose parameters hold raw 8-bit text, with those in RFC 2231 form.
fn ascii_parameters(field: &Field<'_>) -> Option<Vec<u8>> {
    if !field.is("content-type") && !field.is("content-disposition") {
        return None;
    }
    let parsed = crate::content::parse(field.value);
    Some(crate::build::structured(field.name, &parsed.value, &parsed.params))
}

/// Without the delimiter line at its end.
fn without_last_line(bytes: &[u8]) -> &[u8] {
    let ended = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    memchr::memrchr(b'\n', ended).map_or(&[], |lf| slice(bytes, 0..lf + 1))
}

/// What follows the closing delimiter line.
fn epilogue<'a>(behind: &'a [u8], boundary: &str) -> &'a [u8] {
    let close = format!("--{boundary}--");
    let found = lines(behind).find(|line| trim_end(slice(behind, line.start..line.content)) == close.as_bytes());
    found.map_or(&[], |line| slice(behind, line.end..behind.len()))
}

fn canonical(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    for line in lines(text) {
        out.extend_from_slice(slice(text, line.start..line.content));
        if line.end > line.content {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_around_parts() {
        assert_eq!(without_last_line(b"pre\r\n--b\r\n"), b"pre\r\n");
        assert_eq!(without_last_line(b"--b\r\n"), b"");
        assert_eq!(epilogue(b"\r\n--b-- \r\nbye", "b"), b"bye");
    }

    #[test]
    fn safe_is_what_no_server_touches() {
        assert!(is_safe(b"short\r\nlines"));
        for bad in [&b"bare\n"[..], b"blank \r\n", b"From x\r\n", b"\xfc", b"\0", b"a\rb", &[b'x'; 77]] {
            assert!(!is_safe(bad), "{bad:?}");
        }
    }
}
