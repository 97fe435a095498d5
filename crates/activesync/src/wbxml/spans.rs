//! What stands between the nodes of a [`Document`], for who shows every octet of it ([`crate::xml`]).

use bytes::Bytes;

use super::tree::{Document, Element, Kind, NodeId, inside};

/// What stands in an element.
#[derive(Debug, Clone, Copy)]
pub enum Child<'d> {
    /// An element.
    Element(Element<'d>),
    /// A value.
    Value(ValueSpan),
}

/// Where one value stands.
#[derive(Debug, Clone, Copy)]
pub struct ValueSpan {
    /// Opaque octets, or an inline string.
    pub opaque: bool,
    /// Octets that its length takes, if it is opaque.
    pub width: usize,
    from: u32,
    to: u32,
}

impl ValueSpan {
    /// Its own octets.
    #[must_use]
    pub fn octets(&self, document: &Document) -> Bytes {
        document.slice(self.from, self.to)
    }

    /// How many they are.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.to - self.from
    }
}

impl Document {
    /// Version, charset and string table, and switches of the code page before the root.
    #[must_use]
    pub fn before_root(&self) -> (Bytes, Bytes) {
        let header = self.header();
        let root = self.node(NodeId(0)).map_or(header, |root| root.start);
        (self.slice(0, header), self.slice(header, root))
    }
}

impl<'d> Element<'d> {
    /// What stands in it, each with the switches of the code page before it, and the switches before its end.
    #[must_use]
    pub fn contents(&self) -> (Vec<(Bytes, Child<'d>)>, Bytes) {
        let document = self.document();
        let mut at = self.node().content;
        let mut all = Vec::new();
        for id in inside(document, self.id().0, self.node()) {
            let Some(node) = document.node(id) else { continue };
            let value = |opaque| ValueSpan {
                opaque,
                width: (node.content - node.start).saturating_sub(1) as usize,
                from: node.content,
                to: node.content_end,
            };
            let child = match node.kind {
                Kind::Inline => Child::Value(value(false)),
                Kind::Opaque => Child::Value(value(true)),
                Kind::Element { .. } => match document.element(id) {
                    Some(element) => Child::Element(element),
                    None => continue,
                },
            };
            all.push((document.slice(at, node.start), child));
            at = node.end;
        }
        (all, document.slice(at, self.node().content_end))
    }

    /// True unless it is written as empty.
    #[must_use]
    pub fn has_end(&self) -> bool {
        !matches!(self.node().kind, Kind::Element { empty: true, .. })
    }
}
