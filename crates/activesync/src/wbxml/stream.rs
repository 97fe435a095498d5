//! A body piece by piece, while it comes: for answers too large to be held.
//!
//! Takes chunks of any size and hands out pieces whose octets, one behind the other, are the body. A value up to
//! [`SHORT`] comes whole, so that a name, a reference or a body of a mail can be judged and replaced ([`super::value_octets`]);
//! a longer one comes in parts as it arrives, and its receiver passes them on, drops them, or writes another value in
//! their place. Holds one chunk and one short value at most. Bounded like the [`super::Reader`], and refuses the same.

use bytes::{Bytes, BytesMut};
use model::Budget;
use model::budget::Level;

use super::{END, FIRST_TAG, HAS_ATTRIBUTES, HAS_CONTENT, OPAQUE, STR_I, SWITCH_PAGE, UTF_8, VERSION, WbxmlError};
use crate::code_pages::{Tag, page_name};

/// Values up to so many octets come in one piece.
pub const SHORT: usize = 64 << 10;

/// Which part of a value a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Its beginning; more comes.
    First,
    /// More of it.
    Middle,
    /// Its end. May hold no octets of the value.
    Last,
}

/// One piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Version, charset, string table.
    Header(Bytes),
    /// A switch of the code page. What follows an element that is dropped still needs it.
    Page(Bytes),
    /// An element begins; an empty one has no [`Piece::End`].
    Start {
        /// Which element.
        tag: Tag,
        /// True if nothing is inside.
        empty: bool,
        /// The octets.
        raw: Bytes,
    },
    /// The innermost open element ends.
    End(Bytes),
    /// A value or a part of one.
    Value {
        /// Opaque octets, or an inline string.
        opaque: bool,
        /// Which part.
        part: Part,
        /// The value's own octets.
        octets: Bytes,
        /// The same with token, length and end.
        raw: Bytes,
    },
}

impl Piece {
    /// The octets as they came.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        match self {
            Self::Header(raw) | Self::Page(raw) | Self::End(raw) => raw,
            Self::Start { raw, .. } | Self::Value { raw, .. } => raw,
        }
    }
}

#[derive(Debug)]
enum State {
    Header,
    Body,
    /// Inside a long inline string.
    Inline,
    /// Inside long opaque octets, with so many to come.
    Opaque(usize),
}

/// Reads a body that comes in chunks.
#[derive(Debug)]
pub struct Stream {
    held: BytesMut,
    /// Octets of `held` that were searched for the end of an inline string.
    searched: usize,
    state: State,
    page: u8,
    open: Vec<Level>,
    seen_root: bool,
    budget: Budget,
}

impl Stream {
    /// Nothing read yet.
    #[must_use]
    pub fn new(budget: &Budget) -> Self {
        let budget = budget.clone();
        Self { held: BytesMut::new(), searched: 0, state: State::Header, page: 0, open: Vec::new(), seen_root: false, budget }
    }

