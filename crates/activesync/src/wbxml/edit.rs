//! Changes to a [`Document`], and the octets that come of them.
//!
//! A change replaces the octets of one value with their length, takes one element out, or puts new ones in; everything
//! else is a slice of the original, so an answer without changes is the answer that came. A change keeps the form of what
//! it replaces (inline string or opaque octets) and the code page of what follows (WBXML §5.8.4.1).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::fragment::Fragment;
use super::tree::{Document, Kind, Node, NodeId};
use super::{END, HAS_CONTENT, OPAQUE, STR_I, SWITCH_PAGE};

/// Why a change can't be made. The document is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The node is not there, or not of the kind that the change is for.
    #[error("the document has no such element")]
    Nowhere,
    /// An inline string can't hold NUL.
    #[error("an inline string of WBXML can't hold NUL")]
    Nul,
    /// The element holds elements, not a value.
    #[error("the element holds other elements, no value")]
    Elements,
    /// Opaque octets are counted in 32 bits.
    #[error("opaque octets of WBXML can't be over 4 GiB")]
    Long,
    /// The root can't be taken out.
    #[error("the root element can't be taken out")]
    Root,
}

/// Octets put together of slices of the original and new ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rope(Vec<Bytes>);

impl Rope {
    /// Octets in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// True without any octet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces in their order; those of the original are not copies.
    #[must_use]
    pub fn into_pieces(self) -> Vec<Bytes> {
        self.0
    }

    /// All octets in one piece; a copy unless there is one piece only.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match <[Bytes; 1]>::try_from(self.0) {
            Ok([only]) => only,
            Err(pieces) => pieces.concat().into(),
        }
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push(piece);
        }
    }
}

impl From<Bytes> for Rope {
    fn from(octets: Bytes) -> Self {
        let mut rope = Self::default();
        rope.push(octets);
        rope
    }
}

/// What happens at one place. The order is the order in which changes at one offset apply: what is put before an
/// element that is taken out stays, what is changed inside it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Insert,
    Remove,
    Replace,
}

/// Changes to one document, collected until [`Edits::finish`]. The last change to one value counts.
#[derive(Debug, Clone)]
pub struct Edits<'d> {
    document: &'d Document,
    /// By where, what, until where: the new octets.
    splices: BTreeMap<(u32, Rank, u32), Vec<Bytes>>,
}

impl<'d> Edits<'d> {
    /// No change yet.
    #[must_use]
    pub fn new(document: &'d Document) -> Self {
        Self { document, splices: BTreeMap::new() }
    }

    /// True if nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// Gives an element another value. An element that had none gets an inline string.
    ///
    /// # Errors
    /// [`EditError`]: no such element, one that holds elements, NUL in what is an inline string, over 4 GiB.
    pub fn set(&mut self, element: NodeId, value: impl Into<Bytes>) -> Result<(), EditError> {
        let value = value.into();
        let element = self.document.element(element).ok_or(EditError::Nowhere)?;
        if element.children().next().is_some() {
            return Err(EditError::Elements);
        }
        let mut values = element.values();
        let Some(first) = values.next().and_then(|id| self.document.node(id)) else {
            return self.fill(element.node(), value_octets(false, value)?);
        };
        match first.kind {
            Kind::Opaque => {
                let octets = value_octets(true, value)?.split_off(1);
                self.replace(first.start + 1, first.end, octets);
            }
            _ if value.contains(&0) => return Err(EditError::Nul),
            _ => self.replace(first.content, first.content_end, vec![value]),
        }
        for other in values.filter_map(|id| self.document.node(id)) {
            self.replace(other.start, other.end, Vec::new());
        }
        Ok(())
    }

