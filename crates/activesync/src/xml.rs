//! WBXML as XML that people can read and change, and back: `mobile decode`, `mobile encode`.
//!
//! No step of the gate goes this way; it is for administrators and tests. Elements stand in one namespace a code page. What
//! matters for the octets alone stands in attributes of [`NAMESPACE`], and only where the shortest form is another, so that
//! [`encode`] of what [`decode`] gave is the same octets, and a changed text changes its own octets and length:
//!
//! | attribute | of | says |
//! | --- | --- | --- |
//! | `header` | the root | the octets before it, in hex, if they are not 03016a00 |
//! | `pages` | elements, values | switches of the code page before it, if there are others than the one that it needs |
//! | `end-pages` | elements | switches before its end |
//! | `open` | elements | `true`: has an end, though nothing is inside |
//! | `form` | values | `inline` (where the text is empty or blank), `opaque`, `inline-base64`, `opaque-base64` |
//! | `width` | opaque values | octets of its length, if there are more than it needs |
//!
//! A value that is not alone in its element is a `value` element of that namespace. An element that no code page has is
//! called by its number, as in `x3F`.

mod read;
mod write;

pub use read::encode;
pub use write::decode;

use model::Exhausted;

use crate::wbxml::WbxmlError;

/// The namespace of what matters for the octets alone.
pub const NAMESPACE: &str = "urn:sealgate:wbxml";

/// The header that every writer of ActiveSync uses.
const HEADER: [u8; 4] = [0x03, 0x01, 0x6A, 0x00];

/// Why something can't be turned into the other form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The WBXML can't be read.
    #[error(transparent)]
    Wbxml(#[from] WbxmlError),
    /// The XML can't be read. Position in octets.
    #[error("the XML is not well-formed at octet {0}: {1}")]
    Malformed(u64, String),
    /// The XML says something that has no octets. Position in octets.
    #[error("the XML can't be written at octet {0}: {1}")]
    Meaning(u64, String),
    /// A bound was met.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
