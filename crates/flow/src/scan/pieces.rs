//! What of a mail is handed to the virus scanner: the whole as it is, and each part's content decoded.
//!
//! The scanner reads mail by itself, but by its own reading of MIME; what a mail program sees and the scanner's reader does
//! not is found in the part (security.md X-9). The content of an opaque signature is taken out of its CMS object, because no
//! scanner looks for encoded attachments inside one. What can't be looked into is named.

use bytes::Bytes;
use message::shape::{self, CmsKind, Shape};
use message::{Message, Part};
use model::{Budget, Exhausted};

/// Longest time for looking into the archives of one part.
const LOOK: std::time::Duration = std::time::Duration::from_secs(20);
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
            if content.is_empty() {
                continue;
            }
            self.closed.extend(why_closed(&content, part.name.as_deref(), archives));
            if !archives && is_archive(&content, part.name.as_deref(), budget)? {
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

/// Why no scanner sees all of this content: something in it, however deep, has a password, or it is more than we look
/// through. By the octets, with a budget of its own: clamd says so by itself only where it is set up to.
fn why_closed(content: &Bytes, name: Option<&str>, archives: bool) -> Vec<&'static str> {
    let looked = files::look(content, name, archives, &Budget::new(files::limits(LOOK)));
    let closed = looked.found.walk().any(files::Found::is_closed).then_some("encrypted");
    closed.into_iter().chain(looked.stopped.map(|_| "limit")).collect()
}

fn is_archive(content: &Bytes, name: Option<&str>, budget: &Budget) -> Result<bool, Exhausted> {
    Ok(files::detect::detect(content, name, budget)?.container.is_some_and(|container| !container.is_envelope()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ZIP of one member that is stored as it is.
    fn zip(member: &[u8], flags: u8) -> Vec<u8> {
        let length = u32::try_from(member.len()).unwrap().to_le_bytes();
        let about = |version: &[u8]| [version, &[20, 0, flags, 0, 0, 0, 0, 0, 0, 0], &[0; 4], &length, &length, &[1, 0, 0, 0]].concat();
        let local = [b"PK\x03\x04".as_slice(), &about(&[]), b"a", member].concat();
        let record = [b"PK\x01\x02".as_slice(), &about(&[20, 0]), &[0; 14], b"a"].concat();
        let (size, start) = (u32::try_from(record.len()).unwrap().to_le_bytes(), u32::try_from(local.len()).unwrap().to_le_bytes());
        [&local, &record, b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &size, &start, &[0, 0]].concat()
    }

    #[test]
    fn x_5_what_has_a_password_is_seen_however_deep_it_lies() {
        let why = |content: &[u8]| why_closed(&Bytes::copy_from_slice(content), None, true);
        let rar = b"Rar!\x1a\x07\0\0\0\x73\x80\0\x0d\0\0\0\0\0\0\0";
        for closed in [zip(b"x", 1), rar.to_vec(), b"%PDF-1.7 trailer << /Encrypt 5 0 R >>".to_vec()] {
            assert_eq!(why(&closed), ["encrypted"]);
            assert_eq!(why(&zip(&closed, 0)), ["encrypted"], "in an archive");
            assert_eq!(why(&zip(&zip(&closed, 0), 0)), ["encrypted"], "in two");
        }
        for open in [zip(b"x", 0), zip(&zip(b"x", 0), 0), b"text about /Encrypt".to_vec(), b"PK".to_vec()] {
            assert!(why(&open).is_empty());
        }
        let deep = (0..30).fold(b"x".to_vec(), |inner, _| zip(&inner, 0));
        assert_eq!(why(&deep), ["limit"], "more than we look through");
    }

    #[test]
    fn m_p4_archives_are_told_from_documents() {
        let is = |content: &[u8]| is_archive(&Bytes::copy_from_slice(content), None, &Budget::default()).unwrap();
        assert!(is(&zip(b"x", 0)) && is(b"\x1f\x8b\x08\0\0\0\0\0\0\0"));
        assert!(!is(b"text") && !is(b""));
    }
}
