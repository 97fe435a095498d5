//! The tree of a message's parts as contract.md `message parts` shows it: MIME tree, types by content, files in files.
//!
//! The types are those that `partoftype` sees: `files::mail` looks, this file only writes it down.

use files::mail::PartFound;
use files::{Found, State};
use message::file_type::FileType;
use message::{Message, Part};
use model::{Budget, BudgetKind};
use serde::Serialize;

/// One part, or one file in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its place: `1`, `1.2`; files in it: `1.2:1`, `1.2:1:4`.
    pub id: String,
    /// What a part is said to be; what a file in a file is.
    pub content_type: String,
    /// File name, if it has one. As written: never a path.
    pub name: Option<String>,
    /// Octets, decoded.
    pub size: u64,
    /// What it is by content; empty for what is not in the list.
    pub types: Vec<&'static str>,
    /// True if it can't be read without a key or password.
    pub encrypted: bool,
    /// Parts inside.
    pub parts: Vec<Self>,
    /// Files of an archive, of a TNEF stream, of an attached mail.
    pub members: Vec<Self>,
    /// True if the types come from the name alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_name: bool,
    /// How far it was read, if not wholly: `closed`, `unread` (its archive is only listed), `damaged`, `cut: ratio` (its type
    /// is known, the rest was not read), `stopped: depth` (a bound was passed, more may be in it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Shows a message. What is too large for the budget has its size as carried, no types, and a note.
#[must_use]
pub fn show(message: &Message, budget: &Budget) -> Shown {
    let looked = files::mail::parts(message, true, budget);
    part_shown(message, message.root(), &looked.parts)
}

fn part_shown(message: &Message, part: &Part, looked: &[PartFound]) -> Shown {
    let parts = part.children.iter().map(|child| part_shown(message, child, looked)).collect();
    let content_type = part.content_type.to_string();
    match looked.iter().find(|found| found.id == part.id) {
        Some(found) => Shown { parts, content_type, ..found_shown(&found.found, part.id.clone()) },
        None => {
            let found = Found { name: part.name.clone(), size: part.body(message).len() as u64, ..Found::default() };
            Shown { parts, content_type, ..found_shown(&found, part.id.clone()) }
        }
    }
}

fn found_shown(found: &Found, id: String) -> Shown {
    let content_type = found.types.iter().find_map(|known| known.mime().first()).copied().unwrap_or("application/octet-stream");
    Shown {
        content_type: content_type.to_owned(),
        name: found.name.clone(),
        size: found.size,
        types: found.types.names(),
        encrypted: found.types.has(FileType::Encrypted),
        parts: Vec::new(),
        members: found.members.iter().enumerate().map(|(number, member)| found_shown(member, format!("{id}:{}", number + 1))).collect(),
        by_name: found.by_name,
        note: note(found.state),
        id,
    }
}

fn note(state: State) -> Option<String> {
    Some(match state {
        State::Whole => return None,
        State::Closed => "closed".to_owned(),
        State::Unread => "unread".to_owned(),
        State::Damaged => "damaged".to_owned(),
        State::Cut(kind) => format!("cut: {}", word(kind)),
        State::Stopped(kind) => format!("stopped: {}", word(kind)),
    })
}

const fn word(kind: BudgetKind) -> &'static str {
    match kind {
        BudgetKind::Bytes => "bytes",
        BudgetKind::Depth => "depth",
        BudgetKind::Parts => "members",
        BudgetKind::Ratio => "ratio",
        BudgetKind::Time => "time",
        BudgetKind::Memory => "memory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8]) -> Shown {
        let budget = Budget::default();
        let message = Message::parse(bytes::Bytes::copy_from_slice(text), &budget).unwrap();
        show(&message, &budget)
    }

    #[test]
    fn m_p6_parts_are_told_by_content_not_by_name() {
        let shown = shown(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: image/png; name=\"photo.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjcK\r\n--b--\r\n");
        assert_eq!((shown.content_type.as_str(), shown.parts.len()), ("multipart/mixed", 2));
        let photo = &shown.parts[1];
        assert_eq!(
            (photo.name.as_deref(), photo.types.as_slice(), photo.size, photo.encrypted),
            (Some("photo.png"), ["PDF"].as_slice(), 9, false)
        );
        assert!(photo.members.is_empty() && photo.note.is_none());
    }

    #[test]
    fn m_p6_files_in_files_have_places_of_their_own() {
        // An attached mail that holds a file.
        let inner = "From: a@b.example\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\n%PDF-1.7\r\n";
        let shown = shown(format!("Content-Type: application/octet-stream; name=m.eml\r\n\r\n{inner}").as_bytes());
        let member = &shown.members[0];
        assert_eq!(
            (member.id.as_str(), member.content_type.as_str(), member.types.as_slice()),
            ("1:1", "application/pdf", ["PDF"].as_slice())
        );
        assert_eq!(member.name.as_deref(), Some("x.pdf"));
    }
}
