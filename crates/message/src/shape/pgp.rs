//! Where OpenPGP stands in a message: PGP/MIME, texts with armour in them, attached files.
//!
//! [`pieces`] finds it by the octets, outermost first, and never looks into attached messages: what is signed there says nothing
//! about this one. What the pieces hold, `crypto` reads; which of them may be opened, and what a signature covers, says `keyring`.
//! Standards: RFC 3156, RFC 9580 §6, §7.

use std::ops::Range;

use bytes::Bytes;
use model::{Budget, Exhausted};

use super::{Shape, armor, decoded, of_part, stays_unseen};
use crate::bytes_of::{lines, slice};
use crate::{Message, Part};

/// Pieces, and blocks in one text, that are looked for.
const PIECES: usize = 50;
/// Octets of an attachment that tell what it is.
const PEEK: usize = 2_048;

/// One place with OpenPGP in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Id of the part; `1` is the whole message.
    pub id: String,
    /// What it is.
    pub kind: Kind,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// multipart/encrypted: the encrypted message, which holds a MIME entity.
    Encrypted(Bytes),
    /// multipart/signed.
    Signed {
        /// What is signed, in the message's bytes: header and body of the first part.
        content: Range<usize>,
        /// The signature, decoded.
        signature: Bytes,
        /// True if nothing unsigned is shown: there are exactly two parts, as there must be, and the second is one that no program shows.
        whole: bool,
    },
    /// A text to be read, decoded, with armour in it.
    Text {
        /// All of it.
        text: Bytes,
        /// Where armour stands in it, in order.
        blocks: Vec<Block>,
    },
    /// An attached file that is an encrypted message.
    File(Bytes),
}

/// A block of armour in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// From the first dash of its first line to the last one of its last.
    pub range: Range<usize>,
    /// What it is.
    pub kind: BlockKind,
}

/// What a block of armour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// An encrypted message.
    Encrypted,
    /// A signed message, in armour with its content.
    Signed,
    /// Signed text that can be read as it stands (RFC 9580 §7).
    Cleartext,
}

impl Piece {
    /// True if a key is needed to read it, or a part of it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        match &self.kind {
            Kind::Encrypted(_) | Kind::File(_) => true,
            Kind::Signed { .. } => false,
            Kind::Text { blocks, .. } => blocks.iter().any(|block| block.kind == BlockKind::Encrypted),
        }
    }

    /// True if it is signed in a way that can be seen.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        match &self.kind {
            Kind::Encrypted(_) | Kind::File(_) => false,
            Kind::Signed { .. } => true,
            Kind::Text { blocks, .. } => blocks.iter().any(|block| block.kind != BlockKind::Encrypted),
        }
    }

    /// The one block that is the whole text, but for blank lines.
    #[must_use]
    pub fn sole_block(&self) -> Option<(&Bytes, &Block)> {
        let Kind::Text { text, blocks } = &self.kind else { return None };
        let [block] = blocks.as_slice() else { return None };
        let blank = |range: Range<usize>| slice(text, range).iter().all(u8::is_ascii_whitespace);
        (blank(0..block.range.start) && blank(block.range.end..text.len())).then_some((text, block))
    }
}

/// All pieces of a message, from the first to the last.
///
/// # Errors
/// When the budget runs out.
pub fn pieces(message: &Message, budget: &Budget) -> Result<Vec<Piece>, Exhausted> {
    let mut found = Vec::new();
    let mut open = vec![message.root()];
    while let Some(part) = open.pop() {
        if found.len() >= PIECES {
            break;
        }
        match piece(message, part, budget)? {
            Some(kind) => found.push(Piece { id: part.id.clone(), kind }),
            None if part.content_type.is_message() && part.id != "1" => {}
            None => open.extend(part.children.iter().rev()),
        }
    }
    Ok(found)
}

fn piece(message: &Message, part: &Part, budget: &Budget) -> Result<Option<Kind>, Exhausted> {
    if part.content_type.is("multipart", "encrypted") || part.content_type.is("multipart", "signed") {
        return Ok(mime(message, part));
    }
    if !part.is_leaf() || part.content_type.is_multipart() || part.content_type.is("text", "html") {
        return Ok(None);
    }
    if part.is_shown_text() {
        return text(message, part, budget);
    }
    file(message, part, budget)
}

