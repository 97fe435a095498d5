//! References to attachments that carry what a later request must be judged by (mobile-gateway.md G-21).
//!
//! A phone is told of an attachment in one answer and fetches it by its `FileReference` in a later request, which names
//! neither the file nor the mail. So the reference that a phone gets is ours: the mail server's, the file's name, the tag of
//! its mail, signed for this user. No gateway remembers anything, and any gateway of the site can judge it.
//!
//! `sg1.` · base64url of MAC (16) mark (4) flags (1) name · `.` · the mail server's reference. At most 255 octets (MS-ASAIRS
//! §2.2.2.23, and the one octet for a length in MS-ASHTTP §2.2.1.1.1.1.3); a name that is too long keeps its ending.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::ports::ContentKeys;

/// What such references begin with.
pub const PREFIX: &str = "sg1.";
/// Octets at most.
pub const LONGEST: usize = 255;
const MAC: usize = 16;
const SMIME: u8 = 1;

/// What a reference says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The mail server's.
    pub upstream: String,
    /// The file's name, perhaps cut.
    pub name: String,
    /// [`crate::classify::mark`] of its mail's tag; 0 for none.
    pub mark: u32,
    /// It hangs at an S/MIME mail.
    pub smime: bool,
}

impl Reference {
    /// As the phone gets it; `None` if it has no room, or there is no key.
    #[must_use]
    pub fn write(&self, keys: &dyn ContentKeys, user: &str) -> Option<String> {
        let room = LONGEST.checked_sub(PREFIX.len() + 1 + self.upstream.len())?;
        // Four characters carry three octets.
        let room = (room / 4 * 3 + (room % 4).saturating_sub(1)).checked_sub(MAC + 5)?;
        let named = Self { name: fitting(&self.name, room)?, ..self.clone() };
        let said = named.said();
        let mac = keys.mac(&bound(user, &said, &self.upstream))?;
        let head = [mac.get(..MAC)?, &said].concat();
        Some(format!("{PREFIX}{}.{}", URL_SAFE_NO_PAD.encode(head), self.upstream)).filter(|text| text.len() <= LONGEST)
    }

    /// Reads one; `None` unless this site made it for this user.
    #[must_use]
    pub fn read(keys: &dyn ContentKeys, user: &str, text: &str) -> Option<Self> {
        let (head, upstream) = text.strip_prefix(PREFIX).filter(|_| text.len() <= LONGEST)?.split_once('.')?;
        let head = URL_SAFE_NO_PAD.decode(head).ok()?;
        let (mac, said) = head.split_at_checked(MAC)?;
        if !keys.fits(&bound(user, said, upstream), mac) {
            return None;
        }
        let (mark, rest) = said.split_first_chunk::<4>()?;
        let (flags, name) = rest.split_first()?;
        Some(Self {
            upstream: upstream.to_owned(),
            name: String::from_utf8(name.to_vec()).ok()?,
            mark: u32::from_be_bytes(*mark),
            smime: flags & SMIME != 0,
        })
    }

    fn said(&self) -> Vec<u8> {
        let mut said = self.mark.to_be_bytes().to_vec();
        said.push(if self.smime { SMIME } else { 0 });
        said.extend_from_slice(self.name.as_bytes());
        said
    }
}

/// Each piece with its length, so that nothing can move from one into another.
fn bound(user: &str, said: &[u8], upstream: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for piece in [user.as_bytes(), said, upstream.as_bytes()] {
        octets.extend_from_slice(&(piece.len() as u64).to_be_bytes());
        octets.extend_from_slice(piece);
    }
    octets
}

/// The name in so many octets: its ending stays whole, because types are told by it.
fn fitting(name: &str, room: usize) -> Option<String> {
    if name.len() <= room {
        return Some(name.to_owned());
    }
    let dot = name.rfind('.').filter(|at| name.len() - at <= 24);
    let ending = dot.and_then(|at| name.get(at..)).unwrap_or_default();
    let room = room.checked_sub(ending.len())?;
    let mut stem = dot.and_then(|at| name.get(..at)).unwrap_or(name).to_owned();
    while stem.len() > room {
        stem.pop();
    }
    Some(stem + ending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Keys;

    fn sample(upstream: &str, name: &str) -> Reference {
        Reference { upstream: upstream.into(), name: name.into(), mark: 7, smime: true }
    }

    #[test]
    fn g_21_a_reference_carries_name_tag_and_the_mail_servers_own() {
        let keys = Keys::new(1);
        for upstream in ["mail/INBOX/23/2", "5%3a1%3a0", "x", "a.b.c", "Ümläut"] {
            let reference = sample(upstream, "Bericht Ü.pdf");
            let text = reference.write(&keys, "carol").unwrap();
            assert!(text.len() <= LONGEST);
            assert_eq!(Reference::read(&keys, "carol", &text), Some(reference));
        }
    }

    #[test]
    fn g_21_a_long_name_keeps_its_ending_and_what_has_no_room_is_not_written() {
        let keys = Keys::new(1);
        let text = sample(&"u".repeat(150), &format!("{}.pdf", "ä".repeat(200))).write(&keys, "carol").unwrap();
        let read = Reference::read(&keys, "carol", &text).unwrap();
        assert!(text.len() <= LONGEST && read.name.ends_with("ä.pdf") && read.upstream.len() == 150);
        let tight = (150..=255).filter_map(|length| sample(&"u".repeat(length), "report.pdf").write(&keys, "carol"));
        let read: Vec<_> = tight.map(|text| Reference::read(&keys, "carol", &text).unwrap().name).collect();
        assert!(read.len() > 50 && read.iter().all(|name| name.ends_with(".pdf")), "{}", read.len());
        assert_eq!(sample(&"u".repeat(250), "a.pdf").write(&keys, "carol"), None);
    }

    #[test]
    fn x_22_nobody_can_make_or_change_one() {
        let keys = Keys::new(1);
        let text = sample("mail/INBOX/23/2", "a.exe").write(&keys, "carol").unwrap();
        assert_eq!(Reference::read(&keys, "bob", &text), None, "another user's");
        assert_eq!(Reference::read(&Keys::new(2), "carol", &text), None, "another site's");
        for at in 0..text.len() {
            let mut octets = text.clone().into_bytes();
            octets[at] = if octets[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(octets).unwrap();
            assert_eq!(Reference::read(&keys, "carol", &changed), None, "octet {at}");
        }
        for junk in ["", "sg1.", "sg1..", "sg1.AAAA.x", "mail/INBOX/23/2", "sg1.ä.x"] {
            assert_eq!(Reference::read(&keys, "carol", junk), None);
        }
    }
}
