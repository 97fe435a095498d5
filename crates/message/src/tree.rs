//! The MIME tree: parts as byte ranges.
//!
//! A [`Part`] knows where its header and body lie and what its content fields say; it copies no body. Ids
//! are `1` for the message itself, `1.2` for its second part, and `1.2.1` for the message inside a
//! `message/rfc822` part `1.2`. Building is in `scan`, after the header and before everything else.
//! Standard: RFC 2045, RFC 2046.

mod boundary;
pub(crate) mod scan;

use std::ops::Range;

use bytes::Bytes;
use model::{Budget, Exhausted};

use crate::bytes_of::slice;
use crate::header::{self, Field};
use crate::{ContentType, Disposition, Encoding, Message, text};

/// One part of a message; the message itself is the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `1`, `1.2`, ….
    pub id: String,
    /// What it is said to be; `text/plain` where nothing readable is said.
    pub content_type: ContentType,
    /// How its body is carried.
    pub encoding: Encoding,
    /// How it wants to be shown, if it says so.
    pub disposition: Option<Disposition>,
    /// File name as written (decoded, without control characters). Never a path for us.
    pub name: Option<String>,
    /// Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// Parts of a multipart, or the message of a `message/rfc822`.
    pub children: Vec<Part>,
    pub(crate) header: Range<usize>,
    pub(crate) body: Range<usize>,
}

impl Part {
    /// The body as it stands in the message, still encoded.
    #[must_use]
    pub fn body<'a>(&self, message: &'a Message) -> &'a [u8] {
        slice(message.bytes(), self.body.clone())
    }

    /// Header, empty line and body: the octets that a signature over this part covers.
    #[must_use]
    pub fn entity<'a>(&self, message: &'a Message) -> &'a [u8] {
        slice(message.bytes(), self.entity_range())
    }

    /// Where [`Self::entity`] lies in the message's bytes.
    #[must_use]
    pub fn entity_range(&self) -> Range<usize> {
        self.header.start..self.body.end
    }

    /// Where [`Self::body`] lies in the message's bytes.
    #[must_use]
    pub fn body_range(&self) -> Range<usize> {
        self.body.clone()
    }

    /// The fields of this part's header.
    #[must_use]
    pub fn fields<'a>(&self, message: &'a Message) -> Vec<Field<'a>> {
        let bytes = slice(message.bytes(), 0..self.header.end);
        let Ok(section) = header::scan(bytes, self.header.start, None, |_| false) else {
            return Vec::new();
        };
        header::fields(message.bytes(), &section.items).collect()
    }

    /// The content, decoded; no copy where nothing is encoded.
    ///
    /// # Errors
    /// When the content is larger than what is left of the budget.
    pub fn decode(&self, message: &Message, budget: &Budget) -> Result<Bytes, Exhausted> {
        budget.bytes(self.body.len())?;
        budget.time()?;
        Ok(self.encoding.decode(&message.bytes().slice(self.body.clone())))
    }

    /// The content as text in its charset.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn text(&self, message: &Message, budget: &Budget) -> Result<String, Exhausted> {
        Ok(text::charset(self.content_type.param("charset"), &self.decode(message, budget)?))
    }

    /// This part and all below it, from the first to the last in the bytes.
    pub fn walk(&self) -> impl Iterator<Item = &Part> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let part = open.pop()?;
            open.extend(part.children.iter().rev());
            Some(part)
        })
    }

    /// True for what has no parts inside.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// True if it is text to be read and not a file beside it.
    #[must_use]
    pub fn is_shown_text(&self) -> bool {
        let attached = self.disposition.as_ref().is_some_and(|disposition| disposition.kind == "attachment");
        self.content_type.kind == "text" && !attached
    }
}