    /// Takes an element out with all inside it.
    ///
    /// # Errors
    /// [`EditError::Root`], [`EditError::Nowhere`].
    pub fn remove(&mut self, element: NodeId) -> Result<(), EditError> {
        let element = self.document.element(element).ok_or(EditError::Nowhere)?;
        if element.parent().is_none() {
            return Err(EditError::Root);
        }
        let node = element.node();
        let page = node.page_after;
        let octets = if page == element.tag().page { Vec::new() } else { vec![Bytes::copy_from_slice(&[SWITCH_PAGE, page])] };
        self.splices.insert((node.start, Rank::Remove, node.end), octets);
        Ok(())
    }

    /// Puts elements before one.
    ///
    /// # Errors
    /// [`EditError::Root`], [`EditError::Nowhere`].
    pub fn before(&mut self, element: NodeId, fragment: &Fragment) -> Result<(), EditError> {
        let element = self.document.element(element).ok_or(EditError::Nowhere)?;
        if element.parent().is_none() {
            return Err(EditError::Root);
        }
        self.insert(element.node().start, fragment.octets(element.tag().page));
        Ok(())
    }

    /// Puts elements behind everything inside one.
    ///
    /// # Errors
    /// [`EditError::Nowhere`].
    pub fn append(&mut self, element: NodeId, fragment: &Fragment) -> Result<(), EditError> {
        let element = self.document.element(element).ok_or(EditError::Nowhere)?;
        let node = element.node();
        match node.kind {
            Kind::Element { empty: true, tag } => {
                let octets = Bytes::from(fragment.octets(tag.page));
                match self.splices.get_mut(&(node.start, Rank::Replace, node.end)) {
                    Some(filled) => filled.insert(filled.len().saturating_sub(1), octets),
                    None => return self.fill(node, vec![octets]),
                }
                Ok(())
            }
            _ => {
                self.insert(node.content_end, fragment.octets(node.page_after));
                Ok(())
            }
        }
    }

    /// The document with all changes.
    #[must_use]
    pub fn finish(self) -> Rope {
        let mut rope = Rope::default();
        let mut at = 0;
        for ((start, _, end), octets) in self.splices {
            // A change inside what was taken out has no place any more.
            if start < at {
                continue;
            }
            rope.push(self.document.slice(at, start));
            octets.into_iter().for_each(|piece| rope.push(piece));
            at = end;
        }
        rope.push(self.document.slice(at, u32::MAX));
        rope
    }

    fn replace(&mut self, from: u32, to: u32, octets: Vec<Bytes>) {
        self.splices.insert((from, Rank::Replace, to), octets);
    }

    fn insert(&mut self, at: u32, octets: Vec<u8>) {
        self.splices.entry((at, Rank::Insert, at)).or_default().push(octets.into());
    }

    /// Puts a content into an element that has none. One without the mark of a content gets it, and an END.
    fn fill(&mut self, node: &Node, content: Vec<Bytes>) -> Result<(), EditError> {
        let Kind::Element { tag, empty } = node.kind else { return Err(EditError::Nowhere) };
        if !empty {
            self.splices.insert((node.content_end, Rank::Replace, node.content_end), content);
            return Ok(());
        }
        let mut octets = vec![Bytes::copy_from_slice(&[tag.token | HAS_CONTENT])];
        octets.extend(content);
        octets.push(Bytes::from_static(&[END]));
        self.replace(node.start, node.end, octets);
        Ok(())
    }
}

/// A value as it stands in a body: the token, the length of opaque octets, the octets.
///
/// # Errors
/// [`EditError::Nul`], [`EditError::Long`].
pub fn value_octets(opaque: bool, value: Bytes) -> Result<Vec<Bytes>, EditError> {
    if !opaque {
        if value.contains(&0) {
            return Err(EditError::Nul);
        }
        return Ok(vec![Bytes::from_static(&[STR_I]), value, Bytes::from_static(&[0])]);
    }
    let length = u32::try_from(value.len()).map_err(|_| EditError::Long)?;
    let mut number = Vec::with_capacity(5);
    super::writer::number(&mut number, length);
    Ok(vec![Bytes::from_static(&[OPAQUE]), number.into(), value])
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