fn mime(message: &Message, part: &Part) -> Option<Kind> {
    match (of_part(message, part), part.children.as_slice()) {
        (Shape::PgpEncrypted, [_, data]) => Some(Kind::Encrypted(decoded(message, data))),
        (Shape::PgpSigned, [content, signature, rest @ ..]) => {
            let whole = rest.is_empty() && stays_unseen(signature);
            Some(Kind::Signed { content: content.entity_range(), signature: decoded(message, signature), whole })
        }
        _ => None,
    }
}

fn text(message: &Message, part: &Part, budget: &Budget) -> Result<Option<Kind>, Exhausted> {
    let raw = part.body(message);
    if memchr::memmem::find(raw, b"-----BEGIN PGP ").is_none() && part.encoding.is_identity() {
        return Ok(None);
    }
    let text = part.decode(message, budget)?;
    let blocks = blocks(&text);
    Ok((!blocks.is_empty()).then_some(Kind::Text { text, blocks }))
}

fn file(message: &Message, part: &Part, budget: &Budget) -> Result<Option<Kind>, Exhausted> {
    let body = part.body(message);
    let start = Bytes::copy_from_slice(slice(body, 0..body.len().min(PEEK)));
    let peek = part.encoding.decode(&start);
    let armoured = peek.trim_ascii_start().starts_with(b"-----BEGIN PGP MESSAGE-----");
    if !armoured && !armor::packet(&peek).is_some_and(armor::is_encrypted) {
        return Ok(None);
    }
    // Two octets fit many files; the name or the type must say it too.
    let said = part.content_type.is("application", "pgp-encrypted")
        || part.name.as_deref().is_some_and(|name| [".pgp", ".gpg", ".asc"].iter().any(|end| name.to_ascii_lowercase().ends_with(end)));
    if !armoured && !said {
        return Ok(None);
    }
    let data = part.decode(message, budget)?;
    let is_message = !armoured || armor::holds(&data, "MESSAGE", armor::is_encrypted);
    Ok(is_message.then_some(Kind::File(data)))
}

/// Blocks of armour in a text; lines that are quoted or indented are none.
fn blocks(text: &[u8]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(usize, bool)> = None;
    for line in lines(text) {
        let content = slice(text, line.start..line.content).trim_ascii_end();
        let end = line.start + content.len();
        match (open, content) {
            (None, b"-----BEGIN PGP MESSAGE-----") => open = Some((line.start, false)),
            (None, b"-----BEGIN PGP SIGNED MESSAGE-----") => open = Some((line.start, true)),
            (Some((start, false)), b"-----END PGP MESSAGE-----") | (Some((start, true)), b"-----END PGP SIGNATURE-----") => {
                open = None;
                let block = slice(text, start..end);
                found.extend(kind(block).map(|kind| Block { range: start..end, kind }));
            }
            _ => {}
        }
        if found.len() >= PIECES {
            break;
        }
    }
    found
}

fn kind(block: &[u8]) -> Option<BlockKind> {
    if armor::is_cleartext_signed(block) {
        Some(BlockKind::Cleartext)
    } else if armor::holds(block, "MESSAGE", armor::is_encrypted) {
        Some(BlockKind::Encrypted)
    } else {
        // What holds text in some container, perhaps signed.
        armor::holds(block, "MESSAGE", armor::is_readable).then_some(BlockKind::Signed)
    }
}

/// True if a reader of signed text sees nothing beside it that is not signed: of the armour's header lines only those that name hashes,
/// or GnuPG as the program.
#[must_use]
pub fn shows_only_signed(block: &[u8]) -> bool {
    let mut in_header = true;
    let mut harmless = true;
    for line in lines(block).skip(1) {
        let content = slice(block, line.start..line.content).trim_ascii();
        if content == b"-----BEGIN PGP SIGNATURE-----" {
            in_header = true;
            continue;
        }
        if in_header && !content.is_empty() {
            let base64 = content.len() > 60 && content.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(octet));
            harmless &= base64 || is_harmless_header(content);
        }
        in_header &= !content.is_empty();
    }
    harmless
}

