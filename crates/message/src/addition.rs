//! Text that is added to what people read of a mail: a disclaimer (mail-gateway.md M-R5).
//!
//! Each form of the shown text gets its own: plain text at its very end or start, HTML inside `body`. The octets that came stay as they
//! are; the added ones are written in the part's own charset, which is widened to UTF-8 only when plain text needs it (in HTML a character
//! reference does). Files, enclosed mails and what is signed or encrypted are no shown text. Standards: RFC 2045, RFC 2046 §5.1.

use bytes::Bytes;
use encoding_rs::{Encoding as Charset, UTF_8, WINDOWS_1252};
use model::{Budget, Exhausted};

use crate::bytes_of::slice;
use crate::transfer::{encode_base64, encode_quoted_printable};
use crate::{Edit, Encoding, Message, Part, build};

/// Longest line that goes without an encoding (RFC 5322 §2.1.1).
const LINE: usize = 998;

/// What is added.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// To plain text; empty: nothing.
    pub text: &'a str,
    /// To HTML, as it stands inside `body`; empty: nothing.
    pub html: &'a str,
    /// In front of what is there, and not behind it.
    pub top: bool,
    /// A parameter that the Content-Type of each changed part gets.
    pub mark: Option<(&'a str, &'a str)>,
}

/// The message with the addition; `None`: it has no text that people read.
///
/// # Errors
/// When the budget runs out.
pub fn add(message: &Message, addition: Addition<'_>, budget: &Budget) -> Result<Option<Bytes>, Exhausted> {
    let mut parts = Vec::new();
    shown(message.root(), &mut parts);
    let mut edit = message.edit();
    for part in parts {
        let html = part.content_type.subtype == "html";
        let new = if html { addition.html } else { addition.text };
        // What nobody can decode nobody can add to.
        if new.trim().is_empty() || part.encoding == Encoding::Unknown {
            continue;
        }
        let content = part.decode(message, budget)?;
        let (written, content, widened) = in_charset(part, &content, new, html);
        let whole = if html { inside_body(&content, &written, addition.top) } else { beside(&content, &written, addition.top) };
        rewrite(&mut edit, message, part, whole, (widened, addition.mark));
    }
    Ok(edit.is_touched().then(|| edit.finish()))
}

/// The parts that people read, in one form or several; true if there is one.
fn shown<'m>(part: &'m Part, found: &mut Vec<&'m Part>) -> bool {
    let (kind, subtype) = (part.content_type.kind.as_str(), part.content_type.subtype.as_str());
    match (kind, subtype) {
        ("text", "plain" | "html") if part.is_shown_text() && part.is_leaf() => {
            found.push(part);
            true
        }
        ("multipart", "signed" | "encrypted") => false,
        ("multipart", "alternative") => part.children.iter().filter(|child| shown(child, found)).count() > 0,
        ("multipart", _) => part.children.iter().any(|child| shown(child, found)),
        _ => false,
    }
}

/// The new text in the part's charset, the content, and whether both are UTF-8 now.
fn in_charset<'c>(part: &Part, content: &'c [u8], new: &str, html: bool) -> (Vec<u8>, std::borrow::Cow<'c, [u8]>, bool) {
    let label = part.content_type.param("charset").unwrap_or("us-ascii").trim();
    let known = Charset::for_label(label.as_bytes());
    let ascii = known.is_none() || label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii");
    let new = crlf(new);
    if html && ascii {
        return (references(&new).into_bytes(), content.into(), false);
    }
    if ascii && new.is_ascii() {
        return (new.into_bytes(), content.into(), false);
    }
    let charset = known.filter(|_| !ascii).unwrap_or(if std::str::from_utf8(content).is_ok() { UTF_8 } else { WINDOWS_1252 });
    if !ascii {
        let (octets, used, unmappable) = charset.encode(&new);
        if used == charset && (html || !unmappable) {
            return (octets.into_owned(), content.into(), false);
        }
    }
    let text = charset.decode_without_bom_handling(content).0.into_owned();
    (new.into_bytes(), text.into_bytes().into(), true)
}

