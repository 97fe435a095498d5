//! WAP Binary XML as ActiveSync uses it (MS-ASWBXML §2.1, WBXML 1.3).
//!
//! [`Reader`] hands out tokens by code page and number and slices of the input, never copies; [`Writer`] makes small
//! answers. What is to be changed is read whole as a [`Document`] of spans and changed by [`Edits`], or, where answers are
//! large, runs through a [`Stream`] that never holds more than a short value: with both, what nobody changes leaves byte
//! for byte. Names of elements belong to [`crate::code_pages`], what answers mean to the views, not here.

mod edit;
mod fragment;
mod reader;
mod spans;
mod stream;
mod tree;
mod writer;

pub use edit::{EditError, Edits, Rope, value_octets};
pub use fragment::Fragment;
pub use reader::{Event, Reader, WbxmlError};
pub use spans::{Child, ValueSpan};
pub use stream::{Part, Piece, SHORT, Stream};
pub use tree::{Document, Element, NodeId, UnknownTags};
pub use writer::Writer;
pub(crate) use writer::number as write_number;

/// Octets that a `mb_u_int32` takes in its shortest form (WBXML §5.1).
#[must_use]
pub fn number_width(value: u32) -> usize {
    let mut octets = Vec::with_capacity(5);
    writer::number(&mut octets, value);
    octets.len()
}

use std::time::Duration;

use model::{Budget, Limits};

/// Version 1.3 (WBXML §5.4).
const VERSION: u8 = 0x03;
/// UTF-8 as IANA MIBenum (MS-ASWBXML §2.1.1).
const UTF_8: u32 = 106;
pub(crate) const SWITCH_PAGE: u8 = 0x00;
pub(crate) const END: u8 = 0x01;
pub(crate) const STR_I: u8 = 0x03;
pub(crate) const OPAQUE: u8 = 0xC3;
/// Set in a tag that has content.
pub(crate) const HAS_CONTENT: u8 = 0x40;
/// Set in a tag that has attributes.
const HAS_ATTRIBUTES: u8 = 0x80;
/// The first number that is a tag and no global token (WBXML §7.1).
const FIRST_TAG: u8 = 0x05;

/// What one body may cost: more elements than a mail has parts, less nesting.
pub const LIMITS: Limits =
    Limits { bytes: 256_000_000, depth: 32, parts: 1_000_000, ratio: 200, time: Duration::from_secs(15), ..Limits::MAIL };

/// The page and token of the body's root element.
///
/// # Errors
/// [`WbxmlError`] when the bytes up to there are no WBXML of ActiveSync.
pub fn root(bytes: &[u8], budget: &Budget) -> Result<(u8, u8), WbxmlError> {
    match Reader::new(bytes, budget)?.next()? {
        Some(Event::Start { page, tag, .. }) => Ok((page, tag)),
        _ => Err(WbxmlError::Truncated),
    }
}

/// True when a Sync request asks the server to hold its answer back: `Wait` or `HeartbeatInterval` in the root
/// (MS-ASCMD §2.2.3.88.2, §2.2.3.198). An empty body repeats what was asked last, so it may hang too.
///
/// # Errors
/// [`WbxmlError`] when the body is not readable; the mail server will say so to the phone.
pub fn sync_waits(bytes: &[u8], budget: &Budget) -> Result<bool, WbxmlError> {
    const WAIT: u8 = 0x24;
    const HEARTBEAT: u8 = 0x29;
    if bytes.is_empty() {
        return Ok(true);
    }
    let mut reader = Reader::new(bytes, budget)?;
    while let Some(event) = reader.next()? {
        if let Event::Start { page: 0, tag: WAIT | HEARTBEAT, .. } = event
            && reader.depth() <= 2
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
#[path = "wbxml_tests.rs"]
mod tests;
