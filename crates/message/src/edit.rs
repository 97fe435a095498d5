//! Edits as ropes: old slices and new ones.
//!
//! An [`Edit`] keeps the message's header as a list of line groups and its body as slices. What nobody
//! touched leaves byte for byte, malformed lines too (design: bytes are evidence). New fields are encoded by
//! [`crate::encode`]; nothing put in here can begin a second field.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::bytes_of::slice;
use crate::header::{self, Item};
use crate::{Message, MessageError, encode, text};

/// A change to a message in the making.
#[derive(Debug, Clone)]
pub struct Edit {
    message: Message,
    lines: Vec<Lines>,
    body: Vec<Piece>,
    touched: bool,
    new_body: bool,
}

/// One line group of the header: as it was, or new.
#[derive(Debug, Clone)]
enum Lines {
    Old(Item),
    New { name: String, bytes: Bytes },
}

/// A slice of the body: as it was (a range of the message's bytes), or new.
#[derive(Debug, Clone)]
enum Piece {
    Old(Range<usize>),
    New(Bytes),
}

impl Edit {
    pub(crate) fn new(message: &Message) -> Self {
        let section = message.section();
        let lines = section.items.iter().cloned().map(Lines::Old).collect();
        let body = vec![Piece::Old(section.body..message.bytes().len())];
        Self { message: message.clone(), lines, body, touched: false, new_body: false }
    }

    /// True if something was changed.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The message that the edit began with.
    #[must_use]
    pub fn original(&self) -> &Message {
        &self.message
    }

    /// The text of the first field of this name as it is now; see [`Message::decoded`].
    #[must_use]
    pub fn decoded(&self, name: &str) -> Option<String> {
        self.decoded_all(name).into_iter().next()
    }

    /// The texts of all fields of this name as they are now.
    #[must_use]
    pub fn decoded_all(&self, name: &str) -> Vec<String> {
        let value = |lines: &Lines| match lines {
            Lines::Old(item) => header::field(self.message.bytes(), item).map(|field| field.text()),
            Lines::New { name, bytes } => bytes.get(name.len() + 1..).map(text::header),
        };
        self.lines.iter().filter(|lines| self.is(lines, name)).filter_map(value).collect()
    }

    /// Writes the one field of this name: in the first one's place, else at the header's end. Others of the
    /// name go. A name without any character of a field name changes nothing.
    pub fn set(&mut self, name: &str, text: &str) -> &mut Self {
        let Some(new) = made(name, text) else { return self };
        let place = self.lines.iter().position(|lines| self.is(lines, name));
        self.remove(name);
        match place {
            Some(place) if place <= self.lines.len() => self.lines.insert(place, new),
            _ => self.lines.push(new),
        }
        self.touched = true;
        self
    }

    /// Puts a field above all others.
    pub fn prepend(&mut self, name: &str, text: &str) -> &mut Self {
        if let Some(new) = made(name, text) {
            self.lines.insert(0, new);
            self.touched = true;
        }
        self
    }

    /// Puts a field below all others.
    pub fn append(&mut self, name: &str, text: &str) -> &mut Self {
        if let Some(new) = made(name, text) {
            self.lines.push(new);
            self.touched = true;
        }
        self
    }

    /// Puts a field that is already folded (Received, DKIM-Signature, ARC-…) above all others.
    ///
    /// # Errors
    /// [`MessageError::BadField`] if `field` is not exactly one well-formed field ended by CRLF.
    pub fn prepend_raw(&mut self, field: &[u8]) -> Result<&mut Self, MessageError> {
        let new = whole(field)?;
        self.lines.insert(0, new);
        self.touched = true;
        Ok(self)
    }

    /// Puts a field that is already folded below all others.
    ///
    /// # Errors
    /// As [`Self::prepend_raw`].
    pub fn append_raw(&mut self, field: &[u8]) -> Result<&mut Self, MessageError> {
        let new = whole(field)?;
        self.lines.push(new);
        self.touched = true;
        Ok(self)
    }

    /// Puts several fields that are already folded above all others, in their order.
    ///
    /// # Errors
    /// As [`Self::prepend_raw`]; nothing is changed then.
    pub fn prepend_fields(&mut self, fields: &[u8]) -> Result<&mut Self, MessageError> {
        let section = header::scan(fields, 0, None, |_| false)?;
        let mut changed = self.clone();
        for item in section.items.iter().rev() {
            changed.prepend_raw(slice(fields, item.range.clone()))?;
        }
        if section.end != fields.len() {
            return Err(MessageError::BadField);
        }
        *self = changed;
        Ok(self)
    }