/// Characters over 127 as references.
fn references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if sign.is_ascii() { out.push(sign) } else { out.push_str(&format!("&#{};", u32::from(sign))) }
    }
    out
}

fn beside(content: &[u8], new: &[u8], top: bool) -> Vec<u8> {
    let gap: &[u8] = b"\r\n";
    if top {
        return [new, gap, content].concat();
    }
    let ended = content.is_empty() || content.ends_with(b"\n");
    [content, if ended { b"" } else { gap }, new].concat()
}

/// Before the end of `body`, or behind its start; at the ends of the content where there is none.
fn inside_body(content: &[u8], new: &[u8], top: bool) -> Vec<u8> {
    let lower = content.to_ascii_lowercase();
    let end_of = |tag: &[u8]| {
        let start = memchr::memmem::find(&lower, tag)?;
        lower.get(start..)?.iter().position(|b| *b == b'>').map(|close| start + close + 1)
    };
    let last = |tag: &[u8]| memchr::memmem::rfind(&lower, tag);
    let place = if top {
        end_of(b"<body").or_else(|| end_of(b"</head")).or_else(|| end_of(b"<html")).unwrap_or(0)
    } else {
        last(b"</body").or_else(|| last(b"</html")).unwrap_or(content.len())
    };
    [slice(content, 0..place), b"\r\n", new, b"\r\n", slice(content, place..content.len())].concat()
}

/// Puts the content in the part's place, encoded as it was where that can carry it.
fn rewrite(edit: &mut Edit, message: &Message, part: &Part, mut content: Vec<u8>, (widened, mark): (bool, Option<(&str, &str)>)) {
    let root = part.id == message.root().id;
    if root && !content.ends_with(b"\n") {
        content.extend_from_slice(b"\r\n");
    }
    while !root && content.ends_with(b"\r\n") {
        // The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
        content.truncate(content.len() - 2);
    }
    let short = content.split(|b| *b == b'\n').all(|line| line.len() <= LINE);
    let carries = part.encoding.is_identity() && short && (content.is_ascii() || part.encoding.word() == "8bit");
    let encoding = match part.encoding {
        same @ (Encoding::Base64 | Encoding::QuotedPrintable) => same,
        same if carries => same,
        _ => Encoding::QuotedPrintable,
    };
    let mut body = match encoding {
        Encoding::Base64 => encode_base64(&content),
        Encoding::QuotedPrintable => encode_quoted_printable(&content),
        _ => content,
    };
    if !root && encoding == Encoding::Base64 {
        body.truncate(body.len().saturating_sub(2));
    }
    let mut content_type = part.content_type.clone();
    if widened {
        content_type.params.retain(|(name, _)| name != "charset");
        content_type.params.insert(0, ("charset".to_owned(), "utf-8".to_owned()));
    }
    content_type.params.extend(mark.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let typed_anew = widened || mark.is_some();
    let typed = build::structured("Content-Type", &format!("{}/{}", content_type.kind, content_type.subtype), &content_type.params);
    let carried = format!("Content-Transfer-Encoding: {}\r\n", encoding.word());
    if encoding == part.encoding && !typed_anew {
        edit.splice(part.body_range(), body.into());
        return;
    }
    let mut entity = Vec::with_capacity(body.len() + 256);
    for field in part.fields(message) {
        if root && !crate::edit::is_content_name(field.name) {
            continue;
        }
        let written_anew = field.is("content-transfer-encoding") || (typed_anew && field.is("content-type"));
        if !written_anew {
            entity.extend_from_slice(slice(message.bytes(), field.range.clone()));
        }
    }
    if typed_anew {
        entity.extend_from_slice(&typed);
    }
    entity.extend_from_slice(carried.as_bytes());
    entity.extend_from_slice(b"\r\n");
    entity.extend(body);
    if root {
        edit.replace_entity(entity);
    } else {
        edit.splice(part.entity_range(), entity.into());
    }
}

fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[cfg(test)]
#[path = "addition_tests.rs"]
mod tests;
