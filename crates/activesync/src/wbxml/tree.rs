//! A whole body as a tree of spans over its own octets.
//!
//! Comes after the body is read to its end and before anything is judged or changed in it. The tree holds no copy of
//! any text: each node says where it stands, so that [`super::Edits`] can put the octets together again and what nobody
//! changed leaves as it came, with all that the format lets a writer choose (string table, long forms of numbers,
//! switches to the page that is on already). Bounded by the [`Budget`]: its bytes, its depth, its parts, its time.

use std::borrow::Cow;

use bytes::Bytes;
use model::Budget;

use super::{Event, Reader, WbxmlError};
use crate::code_pages::Tag;

/// What to do with an element that no code page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownTags {
    /// The body is refused.
    Refuse,
    /// It is kept like any other; newer phones and servers may know more than this table.
    Keep,
}

/// Names one node of one [`Document`]; means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Element { tag: Tag, empty: bool },
    Inline,
    Opaque,
}

/// Spans in octets of the body. Content is what stands between an element's tag and its END, or a value's own octets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    parent: u32,
    /// The first node after this one and all inside it.
    after: u32,
    pub(super) start: u32,
    pub(super) content: u32,
    pub(super) content_end: u32,
    pub(super) end: u32,
    /// The code page in force after it.
    pub(super) page_after: u8,
}

/// One body, read.
#[derive(Debug, Clone)]
pub struct Document {
    octets: Bytes,
    /// Octets of the header.
    header: u32,
    nodes: Vec<Node>,
}

/// One element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document,
    at: u32,
    node: &'d Node,
    tag: Tag,
}

impl Document {
    /// Reads a body to its end.
    ///
    /// # Errors
    /// [`WbxmlError`] when the octets are no WBXML of ActiveSync, or cost more than the budget allows.
    pub fn parse(octets: Bytes, unknown: UnknownTags, budget: &Budget) -> Result<Self, WbxmlError> {
        if u32::try_from(octets.len()).is_err() {
            return Err(WbxmlError::Long);
        }
        let mut nodes = Vec::new();
        let mut open: Vec<u32> = Vec::new();
        let mut reader = Reader::new(&octets, budget)?;
        let header = offset(reader.position());
        while let Some(event) = reader.next()? {
            let (start, end) = (offset(reader.token_at()), offset(reader.position()));
            let parent = open.last().copied().unwrap_or_default();
            let index = offset(nodes.len());
            let leaf = |kind, content, content_end| Node {
                kind,
                parent,
                after: index + 1,
                start,
                content,
                content_end,
                end,
                page_after: reader.page(),
            };
            match event {
                Event::Start { page, tag, empty } => {
                    let tag = Tag::new(page, tag);
                    if unknown == UnknownTags::Refuse && tag.name().is_none() {
                        return Err(WbxmlError::Tag { page, tag: tag.token });
                    }
                    nodes.push(leaf(Kind::Element { tag, empty }, end, end));
                    if !empty {
                        open.push(index);
                    }
                }
                Event::Text(_) => nodes.push(leaf(Kind::Inline, start + 1, end - 1)),
                Event::Opaque(octets) => nodes.push(leaf(Kind::Opaque, end - offset(octets.len()), end)),
                Event::End => {
                    if let Some(node) = open.pop().and_then(|ended| nodes.get_mut(ended as usize)) {
                        *node = Node { after: index, content_end: start, end, page_after: reader.page(), ..*node };
                    }
                }
            }
        }
        if nodes.is_empty() { Err(WbxmlError::Truncated) } else { Ok(Self { octets, header, nodes }) }
    }

    /// The octets as they came.
    #[must_use]
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// The root element. Every document has one.
    #[must_use]
    pub fn root(&self) -> Option<Element<'_>> {
        self.element(NodeId(0))
    }

    /// The element with this name; `None` for the name of a value.
    #[must_use]
    pub fn element(&self, id: NodeId) -> Option<Element<'_>> {
        let node = self.node(id)?;
        match node.kind {
            Kind::Element { tag, .. } => Some(Element { document: self, at: id.0, node, tag }),
            Kind::Inline | Kind::Opaque => None,
        }
    }

    /// All elements, as they stand in the body.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        (0..offset(self.nodes.len())).filter_map(|at| self.element(NodeId(at)))
    }

    pub(super) fn header(&self) -> u32 {
        self.header
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The octets between two offsets, without a copy.
    pub(super) fn slice(&self, from: u32, to: u32) -> Bytes {
        let (from, to) = (from as usize, (to as usize).min(self.octets.len()));
        if from < to { self.octets.slice(from..to) } else { Bytes::new() }
    }

    fn borrowed(&self, node: &Node) -> &[u8] {
        self.octets.get(node.content as usize..node.content_end as usize).unwrap_or_default()
    }
}

