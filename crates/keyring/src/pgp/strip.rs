//! A message without the OpenPGP signatures that are in sight: what was signed takes the place of the signed piece (mail-gateway.md M-R2,
//! the switches that remove signatures). Nothing is judged here, and nothing is opened.

use std::ops::Range;

use bytes::Bytes;
use crypto::CryptoError;
use crypto::openpgp::{self, Request};
use message::build::Entity;
use message::shape::pgp::{self, Block, BlockKind, Kind};
use message::{Message, Part, text};
use model::{Budget, Timestamp};

use super::content;

/// The message without them; `None` if nothing in it is signed in sight.
///
/// # Errors
/// When the budget runs out.
pub fn without_signatures(message: &Message, budget: &Budget) -> Result<Option<Bytes>, CryptoError> {
    let mut edits: Vec<(Range<usize>, Bytes, String)> = Vec::new();
    for piece in pgp::pieces(message, budget)?.into_iter().filter(pgp::Piece::is_signed) {
        let Some(part) = message.part(&piece.id) else { continue };
        let entity = match &piece.kind {
            Kind::Signed { content, .. } => message.bytes().get(content.clone()).map(Bytes::copy_from_slice),
            Kind::Text { text, blocks } => plain(part, text, blocks, budget).filter(|entity| content::fits_in(message, &piece.id, entity)),
            Kind::Encrypted(_) | Kind::File(_) => None,
        };
        edits.extend(entity.map(|entity| (part.entity_range(), entity, piece.id)));
    }
    if edits.is_empty() {
        return Ok(None);
    }
    let mut edit = message.edit();
    for (range, entity, id) in edits {
        if id == "1" {
            edit.replace_entity(entity);
        } else {
            edit.splice(range, entity.strip_suffix(b"\r\n").map_or_else(|| entity.clone(), Bytes::copy_from_slice));
        }
    }
    Ok(Some(edit.finish()))
}

/// The text with the signed blocks as they read; `None` where none can be read.
fn plain(part: &Part, whole: &Bytes, blocks: &[Block], budget: &Budget) -> Option<Bytes> {
    let around = |range: Range<usize>| text::charset(part.content_type.param("charset"), whole.get(range).unwrap_or_default());
    let (mut new, mut from) = (String::new(), 0);
    for block in blocks.iter().filter(|block| block.kind != BlockKind::Encrypted) {
        let armour = whole.get(block.range.clone()).unwrap_or_default();
        let Some(read) = read(armour, budget) else { continue };
        new.push_str(&around(from..block.range.start));
        new.push_str(content::readable(&read, armour, part).trim_end_matches(['\r', '\n']));
        from = block.range.end;
    }
    if from == 0 {
        return None;
    }
    new.push_str(&around(from..whole.len()));
    Some(Entity::text("plain", &new).finish().into())
}

/// What is signed, whoever has signed it.
fn read(armour: &[u8], budget: &Budget) -> Option<Bytes> {
    let nobody = |_: &[String]| Vec::new();
    let request = Request { from: Err("not-judged"), covers_whole: false, known: &nobody, now: Timestamp::default() };
    openpgp::verify_inline(armour, &request, budget).1
}
