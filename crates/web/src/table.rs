//! Tables: caption, columns, rows, and paging by cursor, drawn by `kit/table.html`.
//!
//! A cursor names the place after which the next page begins, so that paging stays fast at a million rows and does not
//! skip what came in between. Cells are values; the template escapes them all.

use model::Timestamp;
use serde::Serialize;

/// How a state looks beside its word: never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Should be looked at.
    Warn,
    /// Not as it should be.
    Bad,
    /// Says nothing.
    Plain,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its head, in the caller's language.
    pub head: String,
    /// True for numbers: right-aligned.
    pub number: bool,
}

impl Column {
    /// Of text.
    #[must_use]
    pub fn text(head: impl Into<String>) -> Self {
        Self { head: head.into(), number: false }
    }

    /// Of numbers.
    #[must_use]
    pub fn number(head: impl Into<String>) -> Self {
        Self { head: head.into(), number: true }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "cell", rename_all = "lowercase")]
pub enum Cell {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// Ids, addresses, program words: fixed width.
    Code {
        /// The text.
        text: String,
    },
    /// A way to a page of ours.
    Link {
        /// The shown text.
        text: String,
        /// The path.
        href: String,
    },
    /// A way to a page of ours, with a box by which the row is chosen. Stands first in a row, in a table inside a form.
    Pick {
        /// The shown text.
        text: String,
        /// The path.
        href: String,
        /// The box's id, unique on the page.
        id: String,
        /// What the form says if it is ticked, as a value of `d`.
        value: String,
        /// The box's label, for who can't see where it stands.
        label: String,
    },
    /// A point in time; 0 is "never".
    Time {
        /// Microseconds since 1970.
        at: i64,
    },
    /// A number, grouped as the language does.
    Number {
        /// The number.
        value: i64,
    },
    /// A size, in octets.
    Size {
        /// The octets.
        bytes: u64,
    },
    /// A state: a word with a tone.
    State {
        /// The word.
        text: String,
        /// Its tone.
        tone: Tone,
    },
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// An id or program word.
    #[must_use]
    pub fn code(text: impl Into<String>) -> Self {
        Self::Code { text: text.into() }
    }

    /// A link to a path of ours. Parts of it that come from data go through [`crate::form::encode`].
    #[must_use]
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self::Link { text: text.into(), href: href.into() }
    }

    /// A point in time.
    #[must_use]
    pub const fn time(at: Timestamp) -> Self {
        Self::Time { at: at.0 }
    }

    /// A number.
    #[must_use]
    pub const fn number(value: i64) -> Self {
        Self::Number { value }
    }

    /// A state.
    #[must_use]
    pub fn state(text: impl Into<String>, tone: Tone) -> Self {
        Self::State { text: text.into(), tone }
    }
}

/// A row.
pub type Row = Vec<Cell>;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What it is a table of.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each as long as `columns`; the first cell names the row.
    pub rows: Vec<Row>,
    /// What is said when there are no rows.
    pub empty: String,
    /// Path of the first page, unless this is it.
    pub first: String,
    /// Path of the next page, if there is one.
    pub next: String,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(caption: impl Into<String>, empty: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { caption: caption.into(), columns, rows: Vec::new(), empty: empty.into(), first: String::new(), next: String::new() }
    }

    /// With rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// With paging: `base` is the path with its own query, `here` the cursor of this page, `next` of the next.
    #[must_use]
    pub fn paged(mut self, base: &str, here: Option<&str>, next: Option<&str>) -> Self {
        let joint = if base.contains('?') { '&' } else { '?' };
        self.first = here.map_or_else(String::new, |_| base.to_owned());
        self.next = next.map_or_else(String::new, |cursor| format!("{base}{joint}after={}", crate::form::encode(cursor)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_encoded_and_keep_the_search() {
        let table = Table::new("Devices", "none", Vec::new()).paged("/devices?q=a", Some("x"), Some("a&b"));
        assert_eq!((table.first.as_str(), table.next.as_str()), ("/devices?q=a", "/devices?q=a&after=a%26b"));
        let only = Table::new("Devices", "none", Vec::new()).paged("/devices", None, None);
        assert!(only.first.is_empty() && only.next.is_empty());
    }
}