impl<'d> Element<'d> {
    /// Its name for edits.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId(self.at)
    }

    /// Which element it is.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// The element that it stands in.
    #[must_use]
    pub fn parent(&self) -> Option<Element<'d>> {
        (self.at > 0).then(|| self.document.element(NodeId(self.node.parent))).flatten()
    }

    /// The elements right inside it.
    pub fn children(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        let document = self.document;
        inside(document, self.at, self.node).filter_map(|id| document.element(id))
    }

    /// The first element with this tag right inside it.
    #[must_use]
    pub fn child(&self, tag: Tag) -> Option<Element<'d>> {
        self.children().find(|child| child.tag == tag)
    }

    /// All elements with this tag right inside it.
    pub fn all(&self, tag: Tag) -> impl Iterator<Item = Element<'d>> + use<'d> {
        self.children().filter(move |child| child.tag == tag)
    }

    /// The element that a chain of tags leads to, the first of each.
    #[must_use]
    pub fn path(&self, tags: &[Tag]) -> Option<Element<'d>> {
        tags.iter().try_fold(*self, |element, tag| element.child(*tag))
    }

    /// All elements inside it, however deep, as they stand.
    pub fn descendants(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        let document = self.document;
        (self.at + 1..self.node.after).filter_map(|at| document.element(NodeId(at)))
    }

    /// True if nothing stands inside it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.node.after == self.at + 1
    }

    /// The texts and opaque octets right inside it, put together. Borrowed where there is one, as almost always.
    #[must_use]
    pub fn value(&self) -> Cow<'d, [u8]> {
        let mut parts = self.values().filter_map(|id| self.document.node(id)).map(|node| self.document.borrowed(node));
        let first = parts.next().unwrap_or_default();
        let Some(second) = parts.next() else { return Cow::Borrowed(first) };
        let mut all = [first, second].concat();
        parts.for_each(|part| all.extend_from_slice(part));
        Cow::Owned(all)
    }

    /// [`Element::value`] as text; octets that are no UTF-8 are replaced by U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'d, str> {
        match self.value() {
            Cow::Borrowed(octets) => String::from_utf8_lossy(octets),
            Cow::Owned(octets) => Cow::Owned(String::from_utf8_lossy(&octets).into_owned()),
        }
    }

    /// The value as a number; `None` if it is none.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.text().trim().parse().ok()
    }

    /// The text of the first element with this tag right inside it.
    #[must_use]
    pub fn text_of(&self, tag: Tag) -> Option<Cow<'d, str>> {
        self.child(tag).map(|child| child.text())
    }

    /// The number in the first element with this tag right inside it.
    #[must_use]
    pub fn number_of(&self, tag: Tag) -> Option<u64> {
        self.child(tag).and_then(|child| child.number())
    }

    /// The values right inside it.
    pub(super) fn values(&self) -> impl Iterator<Item = NodeId> + use<'d> {
        let document = self.document;
        inside(document, self.at, self.node).filter(|id| document.node(*id).is_some_and(|node| !matches!(node.kind, Kind::Element { .. })))
    }

    pub(super) fn node(&self) -> &'d Node {
        self.node
    }

    pub(super) fn document(&self) -> &'d Document {
        self.document
    }
}

/// The nodes right inside one.
pub(super) fn inside<'d>(document: &'d Document, at: u32, node: &'d Node) -> impl Iterator<Item = NodeId> + use<'d> {
    let end = node.after;
    let mut next = at + 1;
    std::iter::from_fn(move || {
        let here = (next < end).then_some(NodeId(next))?;
        next = document.node(here).map_or(end, |child| child.after.max(next + 1));
        Some(here)
    })
}

/// An offset that is known to be below the body's length, which fits.
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
