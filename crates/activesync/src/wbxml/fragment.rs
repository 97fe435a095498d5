//! New elements that are put into a body that came from elsewhere: a notice item, a shorter list.

use super::Writer;
use crate::code_pages::Tag;

/// Elements to put into a [`super::Document`]. Elements that are still open at the end are closed there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fragment(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Start(Tag),
    Empty(Tag),
    End,
    Text(String),
    Opaque(Vec<u8>),
}

impl Fragment {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens an element with content.
    #[must_use]
    pub fn start(self, tag: Tag) -> Self {
        self.with(Step::Start(tag))
    }

    /// Closes the innermost open element.
    #[must_use]
    pub fn end(self) -> Self {
        self.with(Step::End)
    }

    /// An element without content.
    #[must_use]
    pub fn empty(self, tag: Tag) -> Self {
        self.with(Step::Empty(tag))
    }

    /// An element with a text. The text ends at a NUL, which the format can't carry.
    #[must_use]
    pub fn text(self, tag: Tag, text: impl Into<String>) -> Self {
        self.start(tag).with(Step::Text(text.into())).end()
    }

    /// An element with opaque octets.
    #[must_use]
    pub fn opaque(self, tag: Tag, octets: impl Into<Vec<u8>>) -> Self {
        self.start(tag).with(Step::Opaque(octets.into())).end()
    }

    fn with(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// The octets at a place where this page is in force, and is again behind them.
    pub(super) fn octets(&self, page: u8) -> Vec<u8> {
        let mut writer = Writer::inside(page);
        for step in &self.0 {
            match step {
                Step::Start(tag) => writer.start(tag.page, tag.token),
                Step::Empty(tag) => writer.empty(tag.page, tag.token),
                Step::End => writer.end(),
                Step::Text(text) => writer.text(text),
                Step::Opaque(octets) => writer.opaque(octets),
            };
        }
        writer.finish_on(page)
    }
}