    /// Takes the next chunk. Ask [`Stream::next`] until it says `None` before the next one.
    ///
    /// # Errors
    /// When the budget does not allow so many bytes, or the time is over.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), WbxmlError> {
        self.budget.bytes(chunk.len())?;
        self.budget.time()?;
        self.held.extend_from_slice(chunk);
        Ok(())
    }

    /// The next piece; `None` when another chunk is needed, or at the end.
    ///
    /// # Errors
    /// [`WbxmlError`]; the stream is of no use after one.
    #[expect(clippy::should_implement_trait, reason = "None is not the end")]
    pub fn next(&mut self) -> Result<Option<Piece>, WbxmlError> {
        match self.state {
            State::Header => self.header(),
            State::Body => self.body(),
            State::Inline => Ok(self.more_inline()),
            State::Opaque(left) => Ok(self.more_opaque(left)),
        }
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// [`WbxmlError::Truncated`] if the body has not ended.
    pub fn finish(&self) -> Result<(), WbxmlError> {
        let ended = matches!(self.state, State::Body) && self.seen_root && self.open.is_empty() && self.held.is_empty();
        if ended { Ok(()) } else { Err(WbxmlError::Truncated) }
    }

    fn header(&mut self) -> Result<Option<Piece>, WbxmlError> {
        let Some(length) = header_length(&self.held)? else { return Ok(None) };
        if length > SHORT {
            return Err(WbxmlError::Header);
        }
        if self.held.len() < length {
            return Ok(None);
        }
        self.state = State::Body;
        Ok(Some(Piece::Header(self.take(length))))
    }

    fn body(&mut self) -> Result<Option<Piece>, WbxmlError> {
        let Some(token) = self.held.first().copied() else { return Ok(None) };
        if self.seen_root && self.open.is_empty() {
            return Err(WbxmlError::Outside);
        }
        match token {
            SWITCH_PAGE => {
                let Some(page) = self.held.get(1).copied() else { return Ok(None) };
                self.page = page;
                page_name(page).ok_or(WbxmlError::Page(page))?;
                Ok(Some(Piece::Page(self.take(2))))
            }
            END => {
                self.open.pop().ok_or(WbxmlError::Outside)?;
                Ok(Some(Piece::End(self.take(1))))
            }
            STR_I | OPAQUE => {
                if self.open.is_empty() {
                    return Err(WbxmlError::Outside);
                }
                let piece = if token == STR_I { self.inline() } else { self.opaque()? };
                if piece.is_some() {
                    self.budget.part()?;
                }
                Ok(piece)
            }
            token => self.start(token).map(Some),
        }
    }

    fn start(&mut self, token: u8) -> Result<Piece, WbxmlError> {
        let number = token & !HAS_CONTENT;
        if token & HAS_ATTRIBUTES != 0 || number < FIRST_TAG {
            return Err(WbxmlError::Token(token));
        }
        self.budget.part()?;
        self.seen_root = true;
        let empty = token & HAS_CONTENT == 0;
        if !empty {
            self.open.push(self.budget.enter()?);
        }
        Ok(Piece::Start { tag: Tag::new(self.page, number), empty, raw: self.take(1) })
    }

    fn inline(&mut self) -> Option<Piece> {
        let from = self.searched.max(1);
        let found = self.held.get(from..).and_then(|rest| rest.iter().position(|octet| *octet == 0));
        if let Some(end) = found.map(|place| from + place) {
            let raw = self.take(end + 1);
            return Some(Piece::Value { opaque: false, part: Part::Whole, octets: raw.slice(1..end), raw });
        }
        self.searched = self.held.len();
        if self.held.len() <= SHORT {
            return None;
        }
        self.state = State::Inline;
        let raw = self.take(self.held.len());
        Some(Piece::Value { opaque: false, part: Part::First, octets: raw.slice(1..), raw })
    }

    fn more_inline(&mut self) -> Option<Piece> {
        if self.held.is_empty() {
            return None;
        }
        match self.held.iter().position(|octet| *octet == 0) {
            Some(end) => {
                self.state = State::Body;
                let raw = self.take(end + 1);
                Some(Piece::Value { opaque: false, part: Part::Last, octets: raw.slice(..end), raw })
            }
            None => {
                let raw = self.take(self.held.len());
                Some(Piece::Value { opaque: false, part: Part::Middle, octets: raw.clone(), raw })
            }
        }
    }

    fn opaque(&mut self) -> Result<Option<Piece>, WbxmlError> {
        let Some((length, width)) = number(self.held.get(1..).unwrap_or_default())? else { return Ok(None) };
        let length = usize::try_from(length).map_err(|_| WbxmlError::Truncated)?;
        let begin = 1 + width;
        if length <= SHORT {
            if self.held.len() < begin + length {
                return Ok(None);
            }
            let raw = self.take(begin + length);
            return Ok(Some(Piece::Value { opaque: true, part: Part::Whole, octets: raw.slice(begin..), raw }));
        }
        let raw = self.take(self.held.len().min(begin + length));
        let octets = raw.slice(begin..);
        let left = length - octets.len();
        let part = if left == 0 { Part::Whole } else { Part::First };
        if left > 0 {
            self.state = State::Opaque(left);
        }
        Ok(Some(Piece::Value { opaque: true, part, octets, raw }))
    }

    fn more_opaque(&mut self, left: usize) -> Option<Piece> {
        if self.held.is_empty() {
            return None;
        }
        let raw = self.take(self.held.len().min(left));
        let left = left - raw.len();
        self.state = if left == 0 { State::Body } else { State::Opaque(left) };
        let part = if left == 0 { Part::Last } else { Part::Middle };
        Some(Piece::Value { opaque: true, part, octets: raw.clone(), raw })
    }

    /// Splits octets off without a copy.
    fn take(&mut self, count: usize) -> Bytes {
        self.searched = 0;
        self.held.split_to(count.min(self.held.len())).freeze()
    }
}

/// Octets of the header, string table included; `None` when more is needed to say so.
fn header_length(held: &[u8]) -> Result<Option<usize>, WbxmlError> {
    let Some(version) = held.first() else { return Ok(None) };
    if *version != VERSION {
        return Err(WbxmlError::Header);
    }
    let mut at = 1;
    let mut field = || -> Result<Option<u32>, WbxmlError> {
        let read = number(held.get(at..).unwrap_or_default())?;
        at += read.map_or(0, |(_, width)| width);
        Ok(read.map(|(value, _)| value))
    };
    // A public id of 0 is followed by an index into the string table (WBXML §5.5).
    match field()? {
        None => return Ok(None),
        Some(0) if field()?.is_none() => return Ok(None),
        Some(_) => {}
    }
    match field()? {
        None => return Ok(None),
        Some(UTF_8) => {}
        Some(_) => return Err(WbxmlError::Header),
    }
    let Some(table) = field()? else { return Ok(None) };
    Ok(Some(at + usize::try_from(table).map_err(|_| WbxmlError::Header)?))
}

/// A `mb_u_int32` and its octets; `None` when it goes on behind what is held (WBXML §5.1).
fn number(held: &[u8]) -> Result<Option<(u32, usize)>, WbxmlError> {
    let mut value = 0u64;
    for (place, octet) in held.iter().take(5).enumerate() {
        value = value << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| WbxmlError::Header)?;
            return Ok(Some((value, place + 1)));
        }
    }
    if held.len() < 5 { Ok(None) } else { Err(WbxmlError::Header) }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