    /// Takes fields of the message away for which the answer is true; those put in by this edit stay.
    pub fn remove_fields(&mut self, goes: impl Fn(&header::Field<'_>) -> bool) -> &mut Self {
        let before = self.lines.len();
        let bytes = self.message.bytes().clone();
        self.lines.retain(|lines| match lines {
            Lines::Old(item) => !header::field(&bytes, item).is_some_and(|field| goes(&field)),
            Lines::New { .. } => true,
        });
        self.touched |= self.lines.len() != before;
        self
    }

    /// Takes all fields of this name away.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.remove_where(|field| field.eq_ignore_ascii_case(name))
    }

    /// Takes all fields away whose name begins so, in any case: `x-sealgate-`.
    pub fn remove_starting_with(&mut self, prefix: &str) -> &mut Self {
        self.remove_where(|field| field.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
    }

    /// Takes all fields away for whose name the answer is true.
    pub fn remove_where(&mut self, goes: impl Fn(&str) -> bool) -> &mut Self {
        let before = self.lines.len();
        let bytes = self.message.bytes().clone();
        self.lines.retain(|lines| !name_of(&bytes, lines).is_some_and(&goes));
        self.touched |= self.lines.len() != before;
        self
    }

    /// Changes the first field of each of this name by a function of its text; `None` leaves it.
    pub fn map(&mut self, name: &str, change: impl Fn(&str) -> Option<String>) -> bool {
        let mut changed = false;
        for place in 0..self.lines.len() {
            let Some(lines) = self.lines.get(place).filter(|lines| self.is(lines, name)) else { continue };
            let now = match lines {
                Lines::Old(item) => header::field(self.message.bytes(), item).map(|field| field.text()),
                Lines::New { name, bytes } => bytes.get(name.len() + 1..).map(text::header),
            };
            // The name stays as it was written: only the value is ours.
            let written = name_of(self.message.bytes(), lines).unwrap_or(name).to_owned();
            let new = now.and_then(|now| change(&now)).and_then(|text| made(&written, &text));
            if let (Some(new), Some(slot)) = (new, self.lines.get_mut(place)) {
                *slot = new;
                changed = true;
            }
        }
        self.touched |= changed;
        changed
    }

    /// Puts a MIME entity in place of this message's content: its MIME-Version and Content-* fields and its
    /// body. The other fields of `entity` don't count (CVE-2026-27443).
    pub fn replace_entity(&mut self, entity: impl Into<Bytes>) -> &mut Self {
        let entity: Bytes = entity.into();
        let Ok(section) = header::scan(&entity, 0, None, |_| false) else { return self };
        self.remove_where(is_content_name);
        let mut versioned = false;
        for field in header::fields(&entity, &section.items).filter(|field| is_content_name(field.name)) {
            versioned |= field.is("mime-version");
            let bytes = crlf_ended(slice(&entity, field.range.clone()));
            self.lines.push(Lines::New { name: field.name.to_owned(), bytes });
        }
        if !versioned {
            self.append("MIME-Version", "1.0");
        }
        self.body = vec![Piece::New(entity.slice(section.body.min(entity.len())..))];
        self.new_body = true;
        self.touched = true;
        self
    }

    /// Puts `new` in place of a range of the original bytes that lies in the body: a part, or its body
    /// ([`crate::Part::entity_range`], [`crate::Part::body_range`]). Ranges of several calls must not
    /// overlap; one that is not whole in the untouched body changes nothing and answers false.
    pub fn splice(&mut self, range: Range<usize>, new: Bytes) -> bool {
        let holds = |piece: &Piece| matches!(piece, Piece::Old(old) if old.start <= range.start && range.end <= old.end);
        let Some(place) = self.body.iter().position(holds).filter(|_| range.start <= range.end) else {
            return false;
        };
        let Some(Piece::Old(old)) = self.body.get(place).cloned() else { return false };
        let pieces = [Piece::Old(old.start..range.start), Piece::New(new), Piece::Old(range.end..old.end)];
        self.body.splice(place..=place, pieces);
        self.touched = true;
        true
    }

    /// The new message as slices in their order; the old ones share the original's memory.
    #[must_use]
    pub fn slices(&self) -> Vec<Bytes> {
        let bytes = self.message.bytes();
        if !self.touched {
            return vec![bytes.clone()];
        }
        let section = self.message.section();
        let mut rope = Rope { bytes, slices: Vec::new(), open: None, unended: false };
        for lines in &self.lines {
            match lines {
                Lines::Old(item) => rope.old(item.range.clone()),
                Lines::New { bytes, .. } => rope.lines(bytes.clone()),
            }
        }
        let separator = section.end..section.body;
        if separator.is_empty() {
            // No empty line came; without a body there need not be one, with a body there must.
            if self.new_body {
                rope.lines(Bytes::from_static(b"\r\n"));
            }
        } else {
            rope.old(separator);
        }
        for piece in &self.body {
            match piece {
                Piece::Old(range) => rope.old(range.clone()),
                Piece::New(new) => rope.plain(new.clone()),
            }
        }
        rope.finish()
    }

    /// The new message. Without any change these are the original's bytes, not a copy.
    #[must_use]
    pub fn finish(&self) -> Bytes {
        let mut slices = self.slices();
        if slices.len() == 1 {
            return slices.pop().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(slices.iter().map(Bytes::len).sum());
        for piece in &slices {
            whole.extend_from_slice(piece);
        }
        whole.freeze()
    }

    fn is(&self, lines: &Lines, name: &str) -> bool {
        name_of(self.message.bytes(), lines).is_some_and(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Exactly one well-formed field, ended by CRLF.
fn whole(field: &[u8]) -> Result<Lines, MessageError> {
    let section = header::scan(field, 0, None, |_| false)?;
    let [Item { range, field: Some((name, _)) }] = section.items.as_slice() else {
        return Err(MessageError::BadField);
    };
    let (nul, bare) = crate::anomaly::stray(field);
    let line_ends = memchr::memchr_iter(b'\n', field).all(|at| at > 0 && field.get(at - 1) == Some(&b'\r'));
    if nul || bare || !line_ends || range.end != field.len() || !field.ends_with(b"\r\n") {
        return Err(MessageError::BadField);
    }
    let name = String::from_utf8_lossy(slice(field, name.clone())).into_owned();
    Ok(Lines::New { name, bytes: Bytes::copy_from_slice(field) })
}

fn made(name: &str, text: &str) -> Option<Lines> {
    let name = encode::name(name)?;
    let bytes = encode::field(&name, text).into();
    Some(Lines::New { name, bytes })
}

fn name_of<'a>(bytes: &'a [u8], lines: &'a Lines) -> Option<&'a str> {
    match lines {
        Lines::Old(item) => item.field.as_ref().and_then(|(name, _)| std::str::from_utf8(bytes.get(name.clone())?).ok()),
        Lines::New { name, .. } => Some(name),
    }
}

/// MIME-Version and Content-*: what describes the content, and what S/MIME protects.
pub(crate) fn is_content_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("mime-version") || name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

fn crlf_ended(field: &[u8]) -> Bytes {
    if field.ends_with(b"\n") {
        return Bytes::copy_from_slice(field);
    }
    [field, b"\r\n"].concat().into()
}

/// Joins neighbouring old ranges, and ends a line before something new follows it.
struct Rope<'a> {
    bytes: &'a Bytes,
    slices: Vec<Bytes>,
    open: Option<Range<usize>>,
    unended: bool,
}

impl Rope<'_> {
    fn old(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match &mut self.open {
            Some(open) if open.end == range.start => open.end = range.end,
            _ => {
                self.close();
                self.open = Some(range);
            }
        }
        self.unended = self.open.as_ref().is_some_and(|open| !slice(self.bytes, open.clone()).ends_with(b"\n"));
    }

    /// New header lines: they begin on a line of their own.
    fn lines(&mut self, new: Bytes) {
        self.close();
        if std::mem::take(&mut self.unended) {
            self.slices.push(Bytes::from_static(b"\r\n"));
        }
        self.slices.push(new);
    }

    /// New octets of a body.
    fn plain(&mut self, new: Bytes) {
        self.close();
        self.unended = false;
        self.slices.push(new);
    }

    fn close(&mut self) {
        if let Some(range) = self.open.take() {
            self.slices.push(self.bytes.slice(range));
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.slices.retain(|piece| !piece.is_empty());
        self.slices
    }
}

#[cfg(test)]
#[path = "edit/tests.rs"]
mod tests;
