//! The tree of a message's parts as contract.md `message parts` shows it.

use message::{Message, Part, shape};
use model::Budget;
use serde::Serialize;

/// Beginnings of files by which their type is told, whatever their name says.
const BEGINNINGS: [(&[u8], &str); 14] = [
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"\x1f\x8b", "GZIP"),
    (b"7z\xbc\xaf\x27\x1c", "7Z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"{\\rtf", "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"BZh", "BZIP2"),
];

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its place: `1`, `1.2`.
    pub id: String,
    /// What it is said to be.
    pub content_type: String,
    /// Its file name, if it has one.
    pub name: Option<String>,
    /// Octets, decoded.
    pub size: u64,
    /// What it is by content; empty where no known beginning fits.
    pub types: Vec<&'static str>,
    /// True if it can't be read without a key.
    pub encrypted: bool,
    /// Parts inside.
    pub parts: Vec<Self>,
    /// Files of an archive; none while archives are not opened.
    pub members: Vec<Self>,
}

/// Shows one part and what lies in it. What is too large for the budget has its size as carried, and no types.
#[must_use]
pub fn show(message: &Message, part: &Part, budget: &Budget) -> Shown {
    let content = if part.is_leaf() { part.decode(message, budget).ok() } else { None };
    let size = content.as_ref().map_or_else(|| part.body(message).len(), bytes::Bytes::len);
    let types = content.as_deref().map_or_else(Vec::new, |content| {
        BEGINNINGS.iter().filter(|(start, _)| content.starts_with(start)).map(|(_, name)| *name).collect()
    });
    Shown {
        id: part.id.clone(),
        content_type: format!("{}/{}", part.content_type.kind, part.content_type.subtype),
        name: part.name.clone(),
        size: size as u64,
        types,
        encrypted: shape::of_part(message, part).is_encrypted(),
        parts: part.children.iter().map(|child| show(message, child, budget)).collect(),
        members: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_content_not_by_name() {
        let text = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: image/png; name=\"photo.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcK\r\n--b--\r\n";
        let budget = Budget::default();
        let message = Message::parse(bytes::Bytes::from_static(text), &budget).unwrap();
        let shown = show(&message, message.root(), &budget);
        assert_eq!((shown.content_type.as_str(), shown.parts.len()), ("multipart/mixed", 2));
        let photo = &shown.parts[1];
        assert_eq!(
            (photo.name.as_deref(), photo.types.as_slice(), photo.size, photo.encrypted),
            (Some("photo.png"), ["PDF"].as_slice(), 9, false)
        );
    }
}
