//! The parts of a mail and what they are.
//!
//! Every leaf is looked at, whatever it says it is: a program that calls itself `text/plain` is one. Of a text that is
//! shown only what is no text counts, or every mail would be HTML. A part that only a key opens is one closed part.

use message::file_type::{FileType as T, Types};
use message::{Message, Part, shape};
use model::{Budget, Exhausted};

use crate::walk::{Found, State, look};

/// One part and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFound {
    /// Its id in the message.
    pub id: String,
    /// Its Content-Type, `kind/subtype`.
    pub said: String,
    /// What was found.
    pub found: Found,
}

/// All parts that hold something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// In the order of the bytes; multiparts and messages are not in it, but for closed ones.
    pub parts: Vec<PartFound>,
    /// The bound that ended the look early, if one did: then parts are missing.
    pub stopped: Option<Exhausted>,
}

/// Looks at every part of a mail: with `archives` at what is in its files too.
#[must_use]
pub fn parts(message: &Message, archives: bool, budget: &Budget) -> Parts {
    let mut parts = Parts::default();
    let mut open = vec![message.root()];
    while let Some(part) = open.pop() {
        let closed = shape::of_part(message, part).is_encrypted();
        if !closed && !part.is_leaf() {
            open.extend(part.children.iter().rev());
            continue;
        }
        let (mut found, stopped) = part_found(message, part, archives, budget);
        if closed {
            found.types = found.types.with(T::Encrypted);
            found.state = State::Closed;
        }
        parts.parts.push(PartFound { id: part.id.clone(), said: part.content_type.to_string(), found });
        if stopped.is_some() {
            parts.stopped = stopped;
            break;
        }
    }
    parts
}

fn part_found(message: &Message, part: &Part, archives: bool, budget: &Budget) -> (Found, Option<Exhausted>) {
    let mut found = Found { name: part.name.clone(), size: part.body(message).len() as u64, ..Found::default() };
    if !part.is_leaf() {
        return (found, None);
    }
    let content = match part.decode(message, budget) {
        Ok(content) => content,
        Err(exhausted) => {
            found.state = State::Stopped(exhausted.kind);
            return (found, Some(exhausted));
        }
    };
    let looked = look(&content, part.name.as_deref(), archives, budget);
    found = looked.found;
    if part.is_shown_text() {
        found.types = found.types.iter().filter(|known| !known.is_text()).collect::<Types>();
    }
    (found, looked.stopped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn seen(mail: &str) -> String {
        let message = Message::parse(Bytes::copy_from_slice(mail.replace('\n', "\r\n").as_bytes()), &Budget::default()).unwrap();
        let parts = parts(&message, true, &Budget::default());
        assert!(parts.stopped.is_none());
        parts.parts.iter().map(|part| format!("{} {:?}", part.id, part.found.types)).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn m_p6_shown_text_is_no_attachment_but_a_program_is_one() {
        let html = "Content-Type: text/html\n\n<html><script>1</script></html>\n";
        assert_eq!(seen(html), "1 ");
        assert_eq!(seen(&format!("Content-Disposition: attachment\n{html}")), "1 HTML+MACRO");
        let elf = "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nf0VMRgEBAQ==\n";
        assert_eq!(seen(elf), "1 ELF", "whatever it says it is");
    }

    #[test]
    fn m_p6_closed_parts_are_encrypted() {
        let pgp = "Content-Type: multipart/encrypted; boundary=b; protocol=\"application/pgp-encrypted\"\n\n--b\nContent-Type: application/pgp-encrypted\n\n\
                   Version: 1\n\n--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\nwQUDAAAAAAAA\n-----END PGP MESSAGE-----\n--b--\n";
        assert_eq!(seen(pgp), "1 ENCRYPTED", "one part, not its pieces");
    }

    #[test]
    fn m_p6_attached_mails_are_looked_through() {
        let inner = "From: a@b.example\nContent-Type: application/pdf\n\n%PDF-1.7\n";
        assert_eq!(seen(&format!("Content-Type: message/rfc822\n\n{inner}")), "1.1 PDF");
        let mail = format!("Content-Type: application/octet-stream; name=m.eml\n\n{inner}").replace('\n', "\r\n");
        let message = Message::parse(Bytes::from(mail), &Budget::default()).unwrap();
        let parts = parts(&message, false, &Budget::default()).parts;
        assert!(parts[0].found.members[0].types.has(T::Pdf), "an envelope, not an archive: {parts:?}");
    }
}
