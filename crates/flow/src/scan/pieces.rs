//! What of a mail is handed to the virus scanner: the whole as it is, and each part's content decoded.
//!
//! The scanner reads mail by itself, but by its own reading of MIME; what a mail program sees and the scanner's reader does
//! not is found in the part (security.md X-9). The content of an opaque signature is taken out of its CMS object, because no
//! scanner looks for encoded attachments inside one. What can't be looked into is named.

use bytes::Bytes;
use message::shape::{self, CmsKind, Shape};
use message::{Message, Part};
use model::{Budget, Exhausted};

use super::closed;

/// Opaque signatures inside each other that are followed.
const SIGNED_DEPTH: usize = 5;

/// One thing to be scanned.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// The part that it is in, by its id in the mail; `None`: the whole.
    pub(super) part: Option<String>,
    pub(super) content: Bytes,
}

/// All of it, and why some of it stays closed.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) all: Vec<Piece>,
    pub(super) closed: Vec<&'static str>,
}

impl Pieces {
    /// Of this mail. Without `archives` the whole is not handed over, as the scanner would look into archives there.
    ///
    /// # Errors
    /// When the mail is over the budget.
    pub(super) fn of(message: &Message, archives: bool, budget: &Budget) -> Result<Self, Exhausted> {
        let mut pieces = Self::default();
        if archives {
            pieces.all.push(Piece { part: None, content: message.bytes().clone() });
        }
        pieces.look(message, archives, None, budget)?;
        pieces.closed.sort_unstable();
        pieces.closed.dedup();
        Ok(pieces)
    }

    /// `within`: the part that this message is the signed content of.
    fn look(&mut self, message: &Message, archives: bool, within: Option<(&str, usize)>, budget: &Budget) -> Result<(), Exhausted> {
        let mut open: Vec<&Part> = vec![message.root()];
        while let Some(part) = open.pop() {
            let id = within.map_or(part.id.as_str(), |(id, _)| id);
            let depth = within.map_or(0, |(_, depth)| depth);
            match shape::of_part(message, part) {
                Shape::Cms { der, kind: CmsKind::Signed } => self.signed(&der, archives, (id, depth), budget)?,
                shape if shape.is_encrypted() => self.closed.push("encrypted"),
                _ => {}
            }
            if !part.is_leaf() {
                open.extend(part.children.iter().rev());
                continue;
            }
            let content = part.decode(message, budget)?;
            self.closed.extend(closed::why(&content));
            if content.is_empty() || (!archives && closed::is_archive(&content)) {
                continue;
            }
            self.all.push(Piece { part: Some(id.to_owned()), content });
        }
        Ok(())
    }

    fn signed(&mut self, der: &[u8], archives: bool, (id, depth): (&str, usize), budget: &Budget) -> Result<(), Exhausted> {
        if depth >= SIGNED_DEPTH {
            self.closed.push("depth");
            return Ok(());
        }
        let Some(content) = crypto::smime::signed_content(der, budget) else { return Ok(()) };
        match Message::parse(content, budget) {
            Ok(inner) => self.look(&inner, archives, Some((id, depth + 1)), budget),
            Err(_) => {
                self.closed.push("unreadable");
                Ok(())
            }
        }
    }
}
