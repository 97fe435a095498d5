//! The pull reader: one event a call, slices of the input, every bound met before anything is taken.
//!
//! Refuses what ActiveSync forbids (MS-ASWBXML §2.1.1): attributes, the string table, entities, literals, extensions,
//! processing instructions, unknown code pages, other charsets and versions. A tag that its page does not know is
//! handed out by number: newer phones may send it, and who reads by number is not surprised.

use model::{Budget, Exhausted};

use super::{END, FIRST_TAG, HAS_ATTRIBUTES, HAS_CONTENT, OPAQUE, STR_I, SWITCH_PAGE, UTF_8, VERSION};
use crate::code_pages::page_name;

/// What the reader met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// An element begins. An empty one has no [`Event::End`].
    Start {
        /// Code page.
        page: u8,
        /// Number in the page, 0x05 to 0x3F.
        tag: u8,
        /// True if nothing is inside.
        empty: bool,
    },
    /// The innermost open element ends.
    End,
    /// An inline string, without its NUL. UTF-8 by the header, but not checked.
    Text(&'a [u8]),
    /// Opaque octets.
    Opaque(&'a [u8]),
}

/// Why bytes are no WBXML of ActiveSync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WbxmlError {
    /// The end came too early.
    #[error("the WBXML ends too early")]
    Truncated,
    /// Another version or charset, or a header field over 32 bits.
    #[error("the WBXML header is not version 1.3 in UTF-8")]
    Header,
    /// A code page that does not exist.
    #[error("the WBXML names code page {0}, which does not exist")]
    Page(u8),
    /// An element that its code page does not have. Only who asks for known elements gets this.
    #[error("the WBXML has element {tag:#04x}, which code page {page} does not have")]
    Tag {
        /// Code page.
        page: u8,
        /// Number in the page.
        tag: u8,
    },
    /// Over 4 GiB.
    #[error("the WBXML is over 4 GiB")]
    Long,
    /// A token that ActiveSync does not use.
    #[error("the WBXML uses token {0:#04x}, which ActiveSync forbids")]
    Token(u8),
    /// Text or an end outside the root, or something after it.
    #[error("the WBXML has something outside its root element")]
    Outside,
    /// A bound was met.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// Reads one body from front to back.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    token_at: usize,
    page: u8,
    open: Vec<model::budget::Level>,
    seen_root: bool,
    budget: Budget,
}

impl<'a> Reader<'a> {
    /// Reads the header. The string table is skipped: ActiveSync has no use for it.
    ///
    /// # Errors
    /// [`WbxmlError`] for another version or charset, or when the budget does not allow so many bytes.
    pub fn new(bytes: &'a [u8], budget: &Budget) -> Result<Self, WbxmlError> {
        budget.bytes(bytes.len())?;
        let mut reader =
            Self { rest: bytes, length: bytes.len(), token_at: 0, page: 0, open: Vec::new(), seen_root: false, budget: budget.clone() };
        if reader.octet()? != VERSION {
            return Err(WbxmlError::Header);
        }
        // A public id of 0 is followed by an index into the string table (WBXML §5.5).
        if reader.number()? == 0 {
            reader.number()?;
        }
        if reader.number()? != UTF_8 {
            return Err(WbxmlError::Header);
        }
        let table = reader.number()?;
        reader.take(table)?;
        Ok(reader)
    }

    /// Octets read so far: where the next event begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Where the latest event's token stands, behind any switch of the code page.
    #[must_use]
    pub fn token_at(&self) -> usize {
        self.token_at
    }

    /// The code page in force.
    #[must_use]
    pub fn page(&self) -> u8 {
        self.page
    }

    /// Open elements.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next event; `None` after the root's end.
    ///
    /// # Errors
    /// [`WbxmlError`]; the reader is of no use after one.
    #[expect(clippy::should_implement_trait, reason = "an error ends the reading, which an iterator does not say")]
    pub fn next(&mut self) -> Result<Option<Event<'a>>, WbxmlError> {
        loop {
            if self.seen_root && self.open.is_empty() {
                return if self.rest.is_empty() { Ok(None) } else { Err(WbxmlError::Outside) };
            }
            self.token_at = self.position();
            let token = self.octet()?;
            return match token {
                SWITCH_PAGE => {
                    self.page = self.octet()?;
                    if page_name(self.page).is_none() {
                        return Err(WbxmlError::Page(self.page));
                    }
                    continue;
                }
                END => self.open.pop().map(|_| Some(Event::End)).ok_or(WbxmlError::Outside),
                STR_I => self.inside(Self::string).map(Event::Text).map(Some),
                OPAQUE => self.inside(Self::opaque).map(Event::Opaque).map(Some),
                tag => self.start(tag).map(Some),
            };
        }
    }

    fn start(&mut self, token: u8) -> Result<Event<'a>, WbxmlError> {
        let tag = token & !HAS_CONTENT;
        if token & HAS_ATTRIBUTES != 0 || tag < FIRST_TAG {
            return Err(WbxmlError::Token(token));
        }
        self.budget.part()?;
        self.seen_root = true;
        let empty = token & HAS_CONTENT == 0;
        if !empty {
            self.open.push(self.budget.enter()?);
        }
        Ok(Event::Start { page: self.page, tag, empty })
    }

    fn inside(&mut self, read: fn(&mut Self) -> Result<&'a [u8], WbxmlError>) -> Result<&'a [u8], WbxmlError> {
        if self.open.is_empty() {
            return Err(WbxmlError::Outside);
        }
        self.budget.part()?;
        self.budget.time()?;
        read(self)
    }

    fn string(&mut self) -> Result<&'a [u8], WbxmlError> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(WbxmlError::Truncated)?;
        let (text, rest) = self.rest.split_at_checked(end).ok_or(WbxmlError::Truncated)?;
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(text)
    }

    fn opaque(&mut self) -> Result<&'a [u8], WbxmlError> {
        let length = self.number()?;
        self.take(length)
    }

    fn take(&mut self, count: u32) -> Result<&'a [u8], WbxmlError> {
        let count = usize::try_from(count).map_err(|_| WbxmlError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(WbxmlError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn octet(&mut self) -> Result<u8, WbxmlError> {
        let (first, rest) = self.rest.split_first().ok_or(WbxmlError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    /// `mb_u_int32`: seven bits an octet, at most five octets and 32 bits (WBXML §5.1).
    fn number(&mut self) -> Result<u32, WbxmlError> {
        let mut value = 0u64;
        for _ in 0..5 {
            let octet = self.octet()?;
            value = value << 7 | u64::from(octet & 0x7F);
            if octet & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| WbxmlError::Header);
            }
        }
        Err(WbxmlError::Header)
    }
}