fn is_harmless_header(line: &[u8]) -> bool {
    if let Some(hashes) = line.strip_prefix(b"Hash: ") {
        let known: [&[u8]; 9] = [b"MD5", b"SHA1", b"RIPEMD160", b"SHA224", b"SHA256", b"SHA384", b"SHA512", b"SHA3-256", b"SHA3-512"];
        return hashes.split(|octet| *octet == b',').all(|hash| known.contains(&hash.trim_ascii()));
    }
    let Some(version) = line.strip_prefix(b"Version: GnuPG v") else { return false };
    let systems: [&[u8]; 7] = [b"", b" (GNU/Linux)", b" (MingW32)", b" (Cygwin)", b" (Darwin)", b" (FreeBSD)", b" (OpenBSD)"];
    systems
        .iter()
        .filter_map(|system| version.strip_suffix(*system))
        .any(|number| (1..=10).contains(&number.len()) && number.iter().all(|octet| octet.is_ascii_digit() || *octet == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: &str = "-----BEGIN PGP MESSAGE-----\r\n\r\nwQUDAAAAAAAA\r\n-----END PGP MESSAGE-----";

    fn found(text: &str) -> Vec<Piece> {
        let message = Message::parse(Bytes::from(text.to_owned()), &Budget::default()).unwrap();
        pieces(&message, &Budget::default()).unwrap()
    }

    #[test]
    fn m_c2_openpgp_is_found_where_it_stands() {
        let whole = found(&format!("Content-Type: text/plain\r\n\r\n\r\n{CLOSED}\r\n\r\n"));
        assert!(whole[0].is_encrypted() && whole[0].sole_block().is_some() && whole[0].id == "1");
        let among = found(&format!("Content-Type: text/plain\r\n\r\nHi,\r\n{CLOSED}\r\nand\r\n{CLOSED}\r\nBye\r\n"));
        let Kind::Text { text, blocks } = &among[0].kind else { panic!() };
        assert_eq!(blocks.len(), 2);
        assert!(among[0].sole_block().is_none() && text[blocks[1].range.clone()].ends_with(b"-----"));
        let file = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/octet-stream; name=a.pdf.pgp\r\n\
             Content-Transfer-Encoding: base64\r\n\r\nwQUDAAAAAAAA\r\n--b--\r\n";
        let pieces = found(file);
        assert_eq!((pieces.len(), pieces[0].id.as_str(), pieces[0].is_encrypted()), (1, "1.2", true));
        assert!(found(&file.replace("a.pdf.pgp", "a.pdf")).is_empty(), "two octets are no proof");
    }

    #[test]
    fn m_c13_what_is_no_piece() {
        for (why, text) in [
            ("quoted", format!("Content-Type: text/plain\r\n\r\n> {}\r\n", CLOSED.replace("\r\n", "\r\n> "))),
            ("HTML", format!("Content-Type: text/html\r\n\r\n<pre>\r\n{CLOSED}\r\n</pre>\r\n")),
            ("cut", format!("Content-Type: text/plain\r\n\r\n{}\r\n", &CLOSED[..40])),
            ("no packet", format!("Content-Type: text/plain\r\n\r\n{}\r\n", CLOSED.replace("wQUD", "AAAA"))),
            (
                "in an attached message",
                format!(
                    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n{CLOSED}\r\n--b--\r\n"
                ),
            ),
        ] {
            assert_eq!(found(&text), [], "{why}");
        }
    }

    #[test]
    fn x_2_header_lines_of_armour_are_seen_and_not_signed() {
        let text = |hash: &str, version: &str| {
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\r\n{hash}\r\n\r\nPay 1.\r\n-----BEGIN PGP SIGNATURE-----\r\n{version}\r\n\r\nwsB=\r\n-----END PGP SIGNATURE-----"
            )
        };
        assert!(shows_only_signed(text("Hash: SHA256, SHA512", "Version: GnuPG v2.2.40").as_bytes()));
        assert!(!shows_only_signed(text("Hash: SHA256", "Comment: Pay to account 7").as_bytes()));
        assert!(!shows_only_signed(text("Hash: SHA256\r\nPay: account 7", "Version: GnuPG v2").as_bytes()));
        assert!(!shows_only_signed(text("Hash: Pay to account 7", "Version: GnuPG v2").as_bytes()));
        assert!(!shows_only_signed(text("Hash: SHA256", "Version: Pay to account 7").as_bytes()));
        assert!(!shows_only_signed(text("Hash: SHA256", "Version: GnuPG v2 (Pay 7 to Eve)").as_bytes()));
        assert!(shows_only_signed(text("Hash: SHA256", "Version: GnuPG v1.4.23 (GNU/Linux)").as_bytes()));
    }
}
