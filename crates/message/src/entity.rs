//! MIME entities: what a signature protects and an encryption hides.
//!
//! An entity is content fields, an empty line, and a body (RFC 8551 §3.1). It is taken out of a message with
//! [`of`], made safe for the way with [`seven_bit`], and put back with [`crate::Edit::replace_entity`].
//! [`is_well_formed`] judges what a decryption without integrity gave, [`sendable`] makes what any decryption gave fit to be passed on.

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::build::crlf;
use crate::bytes_of::slice;
use crate::edit::is_content_name;
use crate::{Message, MessageError, seven_bit, well_formed};

/// The message's MIME-Version and Content-* fields and its body, as they stand.
///
/// A message without a Content-Type gets the one that RFC 2045 §5.2 means, so that the entity says what it
/// is once it stands alone.
#[must_use]
pub fn of(message: &Message) -> Bytes {
    let body = message.body();
    let mut entity = Vec::with_capacity(body.len() + 512);
    let mut described = false;
    for field in message.fields().filter(|field| is_content_name(field.name)) {
        described |= field.is("content-type");
        entity.extend_from_slice(slice(message.bytes(), field.range.clone()));
        if !entity.ends_with(b"\n") {
            entity.extend_from_slice(b"\r\n");
        }
    }
    if !described {
        entity.extend_from_slice(default_type(body));
    }
    entity.extend_from_slice(b"\r\n");
    entity.extend_from_slice(body);
    entity.into()
}

fn default_type(body: &[u8]) -> &'static [u8] {
    if body.is_ascii() {
        b"Content-Type: text/plain; charset=us-ascii\r\n"
    } else if std::str::from_utf8(body).is_ok() {
        b"Content-Type: text/plain; charset=utf-8\r\n"
    } else {
        b"Content-Type: text/plain\r\n"
    }
}

/// The entity in a form that no mail server on the way has a reason to change: 7-bit, CRLF, no blanks at line
/// ends, lines of at most 76 where something was encoded anew (RFC 8551 §3.1.2 and §3.1.3).
///
/// Parts that are signed or encrypted already stay as they are. What is safe already comes back as it came.
///
/// # Errors
/// When the budget's bytes, depth, parts or time run out.
pub fn seven_bit(entity: &Bytes, budget: &Budget) -> Result<Bytes, Exhausted> {
    seven_bit::convert(entity, budget)
}

/// [`seven_bit`] of [`of`]: where the entity is safe as it is, and most are, it is not read again.
///
/// # Errors
/// As [`seven_bit`].
pub fn seven_bit_of(message: &Message, budget: &Budget) -> Result<Bytes, Exhausted> {
    seven_bit::convert_known(of(message), message, budget)
}

/// The entity in a form that every mail server takes: no NUL, no CR or LF alone (RFC 5321 §2.3.8), no part's header beyond US-ASCII. What was
/// encrypted passed no server that looks at this. It comes back as it came where it fits; else leaves are encoded anew as by [`seven_bit`],
/// and signed parts get the line ends that they were signed with (RFC 8551 §3.1.1). `None` where that does not help: octets that a signature
/// covers can't be changed.
///
/// # Errors
/// As [`seven_bit`].
pub fn sendable(entity: &Bytes, budget: &Budget) -> Result<Option<Bytes>, Exhausted> {
    if lines_fit(entity) && !has_raw_header(entity, budget)? {
        return Ok(Some(entity.clone()));
    }
    let made = seven_bit::convert(entity, budget)?;
    let made = if lines_fit(&made) { made } else { crlf(&made).into() };
    Ok(lines_fit(&made).then_some(made))
}

fn lines_fit(bytes: &[u8]) -> bool {
    let pairs = memchr::memmem::find_iter(bytes, b"\r\n").count();
    let alone = |octet: u8| memchr::memchr_iter(octet, bytes).count() != pairs;
    memchr::memchr(0, bytes).is_none() && !alone(b'\r') && !alone(b'\n')
}

fn has_raw_header(entity: &Bytes, budget: &Budget) -> Result<bool, Exhausted> {
    if entity.is_ascii() {
        return Ok(false);
    }
    match Message::parse(entity.clone(), budget) {
        Ok(message) => Ok(message.parts().any(|part| !slice(message.bytes(), part.header.clone()).is_ascii())),
        Err(MessageError::TooComplex(exhausted)) => Err(exhausted),
        // Whoever reads it next says so.
        Err(_) => Ok(false),
    }
}

/// True if `entity` is one complete MIME entity: readable header with a Content-Type, every multipart closed,
/// every leaf what its encoding and charset say. Damaged or joined plain text is not (EFAIL, security.md X-1).
#[must_use]
pub fn is_well_formed(entity: &[u8], budget: &Budget) -> bool {
    well_formed::check(entity, budget)
}

#[cfg(test)]
#[path = "entity/tests.rs"]
mod tests;
